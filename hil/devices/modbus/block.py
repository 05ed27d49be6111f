"""Written cells side by side: which of them go out this cycle, in how few requests."""

from __future__ import annotations

from collections.abc import Sequence

from hil.devices.events import Events
from hil.devices.modbus.cell import WriteCell
from hil.devices.modbus.exchange import WriteExchange, write_function
from hil.devices.readback import GuardedExchange
from hil.devices.wire.codec import WRITE_REGISTERS
from hil.devices.wire.frames import WriteFrame
from hil.devices.wire.values import RunEncoder
from hil.loop.image import Image

_TELL_AGAIN_NS = 60_000_000_000
"""How often a value that cannot be sent is told of, while it lasts or comes and goes, ns."""


class WriteBlock:
    """Consecutive cells of one unit and table.

    Two shortcuts leave the answer as it is: where every cell goes out every cycle, the whole block does, in one
    pass; where nothing was due for these very words the last time, nothing is now. Both need whole numbers of
    one register, no cell that was refused, and none with rules of its own.

    Attributes
    ----------
    cells : sequence of WriteCell
        In the order of their addresses.
    """

    __slots__ = (
        "_events",
        "_function",
        "_image",
        "_kind",
        "_quick",
        "_run",
        "_settled",
        "_single",
        "_told_ns",
        "_unit_id",
        "_whole",
        "cells",
    )

    def __init__(
        self, unit_id: int, function: int, cells: Sequence[WriteCell], image: Image, *, single: bool,
        events: Events | None = None,
    ) -> None:  # fmt: skip
        self._unit_id, self._function = unit_id, function
        self.cells = cells
        self._image = image
        self._single = single
        self._events = Events() if events is None else events
        self._told_ns: dict[int, int] = {}
        self._quick = False
        self._run: RunEncoder | None = None
        self._whole: WriteExchange | None = None
        self._settled: list[int] | None = None
        guarded = any(cell.is_guarded for cell in cells)
        self._kind = GuardedExchange if guarded else WriteExchange
        lines = [line for cell in cells for line in cell.encoders]
        if not guarded and all(RunEncoder.takes(encoder.point) for encoder, *_ in lines):
            self._run = RunEncoder(lines)
            if function == WRITE_REGISTERS and not single and all(cell.every_cycle for cell in cells):
                frame = WriteFrame(unit_id, function, cells[0].address, len(cells))
                self._whole = WriteExchange(frame, cells, [], tracked=False)

    def due(self, now_ns: int, exchanges: list[WriteExchange]) -> int:
        """Append the requests due at loop time ``now_ns``; gives how many values were refused."""
        words = self._run.encode(self._image.values) if self._run is not None and self._quick else None
        if words is not None:
            if self._whole is not None:
                self._whole.words = words
                exchanges.append(self._whole)
                return 0
            if words == self._settled:
                return 0
        return self._cell_by_cell(now_ns, exchanges, words)

    def _cell_by_cell(self, now_ns: int, exchanges: list[WriteExchange], words: list[int] | None) -> int:
        refused = 0
        before = len(exchanges)
        run: list[WriteCell] = []
        for cell in self.cells:
            refusal = cell.prepare()
            if refusal is not None:
                refused += 1
                self._tell(cell, now_ns)
            due = refusal is None and cell.due(now_ns)
            if run and (not due or cell.alone or run[-1].alone or self._single):
                exchanges.append(self._exchange(run))
                run = []
            if due:
                run.append(cell)
        if run:
            exchanges.append(self._exchange(run))
        self._quick = not any(cell.refused or cell.alone for cell in self.cells)
        rests = len(exchanges) == before and all(cell.by_words for cell in self.cells)
        self._settled = words if rests else None
        return refused

    def _tell(self, cell: WriteCell, now_ns: int) -> None:
        told_ns = self._told_ns.get(cell.address)
        if told_ns is None or now_ns - told_ns >= _TELL_AGAIN_NS:
            self._told_ns[cell.address] = now_ns
            self._events.add(now_ns, f"{cell.why_not()}: not sent (writes_refused)")

    def _exchange(self, run: list[WriteCell]) -> WriteExchange:
        function = self._function
        if self._single and len(run) == 1:
            function = write_function(run[0].table, run[0].count, single=True)
        return self._kind.of_cells(self._unit_id, function, run)

    def look_closer(self) -> None:
        """Note that a request was refused: the cells are looked at one by one until none is."""
        self._quick = False

    def forget(self) -> None:
        """Have every cell due, and learn of each whether it was acknowledged: what the device holds is not known."""
        self._settled = None
        self._quick = False
        for cell in self.cells:
            cell.forget()

    def force(self) -> None:
        """Have every cell due, whatever its policy and rules, and learn of each whether it was acknowledged."""
        self._settled = None
        self._quick = False
        for cell in self.cells:
            cell.force()
