"""What the faults did: the signals of the limits and those that the scenario names, about the time of the faults.

Over the whole of a long run a limit that is passed in seconds cannot be seen. Each limit is a line, and where it was
passed there is a mark with the time that it took.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hil.report.figure_parts import INK, VERMILION, Figure, TimeAxis, curve
from hil.report.figures import fault_spans, panel_axis, signals_figure, unit_of
from hil.report.kpi_names import shown_unit, timed_limits
from hil.report.numbers import figure_text
from hil.report.run_data import RunData, mapping
from hil.report.time_to import LimitTime, limit_times
from hil.report.trend_data import Floats

_BEFORE, _AFTER = 0.2, 0.5
"""What is shown before the first fault and after the last one's end, as shares of the time between."""


def fault_figure(run: RunData) -> Figure | None:
    """Give the figure; None where no fault began, or neither limit nor trend names a recorded signal."""
    panels = _panels(run)
    within = _rows(run)
    if not panels or within is None:
        return None
    axes = {signal: panel_axis(k) for k, signals in enumerate(panels.values()) for signal in signals}
    time, shown_s = TimeAxis.of(run.trend.t_s), run.trend.t_s[within]
    limits = [limit for limit in limit_times(run) if limit.signal in axes]
    drawn = [trace for limit in limits for trace in _limit(limit, axes[limit.signal], shown_s[[0, -1]], time)]
    return signals_figure(run, "faults", panels, within, drawn)


def _panels(run: RunData) -> dict[str, list[str]]:
    """Signals to draw by unit, those of limits first."""
    named = [str(limit["signal"]) for limit in timed_limits(run.rig)]
    trend = mapping(run.rig.get("scenario")).get("trend")
    named += [str(name) for name in (trend if isinstance(trend, list | tuple) else ())]
    panels: dict[str, list[str]] = {}
    for name in dict.fromkeys(named):
        if name in run.trend.values:
            panels.setdefault(unit_of(run, name), []).append(name)
    return panels


def _rows(run: RunData) -> slice | None:
    """Rows about the faults; None where there was none, or fewer than two rows."""
    t_s = run.trend.t_s
    faults = fault_spans(run.events, float(t_s[-1])) if t_s.size else []
    if not faults:
        return None
    first_s, last_s = faults[0][0], max(end for _, end, _ in faults)
    first = int(np.searchsorted(t_s, first_s - _BEFORE * (last_s - first_s)))
    last = int(np.searchsorted(t_s, last_s + _AFTER * (last_s - first_s), side="right"))
    return slice(first, last) if last - first > 1 else None


def _limit(limit: LimitTime, axis: str, shown_s: Floats, time: TimeAxis) -> list[dict[str, Any]]:
    """Give the line of a limit, and the mark where it was passed."""
    unit = shown_unit(limit.unit)
    name = f"{limit.name}: {limit.side} {figure_text(limit.limit, unit)}"
    pen: dict[str, str | float] = {"width": 1.0, "dash": "dash", "color": VERMILION}
    drawn = [curve(name, shown_s / time.seconds, np.full(2, limit.limit), unit, pen, axis)]
    if limit.time_s is not None and limit.from_s is not None and not limit.passed_before:
        drawn.append(_mark(limit, axis, (limit.from_s + limit.time_s) / time.seconds))
    return drawn


def _mark(limit: LimitTime, axis: str, at: float) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": "",
        "showlegend": False,
        "x": [at],
        "y": [limit.limit],
        "yaxis": axis,
        "text": [f"after {figure_text(limit.time_s, 's')}"],
        # Clear of the curve, which rises through an upper limit and falls through a lower one.
        "textposition": "bottom right" if limit.side == "above" else "top right",
        "textfont": {"color": INK, "size": 11.5},
        "marker": {"symbol": "circle-open", "size": 9, "color": INK, "line": {"width": 2}},
        "hoverinfo": "skip",
    }
