"""One row of a point list: its cells checked and turned into a point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from hil.config.nearest import one_of
from hil.config.number_hints import number_hint
from hil.config.point_rules import parse_rules
from hil.config.point_types import (
    ACCESSES,
    ADDRESS_COLUMNS,
    BIT_TABLES,
    BYTE_ORDERS,
    DATA_TYPES,
    TABLE_SIZE,
    TABLES,
    WORD_ORDERS,
    WRITABLE_TABLES,
    WRITE_POLICIES,
    Point,
)
from hil.config.units import UNITS, unit_hint, unit_of_name
from hil.errors import Problem

_BOOK_DIGITS = {"coil": "0", "discrete_input": "1", "input_register": "3", "holding_register": "4"}
_BOOK_TABLES = {digit: table for table, digit in _BOOK_DIGITS.items()}
_UNIT_IDS = "0 (broadcast or unused), 1 to 247, or 255 (TCP device itself)"


@dataclass(slots=True)
class Row:
    """The cells of a line by column, and what was found wrong with them."""

    file: str
    line: int
    cells: dict[str, str]
    decimal_comma: bool = False
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, what: str, hint: str = "") -> None:
        """Note a problem of this line."""
        signal = self.cells.get("signal")
        self.problems.append(Problem(self.file, self.line, f'"{signal}": {what}' if signal else what, hint))

    def text(self, column: str) -> str:
        """Give a cell; empty where the column is missing."""
        return self.cells.get(column, "")

    def choice(self, column: str, allowed: Sequence[str], default: str) -> str:
        """Give a cell that must be one of a few words."""
        word = self.text(column) or default
        if word not in allowed:
            shown = f'unknown {column} "{word}"' if word else f"{column} is empty"
            self.wrong(shown, one_of(word, allowed))
            return ""
        return word

    def number(self, column: str, default: float) -> float:
        """Give a cell that must be a finite number; NaN where it is not."""
        text = self.text(column)
        if not text:
            return default
        try:
            value = float(text.replace(",", ".") if self.decimal_comma else text)
        except ValueError:
            self.wrong(f'{column} "{text}" is not a number', number_hint(text, column))
            return math.nan
        if not math.isfinite(value):
            self.wrong(f"{column} {text} is not finite")
            return math.nan
        return value

    def integer(self, column: str, low: int, high: int, default: int | None) -> int | None:
        """Give a cell that must be a whole number (decimal or 0x) from ``low`` to ``high``."""
        text = self.text(column)
        if not text:
            return default
        try:
            value = int(text, 16 if text.lower().startswith("0x") else 10)
        except ValueError:
            self.wrong(f'{column} "{text}" is not a whole number')
            return None
        if not low <= value <= high:
            self.wrong(f"{column} {value} is outside {low} to {high}")
            return None
        return value


def parse_point(row: Row, problems: list[Problem]) -> Point | None:
    """Make a point of a row; or add what is wrong with it to ``problems``, and give None."""
    signal = row.text("signal")
    if not signal:
        row.wrong("signal is empty")
    table = row.choice("table", TABLES, "")
    bit = row.integer("bit", 0, 15, None)
    type_name = _type(row, table)
    access = _access(row, table)
    write = _write_policy(row, access)
    scale, offset = row.number("scale", 1.0), row.number("offset", 0.0)
    if scale == 0.0:
        row.wrong("scale 0 makes every value the same", "raw x scale + offset: leave it empty for 1")
    low, high = row.number("min", -math.inf), row.number("max", math.inf)
    if low > high:
        row.wrong(f"min {low:g} is above max {high:g}", "swap them")
    refresh_s = _positive(row, "refresh_s")
    deadband = row.number("deadband", 0.0)
    if deadband < 0.0:
        row.wrong(f"deadband {deadband:g} is negative")
    point = Point(
        signal=signal,
        unit_id=_unit_id(row),
        table=table,
        address=_address(row, table, type_name),
        type=type_name or "uint16",
        bit=bit,
        word_order=row.choice("word_order", WORD_ORDERS, "high_first"),
        byte_order=row.choice("byte_order", BYTE_ORDERS, "big"),
        scale=scale,
        offset=offset,
        scale_register=_scale_register(row, table, bit, access),
        no_value=row.integer(
            "no_value", 0, 2 ** (16 * DATA_TYPES[type_name or "uint16"].registers) - 1, None
        ),
        unit=_unit(row, type_name),
        access=access,
        write=write,
        deadband=deadband,
        refresh_s=refresh_s,
        low=low,
        high=high,
        comment=row.text("comment"),
        file=row.file,
        line=row.line,
        rules=parse_rules(row, access, write),
        accepted=tuple(row.text("accepted").replace(";", " ").replace(",", " ").split()),
    )
    problems += row.problems
    return None if row.problems else point


def _positive(row: Row, column: str) -> float | None:
    if not row.text(column):
        return None
    value = row.number(column, math.nan)
    if value <= 0.0:
        row.wrong(f"{column} {value:g} is not positive")
    return value


def _unit_id(row: Row) -> int:
    value = row.integer("unit_id", 0, 255, 1)
    if value is not None and 248 <= value <= 254:
        row.wrong(f"unit_id {value} is reserved", _UNIT_IDS)
    return value or 0


def _type(row: Row, table: str) -> str:
    is_bit = bool(row.text("bit"))
    if not table and not row.text("type"):
        return ""
    type_name = row.choice("type", tuple(DATA_TYPES), "bool" if is_bit or table in BIT_TABLES else "")
    if type_name and table in BIT_TABLES and (type_name != "bool" or is_bit):
        row.wrong(f"a {table} is one bit", 'type "bool" (or empty) and no bit')
    elif type_name and table and table not in BIT_TABLES and (type_name == "bool") != is_bit:
        if is_bit:
            row.wrong(f'a bit of a register is a bool, not "{type_name}"', "leave the type or the bit empty")
        else:
            row.wrong("a bool in a register needs its bit", "bit 0 to 15, or type uint16")
    return type_name


def _access(row: Row, table: str) -> str:
    access = row.choice("access", ACCESSES, "r")
    if table and "w" in access and table not in WRITABLE_TABLES:
        kind = "coil" if table in BIT_TABLES else "holding_register"
        row.wrong(
            f'access "{access}": Modbus cannot write a table "{table}"', f'access "r", or table "{kind}"'
        )
    return access


def _write_policy(row: Row, access: str) -> str:
    writable = "w" in access
    policy = row.choice("write", WRITE_POLICIES, "on_change" if writable else "never")
    if access and not writable and policy not in {"never", ""}:
        row.wrong(
            f'write "{policy}" on a point with access "{access}"', 'access "w" or "rw", or write "never"'
        )
    return policy


def _unit(row: Row, type_name: str) -> str:
    default = "bool" if type_name == "bool" else unit_of_name(row.text("signal")) or "1"
    symbol = row.text("unit") or default
    if symbol not in UNITS:
        row.wrong(f'unknown unit "{symbol}"', unit_hint(symbol))
    return symbol


def _scale_register(row: Row, table: str, bit: int | None, access: str) -> int | None:
    if not row.text("scale_register"):
        return None
    if table in BIT_TABLES or bit is not None:
        row.wrong("a bit has no scale_register", "leave it empty")
        return None
    if "w" in access:
        row.wrong(
            "a written point has no scale_register: what is sent must not hang on what was read",
            "give the power of ten as its scale, and read scale_register as a point of its own",
        )
    return _zero_based(row, "scale_register", table)


def _zero_based(row: Row, cell: str, table: str) -> int | None:
    """Give the zero-based address in ``cell``, counted as the list's addresses are."""
    column = next(name for name in ADDRESS_COLUMNS if name in row.cells)
    if column == "address_book":
        return _book_address(row, cell, table)
    base = 1 if column == "address_one_based" else 0
    found = row.integer(cell, base, TABLE_SIZE - 1 + base, None)
    return None if found is None else found - base


