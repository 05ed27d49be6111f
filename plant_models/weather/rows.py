"""Rows of a weather file as they stand: in which line, and of which hour of the year. Set-up only.

pvlib reads the figures; this says where they stand, so that what is wrong with one is told with its line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plant_models.errors import WeatherError
from plant_models.weather.climate import MONTH_DAYS
from plant_models.weather.series import HOURS, when

Hours = npt.NDArray[np.int64]
Moment = tuple[int, int, int]

_BYTE_ORDER_MARKS = ("\ufeff", "\u00ef\u00bb\u00bf")
"""As UTF-8, and as the same bytes look in Latin-1."""
_FIRST_HOURS = np.concatenate([[0], np.cumsum(MONTH_DAYS)]) * 24


@dataclass(frozen=True, slots=True)
class RowFormat:
    """How a format writes its rows.

    Attributes
    ----------
    kind : str
        Its name, for messages.
    first_word : str
        The file begins with it; empty: with anything.
    header_lines : int
        Lines before the first row.
    fewest, most : int
        Fields of a row.
    moment : callable
        Month, day and hour (1 … 24, the one that ends) from a row's fields; ``ValueError`` where they are none.
    """

    kind: str
    first_word: str
    header_lines: int
    fewest: int
    most: int
    moment: Callable[[Sequence[str]], Moment]


@dataclass(frozen=True, slots=True)
class FileRows:
    """Line of each row, and the hour of the year that it stands for, by the hour's beginning."""

    lines: tuple[int, ...]  # (n,)
    hours: Hours  # (n,)

    def at(self, row: int) -> str:
        """Say where a row is: its line, and month, day and hour as the file writes them."""
        return f"line {self.lines[row]} ({_label(int(self.hours[row]))})"

    def beside(self, hour: int) -> str:
        """Say in which line an hour of the year is, or after which it would be."""
        since = (hour - self.hours) % HOURS
        row = int(np.argmin(since))
        return f"line {self.lines[row]}" if since[row] == 0 else f"after line {self.lines[row]}"


def without_mark(text: str) -> str:
    """Give ``text`` with plain ends of lines, and without the mark that editors put before it."""
    for mark in _BYTE_ORDER_MARKS:
        text = text.removeprefix(mark)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def rows_of(text: str, format_: RowFormat) -> FileRows:
    """Find the rows of a file, which must run once round the year in the order of time.

    Raises
    ------
    WeatherError
        Not such a file, a row with other fields than the first, of no hour of the year, out of order or there
        twice; the message names the line.
    """
    lines = text.split("\n")
    if not text.upper().startswith(format_.first_word):
        raise unreadable(format_, f"line 1 does not begin with {format_.first_word}")
    found = [
        (number, line.split(","))
        for number, line in enumerate(lines[format_.header_lines :], format_.header_lines + 1)
        if line.strip()
    ]
    if not found:
        raise unreadable(format_, f"it has no row after its {format_.header_lines} lines of header")
    _check_fields(found, format_)
    rows = FileRows(
        tuple(number for number, _ in found),
        np.array([_hour(number, fields, format_) for number, fields in found], dtype=np.int64),
    )
    _check_order(rows)
    return rows


def unreadable(format_: RowFormat, why: object) -> WeatherError:
    """Make the error of a file that is not of its format."""
    return WeatherError(f"this is no {format_.kind} file that can be read: {why}")


def _check_fields(found: Sequence[tuple[int, Sequence[str]]], format_: RowFormat) -> None:
    first, fields = found[0]
    if not format_.fewest <= len(fields) <= format_.most:
        reach = f"{format_.fewest} … {format_.most}" if format_.fewest < format_.most else str(format_.most)
        raise unreadable(format_, f"line {first} has {len(fields)} fields parted by commas, not {reach}")
    for number, others in found:
        if len(others) != len(fields):
            raise unreadable(
                format_, f"line {number} has {len(others)} fields, line {first} has {len(fields)}"
            )


def _hour(number: int, fields: Sequence[str], format_: RowFormat) -> int:
    """Hour of the year that begins with the one of a row."""
    try:
        month, day, hour = format_.moment(fields)
    except ValueError as error:
        raise unreadable(format_, f"line {number}: {error}") from error
    if (month, day) == (2, 29):
        raise WeatherError(f"line {number}: a year has 365 days here; leave 29 February out")
    if not (1 <= month <= 12 and 1 <= day <= MONTH_DAYS[month - 1] and 1 <= hour <= 24):
        raise unreadable(
            format_, f"line {number}: month {month}, day {day}, hour {hour} is no hour of a year"
        )
    return int(_FIRST_HOURS[month - 1]) + (day - 1) * 24 + hour - 1


def _check_order(rows: FileRows) -> None:
    hours = rows.hours
    order = np.argsort(hours, kind="stable")
    twice = np.flatnonzero(np.diff(hours[order]) == 0)
    if twice.size:
        earlier, later = order[twice[0]], order[twice[0] + 1]
        raise WeatherError(
            f"{rows.at(int(later))}: this hour is there twice, in line {rows.lines[earlier]} too"
        )
    falls = np.flatnonzero(np.diff(hours) < 0)
    # A year may begin on any day: then it falls once, and ends before it began.
    if falls.size > 1 or (falls.size == 1 and hours[-1] > hours[0]):
        before = int(falls[0])
        raise WeatherError(
            f"{rows.at(before + 1)} comes after {rows.at(before)}: rows must run in the order of time"
        )


def _label(hour: int) -> str:
    return f"{when(hour % HOURS)[:5]} hour {hour % 24 + 1}"
