"""All written points of a device: which commands are to be sent now, and what the far end has answered."""

from __future__ import annotations

import math
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass

from hil.devices.mqtt.envelope import read_acknowledgement, write_command
from hil.devices.mqtt.messages import Incoming, Outgoing
from hil.devices.mqtt.payloads import UnreadableError
from hil.devices.mqtt.refusal import Refusal
from hil.devices.mqtt.sending import COUNTERS as CHANNEL_COUNTERS
from hil.devices.mqtt.sending import Channel, SendRules
from hil.devices.mqtt.signing import Signer, seal, unseal
from hil.loop.image import Image
from hil.loop.machine_time import NS_PER_S

COUNTERS = (*CHANNEL_COUNTERS, "acknowledgements_malformed", "acknowledgements_refused")


@dataclass(frozen=True, slots=True)
class WritePoint:
    """A value sent: value at the far end = value in the signal's unit x ``factor`` + ``offset``.

    Attributes
    ----------
    signal : str
        For messages.
    topic, qos : str, int
        Where its commands go.
    rules : SendRules
        When, in the far end's unit.
    acknowledged_slot : int or None
        Slot of the signal that shows what the far end has taken.
    """

    signal: str
    topic: str
    rules: SendRules
    qos: int = 1
    factor: float = 1.0
    offset: float = 0.0
    acknowledged_slot: int | None = None


class Outlet:
    """The channels of a device.

    Parameters
    ----------
    points : sequence of WritePoint
        In the order of the values given to :meth:`due`.
    signer : Signer or None
        Signs commands; answers must be signed with one of ``keys`` then.
    session : str
        Begins every id.
    """

    def __init__(
        self, points: Sequence[WritePoint], signer: Signer | None, keys: Mapping[str, bytes], session: str,
        image: Image, counts: MutableMapping[str, int],
    ) -> None:  # fmt: skip
        self._points = tuple(points)
        self._channels = [Channel(point.rules, f"{session}-{n}") for n, point in enumerate(self._points)]
        self._signer = signer
        self._keys = keys
        self._image = image
        self._counts = counts
        self._base = {name: counts.get(name, 0) for name in CHANNEL_COUNTERS}

    def due(self, values: Sequence[float], now_s: float, at_s: float) -> list[Outgoing]:
        """Give the commands to be sent now for ``values`` (in the signals' units); times as in :class:`Channel`."""
        messages = []
        for point, channel, value in zip(self._points, self._channels, values, strict=True):
            command = channel.due(value * point.factor + point.offset, now_s, at_s)
            if command is not None:
                payload = seal(point.topic, write_command(command), self._signer)
                expires_s = math.ceil(point.rules.life_s)
                messages.append(Outgoing(point.topic, payload, point.qos, expires_s=expires_s))
        self._count()
        return messages

    def tick(self, at_s: float) -> list[str]:
        """Give up what was not answered in time; gives what to tell a person."""
        told = []
        for point, channel in zip(self._points, self._channels, strict=True):
            had_fault = bool(channel.fault)
            if channel.tick(at_s) and not had_fault:
                told.append(f"{point.signal}: {channel.fault}; it may or may not have taken effect")
        self._count()
        return told

    def answered(self, message: Incoming, now_ns: int) -> list[str]:
        """Take a message of the acknowledgements' topic at ``now_ns`` (machine's clock); gives what to tell."""
        try:
            body = unseal(message.topic, message.payload, self._keys)
            if isinstance(body, Refusal) or message.retained:
                self._counts["acknowledgements_refused"] += 1
                return []
            answer = read_acknowledgement(body)
        except UnreadableError:
            self._counts["acknowledgements_malformed"] += 1
            return []
        told = []
        for point, channel in zip(self._points, self._channels, strict=True):
            before = channel.fault
            if channel.answered(answer, now_ns / NS_PER_S):
                told += _change(point.signal, before, channel.fault)
                if answer.accepted:
                    self._show(point, channel, now_ns)
        self._count()
        return told

    def _show(self, point: WritePoint, channel: Channel, now_ns: int) -> None:
        if point.acknowledged_slot is not None and channel.acknowledged is not None:
            value = (channel.acknowledged - point.offset) / point.factor
            self._image.accept(point.acknowledged_slot, value, now_ns)

    def all_acknowledged(self, values: Sequence[float]) -> bool:
        """Whether the far end has said that it holds ``values`` (in the signals' units)."""
        return all(
            not channel.waiting and channel.acknowledged == value * point.factor + point.offset
            for point, channel, value in zip(self._points, self._channels, values, strict=True)
        )

    def preempt(self) -> None:
        """Let the next values go out at once, whatever is under way."""
        for channel in self._channels:
            channel.preempt()

    def forget(self) -> None:
        """Take nothing for known of the far end any more."""
        for channel in self._channels:
            channel.forget()

    def _count(self) -> None:
        for name in CHANNEL_COUNTERS:
            self._counts[name] = self._base[name] + sum(channel.counts[name] for channel in self._channels)


def _change(signal: str, before: str, after: str) -> list[str]:
    """Tell of a fault that came, changed or went."""
    if before == after:
        return []
    return [f"{signal}: {after}" if after else f"{signal}: acknowledged again, after: {before}"]
