"""The loop's process has one thread, whatever libraries it loads and whatever the environment asks of them."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
import small_rig as sr
from far_end import POINTS, FarEnd
from test_bad_days_field import RIG

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="counts the tasks of a process"),
    pytest.mark.usefixtures("no_rings_left"),
]
ASKED = {
    "OPENBLAS_NUM_THREADS": "3",
    "OMP_NUM_THREADS": "3",
    "JE_ARROW_MALLOC_CONF": "background_thread:true",
}


def tasks_during_a_run(rig: Path, out: Path, asked: dict[str, str]) -> set[tuple[str, ...]]:
    """Names of the threads of the loop's process, as found while it runs."""
    process = sr.start("run", rig, "--out", out, "--json", env=os.environ | asked)
    sr.wait_for(lambda: sr.recorded_to_s(sr.run_folder(out)) > 0.5, "the first rows")
    found = set()
    until_s = sr.recorded_to_s(sr.run_folder(out)) + 0.5
    while sr.recorded_to_s(sr.run_folder(out)) < until_s:
        tasks = Path(f"/proc/{process.pid}/task").iterdir()
        found.add(tuple((task / "comm").read_text().strip() for task in tasks))
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=120)
    return found


@pytest.mark.parametrize("asked", [{}, ASKED], ids=["as usual", "asked for more"])
def test_without_devices(tmp_path: Path, asked: dict[str, str]) -> None:
    found = tasks_during_a_run(sr.write_rig(tmp_path), tmp_path / "runs", asked)
    assert {len(tasks) for tasks in found} == {1}, found


def test_with_a_device_real_time_and_a_controller_in_a_worker(tmp_path: Path) -> None:
    rig = tmp_path / "rig.yaml"
    (tmp_path / "tank.csv").write_text(POINTS)
    with FarEnd() as far:
        text = RIG.format(duration_s=60.0, port=far.port)
        paced = "    type: pid\n    every: 10\n    worker: {deadline_s: 0.2, fallback_after: 5}\n"
        text = text.replace("    type: pid\n", paced)
        rig.write_text(text + "realtime: {priority: 80, lock_memory: true, wait: spin, rehearse: true}\n")
        found = tasks_during_a_run(rig, tmp_path / "runs", {})
    assert {len(tasks) for tasks in found} == {1}, found
