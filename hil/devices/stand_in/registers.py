"""The registers of a Modbus device, made from a point list: holds, checks, answers. No socket, no clock.

Numbers are coded here with :mod:`struct`, apart from the client's own coding: a stand-in that shared it
would agree with its faults.
"""

from __future__ import annotations

import math
import struct
from collections import defaultdict
from collections.abc import Callable, Iterable

from hil.config.points import Point, PointList
from hil.devices.wire.codec import (
    FUNCTIONS,
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    READ_COILS,
    READ_DISCRETE_INPUTS,
    READ_FUNCTIONS,
    READ_HOLDING_REGISTERS,
    READ_INPUT_REGISTERS,
    WRITE_COIL,
    WRITE_COILS,
    WRITE_REGISTER,
    WRITE_REGISTERS,
    Request,
)

ACCEPTED = 0
TARGET_FAILED = 11
"""Exception for a unit id that is not in the point list: as of a gateway with nobody behind it."""

_TABLE_OF = {
    READ_COILS: "coil",
    WRITE_COIL: "coil",
    WRITE_COILS: "coil",
    READ_DISCRETE_INPUTS: "discrete_input",
    READ_HOLDING_REGISTERS: "holding_register",
    WRITE_REGISTER: "holding_register",
    WRITE_REGISTERS: "holding_register",
    READ_INPUT_REGISTERS: "input_register",
}

_Table = dict[int, int]


class RegisterStore:
    """Every listed register of every listed unit, with the checks a device makes before it answers.

    Parameters
    ----------
    points : PointList
        What exists. Registers that can be written can be read back, whatever the client's access.
    accepts : callable (signal, value) -> bool, optional
        Refuses a written value (exception 3) beyond the point's own min and max; value in the point's unit.
    on_write : callable (signal, value), optional
        Called for each written point after the whole block is stored; value in the point's unit.
    """

    def __init__(
        self,
        points: PointList,
        *,
        accepts: Callable[[str, float], bool] | None = None,
        on_write: Callable[[str, float], None] | None = None,
    ) -> None:
        self._points = {point.signal: point for point in points.points}
        self._accepts = accepts
        self._on_write = on_write
        self._tables: dict[tuple[int, str], _Table] = defaultdict(dict)
        self._written_by: dict[tuple[int, str, int], list[Point]] = defaultdict(list)
        for point in points.points:
            for address in range(point.address, point.end):
                self._tables[point.unit_id, point.table][address] = 0
                if point.writable:
                    self._written_by[point.unit_id, point.table, address].append(point)
        self._units = {unit_id for unit_id, _ in self._tables}

    def get(self, signal: str) -> float:
        """Give the value of a signal, in its point's unit."""
        point = self._points[signal]
        return _decode(point, self._tables[point.unit_id, point.table])

    def set(self, signal: str, value: float) -> None:
        """Set the value of a signal (in its point's unit), held inside what its type can carry.

        A value that is not finite becomes the type's far end, as a broken wire shows.
        """
        point = self._points[signal]
        _encode(point, value, self._tables[point.unit_id, point.table])

    def answer(self, request: Request) -> tuple[int, list[int]]:
        """Carry out a request: the exception code (0 = carried out) and the values of a read  # (count,).

        Checked in this order: unit, function, count, addresses, values. A block is written whole or not.
        """
        if request.unit_id not in self._units:
            return TARGET_FAILED, []
        if request.function not in FUNCTIONS:
            return ILLEGAL_FUNCTION, []
        if request.count < 1:
            return ILLEGAL_VALUE, []
        table = self._tables.get((request.unit_id, _TABLE_OF[request.function]), {})
        addresses = range(request.address, request.address + request.count)
        if request.function in READ_FUNCTIONS:
            if any(address not in table for address in addresses):
                return ILLEGAL_ADDRESS, []
            return ACCEPTED, [table[address] for address in addresses]
        return self._write(request, table, addresses), []

    def _write(self, request: Request, table: _Table, addresses: range) -> int:
        key = (request.unit_id, _TABLE_OF[request.function])
        if any((*key, address) not in self._written_by for address in addresses):
            return ILLEGAL_ADDRESS
        touched = _unique(point for address in addresses for point in self._written_by[(*key, address)])
        new = dict(zip(addresses, request.values, strict=True))
        merged = {address: table[address] for point in touched for address in range(point.address, point.end)}
        merged |= new
        values = [(point.signal, _decode(point, merged)) for point in touched]
        if not all(self._takes(point, value) for point, (_, value) in zip(touched, values, strict=True)):
            return ILLEGAL_VALUE
        table.update(new)
        if self._on_write is not None:
            for signal, value in values:
                self._on_write(signal, value)
        return ACCEPTED

    def _takes(self, point: Point, value: float) -> bool:
        # Half a count of room: min and max are decimal, raw x scale is not quite.
        room = 0.5 * abs(point.scale) if point.data_type.is_integer else 0.0
        if not point.low - room <= value <= point.high + room:
            return False
        return self._accepts is None or self._accepts(point.signal, value)


def _unique(points: Iterable[Point]) -> list[Point]:
    return list({point.signal: point for point in points}.values())


def _decode(point: Point, table: _Table) -> float:
    first = table[point.address]
    if point.table in ("coil", "discrete_input"):
        raw: float = first
    elif point.bit is not None:
        raw = first >> point.bit & 1
    else:
        words = [table[address] for address in range(point.address, point.end)]
        data = struct.pack(f">{point.count}H", *_ordered(point, words))
        (raw,) = struct.unpack(f">{point.data_type.code}", data)
    return raw * point.scale + point.offset


def _encode(point: Point, value: float, table: _Table) -> None:
    raw = _raw(point, (value - point.offset) / point.scale)
    if point.table in ("coil", "discrete_input"):
        table[point.address] = int(raw)
    elif point.bit is not None:
        table[point.address] = table[point.address] & ~(1 << point.bit) | int(raw) << point.bit
    else:
        data = struct.pack(f">{point.data_type.code}", raw)
        words = _ordered(point, list(struct.unpack(f">{point.count}H", data)))
        table.update(zip(range(point.address, point.end), words, strict=True))


def _raw(point: Point, raw: float) -> float:
    data_type = point.data_type
    if not data_type.is_integer:
        return raw
    low, high = int(data_type.low), int(data_type.high)
    if not math.isfinite(raw):
        # The end no honest reading comes near: the most negative of a signed type, the top of an unsigned.
        return low or high
    # Halves go up, as in the C stub; raw + 0.5 would lose the last digit of a wide integer.
    whole = math.floor(raw)
    return min(max(whole + (raw - whole >= 0.5), low), high)


def _ordered(point: Point, words: list[int]) -> list[int]:
    """Turn words between the wire's order and high word first, high byte first: its own inverse."""
    if point.byte_order == "little":
        words = [(word & 0xFF) << 8 | word >> 8 for word in words]
    return words[::-1] if point.word_order == "low_first" else words
