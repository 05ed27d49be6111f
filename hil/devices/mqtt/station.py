"""A device on a broker, in its process: values in, commands out, and the commands of others."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hil.devices.bridge.orders import Orders, Stage
from hil.devices.bridge.port import Port
from hil.devices.bridge.serve import serve_async
from hil.devices.mqtt import front, intake, outlet, supervisor
from hil.devices.mqtt.acceptance import Gate, GateRules
from hil.devices.mqtt.envelope import write_acknowledgement
from hil.devices.mqtt.front import Front
from hil.devices.mqtt.intake import Intake, Peer, ReadPoint
from hil.devices.mqtt.messages import Incoming, Outgoing, Subscription
from hil.devices.mqtt.outlet import Outlet, WritePoint
from hil.devices.mqtt.presence import Presence
from hil.devices.mqtt.refusal import Refusal
from hil.devices.mqtt.settings import BrokerSettings, Secret, SecretError
from hil.devices.mqtt.signing import LEAST_KEY_BYTES, Signer, seal
from hil.devices.mqtt.supervisor import Supervisor
from hil.loop.machine_time import NS_PER_S, machine_ns

_TICK_S = 0.05
_GATE_COUNTERS = tuple(Gate(GateRules({}), 0.0).counters())
COUNTERS = (
    *supervisor.COUNTERS, *front.COUNTERS, *intake.COUNTERS, *outlet.COUNTERS, *_GATE_COUNTERS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Commanded:
    """Where others command us: ``slots`` and ``ranges`` by the signal's name, in the signal's unit.

    ``answer_topic`` takes the acknowledgements; ``others`` are the signals of the rig that are not open to commands.
    """

    topic: str
    answer_topic: str
    slots: Mapping[str, int]
    ranges: Mapping[str, tuple[float, float]]
    others: frozenset[str] = frozenset()
    longest_life_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Signing:
    """Which key signs what we send, and which keys we believe; each where it is, by its id."""

    key_id: str
    keys: Mapping[str, Secret]

    def read(self) -> dict[str, bytes]:
        """Give the keys; raises ``SecretError``."""
        found = {key_id: secret.read() for key_id, secret in self.keys.items()}
        for key_id, key in found.items():
            if len(key) < LEAST_KEY_BYTES:
                raise SecretError(f"key {key_id} has {len(key)} bytes; at least {LEAST_KEY_BYTES} are needed")
        return found


@dataclass(frozen=True, slots=True)
class StationSpec:
    """What makes a station in its process; plain data.

    ``presence`` is the topic of birth and will, ``about`` what the birth message says beside; ``stall_s`` as in
    :class:`Supervisor`; ``tolerance_s`` is by how much other clocks may be ahead, s.
    """

    broker: BrokerSettings
    presence: str
    about: Mapping[str, Any] = field(default_factory=dict)
    reads: tuple[ReadPoint, ...] = ()
    peer: Peer | None = None
    writes: tuple[WritePoint, ...] = ()
    answers: str | None = None
    commanded: Commanded | None = None
    signing: Signing | None = None
    tolerance_s: float = 1.0
    stall_s: float = 1.0

    @property
    def counters(self) -> tuple[str, ...]:
        """Names of what it counts."""
        return COUNTERS

    def run(self, port: Port) -> None:
        """Serve until the loop's end."""
        try:
            keys = {} if self.signing is None else self.signing.read()
        except SecretError as error:
            tell_unusable(port, str(error))
            return
        serve_async(port, Station(port, self, keys))


def tell_unusable(port: Port, why: str) -> None:
    """Tell why there will be no connection, and do nothing more until the loop's end."""
    port.counts["misconfigurations"] += 1
    port.counts["trouble_secret"] += 1
    port.event(why)
    serve_async(port, _Nobody())


class _Nobody:
    """A servant that serves nothing."""

    async def run(self) -> None:
        await asyncio.get_running_loop().create_future()

    def obey(self, orders: Orders) -> None:
        pass


