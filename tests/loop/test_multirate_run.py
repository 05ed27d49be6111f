"""``hil run`` with blocks slower than the cycle: they move on their own points, hold in between, and control.

And with a law in a worker: late plans hold and count, the process is an ordinary one, and ends with the loop.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import small_rig as sr
from ruamel.yaml import YAML


@pytest.mark.parametrize("clock", ["virtual", "wall"])
def test_plant_and_loop_at_a_fourth_of_the_rate_keep_out_of_each_others_way(
    tmp_path: Path, clock: str
) -> None:
    rig = sr.write_rig(tmp_path, clock=clock, duration_s=24.0 if clock == "virtual" else 3.0)
    text = rig.read_text().replace("    type: pid\n", "    type: pid\n    every: 4\n")
    rig.write_text(
        text.replace("    type: transfer_function\n", "    type: transfer_function\n    every: 4\n")
    )
    done = sr.run("run", rig, "--out", tmp_path / "runs", "--json")
    result = json.loads(done.stdout)
    assert result["stop"] == "end", done.stderr
    resolved = YAML(typ="safe").load((Path(result["run_dir"]) / "rig.yaml").read_text())
    assert (resolved["plants"]["tank"]["offset"], resolved["controllers"]["supply_temp"]["offset"]) == (0, 1)
    rows = pq.read_table(Path(result["run_dir"]) / "trend.parquet").to_pylist()
    assert {row["valve_percent.quality"] for row in rows} == {0}
    assert {row["supply_temp_degc.quality"] for row in rows} == {0}
    moved = {name: [] for name in ("valve_percent", "supply_temp_degc")}
    for before, after in pairwise(rows):
        for name, at in moved.items():
            if before[name] != after[name]:
                at.append(after["t_s"])
    assert min(map(len, moved.values())) > 10, (
        "of 37 on the wall clock, of which a busy machine may take some"
    )
    if clock == "virtual":
        places = {name: {round(t_s / 0.02) % 4 for t_s in at} for name, at in moved.items()}
        assert places == {"valve_percent": {1}, "supply_temp_degc": {0}}
        assert result["verdict"] == "met", "in the band: it controls"
    else:
        # A late cycle may come after its point, and none comes before it: never twice within three periods.
        assert len(moved["valve_percent"]) <= 3.0 / 0.08 + 2


SLOW_LAW = "    every: 25\n    worker: {deadline_s: 0.4, fallback_after: 1000}\n"
"""Each 0.5 s; a worker that stands still is ended after 4 s at the earliest."""


def with_worker(folder: Path, duration_s: float, more: str = "") -> Path:
    rig = sr.write_rig(folder, duration_s=duration_s)
    rig.write_text(rig.read_text().replace("    type: pid\n", "    type: pid\n" + SLOW_LAW) + more)
    return rig


def worker_of(process: subprocess.Popen[str]) -> int:
    """Process id of the worker, once it computes."""

    def found() -> list[int]:
        family = [child for keeper in sr.children(process.pid) for child in sr.children(keeper)]
        return [child for child in family if "worker_process" in Path(f"/proc/{child}/cmdline").read_text()]

    return int(sr.wait_for(found, "a worker")[0])


@pytest.mark.skipif(sys.platform != "linux", reason="stops a process")
def test_late_plans_hold_the_output_and_are_counted_and_the_grid_is_kept(tmp_path: Path) -> None:
    process = sr.start("run", with_worker(tmp_path, 7.0), "--out", tmp_path / "runs", "--json")
    folder = sr.wait_for(lambda: sr.run_folder(tmp_path / "runs"), "a run folder")
    sr.wait_for(lambda: sr.recorded_to_s(folder) > 2.0, "a few plans")
    worker = worker_of(process)
    os.kill(worker, signal.SIGSTOP)
    time.sleep(1.8)
    os.kill(worker, signal.SIGCONT)
    out, err = process.communicate(timeout=180)
    result = json.loads(out)
    assert result["stop"] == "end", err
    run, timing = (json.loads((folder / f"{name}.json").read_text()) for name in ("run", "timing"))
    counters = run["counters"]["controllers.supply_temp"]
    assert counters["late_plans"] >= 3, "a plan that was due after 0.4 s and came after 1.8 or more"
    assert (counters["worker_restarts"], counters["worker_fallbacks"]) == (0, 0)
    rows = pq.read_table(folder / "trend.parquet").slice(0, timing["cycles"]).to_pylist()
    assert {row["valve_percent.quality"] for row in rows} == {0}, "held is not given up"
    held = [[row["t_s"] for row in same] for _, same in groupby(rows, key=lambda row: row["valve_percent"])]
    longest_s = max(times[-1] - times[0] for times in held)
    assert longest_s >= 1.7, "the output stood while no plan came"
    assert held[-1][0] > 3.7, "and moved again after it"
    assert counters["plans"] >= 4
    sr.expect_whole_grid(timing["cycles"], timing["skipped_periods"], round(7.0 / 0.02), 0.02)


@contextlib.contextmanager
def special() -> Iterator[None]:
    """What is started inside is on processor 0, sleeps to the nanosecond and, for root, is of a real-time class."""
    library, processors = ctypes.CDLL(None), os.sched_getaffinity(0)
    os.sched_setaffinity(0, {0})
    library.prctl(29, ctypes.c_ulong(1), 0, 0, 0)
    if os.geteuid() == 0:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    yield
    if os.geteuid() == 0:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    library.prctl(29, ctypes.c_ulong(0), 0, 0, 0)
    os.sched_setaffinity(0, processors)


@pytest.mark.parametrize("asked", ["", "realtime: {priority: 20, cpu: 0, lock_memory: true}\n"])
@pytest.mark.skipif(sys.platform != "linux", reason="scheduling as on Linux")
def test_a_worker_is_an_ordinary_process_off_the_loops_processor(tmp_path: Path, asked: str) -> None:
    """Started as by ``taskset -c 0 chrt -f 10`` with a slack of 1 ns: none of it is the worker's."""
    rig = with_worker(tmp_path, 60.0, asked)
    with special():
        process = sr.start("run", rig, "--out", tmp_path / "runs")
    folder = sr.wait_for(lambda: sr.run_folder(tmp_path / "runs"), "a run folder")
    sr.wait_for(lambda: sr.recorded_to_s(folder) > 0.5, "the first rows")
    worker = worker_of(process)
    processors = set(range(os.cpu_count() or 1))
    expected = (processors - {0} or {0}) if asked else processors
    assert os.sched_getaffinity(process.pid) == {0}
    assert os.sched_getaffinity(worker) == expected
    assert os.sched_getscheduler(worker) == os.SCHED_OTHER
    assert "VmLck:\t       0 kB" in Path(f"/proc/{worker}/status").read_text()
    if os.geteuid() == 0:
        assert os.sched_getscheduler(process.pid) & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO
        assert int(Path(f"/proc/{worker}/timerslack_ns").read_text()) == 50_000
    keepers = sr.children(process.pid)
    process.kill()
    process.wait()
    for gone in (worker, *keepers):
        sr.wait_for(lambda gone=gone: not sr.alive(gone), "the end of what the loop had started")


