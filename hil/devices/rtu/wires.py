"""Ends of a line: a serial port through pyserial, or a gateway that passes RTU frames on over TCP.

Both never wait, but for :meth:`Wire.wait`.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
import time
from collections.abc import Sequence
from typing import Protocol

import serial

from hil.devices.rtu.settings import GATEWAY, BusSettings

_PARITY = {"even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD, "none": serial.PARITY_NONE}
_REFUSALS: tuple[type[Exception], ...] = (ValueError,)
if sys.platform != "win32":
    import termios

    # Not an OSError, though a port's refusal.
    _REFUSALS = (ValueError, termios.error)
_LOSSES: tuple[type[Exception], ...] = (OSError, TypeError, *_REFUSALS)
"""A port that was pulled out gives a TypeError in places where pyserial has no handle any more."""
_TURN_S = 0.001
"""Where a port cannot be waited for together with the loop, it is looked at this often, s."""
_RECEIVE_BYTES = 4096


class Wire(Protocol):
    """An open line."""

    def send(self, data: bytes) -> bool:
        """Put bytes on the line; False where it is gone."""
        ...

    def receive(self) -> bytes | None:
        """Give what has come, possibly nothing; None where the line is gone."""
        ...

    def wait(self, timeout_s: float, wake_fileno: int) -> None:
        """Wait for bytes, for ``wake_fileno`` to be readable, or for ``timeout_s`` (s)."""
        ...

    def close(self) -> None:
        """Let go of the line; may be called twice."""
        ...


class SerialWire:
    """A serial port of this machine.

    Raises
    ------
    OSError
        It cannot be opened: not there, not ours, in use, or it does not take these parameters.
    """

    def __init__(self, settings: BusSettings) -> None:
        # A pseudo-terminal has neither parity nor stop bits, and refuses to be told of them a second time.
        plain = os.path.realpath(settings.port).startswith("/dev/pts/")
        try:
            self._port = serial.Serial(
                settings.port, settings.baud, parity=_PARITY["none" if plain else settings.parity],
                stopbits=1 if plain else settings.stop_bits, timeout=0, write_timeout=1.0,
                **({} if sys.platform == "win32" else {"exclusive": True}),
            )  # fmt: skip
            self._port.reset_input_buffer()
        except _REFUSALS as error:
            raise OSError(f"the port does not take {settings.in_words}: {error}") from error

    def send(self, data: bytes) -> bool:
        """See :class:`Wire`."""
        try:
            return bool(self._port.write(data) == len(data))
        except OSError:
            return False

    def receive(self) -> bytes | None:
        """See :class:`Wire`."""
        try:
            waiting = self._port.in_waiting
            return self._port.read(waiting) if waiting else b""
        except _LOSSES:
            return None

    def wait(self, timeout_s: float, wake_fileno: int) -> None:
        """See :class:`Wire`."""
        if sys.platform == "win32":
            until_s = time.monotonic() + timeout_s
            while time.monotonic() < until_s and not self._port.in_waiting:
                if select.select([wake_fileno], (), (), _TURN_S)[0]:
                    break
        else:
            _select([self._port.fileno(), wake_fileno], timeout_s)

    def close(self) -> None:
        """See :class:`Wire`."""
        with contextlib.suppress(OSError):
            self._port.close()


class GatewayWire:
    """RTU frames over TCP, CRC and all.

    Raises
    ------
    OSError
        There is nobody, within ``connect_timeout_s``.
    """

    def __init__(self, settings: BusSettings, connect_timeout_s: float = 2.0) -> None:
        host, port = gateway_address(settings.port)
        self._socket = socket.create_connection((host, port), connect_timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)

    def send(self, data: bytes) -> bool:
        """See :class:`Wire`."""
        try:
            return self._socket.send(data) == len(data)
        except OSError:
            return False

    def receive(self) -> bytes | None:
        """See :class:`Wire`."""
        try:
            return self._socket.recv(_RECEIVE_BYTES) or None
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError:
            return None

    def wait(self, timeout_s: float, wake_fileno: int) -> None:
        """See :class:`Wire`."""
        _select([self._socket.fileno(), wake_fileno], timeout_s)

    def close(self) -> None:
        """See :class:`Wire`."""
        self._socket.close()


def _select(filenos: Sequence[int], timeout_s: float) -> None:
    with contextlib.suppress(OSError, ValueError):
        select.select([number for number in filenos if number >= 0], (), (), max(0.0, timeout_s))


def gateway_address(port: str) -> tuple[str, int]:
    """Give host and TCP port of ``tcp://host:port``; ValueError where it is none."""
    host, colon, number = port.removeprefix(GATEWAY).rpartition(":")
    if not port.startswith(GATEWAY) or not (host and colon and number.isdigit() and 0 < int(number) < 65536):
        raise ValueError(f'"{port}" is not {GATEWAY}host:port')
    return host.strip("[]"), int(number)


def open_wire(settings: BusSettings) -> Wire:
    """Open the line of ``settings``; OSError where it cannot be."""
    return GatewayWire(settings) if settings.port.startswith(GATEWAY) else SerialWire(settings)
