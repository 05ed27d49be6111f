"""The bridge with real processes: started, killed, and left alone by a loop that dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil.devices.bridge import BridgedDevice, BridgeSettings
from hil.loop.clock import WallClock
from hil.loop.image import GOOD, Image, Signal

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and inherited descriptors of POSIX")
SIGNALS = (
    Signal("level_m", "m", 0, 1e9, 0, max_age_ns=10**9),
    Signal("valve_percent", "percent", 0, 100, 70),
)
SETTINGS = BridgeSettings(loop_timeout_s=1.5, last_s=5.0, stall_s=2.5)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    monkeypatch.syspath_prepend(str(HERE))


class Loop:
    def __init__(self, path: Path, *, is_async: bool) -> None:
        from bridge_servants import TankSpec

        self.clock = WallClock()
        self.image = Image(SIGNALS)
        spec = TankSpec(str(path), is_async)
        self.path = path
        self.device = BridgedDevice("tank", spec, self.image, (0,), (1,), self.clock.now_ns, SETTINGS)
        self.device.start()

    def cycle(self, *, force: bool = False) -> None:
        now_ns = self.clock.now_ns()
        self.device.read(now_ns, now_ns)
        self.image.age(now_ns)
        self.device.write(now_ns, now_ns, force=force)

    def until(self, condition: Callable[[], bool], timeout_s: float = 30.0, *, cycling: bool = True) -> None:
        end_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end_s
            if cycling:
                self.cycle()
            time.sleep(0.01)

    def written(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []


@pytest.fixture(params=[False, True], ids=["waiting", "async"])
def loop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Loop]:
    loop = Loop(tmp_path / "written.txt", is_async=request.param)
    yield loop
    loop.device.close()


def test_a_run_from_its_first_value_to_its_last_write(loop: Loop) -> None:
    assert loop.device.await_values(20.0)
    loop.image.values[1] = 42.0
    loop.until(lambda: loop.image.quality[0] == GOOD)
    loop.until(lambda: any(line.startswith("go 42 ") for line in loop.written()))
    level = loop.image.values[0]
    loop.until(lambda: loop.image.values[0] > level)
    loop.image.values[1] = 70.0
    loop.cycle(force=True)
    assert any(line.startswith("last 70 ") for line in loop.written())
    assert loop.device.last_done_ns > 0
    loop.device.close()
    counters = loop.device.counters()
    assert counters["last_writes_unacknowledged"] == counters["companion_restarts"] == 0
    assert not any(line.startswith("failsafe") for line in loop.written())


def test_a_servant_that_is_killed_is_started_again_and_counted_and_its_values_grow_old(loop: Loop) -> None:
    loop.until(lambda: loop.image.quality[0] == GOOD)
    killed = loop.device.process_id
    os.kill(killed, signal.SIGSTOP)  # the keeper sees a stall: meanwhile nothing comes
    loop.until(lambda: loop.image.quality[0] != GOOD)
    loop.until(lambda: loop.image.quality[0] == GOOD, 60.0)
    assert loop.device.process_id != killed
    loop.until(lambda: loop.device.counters()["companion_restarts"] == 1)
    assert loop.device.counters()["companion_stalls"] == 1
    loop.until(lambda: any("started again" in text for _, text in loop.device.drain_events()))


def test_a_loop_that_stands_still_leads_to_the_failsafe_once_and_is_followed_when_it_goes_on(
    loop: Loop,
) -> None:
    loop.image.values[1] = 42.0
    loop.until(lambda: any(line.startswith("go 42 ") for line in loop.written()))
    loop.until(lambda: any(line.startswith("failsafe 70 ") for line in loop.written()), cycling=False)
    count = len(loop.written())
    time.sleep(0.3)
    assert len(loop.written()) == count
    loop.image.values[1] = 43.0
    loop.until(lambda: any(line.startswith("go 43 ") for line in loop.written()))
    assert loop.device.counters()["loop_losses"] >= 1


KILLED_LOOP = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_bridge import Loop
loop = Loop(Path(sys.argv[2]), is_async=sys.argv[3] == "1")
while True:
    loop.cycle()
    if any(line.startswith("go") for line in loop.written()):
        print("up", flush=True)
    time.sleep(0.01)
"""


@pytest.mark.parametrize("is_async", ["0", "1"])
def test_a_loop_that_is_killed_leaves_the_failsafe_behind_and_no_process(
    tmp_path: Path, is_async: str
) -> None:
    path = tmp_path / "written.txt"
    loop = subprocess.Popen(
        [sys.executable, "-c", KILLED_LOOP, str(HERE), str(path), is_async], stdout=subprocess.PIPE
    )
    assert loop.stdout is not None
    assert loop.stdout.readline() == b"up\n"
    servant = int(path.read_text().split()[2])
    loop.kill()
    loop.wait()
    loop.stdout.close()
    end_s = time.monotonic() + 30.0
    while Path(f"/proc/{servant}").exists() or "failsafe 70" not in path.read_text():
        assert time.monotonic() < end_s
        time.sleep(0.02)
    assert path.read_text().count("failsafe") == 1
