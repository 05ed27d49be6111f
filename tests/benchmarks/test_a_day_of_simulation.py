"""A day of the CDU at 1 s, recording included, in one process: how many times faster than real time.

The target is 10,000 times, and 31,000 to 44,000 are reached on the machine of the README. What is asserted here is what
still holds where the processor is three times slower and half of it is somebody else's: a kernel that falls back to
Python is fifty times slower. The best of a few days is judged.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

TARGET_TIMES_REAL_TIME, LEAST_TIMES_REAL_TIME = 10_000, 4_000
MOST_DAYS = 3


def hil_run_json(root: Path, out: Path, *options: str) -> dict[str, Any]:
    rig = root / "configs" / "rigs" / "cdu_sil.yaml"
    command = [sys.executable, "-m", "hil", "run", str(rig), "--json", "--out", str(out), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def quick_day(benchmark: Any, root: Path, out: Path, *options: str) -> dict[str, Any]:
    """Give the first of up to MOST_DAYS runs that is quick enough; each must be whole."""
    results: list[dict[str, Any]] = []

    def days() -> None:
        while len(results) < MOST_DAYS:
            results.append(hil_run_json(root, out, *options))
            if results[-1]["simulated_s"] / results[-1]["wall_s"] >= LEAST_TIMES_REAL_TIME:
                return

    benchmark.pedantic(days, rounds=1)
    for result in results:
        assert result["simulated_s"] == 86_400.0
        assert result["cycles"] == 86_400
    times = [result["simulated_s"] / result["wall_s"] for result in results]
    benchmark.extra_info |= {"times_real_time": times, "target": TARGET_TIMES_REAL_TIME}
    assert times[-1] >= LEAST_TIMES_REAL_TIME, f"{times} times real time"
    return results[-1]


def test_the_real_day(benchmark, root: Path, real_day: Path, tmp_path: Path) -> None:
    result = quick_day(benchmark, root, tmp_path, "--load", f"{real_day}:cdu_01_heat_w")
    loop = result["kpis"]["loops"]["supply_temp"]
    assert loop["within_band_percent"] > 99.0


def test_the_synthetic_day(benchmark, root: Path, tmp_path: Path) -> None:
    quick_day(benchmark, root, tmp_path)
