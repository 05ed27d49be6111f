"""Clouds over a PV plant: a frozen pattern that the wind carries across (Taylor's hypothesis).

The pattern is a fractal field on a torus, its two-dimensional spectrum falling as ``k^(-8/3)`` below an outer
scale, which gives cloud edges the area and perimeter exponents of fair-weather fields (Lovejoy 1982 for the
observation); its values are replaced by their ranks, so that the part of the sky below a threshold is the
threshold. Each station averages over points of its own area: that is the smoothing by which a large plant
ramps more slowly than a sensor (Marcos et al. 2011, doi 10.1002/pip.1063).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from plant_models._jit import inner
from plant_models.pv.settings import PvSettings
from plant_models.pv.sun import SLOT_S, SunTable
from plant_models.weather.season import DAYS, hourly, persistent
from plant_models.weather.series import HOUR_S, HOURS, Weather

Array = npt.NDArray[np.float64]

CELLS = 512
CELL_M = 100.0
_OUTER_SCALE_M = 6000.0
_EDGE = 0.05
"""Width of a cloud's edge, as a share of the ranks."""
POINTS = 4
"""At which a station looks at the sky."""
_ALOFT = 2.0
"""Wind at cloud height over wind at 10 m, about the 1/7 power law at 1.3 km."""
_SLOWEST_M_S, _FASTEST_M_S = 3.0, 12.0
_LEAST_CLEAR_W_M2 = 20.0


@lru_cache(maxsize=4)
def cloud_pattern(seed: int) -> Array:
    """Ranks, 0 … 1, of a fractal field on a torus of :data:`CELLS` times :data:`CELL_M`; read-only."""  # (512, 512)
    white = np.random.default_rng([seed, 20]).standard_normal((CELLS, CELLS))
    along = np.fft.fftfreq(CELLS, CELL_M)
    squared = along[:, None] ** 2 + along[None, : CELLS // 2 + 1] ** 2
    amplitude = (squared + _OUTER_SCALE_M**-2) ** (-8.0 / 3.0 / 4.0 - 0.25)
    field = np.fft.irfft2(np.fft.rfft2(white) * amplitude, s=(CELLS, CELLS))
    ranks = np.empty(CELLS * CELLS)
    ranks[np.argsort(field, axis=None, kind="stable")] = (np.arange(CELLS * CELLS) + 0.5) / (CELLS * CELLS)
    pattern = ranks.reshape(CELLS, CELLS)
    pattern.flags.writeable = False
    return pattern


def cloud_hours(weather: Weather, sun: SunTable, transmission: float, seed: int) -> Array:
    """Share of the sky that clouds hide, and their velocity to the east and to the north, m/s, by hour.

    The share makes the mean clear-sky index that of the file's radiation, or else Kasten and Czeplak's
    ``1 - 0.75 N^3.4`` at cover N (Solar Energy 24, 1980). Haze in a file comes out as few clouds.
    """  # (8760, 3)
    loss = 1.0 - transmission
    if weather.ghi_w_m2 is None:
        hidden = 0.75 * (weather.cloud_cover_percent / 100.0) ** 3.4 / loss
    else:
        clear = sun.clear_ghi_w_m2.reshape(HOURS, round(HOUR_S / SLOT_S)).mean(axis=1)
        day = np.flatnonzero(clear > _LEAST_CLEAR_W_M2)
        index = weather.ghi_w_m2[day] / clear[day]
        hidden = np.interp(np.arange(HOURS), day, (1.0 - index) / loss, period=HOURS)
    speed = np.clip(_ALOFT * weather.wind_speed_m_s, _SLOWEST_M_S, _FASTEST_M_S)
    heading = np.radians(40.0) * hourly(persistent(np.random.default_rng([seed, 21]), DAYS, 0.7))
    return np.column_stack([np.clip(hidden, 0.0, 1.0), speed * np.cos(heading), speed * np.sin(heading)])


def station_points(settings: PvSettings) -> Array:
    """East and north of the points of each station, m: a square grid of stations, four points in each."""  # (n, 4, 2)
    side_m = math.sqrt(10_000.0 * settings.area_ha)
    columns = math.ceil(math.sqrt(settings.stations))
    rows = math.ceil(settings.stations / columns)
    width_m, height_m = side_m / columns, side_m / rows
    offsets = np.array([(-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25)])
    centres = np.array([((n % columns) + 0.5, (n // columns) + 0.5) for n in range(settings.stations)])
    return np.asarray((centres[:, None, :] + offsets[None, :, :]) * np.array([width_m, height_m]))


@inner
def clearness_at(x_m: float, y_m: float, hidden: float, transmission: float, pattern: Array) -> float:
    """Clear-sky index under one point of the field; ``hidden`` is the share of the sky that clouds take, 0 … 1."""
    x = x_m / CELL_M
    y = y_m / CELL_M
    column = math.floor(x)
    row = math.floor(y)
    right = x - column
    up = y - row
    # The size is a power of two: the mask is the remainder, of negative numbers too.
    i0, i1 = int(row) & (CELLS - 1), (int(row) + 1) & (CELLS - 1)
    j0, j1 = int(column) & (CELLS - 1), (int(column) + 1) & (CELLS - 1)
    below = pattern[i0, j0] + right * (pattern[i0, j1] - pattern[i0, j0])
    above = pattern[i1, j0] + right * (pattern[i1, j1] - pattern[i1, j0])
    rank = below + up * (above - below)
    # The threshold moves by the edge's width more than the cover: none at 0, all at 1.
    inside = min(max((hidden * (1.0 + _EDGE) - rank) / _EDGE, 0.0), 1.0)
    shade = inside * inside * (3.0 - 2.0 * inside)
    return float(1.0 - (1.0 - transmission) * shade)


@inner
def station_clearness(
    station: int, x_m: float, y_m: float, hidden: float, transmission: float, points: Array, pattern: Array
) -> float:
    """Mean clear-sky index over a station whose sky has moved by ``x_m`` and ``y_m``."""
    if hidden <= 0.0:
        return 1.0
    if hidden >= 1.0:
        return transmission
    total = 0.0
    for point in range(POINTS):
        x = points[station, point, 0] - x_m
        y = points[station, point, 1] - y_m
        total += clearness_at(x, y, hidden, transmission, pattern)
    return float(total / POINTS)
