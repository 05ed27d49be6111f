"""Levels over time as straight lines between knots, with exact values and means."""

from __future__ import annotations

import copy
import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from plant_models.errors import WorkloadError


class Curve:
    """Straight segments with jumps allowed between them; the first and last level hold beyond the ends.

    Mutable in one thing, the segment of the last question: it saves the search when time runs on and never
    changes an answer, since the segment a time belongs to does not depend on where the search begins.

    Parameters
    ----------
    before : float
        Level before the first segment.
    segments : iterable of (start_s, start_level, end_level)
        In strictly rising order of time, each until the start of the next.  # (n,)
    end_s, after : float
        End of the last segment, s, and the level from there on.
    period_s : float, optional
        The segments, together this long, repeat from the first one's start on.
    """

    __slots__ = (
        "_anchors",
        "_areas",
        "_cursor",
        "_lengths",
        "_period_s",
        "_rises",
        "_starts",
        "_times",
    )

    def __init__(
        self,
        before: float,
        segments: Iterable[tuple[float, float, float]],
        end_s: float,
        after: float,
        period_s: float | None = None,
    ) -> None:
        inner = list(segments)
        bounds_s = [start_s for start_s, _, _ in inner] + [end_s]
        # A segment without end on either side: every time lies in one, and the search has no special case.
        self._times = [-math.inf, *bounds_s, math.inf]
        self._anchors = [bounds_s[0], *bounds_s]
        self._starts = [before, *(start for _, start, _ in inner), after]
        self._rises = [0.0, *(end - start for _, start, end in inner), 0.0]
        self._lengths = [1.0, *(later - earlier for earlier, later in pairwise(bounds_s)), 1.0]
        self._areas = [0.0, 0.0]
        for start, rise, length_s in zip(
            self._starts[1:-1], self._rises[1:-1], self._lengths[1:-1], strict=True
        ):
            self._areas.append(self._areas[-1] + (start + 0.5 * rise) * length_s)
        self._period_s = period_s
        self._cursor = 0

    def fork(self) -> Curve:
        """Give the same levels, not copied, with a memory of its own for where the last question fell."""
        return copy.copy(self)

    def value(self, t_s: float) -> float:
        """Level at ``t_s``; at a jump, the level after it."""
        if self._period_s is not None:
            t_s = self._fold(t_s)[1]
        segment = self._find(t_s)
        return self._level(segment, t_s)

    def mean(self, t0_s: float, t1_s: float) -> float:
        """Mean level between ``t0_s`` and ``t1_s``; the level where they are equal."""
        if t1_s < t0_s:
            t0_s, t1_s = t1_s, t0_s
        if self._period_s is None:
            return self._mean(t0_s, t1_s)
        cycle0, phase0_s = self._fold(t0_s)
        cycle1, phase1_s = self._fold(t1_s)
        if cycle0 == cycle1:
            return self._mean(phase0_s, phase1_s)
        first_s, last_s = self._times[1], self._times[-2]
        # Before the first start there is no cycle, and the level there joins the first one without a gap.
        area = self._area(phase0_s, first_s if cycle0 < 0 else last_s) + self._area(first_s, phase1_s)
        whole_cycles = cycle1 - max(cycle0 + 1, 0)
        return (area + whole_cycles * self._areas[-1]) / (t1_s - t0_s)

    def held_until_s(self, t_s: float) -> float:
        """Time up to which the level stays what it is at ``t_s``, s, but for rounding; ``t_s`` where it moves."""
        phase_s = t_s if self._period_s is None else self._fold(t_s)[1]
        segment = self._find(phase_s)
        return t_s if self._rises[segment] != 0.0 else t_s + (self._times[segment + 1] - phase_s)

    def _fold(self, t_s: float) -> tuple[int, float]:
        """Cycle that ``t_s`` lies in, −1 before the first, and the same time in the first cycle, s."""
        first_s = self._times[1]
        if t_s < first_s or self._period_s is None:
            return -1, t_s
        cycle = math.floor((t_s - first_s) / self._period_s)
        phase_s = t_s - cycle * self._period_s
        # Rounding may put it just outside its cycle.
        if phase_s < first_s:
            phase_s = first_s
        elif phase_s >= self._times[-2]:
            phase_s = math.nextafter(self._times[-2], first_s)
        return cycle, phase_s

    def _find(self, t_s: float) -> int:
        times = self._times
        segment = self._cursor
        if not times[segment] <= t_s < times[segment + 1]:
            segment += 1
            if not (segment < len(times) - 1 and times[segment] <= t_s < times[segment + 1]):
                segment = min(bisect_right(times, t_s), len(times) - 1) - 1
            self._cursor = segment
        return segment

    def _level(self, segment: int, t_s: float) -> float:
        rise = self._rises[segment]
        if rise == 0.0:
            return self._starts[segment]
        return self._starts[segment] + rise * ((t_s - self._anchors[segment]) / self._lengths[segment])

    def _mean(self, t0_s: float, t1_s: float) -> float:
        """Mean level from ``t0_s`` to ``t1_s``, not earlier; nothing is folded here."""
        segment = self._find(t0_s)
        if t1_s < self._times[segment + 1]:
            return self._level(segment, 0.5 * (t0_s + t1_s))
        return self._area(t0_s, t1_s) / (t1_s - t0_s)

    def _area(self, t0_s: float, t1_s: float) -> float:
        """Integral from ``t0_s`` to ``t1_s``, not earlier, level times s; nothing is folded here."""
        first = self._find(t0_s)
        last = self._find(t1_s)
        if first == last:
            return self._level(first, 0.5 * (t0_s + t1_s)) * (t1_s - t0_s)
        first_end_s = self._times[first + 1]
        last_start_s = self._times[last]
        head = self._level(first, 0.5 * (t0_s + first_end_s)) * (first_end_s - t0_s)
        tail = self._level(last, 0.5 * (last_start_s + t1_s)) * (t1_s - last_start_s)
        return head + (self._areas[last] - self._areas[first + 1]) + tail


