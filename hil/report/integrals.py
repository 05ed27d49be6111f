"""Integrals over time of what was sampled at uneven times.

Between two rows a measured value is taken as a straight line, a set-point and a state (quality, limit) as
held. The integrals below are exact for such a trajectory, so that they do not depend on the control
period, nor on cycles that were skipped. Intervals so long that nothing is known of the process in between
have the weight 0; they are counted as unrecorded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hil.report.trend_data import Floats

LONGEST_GAP_PERIODS = 20.0
LONGEST_GAP_S = 10.0
"""Rows further apart than both are not joined: the time between them is unrecorded."""


def interval_weights(t_s: Floats, period_s: float) -> tuple[Floats, float]:
    """Length of each interval between rows, 0 for an unrecorded one; and the time unrecorded, s.

    Parameters
    ----------
    t_s : ndarray
        Rising times, s.  # (n_rows,)
    period_s : float
        The control period, s.

    Returns
    -------
    tuple
        Weights in s  # (n_rows - 1,), and the sum of the intervals left out, s.
    """
    if t_s.size < 2:
        return np.zeros(0), 0.0
    dt_s = np.diff(t_s)
    # A recorder may keep one row in many: the spacing that is usual in the file counts as the period.
    usual_s = max(period_s, float(np.median(dt_s)))
    gaps = dt_s > max(LONGEST_GAP_PERIODS * usual_s, LONGEST_GAP_S)
    return np.where(gaps, 0.0, dt_s), float(dt_s[gaps].sum())


def interval_errors(setpoint: Floats, measured: Floats, good: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Control error (set-point less measured) at the start and at the end of each interval.

    A set-point that changes in one interval alone is a step, held until the next row. One that changes in
    neighbouring intervals too is a ramp, and is joined by a line, as the measured value is. Where the
    next measured value is not good the last good one is held.
    """
    moved = np.diff(setpoint) != 0.0
    step = moved.copy()
    step[1:] &= ~moved[:-1]
    step[:-1] &= ~moved[1:]
    setpoint_end = np.where(step, setpoint[:-1], setpoint[1:])
    measured_end = np.where(good[1:], measured[1:], measured[:-1])
    return setpoint[:-1] - measured[:-1], setpoint_end - measured_end


def mean_abs(start: Floats, end: Floats) -> Floats:
    """Mean of the absolute value of the line from ``start`` to ``end``, one for each interval.

    A line that crosses zero makes two triangles: (a² + b²) / (2 (size of a + size of b)).
    """
    size = np.abs(start) + np.abs(end)
    crossing = (start * end < 0.0) & (size > 0.0)
    triangles = (start * start + end * end) / np.where(crossing, 2.0 * size, 1.0)
    return np.where(crossing, triangles, 0.5 * size)


def share_within(start: Floats, end: Floats, band: float) -> Floats:
    """Share (0 to 1) of each interval for which the line from ``start`` to ``end`` is within ± ``band``."""
    change = end - start
    flat = change == 0.0
    inside = np.clip(end, -band, band) - np.clip(start, -band, band)
    return np.where(flat, np.abs(start) <= band, inside / np.where(flat, 1.0, change))


def held_s(state: NDArray[np.bool_], weights_s: Floats) -> float:
    """Time for which a state was true, each row's state held until the next row, s."""
    return float(weights_s[state[: weights_s.size]].sum())


def time_integral(values: Floats, weights_s: Floats) -> float:
    """Integral over time of a value joined by lines, in its unit times s."""
    # Not a BLAS product: its order of summing, hence the last digit, depends on the number of threads.
    return float(np.sum(0.5 * (values[:-1] + values[1:]) * weights_s))
