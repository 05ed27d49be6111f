"""Histograms of the time that each phase of a cycle took: one row each, both axes logarithmic."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from hil.loop.trend_layout import PHASES
from hil.report.figure_parts import BLUE, INK, PURPLE, SKY, VERMILION, Figure, layout, y_axis
from hil.report.kpi_names import FIELD_TIMES, TIMING_KPIS
from hil.report.numbers import figure_text
from hil.report.run_data import mapping, number

_ROW_PX = 78
_TICKS_PX = 46
"""Room for the numbers of a count axis, left of it."""
_LETTER_PX = 7.0
_MARKS = (("p50_us", INK, "p50"), ("p99_us", PURPLE, "p99"), ("max_us", VERMILION, "max"))


def phases_in_order(timing: Mapping[str, Any]) -> list[str]:
    """Give the whole cycle and the lateness first, then the phases as they follow each other."""
    present = mapping(timing.get("phases"))
    known = ("cycle", "lateness", *FIELD_TIMES, *PHASES)
    return [name for name in known if name in present] + sorted(set(present) - set(known))


def timing_rows(timing: Mapping[str, Any]) -> list[list[str]]:
    """Rows for the table of percentiles, µs: phase, count, then as ``TIMING_KPIS``."""
    phases = mapping(timing.get("phases"))
    return [
        [name, *(figure_text(number(mapping(phases[name]).get(key))) for key in ("count", *TIMING_KPIS))]
        for name in phases_in_order(timing)
    ]


def timing_figure(timing: Mapping[str, Any], name: str = "timing") -> Figure | None:
    """Give the histograms with p50, p99 and maximum marked; None where there are none.

    ``name`` is the figure's own, by which the page finds it.
    """
    phases = mapping(timing.get("phases"))
    drawn = [name for name in phases_in_order(timing) if _bars(mapping(phases[name]))]
    if not drawn:
        return None
    data: list[dict[str, Any]] = []
    shapes: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    count = len(drawn)
    for row, phase in enumerate(drawn):
        axis = "" if row == 0 else str(row + 1)
        domain = (1.0 - (row + 0.82) / count, 1.0 - row / count)
        axes[f"yaxis{axis}"] = {**y_axis("", domain), "type": "log", **_count_axis(mapping(phases[phase]))}
        data.append(_trace(mapping(phases[phase]), f"y{axis}", BLUE if row < 1 else SKY))
        shapes += _marks(mapping(phases[phase]), f"y{axis} domain")
    data += [_mark_key(label, color) for _, color, label in _MARKS]
    x_axis: dict[str, Any] = {"type": "log", "title": {"text": "time (µs); counts of cycles upwards"}}
    x_axis |= {"anchor": "y" if count == 1 else f"y{count}", "dtick": 1, "exponentformat": "SI"}
    whole = layout(80 + _ROW_PX * count, x_axis, **axes, shapes=shapes, bargap=0)
    whole["margin"] = {**whole["margin"], "l": math.ceil(_TICKS_PX + 8 + _LETTER_PX * max(map(len, drawn)))}
    whole["annotations"] = [_row_name(phase, row) for row, phase in enumerate(drawn)]
    return Figure(name, data, whole, linked=False)


def _row_name(phase: str, row: int) -> dict[str, Any]:
    """Give the name of a row, upright in the margin: turned along the axis, a long one runs into its neighbours."""
    return {
        "text": html.escape(phase),
        "showarrow": False,
        "xref": "paper",
        "x": 0,
        "xanchor": "right",
        "xshift": -_TICKS_PX,
        "yref": f"y{'' if row == 0 else row + 1} domain",
        "y": 0.5,
        "yanchor": "middle",
        "align": "right",
    }


def _count_axis(phase: Mapping[str, Any]) -> dict[str, Any]:
    """Give decades from just below a single cycle, so that a bar of one cycle can be seen."""
    decades = math.log10(max(count for _, _, count in _bars(phase)))
    return {"range": [-0.4, decades + 0.2], "dtick": max(1, round(decades / 2.5)), "tickfont": {"size": 10}}


def _bars(phase: Mapping[str, Any]) -> list[tuple[float, float, float]]:
    """Lower edge, upper edge (µs) and count of each bucket that is not empty and not at 0."""
    raw = phase.get("buckets")
    pairs = [
        (number(pair[0]), number(pair[1])) for pair in raw or () if isinstance(pair, list) and len(pair) == 2
    ]
    edges = [upper for upper, _ in pairs if upper is not None and upper > 0.0]
    ratios = [high / low for low, high in pairwise(edges) if high > low]
    ratio = min(ratios, default=1.25)
    bars, below = [], 0.0
    for upper, count in pairs:
        if upper is None or upper <= 0.0:
            continue
        if count:
            # Empty buckets may be left out of the file: a bar is never wider than the buckets are spaced.
            bars.append((max(below, upper / ratio), upper, count))
        below = upper
    return bars


def _trace(phase: Mapping[str, Any], axis: str, color: str) -> dict[str, Any]:
    bars = _bars(phase)
    return {
        "type": "bar",
        "x": [0.5 * (low + high) for low, high, _ in bars],
        "width": [high - low for low, high, _ in bars],
        "y": [count for _, _, count in bars],
        "yaxis": axis,
        "marker": {"color": color, "line": {"width": 0}},
        "showlegend": False,
        "hovertemplate": "%{x:.4g} µs: %{y} cycles<extra></extra>",
    }


def _marks(phase: Mapping[str, Any], yref: str) -> list[dict[str, Any]]:
    found = [(number(phase.get(key)), color) for key, color, _ in _MARKS]
    return [
        {"type": "line", "xref": "x", "yref": yref, "x0": at, "x1": at, "y0": 0, "y1": 1,
         "line": {"color": color, "width": 1.5, "dash": "dot"}}
        for at, color in found if at is not None and at > 0.0
    ]  # fmt: skip


def _mark_key(label: str, color: str) -> dict[str, Any]:
    line = {"color": color, "width": 1.5, "dash": "dot"}
    return {"type": "scatter", "mode": "lines", "name": label, "x": [None], "y": [None], "line": line}
