"""A bad day of ``hil run`` through a PLC: both are stopped, and what is left to decide on is old.

The others are in ``test_bad_days_field.py``. Whatever comes, every point of the grid has its cycle or is counted as
skipped, and no two cycles share one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
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
        sr.expect_whole_grid(self.timing["cycles"], self.timing["skipped_periods"], planned, period_s)
        points = [int(t_s / period_s + 1e-6) for t_s in self.t_s[: self.timing["cycles"]]]
        assert len(set(points)) == len(points), "a burst"


def finish(process: subprocess.Popen[str], folder: Path, codes: tuple[int, ...] = (0, 1)) -> Finished:
    _, err = process.communicate(timeout=180)
    assert process.returncode in codes, err
    table = pq.read_table(folder / "trend.parquet")
    columns = {name: table[name].to_pylist() for name in table.column_names}
    timing, run = (json.loads((folder / f"{name}.json").read_text()) for name in ("timing", "run"))
    return Finished(timing, run, columns["t_s"], columns, sr.events(folder))


def test_after_a_stop_values_two_seconds_old_are_bad_and_the_outputs_take_the_failsafe(
    tmp_path: Path, root: Path
) -> None:
    """The far end is stopped with the loop and longer than it: there is nothing fresh to decide on."""
    with launch_cdu_plc(prefer="python") as plc:
        rig = root / "configs" / "rigs" / "cdu_plc_io.yaml"
        options = (
            "--set",
            f"devices.plc.port={plc.port}",
            "--duration",
            8,
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
        stopped_s = sr.recorded_to_s(folder)
        os.kill(process.pid, signal.SIGCONT)
        sr.wait_for(lambda: sr.recorded_to_s(folder) > stopped_s + 1.8, "the first rows after it")
        os.kill(plc.process.pid, signal.SIGCONT)
        done = finish(process, folder)
    done.expect_whole_grid(8.0, 0.1)
    first = done.t_s.index(done.gap()[1])
    assert done.t_s[first] - done.t_s[first - 1] > 1.8
    sensor, valve = "tcs_supply_temp_degc.quality", "fws_valve_command_percent"
    assert done.columns[sensor][first] == BAD
    assert (done.columns[f"{valve}.quality"][first], done.columns[valve][first]) == (SUBSTITUTED, 100.0)
    assert GOOD in done.columns[f"{valve}.quality"][: first - 1], "it was under control before"
    recovered = [q for t, q in zip(done.t_s, done.columns[sensor], strict=True) if t > done.t_s[first] + 0.5]
    assert GOOD in recovered
