"""What a device is asked for, phase by phase: blocks whole or in parts, in turn, those refused only now and then."""

from __future__ import annotations

from collections.abc import Sequence

from hil.config.points import Point
from hil.devices.modbus.cell import Binding
from hil.devices.modbus.exchange import ReadExchange
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.wire.coalesce import coalesce_reads, halves
from hil.loop.image import Image


class ReadPlan:
    """The read points of a device, gathered into blocks; decides each phase which of them are asked for.

    Parameters
    ----------
    reads : sequence of (Point, int)
        Points and the slots of their signals.
    image : Image
        Where the values go.
    settings : ModbusTcpSettings
        Limits of one request.
    """

    __slots__ = ("_asks_all", "_blocks", "_resume_at", "_whole", "points")

    def __init__(self, reads: Sequence[tuple[Point, int]], image: Image, settings: ModbusTcpSettings) -> None:
        self.points = [point for point, _ in reads]
        bindings = [Binding(point, slot) for point, slot in reads]
        blocks = coalesce_reads(self.points, settings.limits)
        self._whole = [ReadExchange(block, bindings, image) for block in blocks]
        self._blocks = list(self._whole)
        # Spares the usual phase the look at each block: none is put off, and the first one goes first.
        self._asks_all = True
        self._resume_at: ReadExchange | None = None

    def due(self, now_ns: int) -> list[ReadExchange]:
        """Give the blocks to ask for at loop time ``now_ns``, in order; the list is the plan's own."""
        if self._asks_all:
            return self._blocks
        return [block for block in self._in_turn() if block.probe_ns <= now_ns]

    def _in_turn(self) -> list[ReadExchange]:
        if self._resume_at is None or self._resume_at not in self._blocks:
            self._asks_all = not any(block.probe_ns for block in self._blocks)
            return self._blocks
        place = self._blocks.index(self._resume_at)
        return self._blocks[place:] + self._blocks[:place]

    def resume_at(self, block: ReadExchange) -> None:
        """Begin the next phase with ``block``, for which this one had no time: none starves."""
        self._resume_at = block
        self._asks_all = False

    def put_off(self, block: ReadExchange, until_ns: int) -> None:
        """Leave ``block`` out before loop time ``until_ns``."""
        block.probe_ns = until_ns
        self._asks_all = False

    def split(self, block: ReadExchange) -> list[ReadExchange]:
        """Ask for the halves of ``block`` in its place from now on, and give them."""
        pair = [block.part(half) for half in halves(block.block)]
        place = self._blocks.index(block)
        self._blocks[place : place + 1] = pair
        return pair

    def start_over(self) -> None:
        """Note a new connection: all blocks whole again, and none put off."""
        self._blocks = list(self._whole)
        self._asks_all = True
        self._resume_at = None
        for block in self._blocks:
            block.probe_ns = block.refused = 0
