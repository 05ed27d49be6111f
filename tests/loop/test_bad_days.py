"""Bad days of ``hil run`` as a process: stopped for two seconds, the time of day stepped, the machine suspended.

Whatever comes, every point of the grid has its cycle or is counted as skipped, and no two cycles share one.
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
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import small_rig as sr

from hil.devices.stand_in import launch_cdu_plc
from hil.loop.image import BAD, GOOD, SUBSTITUTED

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="stops processes and moves clocks as Linux does"),
    pytest.mark.usefixtures("no_rings_left"),
]

PERIOD_S = 0.02
NS = 1_000_000_000


@dataclass
class Finished:
    """What a run left behind."""

    timing: dict[str, Any]
    run: dict[str, Any]
    t_s: list[float]
    columns: dict[str, list[float]]
    events: list[dict[str, Any]]

    def gap(self) -> tuple[float, float]:
        """Loop times of the rows before and after the longest silence, s."""
        return max(pairwise(self.t_s), key=lambda pair: pair[1] - pair[0])

    def expect_whole_grid(self, duration_s: float, period_s: float) -> None:
        """Every point has its cycle or is counted; each cycle has a point of its own."""
        planned = round(duration_s / period_s)
        assert self.timing["cycles"] + self.timing["skipped_periods"] == planned
        points = [int(t_s / period_s + 1e-6) for t_s in self.t_s[: self.timing["cycles"]]]
        assert len(set(points)) == len(points), "a burst"


def finish(process: subprocess.Popen[str], folder: Path, codes: tuple[int, ...] = (0, 1)) -> Finished:
    _, err = process.communicate(timeout=60)
    assert process.returncode in codes, err
    table = pq.read_table(folder / "trend.parquet")
    columns = {name: table[name].to_pylist() for name in table.column_names}
    timing, run = (json.loads((folder / f"{name}.json").read_text()) for name in ("timing", "run"))
    return Finished(timing, run, columns["t_s"], columns, sr.events(folder))


def begin(tmp_path: Path, duration_s: float, **options: Any) -> tuple[subprocess.Popen[str], Path]:
    """Start a run; gives it when its first second is on the disk."""
    rig = sr.write_rig(tmp_path, period_s=PERIOD_S, duration_s=duration_s)
    process = sr.start("run", rig, "--out", tmp_path / "runs", "--json", **options)
    folder = sr.wait_for(lambda: sr.run_folder(tmp_path / "runs"), "a run folder")
    sr.wait_for(lambda: sr.recorded_to_s(folder) > 0.5, "the first rows")
    return process, folder


def test_stopped_for_two_seconds_it_skips_them_counts_them_and_keeps_its_grid(tmp_path: Path) -> None:
    process, folder = begin(tmp_path, 4.0)
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(2.0)
    os.kill(process.pid, signal.SIGCONT)
    done = finish(process, folder)
    done.expect_whole_grid(4.0, PERIOD_S)
    assert done.timing["skipped_periods"] >= 98
    before_s, after_s = done.gap()
    assert after_s - before_s > 1.9
    told = [event for event in done.events if event["kind"] == "overrun" and "skipped" in event["text"]]
    lost = max(int(event["text"].split(";")[1].split()[0]) for event in told)
    assert abs(lost - (after_s - before_s) / PERIOD_S) <= 2, "the event says how many"
    worst_us = done.timing["phases"]["lateness"]["max_us"], done.timing["phases"]["cycle"]["max_us"]
    assert max(worst_us) > 1.9e6, "and the histograms have it"


def test_after_a_stop_values_two_seconds_old_are_bad_and_the_outputs_take_the_failsafe(
    tmp_path: Path, root: Path
) -> None:
    """The far end is stopped with the loop and stays so for half a second: there is nothing fresh to decide on."""
    with launch_cdu_plc(prefer="python") as plc:
        rig = root / "configs" / "rigs" / "cdu_plc_io.yaml"
        options = (
            "--set",
            f"devices.plc.port={plc.port}",
            "--duration",
            6,
            "--out",
            tmp_path / "runs",
            "--json",
        )
        process = sr.start("run", rig, *options)
        folder = sr.wait_for(lambda: sr.run_folder(tmp_path / "runs"), "a run folder")
        sr.wait_for(lambda: sr.recorded_to_s(folder) > 1.0, "the first rows")
        both = (process.pid, plc.process.pid)
        for each in both:
            os.kill(each, signal.SIGSTOP)
        time.sleep(2.0)
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.5)
        os.kill(plc.process.pid, signal.SIGCONT)
        done = finish(process, folder)
    done.expect_whole_grid(6.0, 0.1)
    first = done.t_s.index(done.gap()[1])
    assert done.t_s[first] - done.t_s[first - 1] > 1.8
    sensor, valve = "tcs_supply_temp_degc.quality", "fws_valve_command_percent"
    assert done.columns[sensor][first] == BAD
    assert (done.columns[f"{valve}.quality"][first], done.columns[valve][first]) == (SUBSTITUTED, 100.0)
    assert done.columns[f"{valve}.quality"][first - 5] == GOOD
    recovered = [q for t, q in zip(done.t_s, done.columns[sensor], strict=True) if t > done.t_s[first] + 1.5]
    assert GOOD in recovered


@pytest.fixture
def clocks(tmp_path: Path) -> Iterator[tuple[dict[str, str], mmap.mmap]]:
    """What to set for a process whose clocks can be moved, and the two numbers that move them."""
    library, numbers = tmp_path / "moved_clocks.so", tmp_path / "moved"
    source = Path(__file__).with_name("moved_clocks.c")
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", str(source), "-o", str(library), "-ldl"], check=True)
    numbers.write_bytes(bytes(16))
    with numbers.open("r+b") as file, mmap.mmap(file.fileno(), 16) as mapped:
        yield {**os.environ, "LD_PRELOAD": str(library), "MOVED_CLOCKS": str(numbers)}, mapped


@pytest.mark.needs("gcc")
def test_steps_of_the_time_of_day_do_not_move_the_loop_and_a_suspend_is_time_that_passed(
    tmp_path: Path, clocks: tuple[dict[str, str], mmap.mmap]
) -> None:
    environment, moved = clocks
    asleep_s = 600.0
    process, folder = begin(tmp_path, asleep_s + 4.0, env=environment)
    for step_h in (1, -2):
        struct.pack_into("q", moved, 0, step_h * 3600 * NS)
        time.sleep(0.5)
    struct.pack_into("q", moved, 8, int(asleep_s * NS))
    done = finish(process, folder)
    done.expect_whole_grid(asleep_s + 4.0, PERIOD_S)
    before_s, after_s = done.gap()
    assert asleep_s <= after_s - before_s < asleep_s + 1.0
    assert done.timing["skipped_periods"] >= asleep_s / PERIOD_S - 2
    assert done.run["simulated_s"] == asleep_s + 4.0
    steps = [after - before for before, after in pairwise(done.t_s)]
    assert sorted(steps)[-2] < 1.0, "neither step is in it: no hour lost, none waited for"
    assert min(steps) > 0.0
