"""A small rig, and ``hil run`` on it as a process of its own, for tests of what only processes can show."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

RIG = """\
rig: small
clock: {clock}
period_s: {period_s}
duration_s: {duration_s}
seed: 3
signals:
  setpoint_degc: {{unit: degC, range: [0, 60]}}
  supply_temp_degc: {{unit: degC, range: [0, 60], initial: 20}}
  valve_percent: {{unit: "%", range: [0, 100], failsafe: 77, initial: 10}}
sources:
  setpoint_degc: {{type: square, low: 30, high: 34, period_s: 8, edge_time_s: 0}}
plants:
  tank:
    type: transfer_function
    numerator: [0.6]
    denominator: [2.0, 1.0]
    dead_time_s: 0.1
    inputs: [valve_percent]
    outputs: [supply_temp_degc]
    output_levels: [15]
controllers:
  supply_temp:
    type: pid
    setpoint: setpoint_degc
    measured: supply_temp_degc
    output: valve_percent
    action: reverse
    gain: 2
    gain_unit: "%/K"
    integral_time_s: 2
loops:
  supply_temp: {{setpoint: setpoint_degc, measured: supply_temp_degc, output: valve_percent, band: 20}}
requirements:
  - {{kpi: loops.supply_temp.within_band_percent, min: 50}}
"""


HELD_UP_S = 3.0
"""For so long a shared machine may hold up what is due at once: the tests that use it say what must hold besides."""

STARTED: list[subprocess.Popen[str]] = []


def write_rig(folder: Path, *, clock: str = "wall", period_s: float = 0.02, duration_s: float = 60.0) -> Path:
    path = folder / "small.yaml"
    path.write_text(RIG.format(clock=clock, period_s=period_s, duration_s=duration_s))
    return path


def start(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Start ``hil`` with its own group, so that a test may end all of it and nothing else."""
    command = [sys.executable, "-m", "hil", *map(str, arguments)]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, **options,
    )  # fmt: skip
    STARTED.append(process)
    return process


def end_all() -> None:
    """End what a failed test has left running, and close its pipes."""
    for process in STARTED:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        if process.stdout is not None and not process.stdout.closed:
            process.communicate()
    STARTED.clear()


def run(*arguments: object, timeout_s: float = 180.0, **options: Any) -> subprocess.CompletedProcess[str]:
    process = start(*arguments, **options)
    try:
        out, err = process.communicate(timeout=timeout_s)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def wait_for(condition: Callable[[], Any], what: str, timeout_s: float = 90.0) -> Any:
    """Give the first true answer; fails after ``timeout_s``."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {timeout_s} s for {what}")


def run_folder(out: Path) -> Path | None:
    """The one run folder under ``out``, when it is there."""
    found = list(out.iterdir()) if out.is_dir() else []
    return found[0] if found else None


def recorded(folder: Path | None) -> list[float]:
    """Loop times of the rows on the disk, s; none while there is no stream."""
    times_s: list[float] = []
    if folder is None or not (folder / "trend.arrow").exists():
        return times_s
    with (
        # The last batch may be in the middle of being written: its head there and not its body.
        contextlib.suppress(pa.ArrowInvalid, OSError),
        pa.ipc.open_stream((folder / "trend.arrow").read_bytes()) as reader,
    ):
        for batch in reader:
            times_s += batch["t_s"].to_pylist()
    return times_s


def recorded_to_s(folder: Path | None) -> float:
    """Loop time of the last row on the disk, s; 0 while there is none."""
    return (recorded(folder) or [0.0])[-1]


def children(process_id: int) -> list[int]:
    """Processes whose parent is ``process_id``."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process_id:
            found.append(int(entry.name))
    return found


def alive(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def expect_whole_grid(cycles: int, skipped_periods: int, planned: int, period_s: float) -> None:
    """Each point had its cycle or is counted; a last cycle that is held up counts points after the end as well."""
    assert planned <= cycles + skipped_periods <= planned + HELD_UP_S / period_s


def events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
