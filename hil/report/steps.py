"""Steps of a set-point, and how the measured value followed each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hil.report.resolution import noise_peak
from hil.report.trend_data import Floats

STEP_AT_MOST_S = 10.0
"""A set-point that comes to rest within this time has made a step; one that moves for longer, a ramp."""

LEAST_STEP_BANDS = 0.1
"""Changes below this share of the band are no step: a set-point read from a device makes them by its digits."""

TOLERANCE_SHARE = 0.05
"""Settled means within this share of the step or the band, whichever is less; but a measured value can be no nearer
than its increment, and its noise comes on top."""

LEAST_STEP_FLOORS = 5.0
"""A step below so many times what can be read of the measured value (increment or noise) is not judged."""

SETTLED_FOR_S = 120.0
SETTLED_FOR_SHARE = 0.2
"""Settled means from the last entry to the end of the window, and for no less than this time, or this share of a
window too short for that: a value that is still swinging through the target has not settled.
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
    window_s : float
        How long the answer was watched, s: until the next change of the set-point or start of a fault.
    tolerance : float
        Half-width about the target within which the value counts as settled, in its unit.
    judged : bool
        False for a step too small to be told from the increment or the noise of the measured value.
    overshoot : float or None
        How far the measured value went beyond the target, in its unit; None without a good value.
    settling_s : float or None
        From the step until the measured value stays within the tolerance, s; None where it never did.
    """

    t_s: float
    start: float
    target: float
    window_s: float
    tolerance: float
    judged: bool
    overshoot: float | None
    settling_s: float | None


def find_steps(
    t_s: Floats, setpoint: Floats, band: float, period_s: float, disturbed_s: Sequence[float] = ()
) -> list[Step]:
    """Give the steps of a set-point; movements of more than ``STEP_AT_MOST_S`` are left out.

    Parameters
    ----------
    t_s, setpoint : ndarray
        Time in s, set-point in its unit.  # (n_rows,)
    band : float
        Half-width of the band about the set-point, in its unit.
    period_s : float
        Control period, s.
    disturbed_s : sequence of float
        Times at which something other than the set-point is known to have disturbed the process, s: the answer to a
        step is watched until the first of them after it.
    """
    least = LEAST_STEP_BANDS * band
    moved = np.flatnonzero(np.abs(np.diff(setpoint)) > 0.2 * least) + 1
    if moved.size == 0:
        return []
    apart = np.diff(t_s[moved]) > max(STEP_AT_MOST_S, 1.5 * period_s)
    firsts = moved[np.concatenate(([True], apart))].tolist()
    lasts = moved[np.concatenate((apart, [True]))].tolist()
    ends = [*firsts[1:], t_s.size]
    disturbed = np.sort(np.asarray(disturbed_s, dtype=np.float64))
    return [
        Step(
            first,
            _end_row(t_s, setpoint, (first, last, end), 0.2 * least, disturbed),
            float(setpoint[first - 1]),
            float(setpoint[last]),
        )
        for first, last, end in zip(firsts, lasts, ends, strict=True)
        if t_s[last] - t_s[first] <= STEP_AT_MOST_S and abs(setpoint[last] - setpoint[first - 1]) > least
    ]


def _end_row(
    t_s: Floats, setpoint: Floats, rows: tuple[int, int, int], least: float, disturbed: Floats
) -> int:
    """Give the row before which the answer ends, of a step's first, last and furthest row."""
    first, last, end = rows
    # A ramp that is slow for the period moves too little from row to row to be seen there.
    left = np.flatnonzero(np.abs(setpoint[last:end] - setpoint[last]) > least)
    if left.size:
        end = last + int(left[0])
    following = disturbed[disturbed > t_s[first]]
    return min(end, int(np.searchsorted(t_s, following[0]))) if following.size else end


def step_response(
    step: Step,
    t_s: Floats,
    measured: Floats,
    good: NDArray[np.bool_],
    band: float,
    increment: float = 0.0,
) -> StepResponse:
    """Overshoot and settling of one step, from the good measured values in its window.

    Parameters
    ----------
    step : Step
        Its rows count in the arrays.
    t_s, measured, good : ndarray
        Time in s, measured value in its unit, whether it can be believed.  # (n_rows,)
    band : float
        Half-width of the band about the set-point, in the unit of the measured value.
    increment : float
        Smallest change that the measured value can show, in its unit (:mod:`hil.report.resolution`).
    """
    window, began_s = slice(step.row, step.end_row), float(t_s[step.row])
    keep = good[window]
    t, y = t_s[window][keep] - began_s, measured[window][keep]
    size = abs(step.target - step.start)
    noise = noise_peak(t, y)
    # Added, not the larger of both: else more samples would find more peaks beyond it, and settling come later.
    tolerance = max(min(band, TOLERANCE_SHARE * size), increment) + noise
    judged = size >= LEAST_STEP_FLOORS * max(increment, noise)
    watched_s = float(t_s[step.end_row - 1]) - began_s
    hold_s = min(SETTLED_FOR_S, SETTLED_FOR_SHARE * watched_s)
    overshoot = settling_s = None
    if judged and t.size >= 2:
        # Beyond the target counts from where the value first was on this side of it.
        excess = (y - step.target) * (1.0 if step.target > step.start else -1.0)
        arrived = np.flatnonzero(excess <= 0.0)
        overshoot = max(0.0, float(excess[arrived[0] if arrived.size else 0 :].max()))
        # A value on the edge of the tolerance by its digits must not be beyond it by their rounding.
        settling_s = _settling_s(t, np.abs(y - step.target), tolerance + 1e-3 * increment, hold_s)
    return StepResponse(began_s, step.start, step.target, watched_s, tolerance, judged, overshoot, settling_s)


def _settling_s(t_s: Floats, error: Floats, tolerance: float, hold_s: float) -> float | None:
    """When the error (>= 0) enters the tolerance for the last time, s; None if it is not seen there for ``hold_s``."""
    outside = np.flatnonzero(error > tolerance)
    enter = int(outside[-1]) + 1 if outside.size else 0
    if enter == t_s.size:
        return None
    entered_s = _crossing_s(t_s, error, tolerance, enter)
    return entered_s if t_s[-1] - entered_s >= hold_s else None


def _crossing_s(t_s: Floats, error: Floats, limit: float, row: int) -> float:
    """Where the line that ends in ``row`` crosses ``limit``, s: finer than the sampling."""
    if row == 0:
        return float(t_s[0])
    share = (error[row - 1] - limit) / (error[row - 1] - error[row])
    return float(t_s[row - 1] + share * (t_s[row] - t_s[row - 1]))
