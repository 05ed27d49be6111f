"""Climates by month: the figures that synthetic years are drawn from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from plant_models.errors import WeatherError

MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
Months = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Climate:
    """Monthly figures of a place, January first; twelve in each tuple.

    Attributes
    ----------
    name : str
        Of the place.
    latitude_deg, longitude_deg, altitude_m, utc_offset_h : float
        North and east are positive; local standard time is UTC plus the offset, all year.
    min_temp_degc, max_temp_degc : tuple of float
        Means of the daily minima and maxima.
    relative_humidity_percent, cloud_cover_percent, wind_speed_m_s : tuple of float
        Means; wind at 10 m.
    sirocco_days : tuple of float
        Mean number of days a month.
    sirocco_peak_degc : tuple of two floats
        Range of the maxima of such days; each is as likely.

    Raises
    ------
    WeatherError
        Not twelve figures, or one out of range; the message names the month.
    """

    name: str
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    utc_offset_h: float
    min_temp_degc: Months
    max_temp_degc: Months
    relative_humidity_percent: Months
    cloud_cover_percent: Months
    wind_speed_m_s: Months
    sirocco_days: Months
    sirocco_peak_degc: tuple[float, float]

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            self._check(name, low, high)
        for month, (low, high) in enumerate(zip(self.min_temp_degc, self.max_temp_degc, strict=True), 1):
            if not low + 2.0 <= high:
                raise WeatherError(
                    f"climate {self.name}: month {month} has mean minimum {low} and maximum {high} °C; "
                    "days need a swing of at least 2 K"
                )
        if not self.sirocco_peak_degc[0] <= self.sirocco_peak_degc[1] <= 60.0:
            raise WeatherError(f"climate {self.name}: sirocco_peak_degc {self.sirocco_peak_degc} is no range")

    def _check(self, name: str, low: float, high: float) -> None:
        figures: Months = getattr(self, name)
        if len(figures) != 12:
            raise WeatherError(f"climate {self.name}: {name} has {len(figures)} figures, not 12")
        for month, figure in enumerate(figures, 1):
            if not (math.isfinite(figure) and low <= figure <= high):
                raise WeatherError(
                    f"climate {self.name}: {name} of month {month} is {figure}; it must be {low} … {high}"
                )


_RANGES = {
    "min_temp_degc": (-50.0, 50.0),
    "max_temp_degc": (-50.0, 55.0),
    "relative_humidity_percent": (5.0, 97.0),
    "cloud_cover_percent": (1.0, 99.0),
    "wind_speed_m_s": (0.1, 25.0),
    "sirocco_days": (0.0, 10.0),
}

BIZERTE = Climate(
    name="bizerte",
    latitude_deg=37.27,
    longitude_deg=9.87,
    altitude_m=5.0,
    utc_offset_h=1.0,
    min_temp_degc=(7.3, 6.7, 8.1, 9.9, 13.0, 16.9, 19.6, 20.5, 18.8, 15.5, 11.2, 8.4),
    max_temp_degc=(15.2, 15.7, 17.2, 19.5, 23.7, 28.1, 31.7, 31.8, 29.1, 25.0, 19.8, 16.3),
    relative_humidity_percent=(79, 77, 75, 74, 71, 67, 65, 66, 70, 74, 77, 79),
    cloud_cover_percent=(58, 56, 52, 48, 40, 28, 15, 19, 34, 44, 53, 58),
    wind_speed_m_s=(5.5, 5.6, 5.3, 5.1, 4.6, 4.4, 4.3, 4.2, 4.3, 4.5, 5.1, 5.4),
    sirocco_days=(0, 0, 0, 0, 0, 0.6, 1.2, 1.2, 0.5, 0, 0, 0),
    sirocco_peak_degc=(40.5, 44.0),
)
"""Temperatures: weather2visit.com (PLANT.md §1). The other figures are assumptions of ours for a coast of that kind."""

TOZEUR = Climate(
    name="tozeur",
    latitude_deg=33.92,
    longitude_deg=8.13,
    altitude_m=45.0,
    utc_offset_h=1.0,
    min_temp_degc=(7, 8, 11, 15, 19, 23, 27, 26, 23, 19, 12, 8),
    max_temp_degc=(17, 19, 23, 28, 32, 38, 41, 40, 34, 29, 22, 17),
    relative_humidity_percent=(60, 53, 48, 43, 39, 34, 31, 34, 43, 49, 56, 61),
    cloud_cover_percent=(38, 37, 38, 36, 34, 22, 10, 14, 28, 34, 36, 38),
    wind_speed_m_s=(3.5, 3.8, 4.3, 4.8, 4.8, 4.5, 4.1, 3.9, 3.8, 3.4, 3.2, 3.3),
    sirocco_days=(0, 0, 0, 0, 0, 1.5, 2.5, 2.5, 0.8, 0, 0, 0),
    sirocco_peak_degc=(45.0, 49.0),
)
"""Temperatures: lachainemeteo.com (PLANT.md §1). The other figures are our assumptions for the edge of the desert."""

CLIMATES: Mapping[str, Climate] = MappingProxyType({place.name: place for place in (BIZERTE, TOZEUR)})


def climate(name: str) -> Climate:
    """Give a ready climate.

    Raises
    ------
    WeatherError
        There is none of that name.
    """
    if name not in CLIMATES:
        raise WeatherError(f"no climate {name!r}; there are {', '.join(CLIMATES)}")
    return CLIMATES[name]
