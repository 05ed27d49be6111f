"""``hil run`` on the wall clock beside other processes: who reads its latest values, and whose worker is killed."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import small_rig as sr

from hil.record import LatestReader

pytestmark = [
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes by way of /proc"),
    pytest.mark.usefixtures("no_rings_left"),
]


def test_another_process_reads_the_latest_values_while_the_run_lasts(tmp_path: Path) -> None:
    process = sr.start("run", sr.write_rig(tmp_path, duration_s=4.0), "--out", tmp_path / "runs", "--json")
    folder = sr.wait_for(lambda: sr.run_folder(tmp_path / "runs"), "a run folder")
    sr.wait_for((folder / "latest.json").exists, "the table")
    reader = LatestReader(json.loads((folder / "latest.json").read_text())["table"])
    seen = {}
    while process.poll() is None:
        latest = reader.read()
        if latest is not None:
            seen[latest.now_ns / 1e9] = dict(zip(reader.names, latest.values, strict=True))
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    rows = pq.read_table(folder / "trend.parquet")
    trend = {row["t_s"]: row for row in rows.to_pylist()}
    assert len(seen) > 25, "of 200 cycles, and those in which this process had a processor"
    for t_s, values in seen.items():
        assert values == {name: trend[t_s][name] for name in values}, "a row of the trend, whole"
    assert not (folder / "latest.json").exists()
    reader.close()


SLOWER = "    every: 10\n"
WORKER = SLOWER + "    worker: {deadline_s: 0.2, fallback_after: 5}\n"


def with_worker(folder: Path, *, paced: str = WORKER, **options: object) -> Path:
    path = sr.write_rig(folder, **options)  # type: ignore[arg-type]
    path.write_text(path.read_text().replace("    type: pid\n", "    type: pid\n" + paced))
    return path


def told_of_worker(folder: Path) -> list[str]:
    return [event["text"] for event in sr.events(folder) if event["kind"] == "worker"]


def test_a_loop_whose_law_is_in_a_worker_controls_and_outlives_its_death(tmp_path: Path) -> None:
    rig = with_worker(tmp_path)
    process = sr.start("run", rig, "--out", tmp_path / "runs", "--json")
    folder = sr.wait_for(lambda: sr.run_folder(tmp_path / "runs"), "a run folder")
    sr.wait_for(lambda: sr.recorded_to_s(folder) > 1.0, "the first rows")
    workers = [
        child
        for keeper in sr.children(process.pid)
        for child in sr.children(keeper)
        if "worker_process" in Path(f"/proc/{child}/cmdline").read_text()
    ]
    os.kill(workers[0], signal.SIGKILL)
    # How long the next one takes to start is the machine's matter, so the run lasts until that one has been at work.
    sr.wait_for(lambda: "plans are on time again" in told_of_worker(folder), "a new worker")
    again_s = sr.recorded_to_s(folder)
    sr.wait_for(lambda: sr.recorded_to_s(folder) > again_s + 1.0, "a second of its work")
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    result = json.loads(out)
    assert (result["stop"], result["rows_lost"]) == ("interrupted", 0), err
    counters = json.loads((folder / "run.json").read_text())["counters"]["controllers.supply_temp"]
    assert counters["worker_restarts"] == 1
    assert counters["worker_fallbacks"] >= 1
    assert counters["plans"] > 8
    told = told_of_worker(folder)
    assert told[0].startswith("fallback")
    assert "plans are on time again" in told
    trend = pq.read_table(folder / "trend.parquet")
    valve, quality = trend["valve_percent"].to_pylist(), trend["valve_percent.quality"].to_pylist()
    assert {value for value, how in zip(valve, quality, strict=True) if how == 3} == {77.0}, "its failsafe"
    assert 0 in quality[quality.index(3) : -1], "it controls again, up to the failsafe at the end"
    assert len(set(valve)) > 8
    assert not sr.children(process.pid)


def test_on_the_virtual_clock_a_worker_is_the_loop_itself_to_the_byte(tmp_path: Path) -> None:
    running = {}
    for name, paced in (("with", WORKER), ("without", SLOWER)):
        (tmp_path / name).mkdir()
        rig = with_worker(tmp_path / name, paced=paced, clock="virtual", duration_s=40.0)
        running[name] = sr.start("run", rig, "--out", tmp_path / name / "runs", "--json")
    trends = []
    for process in running.values():
        out, err = process.communicate(timeout=180)
        assert process.returncode == 0, err
        trends.append((Path(json.loads(out)["run_dir"]) / "trend.parquet").read_bytes())
    assert trends[0] == trends[1]
