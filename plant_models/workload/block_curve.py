"""A level over time drawn block by block when it is asked for: it may go on for years and takes no more memory."""

from __future__ import annotations

import math
from collections.abc import Callable

from plant_models.workload.curve import Curve

_KEPT = 4


class BlockCurve:
    """Blocks of equal length, each drawn from its number alone, so that the order of questions changes nothing.

    Parameters
    ----------
    draw : callable
        Gives the curve of block k (0, 1, …) over 0 … ``length_s``, the same for the same k.
    length_s : float
        Of a block.
    start_s : float
        Where block 0 begins; before it its first level holds.
    """

    __slots__ = ("_at", "_curve", "_draw", "_first", "_high", "_kept", "_length_s", "_low", "_start_s")

    def __init__(self, draw: Callable[[int], Curve], length_s: float, start_s: float = 0.0) -> None:
        self._draw, self._length_s, self._start_s = draw, length_s, start_s
        self._kept: dict[int, Curve] = {}
        self._low, self._high, self._at = 0.0, -1.0, 0.0
        self._curve = self._block(0)
        self._first = self._curve.value(0.0)

    def fork(self) -> BlockCurve:
        """Give the same levels with a memory of its own for where the last question fell."""
        return BlockCurve(self._draw, self._length_s, self._start_s)

    def value(self, t_s: float) -> float:
        """Level at ``t_s``."""
        if not self._low <= t_s < self._high:
            if t_s < self._start_s:
                return self._first
            self._enter(t_s)
        return self._curve.value(t_s - self._at)

    def mean(self, t0_s: float, t1_s: float) -> float:
        """Mean level between ``t0_s`` and ``t1_s``; the level where they are equal."""
        if self._low <= t0_s <= t1_s < self._high:
            return self._curve.mean(t0_s - self._at, t1_s - self._at)
        if t1_s < t0_s:
            t0_s, t1_s = t1_s, t0_s
        if t1_s <= t0_s or t1_s <= self._start_s:
            return self.value(t0_s)
        if t0_s >= self._start_s:
            self._enter(t0_s)
            if t1_s < self._high:
                return self._curve.mean(t0_s - self._at, t1_s - self._at)
        area = self._first * max(self._start_s - t0_s, 0.0)
        t_s = max(t0_s, self._start_s)
        while t_s < t1_s:
            self._enter(t_s)
            end_s = min(self._high, t1_s)
            area += self._curve.mean(t_s - self._at, end_s - self._at) * (end_s - t_s)
            t_s = end_s
        return area / (t1_s - t0_s)

    def held_until_s(self, t_s: float) -> float:
        """Time up to which the level stays what it is at ``t_s``; at most the end of its block."""
        if t_s < self._start_s:
            return self._start_s
        self._enter(t_s)
        return min(self._at + self._curve.held_until_s(t_s - self._at), self._high)

    def _enter(self, t_s: float) -> None:
        """Make the block of ``t_s``, not before the start, the present one."""
        number = math.floor((t_s - self._start_s) / self._length_s)
        # Rounding may put it just outside its block: the bounds below decide, for every caller alike.
        if t_s < self._start_s + number * self._length_s:
            number -= 1
        elif t_s >= self._start_s + (number + 1) * self._length_s:
            number += 1
        self._at = self._start_s + number * self._length_s
        self._low, self._high = self._at, self._start_s + (number + 1) * self._length_s
        self._curve = self._block(number)

    def _block(self, number: int) -> Curve:
        found = self._kept.get(number)
        if found is None:
            if len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            found = self._kept[number] = self._draw(number)
        return found
