"""Raw numbers to registers and back: types, word order, byte order, bits.

A register travels as 16 bits, high byte first; that much the protocol fixes. How several registers make a
number is the maker's choice: ``word_order`` says which register comes first (ABB, Belimo and SolarEdge:
low; Danfoss and Schneider: high), ``byte_order`` whether the two bytes inside each are swapped.

Decoding never fails: every pattern of bits is some number, and the process image refuses what is not
finite. Encoding refuses what the register cannot hold, and never wraps: a negative limit that wraps in an
unsigned register lifts the limit.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from enum import IntEnum
from math import ceil, floor, isfinite
from operator import itemgetter

from hil.config.points import Point

FLOAT32_MAX = 3.4028234663852886e38
"""Largest finite IEEE 754 binary32."""
MAX_POWER = 10
"""Of ten, either way; what else stands in a scale register is no scale (SunSpec: 0x8000 for none)."""
_LIMIT_TOLERANCE = 1e-9
"""Share of a limit that a conversion of units may leave over it."""


class Refusal(IntEnum):
    """Why a value was not encoded."""

    NOT_FINITE = 1
    TOO_LOW = 2
    TOO_HIGH = 3
    NEGATIVE = 4
    """Below zero into an unsigned number."""


def _byte_places(point: Point, first_byte: int) -> list[int]:
    """Give where each byte of the number, most significant first, lies in the block's bytes."""
    words = list(range(point.count))
    if point.word_order == "low_first":
        words.reverse()
    inside = (1, 0) if point.byte_order == "little" else (0, 1)
    return [first_byte + 2 * word + byte for word in words for byte in inside]


class BlockDecoder:
    """Bytes of one block of registers to the raw numbers of its points, in one to three calls into C.

    Parameters
    ----------
    points : sequence of Point
        All in the block.
    address, count : int
        The block, zero-based.
    """

    __slots__ = ("_absent", "_bits", "_count", "_data_bytes", "_guarded", "_pick", "_scaled", "_unpack_from")

    def __init__(self, points: Sequence[Point], address: int, count: int) -> None:
        self._data_bytes = 2 * count
        self._count = len(points)
        runs = [(_byte_places(point, 2 * (point.address - address)), _code(point)) for point in points]
        scales = sorted({point.scale_register for point in points if point.scale_register is not None})
        # Each power of ten once, behind the numbers.
        runs += [([2 * (scale - address), 2 * (scale - address) + 1], "h") for scale in scales]
        guards = sorted({point.guard for point in points if point.guard is not None})
        runs += [([2 * (at - address), 2 * (at - address) + 1], "H") for at, _ in guards]
        self._guarded = [
            (index, len(points) + len(scales) + guards.index(point.guard), point.guard[1])
            for index, point in enumerate(points)
            if point.guard is not None
        ]
        self._scaled = [
            (index, len(points) + scales.index(point.scale_register))
            for index, point in enumerate(points)
            if point.scale_register is not None
        ]
        self._absent = [
            (index, _as_read(point.no_value, point))
            for index, point in enumerate(points)
            if point.no_value is not None
        ]
        layout = _plain_layout(runs)
        self._pick: Callable[[bytearray], tuple[int, ...]] | None = None
        if layout is None:
            self._pick = itemgetter(*(place for places, _ in runs for place in places))
            layout = "".join(code for _, code in runs)
        self._unpack_from = struct.Struct(">" + layout).unpack_from
        self._bits = [(index, point.bit) for index, point in enumerate(points) if point.bit is not None]

    def decode(self, buffer: bytearray, start: int) -> Sequence[float]:
        """Give the raw numbers of the block whose first register lies at ``start``.  # (n_points,)."""
        raws: tuple[float, ...]
        if self._pick is None:
            raws = self._unpack_from(buffer, start)
        else:
            raws = self._unpack_from(bytes(self._pick(buffer[start : start + self._data_bytes])))
        if not (self._bits or self._scaled or self._absent or self._guarded):
            return raws
        return self._finished(raws)

    def _finished(self, raws: Sequence[float]) -> list[float]:
        """Take bits out of words, apply powers of ten, and make NaN of what is no value."""
        numbers = list(raws[: self._count])
        for index, bit in self._bits:
            numbers[index] = int(raws[index]) >> bit & 1
        for index, scale in self._scaled:
            power = raws[scale]
            numbers[index] = raws[index] * 10.0**power if abs(power) <= MAX_POWER else math.nan
        for index, pattern in self._absent:
            if raws[index] == pattern:
                numbers[index] = math.nan
        for index, guard, expected in self._guarded:
            if raws[guard] != expected:
                numbers[index] = math.nan
        return numbers


def _as_read(pattern: int, point: Point) -> float:
    """Give the number that a pattern of bits is read as."""
    number: float = struct.unpack(">" + _code(point), pattern.to_bytes(2 * point.count, "big"))[0]
    return number


def _code(point: Point) -> str:
    return "H" if point.bit is not None else point.data_type.code


def _plain_layout(runs: Sequence[tuple[list[int], str]]) -> str | None:
    """Give the struct format of numbers that lie one after the other, gaps passed over; None where they do not."""
    layout, end = "", 0
    for places, code in runs:
        first = places[0]
        if first < end or places != list(range(first, first + len(places))):
            return None
        layout += "x" * (first - end) + code
        end = first + len(places)
    return layout


