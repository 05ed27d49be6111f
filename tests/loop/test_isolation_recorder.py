"""A recorder that is stopped or killed: the loop keeps its 1 kHz, and each row is in the trend once or counted.

What must add up is asserted to the row. What a shared machine takes from the loop is none of the recorder's doing, so
that is printed, and asserted is that handing over a row costs the loop nothing.
``python -m pytest -s tests/loop/test_isolation_recorder.py`` prints the figures.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import small_rig as sr

from hil.loop.clock import NS_PER_S, WallClock
from hil.loop.cycle import Cycle, CycleParts, CycleSettings, StopFlag
from hil.loop.events import EventLog
from hil.loop.image import Image, Signal
from hil.loop.overrun import OverrunPolicy, OverrunSettings
from hil.record import CompanionRecorder, CompanionSettings, RowLayout
from hil.record.trend_file import to_parquet

pytestmark = [
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="stops and kills processes"),
    pytest.mark.usefixtures("no_rings_left"),
]
PERIOD_NS = 1_000_000
SIGNALS = 64
LONGEST_S = 90.0
Act = Callable[["Bench"], None]
Script = list[tuple[float, int | None, Act]]
"""What is done, from which time on (s), and once how many recorders were started again and the last one is at work.

With None it does not matter whether one is.
"""


class Bench:
    """A loop at 1 kHz whose rows bear their number, and what is done to it and its recorder, the last being ``end``."""

    def __init__(
        self, folder: Path, script: Script, settings: CompanionSettings, disk: SlowDisk | None = None
    ) -> None:
        self.image = Image([Signal(f"s{n}", "1", -1e9, 1e9, 0) for n in range(SIGNALS)])
        self.folder = folder
        self.script = list(script)
        self.stop = StopFlag()
        self.stamps: list[int] = []
        self.used_ns: list[int] = []
        self.sleeps = 0
        self.done_s: list[float] = []
        self._grown_from: tuple[int, int] | None = None
        layout = RowLayout(tuple(signal.name for signal in self.image.signals), ())
        events = EventLog()
        self.recorder = CompanionRecorder(self.image, layout, events, folder, 1e-3, settings)
        sr.wait_for((folder / "events.jsonl").exists, "the recorder")
        self.policy = OverrunPolicy(OverrunSettings())
        timing = CycleSettings(PERIOD_NS, round(LONGEST_S * NS_PER_S), 1, 1, is_virtual=False)
        cycle = Cycle(CycleParts(self.image), WallClock(), timing, self.policy, self, events, self.stop)
        self.cycle_end = cycle.run()
        # Stopped, the loop puts down one more row: its failsafe, which is no point of the grid.
        self.cycles = self.cycle_end.cycles + 1
        self.recorded = self.recorder.finish()
        self.numbers = self._trend(folder / "trend.arrow" if disk is None else disk.read_back())
        self.told = self._told()

    def push(self, now_ns: int) -> None:
        self.image.accept(0, len(self.stamps), now_ns)
        self.stamps.append(now_ns)
        slept, began = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw, time.thread_time_ns()
        self.recorder.push(now_ns)
        self.used_ns.append(time.thread_time_ns() - began)
        self.sleeps += resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - slept
        if self.script and now_ns >= self.script[0][0] * NS_PER_S and self._at_work(self.script[0][1]):
            self.script.pop(0)[2](self)
            self.done_s.append(now_ns / NS_PER_S)

    def _at_work(self, restarts: int | None) -> bool:
        """Whether so many were started again and the last has put something into the trend."""
        if restarts is None:
            return True
        trend = self.folder / "trend.arrow"
        size = trend.stat().st_size if trend.exists() else 0
        if self.recorder.restarts < restarts:
            return False
        if self._grown_from is None or self._grown_from[0] != restarts:
            self._grown_from = restarts, size
        return size > self._grown_from[1]

    def _trend(self, stream: Path) -> list[int]:
        to_parquet(stream, self.folder / "t.parquet")
        rows = pq.read_table(self.folder / "t.parquet")
        numbers = [round(number) for number in rows["s0"].to_pylist()]
        assert rows["t_s"].to_pylist() == [self.stamps[number] / NS_PER_S for number in numbers]
        return numbers

    def _told(self) -> list[str]:
        lines = [json.loads(line) for line in (self.folder / "events.jsonl").read_text().splitlines()]
        return [line["text"] for line in lines if line["kind"] == "recorder"]

    @property
    def missing(self) -> list[int]:
        """Numbers of the cycles that ran and have no row in the trend."""
        return sorted(set(range(self.cycles)) - set(self.numbers))

    def between(self, from_s: float, to_s: float) -> list[int]:
        """Numbers of the cycles in this part of the run."""
        return [n for n, at in enumerate(self.stamps) if from_s * NS_PER_S <= at < to_s * NS_PER_S]


class SlowDisk:
    """The trend as a pipe whose far end takes 64 KiB, then nothing for 0.3 s: a write stands still that long."""

    READER = """
import sys, time
with open(sys.argv[1], "rb", buffering=0) as pipe, open(sys.argv[2], "wb") as kept:
    while data := pipe.read(65536):
        kept.write(data)
        time.sleep(0.3)
