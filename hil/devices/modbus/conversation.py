"""Blocking questions to a Modbus TCP device, before the loop: who is there, and what does it say."""

from __future__ import annotations

import socket
import time

from hil.devices.modbus.link import SocketAddress
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.wire.answers import mismatch
from hil.devices.wire.codec import Reply, ReplyStream, Request, encode_request
from hil.errors import DeviceError, Problem

WRONG_REPLY_HINT = (
    "its Modbus is at fault, or a gateway's before it: smaller requests (max_registers), or newer firmware"
)
"""What may help against wrong replies."""


class BrokenError(Exception):
    """The conversation cannot go on; the text says why."""


class Conversation:
    """Blocking questions and answers on one connection.

    Attributes
    ----------
    wrong : str
        What was wrong with the reply to the last question, after the device's name; empty where it was right or
        none came.
    wrong_replies : dict of str to int
        The same of all questions so far: how often each.
    """

    def __init__(self, connection: socket.socket, deadline_s: float) -> None:
        self._connection = connection
        self._deadline_s = deadline_s
        self._stream = ReplyStream()
        self._transaction_id = 0
        self.wrong = ""
        self.wrong_replies: dict[str, int] = {}

    @property
    def out_of_time(self) -> bool:
        """Whether the time for the whole proof has run out."""
        return time.monotonic() >= self._deadline_s

    def ask(self, request: Request, timeout_s: float) -> Reply | None:
        """Give the reply; None where none came in time, or a wrong one: :attr:`wrong` says what of it.

        Replies to earlier questions are passed over.

        Raises
        ------
        BrokenError
            The device closes the connection, or speaks something else.
        OSError
            The connection is lost.
        """
        self._transaction_id = self._transaction_id + 1 & 0xFFFF
        self.wrong = ""
        until_s = min(time.monotonic() + timeout_s, self._deadline_s)
        self._connection.sendall(encode_request(request, self._transaction_id))
        while (left_s := until_s - time.monotonic()) > 0.0:
            self._connection.settimeout(left_s)
            try:
                data = self._connection.recv(65536)
            except TimeoutError:
                return None
            if not data:
                raise BrokenError("closes the connection; some devices take one client only")
            for reply in self._stream.feed(data):
                if reply.transaction_id == self._transaction_id:
                    return self._believed(reply, request)
            if self._stream.broken:
                raise BrokenError(f"does not speak Modbus TCP: {self._stream.broken}")
        return None

    def _believed(self, reply: Reply, request: Request) -> Reply | None:
        """Hold a reply against its question, as the loop does."""
        self.wrong = mismatch(reply, request)
        if self.wrong:
            self.wrong_replies[self.wrong] = self.wrong_replies.get(self.wrong, 0) + 1
            return None
        return reply


def resolve(who: str, settings: ModbusTcpSettings, place: tuple[str, int | None]) -> SocketAddress:
    """Look the host up; ``DeviceError`` at ``place`` (file, line) where there is none of this name."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        what = f'{who}: unknown host "{settings.host}"'
        raise DeviceError(Problem(*place, what, "check its spelling, or give its IP address")) from error
    # IPv4 first: hardly any device listens on the IPv6 address that "localhost" often gives first.
    family, _, _, _, address = sorted(found, key=lambda entry: entry[0] != socket.AF_INET)[0]
    return int(family), (str(address[0]), int(address[1]))


def connect(
    who: str, settings: ModbusTcpSettings, address: SocketAddress, place: tuple[str, int | None]
) -> socket.socket:
    """Connect, blocking; ``DeviceError`` at ``place`` that says what to look at."""
    connection = socket.socket(address[0], socket.SOCK_STREAM)
    connection.settimeout(settings.connect_timeout_s)
    try:
        connection.connect(address[1])
    except ConnectionRefusedError as error:
        connection.close()
        what = f"{who}: nothing listens on {settings.address}"
        hint = "start it, or correct host and port (Modbus TCP is 502)"
        raise DeviceError(Problem(*place, what, hint)) from error
    except TimeoutError as error:
        connection.close()
        what = f"{who}: no answer from the host within {settings.connect_timeout_s:g} s"
        hint = "check the address, the cable and the firewall between"
        raise DeviceError(Problem(*place, what, hint)) from error
    except OSError as error:
        connection.close()
        what = f"{who}: cannot connect: {error.strerror}"
        hint = "check the address and the network of this machine"
        raise DeviceError(Problem(*place, what, hint)) from error
    return connection