class BitDecoder:
    """Bytes of one block of coils or discrete inputs to the raw numbers 0 and 1 of its points."""

    __slots__ = ("_data_bytes", "_offsets")

    def __init__(self, points: Sequence[Point], address: int, count: int) -> None:
        self._offsets = [point.address - address for point in points]
        self._data_bytes = (count + 7) // 8

    def decode(self, buffer: bytearray, start: int) -> Sequence[float]:
        """Give the raw numbers of the block whose first byte lies at ``start``.  # (n_points,)."""
        bits = int.from_bytes(buffer[start : start + self._data_bytes], "little")
        return [bits >> offset & 1 for offset in self._offsets]


class PointEncoder:
    """Value of one point (in its unit) to what is sent: registers, one coil, or one bit of a word."""

    __slots__ = (
        "_data_type",
        "_ends",
        "_high",
        "_low",
        "_offset",
        "_pack",
        "_pick",
        "_plain",
        "_scale",
        "_unpack",
        "point",
    )

    def __init__(self, point: Point) -> None:
        self.point = point
        self._data_type = point.data_type
        self._scale, self._offset = point.scale, point.offset
        self._ends = _raw_ends(point)
        self._low, self._high = _raw_limits(point)
        self._plain = point.type == "bool" or (point.type == "uint16" and point.byte_order == "big")
        self._pack = struct.Struct(">" + self._data_type.code).pack
        places = _byte_places(point, 0)
        # Byte k of the number lies at places[k] on the wire; sending needs the inverse.
        self._pick = [places.index(byte) for byte in range(2 * point.count)]
        self._unpack = struct.Struct(f">{point.count}H").unpack

    @property
    def line(self) -> tuple[float, float, float, float]:
        """Offset, scale, and the smallest and largest raw number that is sent."""
        return self._offset, self._scale, self._low, self._high

    def encode(self, value: float) -> tuple[int, ...] | Refusal:
        """Give the registers (a bool: one 0 or 1), or why not."""
        exact = (value - self._offset) / self._scale
        if not isfinite(exact):
            return Refusal.TOO_HIGH if isfinite(value) else Refusal.NOT_FINITE
        raw = self._nearest(exact) if self._data_type.is_integer else exact
        if raw < self._low:
            return Refusal.NEGATIVE if raw < 0 and self._data_type.low == 0 else Refusal.TOO_LOW
        return self._words(raw) if raw <= self._high else Refusal.TOO_HIGH

    def _nearest(self, exact: float) -> int:
        """Give the nearest count; that inside a limit which is none, for a value that is inside it too."""
        raw = round(exact)
        if raw > self._high and self._high < exact <= self._ends[1] < self._high + 1:
            return int(self._high)
        if raw < self._low and self._low > exact >= self._ends[0] > self._low - 1:
            return int(self._low)
        return raw

    def _words(self, raw: float) -> tuple[int, ...]:
        if self._plain:
            return (int(raw),)
        packed = self._pack(raw)
        words: tuple[int, ...] = self._unpack(bytes([packed[place] for place in self._pick]))
        return words


class RunEncoder:
    """Values of consecutive whole-number registers to what is sent, in one pass.

    Parameters
    ----------
    lines : sequence of (PointEncoder, int, float, float)
        Encoder of each point, slot of its signal, and factor and shift from the signal's unit to the point's.
    """

    __slots__ = ("_lines",)

    def __init__(self, lines: Sequence[tuple[PointEncoder, int, float, float]]) -> None:
        self._lines = [(slot, factor, shift, *encoder.line) for encoder, slot, factor, shift in lines]

    @staticmethod
    def takes(point: Point) -> bool:
        """Whether a point is of the kind: one register, a whole number, limits too, all of it, in network order."""
        whole = point.type in ("int16", "uint16") and point.bit is None
        whole = whole and all(_is_whole(end) for end in _raw_ends(point) if isfinite(end))
        return whole and point.table == "holding_register" and point.byte_order == "big"

    def encode(self, values: Sequence[float]) -> list[int] | None:
        """Give the registers for the image's ``values``; None where one is refused: ask its PointEncoder why."""
        try:
            words = [
                raw & 0xFFFF
                for slot, factor, shift, offset, scale, low, high in self._lines
                if low <= (raw := round((values[slot] * factor + shift - offset) / scale)) <= high
            ]
        except (ValueError, OverflowError):
            return None  # not finite, or not once it is scaled
        return words if len(words) == len(self._lines) else None


def _raw_limits(point: Point) -> tuple[float, float]:
    """Give the smallest and largest raw number: what the type holds and what the device takes, whole if integer."""
    low, high = _raw_ends(point)
    if point.data_type.is_integer:
        low = max(point.data_type.low, _inside(low, ceil)) if isfinite(low) else point.data_type.low
        high = min(point.data_type.high, _inside(high, floor)) if isfinite(high) else point.data_type.high
        return low, high
    most = FLOAT32_MAX if point.type == "float32" else float("inf")
    margin = _LIMIT_TOLERANCE * max((abs(end) for end in (low, high) if isfinite(end)), default=0.0)
    return max(-most, low - margin), min(most, high + margin)


def _raw_ends(point: Point) -> tuple[float, float]:
    """Give the point's limits as raw numbers, not rounded."""
    low, high = sorted((end - point.offset) / point.scale for end in (point.low, point.high))
    return low, high


def _is_whole(end: float) -> bool:
    return abs(end - round(end)) <= _LIMIT_TOLERANCE * max(abs(end), 1.0)


def _inside(end: float, cut: Callable[[float], int]) -> int:
    """Give the last whole count inside a limit; the count itself where a conversion of units has led to it."""
    return round(end) if _is_whole(end) else cut(end)
