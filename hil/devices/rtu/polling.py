"""What is read when: each block at its own pace, the slow ones spread over the scans, none for ever put behind."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from hil.devices.events import Events
from hil.devices.modbus.exchange import ReadExchange
from hil.devices.modbus.reads import ReadPlan
from hil.devices.modbus.refusals import Refusals
from hil.devices.modbus.writes import WritePlan
from hil.devices.readback import Readbacks
from hil.devices.rtu.settings import BusSettings, PolledPoint, StationSettings
from hil.devices.wire.coalesce import coalesce_reads
from hil.loop.image import Image

_IDLE_FACTOR = 10
"""A background point is read no more often than once in so many scans, however idle the bus."""

_FAILURES_BORNE = 3
_LONGEST_BACKOFF_NS = 10_000_000_000


class Plan(Protocol):
    """What a poll asks for."""

    def due(self, now_ns: int) -> Sequence[ReadExchange]:
        """Give what to ask for at ``now_ns``, in order."""
        ...

    def start_over(self) -> None:
        """Note that the port was opened anew."""
        ...


class ReadbackPlan:
    """Reads that verify the writes of a unit: each says itself when it is due."""

    __slots__ = ("_readbacks",)

    def __init__(self, readbacks: Readbacks) -> None:
        self._readbacks = readbacks

    def due(self, now_ns: int) -> Sequence[ReadExchange]:
        """See :class:`Plan`."""
        return self._readbacks.due(now_ns)

    def start_over(self) -> None:
        """See :class:`Plan`; everything is written again, and verified behind that."""


class Poll:
    """One block of one unit, read whole or in parts.

    Attributes
    ----------
    unit_id : int
        Whose.
    due_ns : int
        When it is to be read next, ns.
    period_ns : int
        From one read to the next, ns.
    least_ns : int
        Least time from one read to the next, ns: shorter than the period in the background.
    parts : deque of ReadExchange
        What is left to be asked of the present round.
    refusals : Refusals
        What follows an exception.
    """

    __slots__ = (
        "_failures",
        "_plan",
        "_read_ns",
        "due_ns",
        "least_ns",
        "parts",
        "period_ns",
        "refusals",
        "unit_id",
    )

    def __init__(
        self, unit_id: int, plan: Plan, refusals: Refusals, period_ns: int, least_ns: int, first_ns: int
    ) -> None:
        self.unit_id = unit_id
        self._plan = plan
        self.refusals = refusals
        self.period_ns, self.least_ns = period_ns, least_ns
        self.due_ns = first_ns
        self._read_ns = -least_ns
        self._failures = 0
        self.parts: deque[ReadExchange] = deque()

    @property
    def is_background(self) -> bool:
        """Whether it also takes time that nothing else needs."""
        return self.least_ns < self.period_ns

    def may_fill(self, now_ns: int) -> bool:
        """Whether an idle bus may read it before it is due."""
        return self.is_background and now_ns - self._read_ns >= self.least_ns

    def next_fill_ns(self) -> int:
        """When :meth:`may_fill` next holds."""
        return self._read_ns + self.least_ns if self.is_background else self.due_ns

    def take(self, now_ns: int) -> ReadExchange | None:
        """Give the next request of the round; None where all of its block is put off after refusals."""
        if not self.parts:
            self.parts.extend(self._plan.due(now_ns))
        if not self.parts:
            self.round_over(now_ns)
            return None
        return self.parts.popleft()

    def answered(self) -> None:
        """Note that a request of it was answered."""
        self._failures = 0

    def unanswered(self, now_ns: int) -> int:
        """Note that a request was not; what is left of the round is asked yet. Gives as :meth:`round_over`.

        A block that is not answered time after time is asked less and less often: each time costs its unit the trust.
        """
        self._failures += 1
        skipped = self.round_over(now_ns) if not self.parts else 0
        if self._failures > _FAILURES_BORNE:
            doubled = self.period_ns << min(self._failures - _FAILURES_BORNE, 10)
            self.due_ns = max(self.due_ns, now_ns + min(doubled, max(_LONGEST_BACKOFF_NS, self.period_ns)))
        return skipped

    def round_over(self, now_ns: int) -> int:
        """Set the time of the next round; gives how many rounds fell out for want of time."""
        self.parts.clear()
        self._read_ns = now_ns
        if self.is_background:
            self.due_ns = now_ns + self.period_ns
            return 0
        self.due_ns += self.period_ns
        skipped = max(0, (now_ns - self.due_ns) // self.period_ns)
        self.due_ns += skipped * self.period_ns
        return skipped

    def start_over(self) -> None:
        """Note that the port was opened anew."""
        self.parts.clear()
        self._failures = 0
        self._plan.start_over()


def make_polls(
    station: StationSettings, bus: BusSettings, image: Image, writes: WritePlan, counts: dict[str, int],
    events: Events, now_ns: int,
) -> list[Poll]:  # fmt: skip
    """Make a unit's polls; those of one class begin in different scans."""
    polls = []
    for every, points in _by_class(station.reads).items():
        pairs = [(polled.point, polled.slot) for polled in points]
        blocks = coalesce_reads([point for point, _ in pairs], station.limits.limits)
        for number, block in enumerate(blocks):
            plan = ReadPlan([pairs[member] for member in block.members], image, station.limits)
            refusals = Refusals(plan, writes, counts, events, station.limits.probe_s)
            scan_ns = round(bus.scan_s * 1e9)
            period_ns = every * scan_ns if every else round(bus.background_s * 1e9)
            least_ns = period_ns if every else min(_IDLE_FACTOR * scan_ns, period_ns)
            # All once at the beginning, whatever their class; from then on each in a scan of its own.
            poll = Poll(station.unit_id, plan, refusals, period_ns, least_ns, now_ns)
            poll.due_ns += (number % max(every, 1)) * scan_ns - (period_ns if every > 1 else 0)
            polls.append(poll)
    if writes.verifies:
        scan_ns = round(bus.scan_s * 1e9)
        none = ReadPlan((), image, station.limits)
        refusals = Refusals(none, writes, counts, events, station.limits.probe_s)
        readbacks = ReadbackPlan(writes.readbacks)
        polls.append(Poll(station.unit_id, readbacks, refusals, scan_ns, scan_ns, now_ns))
    return polls


def _by_class(reads: Sequence[PolledPoint]) -> dict[int, list[PolledPoint]]:
    classes: dict[int, list[PolledPoint]] = defaultdict(list)
    for polled in reads:
        classes[polled.every].append(polled)
    return dict(sorted(classes.items(), key=lambda item: item[0] or 1 << 30))


def choose(polls: Iterable[Poll], now_ns: int, is_free: Callable[[int], bool]) -> Poll | None:
    """Give the poll that has been due for longest; with none due, the background one not read for longest.

    A poll that is put behind keeps its time, and the next times of all others come to lie after it: none starves.
    """
    free = [poll for poll in polls if is_free(poll.unit_id)]
    due = [poll for poll in free if poll.parts or poll.due_ns <= now_ns]
    if due:
        return min(due, key=lambda poll: poll.due_ns)
    filling = [poll for poll in free if poll.may_fill(now_ns)]
    return min(filling, key=Poll.next_fill_ns) if filling else None
