"""Keeps one connection for an application: makes it, makes it anew where it ends, counts and tells why.

Everything runs in tasks of one group a connection; when that ends none of them is left.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import replace

from aiomqtt import Client, MqttError
from paho.mqtt.reasoncodes import ReasonCode

from hil.devices.mqtt.backoff import Backoff
from hil.devices.mqtt.connection import abandon, make_client, options_of, properties_of
from hil.devices.mqtt.messages import Application, Incoming, Outgoing
from hil.devices.mqtt.probe import look_closer
from hil.devices.mqtt.settings import BrokerSettings, SecretError
from hil.devices.mqtt.trouble import KINDS, Trouble, explain
from hil.loop.machine_time import NS_PER_S, machine_ns

COUNTERS = (
    "connect_attempts", "connections", "connections_lost",
    *(f"trouble_{kind}" for kind in KINDS),
    "misconfigurations", "messages_received", "messages_dropped", "messages_sent", "messages_unconfirmed",
)  # fmt: skip
"""``messages_dropped``: received, and let go because the queue was full; ``messages_unconfirmed``: sent, and the
connection ended before the broker had confirmed them."""

_TICK_S = 0.02
_TOGETHER = 16
"""Messages that wait for the broker's confirmation at a time."""
_HELD_S = 5.0
"""A connection that lasted as long as this was no false start, s."""
_FAREWELL_S = 1.5
_REFUSED_FROM = 0x80


