"""One column of a CSV file over its ``time_s`` column, checked before anything runs on it."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import math
import statistics
import zlib
from dataclasses import dataclass
from pathlib import Path

from hil.config.nearest import did_you_mean
from hil.config.number_hints import number_hint
from hil.config.yaml_lines import near_file
from hil.errors import ConfigError, Problem

TIME = "time_s"
GAP_FACTOR = 10.0
"""A step of time longer than this many median steps is a gap, where the user gives no limit."""
CLOCKED_GAP_FACTOR = 1.5
"""The same where a clock has written the rows: there every missing one is known."""
_CLOCKED_STEPS, _CLOCKED_SHARE, _CLOCKED_WITHIN = 20, 0.95, 0.05
"""A clock's: at least so many steps, of which this share is within this part of their median."""
_MOST_PROBLEMS = 10


@dataclass(frozen=True, slots=True)
class CsvColumn:
    """Strictly increasing times (s), the finite values at them, and the one-based lines they stand in."""

    times_s: tuple[float, ...]
    values: tuple[float, ...]
    lines: tuple[int, ...]


def read_column(
    path: Path, column: str, max_gap_s: float | None = None, place: Problem | None = None
) -> CsvColumn:
    """Read one column.

    Parameters
    ----------
    path : Path
        ``.csv`` or ``.csv.gz``, UTF-8, a header line, comma or semicolon (then with a decimal comma) between cells.
    column : str
        Its name in the header.
    max_gap_s : float, optional
        Longest step of time that is not a gap, s. Where it is not given: 1.5 times the median step of rows that a
        clock has written, ten times that of others.
    place : Problem, optional
        Where the user asked for the file, for messages about the file as a whole.

    Raises
    ------
    ConfigError
        File not found, column missing or there twice, a cell too many, one that is empty or not a finite number,
        time that does not increase, gaps: each with file and line.
    """
    rows = _rows(path, place)
    if not rows:
        raise ConfigError(_at(place, path, "the file is empty", f"a header line: {TIME},{column}"))
    header = [cell.strip() for cell in rows[0][1]]
    for name in (TIME, column):
        if name not in header:
            raise ConfigError(_missing_column(path, name, header, place))
        if header.count(name) > 1:
            what = f"the column {name!r} stands {header.count(name)} times in the header"
            raise ConfigError(Problem(str(path), rows[0][0], what, "keep one, or rename the others"))
    times, values, lines, problems = _samples(path, rows[1:], header, column)
    if not problems and len(times) < 2:
        problems.append(Problem(str(path), None, f"{len(times)} rows of data; a profile needs at least 2"))
    if not problems:
        problems = _gaps(path, times, lines, max_gap_s)
    if problems:
        raise ConfigError(_first(problems, path))
    return CsvColumn(tuple(times), tuple(values), tuple(lines))


def _samples(
    path: Path, rows: list[tuple[int, list[str]]], header: list[str], column: str
) -> tuple[list[float], list[float], list[int], list[Problem]]:
    """Give times, values and lines of the rows that are right, and what is wrong with the others."""
    at_time, at_value = header.index(TIME), header.index(column)
    problems: list[Problem] = []
    times: list[float] = []
    values: list[float] = []
    lines: list[int] = []
    for line, row in rows:
        if any(cell.strip() for cell in row[len(header) :]):
            what = f"{len(row)} cells, and the header has {len(header)}: which belongs to which is not known"
            problems.append(Problem(str(path), line, what, "numbers without separators of thousands"))
            continue
        time_s = _number(path, line, row, at_time, TIME, problems)
        value = _number(path, line, row, at_value, column, problems)
        if time_s is None or value is None:
            continue
        if times and time_s <= times[-1]:
            what = f"{TIME} {time_s:g} s does not increase: line {lines[-1]} has {times[-1]:g} s"
            problems.append(Problem(str(path), line, what, "sort the rows by time and keep one row a time"))
            continue
        times.append(time_s)
        values.append(value)
        lines.append(line)
    return times, values, lines, problems


def _rows(path: Path, place: Problem | None) -> list[tuple[int, list[str]]]:
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(_at(place, path, "file not found", near_file(path))) from error
    except UnicodeDecodeError as error:
        raise ConfigError(_at(place, path, "not text in UTF-8", 'save it as "CSV UTF-8"')) from error
    except (OSError, EOFError, ValueError, zlib.error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError(_at(place, path, f"cannot be read: {why}", "")) from error
    first = text.split("\n", 1)[0]
    semicolons = ";" in first
    reader = csv.reader(io.StringIO(text), delimiter=";" if semicolons else ",")
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise ConfigError(Problem(str(path), reader.line_num, f"not CSV: {error}")) from error
    if not semicolons:
        return rows
    # A spreadsheet that separates with semicolons writes decimal commas; the header stays as it is.
    return rows[:1] + [(line, [cell.replace(",", ".") for cell in row]) for line, row in rows[1:]]


def _at(place: Problem | None, path: Path, what: str, hint: str) -> Problem:
    if place is None:
        return Problem(str(path), None, what, hint)
    return Problem(place.file, place.line, f"{path}: {what}", hint)


def asked_for_by(place: Problem | None) -> str:
    """Give the words for where the user asked for the file; none where that is no line of a file."""
    return "" if place is None or place.line is None else f" (asked for at {place.file}:{place.line})"


def _missing_column(path: Path, name: str, header: list[str], place: Problem | None) -> Problem:
    others = ", ".join(header[:8]) + (" …" if len(header) > 8 else "")
    hint = did_you_mean(name, header) or f"columns: {others}"
    return Problem(str(path), 1, f"no column {name!r}{asked_for_by(place)}", hint)


def _number(
    path: Path, line: int, row: list[str], at: int, name: str, problems: list[Problem]
) -> float | None:
    cell = row[at].strip() if at < len(row) else ""
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if math.isfinite(value):
        return value
    what = f"{name}: the cell is empty" if not cell else f"{name}: {cell!r} is not a finite number"
    hint = number_hint(cell, name) or "fill it in, or take the row out"
    problems.append(Problem(str(path), line, what, hint))
    return None


def _gaps(path: Path, times: list[float], lines: list[int], max_gap_s: float | None) -> list[Problem]:
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    limit_s = _longest_step_s(steps) if max_gap_s is None else max_gap_s
    return [
        Problem(
            str(path), lines[number + 1],
            f"gap of {step:g} s in {TIME} ({times[number]:g} to {times[number + 1]:g} s); at most {limit_s:g} s",
            f"fill the gap, or allow it with max_gap_s: {step:g} in a load file",
        )
        for number, step in enumerate(steps)
        if step > limit_s
    ]  # fmt: skip


def _longest_step_s(steps: list[float]) -> float:
    """Longest step of time that is not a gap, s, as the steps themselves tell."""
    median = statistics.median(steps)
    clocked = sum(abs(step - median) <= _CLOCKED_WITHIN * median for step in steps)
    if len(steps) >= _CLOCKED_STEPS and clocked >= _CLOCKED_SHARE * len(steps):
        return CLOCKED_GAP_FACTOR * median
    return GAP_FACTOR * median


def _first(problems: list[Problem], path: Path) -> list[Problem]:
    if len(problems) <= _MOST_PROBLEMS:
        return problems
    left = len(problems) - _MOST_PROBLEMS
    return [*problems[:_MOST_PROBLEMS], Problem(str(path), None, f"and {left} more such problems")]
