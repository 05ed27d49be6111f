"""Run folders made without the loop: a process under PI control, with what goes wrong in the field.

The process is solved once on a fine grid and sampled as a recorder would, so that the same trajectory can
be had at any period, with any cycle skipped.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FINE_S = 0.1
SUPPLY, SUPPLY_SP, VALVE, LOAD = (
    "tcs_supply_temp_degc",
    "tcs_supply_setpoint_degc",
    "fws_valve_percent",
    "it_load_kw",
)

SIGNALS: dict[str, dict[str, Any]] = {
    SUPPLY: {"unit": "degC", "range": [0.0, 80.0], "failsafe": 40.0, "max_age_s": 1.0},
    SUPPLY_SP: {"unit": "degC", "range": [15.0, 45.0], "failsafe": 30.0},
    VALVE: {"unit": "%", "range": [0.0, 100.0], "failsafe": 100.0},
    LOAD: {"unit": "kW", "range": [0.0, 2500.0], "failsafe": 0.0},
    "pump_power_kw": {"unit": "kW", "range": [0.0, 100.0], "failsafe": 0.0},
    "energy_residual_kw": {"unit": "kW", "range": [-100.0, 100.0], "failsafe": 0.0},
}


@dataclass
class Case:
    """What is run: times in s, levels in the signals' units."""

    duration_s: float = 3600.0
    steps: tuple[tuple[float, float], ...] = ((1200.0, 32.0), (2400.0, 30.0))
    outage: tuple[float, float] | None = (3000.0, 3090.0)
    fault: tuple[float, float] | None = (1800.0, 1860.0)
    noise_k: float = 0.0
    swing: float = 1.0  # of the load, as a share of its full swing
    seed: int = 7


def solve(case: Case) -> dict[str, np.ndarray]:
    """A supply temperature with a lag of 40 s on valve and load, held by a PI controller on a valve of 20 s."""
    count = round(case.duration_s / FINE_S) + 1
    t = np.arange(count) * FINE_S
    rng = np.random.default_rng(case.seed)
    swing = 350.0 * np.sign(np.sin(2 * math.pi * t / 700.0)) + 60.0 * np.sin(2 * math.pi * t / 83.0)
    load = 1200.0 + case.swing * swing
    setpoint = np.full(count, 30.0)
    for at_s, level in case.steps:
        setpoint[t >= at_s] = level
    noise = case.noise_k * rng.standard_normal(count)
    columns = {name: np.zeros(count) for name in (SUPPLY, VALVE)}
    quality, limit = np.zeros(count, np.uint8), np.zeros(count, np.uint8)
    temp, valve, integral, measured = 30.0, 48.0, 48.0, 30.0
    for k in range(count):
        stuck = case.fault is not None and case.fault[0] <= t[k] < case.fault[1]
        out = case.outage is not None and case.outage[0] <= t[k] < case.outage[1]
        if out:
            quality[k] = 1 if t[k] < case.outage[0] + 10.0 else 2
        else:
            measured = temp + noise[k]
        error = measured - setpoint[k]
        wanted = integral + 9.0 * error
        asked = 100.0 if quality[k] == 2 else wanted
        sent = min(max(asked, 8.0), 95.0)
        limit[k] = (8 if quality[k] == 2 else 0) | (2 if asked > 95.0 else 1 if asked < 8.0 else 0)
        integral += FINE_S * (9.0 / 60.0 * error + (sent - asked) / 30.0) if quality[k] == 0 else 0.0
        columns[SUPPLY][k], columns[VALVE][k] = measured, sent
        valve += 0.0 if stuck else FINE_S / 20.0 * (sent - valve)
        rest = 30.0 + 0.012 * (load[k] - 1200.0) - 0.25 * (valve - 48.0)
        temp += FINE_S / 40.0 * (rest - temp)
    return {
        "t_s": t, **columns, SUPPLY_SP: setpoint, LOAD: load,
        "pump_power_kw": np.full(count, 36.0), "energy_residual_kw": 0.02 * np.sin(t),
        f"{SUPPLY}.quality": quality, f"{VALVE}.limit": limit,
    }  # fmt: skip


