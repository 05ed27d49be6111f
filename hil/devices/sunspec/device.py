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

from hil.devices.modbus.conversation import BrokenError, Conversation, connect, resolve
from hil.devices.modbus.exchange import Exchange, ReadExchange, WriteExchange
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.modbus.tcp import ModbusTcpDevice
from hil.devices.sunspec.chain import Chain
from hil.devices.sunspec.curtailment import COUNTERS, Curtailment, CurtailSettings, Order, Seen
from hil.devices.sunspec.discovery import Discovery, Wanted
from hil.devices.sunspec.head import HeadExchange
from hil.devices.wire.codec import WRITE_REGISTERS
from hil.devices.wire.frames import WriteFrame
from hil.errors import DeviceError, Problem
from hil.loop.image import GOOD, Image

_ILLEGAL_ADDRESS = 2


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
        As of :class:`hil.devices.modbus.tcp.ModbusTcpDevice`.
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
        self._are_heads_due = True
        self._is_elsewhere = False
        self._models_elsewhere = 0
        self._put_off: Exchange | None = None

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
        found = Discovery(who, self._place, self.settings, self._unit_id, conversation)
        self.chain = found.chain
        if self.chain.trouble:
            self._events.add(self._now_ns(), f"only the first models are known: {self.chain.trouble}")
        self._bind(found.points(self._wanted), (), None)
        self._heads = found.heads(self._wanted)
        if self._curtail is not None:
            self._curtailment, self._look = found.limiter(self._curtail.settings)

    @property
    def is_written(self) -> bool:
        """Whether it is limited."""
        return self._curtail is not None

    # The cycle ----------------------------------------------------------------------------------------

    def begin_read(self, now_ns: int) -> None:
        """Queue what is to be read; on a new connection the heads of the models first.

        Where one does not lie where it lay, the heads are all that is read: values are not believed, and grow old.
        """
        if not self._link.connected:
            self._link.maintain(now_ns)
            if not self._link.connected:
                return
        if self._are_heads_due:
            self._are_heads_due = False
            self._queue.extend(self._heads)
        if self._is_elsewhere:
            self.pump(now_ns)
        else:
            super().begin_read(now_ns)

    def begin_write(self, now_ns: int) -> None:
        """Queue what the limit needs now, and send what may go."""
        super().begin_write(now_ns)
        curtailment, curtail = self._curtailment, self._curtail
        if curtailment is None or curtail is None or not self._link.connected:
            return
        put_off, self._put_off = self._put_off, None
        if put_off is not None:
            self._queue.append(put_off)
            self.pump(now_ns)
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
        elif isinstance(block, HeadExchange):
            self._take_head(block, received_ns)

    def _take_head(self, head: HeadExchange, received_ns: int) -> None:
        if head.is_there:
            self._is_elsewhere = self._is_elsewhere and head is not self._heads[-1]
            return
        self._models_elsewhere += 1
        if not self._is_elsewhere:
            self._events.add(received_ns, f"{head.names()}: nothing is believed; start the run anew")
        self._is_elsewhere = self._are_heads_due = True
        # What was to come behind it would be read from the wrong place, or written there.
        self._queue.clear()
        self._put_off = None

    def end_phase(self, now_ns: int) -> None:
        """Abandon what has not been answered; a step of the sequence that was not even sent comes first in the next."""
        if any(head in self._queue or head in self._in_flight.values() for head in self._heads):
            self._are_heads_due = True
        for exchange in self._queue:
            if exchange is self._look or isinstance(exchange, _Ordered):
                self._counts["requests_unsent"] += 1
                self._put_off = exchange
                self._queue.remove(exchange)
                break
        super().end_phase(now_ns)

    def _acknowledged(self, exchange: WriteExchange, received_ns: int) -> None:
        if not isinstance(exchange, _Ordered) or self._curtailment is None:
            super()._acknowledged(exchange, received_ns)
            return
        following = self._curtailment.acknowledged(exchange.order, received_ns)
        if following is None:
            self.last_write_ack_ns = received_ns
        else:
            self._queue.appendleft(_Ordered(self._unit_id, following))

    def _not_sent(self, exchange: WriteExchange) -> None:
        super()._not_sent(exchange)
        if isinstance(exchange, _Ordered) and self._curtailment is not None:
            self._curtailment.unanswered()

    def _refused(self, exchange: Exchange, code: int, now_ns: int) -> None:
        if isinstance(exchange, _Ordered) and self._curtailment is not None:
            self.writes_failed += 1
            self._curtailment.refused(exchange.order, code, now_ns)
            return
        if exchange is self._look and self._curtailment is not None:
            self._curtailment.refused(Order("look", self._look.found.address), code, now_ns)
            return
        if isinstance(exchange, HeadExchange):
            self._are_heads_due = True
            if code == _ILLEGAL_ADDRESS:
                exchange.seen = (0, 0, 0)
                self._take_head(exchange, now_ns)
            return
        super()._refused(exchange, code, now_ns)

    def _start_over(self) -> None:
        super()._start_over()
        self._are_heads_due = True
        self._put_off = None

    def _lose_connection(self) -> None:
        super()._lose_connection()
        self._are_heads_due = True
        self._put_off = None
        if self._curtailment is not None:
            self._curtailment.lost()

    # From outside the cycle ---------------------------------------------------------------------------

    def force_writes(self) -> None:
        """Have the limit sent at the next :meth:`write`, whatever is held."""
        super().force_writes()
        self._put_off = None
        if self._curtailment is not None:
            self._curtailment.forget()

    def counters(self) -> dict[str, int]:
        """As of a Modbus TCP device, with ``models_elsewhere``: heads that were not found where they had been.

        Where the device is limited also :data:`hil.devices.sunspec.curtailment.COUNTERS`.
        """
        own = super().counters() | {"models_elsewhere": self._models_elsewhere}
        if self._curtail is None:
            return own
        counts = dict.fromkeys(COUNTERS, 0) if self._curtailment is None else self._curtailment.counts
        return own | counts


class _Ordered(WriteExchange):
    """A request of the sequence."""

    __slots__ = ("order",)

    def __init__(self, unit_id: int, order: Order) -> None:
        frame = WriteFrame(unit_id, WRITE_REGISTERS, order.address, len(order.words))
        super().__init__(frame, (), list(order.words))
        self.order = order
