"""Synthetic years: seeded, from a climate's monthly figures.

Day by day: minimum and maximum follow the season, with an anomaly that persists from day to day and a swing
that clouds damp; sirocco days come in spells and have their own maxima. Hour by hour: a cosine from the
minimum near sunrise to the maximum at 15 h and back, as ASHRAE's clear-day profiles have it in outline; so
the extremes of a day are hit exactly. Spells, memories and spreads are assumptions of ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plant_models.errors import WeatherError
from plant_models.weather import air
from plant_models.weather.climate import Climate, climate
from plant_models.weather.season import DAYS, MONTH_OF_DAY, hourly, monthly_means, persistent, season
from plant_models.weather.series import HOURS, Weather

Array = npt.NDArray[np.float64]

_MAX_HOUR = 15
_TEMP_MEMORY = 0.7
_CLOUD_MEMORY = 0.5
_WINTER_SPREAD_K, _SUMMER_SPREAD_K = 2.4, 1.8
_SWING_SPREAD = 0.35
"""A day's swing is 1 ± this of the season's."""
_SIROCCO_STAYS = 0.5
"""Chance that the day after a sirocco day is one: spells of two days on average."""
_SIROCCO_NIGHT_K = 4.0
_SIROCCO_DRYNESS = 0.45
"""Relative humidity on such a day, of what it would be."""
_PASSES = 4


@dataclass(frozen=True, slots=True)
class _Draws:
    """All that is random by day, from one seed."""

    anomaly: Array
    clearness: Array
    humidity: Array
    wind: Array
    pressure: Array
    hot: Array
    peak: Array


def synthetic_year(place: Climate | str, seed: int, *, typical: bool = True) -> Weather:
    """Draw a year.

    Parameters
    ----------
    place : Climate or str
        The monthly figures, or the name of a ready climate (``bizerte``, ``tozeur``).
    seed : int
        The same seed gives the same year to the bit; two places with one seed share their spells in part.
    typical : bool
        Each year has the climate's monthly means of daily minima and maxima, as a typical year of a file has.
        Otherwise only the mean over many years has, and months differ from year to year as weather does.

    Raises
    ------
    WeatherError
        No such climate, or a negative seed.
    """
    where = climate(place) if isinstance(place, str) else place
    if seed < 0:
        raise WeatherError(f"seed is {seed}: it must be 0 or more")
    draws = _draw(where, seed)
    low, high, temp = _temperatures(where, draws, typical)
    cover = _cloud_cover_percent(where, draws, seed)
    pressure = air.station_pressure_kpa(where.altitude_m) + 0.6 * hourly(draws.pressure)
    saturation = air.saturation_pressure_kpa(temp)
    vapour = np.minimum(hourly(_vapour_kpa(where, draws, 0.5 * (low + high))), saturation)
    humidity = np.minimum(100.0 * vapour / saturation, 100.0)
    return Weather(
        place=where.name,
        latitude_deg=where.latitude_deg,
        longitude_deg=where.longitude_deg,
        altitude_m=where.altitude_m,
        utc_offset_h=where.utc_offset_h,
        dry_bulb_temp_degc=temp,
        wet_bulb_temp_degc=air.wet_bulb_degc(temp, humidity, pressure),
        relative_humidity_percent=humidity,
        sky_temp_degc=air.sky_temp_degc(temp, air.dew_point_degc(vapour), cover),
        wind_speed_m_s=_wind_m_s(where, draws, seed),
        pressure_kpa=pressure,
        cloud_cover_percent=cover,
    )


def _draw(where: Climate, seed: int) -> _Draws:
    # One stream for each quantity: a change in how many numbers one takes leaves the others as they were.
    def stream(number: int) -> np.random.Generator:
        return np.random.default_rng([seed, number])

    chance = stream(5).random(DAYS)
    hot = np.zeros(DAYS)
    for day, begins in enumerate(_spell_begins(where)):
        goes_on = day > 0 and hot[day - 1] > 0.0 and begins > 0.0
        hot[day] = float(chance[day] < (_SIROCCO_STAYS if goes_on else begins))
    coolest, hottest = where.sirocco_peak_degc
    return _Draws(
        anomaly=persistent(stream(0), DAYS, _TEMP_MEMORY),
        clearness=persistent(stream(1), DAYS, _CLOUD_MEMORY),
        humidity=persistent(stream(2), DAYS, 0.6),
        wind=persistent(stream(3), DAYS, 0.4),
        pressure=persistent(stream(4), DAYS, 0.75),
        hot=hot,
        peak=coolest + (hottest - coolest) * stream(6).random(DAYS),
    )


def _spell_begins(where: Climate) -> list[float]:
    """Chance a day that a spell begins, after a day without, so that the climate's days a month come out."""
    share = np.array(where.sirocco_days) / np.bincount(MONTH_OF_DAY)
    begins = share * (1.0 - _SIROCCO_STAYS) / (1.0 - share)
    return [float(begins[month]) for month in MONTH_OF_DAY]


def _expected_hot(where: Climate) -> Array:
    """Chance of each day to be a sirocco day, over many years."""  # (365,)
    shares = []
    share = 0.0
    for begins in _spell_begins(where):
        share = share * (_SIROCCO_STAYS if begins > 0.0 else 0.0) + (1.0 - share) * begins
        shares.append(share)
    return np.array(shares)


