"""The table for the terminal: the requirements, then what else a loop is judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hil.report.kpi_names import FACILITY_KPIS
from hil.report.numbers import bounds_text, figure_text
from hil.report.run_data import mapping
from hil.report.verdict import RequirementResult

_SHOWN = (
    ("mean_abs_error", "mean |error|", "error_unit"),
    ("within_band_percent", "within band", "%"),
    ("worst_overshoot", "worst overshoot", "error_unit"),
    ("worst_settling_s", "worst settling", "s"),
    ("output_reversals", "reversals", ""),
    ("saturation_s", "saturated", "s"),
)


def summary_rows(
    kpis: Mapping[str, Any], requirements: Sequence[RequirementResult]
) -> list[tuple[str, str, str]]:
    """Rows of (name, value with unit, verdict); the verdict is empty where nothing is required."""
    asked = {item.kpi for item in requirements}
    rows = [
        (item.kpi, figure_text(item.value, item.unit), f"{_word(item)} ({bounds_text(item.low, item.high)})")
        for item in requirements
    ]
    # The latency contract may ask for what the requirements ask for.
    rows = list(dict.fromkeys(rows))
    for name, figures in mapping(kpis.get("loops")).items():
        loop = mapping(figures)
        for kpi, label, unit in _SHOWN:
            if f"loops.{name}.{kpi}" not in asked:
                rows.append((f"{name}: {label}", figure_text(loop.get(kpi), str(loop.get(unit, unit))), ""))
    facility = mapping(kpis.get("facility"))
    rows += [
        (f"facility.{kpi}", figure_text(facility[kpi], unit), "")
        for kpi, unit in FACILITY_KPIS.items()
        if facility and f"facility.{kpi}" not in asked and _worth_a_row(kpi, facility[kpi])
    ]
    for limit in kpis.get("limits") or ():
        if f"time_to.{limit['name']}_s" not in asked:
            rows.append((f"time_to.{limit['name']}_s", time_to_text(limit), ""))
    return rows


def _worth_a_row(kpi: str, value: object) -> bool:
    """Whether the terminal shows it: a signal that was not named has no figure, and all GOOD is no news."""
    return value is not None and not (kpi == "not_good_s" and value == 0.0)


def time_to_text(limit: Mapping[str, Any]) -> str:
    """Give the time to a limit and from what it counts, or for how long it was watched and not reached."""
    if limit["time_s"] is not None:
        since = f" from {limit['from_fault']}" if limit["from_fault"] else ""
        return "0 s: passed before" if limit["passed_before"] else figure_text(limit["time_s"], "s") + since
    return f"never in {figure_text(limit['watched_s'], 's')}" if limit["watched_s"] else figure_text(None)


def _word(item: RequirementResult) -> str:
    if item.met:
        return "met"
    return "not met" if item.value is not None else "no figure"