@pytest.mark.parametrize("clock", ["virtual", "wall"])
def test_the_shipped_rig_of_three_rates_on_both_clocks(root: Path, tmp_path: Path, clock: str) -> None:
    quicker = ("controllers.warm_water.every=10", "controllers.warm_water.worker.deadline_s=0.8")
    wishes = [word for setting in quicker for word in ("--set", setting)]
    rig = root / "configs" / "rigs" / "cdu_multirate.yaml"
    done = sr.run(
        "run", rig, "--clock", clock, "--duration", 8, *wishes, "--out", tmp_path / "runs", "--json"
    )
    result = json.loads(done.stdout)
    assert result["stop"] == "end", done.stderr
    folder = Path(result["run_dir"])
    counters = json.loads((folder / "run.json").read_text())["counters"]["controllers.warm_water"]
    rows = pq.read_table(folder / "trend.parquet").to_pylist()
    for name in (
        "tcs_pump_speed_command_percent",
        "fws_valve_command_percent",
        "tcs_supply_temp_setpoint_degc",
    ):
        assert len({row[name] for row in rows}) > 3, f"{name} is at work"
    if clock == "virtual":
        assert (counters["plans"], result["latency"]["word"]) == (0, "virtual clock")
        moved = {
            round(after["t_s"] / 0.1) % 5
            for before, after in pairwise(rows)
            if before["fws_valve_command_percent"] != after["fws_valve_command_percent"]
        }
        assert moved == {1}
        return
    assert counters["plans"] >= 2
    assert result["latency"]["word"] in ("met", "not met")
    parts = {margin["loop"]: margin["delay"] for margin in result["latency"]["margins"]}
    assert {loop: (part["hold_s"], part["worker_s"]) for loop, part in parts.items()} == {
        "rack_pressure": (0.05, 0.0),
        "supply_temp": (0.25, 0.0),
        "warm_water": (0.5, 1.0),
    }
    assert all(part["is_measured"] for part in parts.values())
