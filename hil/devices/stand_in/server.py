"""A Modbus TCP server in one thread: several clients, no call that waits for a peer, a program in between.

Rules about clients as in ``firmware_stubs/common/tcp.c``: at most :data:`MAX_CLIENTS`; one that never
asked, else the one silent for longest, makes room; a frame that has begun must end within
:data:`PARTIAL_FRAME_S`; what is no Modbus TCP is disconnected.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from hil.devices.stand_in.registers import ACCEPTED
from hil.devices.wire.codec import Request, RequestStream, encode_exception, encode_reply
from hil.errors import DeviceError, Problem

MAX_CLIENTS = 8
PARTIAL_FRAME_S = 2.0
SILENT_CLIENT_S = 60.0
TICK_S = 0.010
_RECEIVE_BYTES = 4096


class Store(Protocol):
    """What clients see."""

    def answer(self, request: Request) -> tuple[int, list[int]]:
        """Carry out a request: the exception code (0 = carried out) and the values of a read  # (count,)."""
        ...


class Program(Protocol):
    """What is ticked between requests."""

    @property
    def store(self) -> Store:
        """The registers that clients see."""
        ...

    def tick(self, dt_s: float) -> None:
        """Advance by ``dt_s`` (s)."""
        ...


@dataclass(slots=True)
class ServerCounters:
    """How often each kind of event happened."""

    connections: int = 0
    requests: int = 0
    exceptions: int = 0
    closed: int = 0
    """Connections closed on this side: the peer was gone, silent, or spoke no Modbus TCP."""
    evicted: int = 0
    """Of these, closed to make room for a newcomer."""


@dataclass(slots=True)
class _Client:
    connection: socket.socket
    heard_s: float
    stream: RequestStream = field(default_factory=RequestStream)
    partial_s: float = 0.0
    has_asked: bool = False


class ModbusServer:
    """The server. Give it time with :meth:`run_until`.

    Parameters
    ----------
    program : Program
        Its store answers; it is ticked every 10 ms with the time that truly passed.
    host : str
        IPv4 address to listen on.
    port : int
        0 picks a free one.

    Attributes
    ----------
    address : tuple of (str, int)
        What is listened on.
    counters : ServerCounters
        Since the start.

    Raises
    ------
    DeviceError
        Where the address cannot be listened on.
    """

    def __init__(self, program: Program, host: str = "127.0.0.1", port: int = 0) -> None:
        self._program = program
        self._selector = selectors.DefaultSelector()
        self._clients: dict[socket.socket, _Client] = {}
        self.counters = ServerCounters()
        try:
            self._listener = socket.create_server((host, port))
        except (OSError, OverflowError) as error:
            self._selector.close()
            what = f"cannot listen on {host}:{port}: {error}"
            raise DeviceError(Problem("", None, what, "port 0 picks a free one")) from error
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        bound = self._listener.getsockname()
        self.address: tuple[str, int] = (bound[0], bound[1])

    def run(self, stop: Callable[[], bool]) -> None:
        """Answer and tick until ``stop()`` is true; it is asked every 10 ms."""
        last_s = time.monotonic()
        next_s = last_s + TICK_S
        while not stop():
            self._answer_until(next_s)
            now_s = time.monotonic()
            # The time that truly passed: after a pause the program's watchdogs must know of it.
            self._program.tick(now_s - last_s)
            self._drop_the_silent(now_s)
            last_s = now_s
            next_s = max(next_s + TICK_S, now_s)

    def close(self) -> None:
        """Close all connections. May be called twice."""
        for client in tuple(self._clients.values()):
            self._drop(client)
        self._selector.close()
        self._listener.close()

    def _answer_until(self, deadline_s: float) -> None:
        while True:
            # Asked at least once, so that clients are served even where every tick comes late.
            for key, _ in self._selector.select(max(deadline_s - time.monotonic(), 0.0)):
                if key.fileobj is self._listener:
                    self._admit()
                else:
                    client = self._clients.get(key.data.connection)
                    if client is not None:
                        self._serve(client)
            if time.monotonic() >= deadline_s:
                return

    def _admit(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # it has already gone again: a port scan
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self._clients) >= MAX_CLIENTS:
            # Neither a port scan nor a master's own dead connections may lock it out.
            self.counters.evicted += 1
            self._drop(min(self._clients.values(), key=lambda client: (client.has_asked, client.heard_s)))
        client = _Client(connection, time.monotonic())
        self._clients[connection] = client
        self._selector.register(connection, selectors.EVENT_READ, client)
        self.counters.connections += 1

    def _serve(self, client: _Client) -> None:
        try:
            data = client.connection.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        replies = b"".join(self._answer(*asked) for asked in client.stream.feed(data))
        now_s = time.monotonic()
        if replies:
            client.heard_s = now_s
            client.has_asked = True
            client.partial_s = 0.0
        if client.stream.pending_bytes and not client.partial_s:
            client.partial_s = now_s
        if not data or client.stream.broken or not self._send(client, replies):
            self._drop(client)

    def _answer(self, transaction_id: int, request: Request) -> bytes:
        self.counters.requests += 1
        code, values = self._program.store.answer(request)
        if code == ACCEPTED:
            return encode_reply(request, transaction_id, values)
        self.counters.exceptions += 1
        return encode_exception(request, transaction_id, code)

    def _send(self, client: _Client, replies: bytes) -> bool:
        """Send at once or not at all: a client that does not read its replies is gone."""
        try:
            return client.connection.send(replies) == len(replies) if replies else True
        except OSError:
            return False

    def _drop_the_silent(self, now_s: float) -> None:
        for client in tuple(self._clients.values()):
            stuck = client.partial_s and now_s - client.partial_s > PARTIAL_FRAME_S
            if stuck or now_s - client.heard_s > SILENT_CLIENT_S:
                self._drop(client)

    def _drop(self, client: _Client) -> None:
        self._selector.unregister(client.connection)
        client.connection.close()
        del self._clients[client.connection]
        self.counters.closed += 1
