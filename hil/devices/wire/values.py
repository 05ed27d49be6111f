"""Raw numbers to registers and back: types, word order, byte order, bits.

A register travels as 16 bits, high byte first; that much the protocol fixes. How several registers make a
number is the maker's choice: ``word_order`` says which register comes first (ABB, Belimo and SolarEdge:
low; Danfoss and Schneider: high), ``byte_order`` whether the two bytes inside each are swapped.

Decoding never fails: every pattern of bits is some number, and the process image refuses what is not
finite. Encoding refuses what the register cannot hold, and never wraps: a negative limit that wraps in an
unsigned register lifts the limit.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from enum import IntEnum
from math import isfinite
from operator import itemgetter

from hil.config.points import Point

FLOAT32_MAX = 3.4028234663852886e38
"""Largest finite IEEE 754 binary32."""
_LIMIT_TOLERANCE = 1e-9
"""Share of a float point's limit that a conversion of units may leave over it."""


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
    """Registers of one block to the raw numbers of its points, in two or three calls into C.

    Parameters
    ----------
    points : sequence of Point
        All in the block.
    address, count : int
        The block, zero-based.
    """

    __slots__ = ("_bits", "_pack", "_pick", "_unpack")

    def __init__(self, points: Sequence[Point], address: int, count: int) -> None:
        self._pack = struct.Struct(f">{count}H").pack
        places = [place for point in points for place in _byte_places(point, 2 * (point.address - address))]
        in_order = places == list(range(2 * count))
        self._pick: Callable[[bytes], tuple[int, ...]] | None = None if in_order else itemgetter(*places)
        codes = "".join("H" if point.bit is not None else point.data_type.code for point in points)
        self._unpack = struct.Struct(">" + codes).unpack
        self._bits = [(index, point.bit) for index, point in enumerate(points) if point.bit is not None]

    def decode(self, registers: Sequence[int]) -> Sequence[float]:
        """Give the raw numbers  # (n_points,) of ``registers``  # (count,)."""
        packed = self._pack(*registers)
        if self._pick is not None:
            packed = bytes(self._pick(packed))
        raws: tuple[float, ...] = self._unpack(packed)
        if not self._bits:
            return raws
        numbers = list(raws)
        for index, bit in self._bits:
            numbers[index] = int(raws[index]) >> bit & 1
        return numbers


class BitDecoder:
    """Coils or discrete inputs of one block to the raw numbers 0 and 1 of its points."""

    __slots__ = ("_offsets",)

    def __init__(self, points: Sequence[Point], address: int) -> None:
        self._offsets = [point.address - address for point in points]

    def decode(self, bits: Sequence[int]) -> Sequence[float]:
        """Give the raw numbers  # (n_points,) of ``bits``  # (at least count,)."""
        return [bits[offset] for offset in self._offsets]


class PointEncoder:
    """Value of one point (in its unit) to what is sent: registers, one coil, or one bit of a word."""

    __slots__ = (
        "_data_type",
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
        self._low, self._high = _raw_limits(point)
        self._plain = point.type == "bool" or (point.type == "uint16" and point.byte_order == "big")
        self._pack = struct.Struct(">" + self._data_type.code).pack
        places = _byte_places(point, 0)
        # Byte k of the number lies at places[k] on the wire; sending needs the inverse.
        self._pick = [places.index(byte) for byte in range(2 * point.count)]
        self._unpack = struct.Struct(f">{point.count}H").unpack

    def encode(self, value: float) -> tuple[int, ...] | Refusal:
        """Give the registers (a bool: one 0 or 1), or why not."""
        exact = (value - self._offset) / self._scale
        if not isfinite(exact):
            return Refusal.TOO_HIGH if isfinite(value) else Refusal.NOT_FINITE
        raw = round(exact) if self._data_type.is_integer else exact
        if raw < self._low:
            return Refusal.NEGATIVE if raw < 0 and self._data_type.low == 0 else Refusal.TOO_LOW
        return self._words(raw) if raw <= self._high else Refusal.TOO_HIGH

    def _words(self, raw: float) -> tuple[int, ...]:
        if self._plain:
            return (int(raw),)
        packed = self._pack(raw)
        words: tuple[int, ...] = self._unpack(bytes([packed[place] for place in self._pick]))
        return words


def _raw_limits(point: Point) -> tuple[float, float]:
    """Give the smallest and largest raw number: what the type holds and what the device takes."""
    ends = sorted((end - point.offset) / point.scale for end in (point.low, point.high))
    low, high = ends
    if point.data_type.is_integer:
        # Rounded like the values, so that a limit reached through a conversion of units is not refused.
        low = max(point.data_type.low, round(low)) if isfinite(low) else point.data_type.low
        high = min(point.data_type.high, round(high)) if isfinite(high) else point.data_type.high
        return low, high
    most = FLOAT32_MAX if point.type == "float32" else float("inf")
    margin = _LIMIT_TOLERANCE * max((abs(end) for end in ends if isfinite(end)), default=0.0)
    return max(-most, low - margin), min(most, high + margin)
