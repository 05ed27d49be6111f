"""Fewer points for the page, with nothing taken away that the eye would have seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hil.report.trend_data import Floats

Rows = NDArray[np.intp]


def min_max_rows(values: Floats, buckets: int) -> Rows:
    """Rows to draw: the lowest and the highest of each bucket, and both ends of the curve.

    A spike of a single row is the lowest or highest of its bucket, so it always survives.

    Parameters
    ----------
    values : ndarray
        The curve; values that are not finite are passed over.  # (n_rows,)
    buckets : int
        At most ``2 * buckets + 2`` rows, and a few of a last bucket that is not full, are given.

    Returns
    -------
    ndarray
        Rising row numbers.
    """
    size = values.size
    if size <= 2 * buckets + 2:
        return np.flatnonzero(np.isfinite(values))
    width = -(-size // buckets)
    full = (size // width) * width
    finite = np.isfinite(values)
    lows = np.where(finite, values, np.inf)
    highs = np.where(finite, values, -np.inf)
    offsets = np.arange(0, full, width)
    rows = [
        np.array([0, size - 1]),
        offsets + lows[:full].reshape(-1, width).argmin(axis=1),
        offsets + highs[:full].reshape(-1, width).argmax(axis=1),
    ]
    if full < size:
        rows += [np.array([full + lows[full:].argmin(), full + highs[full:].argmax()])]
    chosen: Rows = np.unique(np.concatenate(rows))
    kept: Rows = chosen[finite[chosen]]
    return kept


def change_rows(values: Floats, buckets: int) -> Rows:
    """Rows to draw of a held curve (a set-point): where it changes, and its ends."""
    if values.size == 0:
        return np.empty(0, dtype=np.intp)
    moved = values[1:] != values[:-1]
    rows = np.flatnonzero(np.concatenate(([True], moved)) | np.concatenate((moved, [True])))
    return rows if rows.size <= 4 * buckets else rows[min_max_rows(values[rows], buckets)]


def spans(state: NDArray[np.bool_], t_s: Floats, join_s: float = 0.0) -> list[tuple[float, float]]:
    """Start and end (s) of each stretch of rows where a state is true.

    A row's state is held until the next row. Stretches less than ``join_s`` apart are drawn as one.
    """
    if state.size == 0 or not state.any():
        return []
    edge = np.concatenate(([False], state, [False]))
    starts = t_s[np.flatnonzero(edge[1:-1] & ~edge[:-2])]
    ends = t_s[np.minimum(np.flatnonzero(edge[1:-1] & ~edge[2:]) + 1, t_s.size - 1)]
    apart = starts[1:] - ends[:-1] > join_s
    starts, ends = starts[np.concatenate(([True], apart))], ends[np.concatenate((apart, [True]))]
    return list(zip(starts.tolist(), ends.tolist(), strict=True))
