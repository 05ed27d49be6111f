"""What a device is written, cycle by cycle: the cells that are due, then the heartbeat."""

from __future__ import annotations

from collections.abc import Sequence

from hil.config.points import Point
from hil.devices.events import Events
from hil.devices.guarded_cell import Desk, GuardedCell, Verification
from hil.devices.modbus.block import WriteBlock
from hil.devices.modbus.cell import Binding, WriteCell
from hil.devices.modbus.exchange import WriteExchange, write_function
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.readback import GuardedExchange, Readbacks
from hil.devices.wire.coalesce import Cell, coalesce_writes
from hil.devices.wire.codec import MAX_COUNT, WRITE_REGISTERS
from hil.devices.wire.frames import WriteFrame
from hil.errors import ConfigError, Problem
from hil.loop.image import Image


class WritePlan:
    """The written points of a device, gathered once; decides each cycle which of them go out.

    Parameters
    ----------
    writes : sequence of (Point, int)
        Points and the slots of their signals.
    image : Image
        Where the values are taken from, already limited.
    settings : ModbusTcpSettings
        Limits, and which functions the device knows.
    heartbeat : Point or None
        A uint16 holding register.
    counts, events : dict of str to int, Events, optional
        Where points with rules count and tell: the device's own.

    Attributes
    ----------
    readbacks : Readbacks
        What is read to verify the writes.
    verifies : bool
        Whether there are any.
    withholders : tuple of Verification
        Those of points whose heartbeat must stand still while they are not followed.

    Raises
    ------
    ConfigError
        Where a point may not be written, or the heartbeat is not such a register.
    """

    __slots__ = ("_apart", "_bindings", "_blocks", "_frames", "_heartbeat_count", "_heartbeat_frame",
                 "_joins", "_kind", "heartbeat", "readbacks", "verifies", "withholders")  # fmt: skip

    def __init__(
        self,
        writes: Sequence[tuple[Point, int]],
        image: Image,
        settings: ModbusTcpSettings,
        heartbeat: Point | None,
        counts: dict[str, int] | None = None,
        events: Events | None = None,
    ) -> None:
        points = [point for point, _ in writes]
        problems = [*_not_writable(points), *_not_a_heartbeat(points, heartbeat)]
        if problems:
            raise ConfigError(problems)
        single = settings.single_write_functions
        self.heartbeat = heartbeat
        self._heartbeat_count = 0
        self._bindings = [Binding(point, slot) for point, slot in writes]
        desk = Desk({} if counts is None else counts, events or Events())
        guarded: list[GuardedCell] = []

        def make_cell(cell: Cell) -> WriteCell:
            if all(self._bindings[member].point.rules.plain for member in cell.members):
                return WriteCell(cell, self._bindings, image)
            guarded.append(GuardedCell(cell, self._bindings, image, desk))
            return guarded[-1]

        self._blocks = [
            WriteBlock(
                block.unit_id,
                block.function,
                [make_cell(cell) for cell in block.cells],
                image,
                single=single,
                events=desk.events,
            )
            for block in coalesce_writes(points, settings.limits)
        ]
        self._kind = GuardedExchange if guarded else WriteExchange
        self.readbacks = Readbacks(guarded)
        self.verifies = bool(self.readbacks)
        self.withholders: tuple[Verification, ...] = self.readbacks.withholders
        # Longest write that the heartbeat may end, in registers; 0 where it always goes alone.
        self._joins = 0
        self._apart = False
        self._frames: dict[int, WriteFrame] = {}
        if heartbeat is not None:
            function = write_function(heartbeat.table, 1, single)
            self._heartbeat_frame = WriteFrame(heartbeat.unit_id, function, heartbeat.address, 1)
            if settings.heartbeat_joined and not single:
                self._joins = min(settings.max_registers, MAX_COUNT[WRITE_REGISTERS])

    @property
    def points(self) -> list[Point]:
        """All that is written, the heartbeat last."""
        points = [binding.point for binding in self._bindings]
        return points if self.heartbeat is None else [*points, self.heartbeat]

    @property
    def cells(self) -> list[WriteCell]:
        """What is written, as one each, the heartbeat aside."""
        return [cell for block in self._blocks for cell in block.cells]

    def readable(self) -> list[Point]:
        """Give the written points that can be read back, for the start-up proof."""
        points = self.points
        points += [point for point in self.readbacks.targets if point not in points]
        return [point for point in points if point.readable]

    def due(self, now_ns: int) -> tuple[list[WriteExchange], int]:
        """Give the requests for the cells due at loop time ``now_ns``, and how many values were refused."""
        exchanges: list[WriteExchange] = []
        refused = 0
        for block in self._blocks:
            refused += block.due(now_ns, exchanges)
        return exchanges, refused

    def is_distrusted(self) -> bool:
        """Whether a point is not followed for which the heartbeat has to stand still."""
        return any(each.is_wrong for each in self.withholders)

    def next_heartbeat(self) -> WriteExchange:
        """Give the request for the heartbeat, one higher than the one before; 0 follows 65535."""
        return WriteExchange(self._heartbeat_frame, (), [self._count_up()], beats=True)

    def _count_up(self) -> int:
        count = self._heartbeat_count
        self._heartbeat_count = (count + 1) & 0xFFFF
        return count

    def joined(self, exchange: WriteExchange) -> WriteExchange | None:
        """Give ``exchange`` with the heartbeat behind its last register; None where that does not follow it."""
        heartbeat, count = self._heartbeat_frame, len(exchange.words) + 1
        fits = exchange.address + count - 1 == heartbeat.address and count <= self._joins
        alike = exchange.function == WRITE_REGISTERS and exchange.unit_id == heartbeat.unit_id
        if self._apart or not (fits and alike):
            return None
        frame = self._frames.get(count)
        if frame is None:
            frame = WriteFrame(exchange.unit_id, WRITE_REGISTERS, exchange.address, count)
            self._frames[count] = frame
        words = [*exchange.words, self._count_up()]
        return self._kind(frame, exchange.cells, words, beats=True, tracked=exchange.tracked)

    def look_closer(self, exchange: WriteExchange, *, apart: bool) -> None:
        """Note that ``exchange`` was refused; ``apart`` keeps the heartbeat out of such requests from now on."""
        exchange.tell_cells()
        self._apart = self._apart or apart
        for block in self._blocks:
            block.look_closer()

    def start_over(self) -> None:
        """Note a new connection: everything is due, and the heartbeat may join again."""
        self._apart = False
        for block in self._blocks:
            block.forget()

    def forget(self) -> None:
        """Have every point due, whatever its policy and rules: the last write of a run, the failsafe."""
        for block in self._blocks:
            block.force()


def _not_writable(points: Sequence[Point]) -> list[Problem]:
    return [
        Problem(
            point.file,
            point.line,
            f'"{point.signal}" is to be written, but has access "{point.access}" and write "{point.write}"',
            'access "w" or "rw", and write "on_change" or "every_cycle"',
        )
        for point in points
        if not point.writable or point.write == "never"
    ]


def _not_a_heartbeat(points: Sequence[Point], heartbeat: Point | None) -> list[Problem]:
    if heartbeat is None:
        return []
    kind = (heartbeat.table, heartbeat.type, heartbeat.byte_order)
    if kind != ("holding_register", "uint16", "big") or not heartbeat.writable:
        what = f'the heartbeat "{heartbeat.signal}" is a {heartbeat.type} {heartbeat.table}'
        hint = "a uint16 holding_register with byte_order big and access w or rw"
        return [Problem(heartbeat.file, heartbeat.line, f'{what}, access "{heartbeat.access}"', hint)]
    if any(point.signal == heartbeat.signal for point in points):
        what = f'the heartbeat "{heartbeat.signal}" is also written as a value'
        hint = "the device counts it up itself: unwire it"
        return [Problem(heartbeat.file, heartbeat.line, what, hint)]
    return []
