"""Pieces of figures: plain mappings as the plotting library in the page takes them.

They are made as mappings, not through the library's Python objects, because validating these objects takes
several times longer than all the rest of a report.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hil.report.trend_data import Floats

# The palette of Okabe and Ito, told apart by the colour-blind (jfly.uni-koeln.de/color).
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, INK, GREY = "#56B4E9", "#CC79A7", "#26323d", "#8a949e"
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, INK)
DASHES = ("solid", "dash", "dot", "dashdot")

BUCKETS = 900
"""Buckets of a decimated curve: two points a bucket are more than the figure has pixels across."""

PLOT_WIDTH_PX = 900.0
"""What a figure is across at least on a screen: room for legend and labels is planned for it."""

LEGEND_LETTER_PX = 7.4
_LEGEND_SYMBOL_PX = 48.0
_LEAST_TOP_PX = 74


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the page: its name in the page, its traces and its layout.

    ``linked`` figures have the run's time on the x axis, and zoom together.
    """

    name: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]
    linked: bool = True


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """The unit in which the page shows the run's time: ``seconds`` of it are one ``unit``."""

    unit: str
    seconds: float
    end_s: float

    @classmethod
    def of(cls, t_s: Floats) -> TimeAxis:
        """Seconds up to 10 minutes, minutes up to 3 hours, then hours."""
        end_s = float(t_s[-1]) if t_s.size else 0.0
        if end_s <= 600.0:
            return cls("s", 1.0, end_s)
        return cls("min", 60.0, end_s) if end_s <= 3.0 * 3600.0 else cls("h", 3600.0, end_s)

    def layout(self) -> dict[str, Any]:
        """Give settings of an x axis over the whole run."""
        return {
            "title": {"text": f"time ({self.unit})"},
            "range": [0.0, max(self.end_s, 1e-3) / self.seconds],
        }


def packed(values: Floats, kind: str) -> dict[str, str]:
    """Give an array as the page's library reads it, in binary: ``f4`` or ``f8``, little endian."""
    raw = np.ascontiguousarray(values, dtype=f"<{kind}").tobytes()
    return {"dtype": kind, "bdata": base64.b64encode(raw).decode("ascii")}


def curve(
    name: str, t: Floats, values: Floats, unit: str, line: Mapping[str, str | float], axis: str = "y"
) -> dict[str, Any]:
    """Give a line over time. ``t`` is in the unit of the time axis, ``values`` in ``unit``."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": html.escape(name),
        "x": packed(t, "f8"),
        "y": packed(values, "f4"),
        "yaxis": axis,
        "line": {"width": 1.5, **line},
        "hovertemplate": f"%{{y:.5g}} {html.escape(unit)}",
    }


def legend_key(name: str, color: str, opacity: float, axis: str = "y") -> dict[str, Any]:
    """Give an entry of the legend for what is drawn as a shape."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": html.escape(name),
        "x": [None],
        "y": [None],
        "yaxis": axis,
        "marker": {"symbol": "square", "size": 12, "color": color, "opacity": opacity},
        "hoverinfo": "skip",
    }


def legend_names(data: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names that the legend shows of these traces."""
    return [html.unescape(str(trace["name"])) for trace in data if trace.get("showlegend", True)]


def stretches(
    spans_s: Sequence[tuple[float, float]],
    time: TimeAxis,
    color: str,
    opacity: float,
    yref: str,
    height: tuple[float, float] = (0.0, 1.0),
) -> list[dict[str, Any]]:
    """Shaded stretches of time. Very short ones are widened to what can still be seen."""
    least = time.end_s / 600.0
    return [
        {
            "type": "rect",
            "xref": "x",
            "yref": yref,
            "x0": start / time.seconds,
            "x1": max(end, start + least) / time.seconds,
            "y0": height[0],
            "y1": height[1],
            "fillcolor": color,
            "opacity": opacity,
            "line": {"width": 0},
            "layer": "below",
        }
        for start, end in spans_s
    ]


def y_axis(title: str, domain: tuple[float, float]) -> dict[str, Any]:
    """Give a y axis over a share of the figure's height."""
    # Written out, as everywhere in the report: "10k" over kW reads as another unit.
    ticks = {"exponentformat": "none", "separatethousands": True}
    return {"title": {"text": html.escape(title), "standoff": 8}, "domain": list(domain), **ticks, **_LINES}


def layout(height: int, x_axis: dict[str, Any], names: Sequence[str] = (), **more: object) -> dict[str, Any]:
    """Give the common look of all figures; ``height`` in pixels, to which a legend of many ``names`` adds."""
    # The library measures names before the page's font is there, and then cuts the long ones off.
    entry_px = LEGEND_LETTER_PX * max(map(len, names), default=0)
    rows = -(-len(names) // max(1, int(PLOT_WIDTH_PX // (entry_px + _LEGEND_SYMBOL_PX))))
    top = max(_LEAST_TOP_PX, 38 + 18 * rows)
    return {
        "height": height + top - _LEAST_TOP_PX,
        "autosize": True,
        "separators": ".\N{NARROW NO-BREAK SPACE}",
        "margin": {"l": 78, "r": 18, "t": top, "b": 46},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "font": {"family": "system-ui, -apple-system, 'Segoe UI', sans-serif", "size": 12, "color": INK},
        "hovermode": "x",
        # Unless told so, the library shows no legend of a single curve, whose name is then nowhere.
        **({"showlegend": True} if names else {}),
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.0,
            "yanchor": "bottom",
            "traceorder": "normal",
            "font": {"size": 11.5},
            **({"entrywidth": entry_px} if names else {}),
        },
        "xaxis": {**_LINES, **x_axis},
        **more,
    }


_LINES = {
    "gridcolor": "#e8ecef",
    "zeroline": False,
    "linecolor": "#b8c0c7",
    "showline": True,
    "ticks": "outside",
    "ticklen": 4,
    "tickcolor": "#b8c0c7",
    "automargin": False,
}
