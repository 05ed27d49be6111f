"""What must hold of the rig's MQTT devices and its telemetry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from hil.config.mqtt import BrokerConfig, MqttConfig, TelemetryConfig, TlsConfig
from hil.config.nearest import did_you_mean
from hil.config.schema import RigConfig
from hil.config.units import UNITS, same_dimension, unit_hint
from hil.config.yaml_lines import Path_
from hil.devices.mqtt.connection import tls_context
from hil.devices.mqtt.settings import Secret, SecretError
from hil.errors import Problem
from hil.rig.draft import Draft
from hil.rig.mqtt import beside, client_id, mqtt_devices, secret_of, tls_settings
from hil.rig.mqtt_topics import check_topics


def check_mqtt(draft: Draft) -> None:
    """Note what the devices and the telemetry use, and what does not fit."""
    for name, device in mqtt_devices(draft.config).items():
        _note_device(draft, name, device)
        _check_broker(draft, ("devices", name, "broker"), device.broker)
        for key_id, key in (device.signing.keys if device.signing is not None else {}).items():
            _check_secret(draft, ("devices", name, "signing", "keys", key_id), secret_of(draft, key))
    telemetry = draft.config.telemetry
    if telemetry is not None:
        _check_telemetry(draft, telemetry)
    check_topics(draft)
    _check_client_ids(draft)


def _note_device(draft: Draft, name: str, device: MqttConfig) -> None:
    path, block = ("devices", name), f"devices.{name}"
    for signal, read in device.read.items():
        draft.writes(signal, (*path, "read", signal), block)
        _check_unit(draft, (*path, "read", signal, "unit"), signal, read.unit)
        _check_age(draft, (*path, "read", signal), signal)
    for signal, write in device.write.items():
        draft.reads(signal, (*path, "write", signal), block)
        _check_unit(draft, (*path, "write", signal, "unit"), signal, write.unit)
        if write.acknowledged is not None:
            where = (*path, "write", signal, "acknowledged")
            draft.writes(write.acknowledged, where, block, _unit_of(draft, signal))
            _check_age(draft, where, write.acknowledged)
    commands = device.commands
    for number, signal in enumerate(commands.signals if commands is not None else ()):
        opened = (*path, "commands", "signals", number)
        draft.writes(signal, opened, block)
        _check_age(draft, opened, signal)
        _check_commandable(draft, opened, signal)


def _unit_of(draft: Draft, signal: str) -> str | None:
    declared = draft.config.signals.get(signal)
    return None if declared is None else declared.unit


def _check_unit(draft: Draft, path: Path_, signal: str, unit: str | None) -> None:
    own = _unit_of(draft, signal)
    if unit is None or own not in UNITS:
        return
    if unit not in UNITS:
        draft.refuse(path, f"{signal}: unknown unit {unit!r}", unit_hint(unit))
    elif not same_dimension(unit, own):
        draft.refuse(
            path, f"{signal} is in {own}, and the message in {unit}", f"a unit that {own} converts to"
        )


def _check_age(draft: Draft, path: Path_, signal: str) -> None:
    """Ask for the age: a message comes when the far end likes, so no period of the rig says what is old."""
    declared = draft.config.signals.get(signal)
    if declared is not None and declared.max_age_s is None:
        what = f"signal {signal} comes by MQTT and has no max_age_s"
        draft.refuse(
            path, what, f"signals.{signal}: max_age_s: <three times what the sender takes between two>"
        )


def _check_commandable(draft: Draft, path: Path_, signal: str) -> None:
    declared = draft.config.signals.get(signal)
    if declared is not None and declared.failsafe is None:
        what = f"signal {signal} is commanded from outside and has no failsafe"
        draft.refuse(path, what, f"signals.{signal}: failsafe: <value to take when nobody commands>")


def _check_broker(draft: Draft, path: Path_, broker: BrokerConfig) -> None:
    tls = broker.tls
    if tls is False and broker.password is not None:
        draft.warn(
            (*path, "tls"), "without TLS user name and password go over the wire in the clear", "tls: {}"
        )
    if isinstance(tls, TlsConfig):
        _check_files(draft, (*path, "tls"), tls)
    if broker.password is not None:
        _check_secret(draft, (*path, "password"), secret_of(draft, broker.password))
    if isinstance(tls, TlsConfig) and tls.key_password is not None:
        _check_secret(draft, (*path, "tls", "key_password"), secret_of(draft, tls.key_password))


def _check_files(draft: Draft, path: Path_, tls: TlsConfig) -> None:
    """Refuse files that are not there; warn of what TLS cannot use, which the connection would be refused for."""
    given = {key: name for key in ("ca", "certificate", "key") if (name := getattr(tls, key)) is not None}
    missing = {
        key: beside(draft, name) for key, name in given.items() if not Path(beside(draft, name)).is_file()
    }
    for key, file in missing.items():
        why = "is a folder" if Path(file).is_dir() else "is not there"
        draft.refuse((*path, key), f"{file} {why}", "the path is from the rig's folder")
    if "key" in given and "certificate" not in given:
        draft.refuse((*path, "key"), "a key proves nothing without its certificate", "certificate: <file>")
    elif not missing:
        try:
            tls_context(tls_settings(draft, tls))
        except SecretError:
            pass  # told where the secret stands
        except OSError as error:
            draft.warn(path, f"{error}; the run will not begin with it")


def _check_secret(draft: Draft, path: Path_, secret: Secret) -> None:
    """Warn of one that cannot be had here: the rig may be checked on another machine than it runs on."""
    try:
        secret.read()
    except SecretError as error:
        draft.warn(path, f"{error}; the run will not begin without it")
    if secret.is_open_to_others:
        draft.warn(path, f"everybody on this machine can read {secret.name}", f"chmod o= {secret.name}")


def _check_telemetry(draft: Draft, telemetry: TelemetryConfig) -> None:
    known = draft.config.signals
    for signal in (*(telemetry.signals or ()), *telemetry.deadbands):
        if signal not in known:
            key = "signals" if signal in (telemetry.signals or ()) else "deadbands"
            draft.refuse(("telemetry", key), f"telemetry: no signal {signal!r}", did_you_mean(signal, known))
    for signal in telemetry.signals or ():
        draft.reads(signal, ("telemetry", "signals"), "telemetry")
    if draft.config.clock == "virtual":
        draft.warn(("telemetry",), "telemetry is only published on the wall clock")
    _check_broker(draft, ("telemetry", "broker"), telemetry.broker)


def _check_client_ids(draft: Draft) -> None:
    """Refuse two connections of one client id to one broker: it would end each for the other, for ever."""
    seen: dict[tuple[str, int, str], str] = {}
    for name, broker, own_id, path in _brokers(draft.config):
        other = seen.setdefault((broker.host, broker.port, own_id), name)
        if other != name:
            what = f"{name} and {other} have the same client id {own_id!r} on one broker"
            draft.refuse((*path, "broker"), what, "client_id: <one of its own>")


def _brokers(config: RigConfig) -> Iterator[tuple[str, BrokerConfig, str, Path_]]:
    for name, device in mqtt_devices(config).items():
        yield f"device {name}", device.broker, client_id(config, device.broker, name), ("devices", name)
    if config.telemetry is not None:
        broker = config.telemetry.broker
        yield "telemetry", broker, client_id(config, broker, "telemetry"), ("telemetry",)


def writes_beyond_by_mqtt(draft: Draft, is_here: Callable[[str], bool]) -> list[Problem]:
    """Name every device that commands by way of a broker that is not on this machine."""
    return [
        draft.document.problem(
            ("devices", name),
            f"device {name} at {device.broker.host}:{device.broker.port} will be commanded: {', '.join(device.write)}",
        )
        for name, device in mqtt_devices(draft.config).items()
        if device.write and not is_here(device.broker.host)
    ]
