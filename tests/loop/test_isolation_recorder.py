"""A recorder that is stopped or killed: the loop keeps its 1 kHz, and each row is in the trend once or counted.

``python -m pytest -s tests/loop/test_isolation_recorder.py`` prints the figures.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
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
Script = list[tuple[float, Callable[[CompanionRecorder], None]]]


class Bench:
    """A loop at 1 kHz whose rows bear their number, and what is done to the recorder at given times (s)."""

    def __init__(self, folder: Path, duration_s: float, script: Script, settings: CompanionSettings) -> None:
        self.image = Image([Signal(f"s{n}", "1", -1e9, 1e9, 0) for n in range(SIGNALS)])
        self.folder = folder
        self.script = list(script)
        self.stamps: list[int] = []
        self.push_ns: list[int] = []
        layout = RowLayout(tuple(signal.name for signal in self.image.signals), ())
        events = EventLog()
        self.recorder = CompanionRecorder(self.image, layout, events, folder, 1e-3, settings)
        sr.wait_for((folder / "events.jsonl").exists, "the recorder")
        self.policy = OverrunPolicy(OverrunSettings())
        timing = CycleSettings(PERIOD_NS, round(duration_s * NS_PER_S), 1, 1, is_virtual=False)
        cycle = Cycle(CycleParts(self.image), WallClock(), timing, self.policy, self, events, StopFlag())
        self.cycles = cycle.run().cycles
        self.recorded = self.recorder.finish()
        self.numbers, self.told = self._trend(), self._told()

    def push(self, now_ns: int) -> None:
        self.image.accept(0, len(self.stamps), now_ns)
        self.stamps.append(now_ns)
        began = time.perf_counter_ns()
        self.recorder.push(now_ns)
        self.push_ns.append(time.perf_counter_ns() - began)
        while self.script and now_ns >= self.script[0][0] * NS_PER_S:
            self.script.pop(0)[1](self.recorder)

    def _trend(self) -> list[int]:
        to_parquet(self.folder / "trend.arrow", self.folder / "t.parquet")
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
        """Time to hand over each row in this part of the run, ns."""
        pairs = zip(self.stamps, self.push_ns, strict=True)
        return [cost for at, cost in pairs if from_s * NS_PER_S <= at < to_s * NS_PER_S]


def send(number: signal.Signals) -> Callable[[CompanionRecorder], None]:
    return lambda recorder: os.kill(recorder.process_id, number)


STOPPED_5_S: Script = [(1.0, send(signal.SIGSTOP)), (6.0, send(signal.SIGCONT))]


def expect_no_delay(bench: Bench, from_s: float, to_s: float) -> None:
    """Handing over a row costs the same while the recorder stands still, and the cycles are all there."""
    stopped, before = bench.between(from_s, to_s), bench.between(0.2, from_s)
    ratio = statistics.median(stopped) / statistics.median(before)
    kept = len(stopped) / (1000 * (to_s - from_s))
    sys.stdout.write(
        f"\nrow handed over in {statistics.median(before) / 1e3:.1f} us, stopped {ratio:.2f} times that; "
        f"{kept:.4f} of the cycles while stopped, {bench.policy.skipped_periods} periods skipped in all; "
        f"{bench.recorded.rows_lost} rows lost\n"
    )
    assert ratio < 2.0
    assert kept > 0.9, "other programs may take a few cycles, the recorder none"


def test_stopped_for_5_s_at_1_khz_what_the_ring_cannot_hold_is_lost_and_counted_to_the_row(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, 7.0, STOPPED_5_S, CompanionSettings(ring_s=2.0))
    expect_no_delay(bench, 1.0, 6.0)
    recorded, missing = bench.recorded, bench.missing
    assert recorded.rows_lost == bench.cycles - recorded.rows_written == len(missing)
    assert bench.numbers == sorted(set(bench.numbers)), "no row twice, none out of order"
    assert 2000 < len(missing) < 3600, "5 s less the 2 s that the ring holds"
    assert missing == list(range(missing[0], missing[-1] + 1)), "one gap"
    assert f"{len(missing)} rows found the ring full and are not in the trend" in bench.told
    assert recorded.restarts == 0
    assert "did not keep up" in recorded.error


def test_stopped_for_5_s_at_1_khz_the_ring_as_it_is_loses_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 6.5, STOPPED_5_S, CompanionSettings())
    expect_no_delay(bench, 1.0, 6.0)
    assert bench.missing == []
    assert (bench.recorded.rows_written, bench.recorded.rows_lost) == (bench.cycles, 0)
    assert (bench.told, bench.recorded.error) == ([], "")


def test_killed_at_1_khz_another_goes_on_in_the_same_trend(tmp_path: Path) -> None:
    kills: Script = [(at_s, send(signal.SIGKILL)) for at_s in (0.6, 2.0)]
    bench = Bench(tmp_path, 3.5, kills, CompanionSettings())
    assert bench.missing == []
    assert bench.numbers == list(range(bench.cycles))
    assert (bench.recorded.rows_lost, bench.recorded.restarts, bench.recorded.error) == (0, 2, "")
    assert len(bench.told) == 2
    assert "started again (restarts 2" in bench.told[1]


def test_killed_with_a_short_ring_the_gap_is_counted_to_the_row(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 3.0, [(0.7, send(signal.SIGKILL))], CompanionSettings(ring_s=0.064))
    missing = bench.missing
    assert bench.recorded.restarts == 1
    assert len(missing) == bench.recorded.rows_lost > 0
    assert sum(int(text.split()[0]) for text in bench.told if text[0].isdigit()) == len(missing)
    assert any("started again" in text for text in bench.told)


def test_one_that_stands_still_is_ended_and_another_takes_over(tmp_path: Path) -> None:
    stop: Script = [(0.5, send(signal.SIGSTOP))]
    bench = Bench(tmp_path, 3.0, stop, CompanionSettings(stall_s=1.0))
    assert bench.missing == []
    assert (bench.recorded.restarts, bench.recorded.stalls, bench.recorded.rows_lost) == (1, 1, 0)
    assert "of them stalled 1" in bench.told[0]
