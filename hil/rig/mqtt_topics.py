"""The topics of a rig: that each is one, and that none is used for two things on one broker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hil.config.mqtt import BrokerConfig, MqttConfig, TelemetryConfig
from hil.config.yaml_lines import Path_
from hil.devices.mqtt.topics import fill
from hil.rig.draft import Draft
from hil.rig.mqtt import mqtt_devices


@dataclass(frozen=True, slots=True)
class _Use:
    """One topic as the rig uses it.

    Attributes
    ----------
    path : Path_
        Where it stands in the rig.
    topic : str
        With its places not yet filled.
    kind : str
        For what, for messages; uses of one kind may share a topic where ``is_shared``.
    is_sent, is_shared : bool
        Whether the rig publishes to it.
    signal : str
        Of the telemetry: what stands in its place.
    """

    path: Path_
    topic: str
    kind: str
    is_sent: bool
    is_shared: bool = False
    signal: str = ""


def check_topics(draft: Draft) -> None:
    """Refuse what is no topic, and a topic on which the rig would hear or overwrite itself."""
    taken: dict[tuple[str, int, str], _Use] = {}
    for name, device in mqtt_devices(draft.config).items():
        names = {"rig": draft.config.rig, "device": name}
        for use in _of_device(name, device):
            _note(draft, taken, device.broker, use, names)
        _check_names(draft, name, device)
    telemetry = draft.config.telemetry
    if telemetry is not None:
        if "{signal}" not in telemetry.topic:
            draft.refuse(("telemetry", "topic"), "all signals would share one topic", "put {signal} into it")
            return
        for use in _of_telemetry(telemetry, telemetry.signals or tuple(draft.config.signals)):
            names = {"rig": draft.config.rig} | ({"signal": use.signal} if use.signal else {})
            _note(draft, taken, telemetry.broker, use, names)


def _note(
    draft: Draft, taken: dict[tuple[str, int, str], _Use], broker: BrokerConfig, use: _Use, names: dict[str, str]
) -> None:  # fmt: skip
    try:
        topic = fill(use.topic, **names)
    except ValueError as error:
        draft.refuse(use.path, f"{use.topic!r} is no topic: {error}")
        return
    other = taken.setdefault((broker.host, broker.port, topic), use)
    if other is use or not (use.is_sent or other.is_sent) or (use.kind == other.kind and use.is_shared):
        return
    line = draft.document.line(*other.path)
    what = f"{topic!r} is the topic of {use.kind}, and of {other.kind} (line {line})"
    draft.refuse(use.path, what, "a topic for each")


def _of_device(name: str, device: MqttConfig) -> Iterator[_Use]:
    path = ("devices", name)
    yield _Use((*path, "presence"), device.presence, f"the state of {name}", is_sent=True)
    for signal, write in device.write.items():
        yield _Use(
            (*path, "write", signal, "topic"), write.topic, "our commands", is_sent=True, is_shared=True
        )
    for signal, read in device.read.items():
        yield _Use((*path, "read", signal, "topic"), read.topic, f"the signal {signal}", is_sent=False)
    if device.answers is not None:
        yield _Use((*path, "answers"), device.answers, "the far end's answers", is_sent=False)
    if device.peer is not None:
        yield _Use((*path, "peer", "topic"), device.peer.topic, "the far end's state", is_sent=False)
    if device.commands is not None:
        yield _Use((*path, "commands", "topic"), device.commands.topic, "others' commands", is_sent=False)
        yield _Use(
            (*path, "commands", "answers"),
            device.commands.answers,
            "our answers",
            is_sent=True,
            is_shared=True,
        )


def _of_telemetry(telemetry: TelemetryConfig, signals: tuple[str, ...]) -> Iterator[_Use]:
    yield _Use(("telemetry", "presence"), telemetry.presence, "the rig's state", is_sent=True)
    for signal in signals:
        kind = f"{signal} in the telemetry"
        yield _Use(("telemetry", "topic"), telemetry.topic, kind, is_sent=True, signal=signal)


def _check_names(draft: Draft, name: str, device: MqttConfig) -> None:
    """Refuse two signals that command one thing: it would go from one value to the other and back."""
    owner: dict[tuple[str, str], str] = {}
    for signal, write in device.write.items():
        called = write.name or signal
        other = owner.setdefault((write.topic, called), signal)
        if other != signal:
            what = f"{signal} and {other} both command {called!r} on {write.topic!r}"
            draft.refuse(
                ("devices", name, "write", signal), what, "name: <what the far end calls it>, one for each"
            )
