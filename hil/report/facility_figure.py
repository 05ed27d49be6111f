"""PUE and WUE at each moment and by period, the cooling mode and both powers, over the run's time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hil.report.decimate import min_max_rows, spans
from hil.report.facility_kpis import HOUR_S, MODES, FacilityTrend, Rows, facility_trend
from hil.report.figure_parts import (
    BLUE,
    BUCKETS,
    GREEN,
    INK,
    ORANGE,
    SKY,
    VERMILION,
    Figure,
    TimeAxis,
    curve,
    layout,
    legend_key,
    legend_names,
    stretches,
    y_axis,
)  # fmt: skip
from hil.report.run_data import RunData, mapping
from hil.report.trend_data import Floats

_MODE_COLORS = (SKY, ORANGE, VERMILION)
_WUE_RANGE = {"include": [0.0, 0.01]}
"""L/kWh: without a least range the axis would show rounding in the place of water."""


def facility_figure(run: RunData, kpis: Mapping[str, Any]) -> Figure | None:
    """Draw the facility's figures; None without both powers."""
    figures = mapping(kpis.get("facility"))
    trend = facility_trend(run) if figures else None
    if trend is None or trend.it_kw is None or trend.facility_kw is None or trend.t_s.size < 2:
        return None
    time, periods = TimeAxis.of(trend.t_s), figures["periods"]
    data = [
        *_moments("PUE at each moment", trend, time, trend.facility_kw, trend.powers_good, "y"),
        *_steps("PUE by period", periods, "pue", time, "y"),
    ]
    axes = {"yaxis": y_axis("PUE", (0.52, 1.0)), "yaxis2": y_axis("kW", (0.0, 0.40))}
    strip, height = (0.43, 0.47), 430
    if trend.water_kg_s is not None:
        # kg/s is L/s; over kW and times 3600 it is L/kWh.
        litres_h, good = HOUR_S * trend.water_kg_s, trend.water_good & trend.it_good
        data += [
            *_moments("WUE at each moment", trend, time, litres_h, good, "y3"),
            *_steps("WUE by period", periods, "wue_l_kwh", time, "y3"),
        ]
        axes = {"yaxis": y_axis("PUE", (0.66, 1.0)), "yaxis2": y_axis("kW", (0.0, 0.25)),
                "yaxis3": {**y_axis("WUE, L/kWh", (0.31, 0.56)), "autorangeoptions": _WUE_RANGE}}  # fmt: skip
        strip, height = (0.60, 0.63), 560
    shapes, keys = _mode_strip(trend, time, strip)
    data += [*_powers(trend, time, "y2"), *keys]
    look = layout(height, {**time.layout(), "anchor": "y2"}, legend_names(data), **axes, shapes=shapes)
    return Figure("facility", data, look)


def _moments(
    name: str, trend: FacilityTrend, time: TimeAxis, above: Floats, good: Rows, axis: str
) -> list[dict[str, Any]]:
    """Give the ratio to the IT power where there is any; elsewhere it has no meaning."""
    it_kw = np.zeros(trend.t_s.size) if trend.it_kw is None else trend.it_kw
    known = good & (it_kw > 0.0)
    ratio = np.where(known, above, np.nan) / np.where(known, it_kw, 1.0)
    rows = min_max_rows(ratio, BUCKETS)
    return [curve(name, trend.t_s[rows] / time.seconds, ratio[rows], "", {"color": BLUE}, axis)]


def _steps(
    name: str, periods: list[dict[str, Any]], key: str, time: TimeAxis, axis: str
) -> list[dict[str, Any]]:
    """Give a figure as a line that is level over each period."""
    known = [each for each in periods if each[key] is not None]
    if not known:
        return []
    t = np.array([edge for each in known for edge in (each["start_s"], each["end_s"])]) / time.seconds
    values: Floats = np.repeat(np.array([each[key] for each in known]), 2)
    return [curve(name, t, values, "", {"color": INK, "width": 2.0}, axis)]


def _powers(trend: FacilityTrend, time: TimeAxis, axis: str) -> list[dict[str, Any]]:
    """Both powers."""
    made = []
    for name, values, color in (("facility", trend.facility_kw, VERMILION), ("IT", trend.it_kw, GREEN)):
        if values is not None:
            rows = min_max_rows(values, BUCKETS)
            made.append(
                curve(name, trend.t_s[rows] / time.seconds, values[rows], "kW", {"color": color}, axis)
            )
    return made


def _mode_strip(
    trend: FacilityTrend, time: TimeAxis, height: tuple[float, float]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Give the cooling mode as a strip between the two panels, and its keys."""
    shapes: list[dict[str, Any]] = []
    keys: list[dict[str, Any]] = []
    if trend.mode is None:
        return shapes, keys
    for number, (mode, color) in enumerate(zip(MODES, _MODE_COLORS, strict=True)):
        state = trend.mode_good & (np.abs(trend.mode - number) < 0.5)
        held = spans(state, trend.t_s, time.end_s / 1500.0)
        if held:
            shapes += stretches(held, time, color, 0.9, "paper", height)
            keys.append(legend_key(mode.replace("_", " "), color, 0.9))
    return shapes, keys
