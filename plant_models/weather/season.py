"""From monthly figures to days: curves whose monthly means are the figures; noise with a memory."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from plant_models.weather.climate import MONTH_DAYS, Months

Array = npt.NDArray[np.float64]

DAYS = 365
MONTH_OF_DAY = np.repeat(np.arange(12), MONTH_DAYS)
"""Month, 0 … 11, of each day.  # (365,)"""


def _hats() -> Array:
    """Weight of each month's knot, at its middle, on each day; straight lines between.  # (365, 12)."""
    ends = np.cumsum(MONTH_DAYS)
    middles = ends - np.array(MONTH_DAYS) / 2.0
    days = np.arange(DAYS) + 0.5
    return np.column_stack([np.interp(days, middles, row, period=DAYS) for row in np.eye(12)])


HATS = _hats()
_MEANS = np.array([(month == MONTH_OF_DAY) / length for month, length in enumerate(MONTH_DAYS)])  # (12, 365)


def monthly_means(daily: Array) -> Array:
    """Mean of each month."""  # (365,) -> (12,)
    return np.asarray(_MEANS @ daily)


def season(figures: Months | Array, weights: Array | None = None) -> Array:
    """Straight lines between mid-months whose weighted monthly means are ``figures``.

    Means of an ordinary interpolation through mid-months would miss the figures at the turns of the year, by
    half a kelvin: the knots are solved for.

    Parameters
    ----------
    figures : array
        What the monthly mean of curve times weight shall be.  # (12,)
    weights : array, optional
        Share of each day that follows the curve, 1 by itself.  # (365,)
    """  # (365,)
    weighted = HATS if weights is None else HATS * weights[:, None]
    return np.asarray(HATS @ np.linalg.solve(_MEANS @ weighted, np.asarray(figures, dtype=np.float64)))


def persistent(rng: np.random.Generator, count: int, memory: float) -> Array:
    """Stationary first-order autoregressive noise, mean 0 and variance 1: ``x = memory x_before + …``."""  # (count,)
    fresh = rng.standard_normal(count)
    fresh[1:] *= math.sqrt(1.0 - memory * memory)
    values = fresh.tolist()
    for n in range(1, count):
        values[n] += memory * values[n - 1]
    return np.array(values)


def hourly(daily: Array) -> Array:
    """Straight lines between the middles of the days, the year repeating."""  # (365,) -> (8760,)
    hours = np.arange(24 * DAYS) / 24.0
    return np.asarray(np.interp(hours, np.arange(DAYS) + 0.5, daily, period=DAYS))
