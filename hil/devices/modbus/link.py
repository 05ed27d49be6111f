"""One TCP connection that never blocks: connect, receive, drop, and try again after a while."""

from __future__ import annotations

import errno
import os
import random
import socket
from collections.abc import Callable
from typing import Any

from hil.devices.events import Events
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.wait import Wait
from hil.devices.wire.codec import Reply, ReplyStream

_RECEIVE_BYTES = 4096
"""Enough for every reply in flight; few enough that a flood of frames cannot hold the phase for long."""
_NS_PER_S = 1_000_000_000
_JITTER = 0.2
"""Share by which each wait is shortened or lengthened, so that many devices do not return in one instant."""

SocketAddress = tuple[int, tuple[str, int] | tuple[str, int, int, int]]


class Link:
    """A connection and its replies.

    Attributes
    ----------
    connected : bool
        Whether requests can be sent.
    counts : dict of str to int
        The device's counters, shared.
    attempts : int
        Attempts to connect since the device last answered: the owner sets it to 0 when it does, and the next
        loss starts again with the shortest wait.
    buffer : bytearray
        What was received last, from its beginning; overwritten by the next :meth:`receive`.
    partial : bool
        Whether bytes of a reply that has not come whole are kept apart from the buffer.
    """

    __slots__ = (
        "_address", "_events", "_give_up_ns", "_now_ns", "_owner", "_random", "_retry_ns",
        "_settings", "_socket", "_stream", "_wait_for", "attempts", "buffer", "connected", "counts", "partial",
    )  # fmt: skip

    def __init__(
        self, settings: ModbusTcpSettings, now_ns: Callable[[], int], counts: dict[str, int], events: Events
    ) -> None:
        self._settings = settings
        self._now_ns = now_ns
        self._events = events
        self.counts = counts
        self.connected = False
        self._address: SocketAddress | None = None
        self._socket: socket.socket | None = None
        self._stream = ReplyStream()
        self.buffer = bytearray(_RECEIVE_BYTES)
        self.partial = False
        self._wait_for: Wait[Any] | None = None
        self._owner: object = None
        self.attempts = 0
        self._retry_ns = 0
        self._give_up_ns = 0
        self._random = random.Random(settings.seed)

    def attach(self, wait: Wait[Any], owner: object) -> None:
        """Have ``wait`` give back ``owner`` whenever the connection needs attention."""
        if self._wait_for is not None and self._socket is not None:
            self._wait_for.unregister(self._socket)
        self._wait_for, self._owner = wait, owner
        if self._socket is not None:
            wait.register(self._socket, owner, connecting=not self.connected)

    def aim(self, address: SocketAddress) -> None:
        """Set where to connect to (address family, socket address); look-ups block, so this is start-up's."""
        self._address = address

    def adopt(self, connection: socket.socket) -> None:
        """Go on with a connection made elsewhere, at start-up."""
        self._release()
        connection.setblocking(False)
        self._socket = connection
        self._up()

    def maintain(self, now_ns: int) -> None:
        """Start or give up an attempt to connect where it is time; never waits."""
        if self._socket is not None:
            if not self.connected and now_ns >= self._give_up_ns:
                self._failed(now_ns, "no answer in time")
        elif self._address is not None and now_ns >= self._retry_ns:
            self._start(now_ns)

    def _start(self, now_ns: int) -> None:
        assert self._address is not None
        family, address = self._address
        try:
            self._socket = socket.socket(family, socket.SOCK_STREAM)
            self._socket.setblocking(False)
            status = self._socket.connect_ex(address)
        except OSError as error:
            self._failed(now_ns, os.strerror(error.errno or 0))
            return
        if status not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
            self._failed(now_ns, os.strerror(status))
            return
        self._give_up_ns = now_ns + int(self._settings.connect_timeout_s * _NS_PER_S)
        if self._wait_for is not None:
            self._wait_for.register(self._socket, self._owner, connecting=True)

    def _finish(self, now_ns: int) -> None:
        assert self._socket is not None
        status = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if status:
            self._failed(now_ns, os.strerror(status))
            return
        if self._wait_for is not None:
            self._wait_for.unregister(self._socket)
        self._up()

    def _up(self) -> None:
        assert self._socket is not None
        if self._socket.family in (socket.AF_INET, socket.AF_INET6):
            # A request waiting for the acknowledgement of the one before would cost up to 40 ms.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connected = True
        self._stream = ReplyStream()
        self.partial = False
        if self._wait_for is not None:
            self._wait_for.register(self._socket, self._owner, connecting=False)
        again = self.counts["connections"] > 0
        self.counts["connections"] += 1
        self.counts["reconnections"] += again
        self._events.add(
            self._now_ns(), f"{'reconnected' if again else 'connected'} to {self._settings.address}"
        )

    def receive(self) -> int:
        """Take what the wait reported; gives how many bytes are now in the buffer.

        0: an attempt to connect was decided, the connection has ended, or there was nothing.
        """
        connection = self._socket
        if connection is None:
            return 0
        if not self.connected:
            self._finish(self._now_ns())
            return 0
        try:
            count = connection.recv_into(self.buffer)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self.drop(self._now_ns(), error.strerror or "socket error")
            return 0
        if not count:
            self.drop(self._now_ns(), "closed by the device")
        return count

    def decode(self, start: int, end: int) -> list[Reply]:
        """Give the replies completed by these bytes of the buffer; what is no reply drops the connection."""
        stream = self._stream
        replies = stream.feed(bytes(self.buffer[start:end]))
        if stream.broken:
            self.counts["framing_errors"] += 1
            self.drop(self._now_ns(), stream.broken)
            return []
        self.partial = stream.pending_bytes > 0
        return replies

    def send(self, frame: bytes, now_ns: int) -> bool:
        """Send a whole frame, or drop the connection: a frame sent in part cannot be taken back."""
        assert self._socket is not None
        try:
            sent = self._socket.send(frame)
        except OSError as error:
            self.drop(now_ns, error.strerror or "socket error")
            return False
        if sent != len(frame):
            self.drop(now_ns, "the device does not take what is sent")
            return False
        return True

    def drop(self, now_ns: int, reason: str) -> None:
        """Let the connection go and plan the next attempt."""
        if self.connected:
            self.counts["connections_lost"] += 1
            self._events.add(now_ns, f"lost {self._settings.address}: {reason}")
        self._release()
        self._wait(now_ns)

    def _failed(self, now_ns: int, reason: str) -> None:
        self.counts["connect_failures"] += 1
        # Only the first failure is news; the rest are in the counter.
        if self.attempts == 1:
            self._events.add(now_ns, f"cannot connect to {self._settings.address}: {reason}; trying on")
        self._release()
        self._wait(now_ns)

    def _wait(self, now_ns: int) -> None:
        wait_s = min(
            self._settings.backoff_min_s * 2.0 ** min(self.attempts, 30), self._settings.backoff_max_s
        )
        self.attempts += 1
        jitter = 1.0 + _JITTER * (2.0 * self._random.random() - 1.0)
        self._retry_ns = now_ns + int(wait_s * jitter * _NS_PER_S)

    def _release(self) -> None:
        if self._socket is not None:
            if self._wait_for is not None:
                self._wait_for.unregister(self._socket)
            self._socket.close()
        self._socket = None
        self.connected = False

    def close(self) -> None:
        """Let the connection go for good; may be called twice."""
        self._release()
        self._address = None
