"""Names and units of the KPIs: what a requirement may ask for, known before the run."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from hil.loop.trend_layout import PHASES
from hil.report.run_data import mapping, number

LOOP_KPIS = (
    "iae", "mean_abs_error", "max_abs_error", "step_count", "steps_not_judged", "worst_overshoot",
    "worst_settling_s", "within_band_percent", "output_travel", "output_reversals", "saturation_s", "rate_limited_s",
    "failsafe_s", "not_good_s", "evaluated_s",
)  # fmt: skip
SIGNAL_KPIS = ("min", "mean", "max", "last", "not_good_s")
RUN_KPIS = (
    "simulated_s", "wall_s", "times_real_time", "cycles", "rows", "rows_lost", "recorded_s", "unrecorded_s",
    "overruns", "skipped_periods",
)  # fmt: skip
TIMING_KPIS = ("p50_us", "p90_us", "p99_us", "p99_9_us", "max_us", "mean_us")
MARGIN_KPIS = ("crossover_rad_s", "nominal_deg", "delay_s", "lost_deg", "remaining_deg")
FACILITY_KPIS = {
    "pue": "", "wue_l_kwh": "L/kWh", "it_energy_mwh": "MWh", "facility_energy_mwh": "MWh", "water_l": "L",
    "free_cooling_h": "h", "partly_mechanical_h": "h", "mechanical_h": "h", "mode_changes": "",
    "hottest_case_temp_degc": "°C", "not_good_s": "s",
}  # fmt: skip
"""Key figures of the facility as a whole, and their units as printed."""
FIELD_TIMES = ("sensor_to_actuator", "data_age")
"""Times that only a rig with devices has."""

_KWH_PER_UNIT_SECOND = {"W": 1.0 / 3.6e6, "kW": 1.0 / 3600.0, "MW": 1.0 / 3.6}
_POWER_SUFFIXES = ("_power_kw", "_power_mw", "_power_w", "_kw", "_mw", "_w")
_SUFFIX_UNITS = {"_rad_s": "rad/s", "_deg": "°", "_s": "s", "_us": "µs", "_percent": "%", "_kwh": "kWh"}


def known_kpis(rig: Mapping[str, Any]) -> set[str]:
    """Dotted names of the KPIs that a run of this (resolved) rig will have.

    Lateness is among them only where the clock is the wall's: on a virtual clock it has no meaning.
    """
    is_wall = rig.get("clock") == "wall"
    phases = ["cycle", *PHASES, *(["lateness"] if is_wall else [])]
    phases += FIELD_TIMES if mapping(rig.get("devices")) else ()
    controllers = mapping(rig.get("controllers")) if is_wall else {}
    pids = [name for name, each in controllers.items() if mapping(each).get("type", "pid") == "pid"]
    signals = mapping(rig.get("signals"))
    return {
        *(f"loops.{loop}.{kpi}" for loop in mapping(rig.get("loops")) for kpi in LOOP_KPIS),
        *(f"signals.{signal}.{kpi}" for signal in signals for kpi in SIGNAL_KPIS),
        *(f"run.{kpi}" for kpi in RUN_KPIS),
        *(f"timing.{phase}.{kpi}" for phase in phases for kpi in TIMING_KPIS),
        *(f"margins.{loop}.{kpi}" for loop in pids for kpi in MARGIN_KPIS),
        *(f"energy.{name}" for name, _, _ in energy_kpis(signals)),
        *(f"facility.{kpi}" for kpi in FACILITY_KPIS if mapping(rig.get("facility"))),
        *(f"time_to.{limit['name']}_s" for limit in timed_limits(rig)),
    }


def timed_limits(rig: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Limits of rig and scenario to which the time is told: those that have a name, a signal and one side."""
    listed = [rig.get("limits"), mapping(rig.get("scenario")).get("limits")]
    limits = [mapping(each) for some in listed if isinstance(some, list | tuple) for each in some]
    return [
        limit
        for limit in limits
        if {"name", "signal"} <= limit.keys()
        and (number(limit.get("above")), number(limit.get("below"))) != (None, None)
    ]


