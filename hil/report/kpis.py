"""Key figures of a run, each computed once over whole columns.

They do not depend on the control period: time is weighed (:mod:`hil.report.integrals`), edges of the band are
found between rows, and movements are counted with a hysteresis. What cannot be computed is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hil.report.facility_kpis import facility_kpis
from hil.report.integrals import (
    held_s,
    interval_errors,
    interval_weights,
    mean_abs,
    share_within,
    time_integral,
)  # fmt: skip
from hil.report.kpi_names import (
    LOOP_KPIS,
    MARGIN_KPIS,
    TIMING_KPIS,
    difference_unit,
    energy_kpis,
    integral_unit,
    signal_range,
    signal_unit,
)  # fmt: skip
from hil.report.resolution import increment
from hil.report.run_data import RunData, mapping, number
from hil.report.steps import StepResponse, find_steps, step_response
from hil.report.time_to import limit_times
from hil.report.travel import TRAVEL_HYSTERESIS, travel_and_reversals
from hil.report.trend_data import Floats, Trend

LIMIT_LOW, LIMIT_HIGH, LIMIT_RATE, LIMIT_FAILSAFE, LIMIT_NONFINITE = 1, 2, 4, 8, 16
"""Bits of a limit column, as ``controller.Limit`` has them."""


def compute_kpis(run: RunData) -> dict[str, Any]:
    """All key figures of a run, nested; their names and units are in the package's README.

    ``loops.<loop>`` is taken after the loop's warm-up and from good measured values alone, everything else
    from the whole run. The result holds numbers, strings, None and lists of steps: it goes to JSON as is.
    """
    weights_s, unrecorded_s = interval_weights(run.trend.t_s, run.period_s)
    loops = mapping(run.rig.get("loops"))
    return {
        "loops": {name: loop_kpis(run, mapping(loop)) for name, loop in loops.items()},
        "run": _run_kpis(run, float(weights_s.sum()), unrecorded_s),
        "timing": _timing_kpis(run.timing),
        "margins": _margin_kpis(run.timing),
        "energy": _energy_kpis(run, weights_s),
        "signals": _signal_kpis(run.trend, weights_s),
        **_optional(run),
    }


def _optional(run: RunData) -> dict[str, Any]:
    """Give the figures that only a rig with a facility, or with limits to be timed, has."""
    facility, limits = facility_kpis(run), limit_times(run)
    timed = {f"{limit.name}_s": limit.time_s for limit in limits}
    return ({"facility": facility} if facility else {}) | (
        {"time_to": timed, "limits": [asdict(limit) for limit in limits]} if limits else {}
    )


def loop_kpis(run: RunData, loop: Mapping[str, Any]) -> dict[str, Any]:
    """Key figures of one control loop; each is None where the rows for it are missing."""
    signals = mapping(run.rig.get("signals"))
    unit = difference_unit(signal_unit(signals, loop.get("measured")))
    kpis: dict[str, Any] = dict.fromkeys(LOOP_KPIS)
    kpis |= {"iae_unit": integral_unit(unit), "error_unit": unit, "steps": []}
    evaluated = run.trend.t_s >= (number(loop.get("warm_up_s")) or 0.0)
    names = {role: str(loop.get(role)) for role in ("setpoint", "measured", "output")}
    if np.count_nonzero(evaluated) < 2 or names["measured"] not in run.trend.values:
        return kpis
    weights_s, _ = interval_weights(run.trend.t_s[evaluated], run.period_s)
    kpis["evaluated_s"] = float(weights_s.sum())
    kpis |= _error_kpis(run, names, number(loop.get("band")), evaluated, weights_s)
    kpis |= _output_kpis(run.trend, names["output"], signals, evaluated, weights_s)
    return kpis


def _error_kpis(
    run: RunData, names: Mapping[str, str], band: float | None, rows: NDArray[np.bool_], weights_s: Floats
) -> dict[str, Any]:
    """How near the measured value kept to the set-point, over the time for which it was good."""
    trend = run.trend
    good = trend.good(names["measured"])[rows]
    kpis: dict[str, Any] = {"not_good_s": held_s(~good, weights_s)}
    good &= trend.good(names["setpoint"])[rows] | _made_here(trend, names["setpoint"], rows)
    good_s = np.where(good[:-1], weights_s, 0.0)
    total_s = float(good_s.sum())
    if total_s <= 0.0:
        return kpis
    measured, setpoint = trend.values[names["measured"]][rows], trend.values[names["setpoint"]][rows]
    start, end = interval_errors(setpoint, measured, good)
    start, end = np.where(good_s > 0.0, start, 0.0), np.where(good_s > 0.0, end, 0.0)
    iae = float(np.sum(mean_abs(start, end) * good_s))
    kpis |= {
        "iae": iae,
        "mean_abs_error": iae / total_s,
        "max_abs_error": float(np.maximum(np.abs(start), np.abs(end)).max()),
    }
    if band is None or band <= 0.0:
        return kpis
    # A value that cannot be believed is not within the band: the share is of the whole time evaluated.
    within_s = float(np.sum(share_within(start, end, band) * good_s))
    kpis["within_band_percent"] = 100.0 * within_s / float(weights_s.sum())
    return kpis | _step_kpis(_responses(run, trend.t_s[rows], setpoint, measured, good, band))


def _responses(
    run: RunData, t_s: Floats, setpoint: Floats, measured: Floats, good: NDArray[np.bool_], band: float
) -> list[StepResponse]:
    """Give the answers to the steps, each watched until a fault starts: what comes then is the fault's."""
    faults_s = [event.t_s for event in run.events if event.kind == "fault_start"]
    steps = find_steps(t_s, setpoint, band, run.period_s, faults_s)
    finest = increment(measured[good]) if steps else 0.0
    return [step_response(step, t_s, measured, good, band, finest) for step in steps]


