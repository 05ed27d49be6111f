"""The sections on what was required of a run: requirements, and the latency contract with the phase margins."""

from __future__ import annotations

from collections.abc import Sequence

from hil.report.latency import LatencyResult
from hil.report.markup import Html, table, tag
from hil.report.numbers import NO_FIGURE, bounds_text, figure_text
from hil.report.run_data import number
from hil.report.sections import section
from hil.report.verdict import RequirementResult

_HEADS = ("figure", "required", "reached", "unit", "verdict", "")
_MARGIN_HEADS = ("loop", "crossover", "phase margin", "delay", "lost", "left", "")
_TELL = {
    "met": "The latency contract is met.",
    "not met": "The latency contract is not met.",
    "no contract": "The rig sets no latency contract: nothing was checked.",
    "virtual clock": "Virtual clock: there is no latency to check.",
}


def requirements_section(requirements: Sequence[RequirementResult], whole: bool) -> Html:
    """Show each requirement, what was reached, and whether that is settled."""
    if not requirements:
        note = tag("p", "The rig sets no requirements: there is nothing to be met.", "note")
        return section("Requirements", note)
    return section("Requirements", _table(requirements, whole))


def latency_section(latency: LatencyResult, whole: bool) -> Html:
    """Show the contract's limits and what the delay takes of each loop; histograms stand under Timing."""
    css = "note no" if latency.word == "not met" else "note"
    parts: list[Html] = [tag("p", _TELL[latency.word], css)]
    if latency.limits:
        parts.append(_table(latency.limits, whole))
    if latency.margins:
        rows = [
            (tag("code", item.get("loop")), *(_cell(item.get(key), unit, factor) for key, unit, factor in _CELLS),
             tag("span", item.get("note", ""), "no" if item.get("note") else ""))
            for item in latency.margins
        ]  # fmt: skip
        note = (
            "Delay: 99th percentiles of sensor to actuator and of the lateness, half of the loop's own period for the "
            "hold of its output, and one own period where a worker computes. Margins by the plants' linear models at "
            "the mean load and the set-points, the other loops closed."
        )
        parts += [tag("h3", "Phase margins"), table(_MARGIN_HEADS, rows), tag("p", note, "note")]
    return section("Latency", *parts)


_CELLS = (
    ("crossover_rad_s", "rad/s", 1.0),
    ("nominal_deg", "°", 1.0),
    ("delay_s", "ms", 1e3),
    ("lost_deg", "°", 1.0),
    ("remaining_deg", "°", 1.0),
)


def _cell(value: object, unit: str, factor: float) -> str:
    known = number(value)
    return NO_FIGURE if known is None else figure_text(known * factor, unit)


def _table(items: Sequence[RequirementResult], whole: bool) -> Html:
    rows = [
        (
            tag("code", item.kpi),
            bounds_text(item.low, item.high) if (item.low, item.high) != (None, None) else NO_FIGURE,
            figure_text(item.value),
            item.unit,
            _word(item, whole),
            item.message,
        )
        for item in items
    ]
    return table(_HEADS, rows)


def _word(item: RequirementResult, whole: bool) -> Html:
    """Give the word of one requirement; on part of a run nothing is met yet, though much can have failed."""
    if not item.met:
        return tag("span", "✗ not met", "no")
    return tag("span", "✓ met", "yes") if whole else tag("span", "met so far", "part")
