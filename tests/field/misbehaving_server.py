"""A Modbus TCP server on a real socket that misbehaves on command, in a thread of its own.

It stores what is written and gives it back; ``mode`` says how it fails from now on:

=================  ==========================================================================
``good``           answers at once
``late``           answers after ``delay_s``, in order
``wrong_id``       answers with another transaction id
``silent``         takes everything, answers nothing
``truncated``      sends half of the reply, then nothing more on that connection
``byte_at_a_time`` sends the reply byte by byte
``exception``      refuses with ``exception_code``
``reset``          resets the connection at the request
``garbage``        sends bytes that are not Modbus
``short``          answers a read of several registers with one too few, in a frame that is right in itself
``long``           answers a read with one register too many, likewise
``other_unit``     answers in the name of the next unit
=================  ==========================================================================
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from dataclasses import replace

from hil.devices.wire import codec
from hil.devices.wire.codec import Request, RequestStream


class MisbehavingServer:
    """See the module. ``missing`` addresses are refused in any mode; ``unit_ids`` others get no answer."""

    def __init__(self, port: int = 0) -> None:
        self.registers = [0] * 65536
        self.mode = "good"
        self.delay_s = 0.15
        self.exception_code = 4
        self.missing: set[int] = set()
        self.unit_ids: set[int] | None = None
        self.seen: list[Request] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.settimeout(0.05)
        self.port: int = self._listener.getsockname()[1]
        self._stop = threading.Event()
        self._clients: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def __enter__(self) -> MisbehavingServer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the port and every connection."""
        self._stop.set()
        self._thread.join()
        for client in self._clients:
            client.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = threading.Thread(target=self._serve, args=(connection,))
            self._clients.append(client)
            client.start()

    def _serve(self, connection: socket.socket) -> None:
        stream = RequestStream()
        connection.settimeout(0.02)
        with connection, contextlib.suppress(OSError):
            while not self._stop.is_set():
                try:
                    data = connection.recv(65536)
                except TimeoutError:
                    continue
                if not data:
                    return
                for tid, request in stream.feed(data):
                    self.seen.append(request)
                    self._answer(connection, tid, request)

    def _answer(self, connection: socket.socket, tid: int, request: Request) -> None:
        if self.unit_ids is not None and request.unit_id not in self.unit_ids:
            return
        mode = self.mode
        shift = {"short": -1 if request.count > 1 else 0, "long": 1}.get(mode, 0)
        frame = self._reply(tid, request if request.values else replace(request, count=request.count + shift))
        if mode == "other_unit":
            frame = frame[:6] + bytes([request.unit_id + 1 & 0xFF]) + frame[7:]
        if mode == "late":
            time.sleep(self.delay_s)
        if mode == "wrong_id":
            frame = ((tid + 1000) & 0xFFFF).to_bytes(2, "big") + frame[2:]
        if mode == "exception":
            frame = codec.encode_exception(request, tid, self.exception_code)
        if mode == "truncated":
            frame = frame[: len(frame) // 2]
        if mode == "garbage":
            frame = b"\xde\xad\xbe\xef" * 5
        if mode == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        elif mode == "byte_at_a_time":
            for place in range(len(frame)):
                connection.send(frame[place : place + 1])
        elif mode != "silent":
            connection.sendall(frame)

    def _reply(self, tid: int, request: Request) -> bytes:
        span = range(request.address, request.address + request.count)
        if self.missing & set(span):
            return codec.encode_exception(request, tid, codec.ILLEGAL_ADDRESS)
        if self.mode not in {"exception", "silent", "reset"}:
            for address, value in zip(span, request.values, strict=False):
                self.registers[address] = value
        return codec.encode_reply(request, tid, [] if request.values else [self.registers[a] for a in span])
