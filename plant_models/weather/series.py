"""Weather of a year, hour by hour, and its quantities as profiles over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from plant_models.errors import WeatherError
from plant_models.workload import Sampled

Array = npt.NDArray[np.float64]

HOURS = 8760
HOUR_S = 3600.0
YEAR_S = HOURS * HOUR_S

QUANTITIES: Mapping[str, tuple[str, float, float]] = MappingProxyType({
    "dry_bulb_temp_degc": ("degC", -60.0, 70.0),
    "wet_bulb_temp_degc": ("degC", -70.0, 60.0),
    "relative_humidity_percent": ("%", 0.0, 100.0),
    "sky_temp_degc": ("degC", -120.0, 70.0),
    "wind_speed_m_s": ("m/s", 0.0, 60.0),
    "pressure_kpa": ("kPa", 50.0, 110.0),
    "cloud_cover_percent": ("%", 0.0, 100.0),
})  # fmt: skip
"""Unit and permitted range of each quantity."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Weather:
    """A year of 365 days from 1 January, 0 h local standard time; it repeats.

    Row n is the state of the air at n hours. All arrays are read-only.

    Attributes
    ----------
    place : str
        Where it comes from, for messages.
    latitude_deg, longitude_deg, altitude_m, utc_offset_h : float
        North and east are positive; local standard time is UTC plus the offset.
    dry_bulb_temp_degc, wet_bulb_temp_degc, relative_humidity_percent, sky_temp_degc, wind_speed_m_s : array
        Wind at 10 m.  # (8760,)
    pressure_kpa, cloud_cover_percent : array
        Of the station, not reduced to sea level; share of the sky.  # (8760,)
    ghi_w_m2 : array or None
        Global horizontal irradiance, mean over the hour that begins with the row; synthetic years have none.
    filled_rows : int
        How many rows were missing and filled.
    saturated_rows : int
        How many rows of a file were over saturation (100 … 110 %), taken as 100 %.

    Raises
    ------
    WeatherError
        A row that is missing, not finite or out of range; the message names quantity and row.
    """

    place: str
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    utc_offset_h: float
    dry_bulb_temp_degc: Array = field(repr=False)
    wet_bulb_temp_degc: Array = field(repr=False)
    relative_humidity_percent: Array = field(repr=False)
    sky_temp_degc: Array = field(repr=False)
    wind_speed_m_s: Array = field(repr=False)
    pressure_kpa: Array = field(repr=False)
    cloud_cover_percent: Array = field(repr=False)
    ghi_w_m2: Array | None = field(default=None, repr=False)
    filled_rows: int = 0
    saturated_rows: int = 0

    def __post_init__(self) -> None:
        for name, (unit, low, high) in QUANTITIES.items():
            object.__setattr__(
                self, name, checked_rows(self.place, name, unit, getattr(self, name), low, high)
            )
        if self.ghi_w_m2 is not None:
            ghi = checked_rows(self.place, "ghi_w_m2", "W/m2", self.ghi_w_m2, 0.0, 1500.0)
            object.__setattr__(self, "ghi_w_m2", ghi)

    def rows(self, quantity: str) -> Array:
        """Hourly rows of one of :data:`QUANTITIES`.

        Raises
        ------
        WeatherError
            There is no such quantity.
        """  # (8760,)
        if quantity not in QUANTITIES:
            raise WeatherError(f"weather has no {quantity!r}; it has {', '.join(QUANTITIES)}")
        rows: Array = getattr(self, quantity)
        return rows

    def profile(self, quantity: str, start_s: float = 0.0) -> Sampled:
        """One quantity over time: straight lines between the rows, exact means, the year repeating.

        Parameters
        ----------
        quantity : str
            One of :data:`QUANTITIES`.
        start_s : float
            Time in the year at the profile's time 0, s, 0 up to the year's end.

        Raises
        ------
        WeatherError
            No such quantity, or a start outside the year.
        """
        if not 0.0 <= start_s < YEAR_S:
            raise WeatherError(f"start_s is {start_s}: a time in the year, 0 … {YEAR_S:.0f} s")
        first_s = -start_s
        times_s = tuple(first_s + HOUR_S * n for n in range(HOURS))
        return Sampled(times_s, tuple(self.rows(quantity).tolist()), repeat=True)


def checked_rows(place: str, name: str, unit: str, rows: Array, low: float, high: float) -> Array:
    """Give ``rows`` as a read-only copy after a look at each.

    Raises
    ------
    WeatherError
        Not 8760 rows, or a row that is not finite or out of ``low`` … ``high``.
    """
    copy = np.array(rows, dtype=np.float64)
    if copy.shape != (HOURS,):
        raise WeatherError(
            f"weather of {place}: {name} has shape {copy.shape}, not ({HOURS},): a row an hour"
        )
    wrong = ~((copy >= low) & (copy <= high))
    if wrong.any():
        row = int(np.argmax(wrong))
        what = f"is {copy[row]:g} {unit}" if np.isfinite(copy[row]) else "is missing"
        more = int(wrong.sum()) - 1
        raise WeatherError(
            f"weather of {place}: {name} {what} in row {row} ({when(row)}); it must be {low:g} … {high:g}"
            + (f"; so are {more} more rows" if more else "")
        )
    copy.flags.writeable = False
    return copy


def when(row: int) -> str:
    """Month, day and hour of a row, as ``07-15 13 h``."""
    moment = np.datetime64("2001-01-01T00", "h") + np.timedelta64(row, "h")
    return f"{str(moment)[5:10]} {str(moment)[11:13]} h"


def fill_gaps(
    place: str, name: str, rows: Array, longest_gap_h: int, where: Callable[[int], str] = lambda _: ""
) -> Array:
    """Fill rows that are NaN by straight lines, where no more than ``longest_gap_h`` follow each other.

    ``where`` says of a row where it is in its source, for the message.

    Raises
    ------
    WeatherError
        A longer gap; the message names its first row.
    """  # (8760,) -> (8760,)
    missing = np.isnan(rows)
    if not missing.any():
        return rows
    if missing.all():
        raise WeatherError(f"weather of {place}: {name} has no row at all")
    # The year repeats: a gap over its end is one gap. Counting begins at a row that is there.
    first = int(np.argmin(missing))
    run = 0
    for step in range(1, HOURS + 1):
        row = (first + step) % HOURS
        run = run + 1 if missing[row] else 0
        if run > longest_gap_h:
            began = (row - run + 1) % HOURS
            allowed = (
                f"gaps up to {longest_gap_h} h are filled" if longest_gap_h else "fill_gap_h would fill gaps"
            )
            raise WeatherError(
                f"weather of {place}: {where(began)}{name} is missing in row {began} ({when(began)}); {allowed}"
            )
    index = np.arange(HOURS)
    return np.asarray(np.interp(index, index[~missing], rows[~missing], period=HOURS))
