"""How far an actuator has been moved, and how often it turned."""

from __future__ import annotations

import numpy as np

from hil.report.trend_data import Floats

TRAVEL_HYSTERESIS = 0.005
"""A movement back counts from this share of the output's range on.

Without it the sum of all movements grows with the sampling rate, since noise moves at every row. It is of the
size of the dead band of a valve positioner, which does not follow anything smaller either.
"""


def turning_points(values: Floats) -> Floats:
    """Give the values at which a sampled curve may turn, with both ends; what lies on the way is left out."""
    change = np.diff(values)
    moving = values[np.concatenate(([True], change != 0.0))]
    slope_up = np.diff(moving) > 0.0
    turns = np.concatenate(([True], slope_up[1:] != slope_up[:-1], [True])) if moving.size > 1 else [True]
    points: Floats = moving[np.asarray(turns)]
    return points


def travel_and_reversals(values: Floats, hysteresis: float) -> tuple[float, int]:
    """Sum of the movements between turns, and the number of turns.

    Parameters
    ----------
    values : ndarray
        The output, finite, in its unit.  # (n_rows,)
    hysteresis : float
        A turn counts once the output has come back from its extreme by more than this, in its unit.

    Returns
    -------
    tuple of float and int
        Travel in the output's unit, and reversals.
    """
    if values.size == 0:
        return 0.0, 0
    points = turning_points(values).tolist()
    travel, reversals = 0.0, 0
    start = low = high = extreme = points[0]
    direction = 0
    for value in points:
        if direction == 0:
            low, high = min(low, value), max(high, value)
            if high - low > hysteresis:
                direction = 1 if value == high else -1
                start, extreme = (low, high) if direction > 0 else (high, low)
        elif (value - extreme) * direction >= 0.0:
            extreme = value
        elif (extreme - value) * direction > hysteresis:
            travel += abs(extreme - start)
            reversals += 1
            start, extreme, direction = extreme, value, -direction
    return travel + abs(extreme - start), reversals
