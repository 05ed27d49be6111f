"""What a device is written, cycle by cycle: the cells that are due, then the heartbeat."""

from __future__ import annotations

from collections.abc import Sequence

from hil.config.points import Point
from hil.devices.modbus_exchange import Binding, WriteCell, WriteExchange, write_function
from hil.devices.modbus_settings import ModbusTcpSettings
from hil.devices.wire.coalesce import coalesce_writes
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

    Raises
    ------
    ConfigError
        Where a point may not be written, or the heartbeat is not such a register.
    """

    __slots__ = ("_bindings", "_blocks", "_heartbeat_count", "_single", "heartbeat")

    def __init__(
        self,
        writes: Sequence[tuple[Point, int]],
        image: Image,
        settings: ModbusTcpSettings,
        heartbeat: Point | None,
    ) -> None:
        points = [point for point, _ in writes]
        problems = [*_not_writable(points), *_not_a_heartbeat(points, heartbeat)]
        if problems:
            raise ConfigError(problems)
        self.heartbeat = heartbeat
        self._heartbeat_count = 0
        self._single = settings.single_write_functions
        self._bindings = [Binding(point, slot) for point, slot in writes]
        self._blocks = [
            (block.unit_id, block.function, [WriteCell(cell, self._bindings, image) for cell in block.cells])
            for block in coalesce_writes(points, settings.limits)
        ]

    def readable(self) -> list[Point]:
        """Give the written points that can be read back, for the start-up proof."""
        points = [binding.point for binding in self._bindings]
        if self.heartbeat is not None:
            points.append(self.heartbeat)
        return [point for point in points if point.readable]

    def due(self, now_ns: int) -> tuple[list[WriteExchange], int]:
        """Give the requests for the cells due at loop time ``now_ns``, and how many values were refused."""
        exchanges: list[WriteExchange] = []
        refused = 0
        for unit_id, function, cells in self._blocks:
            run: list[WriteCell] = []
            for cell in cells:
                refusal = cell.prepare()
                refused += refusal is not None
                due = refusal is None and cell.due(now_ns)
                if run and (not due or cell.alone or run[-1].alone or self._single):
                    exchanges.append(self._exchange(unit_id, function, run))
                    run = []
                if due:
                    run.append(cell)
            if run:
                exchanges.append(self._exchange(unit_id, function, run))
        return exchanges, refused

    def _exchange(self, unit_id: int, function: int, run: list[WriteCell]) -> WriteExchange:
        if self._single and len(run) == 1:
            function = write_function(run[0].table, run[0].count, single=True)
        return WriteExchange(unit_id, function, run)

    def next_heartbeat(self) -> WriteExchange:
        """Give the request for the heartbeat, one higher than the one before; 0 follows 65535."""
        assert self.heartbeat is not None
        function = write_function(self.heartbeat.table, 1, self._single)
        exchange = WriteExchange.of_heartbeat(self.heartbeat, self._heartbeat_count, function)
        self._heartbeat_count = (self._heartbeat_count + 1) & 0xFFFF
        return exchange

    def forget(self) -> None:
        """Have every point due, whatever its policy."""
        for _, _, cells in self._blocks:
            for cell in cells:
                cell.forget()


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
