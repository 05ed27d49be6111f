"""A tank with a valve behind Modbus TCP. Notes when the kernel got each write: its own thread may come late to it.

The kernel stamps what arrives (``SO_TIMESTAMPNS``, Linux); on the loopback that is the moment of sending. Of requests
that were taken up together the stamp is the last one's.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time

from hil.devices.wire import codec
from hil.devices.wire.codec import Request, RequestStream

TEMP, STAMP, VALVE, BEAT = 0, 10, 12, 13
"""Registers: the tank's temperature, 0.1 degC; the loop's own stamp (two, 0.1 ms), valve (0.01 %), heartbeat."""
POINTS = """\
signal,table,address_zero_based,type,scale,unit,access,write
temp_degc,input_register,0,int16,0.1,degC,r,
stamp_s,holding_register,10,uint32,0.0001,s,w,every_cycle
valve_percent,holding_register,12,uint16,0.01,%,w,every_cycle
beat,holding_register,13,uint16,1,1,w,every_cycle
"""
_SO_TIMESTAMPNS = 35
_NS = 1_000_000_000


class FarEnd:
    """Serves on a port of its own until the block is left.

    Attributes
    ----------
    byte_gap_s : float
        Time between two bytes of a reply, s; 0 sends each reply whole.
    writes : list of (int or None, int)
        When each write was sent, ns of the time of day, None where that is not known; and the stamp in it, 0.1 ms.
    """

    def __init__(self) -> None:
        self.byte_gap_s = 0.0
        self.writes: list[tuple[int | None, int]] = []
        self._temp_degc = 60.0
        self._registers = [0] * 16
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        # On the listener, from which connections have it: the kernel takes its time to begin stamping.
        self._listener.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.port: int = self._listener.getsockname()[1]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> FarEnd:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.settimeout(0.02)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        stream = RequestStream()
        with connection, contextlib.suppress(OSError):
            while not self._stop.is_set():
                try:
                    data, beside, _, _ = connection.recvmsg(65536, 256)
                except TimeoutError:
                    continue
                if not data:
                    return
                stamps = [
                    struct.unpack("@qq", cell[:16]) for _, kind, cell in beside if kind == _SO_TIMESTAMPNS
                ]
                sent_ns = stamps[0][0] * _NS + stamps[0][1] if stamps else None
                requests = stream.feed(data)
                for place, (tid, request) in enumerate(requests, 1):
                    self._answer(connection, tid, request, sent_ns if place == len(requests) else None)

    def _answer(self, connection: socket.socket, tid: int, request: Request, sent_ns: int | None) -> None:
        span = slice(request.address, request.address + request.count)
        if request.values:
            self._registers[span] = request.values
            self._move()
            if request.address == STAMP:
                self.writes.append((sent_ns, (self._registers[STAMP] << 16) + self._registers[STAMP + 1]))
        frame = codec.encode_reply(request, tid, [] if request.values else self._registers[span])
        if not self.byte_gap_s:
            connection.sendall(frame)
            return
        for byte in frame:
            connection.send(bytes([byte]))
            time.sleep(self.byte_gap_s)

    def _move(self) -> None:
        """One step of the tank: the valve cools, and it takes some twenty writes to get there."""
        settles_degc = 70.0 - 0.004 * self._registers[VALVE]
        self._temp_degc += 0.05 * (settles_degc - self._temp_degc)
        self._registers[TEMP] = round(10.0 * self._temp_degc)
