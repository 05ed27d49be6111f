"""Ends of ``hil run`` as a process: asked to stop, killed, its recorder killed, alone or with its whole group."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import small_rig as sr

pytestmark = [
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes by way of /proc"),
    pytest.mark.usefixtures("no_rings_left"),
]

WHOLE = [
    "events.jsonl", "kpis.json", "plants.json", "report.html", "rig.yaml", "run.json", "timing.json", "trend.parquet",
]  # fmt: skip


def begin(folder: Path, *, clock: str = "wall", duration_s: float = 60.0) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    rig = sr.write_rig(folder, clock=clock, duration_s=duration_s)
    return sr.start("run", rig, "--out", folder / "runs", "--json")


def running(folder: Path) -> Path:
    """Wait until the run under ``folder`` has a second on the disk; gives its run folder."""
    found: Path = sr.wait_for(lambda: sr.run_folder(folder / "runs"), "a run folder")
    sr.wait_for(lambda: sr.recorded_to_s(found) > 1.0, "the first rows")
    return found


def report(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hil", "report", str(folder)],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_asked_to_stop_it_ends_in_failsafe_with_a_whole_run_folder(tmp_path: Path) -> None:
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    processes = {name: begin(tmp_path / name) for name in names}
    for name, process in processes.items():
        folder = running(tmp_path / name)
        # To the whole group, as a terminal does with Ctrl-C.
        os.killpg(process.pid, getattr(signal, name))
        out, err = process.communicate(timeout=120)
        assert process.returncode == 1, err
        assert '"verdict": "interrupted"' in out
        assert f"stopped by {name}" in out
        assert sorted(entry.name for entry in folder.iterdir()) == WHOLE
        trend = pq.read_table(folder / "trend.parquet")
        assert trend["valve_percent"].to_pylist()[-1] == 77.0
        assert trend["valve_percent.quality"].to_pylist()[-1] == 3
        assert sr.events(folder)[-1]["text"] == f"interrupted: stopped by {name}"
        stamps = trend["t_s"].to_pylist()
        assert stamps == sorted(set(stamps))


def recorder_counters(folder: Path) -> dict[str, int]:
    found: dict[str, int] = json.loads((folder / "run.json").read_text())["counters"]["recorder"]
    return found


LOST_AT_MOST_S = 1.0 + sr.HELD_UP_S / 2
"""What is promised is a second, where the machine lets the recorder run when it wants to; one that hands over only
now and then, or at the end, would lose much more."""


def test_killed_outright_on_the_wall_clock_at_most_the_last_second_is_missing(tmp_path: Path) -> None:
    ways = ("loop", "group", "loop and recorder")
    processes = {way: begin(tmp_path / way) for way in ways}
    for way, process in processes.items():
        folder = running(tmp_path / way)
        (keeper,) = sr.children(process.pid)
        (recorder,) = sr.children(keeper)
        # Rows reach the disk after their stamp, so this takes the run for no younger than it is, by a flush at most.
        loop_began = (folder / "trend.arrow").stat().st_mtime - sr.recorded_to_s(folder)
        if way == "loop and recorder":
            os.kill(recorder, signal.SIGKILL)
        if way == "group":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        killed_s = time.time() - loop_began
        process.communicate(timeout=60)
        sr.wait_for(lambda gone=recorder: not sr.alive(gone), "the recorder to finish")
        assert killed_s - sr.recorded_to_s(folder) < LOST_AT_MOST_S
        done = report(folder)
        assert done.returncode in (0, 1), done.stderr
        assert (folder / "report.html").stat().st_size > 10_000
        assert "incomplete" in (folder / "kpis.json").read_text()


def test_killed_on_the_virtual_clock_all_but_the_last_second_of_work_is_there(tmp_path: Path) -> None:
    process = begin(tmp_path, clock="virtual", duration_s=2_000_000)
    folder = running(tmp_path)
    time.sleep(1.2)
    process.kill()
    killed = time.time()
    process.communicate(timeout=60)
    assert killed - (folder / "trend.arrow").stat().st_mtime < LOST_AT_MOST_S
    rows_s = sr.recorded_to_s(folder)
    assert rows_s > 100
    done = report(folder)
    assert done.returncode in (0, 1), done.stderr
    assert (folder / "report.html").exists()


def test_a_recorder_that_dies_is_followed_by_another_and_costs_the_run_nothing(tmp_path: Path) -> None:
    process = begin(tmp_path, duration_s=4.0)
    folder = running(tmp_path)
    (keeper,) = sr.children(process.pid)
    (recorder,) = sr.children(keeper)
    os.kill(recorder, signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    result = json.loads(out)
    assert (result["rows_lost"], result["verdict"]) == (0, "met")
    sr.expect_whole_grid(result["cycles"], result["kpis"]["run"]["skipped_periods"], 200, 0.02)
    assert pq.read_metadata(folder / "trend.parquet").num_rows == result["cycles"]
    assert recorder_counters(folder) | {"keeper_stops": 0} == {"restarts": 1, "stalls": 0, "keeper_stops": 0}
    assert any("started again" in event["text"] for event in sr.events(folder) if event["kind"] == "recorder")
    assert "the recorder was started again" in (folder / "report.html").read_text()


def test_a_keeper_that_is_stopped_is_counted_told_to_go_on_and_costs_the_run_nothing(tmp_path: Path) -> None:
    """The recorder is killed meanwhile: until the keeper goes on there is none, and the ring has room for that."""
    process = begin(tmp_path, duration_s=8.0)
    folder = running(tmp_path)
    (keeper,) = sr.children(process.pid)
    (recorder,) = sr.children(keeper)
    os.kill(keeper, signal.SIGSTOP)
    os.kill(recorder, signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    result = json.loads(out)
    assert (result["rows_lost"], result["recorder_error"], result["verdict"]) == (0, "", "met")
    assert recorder_counters(folder)["restarts"] == 1
    assert recorder_counters(folder)["keeper_stops"] >= 1
    told = [event["text"] for event in sr.events(folder) if event["kind"] == "recorder"]
    assert any("keeper stood still" in text for text in told)


def test_a_keeper_that_is_stopped_at_the_end_does_not_fail_the_run(tmp_path: Path) -> None:
    process = begin(tmp_path, duration_s=3.0)
    folder = running(tmp_path)
    (keeper,) = sr.children(process.pid)
    os.kill(keeper, signal.SIGSTOP)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    result = json.loads(out)
    assert (result["rows_lost"], result["recorder_error"], result["verdict"]) == (0, "", "met")
    assert pq.read_metadata(folder / "trend.parquet").num_rows == result["cycles"]


def test_with_its_keeper_gone_too_what_is_lost_is_counted_and_told(tmp_path: Path) -> None:
    process = begin(tmp_path, duration_s=4.0)
    folder = running(tmp_path)
    (keeper,) = sr.children(process.pid)
    (recorder,) = sr.children(keeper)
    for gone in (keeper, recorder):
        os.kill(gone, signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "were not recorded: the recorder process ended early" in err
    rows, cycles = pq.read_metadata(folder / "trend.parquet").num_rows, json.loads(out)["cycles"]
    assert 0 < rows < cycles, "some before, none after"
    assert f'"rows_lost": {cycles - rows}' in out
    assert f'"rows_lost": {cycles - rows}' in (folder / "run.json").read_text()


def test_a_terminal_that_takes_nothing_more_does_not_stop_the_loop(tmp_path: Path) -> None:
    """As after Ctrl-S: the buffer of the terminal fills with pictures of the progress, and nobody reads it."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    os.set_blocking(theirs, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(theirs, b"." * 512)
    os.set_blocking(theirs, True)
    rig = sr.write_rig(tmp_path, duration_s=2.0)
    command = [sys.executable, "-m", "hil", "run", str(rig), "--out", str(tmp_path / "runs")]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    folder = sr.wait_for(lambda: sr.run_folder(tmp_path / "runs"), "a run folder")
    sr.wait_for((folder / "run.json").exists, "the end of the loop")
    os.close(ours)
    process.wait(120)
    # Had it stood still, it would have done so from the first picture on: all but a cycle would have been skipped.
    told = json.loads((folder / "run.json").read_text())
    timing = json.loads((folder / "timing.json").read_text())
    sr.expect_whole_grid(told["cycles"], timing["skipped_periods"], 100, 0.02)
    assert told["cycles"] > 30
