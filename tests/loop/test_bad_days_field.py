"""Bad days of ``hil run`` with a device: the grid is kept, and each write that is late has been counted.

The loop's own stamp goes over the wire with every write, and the far end's kernel says when it was sent. A write sent
more than a period after its stamp belongs to a cycle that is an overrun.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import small_rig as sr
from far_end import POINTS, FarEnd

from hil.loop.image import BAD, GOOD, SUBSTITUTED

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="stops processes and stamps frames as Linux does"
)

PERIOD_S = 0.05
NS = 1_000_000_000
RIG = """\
rig: bad_days
clock: wall
period_s: 0.05
duration_s: {duration_s}
signals:
  setpoint_degc: {{unit: degC, range: [0, 90]}}
  stamp_s: {{unit: s, range: [0, 2000], failsafe: 1999}}
  temp_degc: {{unit: degC, range: [0, 90]}}
  valve_percent: {{unit: "%", range: [0, 100], failsafe: 77, initial: 10}}
sources:
  setpoint_degc: 45
  stamp_s: {{type: ramp, start_level: 0, end_level: 1900, start_s: 0, end_s: 1900}}
controllers:
  temp:
    type: pid
    setpoint: setpoint_degc
    measured: temp_degc
    output: valve_percent
    action: direct
    gain: 1
    gain_unit: "%/K"
    integral_time_s: 2
devices:
  tank:
    type: modbus_tcp
    host: 127.0.0.1
    port: {port}
    points: tank.csv
    read: [temp_degc]
    write: [stamp_s, valve_percent]
    heartbeat: beat
"""


@dataclass
class Day:
    """A run in progress, and what it leaves behind."""

    process: subprocess.Popen[str]
    folder: Path
    far: FarEnd
    duration_s: float

    def until(self, t_s: float) -> None:
        """Wait until the run has recorded loop time ``t_s`` (s)."""
        sr.wait_for(lambda: sr.recorded_to_s(self.folder) >= t_s, f"{t_s} s of the run")

    def finish(self) -> None:
        _, err = self.process.communicate(timeout=180)
        assert self.process.returncode in (0, 1), err
        self.timing, self.run = (
            json.loads((self.folder / f"{name}.json").read_text()) for name in ("timing", "run")
        )
        table = pq.read_table(self.folder / "trend.parquet")
        self.columns: dict[str, list[float]] = {name: table[name].to_pylist() for name in table.column_names}
        # The last row is the last act, in failsafe, and no point of the grid.
        self.t_s = self.columns["t_s"][: self.timing["cycles"]]

    def count(self, counter: str) -> int:
        """One of the device's counters."""
        found = self.run["counters"]["devices"]
        return int(sum(value for name, value in found.items() if name.rpartition(".")[2] == counter))

    def expect_writes_accounted_for(self) -> None:
        """What was sent has come, or went down with its connection."""
        sent, come = self.count("writes_sent"), len(self.far.writes)
        assert sent == come if self.count("connections_lost") == 0 else sent >= come

    def expect_the_grid_kept(self) -> None:
        """Every point has its cycle or is counted as skipped, where it was skipped; none has two."""
        points = [int(t_s / PERIOD_S + 1e-6) for t_s in self.t_s]
        assert len(set(points)) == len(points), "a burst"
        planned = round(self.duration_s / PERIOD_S)
        sr.expect_whole_grid(self.timing["cycles"], self.timing["skipped_periods"], planned, PERIOD_S)
        told = [event["text"] for event in sr.events(self.folder) if "periods skipped" in event["text"]]
        assert sum(int(text.split("; ")[1].split()[0]) for text in told) == self.timing["skipped_periods"]

    def expect_late_writes_counted(self, asleep_s: float = 0.0) -> None:
        """Hold when each write was sent against its cycle's stamp; ``asleep_s`` of loop time passed in a suspend."""
        when = {
            round(s * 1e4): t_s for s, t_s in zip(self.columns["stamp_s"], self.columns["t_s"], strict=True)
        }
        when.pop(19_990_000, None)
        sent = [(ns, when[stamp]) for ns, stamp in self.far.writes if ns is not None and stamp in when]
        assert len(sent) >= 20
        assert len({t_s for _, t_s in sent}) == len(sent), "a cycle that wrote twice"
        since = [ns / NS - (t_s - (asleep_s if t_s >= asleep_s else 0.0)) for ns, t_s in sent]
        # The quickest write stands for the start: it makes the others look younger than they are, never older.
        late = [at_s - min(since) for at_s in since if at_s - min(since) > PERIOD_S + 2e-4]
        assert len(late) <= self.timing["overruns"], f"sent {late} s after their stamps"


