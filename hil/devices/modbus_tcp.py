"""A Modbus TCP device in the cycle: what it gives goes into the image, what the image holds goes out to it.

One phase is: requests out, replies in until all are there or the deadline has come. What has not been
answered by then is abandoned, and its reply, when it comes, is counted and dropped. Nothing here waits for
a connection.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable, Sequence

from hil.config.point_rules import unheeded_problems
from hil.config.points import Point
from hil.devices.events import Events
from hil.devices.modbus_exchange import Exchange, ReadExchange, WriteExchange
from hil.devices.modbus_link import Link
from hil.devices.modbus_proof import prove
from hil.devices.modbus_reads import ReadPlan
from hil.devices.modbus_refusals import Refusals
from hil.devices.modbus_settings import COUNTERS, ModbusTcpSettings
from hil.devices.modbus_writes import WritePlan
from hil.devices.scan import Scan
from hil.devices.wait import Wait
from hil.devices.wire.codec import Reply
from hil.devices.write_record import WriteRecord
from hil.errors import ConfigError
from hil.loop.image import Image

_SHORTEST_REPLY_BYTES = 10
"""A read of bits; what is shorter is an exception or not whole."""

_TRANSACTION_STEP = 0x9E37
"""From one transaction id to the next: odd, so that all are used, and such that at least six bits change. A device
that counts wrong, or a bit turned over on the way, does not hit another request of ours."""

_REMEMBERED = 64
"""How many abandoned transactions are remembered, to tell a late reply from a wrong one."""


class ModbusTcpDevice:
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

    link_type: type[Link] = Link
    """What it talks through; a rehearsal has one without a wire."""

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
        self.settings = settings
        self._place = place
        self._now_ns = now_ns
        unheeded = unheeded_problems([point for point, _ in writes], has_heartbeat=heartbeat is not None)
        if unheeded:
            raise ConfigError(unheeded)
        self._counts = dict.fromkeys(COUNTERS, 0)
        self._events = Events()
        self._link = self.link_type(settings, now_ns, self._counts, self._events)
        self._alone: Scan | None = None
        self._gap_ns = int(settings.gap_ms * 1e6)
        self._image = image
        self._bind(reads, writes, heartbeat)
        self._queue: deque[Exchange] = deque()
        self._in_flight: dict[int, Exchange] = {}
        self._abandoned: deque[int] = deque(maxlen=_REMEMBERED)
        self._transaction_id = 0
        self._asked_behind: set[int] = set()
        self._next_send_ns = 0
        self._requests = self._replies = 0
        self._silent_requests = 0
        self._heartbeat_due = False
        self._was_connected = False
        self.read_s = 0.0
        self.wake_ns = self.writes_failed = 0
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

    def adopt(self, connection: socket.socket) -> None:
        """Go on with a connection that is already made."""
        self._link.adopt(connection)
        self._give_up_all()
        self._start_over()

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
    def busy(self) -> bool:
        """Whether requests are still to be sent or answered in this phase."""
        return bool(self._in_flight or self._queue)

    @property
    def is_written(self) -> bool:
        """Whether anything is written to it."""
        return bool(self.record.names)

    @property
    def quiet(self) -> bool:
        """Whether the connection is up and nothing is known to be on its way from before."""
        return self._link.connected and not self._abandoned

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

    def _withhold_heartbeat(self) -> None:
        if self._heartbeat_due:
            self._heartbeat_due = False
            self._counts["heartbeats_withheld"] += 1
            self.writes_failed += 1

    def pump(self, now_ns: int) -> None:
        """Send queued requests as far as pacing and the limit in flight allow."""
        self.wake_ns = 0
        if self._heartbeat_due and not self._queue and not self._in_flight:
            self._heartbeat_due = False
            self._queue.append(self._plan.next_heartbeat())
        while self._queue and len(self._in_flight) < self.settings.max_in_flight:
            if self._gap_ns and now_ns < self._next_send_ns:
                self.wake_ns = self._next_send_ns
                return
            self._send(self._queue.popleft(), now_ns)

    def _send(self, exchange: Exchange, now_ns: int) -> None:
        self._transaction_id = transaction_id = (self._transaction_id + _TRANSACTION_STEP) & 0xFFFF
        self._in_flight[transaction_id] = exchange
        if self._link.partial:
            self._asked_behind.add(transaction_id)
        self._next_send_ns = now_ns + self._gap_ns
        self._requests += 1
        if isinstance(exchange, WriteExchange):
            self._counts["writes_sent"] += bool(exchange.cells)
            self._counts["heartbeats_sent"] += exchange.beats
        if not self._link.send(exchange.frame(transaction_id), now_ns):
            self._lose_connection()

    def on_ready(self) -> bool:
        """Take what the wait reported, and send what may follow it; gives whether that ended the device's phase."""
        link = self._link
        was_busy = bool(self._in_flight or self._queue)
        count = link.receive()
        # Stamped after the bytes are in hand: each reply's own time, not the poll's start.
        now_ns = self._now_ns()
        taken = self._take_expected(count, now_ns) if count and not link.partial else 0
        if taken != count or not count:
            self._take_rest(taken, count, now_ns)
        elif self._queue or self._heartbeat_due or self._gap_ns:
            self._next_send_ns = now_ns + self._gap_ns
            self.pump(now_ns)
        return was_busy and not (self._in_flight or self._queue)

    def _take_expected(self, count: int, now_ns: int) -> int:
        """Take the replies that were asked for, whole and one after the other; gives how many bytes they were.

        They need no decoding to be told from all others.
        """
        buffer, in_flight, start = self._link.buffer, self._in_flight, 0
        while start + _SHORTEST_REPLY_BYTES <= count:
            transaction_id = buffer[start] << 8 | buffer[start + 1]
            exchange = in_flight.get(transaction_id)
            if exchange is None or not exchange.is_reply(buffer, start, transaction_id):
                break
            if start + exchange.reply_bytes > count:
                break
            del in_flight[transaction_id]
            self._replies += 1
            self._silent_requests = self._link.attempts = 0
            if isinstance(exchange, ReadExchange):
                self._received(exchange, exchange.take_from(buffer, start, now_ns), now_ns)
            else:
                self._acknowledged(exchange, now_ns)
            start += exchange.reply_bytes
        return start

    def _take_rest(self, start: int, count: int, now_ns: int) -> None:
        """Take all else: an end or beginning of the connection, parts, exceptions, replies that nobody waits for."""
        link = self._link
        replies = link.decode(start, count) if start < count else []
        if replies and self._asked_behind:
            # What had begun to come before the question was asked is no answer to it, whatever its transaction id.
            if replies[0].transaction_id in self._asked_behind:
                self._counts["mismatched_replies"] += 1
                del replies[0]
            self._asked_behind.clear()
        for reply in replies:
            self._take(reply, now_ns)
        if link.connected != self._was_connected:
            if link.connected:
                self._start_over()
            else:
                self._lose_connection()
        if (start or replies) and link.connected:
            self._next_send_ns = max(self._next_send_ns, now_ns + self._gap_ns)
            self.pump(now_ns)

    def end_phase(self, now_ns: int) -> None:
        """Abandon what has not been answered: its reply, should it come, is late."""
        self._withhold_heartbeat()
        self.wake_ns = 0
        if not self.busy:
            return
        if self._queue and isinstance(self._queue[0], ReadExchange):
            self._read_plan.resume_at(self._queue[0])
        self._counts["requests_unsent"] += len(self._queue)
        self._counts["timeouts"] += len(self._in_flight)
        self._silent_requests += len(self._in_flight)
        self._abandoned.extend(self._in_flight)
        self._give_up_all()
        if self._silent_requests >= self.settings.max_timeouts:
            self._link.drop(now_ns, f"no answer to {self._silent_requests} requests")
            self._lose_connection()

    def _start_over(self) -> None:
        """Begin on a new connection: all blocks whole again, all points written again."""
        self._was_connected = True
        self._asked_behind.clear()
        self._abandoned.clear()
        self._silent_requests = 0
        self._read_plan.start_over()
        self._plan.start_over()

    def _lose_connection(self) -> None:
        self._was_connected = False
        self._withhold_heartbeat()
        self._give_up_all()

    def _give_up_all(self) -> None:
        for exchange in self._in_flight.values():
            if isinstance(exchange, WriteExchange):
                self._not_acknowledged(exchange)
        for exchange in self._queue:
            if isinstance(exchange, WriteExchange):
                self._not_sent(exchange)
        self._in_flight.clear()
        self._queue.clear()

    def _not_acknowledged(self, exchange: WriteExchange) -> None:
        # Whether the device took it cannot be known, so it is due again whatever its policy.
        self._counts["heartbeats_unacknowledged"] += exchange.beats
        self._counts["writes_unacknowledged"] += bool(exchange.cells)
        self._not_sent(exchange)

    def _not_sent(self, exchange: WriteExchange) -> None:
        self.writes_failed += 1
        # From here on the cells must learn of their acknowledgement.
        self._plan.look_closer(exchange, apart=False)
        for cell in exchange.cells:
            cell.forget()

    # Replies ------------------------------------------------------------------------------------------

    def _take(self, reply: Reply, received_ns: int) -> None:
        exchange = self._in_flight.get(reply.transaction_id)
        if exchange is None:
            late = reply.transaction_id in self._abandoned
            if late:
                self._abandoned.remove(reply.transaction_id)
            self._counts["late_replies" if late else "wrong_transaction"] += 1
            return
        same = reply.unit_id == exchange.unit_id and reply.function == exchange.function
        if not same or not (reply.exception or exchange.fits(reply)):
            self._counts["mismatched_replies"] += 1
            return
        del self._in_flight[reply.transaction_id]
        self._replies += 1
        self._silent_requests = self._link.attempts = 0
        if reply.exception:
            self._counts["exception_replies"] += 1
            self._refused(exchange, reply.exception, received_ns)
        elif isinstance(exchange, ReadExchange):
            self._received(exchange, exchange.take(reply, received_ns), received_ns)
        else:
            self._acknowledged(exchange, received_ns)

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
        """Give how often each kind of event happened since the start; see ``modbus_settings.COUNTERS``."""
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
