"""What follows when a device answers with an exception: what is asked instead, what is marked, what is told."""

from __future__ import annotations

from collections.abc import Sequence

from hil.devices.events import Events
from hil.devices.modbus.exchange import ReadExchange, WriteExchange
from hil.devices.modbus.reads import ReadPlan
from hil.devices.modbus.writes import WritePlan
from hil.devices.wire.codec import DEVICE_FAILURE, ILLEGAL_ADDRESS, ILLEGAL_VALUE, exception_in_words

SPLITTING_EXCEPTIONS = frozenset({ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE})
"""Exceptions that one bad point of a block can cause."""

PASSING_EXCEPTIONS = frozenset({5, 6, 10, 11})
"""Exceptions of a busy device or a gateway: no point is bad, its value only grows old."""

_PATIENCE = 3
"""So often in succession a device may refuse what it has given before, or fail, until a point is thought the cause:
most of that passes."""
_PASSED_PROBE_NS = 1_000_000_000
"""How soon at the latest a point is asked again that its device had given before, or failed to give, ns."""


class Refusals:
    """Narrows a refusal down to the point that causes it, and tells it once.

    Sends nothing: what is to go out at once is given back, in order.

    Parameters
    ----------
    reads, writes : ReadPlan, WritePlan
        What the device is asked for and written; learn which requests to part.
    counts : dict of str to int
        The device's counters, shared.
    events : Events
        The device's, shared.
    probe_s : float
        How long a refused point is left alone, s.

    Attributes
    ----------
    heartbeat : int
        Exception code of the heartbeat's last refusal; the owner sets it to 0 when it is acknowledged.
    """

    __slots__ = ("_counts", "_events", "_probe_ns", "_reads", "_writes", "heartbeat")

    def __init__(
        self, reads: ReadPlan, writes: WritePlan, counts: dict[str, int], events: Events, probe_s: float
    ) -> None:
        self._reads, self._writes = reads, writes
        self._counts = counts
        self._events = events
        self._probe_ns = int(probe_s * 1e9)
        self.heartbeat = 0

    def of_read(self, block: ReadExchange, code: int, now_ns: int) -> list[ReadExchange]:
        """Take a refusal of ``block``; gives what to ask at once in its place."""
        may_pass = code == DEVICE_FAILURE or block.answered
        passes = code in PASSING_EXCEPTIONS or (may_pass and _has_patience(block))
        if not passes and code in SPLITTING_EXCEPTIONS and len(block.block.cells) > 1:
            return self._split(block, may_pass)
        if not passes:
            block.mark_bad()
            probe_ns = min(self._probe_ns, _PASSED_PROBE_NS) if may_pass else self._probe_ns
            self._reads.put_off(block, now_ns + probe_ns)
            self._counts["points_refused"] += len(block.block.members)
        if block.refused != code:
            block.refused = code
            self._events.add(now_ns, f"{block.names()} refused: {exception_in_words(code)}")
        return []

    def _split(self, block: ReadExchange, may_pass: bool) -> list[ReadExchange]:
        self._counts["blocks_split"] += 1
        block.failures = 0
        parts = self._reads.split(block)
        for part in parts:
            # The cause is being looked for: its parts get no patience of their own.
            part.failures = _PATIENCE if may_pass else 0
        return parts

    def answers_again(self, block: ReadExchange, now_ns: int) -> None:
        """Note that ``block``, refused until now, has been answered."""
        if block.failures >= _PATIENCE:
            # The device was the cause and not the point, so what was split because of it is whole again.
            self._reads.start_over()
        block.refused = block.failures = 0
        block.probe_ns = 0
        self._events.add(now_ns, f"{block.names()} answers again")

    def of_write(
        self, exchange: WriteExchange, code: int, now_ns: int
    ) -> tuple[Sequence[WriteExchange], bool]:
        """Take a refusal of ``exchange``; gives what to write at once instead, and whether the heartbeat follows."""
        splits = code in SPLITTING_EXCEPTIONS
        self._counts["writes_refused_by_peer"] += 1
        self._writes.look_closer(exchange, apart=splits)
        if splits and exchange.beats and exchange.cells:
            # Which of the two it was shows when the values go alone; the heartbeat waits for them.
            self._counts["heartbeats_unacknowledged"] += 1
            return (exchange.without_heartbeat(),), True
        if splits and len(exchange.cells) > 1:
            return exchange.halves(), False
        if exchange.beats:
            self._of_heartbeat(code, now_ns)
        if any(cell.refused != code for cell in exchange.cells):
            self._events.add(now_ns, f"writing {exchange.names()} refused: {exception_in_words(code)}")
        for cell in exchange.cells:
            cell.forget()
            cell.refused = code
            cell.alone = splits
        return (), False

    def _of_heartbeat(self, code: int, now_ns: int) -> None:
        self._counts["heartbeats_unacknowledged"] += 1
        if code != self.heartbeat:
            self.heartbeat = code
            self._events.add(now_ns, f"the heartbeat is refused: {exception_in_words(code)}")


def _has_patience(block: ReadExchange) -> bool:
    block.failures += 1
    return block.failures < _PATIENCE
