"""From the rig's MQTT devices and its telemetry to processes on a broker."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hil.config.mqtt import BrokerConfig, MqttConfig, MqttReadConfig, SecretConfig, TelemetryConfig, TlsConfig
from hil.config.schema import RigConfig
from hil.config.units import affine
from hil.devices.bridge import BridgedDevice, BridgeSettings, ServantSpec
from hil.devices.mqtt.historian import HistorianSpec
from hil.devices.mqtt.intake import Peer, ReadPoint
from hil.devices.mqtt.loop_side import MqttPart, TelemetryDevice
from hil.devices.mqtt.outlet import WritePoint
from hil.devices.mqtt.payloads import JsonReader, Reader, TextReader
from hil.devices.mqtt.presence import described, listed
from hil.devices.mqtt.sending import SendRules
from hil.devices.mqtt.settings import BrokerSettings, Secret, TlsSettings
from hil.devices.mqtt.station import Commanded, Signing, StationSpec
from hil.devices.mqtt.telemetry import Published, TelemetryRules
from hil.devices.mqtt.topics import fill
from hil.loop.image import Image
from hil.rig.draft import Draft
from hil.version import __version__

_TIMEOUT_FACTOR, _REFRESHES = 1.5, 3.0
FIRST_BACKOFF_S = 0.2
"""Longest wait before the first attempt to connect again, s."""
_LEAST_LOOP_TIMEOUT_S, _LOOP_TIMEOUT_PERIODS = 1.0, 5
_LONGEST_STALL_S = 1.0
_LAST_MARGIN_S = 1.0
_LONGEST_MARKING_S = 30.0
"""How long telemetry goes on, at its rate, marking what a loop left behind that is gone, s."""


def mqtt_devices(config: RigConfig) -> dict[str, MqttConfig]:
    """Give the devices on a broker."""
    return {name: device for name, device in config.devices.items() if isinstance(device, MqttConfig)}


def make_mqtt(draft: Draft, image: Image, now_ns: Callable[[], int]) -> list[MqttPart]:
    """Make every device on a broker and the telemetry, not yet connected; ``now_ns`` is the loop's clock."""
    config = draft.config
    parts = [
        MqttPart(
            _make_device(draft, name, device, image, now_ns),
            _place(draft, "devices", name),
            must_connect=True,
        )
        for name, device in mqtt_devices(config).items()
    ]
    if config.telemetry is not None and config.clock == "wall":
        made = _make_telemetry(draft, config.telemetry, image, now_ns)
        parts.append(MqttPart(made, _place(draft, "telemetry"), must_connect=False))
    return parts


def _place(draft: Draft, *path: str) -> tuple[str, int | None]:
    return draft.document.file, draft.document.line(*path)


def _make_device(
    draft: Draft, name: str, device: MqttConfig, image: Image, now_ns: Callable[[], int]
) -> BridgedDevice:
    shown = [write.acknowledged for write in device.write.values() if write.acknowledged is not None]
    commanded = device.commands.signals if device.commands is not None else ()
    received = [*device.read, *shown, *commanded]
    slots = {signal: place for place, signal in enumerate(received)}
    spec = StationSpec(
        broker=_settings(draft, device.broker, name),
        presence=fill(device.presence, rig=draft.config.rig, device=name),
        about=_about(draft, name, device),
        reads=tuple(
            _read_point(draft, name, signal, read, slots[signal]) for signal, read in device.read.items()
        ),
        peer=_peer(draft, name, device),
        writes=tuple(_write_point(draft, name, device, signal, slots) for signal in device.write),
        answers=None if device.answers is None else _filled(draft, name, device.answers),
        commanded=_commanded(draft, name, device, slots),
        signing=_signing(draft, device),
        tolerance_s=device.clock_tolerance_s,
        stall_s=_stall_s(image, [image.index[signal] for signal in device.read]),
    )
    longest_s = max(
        (write.timeout_s or _TIMEOUT_FACTOR * write.life_s for write in device.write.values()), default=0.0
    )
    return BridgedDevice(
        name, spec, image, [image.index[signal] for signal in received],
        [image.index[signal] for signal in device.write], now_ns,
        _bridge(draft.config, device.loop_timeout_s, longest_s + _LAST_MARGIN_S),
    )  # fmt: skip