Begin = Callable[..., Day]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Start a run of a small rig with a far end; gives it when a second is on the disk."""
    with FarEnd() as far:

        def start(duration_s: float, **options: Any) -> Day:
            (tmp_path / "tank.csv").write_text(POINTS)
            rig = tmp_path / "rig.yaml"
            rig.write_text(RIG.format(duration_s=duration_s, port=far.port))
            process = sr.start("run", rig, "--out", tmp_path / "runs", "--json", **options)
            folder = sr.wait_for(lambda: sr.run_folder(tmp_path / "runs"), "a run folder")
            day = Day(process, folder, far, duration_s)
            day.until(1.0)
            return day

        yield start
        sr.end_all()


def test_stopped_for_two_seconds(begin: Begin) -> None:
    day = begin(5.0)
    os.kill(day.process.pid, signal.SIGSTOP)
    time.sleep(2.0)
    os.kill(day.process.pid, signal.SIGCONT)
    day.finish()
    day.expect_the_grid_kept()
    day.expect_late_writes_counted()
    assert day.timing["skipped_periods"] >= 2.0 / PERIOD_S - 2
    assert max(after - before for before, after in pairwise(day.t_s)) > 1.9, "it did stand still"
    phases = day.timing["phases"]
    assert max(phases["lateness"]["max_us"], phases["cycle"]["max_us"]) > 1.9e6, "and the histograms have it"
    day.expect_writes_accounted_for()


def test_processors_hogged_by_others(begin: Begin) -> None:
    day = begin(5.0)
    hog = "import time\nuntil = time.monotonic() + 2.5\nwhile time.monotonic() < until: pass"
    hogs = [subprocess.Popen([sys.executable, "-c", hog]) for _ in range(os.cpu_count() or 1)]
    try:
        day.finish()
    finally:
        for process in hogs:
            process.kill()
            process.wait()
    day.expect_the_grid_kept()
    day.expect_late_writes_counted()
    day.expect_writes_accounted_for()
    assert day.run["stop"] == "end"


def test_a_recorder_that_is_killed_and_one_that_is_stopped(begin: Begin) -> None:
    day = begin(6.0)
    (keeper,) = sr.children(day.process.pid)
    (recorder,) = sr.children(keeper)
    os.kill(recorder, signal.SIGKILL)
    day.until(2.0)
    (second,) = sr.wait_for(lambda: [c for c in sr.children(keeper) if c != recorder], "another recorder")
    os.kill(second, signal.SIGSTOP)
    time.sleep(2.0)
    os.kill(second, signal.SIGCONT)
    day.finish()
    day.expect_the_grid_kept()
    day.expect_late_writes_counted()
    day.expect_writes_accounted_for()
    assert day.run["rows_lost"] == 0
    assert day.run["rows_written"] == day.timing["cycles"] + 1
    assert day.run["counters"]["recorder"]["restarts"] >= 1


def test_a_far_end_that_answers_one_byte_at_a_time(begin: Begin) -> None:
    """First quick enough for the read budget (20 ms), then 110 ms a reply, then whole again."""
    day = begin(7.5)
    day.far.byte_gap_s = 0.0003
    day.until(2.0)
    slow_from_s, day.far.byte_gap_s = sr.recorded_to_s(day.folder), 0.01
    day.until(3.7)
    day.far.byte_gap_s = 0.0
    day.finish()
    day.expect_the_grid_kept()
    day.expect_late_writes_counted()
    late = day.count("late_replies") + day.count("timeouts")
    assert late >= 5, "each reply that was not there in time is counted"
    assert day.count("writes_sent") >= len(day.far.writes), (
        "what a dropped connection swallowed was counted as sent"
    )
    quality = dict(zip(day.columns["t_s"], day.columns["temp_degc.quality"], strict=True))
    valve = list(
        zip(day.t_s, day.columns["valve_percent"], day.columns["valve_percent.quality"], strict=False)
    )
    bytewise = [q for t_s, q in quality.items() if 1.2 < t_s < slow_from_s]
    assert GOOD in bytewise, "bytes that come within the budget are a reply like any other"
    slow = [q for t_s, q in quality.items() if slow_from_s < t_s < 3.7]
    assert BAD in slow
    assert any(v == 77.0 and q == SUBSTITUTED for t_s, v, q in valve if slow_from_s < t_s < 4.5), (
        "the failsafe"
    )
    assert GOOD in [q for t_s, q in quality.items() if t_s > 4.2], "and back"


@pytest.mark.needs("gcc")
def test_steps_of_the_time_of_day_and_a_suspend(begin: Begin, tmp_path: Path) -> None:
    library, numbers = tmp_path / "moved_clocks.so", tmp_path / "moved"
    source = Path(__file__).with_name("moved_clocks.c")
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", str(source), "-o", str(library), "-ldl"], check=True)
    numbers.write_bytes(bytes(16))
    environment = {**os.environ, "LD_PRELOAD": str(library), "MOVED_CLOCKS": str(numbers)}
    asleep_s = 600.0
    with numbers.open("r+b") as file, mmap.mmap(file.fileno(), 16) as moved:
        day = begin(asleep_s + 4.0, env=environment)
        for step_h in (1, -2):
            struct.pack_into("q", moved, 0, step_h * 3600 * NS)
            time.sleep(0.5)
        struct.pack_into("q", moved, 8, int(asleep_s * NS))
        day.finish()
    day.expect_the_grid_kept()
    day.expect_late_writes_counted(asleep_s)
    day.expect_writes_accounted_for()
    assert day.timing["skipped_periods"] >= asleep_s / PERIOD_S - 2
    # The machine may hold the loop up for seconds; the steps are hours.
    assert sorted(after - before for before, after in pairwise(day.t_s))[-2] < 60.0, (
        "no step of the clock is in it"
    )
