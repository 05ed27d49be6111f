"""What a request gets: registers made of the latest values, or the right exception. No socket, the time an argument."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hil.devices.northbound.layout import (
    AGE_UNIT_S,
    COUNT,
    FIRST,
    HEAD_REGISTERS,
    LAYOUT_VERSION,
    LIFE,
    SILENT,
    VERSION,
    RegisterMap,
)
from hil.devices.wire.codec import (
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    READ_HOLDING_REGISTERS,
    READ_INPUT_REGISTERS,
    WRITE_REGISTER,
    WRITE_REGISTERS,
    Request,
)
from hil.loop.clock import NS_PER_S
from hil.loop.image import BAD
from hil.loop.table import Latest

ACCEPTED = 0
TARGET_FAILED = 11
_SELF = frozenset({0, 255})
_MOST_AGE = 65535
_HAIR = 1e-6
_READS = frozenset({READ_HOLDING_REGISTERS, READ_INPUT_REGISTERS})
_WRITES = frozenset({WRITE_REGISTER, WRITE_REGISTERS})


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known of the loop at one moment.

    Attributes
    ----------
    latest : Latest or None
        As of the last cycle; None before the first.
    cycles : int
        Cycles so far.
    since_ns : int
        Time since that cycle was seen, ns.
    is_silent : bool
        Whether that is too long: the loop is dead.
    """

    latest: Latest | None
    cycles: int
    since_ns: int
    is_silent: bool


class Answers:
    """Answers requests about the rig.

    Parameters
    ----------
    layout : RegisterMap
        Where everything lies.
    slots : sequence of int
        Place of each signal of the map in the table of latest values.  # (n_signals,)
    silent_code : int
        Exception for a read while the loop is dead; 0: registers whose quality is BAD.
    post : callable (signal, value)
        Takes an accepted set-point.

    Attributes
    ----------
    beyond_type : int
        How often a value was beyond what its type can show: float32 shows it as BAD then, int16 its own end.
    """

    def __init__(
        self, layout: RegisterMap, slots: Sequence[int], silent_code: int, post: Callable[[str, float], None]
    ) -> None:
        self._layout = layout
        self._slots = tuple(slots)
        self._silent_code = silent_code
        self._post = post
        self.beyond_type = 0
        self._can_write = any(signal.writable for signal in layout.signals)

    def answer(self, request: Request, sight: Sight) -> tuple[int, list[int]]:
        """Give the exception code, or 0 and the registers that were asked for."""
        if request.unit_id != self._layout.unit_id and request.unit_id not in _SELF:
            return TARGET_FAILED, []
        if request.function in _READS:
            return self._read(request.address, request.count, sight)
        if request.function in _WRITES and self._can_write:
            return self._write(request, sight), []
        return ILLEGAL_FUNCTION, []

    def _read(self, address: int, count: int, sight: Sight) -> tuple[int, list[int]]:
        if count == 0:
            return ILLEGAL_VALUE, []
        if not self._layout.has(address, count):
            return ILLEGAL_ADDRESS, []
        if address < HEAD_REGISTERS:
            # The head answers always: that is how a dead loop is told from a dead machine.
            return ACCEPTED, self._head(sight)[address : address + count]
        if sight.is_silent and self._silent_code:
            return self._silent_code, []
        first, last = (address - FIRST) // 4, (address + count - 1 - FIRST) // 4
        registers = [word for place in range(first, last + 1) for word in self._signal(place, sight)]
        skip = address - FIRST - 4 * first
        return ACCEPTED, registers[skip : skip + count]

    def _head(self, sight: Sight) -> list[int]:
        head = [0] * HEAD_REGISTERS
        head[LIFE] = sight.cycles & 0xFFFF
        head[SILENT] = int(sight.is_silent)
        head[COUNT] = len(self._layout.signals) & 0xFFFF
        head[VERSION] = LAYOUT_VERSION
        return head

    def _signal(self, place: int, sight: Sight) -> tuple[int, int, int, int]:
        signal, slot, latest = self._layout.signals[place], self._slots[place], sight.latest
        if latest is None:
            return (*self._layout.words(signal, math.nan), BAD, _MOST_AGE)
        quality = BAD if sight.is_silent else latest.quality[slot]
        value = latest.values[slot]
        if quality != BAD and not signal.holds(value):
            self.beyond_type += 1
            quality = BAD if signal.type == "float32" else quality
        # An old number must not pass for a fresh one with a client that reads no quality.
        value = math.nan if quality == BAD else value
        age_s = (latest.now_ns - latest.received_ns[slot] + sight.since_ns) / NS_PER_S
        return (*self._layout.words(signal, value), quality, max(0, min(int(age_s / AGE_UNIT_S), _MOST_AGE)))

    def _write(self, request: Request, sight: Sight) -> int:
        if not request.values:
            return ILLEGAL_VALUE
        place = self._layout.setpoint(request.address, request.count)
        if place is None:
            return ILLEGAL_ADDRESS
        if sight.is_silent:
            return self._silent_code or TARGET_FAILED
        signal, value = self._layout.signals[place], self._layout.value(place, request.values)
        # An end of the range, rounded to float32 or to a count, may lie a hair outside.
        hair = _HAIR * max(abs(signal.low), abs(signal.high))
        if not math.isfinite(value) or not signal.low - hair <= value <= signal.high + hair:
            return ILLEGAL_VALUE
        self._post(signal.name, min(max(value, signal.low), signal.high))
        return ACCEPTED