class Station:
    """The servant, and the application of its connection."""

    def __init__(self, port: Port, spec: StationSpec, keys: Mapping[str, bytes]) -> None:
        counts, session = port.counts, uuid.uuid4().hex
        signer = None if spec.signing is None else Signer(spec.signing.key_id, keys[spec.signing.key_id])
        presence = Presence(spec.presence, session, spec.about)
        self._port = port
        self._spec = spec
        self._signer = signer
        self._orders: Orders | None = None
        self._front = Front(presence, counts, port)
        self._intake = Intake(spec.reads, spec.peer, port.image, counts, spec.tolerance_s)
        self._outlet = Outlet(spec.writes, signer, keys, session, port.image, counts)
        self._gate = self._make_gate(keys)
        self._gate_base = {name: counts[name] for name in _GATE_COUNTERS}
        self._supervisor = Supervisor(
            spec.broker, self, presence.will(), self._front.farewell, counts, port.event, stall_s=spec.stall_s
        )

    def _make_gate(self, keys: Mapping[str, bytes]) -> Gate | None:
        spec, commanded = self._spec, self._spec.commanded
        if commanded is None:
            return None
        rules = GateRules(
            commanded.ranges, commanded.others, keys, commanded.longest_life_s, spec.tolerance_s
        )
        return Gate(rules, time.time())

    async def run(self) -> None:
        """Keep the connection and the time-outs of commands; ends by cancellation."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._supervisor.run())
            group.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            now_ns = machine_ns()
            for text in (*self._outlet.tick(now_ns / NS_PER_S), *self._intake.unheard(now_ns)):
                self._port.event(text)
            await asyncio.sleep(_TICK_S)

    def obey(self, orders: Orders) -> None:
        """Take new orders."""
        self._orders = orders
        if self._front.obey(orders) and orders.stage in (Stage.LAST, Stage.FAILSAFE):
            self._outlet.preempt()
        self._finish(orders)

    def _finish(self, orders: Orders) -> None:
        """Say so where the last values, or those of the failsafe, have been acknowledged."""
        if orders.stage in (Stage.LAST, Stage.FAILSAFE) and self._outlet.all_acknowledged(orders.values):
            self._port.done()

    def subscriptions(self) -> list[Subscription]:
        """Topics of values, acknowledgements and commands."""
        spec = self._spec
        wanted = [Subscription(topic, qos) for topic, qos in self._intake.topics.items()]
        if spec.writes and spec.answers is not None:
            wanted.append(Subscription(spec.answers))
        if spec.commanded is not None:
            wanted.append(Subscription(spec.commanded.topic, as_published=True))
        return wanted

    def received(self, message: Incoming) -> None:
        """Take a message of any of them."""
        spec, now_ns = self._spec, machine_ns()
        if spec.commanded is not None and message.topic == spec.commanded.topic:
            self._judge(spec.commanded, message, now_ns)
        elif message.topic == spec.answers:
            for text in self._outlet.answered(message, now_ns):
                self._port.event(text)
            if self._orders is not None:
                self._finish(self._orders)
        else:
            for text in self._intake.received(message, time.time(), now_ns):
                self._port.event(text)
        self._port.publish()

    def _judge(self, commanded: Commanded, message: Incoming, now_ns: int) -> None:
        gate, port = self._gate, self._port
        assert gate is not None
        verdict = gate.judge(
            message.topic, message.payload, time.time(),
            retained=message.retained, loop_runs=self._front.loop_runs,
        )  # fmt: skip
        for name, value in verdict.values.items():
            port.image.accept(commanded.slots[name], value, now_ns)
        if verdict.refusal is not None:
            self._tell_refusal(verdict.refusal, message)
        for name, count in gate.counters().items():
            port.counts[name] = self._gate_base[name] + count
        # The loop has it before the sender is told so.
        port.publish()
        if verdict.answer is not None:
            body = write_acknowledgement(verdict.answer, time.time())
            payload = seal(commanded.answer_topic, body, self._signer)
            self._front.answer(Outgoing(commanded.answer_topic, payload))

    def _tell_refusal(self, refusal: Refusal, message: Incoming) -> None:
        """Tell of the first of each kind; the counters have the rest."""
        if self._gate is not None and self._gate.refused[refusal] == 1:
            self._port.event(f"a command on {message.topic} was refused: {refusal.value}")

    def outgoing(self) -> list[Outgoing]:
        """Give answers, then commands."""
        messages, orders = self._front.take(), self._orders
        if orders is not None and orders.stage in (Stage.GO, Stage.LAST, Stage.FAILSAFE):
            messages += self._outlet.due(orders.values, time.time(), machine_ns() / NS_PER_S)
        return messages

    def connection_changed(self, *, up: bool) -> None:
        """Begin anew: meanwhile the far end may have reverted."""
        self._front.connection_changed(up=up)
        if up:
            self._intake.listens(machine_ns())
        self._outlet.forget()
