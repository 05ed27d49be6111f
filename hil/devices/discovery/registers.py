"""Which registers of a unit answer, found by asking for ever smaller blocks."""

from __future__ import annotations

from dataclasses import dataclass

from hil.devices.discovery.units import Asker, read_registers
from hil.devices.wire.codec import MAX_COUNT, READ_HOLDING_REGISTERS

_MOST = MAX_COUNT[READ_HOLDING_REGISTERS]


@dataclass(frozen=True, slots=True)
class Run:
    """Holding registers side by side that answer: zero-based address, and what they held.  # (n,)."""

    address: int
    words: tuple[int, ...]

    @property
    def end(self) -> int:
        """First address after it."""
        return self.address + len(self.words)


def runs_that_answer(asker: Asker, unit_id: int, first: int, last: int, timeout_s: float) -> list[Run]:
    """Ask for the holding registers ``first`` to ``last``; gives those that answer, side by side as runs.

    A block that is refused is halved until single registers are; silence counts as refusal.
    """
    found: list[Run] = []
    pending = [(at, min(_MOST, last + 1 - at)) for at in range(first, last + 1, _MOST)]
    while pending:
        address, count = pending.pop(0)
        words = read_registers(asker, unit_id, address, count, timeout_s)
        if words is None and count > 1:
            half = count // 2
            pending[:0] = [(address, half), (address + half, count - half)]
        elif words is not None:
            if found and found[-1].end == address:
                found[-1] = Run(found[-1].address, (*found[-1].words, *words))
            else:
                found.append(Run(address, tuple(words)))
    return found
