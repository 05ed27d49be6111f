"""Requests of written points with rules: writes that are noted when they leave, and reads that verify them."""

from __future__ import annotations

from collections.abc import Sequence

from hil.config.points import Point
from hil.devices.guarded_cell import GuardedCell, Verification
from hil.devices.modbus.exchange import ReadExchange, WriteExchange
from hil.devices.wire.coalesce import READ_FUNCTION, Block, Cell
from hil.devices.wire.codec import Reply
from hil.devices.wire.frames import DATA_AT

MOST_AT_ONCE = 4
"""Read-backs in one phase: what is verified must not take the time of what is controlled."""


class GuardedExchange(WriteExchange):
    """A write with cells that have to know when it left."""

    __slots__ = ()

    def frame(self, transaction_id: int) -> bytes:
        """Give the bytes to send, and tell the cells: call it when they leave, and once."""
        for cell in self.cells:
            cell.note_sent()
        return super().frame(transaction_id)


class Readback(ReadExchange):
    """One number read to see whether a write took effect. Nothing of it goes into the image.

    Attributes
    ----------
    cell, verification : GuardedCell, Verification
        What was written, and which of its points this is for.
    """

    __slots__ = ("cell", "verification")

    def __init__(self, cell: GuardedCell, verification: Verification) -> None:
        self.cell, self.verification = cell, verification
        target = verification.target
        address, count = target.span
        # A cell without members: there is no slot of the image to fill or to mark.
        self._shape(Block(target.unit_id, READ_FUNCTION[target.table], (Cell(address, count, ()),)), [target])
        self.bindings = ()

    def take_from(self, buffer: bytearray, start: int, received_ns: int) -> int:
        """Judge the reply at ``start``; gives 0, as nothing can be refused."""
        self.cell.found(self.verification, self._decode(buffer, start + DATA_AT)[0], received_ns)
        return 0

    def take(self, reply: Reply, received_ns: int) -> int:
        """Do the same for a decoded reply that fits."""
        self.cell.found(self.verification, self._raws(reply)[0], received_ns)
        return 0

    def mark_bad(self) -> None:
        """Note that the device refuses to say what it holds."""
        self.cell.note_unreadable()

    def names(self) -> str:
        """Name it for a person."""
        return f"the read-back of {self.verification.point.signal}"


class Readbacks:
    """All read-backs of a device; decides which are due. Empty for one without verified points."""

    __slots__ = ("_all",)

    def __init__(self, cells: Sequence[GuardedCell]) -> None:
        self._all = [Readback(cell, each) for cell in cells for each in cell.verifications]

    def __bool__(self) -> bool:
        return bool(self._all)

    def due(self, now_ns: int) -> list[Readback]:
        """Give the read-backs to send at loop time ``now_ns``, the longest due first, at most ``MOST_AT_ONCE``."""
        waiting = [
            each
            for each in self._all
            if each.probe_ns <= now_ns and each.verification.watch.due_ns() <= now_ns
        ]
        waiting.sort(key=lambda each: each.verification.watch.due_ns())
        for each in waiting[:MOST_AT_ONCE]:
            each.verification.watch.asked(now_ns)
        return waiting[:MOST_AT_ONCE]

    @property
    def targets(self) -> list[Point]:
        """Points that are read."""
        return [each.verification.target for each in self._all]

    @property
    def withholders(self) -> tuple[Verification, ...]:
        """Those for which the heartbeat has to stand still while the device does not follow."""
        found = (each.verification for each in self._all)
        return tuple(each for each in found if each.point.rules.on_mismatch == "bad")
