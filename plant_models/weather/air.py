"""Moist air and the sky's long-wave radiation. Set-up only: arrays in, arrays out.

Source of the psychrometrics: ASHRAE Handbook Fundamentals 2017, chapter 1 (its equations are named below).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

ZERO_DEGC_K = 273.15
STEFAN_BOLTZMANN_W_M2K4 = 5.670374419e-8
_ICE = (-5.6745359e3, 6.3925247, -9.6778430e-3, 6.2215701e-7, 2.0747825e-9, -9.4840240e-13, 4.1635019)
_WATER = (-5.8002206e3, 1.3914993, -4.8640239e-2, 4.1764768e-5, -1.4452093e-8, 0.0, 6.5459673)
_HALVINGS = 34
"""Of an interval of at most 200 K: to 1e-8 K."""


def saturation_pressure_kpa(temp_degc: Array) -> Array:
    """Saturation pressure over ice below 0 °C, over water above: equations (5) and (6), Hyland and Wexler."""  # (n,)
    temp_k = np.asarray(temp_degc, dtype=np.float64) + ZERO_DEGC_K
    return np.where(temp_k < ZERO_DEGC_K, _saturation_kpa(temp_k, _ICE), _saturation_kpa(temp_k, _WATER))


def _saturation_kpa(temp_k: Array, c: tuple[float, ...]) -> Array:
    powers = c[0] / temp_k + c[1] + temp_k * (c[2] + temp_k * (c[3] + temp_k * (c[4] + temp_k * c[5])))
    return np.asarray(np.exp(powers + c[6] * np.log(temp_k)) / 1000.0)


def humidity_ratio(vapour_kpa: Array, pressure_kpa: Array) -> Array:
    """Mass of water by mass of dry air, 1: equation (20)."""  # (n,)
    return np.asarray(0.621945 * vapour_kpa / (pressure_kpa - vapour_kpa))


def wet_bulb_degc(temp_degc: Array, relative_humidity_percent: Array, pressure_kpa: Array) -> Array:
    """Thermodynamic wet bulb: equations (33) over water and (35) over ice, solved by bisection.

    Parameters
    ----------
    temp_degc, relative_humidity_percent, pressure_kpa : array
        Dry bulb, humidity 0 … 100, and pressure of the station.  # (n,)
    """
    temp = np.asarray(temp_degc, dtype=np.float64)
    vapour_kpa = saturation_pressure_kpa(temp) * np.asarray(relative_humidity_percent) / 100.0
    target = humidity_ratio(vapour_kpa, np.asarray(pressure_kpa, dtype=np.float64))
    low, high = temp - 100.0, temp.copy()
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        too_wet = _ratio_at_wet_bulb(temp, middle, pressure_kpa) > target
        high = np.where(too_wet, middle, high)
        low = np.where(too_wet, low, middle)
    return np.asarray(0.5 * (low + high))


def _ratio_at_wet_bulb(temp: Array, wet: Array, pressure_kpa: Array) -> Array:
    saturated = humidity_ratio(saturation_pressure_kpa(wet), pressure_kpa)
    water = ((2501.0 - 2.326 * wet) * saturated - 1.006 * (temp - wet)) / (2501.0 + 1.86 * temp - 4.186 * wet)
    ice = ((2830.0 - 0.24 * wet) * saturated - 1.006 * (temp - wet)) / (2830.0 + 1.86 * temp - 2.1 * wet)
    return np.where(wet < 0.0, ice, water)


def dew_point_degc(vapour_kpa: Array) -> Array:
    """Temperature at which the vapour saturates, by bisection of :func:`saturation_pressure_kpa`."""  # (n,)
    vapour = np.asarray(vapour_kpa, dtype=np.float64)
    low, high = np.full_like(vapour, -100.0), np.full_like(vapour, 100.0)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        above = saturation_pressure_kpa(middle) > vapour
        high = np.where(above, middle, high)
        low = np.where(above, low, middle)
    return np.asarray(0.5 * (low + high))


def sky_temp_degc(temp_degc: Array, dew_point: Array, cloud_cover_percent: Array) -> Array:
    """Temperature of a black sky that radiates as much as the real one.

    Clear sky by Clark and Allen (1978), clouds by Walton (1983), as in the EnergyPlus Engineering Reference:
    ``eps = (0.787 + 0.764 ln(T_dp / 273)) (1 + 0.0224 N - 0.0035 N^2 + 0.00028 N^3)``, N in tenths of the sky.
    """
    tenths = np.asarray(cloud_cover_percent) / 10.0
    clear = 0.787 + 0.764 * np.log((np.asarray(dew_point) + ZERO_DEGC_K) / 273.0)
    cloudy = clear * (1.0 + tenths * (0.0224 + tenths * (-0.0035 + tenths * 0.00028)))
    emissivity = np.clip(cloudy, 0.3, 1.0)
    return np.asarray((np.asarray(temp_degc) + ZERO_DEGC_K) * emissivity**0.25 - ZERO_DEGC_K)


def sky_temp_from_infrared_degc(horizontal_infrared_w_m2: Array) -> Array:
    """Sky temperature from the measured long-wave radiation on a horizontal plane (Stefan and Boltzmann)."""  # (n,)
    return np.asarray((np.asarray(horizontal_infrared_w_m2) / STEFAN_BOLTZMANN_W_M2K4) ** 0.25 - ZERO_DEGC_K)


def station_pressure_kpa(altitude_m: float) -> float:
    """Pressure of the standard atmosphere at an altitude: equation (3)."""
    return 101.325 * math.pow(1.0 - 2.25577e-5 * altitude_m, 5.2559)
