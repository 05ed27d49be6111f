"""Blocking questions on a serial line, before the loop: who is there, and what does it say.

A question that was not answered in time may be answered later, and its answer would be taken for that to the next
question of its shape. So the same question may be asked again at once; before any other the unit must prove that it
owes nothing, as it must to the loop (:mod:`hil.devices.rtu.doubt`). One that does not is not asked.
"""

from __future__ import annotations

import errno
import socket
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from serial.tools import list_ports

from hil.devices.rtu.doubt import Canary, Doubt
from hil.devices.rtu.settings import GATEWAY, BusSettings
from hil.devices.rtu.wires import Wire, open_wire
from hil.devices.wire.codec import READ_FUNCTIONS, Reply, ReplyStream, Request, encode_request
from hil.devices.wire.rtu_frames import (
    CRC_BYTES,
    ReplyCutter,
    ReplyFrame,
    from_tcp,
    reply_bytes,
    reply_prefix,
)
from hil.errors import DeviceError, Problem

Found = TypeVar("Found")

_CANARIES = 3
"""Tried before a unit is given up; one where it was given up before."""


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
        Latest end, s on the clock.
    clock_ns : callable
        The time, ns.

    Attributes
    ----------
    wrong : str
        Always empty: on a line without transaction ids nothing tells a wrong reply from one to an earlier question.
    noise_bytes : int
        Bytes that came in place of an answer and were no reply.
    late_replies : int
        Replies that came when their question had been given up.
    """

    def __init__(
        self, settings: BusSettings, wire: Wire, deadline_s: float, clock_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:  # fmt: skip
        self._settings, self._wire, self._deadline_s, self._clock_ns = settings, wire, deadline_s, clock_ns
        # Readable never: there is no loop yet that could wake this up.
        self._nobody, self._other_end = socket.socketpair()
        self._doubts: dict[int, Doubt] = {}
        self._open: dict[int, bytes] = {}
        self._answered: dict[int, dict[bytes, None]] = {}
        self._cutter = ReplyCutter(settings.patience_ns)
        self.wrong = ""
        self.noise_bytes = self.late_replies = 0

    @property
    def out_of_time(self) -> bool:
        """Whether the time for the whole conversation has run out."""
        return self._now_s() >= self._deadline_s

    def _now_s(self) -> float:
        return self._clock_ns() / 1e9

    def ask(self, request: Request, timeout_s: float) -> Reply | None:
        """Give the reply; None where none came in time, or the unit could not prove that it owes none.

        Raises
        ------
        OSError
            The port is gone.
        EchoError
            The adapter hears what it sends, and the settings do not say so.
        """
        self._empty()
        unit_id, frame = request.unit_id, from_tcp(encode_request(request, 0))
        doubt = self._doubts.get(unit_id)
        again = self._open.pop(unit_id, b"") == frame
        if doubt is not None and not again and not self._is_cleared(doubt):
            return None
        asked_ns = self._clock_ns()
        reply = self._exchange(frame, timeout_s, lambda reply: self._decoded(reply, frame))
        if reply is None:
            if unit_id:
                self._doubt(unit_id, frame).owe(frame, asked_ns, self._clock_ns())
                self._open[unit_id] = frame
            return None
        if request.function in READ_FUNCTIONS and not reply.exception:
            self._answered.setdefault(unit_id, {})[frame] = None
        return reply

    def _exchange(
        self, frame: bytes, timeout_s: float, look: Callable[[ReplyFrame], Found | None]
    ) -> Found | None:
        """Send a request; gives what ``look`` finds in the replies that come in time."""
        cutter = self._cutter = ReplyCutter(self._settings.patience_ns)
        if self._settings.local_echo:
            cutter.expect_echo(frame)
        if not self._wire.send(frame):
            raise OSError(errno.EIO, "the port is gone")
        wire_s = self._settings.wire_ns(len(frame) + reply_bytes(frame)) / 1e9
        until_s = min(self._now_s() + timeout_s + wire_s, self._deadline_s)
        heard, whole = b"", 0
        while (left_s := until_s - self._now_s()) > 0.0:
            data = self._receive(left_s)
            heard += data
            found: Found | None = None
            for reply in cutter.feed(data, self._clock_ns()):
                if self._is_echo(frame, reply):
                    raise EchoError
                whole += len(reply.body) + CRC_BYTES
                taken = look(reply) if found is None else None
                if taken is None:
                    self._stray(reply)
                else:
                    found = taken
            if found is not None:
                return found
            if heard == frame and frame[1] in READ_FUNCTIONS and not self._settings.local_echo:
                raise EchoError
        self.noise_bytes += len(heard) - whole
        return None

    # Doubt --------------------------------------------------------------------------------------------

    def _doubt(self, unit_id: int, *more: bytes) -> Doubt:
        if unit_id not in self._doubts:
            questions = [*self._answered.get(unit_id, {}), *more]
            reads = [question for question in questions if question[1] in READ_FUNCTIONS]
            timeout_s = self._settings.reply_timeout_s
            late_s = max(self._settings.late_reply_s, timeout_s)
            self._doubts[unit_id] = Doubt(unit_id, reads, round(late_s * 1e9), round(timeout_s * 1e9))
        return self._doubts[unit_id]

    def _stray(self, frame: ReplyFrame) -> None:
        """Take a frame that answers nothing that is asked."""
        if not frame.unit_id:
            return
        now_ns = self._clock_ns()
        self.late_replies += self._doubt(frame.unit_id).settle(frame, now_ns)

    def _is_cleared(self, doubt: Doubt) -> bool:
        """Wait for what the unit owes, as long as it can come, and have it prove that it owes nothing more."""
        for _ in range(1 if doubt.failures else _CANARIES):
            while not doubt.look(now_ns := self._clock_ns()):
                canary = None if doubt.owes else doubt.canary(now_ns)
                if canary is not None and not self._is_answered(doubt, canary):
                    break
                if self.out_of_time:
                    return False
                if canary is None:
                    self._listen(max(doubt.wake_ns(now_ns) - now_ns, 1) / 1e9)
            else:
                self._doubts = {unit_id: each for unit_id, each in self._doubts.items() if each is not doubt}
                return True
        return False

    def _is_answered(self, doubt: Doubt, canary: Canary) -> bool:
        self._empty()
        asked_ns, timeout_s = self._clock_ns(), self._settings.reply_timeout_s
        if not self._exchange(canary.request, timeout_s, lambda frame: canary.is_answered_by(frame) or None):
            doubt.unanswered(canary, asked_ns, self._clock_ns())
            return False
        doubt.answered(canary, self._clock_ns())
        return True

    @staticmethod
    def _is_echo(frame: bytes, reply: ReplyFrame) -> bool:
        return frame[1] in READ_FUNCTIONS and frame.startswith(reply.body)

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

    def _listen(self, timeout_s: float) -> bool:
        """Take what comes within ``timeout_s``; gives whether anything did."""
        data = self._receive(timeout_s)
        for frame in self._cutter.feed(data, self._clock_ns()):
            self._stray(frame)
        return bool(data)

    def _empty(self) -> None:
        """Take what comes until the line has been silent for as long as ends any frame."""
        quiet_s = self._settings.patience_ns / 1e9
        until_s = self._now_s() + 20 * quiet_s
        while self._now_s() < until_s and self._listen(quiet_s):
            pass

    def hear_out(self) -> str:
        """Wait for the replies that may still come; gives what came and was no answer, in words."""
        while not self.out_of_time:
            owed = [doubt for doubt in self._doubts.values() if doubt.owes]
            now_ns = self._clock_ns()
            for doubt in owed:
                doubt.look(now_ns)
            left = [doubt.wake_ns(now_ns) - now_ns for doubt in owed if doubt.owes]
            if not left:
                break
            self._listen(max(*left, 1) / 1e9)
        parts = [f"{self.late_replies} replies came too late"] if self.late_replies else []
        parts += [f"{self.noise_bytes} bytes came that are no reply"] if self.noise_bytes else []
        return ", ".join(parts)

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
