"""A Modbus TCP server whose answers prove when and to what they were given, in a thread of its own.

Every two registers are a number that holds the time of the answer and a sum of time and address: an answer that belongs
to another question, to an earlier one, or that has a bit turned over, is told from a true one by looking at it. Every
write is kept in the order of its arrival.
"""

from __future__ import annotations

import selectors
import socket
import threading

from hil.devices.wire import codec
from hil.devices.wire.codec import Request, RequestStream
from hil.loop.machine_time import machine_ns

TICK_NS = 100_000
TICKS = 1 << 20
_SUM_BITS = 12


def tick_now() -> int:
    """Time of the machine in units of :data:`TICK_NS`, modulo :data:`TICKS`: 105 s."""
    return machine_ns() // TICK_NS % TICKS


def number(tick: int, address: int) -> int:
    """What the registers ``address`` and ``address`` + 1 hold at ``tick``, the high word first; ``address`` is even."""
    mixed = (tick * 2654435761 + address * 2246822519 + 12345) & 0xFFFFFFFF
    mixed = (mixed ^ mixed >> 15) * 3266489917 & 0xFFFFFFFF
    return tick << _SUM_BITS | mixed >> 32 - _SUM_BITS


def tick_of(told: int, address: int) -> int | None:
    """When the number was told; None where it is not one of ``address``."""
    tick = told >> _SUM_BITS
    return tick if number(tick, address) == told else None


class TruthfulServer:
    """See the module; ``writes`` are (address, values) of every write, in order."""

    def __init__(self) -> None:
        self.writes: list[tuple[int, tuple[int, ...]]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> TruthfulServer:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(0.05):
                if key.fileobj is self._listener:
                    connection, _ = self._listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._selector.register(connection, selectors.EVENT_READ, RequestStream())
                else:
                    self._take(key.fileobj, key.data)  # type: ignore[arg-type]

    def _take(self, connection: socket.socket, stream: RequestStream) -> None:
        try:
            data = connection.recv(4096)
            for transaction_id, request in stream.feed(data):
                connection.sendall(self._answer(transaction_id, request))
        except OSError:
            data = b""
        if not data or stream.broken:
            self._selector.unregister(connection)
            connection.close()

    def _answer(self, transaction_id: int, request: Request) -> bytes:
        if request.values:
            self.writes.append((request.address, request.values))
            return codec.encode_reply(request, transaction_id)
        if not request.count:
            return codec.encode_exception(request, transaction_id, codec.ILLEGAL_VALUE)
        tick = tick_now()
        span = range(request.address, request.address + request.count)
        words = [number(tick, at & ~1) >> (0 if at & 1 else 16) & 0xFFFF for at in span]
        return codec.encode_reply(request, transaction_id, words)
