"""What is written to one unit: the cells due in each round of orders, then the heartbeat."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hil.devices.bridge.orders import Orders, Stage
from hil.devices.events import Events
from hil.devices.modbus.exchange import WriteExchange
from hil.devices.modbus.refusals import Refusals
from hil.devices.modbus.writes import WritePlan

_AGAIN_NS = 200_000_000
"""Pause before a round that failed is tried again with the same orders: the last of a run, the failsafe."""


@dataclass(slots=True)
class Failing:
    """Units of one device whose last round was not acknowledged in full: until none is, its heartbeat stands still."""

    unit_ids: set[int] = field(default_factory=set)


class Commands:
    """The written points of one unit.

    Parameters
    ----------
    unit_id : int
        On the bus.
    plan : WritePlan
        What is due.
    refusals : Refusals
        What follows an exception.
    failing : Failing
        Shared by all units of the device.
    counts : dict of str to int
        The bus's counters, shared.
    events : Events
        The bus's, shared.
    """

    __slots__ = ("_again_ns", "_beat_due", "_counts", "_events", "_failed", "_failing", "_is_open", "_plan", "_queue",
                 "_refusals", "_round", "_unit_id", "is_settled")  # fmt: skip

    def __init__(
        self, unit_id: int, plan: WritePlan, refusals: Refusals, failing: Failing, counts: dict[str, int],
        events: Events,
    ) -> None:  # fmt: skip
        self._unit_id = unit_id
        self._plan, self._refusals, self._failing = plan, refusals, failing
        self._counts, self._events = counts, events
        self._queue: deque[WriteExchange] = deque()
        self._round: tuple[int, Stage] = (0, Stage.WAIT)
        self._is_open = self._failed = self._beat_due = False
        self._again_ns = 0
        self.is_settled = True

    def take(self, orders: Orders, now_ns: int) -> WriteExchange | None:
        """Give what is to be written next at ``now_ns``; nothing where the orders are carried out."""
        if not self._is_open:
            self._begin(orders, now_ns)
        if not self._queue and self._beat_due:
            self._beat_due = False
            if not self._failing.unit_ids:
                self._queue.append(self._plan.next_heartbeat())
            else:
                self._counts["heartbeats_withheld"] += 1
        if not self._queue:
            self._end(now_ns)
            return None
        return self._queue.popleft()

    def _begin(self, orders: Orders, now_ns: int) -> None:
        asked = (orders.number, orders.stage)
        forced = orders.stage in (Stage.LAST, Stage.FAILSAFE)
        again = forced and self._failed and now_ns >= self._again_ns
        if orders.stage in (Stage.WAIT, Stage.REST) or (asked == self._round and not again):
            return
        if forced and asked != self._round:
            self._plan.forget()
        self._round = asked
        due, refused = self._plan.due(now_ns)
        self._counts["writes_refused"] += refused
        self._failed = bool(refused)
        self.is_settled = False
        self._is_open = True
        self._beat_due = self._plan.heartbeat is not None and orders.stage is not Stage.FAILSAFE
        if self._failed:
            self._note_failure()
        elif self._beat_due and self._plan.withholders and self._plan.is_distrusted():
            self._beat_due = False
            self._counts["heartbeats_withheld"] += 1
        elif self._beat_due and len(due) == 1 and not self._failing.unit_ids - {self._unit_id}:
            both = self._plan.joined(due[0])
            if both is not None:
                self._beat_due = False
                due = [both]
        self._queue.extend(due)

    def _end(self, now_ns: int) -> None:
        if not self._is_open:
            return
        self._is_open = False
        self._again_ns = now_ns + _AGAIN_NS
        self.is_settled = not self._failed
        if not self._failed:
            self._failing.unit_ids.discard(self._unit_id)

    def has_done(self, orders: Orders) -> bool:
        """Whether these very orders were acknowledged in full."""
        return self._round == (orders.number, orders.stage) and self.is_settled and not self._is_open

    def acknowledged(self, exchange: WriteExchange, received_ns: int) -> None:
        """Note that the unit has taken ``exchange``."""
        if exchange.beats:
            self._refusals.heartbeat = 0
        if not exchange.cells:
            return
        self._counts["writes_acknowledged"] += 1
        for cell in exchange.cells if exchange.tracked else ():
            if cell.refused:
                self._events.add(received_ns, f"writing {cell.names} is taken again")
            cell.confirm(received_ns)

    def refused(self, exchange: WriteExchange, code: int, now_ns: int) -> None:
        """Note that the unit has refused ``exchange``; what is to be tried in its place goes out next."""
        instead, heartbeat_follows = self._refusals.of_write(exchange, code, now_ns)
        self._queue.extendleft(reversed(instead))
        if heartbeat_follows:
            self._beat_due = True
        elif not instead:
            self._note_failure()

    def lost(self, exchange: WriteExchange) -> None:
        """Note that whether ``exchange`` was taken cannot be known: it is due again, and the round has failed."""
        self._counts["heartbeats_unacknowledged"] += exchange.beats
        self._counts["writes_unacknowledged"] += bool(exchange.cells)
        for cell in exchange.cells:
            cell.forget()
        self._note_failure()

    def hold(self) -> None:
        """Leave the rest of the round out: the unit is in doubt, and gets no commands before it is believed again."""
        self._counts["requests_unsent"] += len(self._queue)
        self._queue.clear()
        self._note_failure()

    def renew(self) -> None:
        """Have everything due: the unit may have been without power, and hold what it begins with."""
        self._plan.start_over()

    def _note_failure(self) -> None:
        self._failed = True
        self._failing.unit_ids.add(self._unit_id)
        if self._beat_due:
            self._beat_due = False
            self._counts["heartbeats_withheld"] += 1

    def start_over(self) -> None:
        """Note that the port was opened anew: everything is due."""
        self._queue.clear()
        self._is_open = False
        self._plan.start_over()
