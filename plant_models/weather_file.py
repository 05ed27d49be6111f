"""Weather from EPW and TMY3 files, read by pvlib. Set-up only; pvlib is imported where it is needed.

Both functions take an open text stream: opening files is not for a package without I/O.

In both formats a row stands for the hour that ends with its label: temperatures, wind and pressure are those
at that end, radiation is the mean over the hour (EnergyPlus Auxiliary Programs, EPW data dictionary; Wilcox
and Marion, Users Manual for TMY3 Data Sets, NREL/TP-581-43156).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO, cast

import numpy as np
import numpy.typing as npt

from plant_models import weather_air as air
from plant_models.errors import WeatherError
from plant_models.weather import HOURS, Weather, fill_gaps, when
from plant_models.weather_climate import MONTH_DAYS

if TYPE_CHECKING:
    from pandas import DataFrame

Array = npt.NDArray[np.float64]

_COMMON_YEAR, _LEAP_YEAR = 2001, 2000
_LEAST_WARM_DEGC = -90.0


@dataclass(frozen=True, slots=True)
class _Column:
    """Where a quantity is in a file: pvlib's column, factor to our unit, values that are figures."""

    name: str
    factor: float
    low: float
    below: float


# What is not a figure by the format (99.9, 999, 9999 … in EPW; -9900 in TMY3) is outside the range given here.
_EPW = {
    "temp": _Column("temp_air", 1.0, _LEAST_WARM_DEGC, 99.9),
    "humidity": _Column("relative_humidity", 1.0, 0.0, 999.0),
    "pressure": _Column("atmospheric_pressure", 1e-3, 0.0, 999_999.0),
    "wind": _Column("wind_speed", 1.0, 0.0, 999.0),
    "cover": _Column("total_sky_cover", 10.0, 0.0, 99.0),
    "infrared": _Column("ghi_infrared", 1.0, 1.0, 9999.0),
    "ghi": _Column("ghi", 1.0, 0.0, 9999.0),
}
_TMY3 = {
    "temp": _Column("temp_air", 1.0, _LEAST_WARM_DEGC, 9000.0),
    "humidity": _Column("relative_humidity", 1.0, 0.0, 9000.0),
    "pressure": _Column("pressure", 0.1, 0.0, 9000.0),
    "wind": _Column("wind_speed", 1.0, 0.0, 9000.0),
    "cover": _Column("TotCld (tenths)", 10.0, 0.0, 99.0),
    "ghi": _Column("ghi", 1.0, 0.0, 9000.0),
}
_UNREADABLE = (ValueError, KeyError, IndexError, TypeError, AttributeError)
"""What pvlib and pandas raise at a file that is not of the format."""


def read_epw(stream: TextIO, *, fill_gap_h: int = 0) -> Weather:
    """Read an EnergyPlus weather file.

    Parameters
    ----------
    stream : text stream
        The file, open.
    fill_gap_h : int
        Missing rows and figures are filled by straight lines where no more than this many follow each other,
        and counted in ``filled_rows``. 0: a missing row is an error.

    Raises
    ------
    WeatherError
        Not such a file; a missing row, figure or leap day; the message names quantity, row and date.
    """
    from pvlib import iotools  # noqa: PLC0415 - importing it takes seconds, and few processes need it

    data, meta = _parsed(lambda: iotools.read_epw(stream, coerce_year=_LEAP_YEAR), "EPW")
    place = f"{meta.get('city', '?')} (EPW)"
    return _weather(place, data, meta, _EPW, _slots(place, data, 0), fill_gap_h)


def read_tmy3(stream: TextIO, *, fill_gap_h: int = 0) -> Weather:
    """Read a TMY3 file; as :func:`read_epw`."""
    from pvlib import iotools  # noqa: PLC0415 - as above

    data, meta = _parsed(lambda: iotools.read_tmy3(stream, coerce_year=_COMMON_YEAR), "TMY3")
    place = f"{meta.get('Name', '?')} (TMY3)"
    # pvlib labels EPW rows by the start of their hour, TMY3 rows by its end.
    return _weather(place, data, meta, _TMY3, _slots(place, data, -1), fill_gap_h)