def _bridge(config: RigConfig, loop_timeout_s: float | None, last_s: float) -> BridgeSettings:
    stretch = config.overrun.degrade_limit if config.overrun.policy == "degrade" else 1
    least_s = max(_LEAST_LOOP_TIMEOUT_S, _LOOP_TIMEOUT_PERIODS * config.period_s * stretch)
    return BridgeSettings(
        loop_timeout_s=loop_timeout_s or least_s, last_s=last_s, keep_off_cpu=config.realtime.cpu
    )


def _stall_s(image: Image, slots: list[int]) -> float:
    """How long the process may stand still before what waits for it is of unknown age, s."""
    ages_s = [image.signals[slot].max_age_ns / 1e9 for slot in slots]
    return min([_LONGEST_STALL_S, *(max(age_s / 2, 0.3) for age_s in ages_s)])


def _filled(draft: Draft, name: str, topic: str) -> str:
    return fill(topic, rig=draft.config.rig, device=name)


def _read_point(draft: Draft, name: str, signal: str, read: MqttReadConfig, slot: int) -> ReadPoint:
    own = draft.config.signals[signal].unit
    factor, offset = affine(read.unit or own, own)
    return ReadPoint(slot, _filled(draft, name, read.topic), _reader(read), read.qos, factor, offset)


def _reader(read: MqttReadConfig) -> Reader:
    if read.value is None:
        return TextReader(read.template) if read.template is not None else TextReader()
    if read.good is None:
        return JsonReader(read.value, read.time, read.quality)
    return JsonReader(read.value, read.time, read.quality, tuple(word.lower() for word in read.good))


def _write_point(
    draft: Draft, name: str, device: MqttConfig, signal: str, slots: dict[str, int]
) -> WritePoint:
    write, own = device.write[signal], draft.config.signals[signal].unit
    factor, offset = affine(own, write.unit or own)
    assert device.reverts_s is not None, "the schema asks for it"
    rules = SendRules(
        name=write.name or signal, deadband=write.deadband, least_interval_s=write.least_interval_s,
        refresh_s=write.refresh_s or device.reverts_s / _REFRESHES, life_s=write.life_s,
        timeout_s=write.timeout_s or _TIMEOUT_FACTOR * write.life_s, repeat_s=write.life_s / 4,
    )  # fmt: skip
    shown = slots[write.acknowledged] if write.acknowledged is not None else None
    return WritePoint(signal, _filled(draft, name, write.topic), rules, write.qos, factor, offset, shown)


def _peer(draft: Draft, name: str, device: MqttConfig) -> Peer | None:
    peer = device.peer
    return None if peer is None else Peer(_filled(draft, name, peer.topic), peer.state, peer.online)


def _commanded(draft: Draft, name: str, device: MqttConfig, slots: dict[str, int]) -> Commanded | None:
    commands, signals = device.commands, draft.config.signals
    if commands is None:
        return None
    return Commanded(
        topic=_filled(draft, name, commands.topic), answer_topic=_filled(draft, name, commands.answers),
        slots={signal: slots[signal] for signal in commands.signals},
        ranges={signal: signals[signal].range for signal in commands.signals},
        others=frozenset(signals) - frozenset(commands.signals), longest_life_s=commands.longest_life_s,
    )  # fmt: skip


def _signing(draft: Draft, device: MqttConfig) -> Signing | None:
    signing = device.signing
    if signing is None:
        return None
    return Signing(signing.sign_with, {key_id: secret_of(draft, key) for key_id, key in signing.keys.items()})


