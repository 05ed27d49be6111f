"""Why there is no connection, in the words of someone who commissions a plant."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

from aiomqtt import MqttError
from aiomqtt.exceptions import MqttCodeError, MqttConnectError
from paho.mqtt.reasoncodes import ReasonCode

from hil.devices.mqtt.settings import BrokerSettings, SecretError, UnusableFileError

# OpenSSL's X509_V_ERR_* numbers, include/openssl/x509_vfy.h.
_EXPIRED, _NOT_YET = 10, 9
_NAME, _IP = 62, 64
_UNTRUSTED = frozenset({2, 18, 19, 20, 21})

_PLAIN_PORT = "that port may be one without TLS (1883), and 8883 the one with it"
_TAKEN_OVER, _UNSAID = 0x8E, 0x80
"""Of DISCONNECT, MQTT 5.0 table 3-10; the second also where the connection ended without one."""

# Codes of CONNACK: MQTT 3.1.1 table 3.1 as paho translates them, and MQTT 5.0 table 3-1.
_CODES = {
    0x84: ("protocol", "does not speak this version of MQTT", "try version: 3.1.1"),
    0x85: ("client_id", "does not take this client id", "check client_id"),
    0x86: ("login", "refuses user name or password", "check username, and the file or variable of password"),
    0x87: (
        "login",
        "does not let this client in",
        "check username and password, or the broker's list of users",
    ),
    0x88: ("unavailable", "is not available", "the broker is up, and busy or stopping"),
    0x89: ("unavailable", "is busy", "it is tried again"),
    0x8A: ("login", "has banned this client", "ask its operator"),
    0x97: ("quota", "has no room for another client", "ask its operator"),
    0x9C: ("moved", "is another server now", "ask its operator for the new address"),
    0x9D: ("moved", "has moved to another server", "ask its operator for the new address"),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One reason.

    Attributes
    ----------
    kind : str
        A word for counters, as in ``KINDS``.
    what, hint : str
        In words; what to do about it, which may be empty.
    """

    kind: str
    what: str
    hint: str = ""

    @property
    def is_misconfigured(self) -> bool:
        """Whether it will stay until somebody changes something; else it may pass by itself."""
        return self.kind in MISCONFIGURED

    def __str__(self) -> str:
        return f"{self.what}; {self.hint}" if self.hint else self.what


MISCONFIGURED = frozenset(
    {"login", "client_id", "protocol", "tls", "ca", "name", "expired", "secret", "subscription"}
)
"""Kinds that stay until somebody changes something."""
KINDS = (*sorted(MISCONFIGURED), "lost", "moved", "quota", "timeout", "stalled", "unavailable", "unreachable")
"""All kinds."""


def explain(error: BaseException, settings: BrokerSettings) -> Trouble:
    """Say why an attempt to connect failed, or a connection ended."""
    if isinstance(error, (SecretError, UnusableFileError)):
        return Trouble("secret", f"the broker at {settings.address} is not asked: {error}")
    if isinstance(error, MqttConnectError):
        return _of_code(error, settings)
    # The client gives its own error; what it was made of stays behind it.
    cause = error.__cause__ or error.__context__ if isinstance(error, MqttError) else error
    if isinstance(cause, OSError):
        return _of_system(cause, settings)
    if isinstance(cause, MqttCodeError) and isinstance(cause.rc, ReasonCode):
        return _of_disconnection(cause.rc, settings)
    if "timed out" in str(error):
        return _of_silence(settings)
    return Trouble("lost", f"the connection to {settings.address} ended: {error}")


def _of_system(error: OSError, settings: BrokerSettings) -> Trouble:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error, settings)
    return _of_tls(error, settings) if isinstance(error, ssl.SSLError) else _of_network(error, settings)


def _of_code(error: MqttConnectError, settings: BrokerSettings) -> Trouble:
    code = error.rc.value if isinstance(error.rc, ReasonCode) else int(error.rc or 0)
    kind, what, hint = _CODES.get(code, ("unavailable", f"refuses the connection: {error.rc}", ""))
    who = f' (user "{settings.username}")' if kind == "login" and settings.username else ""
    if kind == "login" and not settings.username:
        who, hint = " (no user name was given)", "give username and password"
    if kind == "client_id":
        who = f' ("{settings.client_id}")'
    return Trouble(kind, f"the broker at {settings.address} {what}{who}", hint)


def _of_silence(settings: BrokerSettings) -> Trouble:
    tls = "" if settings.tls is not None else "; is this a port with TLS, and tls is false?"
    return Trouble(
        "timeout", f"the broker at {settings.address} does not answer", f"check host and port{tls}"
    )


def _of_disconnection(reason: ReasonCode, settings: BrokerSettings) -> Trouble:
    if reason.value == _TAKEN_OVER:
        what = f'another client has taken the place of this one at {settings.address}: client id "{settings.client_id}"'
        return Trouble("client_id", what, "give each client an id of its own")
    why = "closed by the broker, or cut" if reason.value == _UNSAID else str(reason)
    return Trouble("lost", f"the connection to {settings.address} ended: {why}")


def _of_certificate(error: ssl.SSLCertVerificationError, settings: BrokerSettings) -> Trouble:
    who = f"the broker at {settings.address}"
    code = error.verify_code
    if code in (_NAME, _IP):
        what = f"{who} shows a certificate for another name: {error.verify_message}"
        return Trouble("name", what, "give host as it is written in the certificate")
    if code in (_EXPIRED, _NOT_YET):
        return Trouble("expired", f"{who} shows a certificate that is not valid now: {error.verify_message}",
                       "renew it, or set this machine's clock")  # fmt: skip
    if code in _UNTRUSTED:
        ca = settings.tls.ca if settings.tls is not None else None
        from_where = f"in {ca}" if ca else "known to this system"
        what = f"{who} shows a certificate of no authority {from_where}: {error.verify_message}"
        return Trouble("ca", what, "give tls.ca the file with the authority's certificate")
    return Trouble("tls", f"{who} shows a certificate that does not hold: {error.verify_message}")


def _of_tls(error: ssl.SSLError, settings: BrokerSettings) -> Trouble:
    reason = (getattr(error, "reason", None) or str(error)).replace("_", " ").lower()
    what = f"no TLS with the broker at {settings.address}: {reason}"
    if any(words in reason for words in ("wrong version", "record layer", "eof")):
        return Trouble("tls", what, _PLAIN_PORT)
    if "alert" in reason or "certificate required" in reason:
        return Trouble(
            "tls", what, "the broker wants a certificate of this client: tls.certificate and tls.key"
        )
    return Trouble("tls", what)


def _of_network(error: OSError, settings: BrokerSettings) -> Trouble:
    if isinstance(error, socket.gaierror):
        return Trouble(
            "unreachable", f'unknown host "{settings.host}"', "check its spelling, or give its IP address"
        )
    if isinstance(error, TimeoutError):
        return _of_silence(settings)
    reason = error.strerror or str(error) or type(error).__name__
    what = f"no connection to the broker at {settings.address}: {reason}"
    if isinstance(error, ConnectionResetError) and settings.tls is not None:
        return Trouble("unreachable", what, _PLAIN_PORT)
    return Trouble("unreachable", what, "check host and port, and that the broker runs")
