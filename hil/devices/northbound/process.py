"""The process of the server: ``python -m hil.devices.northbound.process MEMORY TABLE``.

It ends with its stdin where the run is over. Where the loop was killed it stays for a while, to say so; a server of
the next run may take its port at once.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
import time
from collections.abc import Sequence

from hil.devices.northbound.answers import Answers, Sight
from hil.devices.northbound.settings import Desk
from hil.devices.northbound.watch import Watch
from hil.devices.stand_in.server import ModbusServer
from hil.devices.wire.codec import Request
from hil.errors import DeviceError
from hil.loop.machine_time import machine_ns
from hil.loop.shared import Shared
from hil.loop.table import LatestReader

HAND_OVER = 0x6E
"""Function by which a new server asks one whose loop is gone to leave; of those left to users by the standard."""
_HAND_OVER_FRAME = bytes((0, 1, 0, 0, 0, 2, 1, HAND_OVER))
_TAKE_OVER_S = 3.0
_RETRY_S = 0.2


class Office:
    """Program behind the server: answers from the table, posts set-points, knows when to go."""

    def __init__(self, desk: Desk, reader: LatestReader) -> None:
        settings = desk.settings
        slots = [reader.names.index(signal.name) for signal in settings.signals]
        self._desk = desk
        self._watch = Watch(reader, settings.silent_after_s)
        self._answers = Answers(settings.layout, slots, settings.silent_code, self._post)
        self._linger_ns = int(settings.linger_s * 1e9)
        self._orphaned_ns = 0
        self._is_relieved = False
        self.is_orphaned = threading.Event()

    @property
    def store(self) -> Office:
        """What clients see."""
        return self

    def answer(self, request: Request) -> tuple[int, list[int]]:
        """Answer one request; see :class:`Answers`."""
        if request.function == HAND_OVER and self.is_orphaned.is_set():
            self._is_relieved = True
        accepted, beyond = self._desk.count("setpoints_accepted", 0), self._answers.beyond_type
        code, values = self._answers.answer(request, self._look())
        self._desk.count("values_beyond_type", self._answers.beyond_type - beyond)
        if request.values and self._desk.count("setpoints_accepted", 0) == accepted:
            self._desk.count("setpoints_refused")
        return code, values

    def _post(self, signal: str, value: float) -> None:
        box = self._desk.boxes[signal]
        before = box.get()
        box.put(1 if before is None else int(before[0]) + 1, value)
        self._desk.count("setpoints_accepted")

    def tick(self, dt_s: float) -> None:  # noqa: ARG002  what the server tells every program
        """Look at the loop, so that its silence counts from when it fell silent."""
        self._look()
        self._desk.beat()

    def _look(self) -> Sight:
        before = self._watch.silences
        sight = self._watch.look(machine_ns())
        self._desk.count("silences", self._watch.silences - before)
        return sight

    def is_over(self) -> bool:
        """Whether to go: at the end of the run, when relieved, or when the wait for either has been long enough."""
        if not self.is_orphaned.is_set():
            return False
        self._orphaned_ns = self._orphaned_ns or machine_ns()
        lingered = machine_ns() - self._orphaned_ns >= self._linger_ns
        return self._desk.is_closing or self._is_relieved or lingered


def listen(office: Office, bind: str, port: int) -> ModbusServer:
    """Listen; where the port is taken, ask whoever has it to leave, for a server whose loop is gone will.

    Raises
    ------
    DeviceError
        The address cannot be listened on.
    """
    until_s = time.monotonic() + _TAKE_OVER_S
    while True:
        try:
            return ModbusServer(office, bind, port)
        except DeviceError as error:
            cause = error.__cause__
            taken = isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE
            if not taken or time.monotonic() > until_s or not _hand_over(bind, port):
                raise
            time.sleep(_RETRY_S)


def _hand_over(bind: str, port: int) -> bool:
    """Ask the server at this port to leave; gives whether there is one."""
    host = "127.0.0.1" if bind in {"0.0.0.0", ""} else bind
    try:
        with socket.create_connection((host, port), timeout=1.0) as connection:
            connection.sendall(_HAND_OVER_FRAME)
            connection.recv(16)
    except OSError:
        return False
    return True


def _watch_stdin(gone: threading.Event) -> None:
    # Unbuffered: a buffer held by a thread at exit would abort the interpreter.
    while os.read(0, 64):
        pass
    gone.set()


def main(arguments: Sequence[str]) -> int:
    """Serve until the run is over; gives the exit code."""
    desk = Desk(Shared.attach(arguments[0]))
    try:
        office = Office(desk, LatestReader(arguments[1]))
    except OSError:
        return 0  # started again when the loop was gone already: there is nothing to serve
    threading.Thread(target=_watch_stdin, args=(office.is_orphaned,), daemon=True).start()
    try:
        server = listen(office, desk.settings.bind, desk.port or desk.settings.port)
    except DeviceError as error:
        cause = error.__cause__
        desk.ready = -((cause.errno if isinstance(cause, OSError) else None) or 1)
        return 0
    desk.port = server.address[1]
    desk.ready = 1
    told = dict.fromkeys(("connections", "requests", "exceptions", "closed", "evicted"), 0)

    def over() -> bool:
        for counter, before in told.items():
            now = getattr(server.counters, counter)
            desk.count(counter, now - before)
            told[counter] = now
        return office.is_over()

    try:
        server.run(over)
    finally:
        server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