def _made_here(trend: Trend, signal: str, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a set-point is finite: a substituted one is still what the loop was asked to hold."""
    values = trend.values.get(signal)
    count = int(np.count_nonzero(rows))
    return np.zeros(count, dtype=bool) if values is None else np.isfinite(values[rows])


def _step_kpis(steps: list[StepResponse]) -> dict[str, Any]:
    """Give the steps, and the worst of those judged: None for a settling time that one of them never reached."""
    judged = [step for step in steps if step.judged]
    overshoots = [step.overshoot for step in judged if step.overshoot is not None]
    settlings = [step.settling_s for step in judged if step.settling_s is not None]
    return {
        "steps": [asdict(step) for step in steps],
        "step_count": len(steps),
        "steps_not_judged": len(steps) - len(judged),
        "worst_overshoot": max(overshoots) if judged and len(overshoots) == len(judged) else None,
        "worst_settling_s": max(settlings) if judged and len(settlings) == len(judged) else None,
    }


def _output_kpis(
    trend: Trend, output: str, signals: Mapping[str, Any], rows: NDArray[np.bool_], weights_s: Floats
) -> dict[str, Any]:
    """Tell what the loop cost its actuator, and how long it was not free."""
    kpis: dict[str, Any] = {}
    if output in trend.values:
        values = trend.values[output][rows]
        values = values[np.isfinite(values)]
        limits = signal_range(signals, output) or (float(values.min()), float(values.max()))
        travel, reversals = travel_and_reversals(values, TRAVEL_HYSTERESIS * (limits[1] - limits[0]))
        kpis |= {"output_travel": travel, "output_reversals": reversals}
    if output in trend.limit:
        bits = trend.limit[output][rows]
        kpis["saturation_s"] = held_s((bits & (LIMIT_LOW | LIMIT_HIGH)) != 0, weights_s)
        kpis["rate_limited_s"] = held_s((bits & LIMIT_RATE) != 0, weights_s)
        kpis["failsafe_s"] = held_s((bits & LIMIT_FAILSAFE) != 0, weights_s)
    return kpis


def _run_kpis(run: RunData, recorded_s: float, unrecorded_s: float) -> dict[str, Any]:
    simulated_s, wall_s = number(run.run.get("simulated_s")), number(run.run.get("wall_s"))
    return {
        "simulated_s": simulated_s,
        "wall_s": wall_s,
        "times_real_time": simulated_s / wall_s if simulated_s is not None and wall_s else None,
        "cycles": number(run.timing.get("cycles", run.run.get("cycles"))),
        "rows": run.trend.rows,
        "rows_lost": number(run.run.get("rows_lost")),
        "recorded_s": recorded_s,
        "unrecorded_s": unrecorded_s,
        "overruns": number(run.timing.get("overruns")),
        "skipped_periods": number(run.timing.get("skipped_periods")),
    }


def _timing_kpis(timing: Mapping[str, Any]) -> dict[str, Any]:
    phases = mapping(timing.get("phases"))
    return {
        phase: {kpi: number(mapping(figures).get(kpi)) for kpi in TIMING_KPIS}
        for phase, figures in phases.items()
    }


def _margin_kpis(timing: Mapping[str, Any]) -> dict[str, Any]:
    found = timing.get("margins")
    return {
        str(margin["loop"]): {kpi: number(margin.get(kpi)) for kpi in MARGIN_KPIS}
        for margin in map(mapping, found if isinstance(found, list) else ())
        if "loop" in margin
    }


def _energy_kpis(run: RunData, weights_s: Floats) -> dict[str, float | None]:
    """Energies over the whole run in kWh, and the largest residual of each balance in its unit."""
    kpis: dict[str, float | None] = {}
    for name, signal, kwh_per_unit_s in energy_kpis(mapping(run.rig.get("signals"))):
        values = run.trend.values.get(signal)
        if values is None or weights_s.size == 0 or not np.isfinite(values).all():
            kpis[name] = None
        elif kwh_per_unit_s == 0.0:
            kpis[name] = float(np.abs(values).max())
        else:
            kpis[name] = time_integral(values, weights_s) * kwh_per_unit_s
    return kpis


def _signal_kpis(trend: Trend, weights_s: Floats) -> dict[str, dict[str, float | None]]:
    return {signal: _one_signal(trend, signal, weights_s) for signal in trend.values}


def _one_signal(trend: Trend, signal: str, weights_s: Floats) -> dict[str, float | None]:
    """Range and mean over time of the good values of a signal, and its last value, good or not."""
    values, good = trend.values[signal], trend.good(signal)
    kpis: dict[str, float | None] = dict.fromkeys(("min", "mean", "max", "last"))
    kpis["not_good_s"] = held_s(~good, weights_s)
    if values.size and np.isfinite(values[-1]):
        kpis["last"] = float(values[-1])
    if not good.any():
        return kpis
    believed = values if good.all() else values[good]
    kpis |= {"min": float(believed.min()), "max": float(believed.max())}
    good_s = weights_s * (good[:-1] & good[1:])
    total_s = float(good_s.sum())
    finite = values if good.all() else np.where(good, values, 0.0)
    kpis["mean"] = time_integral(finite, good_s) / total_s if total_s > 0.0 else None
    return kpis
