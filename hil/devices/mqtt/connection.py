"""A client of aiomqtt made from settings. The only module that knows aiomqtt's constructor."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable

from aiomqtt import Client, Message, ProtocolVersion, Will
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from hil.devices.mqtt.messages import Outgoing, Subscription
from hil.devices.mqtt.settings import BrokerSettings, Secret, SecretError, TlsSettings, UnusableFileError

_SESSION_S = 3600
"""How long a broker of MQTT 5 keeps a session that is not clean, s."""
_IN_FLIGHT = 100

# The library tells on its logger what is counted and told here in other ways; and a log may hold payloads.
_SILENT = logging.getLogger("hil.devices.mqtt.client")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


def make_client(settings: BrokerSettings, will: Outgoing | None, on_drop: Callable[[], None]) -> Client:
    """Make a client, not yet connected; secrets are read now, so that a changed one is used at the next attempt.

    ``on_drop`` is called for each message that finds the queue full. Raises ``SecretError``, or ``OSError`` (which
    ``ssl.SSLError`` is) for certificates that cannot be used.
    """
    is_new = settings.version == "5"
    return Client(
        settings.host,
        settings.port,
        identifier=settings.client_id,
        username=settings.username,
        password=_password(settings.password),
        protocol=ProtocolVersion.V5 if is_new else ProtocolVersion.V311,
        clean_session=None if is_new else settings.clean_session,
        clean_start=settings.clean_session if is_new else MQTT_CLEAN_START_FIRST_ONLY,
        properties=_session(settings) if is_new else None,
        will=None if will is None else Will(will.topic, will.payload, will.qos, will.retain),
        keepalive=settings.keepalive_s,
        timeout=settings.timeout_s,
        tls_context=None if settings.tls is None else tls_context(settings.tls),
        queue_type=bounded_queue(on_drop),
        max_queued_incoming_messages=settings.incoming_queue,
        max_inflight_messages=_IN_FLIGHT,
        max_queued_outgoing_messages=_IN_FLIGHT,
        logger=_SILENT,
    )


def abandon(client: Client) -> None:
    """Close what is left of a connection: aiomqtt leaves the socket of an attempt that was not answered open.

    The broker would take it for ours when it wakes up, under our client id.
    """
    client._client.disconnect()
    ended = client._disconnected
    if ended.done() and not ended.cancelled():
        # Looked at, or else asyncio tells the terminal that nobody did.
        ended.exception()


def tls_context(tls: TlsSettings) -> ssl.SSLContext:
    """Trust the authorities given, or the system's; TLS 1.2 at the least; the host's name is checked.

    Raises ``OSError`` naming the file, or ``SecretError``.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca)
    except OSError as error:
        raise _named(error, tls.ca or "the system's authorities") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.certificate is not None:
        password = None if tls.key_password is None else tls.key_password.read()
        try:
            context.load_cert_chain(tls.certificate, tls.key, password or _no_password)
        except OSError as error:
            raise _named(error, f"{tls.certificate}, {tls.key or 'its key'}") from error
    return context


def _no_password() -> str:
    """Stand in for OpenSSL's own question at the terminal, which nobody would answer."""
    raise SecretError("the key of tls.certificate has a password: give tls.key_password")


def _named(error: OSError, file: str) -> OSError:
    return UnusableFileError(f"{file}: {error.strerror or error}")


def _password(secret: Secret | None) -> str | None:
    if secret is None:
        return None
    try:
        return secret.read().decode()
    except UnicodeDecodeError as error:
        raise SecretError(f"the password in {secret.name} is not UTF-8") from error


def _session(settings: BrokerSettings) -> Properties:
    properties = _properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 0 if settings.clean_session else _SESSION_S
    return properties


def bounded_queue(on_drop: Callable[[], None]) -> type[asyncio.Queue[Message]]:
    """Make a queue that lets the oldest go where it is full; aiomqtt's own would let the newest go, uncounted."""

    class BoundedQueue(asyncio.Queue[Message]):
        def put_nowait(self, item: Message) -> None:
            if self.full():
                self.get_nowait()
                on_drop()
            super().put_nowait(item)

    return BoundedQueue


def options_of(subscription: Subscription, settings: BrokerSettings) -> SubscribeOptions | None:
    """Give the options of a subscription; None with MQTT 3.1.1, which has none."""
    if settings.version != "5":
        return None
    return SubscribeOptions(subscription.qos, retainAsPublished=subscription.as_published)


def properties_of(message: Outgoing, settings: BrokerSettings) -> Properties | None:
    """Give the properties of a message to be sent; None where there are none."""
    if settings.version != "5" or message.expires_s is None:
        return None
    properties = _properties(PacketTypes.PUBLISH)
    properties.MessageExpiryInterval = message.expires_s
    return properties


def _properties(packet_type: int) -> Properties:
    return Properties(packet_type)  # type: ignore[no-untyped-call]  # paho gives this one no types
