"""Requests under way on one Modbus TCP connection: sent at their pace, each matched to its own reply or abandoned.

What a reply leads to is its owner's: :class:`ModbusChannel` is the lower half of
:class:`hil.devices.modbus.tcp.ModbusTcpDevice`. Nothing here waits for a connection.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

from hil.devices.events import Events
from hil.devices.modbus.exchange import Exchange, ReadExchange, WriteExchange
from hil.devices.modbus.link import Link
from hil.devices.modbus.settings import COUNTERS, ModbusTcpSettings
from hil.devices.wire.answers import mismatch
from hil.devices.wire.codec import Reply

_SHORTEST_REPLY_BYTES = 10
"""A read of bits; what is shorter is an exception or not whole."""

_TRANSACTION_STEP = 0x9E37
"""From one transaction id to the next: odd, so that all are used, and such that at least six bits change. A device
that counts wrong, or a bit turned over on the way, does not hit another request of ours."""

_REMEMBERED = 64
"""How many abandoned transactions are remembered, to tell a late reply from a wrong one."""


class ModbusChannel(ABC):
    """A queue of requests and those in flight on one connection.

    Parameters
    ----------
    settings : ModbusTcpSettings
        Limits, pacing, back-off.
    now_ns : callable
        Loop time, ns.

    Attributes
    ----------
    wake_ns : int
        Loop time at which :meth:`pump` can go on after a pause, ns; 0 where it waits for none.
    writes_failed : int
        Grows by one or more in each write phase in which not all was sent and acknowledged.
    """

    link_type: type[Link] = Link
    """What it talks through; a rehearsal has one without a wire."""

    def __init__(self, settings: ModbusTcpSettings, now_ns: Callable[[], int]) -> None:
        self.settings = settings
        self._now_ns = now_ns
        self._counts = dict.fromkeys(COUNTERS, 0)
        self._events = Events()
        self._link = self.link_type(settings, now_ns, self._counts, self._events)
        self._gap_ns = int(settings.gap_ms * 1e6)
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
        self.wake_ns = self.writes_failed = 0

    # What the owner makes of it -----------------------------------------------------------------------

    @abstractmethod
    def _next_heartbeat(self) -> WriteExchange:
        """Give the request that follows when all others of the phase are answered."""

    @abstractmethod
    def _received(self, block: ReadExchange, rejected: int, received_ns: int) -> None:
        """Take note of a block that is in the image but for ``rejected`` values."""

    @abstractmethod
    def _acknowledged(self, exchange: WriteExchange, received_ns: int) -> None:
        """Take note of a write that the device took."""

    @abstractmethod
    def _refused(self, exchange: Exchange, code: int, now_ns: int) -> None:
        """Take note of an exception reply, and queue what is asked or written instead."""

    @abstractmethod
    def _not_sent(self, exchange: WriteExchange) -> None:
        """Take note of a write that did not leave, or was not acknowledged: it is due again."""

    # Requests and replies -----------------------------------------------------------------------------

    def adopt(self, connection: socket.socket) -> None:
        """Go on with a connection that is already made."""
        self._link.adopt(connection)
        self._give_up_all()
        self._start_over()

    @property
    def busy(self) -> bool:
        """Whether requests are still to be sent or answered in this phase."""
        return bool(self._in_flight or self._queue)

    @property
    def quiet(self) -> bool:
        """Whether the connection is up and nothing is known to be on its way from before."""
        return self._link.connected and not self._abandoned

    def pump(self, now_ns: int) -> None:
        """Send queued requests as far as pacing and the limit in flight allow."""
        self.wake_ns = 0
        if self._heartbeat_due and not self._queue and not self._in_flight:
            self._heartbeat_due = False
            self._queue.append(self._next_heartbeat())
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

    def _take(self, reply: Reply, received_ns: int) -> None:
        exchange = self._in_flight.get(reply.transaction_id)
        if exchange is None:
            late = reply.transaction_id in self._abandoned
            if late:
                self._abandoned.remove(reply.transaction_id)
            self._counts["late_replies" if late else "wrong_transaction"] += 1
            return
        if mismatch(reply, exchange.asked):
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

    # What remains unanswered ---------------------------------------------------------------------------

    def end_phase(self, now_ns: int) -> None:
        """Abandon what has not been answered: its reply, should it come, is late."""
        self._withhold_heartbeat()
        self.wake_ns = 0
        if not self.busy:
            return
        self._counts["requests_unsent"] += len(self._queue)
        self._counts["timeouts"] += len(self._in_flight)
        self._silent_requests += len(self._in_flight)
        self._abandoned.extend(self._in_flight)
        self._give_up_all()
        if self._silent_requests >= self.settings.max_timeouts:
            self._link.drop(now_ns, f"no answer to {self._silent_requests} requests")
            self._lose_connection()

    def _withhold_heartbeat(self) -> None:
        if self._heartbeat_due:
            self._heartbeat_due = False
            self._counts["heartbeats_withheld"] += 1
            self.writes_failed += 1

    def _start_over(self) -> None:
        """Begin on a new connection, of which nothing is under way."""
        self._was_connected = True
        self._asked_behind.clear()
        self._abandoned.clear()
        self._silent_requests = 0

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
