"""The keeper: a process that ends well is done; one that dies, stalls or cannot start is started again, and counted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil.loop import keeper
from hil.loop.kept import Kept
from hil.loop.shared import Shared

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills and stops processes")

CHILD = """
import os, select, sys
from hil.loop.shared import Shared
mapped = Shared.attach(sys.argv[1])
words = memoryview(mapped)[:64].cast("q")
words[7] += 1
while True:
    words[0] += 1
    if select.select([0], [], [], 0.02)[0]:
        command = os.read(0, 1)
        if command == b"":
            os._exit(0)
        if command == b"d":
            os._exit(3)
        while True:
            pass
"""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Kept, memoryview]]:
    (tmp_path / "kept_child.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    memory = Shared(64)
    process = Kept("kept_child", memory, (), (), stall_s=1.0)
    words = memoryview(memory.map).cast("q")
    yield process, words
    assert process.finish(60.0)
    process.close()
    words.release()
    memory.close()


def wait_for(condition: Callable[[], bool], timeout_s: float = 90.0) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_process_that_dies_is_started_again(kept: tuple[Kept, memoryview]) -> None:
    process, words = kept
    wait_for(lambda: words[7] == 1)
    first = process.process_id
    process.stdin.write(b"d")
    process.stdin.flush()
    wait_for(lambda: words[7] >= 2)
    os.kill(process.process_id, signal.SIGKILL)
    wait_for(lambda: words[7] >= 3)
    assert process.process_id != first
    # Two died of what was done to them; one that the machine held up for a second is told apart as a stall.
    assert process.restarts - process.stalls == 2


def test_a_process_that_is_stopped_or_spins_is_ended_and_started_again(kept: tuple[Kept, memoryview]) -> None:
    process, words = kept
    wait_for(lambda: words[7] == 1 and words[0] > 1)
    os.kill(process.process_id, signal.SIGSTOP)
    wait_for(lambda: words[7] >= 2 and words[0] > 2)
    process.stdin.write(b"s")
    process.stdin.flush()
    wait_for(lambda: words[7] >= 3)
    assert process.restarts == process.stalls >= 2


def test_what_ends_a_whole_group_does_not_end_them(kept: tuple[Kept, memoryview]) -> None:
    process, words = kept
    wait_for(lambda: words[7] == 1 and words[0] > 1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.killpg(process.process.pid, number)
    beat = words[0]
    wait_for(lambda: words[0] > beat + 2)
    assert process.restarts == 0


def test_a_keeper_that_is_killed_costs_the_process_nothing(kept: tuple[Kept, memoryview]) -> None:
    process, words = kept
    wait_for(lambda: words[7] == 1 and words[0] > 1)
    process.process.kill()
    process.process.wait(5)
    beat = words[0]
    wait_for(lambda: words[0] > beat + 2)


def test_a_keeper_that_is_stopped_goes_on_at_the_end(kept: tuple[Kept, memoryview]) -> None:
    process, words = kept
    wait_for(lambda: words[7] == 1 and words[keeper.LOOKS] > 1)
    os.kill(process.process.pid, signal.SIGSTOP)
    wait_for(lambda: "T" in Path(f"/proc/{process.process.pid}/stat").read_text().rpartition(")")[2])
    assert process.finish(60.0), "or else the whole of this would be waited for"
    assert not Path(f"/proc/{process.process.pid}").exists()


def test_a_keeper_that_cannot_go_on_is_not_waited_for_once_the_work_is_done(
    kept: tuple[Kept, memoryview], monkeypatch: pytest.MonkeyPatch
) -> None:
    process, words = kept
    wait_for(lambda: words[7] == 1 and words[0] > 1)
    child = process.process_id
    os.kill(process.process.pid, signal.SIGSTOP)
    monkeypatch.setattr(process, "wake_keeper", lambda: None)

    def is_done() -> bool:
        # Stdin has ended, and with it the child; the keeper, stopped, has not taken note of that.
        return Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"

    # In the first place: where the work is done there is no failure, however long the keeper stays.
    assert process.finish(600.0, is_done)
    assert process.process.returncode == -signal.SIGKILL


def test_a_keeper_counts_its_looks_while_it_waits_for_one_that_was_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = memoryview(bytearray(64)).cast("q")
    monkeypatch.setattr(keeper.time, "sleep", lambda seconds: None)

    class HeldInAWrite:
        killed = False

        def poll(self) -> int | None:
            return -9 if self.killed and words[keeper.LOOKS] > 500 else None

        def kill(self) -> None:
            self.killed = True

    assert keeper._watch(words, HeldInAWrite(), 1.0) == -9
    assert words[keeper.LOOKS] > 500


def test_one_that_never_starts_well_is_given_up_after_the_end_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper.time, "sleep", lambda seconds: None)
    words = memoryview(bytearray(64)).cast("q")
    started: list[int] = []

    class Failing:
        pid = 1

        def poll(self) -> int:
            return 3

    def start(command: list[str], **options: object) -> Failing:
        started.append(1)
        words[keeper.CLOSING] = len(started) >= 10
        if len(started) == 4:
            raise OSError(11, "no more processes")
        return Failing()

    monkeypatch.setattr(subprocess, "Popen", start)
    keeper.keep(words, [sys.executable], 1.0)
    assert len(started) == words[keeper.STARTS] == 10


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no choice of processors on this system")
def test_neither_keeper_nor_child_runs_on_the_loops_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = os.sched_getaffinity(0)
    if len(mine) < 2:
        pytest.skip("one processor has to do for all")
    (tmp_path / "kept_child.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    memory = Shared(64)
    process = Kept("kept_child", memory, (), (), stall_s=5.0, keep_off_cpu=min(mine))
    wait_for(lambda: process.process_id > 0)
    for pid in (process.process.pid, process.process_id):
        assert os.sched_getaffinity(pid) == mine - {min(mine)}
    assert os.sched_getaffinity(0) == mine, "the loop's own are given back"
    assert process.finish(20.0)
    process.close()
    memory.close()