def sampled(
    fine: dict[str, np.ndarray], period_s: float, drop: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Each row of the fine solution that a cycle of this period would have recorded, less the rows to drop."""
    rows = np.arange(0, fine["t_s"].size, round(period_s / FINE_S))
    rows = rows if drop is None else np.delete(rows, drop)
    return {name: values[rows] for name, values in fine.items()}


def rig(case: Case, period_s: float, clock: str = "virtual") -> dict[str, Any]:
    """A resolved rig for the case."""
    return {
        "rig": "bench_cdu",
        "description": "One CDU, supply temperature by the FWS valve",
        "clock": clock,
        "period_s": period_s,
        "duration_s": case.duration_s,
        "seed": case.seed,
        "signals": SIGNALS,
        "load": LOAD,
        "loops": {
            "supply_temperature": {
                "setpoint": SUPPLY_SP, "measured": SUPPLY, "output": VALVE, "band": 0.5, "warm_up_s": 300.0,
            }
        },
        "requirements": [
            {"kpi": "loops.supply_temperature.worst_overshoot", "max": 1.0},
            {"kpi": "loops.supply_temperature.mean_abs_error", "max": 2.0},
        ],
    }  # fmt: skip


def histogram(seed: int, centre_us: float, count: int = 3600) -> dict[str, Any]:
    """A phase's timing, in buckets a quarter wide, empty ones left out."""
    times = centre_us * np.exp(0.35 * np.random.default_rng(seed).standard_normal(count))
    uppers = 1.25 ** np.arange(60)
    counts = np.histogram(times, np.concatenate(([0.0], uppers)))[0]
    figures = {f"p{name}_us": float(np.percentile(times, q)) for name, q in
               (("50", 50), ("90", 90), ("99", 99), ("99_9", 99.9))}  # fmt: skip
    buckets = [[float(u), int(c)] for u, c in zip(uppers, counts, strict=True) if c]
    ends = {"max_us": float(times.max()), "mean_us": float(times.mean())}
    return {"count": count, **figures, **ends, "buckets": buckets}


@dataclass
class Folder:
    """What goes into a run folder; ``None`` for a file that a crash kept from being written."""

    rig: dict[str, Any]
    columns: dict[str, np.ndarray]
    events: list[dict[str, Any]] = field(default_factory=list)
    timing: dict[str, Any] | None = None
    run: dict[str, Any] | None = None
    stream: bool = False

    def write(self, path: Path) -> Path:
        """Write the folder and give its path."""
        path.mkdir(parents=True)
        # JSON is YAML: the reader under test is given what the maker of a rig file could have written.
        (path / "rig.yaml").write_text(json.dumps(self.rig, indent=2))
        (path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in self.events))
        table = pa.table(self.columns)
        if self.stream:
            with (
                pa.OSFile(str(path / "trend.arrow"), "wb") as file,
                pa.ipc.new_stream(file, table.schema) as out,
            ):
                for batch in table.to_batches(max_chunksize=100):
                    out.write_batch(batch)
        else:
            pq.write_table(table, path / "trend.parquet")
        for name, content in (("timing.json", self.timing), ("run.json", self.run)):
            if content is not None:
                (path / name).write_text(json.dumps(content))
        return path


def whole(case: Case, columns: dict[str, np.ndarray], period_s: float, clock: str = "virtual") -> Folder:
    """A run that came to its end."""
    rows = int(columns["t_s"].size)
    events = [
        {"t_s": at, "kind": "setpoint", "source": SUPPLY_SP, "text": f"to {to:g} degC"}
        for at, to in case.steps
    ]
    if case.fault:
        for at, kind in zip(case.fault, ("fault_start", "fault_end"), strict=True):
            events.append({"t_s": at, "kind": kind, "source": "cdu", "text": "valve stuck"})
    if case.outage:
        events.append({"t_s": case.outage[0], "kind": "quality", "source": SUPPLY, "text": "GOOD to STALE"})
    phases = {name: histogram(n, us) for n, (name, us) in enumerate(
        (("cycle", 300.0), ("read", 120.0), ("plant", 40.0), ("control", 25.0), ("limits", 8.0),
         ("write", 90.0), ("record", 6.0), *((("lateness", 60.0),) if clock == "wall" else ())))}  # fmt: skip
    timing = {
        "clock": clock,
        "period_s": period_s,
        "cycles": rows,
        "overruns": 0,
        "skipped_periods": 0,
        "phases": phases,
    }
    run = {
        "version": "0.1.0", "python": "3.11.2", "platform": "Linux-x86_64", "packages": {"numpy": "2.0"},
        "started_utc": "2026-11-22T16:00:00Z", "simulated_s": float(columns["t_s"][-1]), "wall_s": 0.4,
        "cycles": rows, "stop": "end", "stop_reason": "", "rows_lost": 0, "recorder_error": None,
        "counters": {"plc": {"timeouts": 3, "reconnections": 1}}, "command": "hil run bench.yaml",
    }  # fmt: skip
    return Folder(rig(case, period_s, clock), columns, sorted(events, key=lambda e: e["t_s"]), timing, run)
