"""A Modbus TCP device in the cycle: what it gives goes into the image, what the image holds goes out to it.

One phase is: requests out, replies in until all are there or the deadline has come. Sending and matching are
:mod:`hil.devices.modbus.channel`'s; here is what goes out when, and what each reply leads to.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from hil.config.point_rules import unheeded_problems
from hil.config.points import Point
from hil.devices.modbus.channel import ModbusChannel
from hil.devices.modbus.exchange import Exchange, ReadExchange, WriteExchange
from hil.devices.modbus.proof import prove
from hil.devices.modbus.reads import ReadPlan
from hil.devices.modbus.refusals import Refusals
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.modbus.writes import WritePlan
from hil.devices.scan import Scan
from hil.devices.wait import Wait
from hil.devices.write_record import WriteRecord
from hil.errors import ConfigError
from hil.loop.image import Image


class ModbusTcpDevice(ModbusChannel):
    """One connection to one device (or gateway), behind :class:`hil.loop.protocols.Device`.

    Parameters
    ----------
    name : str
        For counters and messages.
    settings : ModbusTcpSettings
        How to talk to it.
    image : Image
        Values are put into it and taken from it.
    reads, writes : sequence of (Point, int)
        Points and the slots of their signals. Only points in ``writes`` are ever written.
    now_ns : callable
        Loop time, ns.
    heartbeat : Point or None
        A uint16 holding register that counts up by one after each complete write.
    place : (str, int or None)
        File and line of the device in the rig, for messages.

    Attributes
    ----------
    last_reply_ns, last_write_ack_ns, last_heartbeat_ack_ns : int
        Loop time of the last values received, values acknowledged, heartbeat acknowledged, ns; 0 before.
    record : WriteRecord
        Which written points the device did not take.
    read_s : float
        How long a read of all points took in the start-up proof, s; 0 before.
    writes_failed : int
        Grows by one or more in each write phase in which not all was sent and acknowledged.

    Raises
    ------
    ConfigError
        Where a point of ``writes`` may not be written, the heartbeat is not such a register, or there is none and a
        point needs it to show that it is not followed.
    """

    def __init__(
        self,
        name: str,
        settings: ModbusTcpSettings,
        image: Image,
        reads: Sequence[tuple[Point, int]],
        writes: Sequence[tuple[Point, int]],
        now_ns: Callable[[], int],
        heartbeat: Point | None = None,
        place: tuple[str, int | None] = ("", None),
    ) -> None:
        self.name = name
        self._place = place
        unheeded = unheeded_problems([point for point, _ in writes], has_heartbeat=heartbeat is not None)
        if unheeded:
            raise ConfigError(unheeded)
        super().__init__(settings, now_ns)
        self._alone: Scan | None = None
        self._image = image
        self._bind(reads, writes, heartbeat)
        self.read_s = 0.0
        self.last_reply_ns = self.last_write_ack_ns = self.last_heartbeat_ack_ns = 0

    # Set-up -------------------------------------------------------------------------------------------

    def _bind(
        self, reads: Sequence[tuple[Point, int]], writes: Sequence[tuple[Point, int]], heartbeat: Point | None
    ) -> None:
        """Plan what is read and written, before the first phase."""
        settings, image = self.settings, self._image
        self._plan = WritePlan(writes, image, settings, heartbeat, self._counts, self._events)
        self.record = WriteRecord(self._plan.cells, "" if heartbeat is None else heartbeat.signal)
        self._read_plan = ReadPlan(reads, image, settings)
        self._refusals = Refusals(self._read_plan, self._plan, self._counts, self._events, settings.probe_s)

    def prove(self, timeout_s: float) -> None:
        """Connect, read every point once and have every unit answer, before the loop; the connection is kept.

        May take ``timeout_s``.

        Raises
        ------
        DeviceError
            Naming the device, its address, each point that is refused, and what to do.
        """
        points = list(self._read_plan.points)
        points += [point for point in self._plan.readable() if point not in points]
        deadline_s = time.monotonic() + timeout_s
        written = self._plan.points
        proven = prove(self.name, self.settings, points, self._place, deadline_s, written)
        address, connection, self.read_s = proven
        self._link.aim(address)
        self.adopt(connection)

    def attach(self, wait: Wait[ModbusTcpDevice]) -> None:
        """Have ``wait`` give back this device."""
        self._link.attach(wait, self)

    # The cycle ----------------------------------------------------------------------------------------

    def read(self, now_ns: int, deadline_ns: int) -> None:
        """Receive into the image; returns before ``deadline_ns`` (loop time), answered or not."""
        self._own_scan().read(now_ns, deadline_ns)

    def write(self, now_ns: int, deadline_ns: int) -> None:
        """Send the values, then the heartbeat; returns before ``deadline_ns`` (loop time)."""
        self._own_scan().write(now_ns, deadline_ns)

    def _own_scan(self) -> Scan:
        if self._alone is None:
            self._alone = Scan((self,), self._now_ns)
        return self._alone

    @property
    def is_written(self) -> bool:
        """Whether anything is written to it."""
        return bool(self.record.names)

    def begin_read(self, now_ns: int) -> None:
        """Queue the blocks to read and send what may go."""
        if not self._link.connected:
            self._link.maintain(now_ns)
            if not self._link.connected:
                return
        self._queue.extend(self._read_plan.due(now_ns))
        if self._plan.verifies:
            self._queue.extend(self._plan.readbacks.due(now_ns))
        self.pump(now_ns)

    def skip_phase(self) -> None:
        """Count a phase whose deadline had passed before it began."""
        self._counts["phases_without_time"] += 1
        self.writes_failed += 1

    def begin_write(self, now_ns: int) -> None:
        """Queue the cells that are due and send what may go."""
        if not self._link.connected:
            self._link.maintain(now_ns)
            if not self._link.connected:
                self._counts["writes_offline"] += 1
                self.writes_failed += 1
                return
        plan = self._plan
        self._heartbeat_due = plan.heartbeat is not None
        due, refused = plan.due(now_ns)
        if refused:
            self._counts["writes_refused"] += refused
            self.writes_failed += 1
            self._withhold_heartbeat()
        elif plan.withholders and plan.is_distrusted():
            self._withhold_heartbeat()
        if self._heartbeat_due and len(due) == 1:
            both = plan.joined(due[0])
            if both is not None:
                self._heartbeat_due = False
                due = [both]
        self._queue.extend(due)
        self.pump(now_ns)

    def end_phase(self, now_ns: int) -> None:
        """Abandon what has not been answered; a block that was not even sent comes first in the next phase."""
        if self._queue and isinstance(self._queue[0], ReadExchange):
            self._read_plan.resume_at(self._queue[0])
        super().end_phase(now_ns)

    def _next_heartbeat(self) -> WriteExchange:
        return self._plan.next_heartbeat()

    def _start_over(self) -> None:
        """Begin on a new connection: all blocks whole again, all points written again."""
        super()._start_over()
        self._read_plan.start_over()
        self._plan.start_over()

    def _not_sent(self, exchange: WriteExchange) -> None:
        self.writes_failed += 1
        # From here on the cells must learn of their acknowledgement.
        self._plan.look_closer(exchange, apart=False)
        for cell in exchange.cells:
            cell.forget()

    # Replies ------------------------------------------------------------------------------------------

    def _received(self, block: ReadExchange, rejected: int, received_ns: int) -> None:
        if rejected:
            self._counts["values_rejected"] += rejected
        self.last_reply_ns = received_ns
        if block.refused:
            self._refusals.answers_again(block, received_ns)

    def _acknowledged(self, exchange: WriteExchange, received_ns: int) -> None:
        if exchange.beats:
            self.last_heartbeat_ack_ns = received_ns
            self._refusals.heartbeat = 0
        if not exchange.cells:
            return
        self._counts["writes_acknowledged"] += 1
        self.last_write_ack_ns = received_ns
        if not exchange.tracked:
            return
        for cell in exchange.cells:
            if cell.refused:
                self._events.add(received_ns, f"writing {cell.names} is taken again")
            cell.confirm(received_ns)

    def _refused(self, exchange: Exchange, code: int, now_ns: int) -> None:
        instead: Sequence[Exchange]
        if isinstance(exchange, WriteExchange):
            self.writes_failed += 1
            instead, heartbeat_follows = self._refusals.of_write(exchange, code, now_ns)
            if heartbeat_follows:
                self._heartbeat_due = True
            else:
                self._withhold_heartbeat()
        else:
            instead = self._refusals.of_read(exchange, code, now_ns)
        self._queue.extendleft(reversed(instead))

    # From outside the cycle ---------------------------------------------------------------------------

    def force_writes(self) -> None:
        """Have the next :meth:`write` send every point, whatever its policy: the last of a run."""
        self.record.before_last(self._now_ns(), self.last_heartbeat_ack_ns)
        self._plan.forget()

    def counters(self) -> dict[str, int]:
        """Give how often each kind of event happened since the start; see ``modbus.settings.COUNTERS``."""
        apart = {"requests": self._requests, "replies": self._replies, "events_dropped": self._events.dropped}
        return self._counts | apart

    def drain_events(self) -> list[tuple[int, str]]:
        """Give what a person wants to know since the last call, as (loop time ns, text)."""
        return self._events.drain()

    def close(self) -> None:
        """Let go of the wire; may be called twice."""
        self._link.close()
        self._lose_connection()
        alone, self._alone = self._alone, None
        if alone is not None:
            alone.close()
