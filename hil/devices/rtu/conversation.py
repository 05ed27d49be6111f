"""Blocking questions on a serial line, before the loop: who is there, and what does it say."""

from __future__ import annotations

import errno
import socket
import sys
import time

from serial.tools import list_ports

from hil.devices.rtu.settings import GATEWAY, BusSettings
from hil.devices.rtu.wires import Wire, open_wire
from hil.devices.wire.codec import READ_FUNCTIONS, Reply, ReplyStream, Request, encode_request
from hil.devices.wire.rtu_frames import ReplyCutter, ReplyFrame, from_tcp, reply_bytes, reply_prefix
from hil.errors import DeviceError, Problem

_LOOK_S = 0.005


class EchoError(Exception):
    """The adapter hears what it sends."""


class RtuConversation:
    """Questions and answers, one at a time, on an open line.

    Parameters
    ----------
    settings : BusSettings
        The line.
    wire : Wire
        Open.
    deadline_s : float
        Latest end, on ``time.monotonic``.

    Attributes
    ----------
    noise_bytes : int
        Bytes that came and were no reply.
    """

    def __init__(self, settings: BusSettings, wire: Wire, deadline_s: float) -> None:
        self._settings, self._wire, self._deadline_s = settings, wire, deadline_s
        # Readable never: there is no loop yet that could wake this up.
        self._nobody, self._other_end = socket.socketpair()
        self.noise_bytes = 0

    @property
    def out_of_time(self) -> bool:
        """Whether the time for the whole conversation has run out."""
        return time.monotonic() >= self._deadline_s

    def ask(self, request: Request, timeout_s: float) -> Reply | None:
        """Give the reply; None where none came in time. The line is emptied before.

        Raises
        ------
        OSError
            The port is gone.
        EchoError
            The adapter hears what it sends, and the settings do not say so.
        """
        self._empty()
        frame = from_tcp(encode_request(request, 0))
        cutter = ReplyCutter(self._settings.patience_ns)
        if self._settings.local_echo:
            cutter.expect_echo(frame)
        if not self._wire.send(frame):
            raise OSError(errno.EIO, "the port is gone")
        wire_s = self._settings.wire_ns(len(frame) + reply_bytes(frame)) / 1e9
        until_s = min(time.monotonic() + timeout_s + wire_s, self._deadline_s)
        heard = b""
        while (left_s := until_s - time.monotonic()) > 0.0:
            data = self._receive(left_s)
            heard += data
            for reply in cutter.feed(data, time.monotonic_ns()):
                if self._is_echo(request, frame, reply):
                    raise EchoError
                found = self._decoded(reply, frame)
                if found is not None:
                    return found
            if heard == frame and request.function in READ_FUNCTIONS and not self._settings.local_echo:
                raise EchoError
        self.noise_bytes += len(heard)
        return None

    @staticmethod
    def _is_echo(request: Request, frame: bytes, reply: ReplyFrame) -> bool:
        return request.function in READ_FUNCTIONS and frame.startswith(reply.body)

    @staticmethod
    def _decoded(frame: ReplyFrame, request: bytes) -> Reply | None:
        same = frame.unit_id == request[0] and frame.function == request[1]
        if not same or not (frame.exception or frame.body.startswith(reply_prefix(request))):
            return None
        head = bytes(4) + len(frame.body).to_bytes(2, "big")
        replies = ReplyStream().feed(head + frame.body)
        return replies[0] if replies else None

    def _receive(self, timeout_s: float) -> bytes:
        self._wire.wait(timeout_s, self._nobody.fileno())
        data = self._wire.receive()
        if data is None:
            raise OSError(errno.EIO, "the port is gone")
        return data

    def _empty(self) -> None:
        """Take what comes until the line has been silent for as long as ends any frame."""
        quiet_s = self._settings.patience_ns / 1e9
        until_s = time.monotonic() + 20 * quiet_s
        while time.monotonic() < until_s and self._receive(quiet_s):
            pass

    def close(self) -> None:
        """Let go; the line stays open."""
        self._nobody.close()
        self._other_end.close()


def open_or_say(settings: BusSettings, who: str, place: tuple[str, int | None]) -> Wire:
    """Open the line; ``DeviceError`` at ``place`` (file, line) with what is wrong and what to do."""
    try:
        return open_wire(settings)
    except OSError as error:
        what, hint = _in_words(settings, error)
        raise DeviceError(Problem(*place, f"{who}: {what}", hint)) from error


def _in_words(settings: BusSettings, error: OSError) -> tuple[str, str]:
    """Give what is wrong and what to do."""
    if not settings.port.startswith(GATEWAY):
        return _port_in_words(settings, error, str(error))
    why = (
        "nobody listens there" if isinstance(error, ConnectionRefusedError) else error.strerror or str(error)
    )
    hint = "check the gateway's address, its port and its mode (RTU over TCP)"
    return f"cannot connect to {settings.port}: {why}", hint


def _port_in_words(settings: BusSettings, error: OSError, told: str) -> tuple[str, str]:
    if error.errno == errno.ENOENT or "FileNotFoundError" in told:
        return f"there is no port {settings.port}", _ports_here()
    if error.errno == errno.EACCES or "PermissionError" in told:
        if sys.platform == "win32":
            return f"{settings.port} is in use", "close the program that has it open"
        hint = 'sudo usermod -aG dialout "$USER", then log in again (the group is uucp on some systems)'
        return f"no permission to open {settings.port}", hint
    if error.errno in (errno.EBUSY, errno.EAGAIN) or "lock" in told:
        return f"{settings.port} is in use by another program", f"close it; fuser {settings.port} names it"
    if error.errno == errno.ENOTTY or "Inappropriate ioctl" in told:
        return f"{settings.port} is not a serial port", _ports_here()
    return (
        f"cannot open {settings.port} ({settings.in_words}): {told}",
        "check the adapter and its parameters",
    )


def _ports_here() -> str:
    found = [f"{port.device} ({port.description})" for port in list_ports.comports()]
    if not found:
        return "this machine has no serial port: plug the adapter in, or pass it on to the container or guest"
    hint = f"ports here: {', '.join(sorted(found))}"
    stable = (
        ""
        if sys.platform != "linux"
        else "; names under /dev/serial/by-id stay the same when it is plugged in anew"
    )
    return hint + stable