def _address(row: Row, table: str, type_name: str) -> int:
    column = next(name for name in ADDRESS_COLUMNS if name in row.cells)
    if not row.text(column):
        row.wrong(f"{column} is empty")
        return 0
    address = _zero_based(row, column, table)
    if address is None:
        return 0
    registers = DATA_TYPES[type_name].registers if type_name else 1
    if address + registers > TABLE_SIZE:
        last = address + registers - 1
        row.wrong(
            f"{type_name} at address {address} ends at {last}, beyond the table's last address 65535",
            f"the last place for {type_name} is {TABLE_SIZE - registers} (zero-based)",
        )
    return address


def _book_address(row: Row, cell: str, table: str) -> int | None:
    text = row.text(cell)
    if not text.isdecimal() or len(text) > 6:
        row.wrong(f'{cell} "{text}" is not of 5 or 6 digits', "for example 40001 or 400001")
        return None
    # Spreadsheets drop the leading zeros of a coil's number.
    digits = text.zfill(5) if table == "coil" and len(text) < 5 else text
    if len(digits) < 5:
        row.wrong(
            f'{cell} "{text}" is not of 5 or 6 digits',
            f"{_BOOK_DIGITS.get(table, '4')}0001 is the first",
        )
        return None
    named = _BOOK_TABLES.get(digits[0])
    if table and named != table:
        belongs = f"names a {named}" if named else "names no table"
        right = _BOOK_DIGITS[table] + digits[1:]
        row.wrong(f"{cell} {text} {belongs}, the table says {table}", f"{right}, or the other table")
        return None
    number = int(digits[1:])
    if not 1 <= number <= TABLE_SIZE:
        row.wrong(f"{cell} {text} has number {number}; numbers run from 1 to 65536")
        return None
    return number - 1