def _about(draft: Draft, name: str, device: MqttConfig) -> dict[str, Any]:
    """Give what the birth message says."""

    def described_(signal: str, **more: Any) -> dict[str, Any]:
        declared = draft.config.signals[signal]
        return described(signal, declared.unit, *declared.range, **more)

    commanded = device.commands.signals if device.commands is not None else ()
    groups = listed(
        reads=[
            described_(signal, topic=_filled(draft, name, read.topic)) for signal, read in device.read.items()
        ],
        writes=[
            described_(signal, topic=_filled(draft, name, write.topic), reverts_s=device.reverts_s)
            for signal, write in device.write.items()
        ],
        commands=[described_(signal) for signal in commanded],
    )
    return {"rig": draft.config.rig, "device": name, "version": __version__, **groups}


def _make_telemetry(
    draft: Draft, telemetry: TelemetryConfig, image: Image, now_ns: Callable[[], int]
) -> TelemetryDevice:
    config = draft.config
    names = telemetry.signals or tuple(config.signals)
    about = [described(name, config.signals[name].unit, *config.signals[name].range) for name in names]
    rules = TelemetryRules(
        telemetry.least_interval_s, telemetry.most_interval_s, telemetry.rate_per_s, telemetry.queue
    )

    def make_spec(table: str) -> ServantSpec:
        return HistorianSpec(
            broker=_settings(draft, telemetry.broker, "telemetry"), presence=fill(telemetry.presence, rig=config.rig),
            table=table, signals=tuple(_published(config, telemetry, name) for name in names),
            slots=tuple(image.index[name] for name in names), rules=rules, qos=telemetry.qos, retain=telemetry.retain,
            about={"rig": config.rig, "version": __version__, "signals": about},
        )  # fmt: skip

    marking_s = _LAST_MARGIN_S + min(_LONGEST_MARKING_S, len(names) / telemetry.rate_per_s)
    return TelemetryDevice("telemetry", make_spec, image, now_ns, _bridge(config, None, marking_s))


def _published(config: RigConfig, telemetry: TelemetryConfig, name: str) -> Published:
    low, high = config.signals[name].range
    deadband = telemetry.deadbands.get(name, (high - low) * telemetry.deadband_percent / 100.0)
    topic = fill(telemetry.topic, rig=config.rig, signal=name)
    return Published(name, config.signals[name].unit, deadband, topic)


def client_id(config: RigConfig, broker: BrokerConfig, name: str) -> str:
    """Give the client id of a device's connection, or of the telemetry's."""
    return broker.client_id or f"coldloop-{config.rig}-{name}"


def _settings(draft: Draft, broker: BrokerConfig, name: str) -> BrokerSettings:
    return BrokerSettings(
        host=broker.host, port=broker.port, client_id=client_id(draft.config, broker, name),
        tls=tls_settings(draft, broker.tls) if isinstance(broker.tls, TlsConfig) else None,
        username=broker.username, password=None if broker.password is None else secret_of(draft, broker.password),
        keepalive_s=broker.keepalive_s, clean_session=broker.session == "clean", version=broker.version,
        backoff_min_s=min(FIRST_BACKOFF_S, broker.reconnect_max_s), backoff_max_s=broker.reconnect_max_s,
        seed=draft.config.seed,
    )  # fmt: skip


def tls_settings(draft: Draft, tls: TlsConfig) -> TlsSettings:
    """Give the files of a connection, as seen from the process that opens it."""
    ca, certificate, key = (
        None if n is None else beside(draft, n) for n in (tls.ca, tls.certificate, tls.key)
    )
    return TlsSettings(
        ca, certificate, key, None if tls.key_password is None else secret_of(draft, tls.key_password)
    )


def secret_of(draft: Draft, secret: SecretConfig) -> Secret:
    """Give where a secret is, as seen from the process that needs it."""
    if secret.env is not None:
        return Secret("env", secret.env)
    assert secret.file is not None, "the schema asks for one of the two"
    return Secret("file", beside(draft, secret.file))


def beside(draft: Draft, name: str) -> str:
    """Give a path as seen from the rig's folder; absolute, for the process that opens it."""
    return str(Path(os.path.normpath(draft.folder / name)).absolute())
