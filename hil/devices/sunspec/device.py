"""An inverter, meter or battery that says itself what lies where: bound to its registers when it is first met.

In the cycle it is a Modbus TCP device. Each number is read with its power of ten and with the ID of its model in one
request; where the ID is not the expected one, after an update of the firmware for example, nothing is believed. What
cannot be had at start-up is told with the device's own models.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hil.config.points import Point
from hil.devices.modbus_conversation import BrokenError, Conversation, connect, resolve
from hil.devices.modbus_exchange import Exchange, ReadExchange, WriteExchange
from hil.devices.modbus_settings import ModbusTcpSettings
from hil.devices.modbus_tcp import ModbusTcpDevice
from hil.devices.sunspec.chain import Chain, walk
from hil.devices.sunspec.curtailment import COUNTERS, LEAST_POWER, Curtailment, CurtailSettings, Order, Seen
from hil.devices.sunspec.head import HeadExchange
from hil.devices.sunspec.points import Reference, WrongReferenceError, locate, point_of
from hil.devices.wire.codec import READ_HOLDING_REGISTERS, WRITE_REGISTERS, Request
from hil.devices.wire.frames import WriteFrame
from hil.errors import DeviceError, Problem
from hil.loop.image import GOOD, Image

LIMIT_POINTS = {123: ("WMaxLimPct", "WMaxLim_Ena"), 704: ("WMaxLimPct", "WMaxLimPctEna")}
"""Of each model that curtails: the limit, and whether it is enabled."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A point that is read into a slot of the image: reference, signal, slot, file and line."""

    reference: Reference
    signal: str
    slot: int
    place: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Curtail:
    """What is limited: settings, the slot the limit (%) is taken from, and the slots of its read-back.

    ``readback`` and ``enabled`` are among the points that are read.
    """

    settings: CurtailSettings
    limit: int
    readback: int
    enabled: int


