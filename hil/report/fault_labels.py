"""Names of faults in a figure, one above the other where they would cover each other."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from hil.report.figure_parts import PLOT_WIDTH_PX, TimeAxis

LABEL_ROWS = 3
"""A name that finds no place in so many rows is left out: the events table has all of them."""

LONGEST_LABEL = 28

_LETTER_PX = 6.2
_ROW_PX = 14.0
_GAP_PX = 8.0


def staggered(
    faults: Sequence[tuple[float, str]],
    time: TimeAxis,
    lowest: float,
    plot_px: float,
    shown_s: tuple[float, float],
) -> list[dict[str, Any]]:
    """Give the labels of faults.

    Parameters
    ----------
    faults : sequence of (float, str)
        When each began, s, rising, and its name.
    time : TimeAxis
        Time axis of the figure.
    lowest : float
        Middle of the lowest row of labels, as a share of the height of the plot.
    plot_px : float
        Height of the plot, pixels.
    shown_s : (float, float)
        From when to when the axis goes, s.
    """
    from_s, length_s = shown_s[0], max(shown_s[1] - shown_s[0], 1e-3)
    px_per_s = PLOT_WIDTH_PX / length_s
    taken_px = [-_GAP_PX] * LABEL_ROWS
    labels: list[dict[str, Any]] = []
    for start_s, name in faults:
        text = name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 1].rstrip() + "…"
        is_late = start_s - from_s >= 0.75 * length_s
        width_px = _LETTER_PX * len(text)
        left_px = (start_s - from_s) * px_per_s - (width_px if is_late else 0.0)
        row = next((row for row, end_px in enumerate(taken_px) if end_px + _GAP_PX <= left_px), None)
        if row is None:
            continue
        taken_px[row] = left_px + width_px
        labels.append(_label(start_s / time.seconds, lowest + row * _ROW_PX / plot_px, text, name, is_late))
    return labels


def _label(x: float, y: float, text: str, name: str, is_late: bool) -> dict[str, Any]:
    return {
        "x": x,
        "y": y,
        "xref": "x",
        "yref": "paper",
        "text": html.escape(text),
        "hovertext": html.escape(name),
        "showarrow": False,
        "xanchor": "right" if is_late else "left",
        "yanchor": "middle",
        "bgcolor": "rgba(255,255,255,0.8)",
        "font": {"size": 10.5, "color": "#a34700"},
    }
