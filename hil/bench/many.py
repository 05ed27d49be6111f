"""Many Modbus TCP devices in one process: ``python -m hil.bench.many`` prints its port and serves.

The first connection is that of whoever started it: it serves until that one ends, or ends when none comes.

Each connection is a device with 64 holding registers of its own, which keep what is written to them. Functions 3 and
16 alone, hand-coded, so that the far end takes little of what is measured.
"""

from __future__ import annotations

import selectors
import socket
import struct
import sys

REGISTERS = 64
_HEADER = struct.Struct(">HHHBB")  # transaction, protocol, length, unit, function
_RANGE = struct.Struct(">HH")
_READ, _WRITE = 3, 16
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS = 1, 2
_RECEIVE_BYTES = 4096
_STARTER_S = 20.0
"""Time in which the first connection must come, s."""


class Device:
    """The registers behind one connection, and the bytes of it that are no whole frame yet."""

    def __init__(self) -> None:
        self._registers = bytearray(2 * REGISTERS)
        self._pending = b""

    def answer(self, data: bytes) -> bytes:
        """Give the replies to all whole frames, ``data`` included."""
        self._pending += data
        replies = []
        while len(self._pending) >= _HEADER.size:
            transaction, _, length, unit, function = _HEADER.unpack_from(self._pending)
            if len(self._pending) < 6 + length:
                break
            body, self._pending = self._pending[_HEADER.size : 6 + length], self._pending[6 + length :]
            function, reply = self._reply(function, body)
            replies.append(_HEADER.pack(transaction, 0, len(reply) + 2, unit, function) + reply)
        return b"".join(replies)

    def _reply(self, function: int, body: bytes) -> tuple[int, bytes]:
        if function not in (_READ, _WRITE) or len(body) < _RANGE.size:
            return function | 0x80, bytes([_ILLEGAL_FUNCTION])
        address, count = _RANGE.unpack_from(body)
        if address + count > REGISTERS:
            return function | 0x80, bytes([_ILLEGAL_ADDRESS])
        if function == _READ:
            return function, bytes([2 * count]) + self._registers[2 * address : 2 * (address + count)]
        self._registers[2 * address : 2 * (address + count)] = body[5 : 5 + 2 * count]
        return function, body[:4]


def serve(listener: socket.socket) -> None:
    """Answer every connection until the first one, the starter's, ends."""
    listener.settimeout(_STARTER_S)
    try:
        starter, _ = listener.accept()
    except TimeoutError:
        return
    with starter, selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(starter, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is starter:
                    return
                if key.fileobj is listener:
                    connection, _ = listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    selector.register(connection, selectors.EVENT_READ, (connection, Device()))
                    continue
                _answer(selector, *key.data)


def _answer(selector: selectors.BaseSelector, connection: socket.socket, device: Device) -> None:
    try:
        data = connection.recv(_RECEIVE_BYTES)
        if data:
            connection.sendall(device.answer(data))
            return
    except OSError:
        pass  # gone, which is said by closing
    selector.unregister(connection)
    connection.close()


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0), backlog=256) as made:
        sys.stdout.write(f"{made.getsockname()[1]}\n")
        sys.stdout.flush()
        serve(made)