class Supervisor:
    """Runs until it is cancelled; then sends the farewell and disconnects.

    Parameters
    ----------
    settings : BrokerSettings
        Where and how.
    application : Application
        Who uses the connection.
    will, farewell : Outgoing, callable
        What the broker is to send where we vanish; what is sent where we leave.
    counts : mutable mapping of str to int
        Counters by the names in ``COUNTERS``.
    tell : callable
        Takes a text for a person.
    stall_s : float
        A process that was stopped for longer than this does not know how old what waits for it is: it lets go of all
        of it, s.
    """

    def __init__(
        self, settings: BrokerSettings, application: Application, will: Outgoing | None,
        farewell: Callable[[], Iterable[Outgoing]], counts: MutableMapping[str, int], tell: Callable[[str], None],
        *, stall_s: float = 1.0,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._application = application
        self._will = will
        self._farewell = farewell
        self._counts = counts
        self._tell = tell
        self._stall_ns = round(stall_s * NS_PER_S)
        self._looked_ns = self._before_ns = machine_ns()
        self._told = ""
        self._is_up = self._is_leaving = False
        self._false_starts = 0
        self._backoff = Backoff(settings.backoff_min_s, settings.backoff_max_s, settings.seed)

    async def run(self) -> None:
        """Connect, again and again; never returns, ends by cancellation."""
        while True:
            self._counts["connect_attempts"] += 1
            began_ns = machine_ns()
            trouble = await self._attempt()
            if trouble.kind == "timeout" and not self._is_up:
                closer = await asyncio.to_thread(look_closer, self._settings)
                trouble = closer or trouble
            held = machine_ns() - began_ns > _HELD_S * NS_PER_S
            self._false_starts = self._false_starts + 1 if self._is_up and not held else 0
            if self._false_starts > 1 and not trouble.hint:
                # Not every broker says that it has ended the older of two.
                hint = f'if that goes on: does another client use the client id "{self._settings.client_id}"?'
                trouble = replace(trouble, hint=hint)
            self._note(trouble)
            if self._is_up and held:
                self._backoff.reset()
            self._is_up = False
            await asyncio.sleep(self._backoff.next_s())

    async def _attempt(self) -> Trouble:
        """Connect in a task of its own: a group of tasks that ends by an error swallows a cancellation of its task."""
        attempt = asyncio.create_task(self._connect_once())
        try:
            await asyncio.wait({attempt})
        except asyncio.CancelledError:
            attempt.cancel()
            await asyncio.wait({attempt})
            raise
        return attempt.result()

    async def _connect_once(self) -> Trouble:
        """Give the reason of the connection's end."""
        ended: BaseExceptionGroup[BaseException] | None = None
        try:
            client = make_client(self._settings, self._will, self._count_drop)
            try:
                async with client:
                    await self._use(client)
            finally:
                abandon(client)
        except* (MqttError, OSError, SecretError, _UnusableError) as group:
            ended = group
        if self._is_leaving:
            # The library may put an error of its own in the place of the cancellation.
            raise asyncio.CancelledError
        first = _leaves(ended)[0] if ended is not None else MqttError("without a reason")
        return first.trouble if isinstance(first, _UnusableError) else explain(first, self._settings)

    async def _use(self, client: Client) -> None:
        try:
            await self._subscribe(client)
            await self._serve(client)
        except asyncio.CancelledError:
            self._is_leaving = True
            await self._leave(client)
            raise

    async def _serve(self, client: Client) -> None:
        self._counts["connections"] += 1
        if self._told:
            self._tell(f"connected to the broker at {self._settings.address}")
            self._told = ""
        self._is_up = True
        self._application.connection_changed(up=True)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._look())
                group.create_task(self._receive(client))
                group.create_task(self._send(client, group))
        finally:
            self._application.connection_changed(up=False)

    async def _subscribe(self, client: Client) -> None:
        for subscription in self._application.subscriptions():
            options = options_of(subscription, self._settings)
            # The options hold the quality of service; given beside them it would be refused.
            qos = subscription.qos if options is None else 0
            granted = await client.subscribe(subscription.topic, qos, options=options)
            codes = [code.value if isinstance(code, ReasonCode) else code for code in granted]
            if max(codes) >= _REFUSED_FROM:
                what = (
                    f"the broker at {self._settings.address} refuses the subscription to {subscription.topic}"
                )
                raise _UnusableError(Trouble("subscription", what, "check its access list for this user"))

    async def _receive(self, client: Client) -> None:
        async for message in client.messages:
            self._counts["messages_received"] += 1
            if self._looked_ns - self._before_ns > self._stall_ns:
                return
            payload = message.payload if isinstance(message.payload, bytes) else b""
            # The last look may have come after the message and this one did not: no value seems younger than it is.
            incoming = Incoming(str(message.topic), payload, message.retain, self._before_ns)
            self._application.received(incoming)

    async def _send(self, client: Client, group: asyncio.TaskGroup) -> None:
        room = asyncio.Semaphore(_TOGETHER)
        while True:
            for message in self._application.outgoing():
                await room.acquire()
                group.create_task(self._publish(client, message, room))
            await asyncio.sleep(_TICK_S)

    async def _look(self) -> None:
        """Note, whatever else waits, that this process is awake; end the connection where it was not for long.

        After a sleep this comes before the first message does: that is passed on by two more turns of the loop.
        """
        self._looked_ns = self._before_ns = machine_ns()
        while True:
            await asyncio.sleep(_TICK_S)
            self._before_ns, self._looked_ns = self._looked_ns, machine_ns()
            if self._looked_ns - self._before_ns > self._stall_ns:
                what = "this process was stopped; what waited for it is of unknown age and let go"
                raise _UnusableError(Trouble("stalled", what))

    async def _publish(
        self, client: Client, message: Outgoing, room: asyncio.Semaphore | None = None
    ) -> None:
        confirmed = False
        try:
            properties = properties_of(message, self._settings)
            await client.publish(
                message.topic, message.payload, message.qos, message.retain, properties=properties
            )
            confirmed = True
        finally:
            self._counts["messages_sent" if confirmed else "messages_unconfirmed"] += 1
            if room is not None:
                room.release()

    async def _leave(self, client: Client) -> None:
        """Say goodbye ourselves: a client that disconnects in good order has no will."""
        with contextlib.suppress(MqttError, TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                for message in self._farewell():
                    await self._publish(client, message)

    def _count_drop(self) -> None:
        self._counts["messages_dropped"] += 1

    def _note(self, trouble: Trouble) -> None:
        """Count a trouble, and tell it where it is another than the last."""
        self._counts[f"trouble_{trouble.kind}"] += 1
        self._counts["connections_lost"] += self._is_up
        self._counts["misconfigurations"] += trouble.is_misconfigured
        if trouble.what != self._told:
            self._told = trouble.what
            self._tell(str(trouble))


class _UnusableError(Exception):
    """The connection is there and of no use."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.what)
        self.trouble = trouble


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """Errors of a group, those of groups inside it too, in order."""
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
