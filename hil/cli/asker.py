"""Who a verb talks to before any loop: a host, a serial port, or a gateway, by the name that the user gives."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import ConfigError, DeviceError, Problem

if TYPE_CHECKING:
    from hil.devices.discovery import Asker

_MODBUS_PORT = 502
_LONGEST_S = 24 * 3600.0
_SERIAL = re.compile(r"/|tcp://|com\d+$", re.IGNORECASE)
"""A port's path, a gateway that passes RTU frames on, a port of Windows; all else is a host."""


@dataclass(frozen=True, slots=True)
class SerialLine:
    """Parameters of a serial line: baud, and parity (even, odd, none)."""

    baud: int = 19_200
    parity: str = "even"


def is_serial(target: str) -> bool:
    """Whether ``target`` speaks RTU."""
    return _SERIAL.match(target) is not None


@contextmanager
def open_asker(
    target: str, line: SerialLine, timeout_s: float, who: str, longest_s: float = _LONGEST_S
) -> Iterator[Asker]:
    """Open what ``target`` names: a serial line, a gateway, or a host.

    Each reply may take ``timeout_s`` (s), all of them ``longest_s``.

    Raises
    ------
    DeviceError
        What is wrong, ``who`` (for a person) wanted it, and what to do.
    """
    from hil.devices.modbus.conversation import BrokenError  # noqa: PLC0415

    deadline_s = time.monotonic() + longest_s
    try:
        if is_serial(target):
            with _serial(target, line, timeout_s, deadline_s, who) as asker:
                yield asker
        else:
            with _tcp(target, deadline_s, who) as asker:
                yield asker
    except BrokenError as error:
        raise DeviceError(Problem(target, None, str(error), "close other clients of the device")) from error
    except OSError as error:
        what = f"drops the connection: {error.strerror or error}"
        raise DeviceError(Problem(target, None, what, "close other clients of the device")) from error


@contextmanager
def _serial(port: str, line: SerialLine, timeout_s: float, deadline_s: float, who: str) -> Iterator[Asker]:
    from hil.devices.rtu.conversation import RtuConversation, open_or_say  # noqa: PLC0415
    from hil.devices.rtu.settings import LATE_FACTOR, BusSettings  # noqa: PLC0415

    if line.parity not in ("even", "odd", "none"):
        raise ConfigError(Problem("--parity", None, f"{line.parity!r} is no parity", "even, odd or none"))
    stop_bits = 2 if line.parity == "none" else 1
    late_s = max(LATE_FACTOR * timeout_s, 0.9)
    settings = BusSettings(
        port, line.baud, line.parity, stop_bits, reply_timeout_s=timeout_s, late_reply_s=late_s
    )
    wire = open_or_say(settings, who, (port, None))
    conversation = RtuConversation(settings, wire, deadline_s)
    try:
        yield conversation
    finally:
        conversation.close()
        wire.close()


@contextmanager
def _tcp(target: str, deadline_s: float, who: str) -> Iterator[Asker]:
    from hil.devices.modbus.conversation import Conversation, connect, resolve  # noqa: PLC0415
    from hil.devices.modbus.settings import ModbusTcpSettings  # noqa: PLC0415

    host, port = _host_and_port(target)
    settings, place = ModbusTcpSettings(host, port), (target, None)
    connection = connect(who, settings, resolve(who, settings, place), place)
    try:
        yield Conversation(connection, deadline_s)
    finally:
        connection.close()


def _host_and_port(target: str) -> tuple[str, int]:
    host, colon, port = target.rpartition(":")
    if not colon or (host.count(":") and not host.endswith("]")):
        return target.strip("[]"), _MODBUS_PORT
    if not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise ConfigError(Problem(target, None, f"port {port!r} is outside 1 to 65535", "HOST:PORT"))
    return host.strip("[]"), int(port)