"""

    def __init__(self, folder: Path) -> None:
        os.mkfifo(folder / "trend.arrow")
        self._kept = folder / "kept.arrow"
        command = [sys.executable, "-c", self.READER, str(folder / "trend.arrow"), str(self._kept)]
        self._reader = subprocess.Popen(command)

    def read_back(self) -> Path:
        """Give what came through, once all of it has."""
        assert self._reader.wait(60) == 0
        return self._kept


def send(number: signal.Signals) -> Act:
    return lambda bench: os.kill(bench.recorder.process_id, number)


def end(bench: Bench) -> None:
    bench.stop.reason = "the script is over"


def end_once_rows_were_lost(bench: Bench) -> None:
    if bench.recorder.rows_dropped >= 100:
        end(bench)
    else:
        bench.script.append((0.0, None, end_once_rows_were_lost))


def stopped(from_s: float, to_s: float) -> Script:
    """Stop the recorder for so long, and end 1 s later."""
    return [
        (from_s, 0, send(signal.SIGSTOP)),
        (to_s, None, send(signal.SIGCONT)),
        (to_s + 1.0, None, end),
    ]


def expect_no_delay(bench: Bench, from_s: float) -> None:
    """The loop ran to its end on its grid, slept in no handing over, and spent little on one once the trouble began."""
    meanwhile, before = bench.between(from_s, LONGEST_S), bench.between(0.0, from_s)
    used, usual = (statistics.median(bench.used_ns[n] for n in part) for part in (meanwhile, before))
    sys.stdout.write(
        f"\nrow handed over in {usual / 1e3:.1f} us of the processor, then {used / usual:.2f} times that; "
        f"{bench.policy.overruns} overruns, {bench.policy.skipped_periods} periods skipped; "
        f"{bench.sleeps} sleeps; {bench.recorded.rows_lost} rows lost\n"
    )
    assert bench.cycle_end.reason == "the script is over"
    assert bench.sleeps == 0, "the loop never waits for the recorder"
    assert used < PERIOD_NS / 2
    points = [at // PERIOD_NS for at in bench.stamps[:-1]]
    assert len(set(points)) == len(points), "one cycle a point of the grid"
    assert points[-1] + 1 <= len(points) + bench.policy.skipped_periods, (
        "and each point without one is counted"
    )


def expect_all_rows_accounted_for(bench: Bench) -> None:
    assert bench.recorded.rows_lost == bench.cycles - bench.recorded.rows_written == len(bench.missing)
    assert bench.numbers == sorted(set(bench.numbers)), "no row twice, none out of order"
    assert sum(int(text.split()[0]) for text in bench.told if text[0].isdigit()) == len(bench.missing)


def test_stopped_for_5_s_at_1_khz_what_the_ring_cannot_hold_is_lost_and_counted_to_the_row(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, stopped(0.7, 5.7), CompanionSettings(ring_s=2.0))
    began_s, ended_s, _ = bench.done_s
    expect_no_delay(bench, began_s)
    expect_all_rows_accounted_for(bench)
    missing, meanwhile = bench.missing, bench.between(began_s, ended_s)
    assert len(missing) >= len(meanwhile) - 2000 - 300, "what the ring did not hold, less a drain under way"
    assert missing == list(range(missing[0], missing[-1] + 1)), "one gap"
    assert missing[0] >= meanwhile[0]
    assert f"{len(missing)} rows found the ring full and are not in the trend" in bench.told
    assert bench.recorded.restarts == 0
    assert "did not keep up" in bench.recorded.error


def test_a_disk_that_stands_still_in_each_write_delays_nobody_and_its_rows_are_counted(
    tmp_path: Path,
) -> None:
    disk = SlowDisk(tmp_path)
    script: Script = [(3.0, None, end_once_rows_were_lost)]
    bench = Bench(tmp_path, script, CompanionSettings(ring_s=0.5), disk)
    expect_no_delay(bench, 0.5)
    expect_all_rows_accounted_for(bench)
    assert len(bench.missing) >= 100, "64 KiB in 0.3 s is a third of what comes"
    assert bench.recorded.rows_written > 0
    assert (bench.recorded.restarts, bench.recorded.stalls) == (0, 0)


def test_stopped_for_5_s_at_1_khz_the_ring_as_it_is_loses_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, stopped(0.7, 5.7), CompanionSettings())
    expect_no_delay(bench, bench.done_s[0])
    assert bench.missing == []
    assert (bench.recorded.rows_written, bench.recorded.rows_lost) == (bench.cycles, 0)
    assert (bench.told, bench.recorded.error) == ([], "")


def test_killed_at_1_khz_another_goes_on_in_the_same_trend(tmp_path: Path) -> None:
    kill = send(signal.SIGKILL)
    bench = Bench(tmp_path, [(0.4, 0, kill), (0.8, 1, kill), (1.2, 2, end)], CompanionSettings())
    assert bench.missing == []
    assert bench.numbers == list(range(bench.cycles))
    assert (bench.recorded.rows_lost, bench.recorded.restarts, bench.recorded.error) == (0, 2, "")
    assert len(bench.told) == 2
    assert "started again (restarts 2" in bench.told[1]


def test_killed_with_a_short_ring_the_gap_is_counted_to_the_row(tmp_path: Path) -> None:
    script: Script = [(0.5, 0, send(signal.SIGKILL)), (1.0, 1, end)]
    bench = Bench(tmp_path, script, CompanionSettings(ring_s=0.064))
    missing = bench.missing
    assert bench.recorded.restarts == 1
    assert len(missing) == bench.recorded.rows_lost > 0
    assert sum(int(text.split()[0]) for text in bench.told if text[0].isdigit()) == len(missing)
    assert any("started again" in text for text in bench.told)


def test_one_that_stands_still_is_ended_and_another_takes_over(tmp_path: Path) -> None:
    script: Script = [(0.5, 0, send(signal.SIGSTOP)), (0.6, 1, end)]
    bench = Bench(tmp_path, script, CompanionSettings(stall_s=1.5))
    assert bench.missing == []
    assert (bench.recorded.restarts, bench.recorded.stalls, bench.recorded.rows_lost) == (1, 1, 0)
    assert "of them stalled 1" in bench.told[0]
