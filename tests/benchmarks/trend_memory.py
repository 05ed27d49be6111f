"""How much memory a long run takes after its end: the conversion to Parquet, and the report of it whole and cut off.

``python tests/benchmarks/trend_memory.py --rows 864000 --signals 60`` makes the stream of a day at 10 Hz as a recorder
does, a batch every 0.25 s, and prints the peak of each step, which runs in a process of its own. The figures of the
stream and of the Parquet file are compared too. It takes some minutes and 3 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from hil.record import RowLayout
from hil.record.trend_file import TrendFile, to_parquet
from hil.report import build_report

PERIOD_S = 0.1
ROWS_A_BATCH = 3
STEPS = {
    "report of the stream": "report",
    "conversion to Parquet": "convert",
    "report of the Parquet file": "report",
}


def make(folder: Path, rows: int, signals: int, a_batch: int) -> None:
    names = tuple(f"temp_{n}_degc" for n in range(signals))
    layout = RowLayout(names, names[2:4])
    trend, rng = TrendFile(folder / "trend.arrow", layout), np.random.default_rng(1)
    for first in range(0, rows, a_batch):
        part = np.zeros(min(a_batch, rows - first), layout.dtype)
        part["t"] = (first + np.arange(part.size)) * PERIOD_S
        slow = np.sin(part["t"][:, None] / (100 + np.arange(signals)))
        part["value"] = 30.0 + slow + 0.05 * rng.standard_normal((part.size, signals))
        part["value"][:, 1] = 30.0 + (part["t"] // 7200 % 2)
        trend.write(part.tobytes(), part.size)
    trend.close()
    shown = {name: {"unit": "degC", "range": [0, 100], "failsafe": 0} for name in names}
    loop = {"measured": names[0], "setpoint": names[1], "output": names[2], "band": 0.5}
    rig = {
        "rig": "day",
        "period_s": PERIOD_S,
        "duration_s": rows * PERIOD_S,
        "signals": shown,
        "loops": {"a": loop},
    }
    (folder / "rig.yaml").write_text(json.dumps(rig))
    (folder / "events.jsonl").touch()


def step(what: str, folder: Path) -> None:
    """One step, in this process; prints its time (s) and the peak of its memory (MB)."""
    began = time.monotonic()
    if what == "convert":
        to_parquet(folder / "trend.arrow", folder / "trend.parquet")
    else:
        build_report(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1 << 10 if sys.platform == "linux" else 1 << 20
    )
    sys.stdout.write(f"{time.monotonic() - began:8.1f} s  {peak:8.0f} MB\n")


def figures(folder: Path) -> object:
    return json.loads((folder / "kpis.json").read_text())["kpis"]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rows", type=int, default=864_000)
    parser.add_argument("--signals", type=int, default=60)
    parser.add_argument("--rows-a-batch", type=int, default=ROWS_A_BATCH)
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step:
        step(asked.step[0], Path(asked.step[1]))
        return 0
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, asked.rows, asked.signals, asked.rows_a_batch)
        values_mb = asked.rows * (8 + 10 * asked.signals) / 1e6
        sys.stdout.write(f"{asked.rows} rows, {asked.signals} signals: {values_mb:.0f} MB of values\n")
        for told, what in STEPS.items():
            command = [sys.executable, __file__, "--step", what, name]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            sys.stdout.write(f"{told:27}{done.stdout}")
            sys.stdout.flush()
            if what == "report":
                found.append(figures(folder))
    sys.stdout.write(f"figures of both are {'the same' if found[0] == found[1] else 'DIFFERENT'}\n")
    return int(found[0] != found[1])


if __name__ == "__main__":
    sys.exit(main())
