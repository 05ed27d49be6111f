"""Weather from EPW and TMY3 files, read by pvlib. Set-up only; pvlib is imported where it is needed.

Both functions take an open text stream: opening files is not for a package without I/O.

In both formats a row stands for the hour that ends with its label: temperatures, wind and pressure are those
at that end, radiation is the mean over the hour (EnergyPlus Auxiliary Programs, EPW data dictionary; Wilcox
and Marion, Users Manual for TMY3 Data Sets, NREL/TP-581-43156). Labels are in local standard time, all year.

What a figure may be is EPW's data dictionary (minimum, maximum, and missing from there on), for TMY3 too, which has
no such table; where the models hold less (temperature, pressure, radiation), it is that.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO, cast

import numpy as np
import numpy.typing as npt

from plant_models.errors import WeatherError
from plant_models.weather import air
from plant_models.weather.rows import FileRows, Moment, RowFormat, rows_of, unreadable, without_mark
from plant_models.weather.series import HOURS, Weather, fill_gaps

if TYPE_CHECKING:
    from pandas import DataFrame, Series

Array = npt.NDArray[np.float64]

_COMMON_YEAR, _LEAP_YEAR = 2001, 2000
_TMY3_MISSING = -9900.0
_MOST_HUMIDITY = 110.0
"""EPW's limit; what is over saturation counts as saturated."""


@dataclass(frozen=True, slots=True)
class _Column:
    """Where a quantity is in a file: pvlib's column, its unit, factor to ours, what it may be, missing from there on.

    0 of what is never 0 is missing too: some files have it so.
    """

    name: str
    unit: str
    factor: float
    low: float
    high: float
    missing: float


