"""The table for the terminal: the requirements, then what else a loop is judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
    rows = [
        (item.kpi, figure_text(item.value, item.unit), f"{_word(item)} ({bounds_text(item.low, item.high)})")
        for item in requirements
    ]
    for name, figures in mapping(kpis.get("loops")).items():
        loop = mapping(figures)
        for kpi, label, unit in _SHOWN:
            if f"loops.{name}.{kpi}" not in {item.kpi for item in requirements}:
                rows.append((f"{name}: {label}", figure_text(loop.get(kpi), str(loop.get(unit, unit))), ""))
    return rows


def _word(item: RequirementResult) -> str:
    if item.met:
        return "met"
    return "not met" if item.value is not None else "no figure"