class Line(Protocol):
    """What answers for a load: a :class:`Curve`, or something made of such."""

    def value(self, t_s: float) -> float:
        """Level at ``t_s`` (s)."""
        ...

    def mean(self, t0_s: float, t1_s: float) -> float:
        """Exact mean level between two times (s)."""
        ...

    def held_until_s(self, t_s: float) -> float:
        """Time (s) up to which the level stays what it is at ``t_s``."""
        ...

    def fork(self) -> Line:
        """Give the same levels with a memory of its own."""
        ...


@dataclass(frozen=True, slots=True)
class Profile:
    """A level over time, the base of all loads.

    Frozen but for one thing without effect on any answer: the curve remembers where the last question fell.
    """

    _curve: Line = field(init=False, repr=False, compare=False)

    @property
    def line(self) -> Line:
        """What answers for this load."""
        return self._curve

    def value(self, t_s: float) -> float:
        """Level at ``t_s`` (s); at a jump, the level after it."""
        return self._curve.value(t_s)

    def mean(self, t0_s: float, t1_s: float) -> float:
        """Exact mean level from ``t0_s`` to ``t1_s`` (s); the level where they are equal."""
        return self._curve.mean(t0_s, t1_s)

    def held_until_s(self, t_s: float) -> float:
        """Time up to which the level stays what it is at ``t_s``, s, but for rounding; ``t_s`` where it moves."""
        return self._curve.held_until_s(t_s)

    def _draw(self, curve: Line) -> None:
        object.__setattr__(self, "_curve", curve)


def check_finite(**values: float) -> None:
    """Refuse figures that are not finite, by name."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise WorkloadError(f"{name} is {value}: it must be finite")


def check_positive(**values: float) -> None:
    """Refuse figures that are not above 0 and finite, by name."""
    for name, value in values.items():
        if not 0.0 < value < math.inf:
            raise WorkloadError(f"{name} is {value}: it must be above 0 and finite")
