"""How finely a recorded signal can be read: the increment of its converter, and its noise."""

from __future__ import annotations

import numpy as np

from hil.report.trend_data import Floats

FEWEST_LEVELS = 5
"""Fewer different values than this do not show an increment: a signal that moved once has only its size."""

PEAK_OF_RMS = 4.5
"""Noise stays within so many times its rms: a Gaussian exceeds it in 7 of a million samples."""

_DIFFERENCE = np.array([1.0, -4.0, 6.0, -4.0, 1.0])  # fourth difference of evenly spaced rows
_MEDIAN_OF_RMS = 0.6745  # median of |x| of a Gaussian, of its rms
_EVEN = 0.1  # rows whose distances differ by less than this share are evenly spaced
_DUST = 1e-6  # of the largest value: differences below it are rounding, a float32 has 6e-8


def increment(values: Floats) -> float:
    """Smallest distance between two different values, in their unit: of a PLC's 0.1 K this is 0.1.

    It is next to nothing for a signal that is not quantised, however it was sampled, because its values
    lie anywhere; 0 where there are too few different values to tell.
    """
    levels = np.unique(values)
    if levels.size < FEWEST_LEVELS:
        return 0.0
    gaps = np.diff(levels)
    gaps = gaps[gaps > _DUST * float(np.abs(levels).max())]
    return float(gaps.min()) if gaps.size >= FEWEST_LEVELS - 1 else 0.0


def noise_peak(t_s: Floats, values: Floats) -> float:
    """Largest size of the noise of a signal, in its unit, for noise without memory from row to row.

    The median of the fourth differences shows the noise and hides the movement: an oscillation of amplitude A with
    ten rows a period counts for 0.08 A, and one with six for 0.6 A, so that a limit cycle is not taken for noise.
    """
    if values.size < 3 * _DIFFERENCE.size:
        return 0.0
    apart = np.diff(t_s)
    fours = np.lib.stride_tricks.sliding_window_view(apart, 4)
    longest = fours.max(axis=1)
    even = longest - fours.min(axis=1) <= _EVEN * longest
    if np.count_nonzero(even) < 2 * _DIFFERENCE.size:
        return 0.0
    fourth = np.convolve(values, _DIFFERENCE, mode="valid")[even]
    rms = float(np.median(np.abs(fourth))) / _MEDIAN_OF_RMS / float(np.sqrt(np.sum(_DIFFERENCE**2)))
    return PEAK_OF_RMS * rms