_EPW = {
    "temp": _Column("temp_air", "degC", 1.0, -60.0, 70.0, 99.9),
    "humidity": _Column("relative_humidity", "%", 1.0, 0.0, _MOST_HUMIDITY, 999.0),
    "pressure": _Column("atmospheric_pressure", "Pa", 1e-3, 50_000.0, 110_000.0, 999_999.0),
    "wind": _Column("wind_speed", "m/s", 1.0, 0.0, 40.0, 999.0),
    "cover": _Column("total_sky_cover", "tenths", 10.0, 0.0, 10.0, 99.0),
    "infrared": _Column("ghi_infrared", "W/m2", 1.0, 50.0, 780.0, 9999.0),
    "ghi": _Column("ghi", "W/m2", 1.0, 0.0, 1500.0, 9999.0),
}
_TMY3 = {
    "temp": _Column("temp_air", "degC", 1.0, -60.0, 70.0, 99.9),
    "humidity": _Column("relative_humidity", "%", 1.0, 0.0, _MOST_HUMIDITY, 999.0),
    "pressure": _Column("pressure", "mbar", 0.1, 500.0, 1100.0, 9000.0),
    "wind": _Column("wind_speed", "m/s", 1.0, 0.0, 40.0, 999.0),
    "cover": _Column("TotCld (tenths)", "tenths", 10.0, 0.0, 10.0, 99.0),
    "ghi": _Column("ghi", "W/m2", 1.0, 0.0, 1500.0, 9000.0),
}
_LOCATION = {
    "latitude": ("deg", -90.0, 90.0),
    "longitude": ("deg", -180.0, 180.0),
    "altitude": ("m", -1000.0, 9999.9),
    "TZ": ("h", -12.0, 14.0),
}
"""Unit and range in the header (EPW's data dictionary; the east of Kiribati goes by UTC + 14 h)."""
_EPW_LOCATION = {"latitude": 6, "longitude": 7, "TZ": 8, "altitude": 9}
_TMY3_LOCATION = {"TZ": 3, "latitude": 4, "longitude": 5, "altitude": 6}
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
        Not such a file; rows out of order, there twice, or of a leap day; a figure out of range; a missing row or
        figure. The message names line and date, quantity, value, unit and limit.
    """
    from pvlib import iotools  # noqa: PLC0415 - importing it takes seconds, and few processes need it

    text = without_mark(stream.read())
    rows = rows_of(text, _EPW_ROWS)
    _check_location(text, _EPW_LOCATION, _EPW_ROWS)
    _check_one_an_hour(text)
    data, meta = _parsed(lambda: iotools.read_epw(io.StringIO(text), coerce_year=_LEAP_YEAR), _EPW_ROWS)
    return _weather(f"{meta.get('city', '?')} (EPW)", data, meta, _EPW, rows, fill_gap_h)


def read_tmy3(stream: TextIO, *, fill_gap_h: int = 0) -> Weather:
    """Read a TMY3 file; as :func:`read_epw`."""
    from pvlib import iotools  # noqa: PLC0415 - as above

    text = without_mark(stream.read())
    names = text.partition("\n")[2].partition("\n")[0].count(",") + 1
    format_ = RowFormat("TMY3", "", 2, names, names, _tmy3_moment)
    rows = rows_of(text, format_)
    _check_location(text, _TMY3_LOCATION, format_)
    data, meta = _parsed(lambda: iotools.read_tmy3(io.StringIO(text), coerce_year=_COMMON_YEAR), format_)
    data = data.mask(data == _TMY3_MISSING)
    return _weather(f"{meta.get('Name', '?')} (TMY3)", data, meta, _TMY3, rows, fill_gap_h)


def _epw_moment(fields: Sequence[str]) -> Moment:
    month, day, hour = (int(field) for field in fields[1:4])
    return month, day, hour


def _tmy3_moment(fields: Sequence[str]) -> Moment:
    month, day, _ = (int(part) for part in fields[0].split("/"))
    hour, minute = (int(part) for part in fields[1].split(":"))
    if minute:
        raise ValueError(f"{fields[1]} is no full hour")
    return month, day, hour


_EPW_ROWS = RowFormat("EPW", "LOCATION,", 8, 23, 35, _epw_moment)
"""Up to the cover of the sky a row must be there; files without the last fields are in use."""


def _check_one_an_hour(text: str) -> None:
    periods = text.split("\n")[7].split(",")
    if periods[0].strip().upper() == "DATA PERIODS" and periods[2:3] and periods[2].strip() not in ("", "1"):
        raise WeatherError(f"line 8: {periods[2].strip()} records an hour; files with one are read")


def _check_location(text: str, places: Mapping[str, int], format_: RowFormat) -> None:
    """Look at the figures of the first line, whose fields are at ``places``."""
    fields = text.split("\n", 1)[0].split(",")
    for name, place in places.items():
        unit, low, high = _LOCATION[name]
        field = fields[place].strip() if place < len(fields) else ""
        if not _is_number(field):
            raise unreadable(format_, f"line 1: {name} is {field!r}, which is no number")
        if not low <= float(field) <= high:
            raise WeatherError(f"line 1: {name} is {field} {unit}; it must be {low:g} … {high:g}")


def _parsed(read: Callable[[], object], format_: RowFormat) -> tuple[DataFrame, Mapping[str, object]]:
    try:
        return cast("tuple[DataFrame, Mapping[str, object]]", read())
    except _UNREADABLE as error:
        raise unreadable(format_, error) from error


def _weather(
    place: str,
    data: DataFrame,
    meta: Mapping[str, object],
    columns: Mapping[str, _Column],
    file_rows: FileRows,
    fill_gap_h: int,
) -> Weather:
    missing = np.zeros(HOURS, dtype=bool)

    def rows(key: str, shift: int) -> Array:
        sparse = _by_hour(place, data, columns[key], file_rows)
        missing[:] |= np.isnan(sparse)
        return fill_gaps(
            place, columns[key].name, np.roll(sparse, shift), fill_gap_h,
            lambda row: file_rows.beside((row - shift) % HOURS) + ": ",
        )  # fmt: skip

    def given(key: str) -> bool:
        column = columns.get(key)
        return (
            column is not None
            and column.name in data
            and bool(np.isfinite(_by_hour(place, data, column, file_rows)).any())
        )

    # A state at the end of an hour is the next row's; a mean over the hour is this row's.
    temp = rows("temp", 1)
    stated = rows("humidity", 1)
    humidity = np.minimum(stated, 100.0)
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
        saturated_rows=int((stated > 100.0).sum()),
    )


def _by_hour(place: str, data: DataFrame, column: _Column, rows: FileRows) -> Array:
    """Figures of one column in the unit of ours, NaN where there is none."""  # (8760,)
    if column.name not in data:
        raise WeatherError(f"weather of {place}: the file has no column {column.name}")
    found = _numbers(place, data[column.name], rows)
    found[(found >= column.missing) | ((found == 0.0) & (column.low > 0.0))] = math.nan
    wrong = np.flatnonzero((found < column.low) | (found > column.high))
    if wrong.size:
        raise WeatherError(
            f"weather of {place}: {rows.at(int(wrong[0]))}: {column.name} is {found[wrong[0]]:g} {column.unit}; "
            f"it must be {column.low:g} … {column.high:g}, or from {column.missing:g} on where it is missing"
            + (f"; so are {wrong.size - 1} more rows" if wrong.size > 1 else "")
        )
    figures = np.full(HOURS, np.nan)
    figures[rows.hours] = found * column.factor
    return figures


def _numbers(place: str, cells: Series, rows: FileRows) -> Array:
    """Cells as numbers, NaN where they are empty."""  # (n,)
    if len(cells) != len(rows.lines):
        raise WeatherError(
            f"weather of {place}: {len(cells)} rows can be read, and {len(rows.lines)} are there"
        )
    try:
        return np.array(cells, dtype=np.float64)
    except ValueError as error:
        for row, cell in enumerate(cells):
            if not _is_number(str(cell)):
                what = f"{rows.at(row)}: {cells.name} is {str(cell).strip()!r}, which is no number"
                raise WeatherError(f"weather of {place}: {what}") from error
        raise


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