def energy_kpis(signals: Mapping[str, Any]) -> list[tuple[str, str, float]]:
    """KPI name, signal and kWh per (unit of the signal times s), for each signal that is a power.

    ``pump_power_kw`` gives ``pump_energy_kwh``. A ``…residual…`` of a balance has no energy of its own; its
    largest size is kept, as ``…_max_abs`` and the factor 0.
    """
    found = []
    for signal, declared in signals.items():
        factor = _KWH_PER_UNIT_SECOND.get(str(mapping(declared).get("unit")))
        if factor is None:
            continue
        if "residual" in signal:
            found.append((f"{signal}_max_abs", signal, 0.0))
            continue
        suffix = next((end for end in _POWER_SUFFIXES if signal.endswith(end)), "")
        found.append((f"{signal.removesuffix(suffix)}_energy_kwh", signal, factor))
    return found


def flatten(kpis: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested KPIs by their dotted names; lists (of steps) are not among them."""
    flat: dict[str, Any] = {}
    for name, value in kpis.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{name}."))
        elif not isinstance(value, list):
            flat[f"{prefix}{name}"] = value
    return flat


def nearest_kpi(name: str, known: Iterable[str]) -> str:
    """Give the known name that a misspelt one most likely means; empty where none is near.

    A name given without its first part (``supply.iae`` for ``loops.supply.iae``) is found too.
    """
    names = sorted(known)
    tail = next((full for full in names if full.endswith(f".{name}")), "")
    return tail or next(iter(difflib.get_close_matches(name, names, n=1, cutoff=0.5)), "")


def shown_unit(unit: str) -> str:
    """Give a unit as it is printed."""
    return {
        "degC": "°C",
        "degF": "°F",
        "percent": "%",
        "-": "",
        "1": "",
        "m3/h": "m³/h",
        "kg/m3": "kg/m³",
    }.get(unit, unit)


def difference_unit(unit: str) -> str:
    """Give unit of a difference of two values in ``unit``: K for temperatures."""
    return "K" if unit in ("degC", "°C") else shown_unit(unit)


def integral_unit(unit: str) -> str:
    """Give the unit of an integral over time of something in ``unit``, as it is printed."""
    return f"{unit}·s" if unit else "s"


def kpi_unit(name: str, rig: Mapping[str, Any]) -> str:
    """Give unit of a KPI by its dotted name, as it is printed; empty for a count or a ratio."""
    group, _, rest = name.partition(".")
    item, _, kpi = rest.rpartition(".")
    signals = mapping(rig.get("signals"))
    if group == "facility":
        return FACILITY_KPIS.get(rest, "")
    for suffix, unit in _SUFFIX_UNITS.items():
        if name.endswith(suffix):
            return unit
    if group == "signals":
        return shown_unit(signal_unit(signals, item))
    if group == "energy":
        return shown_unit(signal_unit(signals, rest.removesuffix("_max_abs")))
    if group == "loops":
        return _loop_unit(kpi, mapping(mapping(rig.get("loops")).get(item)), signals)
    return ""


def _loop_unit(kpi: str, loop: Mapping[str, Any], signals: Mapping[str, Any]) -> str:
    error = difference_unit(signal_unit(signals, loop.get("measured")))
    if kpi == "iae":
        return integral_unit(error)
    if kpi in ("mean_abs_error", "max_abs_error", "worst_overshoot"):
        return error
    return shown_unit(signal_unit(signals, loop.get("output"))) if kpi == "output_travel" else ""


def signal_unit(signals: Mapping[str, Any], name: object) -> str:
    """Give unit of a signal as the rig has it; empty for an unknown one."""
    return str(mapping(signals.get(str(name))).get("unit") or "")


def signal_range(signals: Mapping[str, Any], name: object) -> tuple[float, float] | None:
    """Range of a signal in its unit; None where the rig does not give it."""
    limits = mapping(signals.get(str(name))).get("range")
    if not isinstance(limits, list | tuple) or len(limits) != 2:
        return None
    low, high = number(limits[0]), number(limits[1])
    return (low, high) if low is not None and high is not None else None
