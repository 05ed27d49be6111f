"""How often a register may be written: a shortest interval, a budget in any window. Pure: time is an argument."""

from __future__ import annotations

from collections import deque
from enum import IntEnum

NS_PER_S = 1_000_000_000
DAY_NS = 86_400 * NS_PER_S
MINUTE_NS = 60 * NS_PER_S
_PARTS = 24
"""Parts of a window that are counted as one: a day's writes are forgotten hour by hour."""


class Budget:
    """At most so many of something in *any* window of time, not only from midnight to midnight.

    The window moves on in parts, so that a budget takes no more memory than a day has hours; what was spent in a part
    counts until the whole part has left the window, up to one part longer than need be.

    Parameters
    ----------
    most : int
        In a window.
    window_ns : int
        Its length, ns.

    Attributes
    ----------
    spent : int
        In the window as of the last look.
    """

    __slots__ = ("_most", "_part_ns", "_parts", "spent")

    def __init__(self, most: int, window_ns: int) -> None:
        self._most = most
        self._part_ns = max(window_ns // _PARTS, 1)
        self._parts: deque[list[int]] = deque()
        self.spent = 0

    def has_room(self, now_ns: int) -> bool:
        """Whether one more may be spent at ``now_ns``."""
        self._forget(now_ns)
        return self.spent < self._most

    def spend(self, now_ns: int) -> None:
        """Note one that was spent at ``now_ns``, with room or without."""
        self._forget(now_ns)
        part = now_ns // self._part_ns
        if not self._parts or self._parts[-1][0] != part:
            self._parts.append([part, 0])
        self._parts[-1][1] += 1
        self.spent += 1

    def room_ns(self, now_ns: int) -> int:
        """When there is room again, if nothing more is spent until then, ns."""
        self._forget(now_ns)
        left = self.spent
        for part, spent in self._parts:
            if left < self._most:
                break
            left -= spent
            now_ns = (part + 1 + _PARTS) * self._part_ns
        return now_ns

    def _forget(self, now_ns: int) -> None:
        oldest = now_ns // self._part_ns - _PARTS
        while self._parts and self._parts[0][0] < oldest:
            self.spent -= self._parts.popleft()[1]


class Hold(IntEnum):
    """Why a write has to wait."""

    NONE = 0
    INTERVAL = 1
    BUDGET = 2


class Gate:
    """What a write of one register has to pass.

    Parameters
    ----------
    min_interval_ns : int
        Shortest time from one write to the next, ns; 0 for none.
    writes_per_day : int or None
        Most writes in any 24 h.

    Attributes
    ----------
    budget : Budget or None
        Of the day.
    """

    __slots__ = ("_min_interval_ns", "_sent_ns", "budget")

    def __init__(self, min_interval_ns: int, writes_per_day: int | None) -> None:
        self._min_interval_ns = min_interval_ns
        self.budget = None if writes_per_day is None else Budget(writes_per_day, DAY_NS)
        self._sent_ns: int | None = None

    def hold(self, now_ns: int) -> Hold:
        """Say what holds a write back at ``now_ns``."""
        if self._sent_ns is not None and now_ns - self._sent_ns < self._min_interval_ns:
            return Hold.INTERVAL
        if self.budget is not None and not self.budget.has_room(now_ns):
            return Hold.BUDGET
        return Hold.NONE

    def sent(self, now_ns: int) -> None:
        """Note a write that left at ``now_ns``, acknowledged or not: the register may have been written."""
        self._sent_ns = now_ns
        if self.budget is not None:
            self.budget.spend(now_ns)