def _parsed(read: Callable[[], object], kind: str) -> tuple[DataFrame, Mapping[str, object]]:
    try:
        return cast("tuple[DataFrame, Mapping[str, object]]", read())
    except _UNREADABLE as error:
        raise WeatherError(f"this is no {kind} file that can be read: {error}") from error


def _slots(place: str, data: DataFrame, shift_h: int) -> npt.NDArray[np.int64]:
    """Hour of the year in which each row of the file begins."""  # (n,)
    index = data.index
    month, day = np.asarray(index.month), np.asarray(index.day)
    if ((month == 2) & (day == 29)).any():
        raise WeatherError(f"weather of {place}: a year has 365 days here; leave 29 February out")
    first_day = np.concatenate([[0], np.cumsum(MONTH_DAYS)])
    slots = ((first_day[month - 1] + day - 1) * 24 + np.asarray(index.hour) + shift_h) % HOURS
    seen, counts = np.unique(slots, return_counts=True)
    if (counts > 1).any():
        twice = int(seen[np.argmax(counts > 1)])
        raise WeatherError(f"weather of {place}: row {twice} ({when(twice)}) is there twice")
    return np.asarray(slots, dtype=np.int64)


def _weather(
    place: str,
    data: DataFrame,
    meta: Mapping[str, object],
    columns: Mapping[str, _Column],
    slots: npt.NDArray[np.int64],
    fill_gap_h: int,
) -> Weather:
    missing = np.zeros(HOURS, dtype=bool)

    def rows(key: str, shift: int) -> Array:
        sparse = _by_hour(place, data, columns[key], slots)
        missing[:] |= np.isnan(sparse)
        return fill_gaps(place, columns[key].name, np.roll(sparse, shift), fill_gap_h)

    def given(key: str) -> bool:
        column = columns.get(key)
        return (
            column is not None
            and column.name in data
            and bool(np.isfinite(_by_hour(place, data, column, slots)).any())
        )

    # A state at the end of an hour is the next row's; a mean over the hour is this row's.
    temp = rows("temp", 1)
    humidity = np.minimum(rows("humidity", 1), 100.0)  # EPW allows up to 110
    pressure = rows("pressure", 1)
    wind = rows("wind", 1)
    ghi = rows("ghi", 0) if given("ghi") else None
    cover = rows("cover", 1) if given("cover") else np.zeros(HOURS)
    if given("infrared"):
        sky = air.sky_temp_from_infrared_degc(rows("infrared", 1))
    else:
        vapour = air.saturation_pressure_kpa(temp) * np.maximum(humidity, 1.0) / 100.0
        sky = air.sky_temp_degc(temp, air.dew_point_degc(vapour), cover)
    return Weather(
        place=place,
        latitude_deg=float(str(meta["latitude"])),
        longitude_deg=float(str(meta["longitude"])),
        altitude_m=float(str(meta["altitude"])),
        utc_offset_h=float(str(meta["TZ"])),
        dry_bulb_temp_degc=temp,
        wet_bulb_temp_degc=air.wet_bulb_degc(temp, humidity, pressure),
        relative_humidity_percent=humidity,
        sky_temp_degc=sky,
        wind_speed_m_s=wind,
        pressure_kpa=pressure,
        cloud_cover_percent=cover,
        ghi_w_m2=ghi,
        filled_rows=int(missing.sum()),
    )


def _by_hour(place: str, data: DataFrame, column: _Column, slots: npt.NDArray[np.int64]) -> Array:
    """Figures of one column in the unit of ours, NaN where there is none."""  # (8760,)
    if column.name not in data:
        raise WeatherError(f"weather of {place}: the file has no column {column.name}")
    try:
        found = np.asarray(data[column.name], dtype=np.float64)
    except ValueError as error:
        raise WeatherError(f"weather of {place}: {column.name}: {error}") from error
    figures = np.full(HOURS, np.nan)
    figures[slots] = np.where((found >= column.low) & (found < column.below), found * column.factor, np.nan)
    return figures
