"""Integrals of a recorded value up to any time, so that they can be split where no row lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hil.report.trend_data import Floats


def integral_up_to(
    at_s: Floats, t_s: Floats, values: Floats, weights_s: Floats, good: NDArray[np.bool_]
) -> Floats:
    """Integral of ``values`` from the first row up to each time of ``at_s``, in their unit times s.

    Between two good rows the value is a straight line, so that the integral is a parabola; intervals with an end
    that is not good, or without weight, add nothing.

    Parameters
    ----------
    at_s : ndarray
        Times, s.  # (n,)
    t_s, values, good : ndarray
        Rows.  # (n_rows,)
    weights_s : ndarray
        Of the intervals, 0 for an unrecorded one.  # (n_rows - 1,)

    Returns
    -------
    ndarray
        # (n,)
    """
    if t_s.size < 2:
        return np.zeros(at_s.size)
    counted = (weights_s > 0.0) & good[:-1] & good[1:]
    held = np.where(good, values, 0.0)
    whole = np.where(counted, 0.5 * (held[:-1] + held[1:]) * weights_s, 0.0)
    until = np.concatenate(([0.0], np.cumsum(whole)))
    row = np.clip(np.searchsorted(t_s, at_s, side="right") - 1, 0, t_s.size - 2)
    into_s = np.clip(at_s - t_s[row], 0.0, t_s[row + 1] - t_s[row])
    slope = (held[row + 1] - held[row]) / (t_s[row + 1] - t_s[row])
    part = np.where(counted[row], (held[row] + 0.5 * slope * into_s) * into_s, 0.0)
    total: Floats = until[row] + part
    return total


def held_up_to(at_s: Floats, t_s: Floats, state: NDArray[np.bool_], weights_s: Floats) -> Floats:
    """Time for which a state was true up to each time of ``at_s``, s; each row's state is held until the next row."""
    if t_s.size < 2:
        return np.zeros(at_s.size)
    until = np.concatenate(([0.0], np.cumsum(np.where(state[:-1], weights_s, 0.0))))
    row = np.clip(np.searchsorted(t_s, at_s, side="right") - 1, 0, t_s.size - 2)
    into_s = np.clip(at_s - t_s[row], 0.0, weights_s[row])
    total: Floats = until[row] + np.where(state[row], into_s, 0.0)
    return total
