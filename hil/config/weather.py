"""Weather as a user writes it: where it comes from, and where in the year a run begins.

The year has 365 days and goes by local standard time, all year.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from hil.config.strict import Finite, Strict, WrongKeyError

DAY_S = 86_400.0
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_START = re.compile(
    r"(?:(?P<day>hottest|coldest)|(?P<month>\d{1,2})-(?P<date>\d{1,2}))(?: +(?P<hour>\d{1,2}):(?P<minute>\d\d))?"
)
_HOW = 'month-day, or hottest or coldest, and the time: "07-15 06:00", "hottest", "coldest 18:30"'
_OF_A_SITE, _OF_A_FILE = ("seed", "typical"), ("fill_gap_h",)


@dataclass(frozen=True, slots=True)
class StartInYear:
    """Where a run begins.

    Attributes
    ----------
    extreme : {"hottest", "coldest"} or None
        The day with the year's highest or lowest dry bulb temperature; None: the day is in ``after_s``.
    after_s : float
        Since 1 January, 0 h, or since that day's 0 h, s.
    """

    extreme: str | None
    after_s: float


def start_in_year(text: str) -> StartInYear:
    """Read ``month-day hour:minute``; without a time it is 0 h.

    Raises
    ------
    ValueError
        No such day or time; the message says what is meant.
    """
    found = _START.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no day of the year")
    hour, minute = int(found["hour"] or 0), int(found["minute"] or 0)
    if hour > 23 or minute > 59:
        raise ValueError(f"{text!r} has no time between 0:00 and 23:59")
    time_s = 3600.0 * hour + 60.0 * minute
    if found["day"] is not None:
        return StartInYear(found["day"], time_s)
    month, date = int(found["month"]), int(found["date"])
    if not 1 <= month <= 12:
        raise ValueError(f"{text!r}: there is no month {month}")
    if not 1 <= date <= _MONTH_DAYS[month - 1]:
        days = _MONTH_DAYS[month - 1]
        raise ValueError(f"{text!r}: month {month} has {days} days in a year of 365")
    return StartInYear(None, (sum(_MONTH_DAYS[: month - 1]) + date - 1) * DAY_S + time_s)


class WeatherConfig(Strict):
    """A year of weather: a seeded synthetic one of a ``site``, or a ``file`` (.epw, or .csv as TMY3)."""

    site: str | None = None
    """bizerte or tozeur."""
    file: str | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    """Of a synthetic year; the rig's where it is not given. The same site and seed are the same year."""
    typical: bool = True
    """Of a synthetic year: months with exactly the climate's means; false: months differ as weather does."""
    fill_gap_h: Annotated[int, Field(ge=0, le=48)] = 0
    """Of a file: gaps up to so long become straight lines; 0: a missing row is an error."""
    start: str = "01-01 00:00"
    """Day of the year and local standard time at loop time 0: "07-15 06:00", or hottest, or coldest."""

    @model_validator(mode="after")
    def _one_origin(self) -> WeatherConfig:
        if (self.site is None) == (self.file is None):
            what = "weather is of a site or from a file" + (", not both" if self.site is not None else "")
            raise WrongKeyError(
                "site" if self.site is not None else "start", what, "site: bizerte, or file: <x>.epw"
            )
        origin, foreign = ("a site", _OF_A_FILE) if self.site is not None else ("a file", _OF_A_SITE)
        for key in foreign:
            if key in self.model_fields_set:
                raise WrongKeyError(key, f"weather of {origin} has no {key}", "take it out")
        if self.file is not None and not self.file.lower().endswith((".epw", ".csv")):
            raise WrongKeyError("file", f"{self.file!r} is neither an .epw nor a .csv (TMY3) file")
        try:
            start_in_year(self.start)
        except ValueError as error:
            raise WrongKeyError("start", str(error), _HOW) from error
        return self


class WeatherProfile(WeatherConfig):
    """One quantity of a year's weather as a source, in its own unit.

    ``dry_bulb_temp_degc``, ``wet_bulb_temp_degc``, ``relative_humidity_percent``, ``sky_temp_degc``,
    ``wind_speed_m_s``, ``pressure_kpa`` or ``cloud_cover_percent``.
    """

    type: Literal["weather"]
    description: str = ""
    quantity: str
    offset_k: Finite = 0.0
    """Added to a temperature: a site that is warmer than the climate's station, a heat wave."""

    @model_validator(mode="after")
    def _offset_of_a_temperature(self) -> WeatherProfile:
        if self.offset_k and not self.quantity.endswith("_degc"):
            raise WrongKeyError("offset_k", f"{self.quantity} is no temperature", "take it out")
        return self
