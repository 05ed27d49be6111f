"""Telemetry of a rig's signals, in its process: from the table of latest values to the broker."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hil.devices.bridge.orders import Orders, Stage
from hil.devices.bridge.port import Port
from hil.devices.bridge.serve import serve_async
from hil.devices.mqtt import front, supervisor
from hil.devices.mqtt.front import Front
from hil.devices.mqtt.messages import Incoming, Outgoing, Subscription
from hil.devices.mqtt.presence import Presence
from hil.devices.mqtt.settings import BrokerSettings
from hil.devices.mqtt.supervisor import Supervisor
from hil.devices.mqtt.telemetry import Published, Telemetry, TelemetryRules
from hil.loop.image import Quality
from hil.loop.machine_time import NS_PER_S, machine_ns
from hil.loop.table import LatestReader

_OWN = ("telemetry_queued", "telemetry_dropped", "telemetry_taken", "telemetry_waiting")
COUNTERS = (*supervisor.COUNTERS, *front.COUNTERS, *_OWN)
"""``telemetry_queued`` is always dropped + taken + waiting; what was taken and not confirmed is among
``messages_unconfirmed``."""


@dataclass(frozen=True, slots=True)
class HistorianSpec:
    """What makes a historian's servant in its process; plain data.

    Attributes
    ----------
    table : str
        Path of the table of latest values.
    slots : tuple of int
        Place in the table of each signal published.
    presence, about
        As in ``StationSpec``.
    """

    broker: BrokerSettings
    presence: str
    table: str
    signals: tuple[Published, ...]
    slots: tuple[int, ...]
    rules: TelemetryRules = field(default_factory=TelemetryRules)
    qos: int = 0
    retain: bool = True
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def counters(self) -> tuple[str, ...]:
        """Names of what it counts."""
        return COUNTERS

    def run(self, port: Port) -> None:
        """Serve until the loop's end."""
        serve_async(port, Historian(port, self))


class Historian:
    """The servant, and the application of its connection."""

    def __init__(self, port: Port, spec: HistorianSpec) -> None:
        presence = Presence(spec.presence, uuid.uuid4().hex, spec.about)
        self._port = port
        self._spec = spec
        self._front = Front(presence, port.counts, port)
        self._table = LatestReader(spec.table)
        self._values: list[float] = []
        self._telemetry = Telemetry(spec.rules, spec.signals, [quality.name for quality in Quality])
        self._base = {name: port.counts[name] for name in _OWN}
        # What waited in a process before this one went with it.
        self._base["telemetry_dropped"] += self._base["telemetry_waiting"]
        self._supervisor = Supervisor(
            spec.broker, self, presence.will(), self._front.farewell, port.counts, port.event
        )

    async def run(self) -> None:
        """Keep the connection; ends by cancellation."""
        await self._supervisor.run()

    def obey(self, orders: Orders) -> None:
        """Look at the signals of a new cycle."""
        self._front.obey(orders)
        if orders.stage is Stage.LAST:
            # Nothing is written from here that anybody would have to acknowledge.
            self._port.done()
        if orders.stage in (Stage.GO, Stage.LAST, Stage.FAILSAFE):
            self._look(orders)

    def _look(self, orders: Orders) -> None:
        latest, slots, now_ns = self._table.read(), self._spec.slots, machine_ns()
        if latest is not None:
            self._values = [latest.values[n] for n in slots]
        if orders.stage is Stage.FAILSAFE:
            # What the broker keeps would be GOOD for ever. A loop killed while it wrote leaves no table to be read.
            if self._values:
                self._telemetry.condemn(self._values, Quality.BAD, time.time())
        elif latest is not None:
            qualities = [latest.quality[n] for n in slots]
            when_s = time.time() - (now_ns - orders.stamp_ns) / NS_PER_S
            self._telemetry.observe(self._values, qualities, when_s, now_ns / NS_PER_S)
        self._count()

    def subscriptions(self) -> list[Subscription]:
        """None: a historian only listens."""
        return []

    def received(self, message: Incoming) -> None:
        """Nothing is subscribed to, so nothing comes."""

    def outgoing(self) -> list[Outgoing]:
        """Give what the rate allows."""
        spec, messages = self._spec, self._front.take()
        for sample in self._telemetry.take(machine_ns() / NS_PER_S):
            messages.append(Outgoing(sample.topic, sample.payload, spec.qos, spec.retain))
        self._count()
        if not messages and not self._telemetry.waiting and self._front.stage is Stage.FAILSAFE:
            # Asked again, with nothing left: what was given before is under way, and a farewell comes after it.
            self._port.done()
        return messages

    def connection_changed(self, *, up: bool) -> None:
        """Begin anew; a broker that was restarted has lost what it kept."""
        self._front.connection_changed(up=up)
        if up:
            self._telemetry.repeat_all()

    def _count(self) -> None:
        telemetry, counts = self._telemetry, self._port.counts
        counts["telemetry_queued"] = self._base["telemetry_queued"] + telemetry.queued
        counts["telemetry_dropped"] = self._base["telemetry_dropped"] + telemetry.dropped
        counts["telemetry_taken"] = self._base["telemetry_taken"] + telemetry.taken
        counts["telemetry_waiting"] = telemetry.waiting
