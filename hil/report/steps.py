"""Steps of a set-point, and how the measured value followed each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hil.report.trend_data import Floats

STEP_AT_MOST_S = 10.0
"""A set-point that comes to rest within this time has made a step; one that moves for longer, a ramp."""

LEAST_STEP_BANDS = 0.1
"""Changes below this share of the band are no step: nothing could be seen of the answer."""

SETTLED_FOR_S = 120.0
SETTLED_FOR_SHARE = 0.2
"""Settled means within the band for this time on end, or for this share of a window too short for that.

Without such a rule a load change an hour after the step would count as the step's settling time.
"""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the set-point, first seen in ``row``, answered until ``end_row`` (exclusive)."""

    row: int
    end_row: int
    start: float
    target: float


@dataclass(frozen=True, slots=True)
class StepResponse:
    """How the measured value followed one step.

    Attributes
    ----------
    t_s : float
        When the set-point stepped, s.
    start, target : float
        Set-point before and after, in its unit.
    overshoot : float or None
        How far the measured value went beyond the target, in its unit; None without a good value.
    settling_s : float or None
        From the step until the measured value stays within the band, s; None where it never did.
    """

    t_s: float
    start: float
    target: float
    overshoot: float | None
    settling_s: float | None


def find_steps(t_s: Floats, setpoint: Floats, band: float, period_s: float) -> list[Step]:
    """Give the steps of a set-point (in its unit); movements of more than ``STEP_AT_MOST_S`` are left out."""
    least = LEAST_STEP_BANDS * band
    moved = np.flatnonzero(np.abs(np.diff(setpoint)) > 0.2 * least) + 1
    if moved.size == 0:
        return []
    apart = np.diff(t_s[moved]) > max(STEP_AT_MOST_S, 1.5 * period_s)
    firsts = moved[np.concatenate(([True], apart))].tolist()
    lasts = moved[np.concatenate((apart, [True]))].tolist()
    ends = [*firsts[1:], t_s.size]
    return [
        Step(first, end, float(setpoint[first - 1]), float(setpoint[last]))
        for first, last, end in zip(firsts, lasts, ends, strict=True)
        if t_s[last] - t_s[first] <= STEP_AT_MOST_S and abs(setpoint[last] - setpoint[first - 1]) > least
    ]


def step_response(
    step: Step, t_s: Floats, measured: Floats, good: NDArray[np.bool_], band: float
) -> StepResponse:
    """Overshoot and settling of one step, from the good measured values between it and the next.

    Parameters
    ----------
    step : Step
        Its rows count in the arrays.
    t_s, measured, good : ndarray
        Time in s, measured value in its unit, whether it can be believed.  # (n_rows,)
    band : float
        Half-width of the band about the set-point, in the unit of the measured value.
    """
    window = slice(step.row, step.end_row)
    keep = good[window]
    t, y = t_s[window][keep] - t_s[step.row], measured[window][keep]
    if t.size < 2:
        return StepResponse(float(t_s[step.row]), step.start, step.target, None, None)
    hold_s = min(SETTLED_FOR_S, SETTLED_FOR_SHARE * float(t[-1]))
    settling_s = _settling_s(t, np.abs(y - step.target), band, hold_s)
    excess = (y - step.target) * (1.0 if step.target > step.start else -1.0)
    if settling_s is not None:
        # Beyond this a new disturbance, not the step, moves the value.
        excess = excess[t <= settling_s + hold_s]
    arrived = np.flatnonzero(excess <= 0.0)
    overshoot = max(0.0, float(excess[arrived[0] if arrived.size else 0 :].max()))
    return StepResponse(float(t_s[step.row]), step.start, step.target, overshoot, settling_s)


def _settling_s(t_s: Floats, error: Floats, band: float, hold_s: float) -> float | None:
    """When the error (>= 0) first enters the band to stay in it for ``hold_s``, s; None if it does not."""
    inside = np.concatenate(([False], error <= band, [False]))
    enters = np.flatnonzero(inside[1:-1] & ~inside[:-2])
    leaves = np.flatnonzero(inside[1:-1] & ~inside[2:])
    for enter, leave in zip(enters.tolist(), leaves.tolist(), strict=True):
        entered_s = _crossing_s(t_s, error, band, enter)
        if t_s[leave] - entered_s >= hold_s:
            return entered_s
    return None


def _crossing_s(t_s: Floats, error: Floats, band: float, row: int) -> float:
    """Where the line that ends in ``row`` crosses the band, s: finer than the sampling."""
    if row == 0:
        return float(t_s[0])
    share = (error[row - 1] - band) / (error[row - 1] - error[row])
    return float(t_s[row - 1] + share * (t_s[row] - t_s[row - 1]))