class SunSpecDevice(ModbusTcpDevice):
    """One SunSpec device, behind :class:`hil.loop.protocols.Device`.

    Parameters
    ----------
    name, settings, image, now_ns, place
        As of :class:`hil.devices.modbus_tcp.ModbusTcpDevice`.
    unit_id : int
        Modbus unit.
    wanted : sequence of Wanted
        What is read.
    curtail : Curtail, optional
        What is limited.

    Attributes
    ----------
    chain : Chain
        The device's models, from :meth:`prove` on.
    """

    def __init__(
        self,
        name: str,
        settings: ModbusTcpSettings,
        image: Image,
        unit_id: int,
        wanted: Sequence[Wanted],
        now_ns: Callable[[], int],
        curtail: Curtail | None = None,
        place: tuple[str, int | None] = ("", None),
    ) -> None:
        super().__init__(name, settings, image, (), (), now_ns, place=place)
        self.chain = Chain(None, ())
        self._unit_id = unit_id
        self._wanted = tuple(wanted)
        self._curtail = curtail
        self._curtailment: Curtailment | None = None
        self._told = ""
        self._heads: tuple[HeadExchange, ...] = ()
        self._look: HeadExchange | None = None
        self._is_unseen = True

    # Set-up -------------------------------------------------------------------------------------------

    def prove(self, timeout_s: float) -> None:
        """Connect, find the device's models, and read every point once; may take ``timeout_s`` (s).

        Raises
        ------
        DeviceError
            Naming the device and what it does not have, with the models it does.
        """
        who = f'device "{self.name}" at {self.settings.address}'
        deadline_s = time.monotonic() + timeout_s
        connection = connect(who, self.settings, resolve(who, self.settings, self._place), self._place)
        try:
            self._discover(who, Conversation(connection, deadline_s))
        except (BrokenError, OSError) as error:
            why = str(error) if isinstance(error, BrokenError) else f"drops the connection: {error.strerror}"
            hint = "check host and port; close other clients of the device"
            raise DeviceError(Problem(*self._place, f"{who} {why}", hint)) from error
        finally:
            connection.close()
        super().prove(max(deadline_s - time.monotonic(), 0.0))

    def adopt(self, connection: socket.socket) -> None:
        """Go on with a connection that is already made, after :meth:`prove` has found the models."""
        super().adopt(connection)
        if self._curtailment is not None:
            self._curtailment.forget()

    def _discover(self, who: str, conversation: Conversation) -> None:
        self.chain = self._walked(conversation)
        if self.chain.base is None or not self.chain.models:
            what = f"{who}, unit id {self._unit_id}, is no SunSpec device: {self.chain.trouble}"
            raise DeviceError(Problem(*self._place, what, "check unit_id, and that SunSpec is switched on"))
        problems: list[Problem] = []
        reads: list[tuple[Point, int]] = []
        for wanted in self._wanted:
            try:
                point = point_of(self.chain, wanted.reference, wanted.signal, self._unit_id, wanted.place)
            except WrongReferenceError as error:
                what = f"{who}: {wanted.signal} as {wanted.reference}: {error}"
                problems.append(Problem(*wanted.place, what, error.hint))
                continue
            reads.append((point, wanted.slot))
        if problems:
            raise DeviceError(problems)
        self._bind(reads, (), None)
        models = dict.fromkeys(locate(self.chain, wanted.reference)[0] for wanted in self._wanted)
        self._heads = tuple(HeadExchange(self._unit_id, found) for found in models)
        if self._curtail is not None:
            self._curtailment = self._limiter(who, self._curtail, conversation)

    def _walked(self, conversation: Conversation) -> Chain:
        steps = walk()
        ask = next(steps)
        while True:
            registers = self._registers(conversation, ask.address, ask.count)
            try:
                ask = steps.send(registers)
            except StopIteration as end:
                chain: Chain = end.value
                return chain

    def _registers(self, conversation: Conversation, address: int, count: int) -> Sequence[int] | None:
        time.sleep(self.settings.gap_ms / 1e3)
        request = Request(self._unit_id, READ_HOLDING_REGISTERS, address, count)
        reply = conversation.ask(request, self.settings.reply_timeout_s)
        if reply is None or reply.exception or len(reply.values) != count:
            return None
        return reply.values

    def _limiter(self, who: str, curtail: Curtail, conversation: Conversation) -> Curtailment:
        """Make the sequence for the device's own place and scale of the limit."""
        limit, _ = LIMIT_POINTS[curtail.settings.model]
        found, model, point = locate(self.chain, Reference(curtail.settings.model, limit))
        scale = model.scale_of(point)
        assert scale is not None
        self._look = HeadExchange(self._unit_id, found, scale.offset)
        registers = self._registers(conversation, found.address + scale.offset, 1)
        power = 0x8000 if registers is None else registers[0]
        power -= (power & 0x8000) << 1
        if not LEAST_POWER <= power <= 0:
            what = f"{who}: {found.id}.{scale.name} is {power}, so that a limit in % cannot be sent"
            raise DeviceError(Problem(*self._place, what, "the device must give a power of ten of 0 to -10"))
        return Curtailment(curtail.settings, found, power)

    # The cycle ----------------------------------------------------------------------------------------

    def begin_read(self, now_ns: int) -> None:
        """Queue what is to be read; on a new connection first the heads of the models, to tell what has moved."""
        if self._is_unseen and self._link.connected:
            self._is_unseen = False
            self._queue.extend(self._heads)
        super().begin_read(now_ns)

    def begin_write(self, now_ns: int) -> None:
        """Queue what the limit needs now, and send what may go."""
        super().begin_write(now_ns)
        curtailment, curtail = self._curtailment, self._curtail
        if curtailment is None or curtail is None or not self._link.connected:
            return
        order = curtailment.due(now_ns, self._image.values[curtail.limit], self._seen(curtail))
        if curtailment.trouble and curtailment.trouble != self._told:
            self._events.add(now_ns, curtailment.trouble)
        self._told = curtailment.trouble
        if order is not None and self._look is not None:
            self._queue.append(self._look)
            self.pump(now_ns)

    def _seen(self, curtail: Curtail) -> Seen | None:
        image = self._image
        if not image.quality[curtail.readback] == GOOD == image.quality[curtail.enabled]:
            return None
        oldest_ns = min(image.received_ns[curtail.readback], image.received_ns[curtail.enabled])
        return Seen(image.values[curtail.readback], image.values[curtail.enabled] == 1.0, oldest_ns)

    def _received(self, block: ReadExchange, rejected: int, received_ns: int) -> None:
        super()._received(block, rejected, received_ns)
        if block is self._look and self._curtailment is not None:
            order = self._curtailment.looked(*self._look.seen, received_ns)
            if order is not None:
                self._queue.appendleft(_Ordered(self._unit_id, order))
        elif isinstance(block, HeadExchange) and not block.is_there:
            self._events.add(received_ns, f"{block.names()}: its values are not believed; start the run anew")

    def _acknowledged(self, exchange: WriteExchange, received_ns: int) -> None:
        if not isinstance(exchange, _Ordered) or self._curtailment is None:
            super()._acknowledged(exchange, received_ns)
            return
        following = self._curtailment.acknowledged(exchange.order, received_ns)
        if following is None:
            self.last_write_ack_ns = received_ns
        else:
            self._queue.appendleft(_Ordered(self._unit_id, following))

    def _not_acknowledged(self, exchange: WriteExchange) -> None:
        super()._not_acknowledged(exchange)
        if isinstance(exchange, _Ordered) and self._curtailment is not None:
            self._curtailment.unanswered()

    def _refused(self, exchange: Exchange, code: int, now_ns: int) -> None:
        if isinstance(exchange, _Ordered) and self._curtailment is not None:
            self._curtailment.refused(exchange.order, code, now_ns)
            return
        if isinstance(exchange, HeadExchange):
            if exchange is self._look and self._curtailment is not None:
                self._curtailment.refused(Order("look", exchange.found.address), code, now_ns)
            return
        super()._refused(exchange, code, now_ns)

    def _start_over(self) -> None:
        super()._start_over()
        self._is_unseen = True

    def _lose_connection(self) -> None:
        super()._lose_connection()
        if self._curtailment is not None:
            self._curtailment.lost()

    # From outside the cycle ---------------------------------------------------------------------------

    def force_writes(self) -> None:
        """Have the limit sent at the next :meth:`write`, whatever is held."""
        super().force_writes()
        if self._curtailment is not None:
            self._curtailment.forget()

    def counters(self) -> dict[str, int]:
        """As of a Modbus TCP device, and :data:`hil.devices.sunspec.curtailment.COUNTERS` where it is limited."""
        if self._curtail is None:
            return super().counters()
        counts = dict.fromkeys(COUNTERS, 0) if self._curtailment is None else self._curtailment.counts
        return super().counters() | counts


class _Ordered(WriteExchange):
    """A request of the sequence."""

    __slots__ = ("order",)

    def __init__(self, unit_id: int, order: Order) -> None:
        frame = WriteFrame(unit_id, WRITE_REGISTERS, order.address, len(order.words))
        super().__init__(frame, (), list(order.words))
        self.order = order
