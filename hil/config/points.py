"""Point lists: which signal lies where in a Modbus device, one row of a CSV file a point.

Comma or semicolon separated (with semicolons a decimal comma is understood), UTF-8 with or without byte
order mark; blank lines and lines starting with ``#`` are skipped. Columns, in any order:

=====================  =================================================  ===========================
column                 meaning                                            where empty or missing
=====================  =================================================  ===========================
``signal``             name of the signal, unit last                      required
``table``              coil, discrete_input, input_register,              required
                       holding_register
``address_zero_based`` address as on the wire, 0 to 65535                 exactly one of the three
``address_one_based``  number as in most books, 1 to 65536                columns; the cell is
``address_book``       40001 or 400001 style; first digit as the table    required
``type``               bool, int16 ... float64                            bool for coils, discrete
                                                                          inputs and bits; else required
``bit``                0 to 15: this bit of a register                    the whole register
``unit_id``            0 to 247, or 255                                   1
``word_order``         high_first, low_first                              high_first
``byte_order``         big, little (bytes swapped in each register)       big
``scale``, ``offset``  engineering value = raw x scale + offset           1, 0
``scale_register``     where the device keeps a power of ten for the raw  none
                       number (int16, same table and counting as the
                       address): read in the same request; read only.
                       Points may share it; no other number lies there
``no_value``           raw number, as an unsigned pattern, by which the   none
                       device says it has no value (0x8000): BAD then
``unit``               unit of the engineering value                      from the signal's name; bool
                                                                          for type bool; else 1
``access``             r, w, rw                                           r
``write``              every_cycle, on_change, never                      on_change for w and rw
``deadband``           on_change: smallest change worth a write, in unit  0: any change of the raw number
``refresh_s``          on_change: write again after this time, s          never
``min``, ``max``       range the device takes, in unit; a write outside   the type's range
                       is refused and counted
``min_interval_s``     on_change: shortest time between two writes, s     0
``writes_per_day``     on_change: most writes in any 24 h (wear)          no limit
``verify``             never; readback: the device is asked what it holds never
``verify_point``       signal whose point is to follow                    the point's own address
``verify_tolerance``   largest difference that counts as followed, in     0
                       counts of the point that is read
``verify_delay_s``     time the device has to follow, s                   1
``verify_every_s``     how often it is looked again, s                    10
``on_mismatch``        report; rewrite; bad: no heartbeat meanwhile       report
``rewrites_per_min``   most rewrites in any minute                        2
``accepted``           findings of ``hil points lint`` to be left as      none
                       they are, by their codes
``comment``            anything
=====================  =================================================  ===========================

An inverted alarm (0 = leak) is a bool with scale -1 and offset 1.
A bit of a holding register is written with its whole word: bits of the word that are not listed are 0.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

from hil.config.nearest import did_you_mean, nearest
from hil.config.point_cells import Row, parse_point
from hil.config.point_checks import SignalRange, check_against, coarse_points
from hil.config.point_overlaps import layout_problems
from hil.config.point_rules import verification_problems, with_feedback
from hil.config.point_types import ADDRESS_COLUMNS, COLUMNS, DATA_TYPES, REQUIRED_COLUMNS, DataType, Point
from hil.errors import ConfigError, Problem

__all__ = [
    "DATA_TYPES",
    "DataType",
    "Point",
    "PointList",
    "SignalRange",
    "check_against",
    "coarse_points",
    "load_points",
    "read_points",
]


@dataclass(frozen=True, slots=True)
class PointList:
    """The points of one file, in its order; ``file`` as the user named it, ``counted_in`` its address column."""

    file: str
    points: tuple[Point, ...]
    counted_in: str = "address_zero_based"

    def point(self, signal: str) -> Point | None:
        """Give the point of a signal, or None."""
        return next((point for point in self.points if point.signal == signal), None)

    def with_prefix(self, prefix: str) -> PointList:
        """Give the list for one of several devices of a kind, with ``prefix`` before each signal."""

        def prefixed(point: Point) -> Point:
            feedback = None if point.feedback is None else prefixed(point.feedback)
            return replace(point, signal=prefix + point.signal, feedback=feedback)

        return replace(self, points=tuple(prefixed(point) for point in self.points))


def load_points(path: str | Path) -> PointList:
    """Read a point list.

    Raises
    ------
    ConfigError
        With every problem of the file, in the order of its lines.
    """
    points, problems = read_points(path)
    problems += layout_problems(points.points)
    problems += verification_problems(points.points)
    if problems:
        raise ConfigError(_by_line(problems))
    return points


def read_points(path: str | Path) -> tuple[PointList, list[Problem]]:
    """Read a point list row by row; gives the points that are right in themselves, and what is wrong with the rest.

    Raises
    ------
    ConfigError
        The file cannot be read, its header does not fit, or it has no points.
    """
    file = str(path)
    problems: list[Problem] = []
    lines = _numbered_lines(Path(path), file)
    header, separator = _header(lines, file)
    rows = _rows(lines[1:], header, separator, file, problems)
    points = [point for row in rows if (point := parse_point(row, problems)) is not None]
    if not rows and not problems:
        raise ConfigError(
            Problem(file, None, "no points below the header", "a row needs at least signal, table, address")
        )
    counted_in = next(name for name in ADDRESS_COLUMNS if name in header)
    return PointList(file, tuple(with_feedback(points)), counted_in), _by_line(problems)


def _by_line(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: problem.line or 0)


def _numbered_lines(path: Path, file: str) -> list[tuple[int, str]]:
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(
            Problem(file, None, f"cannot be read: {error.strerror}", _near_file(path))
        ) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise ConfigError(Problem(file, line, what, 'save it as "CSV UTF-8"')) from error
    numbered = ((number, line.strip()) for number, line in enumerate(text.splitlines(), start=1))
    return [
        (number, line)
        for number, line in numbered
        if line.strip(",; \t")
        and not line.lstrip('"').startswith("#")
        and not line.lower().startswith("sep=")
    ]


def _near_file(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f'the folder "{folder}" does not exist'
    files = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    close = nearest(path.name, files)
    return f'did you mean "{folder / close}"?' if close else ""


def _header(lines: list[tuple[int, str]], file: str) -> tuple[list[str], str]:
    if not lines:
        raise ConfigError(
            Problem(file, None, "empty", f"the header needs {', '.join(REQUIRED_COLUMNS)} and an address")
        )
    line, text = lines[0]
    separator = ";" if text.count(";") > text.count(",") else ","
    try:
        header = [cell.strip().lower() for cell in _cells(text, separator)]
    except csv.Error as error:
        raise ConfigError(
            Problem(file, line, f"not a CSV header: {error}", "a quote is not closed")
        ) from error
    problems = [
        Problem(
            file,
            line,
            f'unknown column "{name}"',
            did_you_mean(name, COLUMNS) or f"columns: {', '.join(COLUMNS)}",
        )
        for name in header
        if name not in COLUMNS
    ]
    problems += [
        Problem(file, line, f'column "{name}" appears {header.count(name)} times', "keep one")
        for name in COLUMNS
        if header.count(name) > 1
    ]
    unknown = [name for name in header if name not in COLUMNS]
    for name in REQUIRED_COLUMNS:
        if name not in header:
            close = nearest(name, unknown)
            problems.append(
                Problem(
                    file,
                    line,
                    f'missing column "{name}"',
                    f'"{close}" is near it: rename it' if close else "",
                )
            )
    problems += _address_column_problems(header, file, line)
    if problems:
        raise ConfigError(problems)
    return header, separator


def _address_column_problems(header: list[str], file: str, line: int) -> list[Problem]:
    given = [name for name in ADDRESS_COLUMNS if name in header]
    if len(given) == 1:
        return []
    what = f"{len(given)} address columns ({', '.join(given)})" if given else "missing column for the address"
    return [
        Problem(
            file,
            line,
            what,
            "exactly one of address_zero_based (wire), address_one_based, address_book (40001 or 400001)",
        )
    ]


def _cells(text: str, separator: str) -> list[str]:
    return next(csv.reader([text], delimiter=separator, strict=True))


def _rows(
    lines: list[tuple[int, str]], header: list[str], separator: str, file: str, problems: list[Problem]
) -> list[Row]:
    rows = []
    for line, text in lines:
        try:
            cells = [cell.strip() for cell in _cells(text, separator)]
        except csv.Error as error:
            problems.append(
                Problem(file, line, f"not a CSV row: {error}", "a quote is not closed; a row is one line")
            )
            continue
        if any(cells[len(header) :]):
            what = f"{len(cells)} cells under a header of {len(header)}"
            problems.append(Problem(file, line, what, f'a cell with "{separator}" inside needs quotes'))
            continue
        cells += [""] * (len(header) - len(cells))
        rows.append(Row(file, line, dict(zip(header, cells, strict=False)), decimal_comma=separator == ";"))
    return rows