def _temperatures(where: Climate, draws: _Draws, typical: bool) -> tuple[Array, Array, Array]:
    """Daily minima and maxima, and the hours between them."""  # (365,), (365,), (8760,)
    day = np.arange(DAYS)
    winter = 0.5 * (1.0 + np.cos(2.0 * np.pi * (day - 15) / DAYS))
    moved = (_SUMMER_SPREAD_K + (_WINTER_SPREAD_K - _SUMMER_SPREAD_K) * winter) * draws.anomaly
    swing = season(where.max_temp_degc) - season(where.min_temp_degc)
    damped = 0.5 * swing * _SWING_SPREAD * np.tanh(draws.clearness)
    hot = draws.hot if typical else _expected_hot(where)
    peak = draws.peak if typical else np.full(DAYS, sum(where.sirocco_peak_degc) / 2.0)
    known_low = monthly_means(_SIROCCO_NIGHT_K * hot + typical * (moved - damped))
    known_high = monthly_means(hot * peak + typical * (1.0 - hot) * (moved + damped))
    miss_low, miss_high = np.zeros(12), np.zeros(12)
    # Midnight may be colder than the minimum near sunrise: what that takes off the means is put back.
    for _ in range(_PASSES if typical else 1):
        low = season(np.array(where.min_temp_degc) - known_low + miss_low) + moved - damped
        low += _SIROCCO_NIGHT_K * draws.hot
        ordinary = season(np.array(where.max_temp_degc) - known_high + miss_high, 1.0 - hot) + moved + damped
        high = np.maximum(np.where(draws.hot > 0.0, draws.peak, ordinary), low + 1.0)
        temp = _hours_between(low, high)
        by_day = temp.reshape(DAYS, 24)
        miss_low += np.array(where.min_temp_degc) - monthly_means(by_day.min(axis=1))
        miss_high += np.array(where.max_temp_degc) - monthly_means(by_day.max(axis=1))
    return low, high, temp


def _hours_between(low: Array, high: Array) -> Array:
    """Cosines between each day's minimum, near sunrise, and its maximum."""  # (365,), (365,) -> (8760,)
    day = np.arange(DAYS)
    min_hour = np.rint(6.0 + np.cos(2.0 * np.pi * (day + 10) / DAYS))
    times = np.column_stack([24.0 * day + min_hour, 24.0 * day + _MAX_HOUR]).ravel()
    levels = np.column_stack([low, high]).ravel()
    times = np.concatenate([[times[-1] - HOURS], times, [times[0] + HOURS]])
    levels = np.concatenate([[levels[-1]], levels, [levels[0]]])
    hours = np.arange(HOURS, dtype=np.float64)
    left = np.searchsorted(times, hours, side="right") - 1
    share = (hours - times[left]) / (times[left + 1] - times[left])
    eased = 0.5 * (1.0 - np.cos(np.pi * share))
    return np.asarray(levels[left] + (levels[left + 1] - levels[left]) * eased)


def _vapour_kpa(where: Climate, draws: _Draws, mean_temp: Array) -> Array:
    """Vapour pressure of each day: the air mass keeps it while temperature goes up and down."""  # (365,)
    humidity = np.clip(season(where.relative_humidity_percent) + 8.0 * draws.humidity, 8.0, 97.0)
    humidity *= np.where(draws.hot > 0.0, _SIROCCO_DRYNESS, 1.0)
    return np.asarray(air.saturation_pressure_kpa(mean_temp) * humidity / 100.0)


def _cloud_cover_percent(where: Climate, draws: _Draws, seed: int) -> Array:
    """Cover, more often near none or all than between, its mean the climate's: ``Phi(a + b z)``."""  # (8760,)
    from scipy.special import ndtr, ndtri  # noqa: PLC0415 - only who draws a year pays for it

    steepness = 1.5
    mean = np.clip(season(where.cloud_cover_percent) / 100.0, 0.01, 0.99)
    centre = hourly(ndtri(mean) * np.sqrt(1.0 + steepness**2))
    latent = _hourly_latent(-draws.clearness, seed, 7)
    return np.asarray(100.0 * ndtr(centre + steepness * latent))


def _wind_m_s(where: Climate, draws: _Draws, seed: int) -> Array:
    """Wind after Rayleigh (Weibull with shape 2, usual where only the mean is known), stronger by day."""  # (8760,)
    from scipy.special import log_ndtr  # noqa: PLC0415 - as above

    scale = hourly(season(where.wind_speed_m_s)) / 0.886227
    by_hour = 1.0 + 0.25 * np.cos(2.0 * np.pi * (np.arange(HOURS) % 24 - _MAX_HOUR) / 24.0)
    return np.asarray(scale * np.sqrt(-log_ndtr(-_hourly_latent(draws.wind, seed, 8))) * by_hour)


def _hourly_latent(daily: Array, seed: int, stream: int) -> Array:
    """Give a standard normal by hour; the day decides 64 % of its variance, the hours the rest."""  # (8760,)
    hours = persistent(np.random.default_rng([seed, stream]), HOURS, 0.8)
    days = hourly(daily)
    return np.asarray(0.8 * days / max(float(days.std()), 1e-9) + 0.6 * hours)
