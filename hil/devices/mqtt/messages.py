"""What passes between a connection and those who use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Subscription:
    """A topic to listen to.

    ``as_published`` asks for the retained flag as the sender set it, also where we were there when it was sent; the
    broker's own use of the flag is to mark what it had kept. Only with MQTT 5.
    """

    topic: str
    qos: int = 1
    as_published: bool = False


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message received; ``retained`` as in :class:`Subscription`, ``received_ns`` on the machine's clock."""

    topic: str
    payload: bytes
    retained: bool
    received_ns: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be sent; a broker of MQTT 5 does not deliver it after ``expires_s`` (whole s; None: never)."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    expires_s: int | None = None


class Application(Protocol):
    """Who uses a connection. Nothing of it waits."""

    def subscriptions(self) -> Sequence[Subscription]:
        """Topics to listen to, asked for at each connection."""
        ...

    def received(self, message: Incoming) -> None:
        """Take a message."""
        ...

    def outgoing(self) -> Sequence[Outgoing]:
        """Messages to be sent now; asked every few milliseconds while there is a connection."""
        ...

    def connection_changed(self, *, up: bool) -> None:
        """Take note of a connection that is ready, its topics subscribed, or gone."""
        ...
