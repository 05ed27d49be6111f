"""What a bad bus may cost the cycle: each phase held against its deadline, each fault against the next fresh values.

A machine that gives the processor to others for a while spoils single cycles and single recoveries, so everything is
judged by its middle, and what fell into a time in which a witness (``tests/benchmarks/witness.py``) was late is left
out. A defect is there in every cycle, and moves the middle.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from witness import Late, held_ns

MACHINE_NS = 500_000
"""How long the witness may be held up in a stretch that counts, ns: more is the machine's doing."""
HORIZON = 2
"""Cycles after a fault in which the machine must have been there for its recovery to count."""


@dataclass(slots=True)
class Seen:
    """One cycle: its stamp and its point of the grid, loop time, ns; whether all values are of it, and GOOD; how far
    its read and its write returned after their deadlines, ns, the later of the two; frames disturbed since its stamp.
    """

    at_ns: int
    fresh: bool = False
    beyond_ns: int = -(1 << 62)
    injected: int = 0
    grid_ns: int = -1


class Inner(Protocol):
    """The device that is judged, and whether its last read was fresh."""

    is_fresh: bool

    def read(self, now_ns: int, deadline_ns: int) -> None: ...

    def write(self, now_ns: int, deadline_ns: int) -> None: ...

    def counters(self) -> dict[str, int]: ...

    def close(self) -> None: ...


@dataclass
class Timekeeper:
    """Between the cycle and a device, and a controller that controls nothing: it learns the grid's elapsed time."""

    inner: Inner
    now_ns: Callable[[], int]
    injected: Callable[[], int]
    """How many frames have been disturbed so far."""
    name: str = "timekeeper"
    cycles: list[Seen] = field(default_factory=list)
    _counted: int = 0
    _grid_s: float = 0.0

    def read(self, now_ns: int, deadline_ns: int) -> None:
        self.settle()
        self.inner.read(now_ns, deadline_ns)
        self.cycles.append(Seen(now_ns, self.inner.is_fresh, self.now_ns() - deadline_ns))

    def write(self, now_ns: int, deadline_ns: int, *, force: bool = False) -> None:
        self.inner.write(now_ns, deadline_ns)
        if not force:
            seen = self.cycles[-1]
            seen.beyond_ns = max(seen.beyond_ns, self.now_ns() - deadline_ns)

    def run(self, now_ns: int, dt_s: float) -> None:
        """Note the point of the grid: the sum of what the cycle tells its controllers."""
        self._grid_s += dt_s
        self.cycles[-1].grid_ns = round(self._grid_s * 1e9)

    def settle(self) -> None:
        """Put down to the last cycle what has been disturbed since it began."""
        total = self.injected()
        if self.cycles:
            self.cycles[-1].injected = total - self._counted
        self._counted = total

    def counters(self) -> dict[str, int]:
        return self.inner.counters()

    def close(self) -> None:
        self.inner.close()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one or more runs.

    Attributes
    ----------
    beyond_ns : list of int
        How far each cycle went beyond its budget; negative where it ended before.
    beyond_disturbed_ns : list of int
        The same of the cycles in which a frame was disturbed.
    recoveries : list of int
        Cycles from the end of each fault to fresh values, these included, with the machine there.
    spoiled : list of int
        The same where the machine was not.
    periods, skipped : int
        Periods that the machine gave us, and of these the ones in which no cycle ran.
    """

    beyond_ns: list[int] = field(default_factory=list)
    beyond_disturbed_ns: list[int] = field(default_factory=list)
    recoveries: list[int] = field(default_factory=list)
    spoiled: list[int] = field(default_factory=list)
    periods: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)

    def take(
        self,
        cycles: Sequence[Seen],
        ends_ns: Sequence[int],
        held_s: float,
        period_ns: int,
        late: Sequence[Late],
    ) -> None:
        """Add a run; ``ends_ns`` are when the faults were switched off, ``late`` the witness in loop time.

        A frame is held by the proxy for up to ``held_s`` (s): the end of that is the end of its fault.
        """
        self.beyond_ns.extend(seen.beyond_ns for seen in cycles)
        self.beyond_disturbed_ns.extend(seen.beyond_ns for seen in cycles if seen.injected)
        for before, after in pairwise(cycles):
            if held_ns(late, before.at_ns, after.at_ns) < MACHINE_NS:
                gone = (after.grid_ns - before.grid_ns) // period_ns
                self.periods.append(gone)
                self.skipped.append(gone - 1)
        for end_ns, cycle in fault_ends(cycles, ends_ns, period_ns):
            found = cycles_to_recover(cycles[cycle:], end_ns + int(held_s * 1e9))
            if found is not None:
                until_ns = end_ns + int(held_s * 1e9) + HORIZON * period_ns
                was_there = held_ns(late, end_ns - period_ns, until_ns) < MACHINE_NS
                (self.recoveries if was_there else self.spoiled).append(found)

    @property
    def skipped_share(self) -> float:
        """Share of the periods lost, of those that the machine gave us."""
        return sum(self.skipped) / max(sum(self.periods), 1)

    @property
    def recovery_cycles(self) -> float:
        """Median over the faults with the machine there; over all where these are too few to tell."""
        told = self.recoveries if len(self.recoveries) >= 5 else self.recoveries + self.spoiled
        return statistics.median(told) if told else float("inf")


def fault_ends(cycles: Sequence[Seen], ends_ns: Sequence[int], period_ns: int) -> list[tuple[int, int]]:
    """Give when a fault ended and the number of the first cycle after it: each disturbed cycle, each switching off."""
    ends = []
    for number, seen in enumerate(cycles[:-1]):
        if seen.injected:
            ends.append((min(seen.at_ns + period_ns, cycles[number + 1].at_ns), number + 1))
    for end_ns in ends_ns:
        after = [number for number, seen in enumerate(cycles) if seen.at_ns >= end_ns]
        ends += [(end_ns, after[0])] if after else []
    return ends


def cycles_to_recover(after: Sequence[Seen], end_ns: int) -> int | None:
    """Count the cycles stamped after ``end_ns`` up to the first fresh one, itself included; at least 1.

    None where another fault came before it, or the run ended: nobody knows then.
    """
    count = 0
    for seen in after:
        if seen.fresh:
            return count + 1 if seen.at_ns >= end_ns else 1
        if seen.injected:
            return None
        count += seen.at_ns >= end_ns
    return None


def percentile(values: Sequence[int], share: float) -> int:
    """Give the value that ``share`` of all do not exceed."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]
