"""Why there is no connection, in words; secrets, certificates and the queue of what came in."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from aiomqtt import Message, MqttError
from aiomqtt.exceptions import MqttCodeError, MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from hil.devices.mqtt.connection import bounded_queue, options_of, properties_of, tls_context
from hil.devices.mqtt.messages import Outgoing, Subscription
from hil.devices.mqtt.settings import BrokerSettings, Secret, SecretError, TlsSettings, UnusableFileError
from hil.devices.mqtt.trouble import KINDS, explain

SETTINGS = BrokerSettings(
    "broker.site", 8883, "hall1", TlsSettings(ca="site-ca.pem"), "rig", Secret("file", "pw")
)


def certificate_error(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


def refused(name: str) -> MqttConnectError:
    return MqttConnectError(ReasonCode(PacketTypes.CONNACK, name))


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (refused("Not authorized"), "login", 'does not let this client in (user "rig")'),
        (refused("Bad user name or password"), "login", "refuses user name or password"),
        (refused("Client identifier not valid"), "client_id", '("hall1")'),
        (refused("Unsupported protocol version"), "protocol", "try version: 3.1.1"),
        (refused("Server unavailable"), "unavailable", "is not available"),
        (
            certificate_error(62, "Hostname mismatch"),
            "name",
            "a certificate for another name: Hostname mismatch",
        ),
        (
            certificate_error(19, "self-signed"),
            "ca",
            "of no authority in site-ca.pem: self-signed; give tls.ca",
        ),
        (certificate_error(20, "unable to get"), "ca", "of no authority"),
        (certificate_error(10, "has expired"), "expired", "not valid now: has expired; renew it"),
        (
            ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"),
            "tls",
            "no TLS with the broker",
        ),
        (
            ConnectionRefusedError(111, "Connection refused"),
            "unreachable",
            "broker.site:8883: Connection refused",
        ),
        (socket.gaierror(-2, "Name or service not known"), "unreachable", 'unknown host "broker.site"'),
        (TimeoutError(), "timeout", "does not answer"),
        (ConnectionResetError(104, "Connection reset by peer"), "unreachable", "may be one without TLS"),
        (MqttError("Operation timed out"), "timeout", "does not answer"),
        (
            MqttError("Disconnected during message iteration"),
            "lost",
            "the connection to broker.site:8883 ended",
        ),
        (SecretError("the file pw is empty"), "secret", "is not asked: the file pw is empty"),
        (UnusableFileError("site-ca.pem: no start line"), "secret", "site-ca.pem: no start line"),
    ],
)
def test_each_reason_has_its_words(error: Exception, kind: str, words: str) -> None:
    trouble = explain(error, SETTINGS)
    assert trouble.kind == kind
    assert kind in KINDS
    assert words in str(trouble)
    assert trouble.is_misconfigured == (kind not in ("unavailable", "unreachable", "timeout", "lost"))


def test_reason_behind_the_library_s_own_error_is_found() -> None:
    def wrapped() -> None:
        try:
            raise certificate_error(62, "Hostname mismatch")
        except OSError as error:
            raise MqttError(str(error)) from None

    with pytest.raises(MqttError) as caught:
        wrapped()
    assert explain(caught.value, SETTINGS).kind == "name"


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("Session taken over", "client_id", 'client id "hall1"; give each client an id of its own'),
        ("Server shutting down", "lost", "ended: Server shutting down"),
        ("Unspecified error", "lost", "ended: closed by the broker, or cut"),
    ],
)
def test_broker_that_ends_the_connection_says_why(name: str, kind: str, words: str) -> None:
    error = MqttError("Disconnected during message iteration")
    error.__cause__ = MqttCodeError(ReasonCode(PacketTypes.DISCONNECT, name), "Unexpected disconnection")
    trouble = explain(error, SETTINGS)
    assert trouble.kind == kind
    assert words in str(trouble)


def test_refused_without_a_user_name() -> None:
    settings = BrokerSettings("broker.site", 8883, "hall1")
    assert "(no user name was given); give username and password" in str(
        explain(refused("Not authorized"), settings)
    )


def test_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pw"
    file.write_bytes(b"open sesame \r\n")
    file.chmod(0o600)
    assert Secret("file", str(file)).read() == b"open sesame "
    assert not Secret("file", str(file)).is_open_to_others
    file.chmod(0o644)
    assert Secret("file", str(file)).is_open_to_others
    file.write_bytes(b"\n")
    with pytest.raises(SecretError, match="is empty"):
        Secret("file", str(file)).read()
    with pytest.raises(SecretError, match="cannot be read"):
        Secret("file", str(tmp_path / "absent")).read()
    monkeypatch.setenv("MQTT_PASSWORD", "from the environment")
    assert Secret("env", "MQTT_PASSWORD").read() == b"from the environment"
    monkeypatch.delenv("MQTT_PASSWORD")
    with pytest.raises(SecretError, match="no variable MQTT_PASSWORD"):
        Secret("env", "MQTT_PASSWORD").read()


def test_tls_checks_name_and_authority_and_names_a_wrong_file(tmp_path: Path) -> None:
    context = tls_context(TlsSettings())
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    for settings in (TlsSettings(ca=str(wrong)), TlsSettings(certificate=str(wrong))):
        with pytest.raises(UnusableFileError, match=r"wrong\.pem"):
            tls_context(settings)


def test_full_queue_lets_the_oldest_go_and_counts_it() -> None:
    async def fill() -> tuple[list[Any], int]:
        dropped: list[None] = []
        queue = bounded_queue(lambda: dropped.append(None))(maxsize=3)
        for number in range(8):
            queue.put_nowait(Message("t", str(number).encode(), 0, False, number, None))
        return [queue.get_nowait().payload for _ in range(queue.qsize())], len(dropped)

    assert asyncio.run(fill()) == ([b"5", b"6", b"7"], 5)


def test_what_mqtt_5_can_say_and_3_cannot() -> None:
    old = BrokerSettings("h", 1, "c", version="3.1.1")
    subscription, message = Subscription("t", 1, as_published=True), Outgoing("t", b"", expires_s=3)
    options, properties = options_of(subscription, SETTINGS), properties_of(message, SETTINGS)
    assert options is not None
    assert options.retainAsPublished
    assert properties is not None
    assert properties.MessageExpiryInterval == 3
    assert options_of(subscription, old) is None
    assert properties_of(message, old) is None
    assert properties_of(Outgoing("t", b""), SETTINGS) is None
