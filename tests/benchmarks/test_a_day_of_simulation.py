"""A day of the CDU at 1 s, recording included, in one process: how many times faster than real time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LEAST_TIMES_REAL_TIME = 10_000


def hil_run_json(root: Path, out: Path, *options: str) -> dict[str, Any]:
    rig = root / "configs" / "rigs" / "cdu_sil.yaml"
    command = [sys.executable, "-m", "hil", "run", str(rig), "--json", "--out", str(out), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def check_speed(result: dict[str, Any]) -> None:
    assert result["simulated_s"] == 86_400.0
    assert result["cycles"] == 86_400
    times_real_time = result["simulated_s"] / result["wall_s"]
    assert times_real_time >= LEAST_TIMES_REAL_TIME, f"{times_real_time:,.0f} times real time"


def test_the_real_day(root: Path, real_day: Path, tmp_path: Path) -> None:
    result = hil_run_json(root, tmp_path, "--load", f"{real_day}:cdu_01_heat_w")
    check_speed(result)
    loop = result["kpis"]["loops"]["supply_temp"]
    assert loop["within_band_percent"] > 99.0


def test_the_synthetic_day(root: Path, tmp_path: Path) -> None:
    check_speed(hil_run_json(root, tmp_path))
