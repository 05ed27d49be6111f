"""Loop time: on a wall clock by absolute deadlines, on a virtual clock as fast as the machine can.

Both start at 0 with the run and count ns, so that the cycle is the same code on either.
"""

from __future__ import annotations

import time

NS_PER_S = 1_000_000_000


class VirtualClock:
    """Time that jumps to each deadline at once: never late, exactly reproducible."""

    __slots__ = ("_now_ns",)

    def __init__(self) -> None:
        self._now_ns = 0

    def start(self) -> None:
        """Make now loop time 0."""
        self._now_ns = 0

    def now_ns(self) -> int:
        """Loop time, ns: the last deadline."""
        return self._now_ns

    def wait_until(self, deadline_ns: int) -> int:
        """Jump to ``deadline_ns``."""
        self._now_ns = deadline_ns
        return deadline_ns


class WallClock:
    """The machine's monotonic clock, which steps of the time of day (NTP) do not move."""

    __slots__ = ("_origin_ns",)

    def __init__(self) -> None:
        self._origin_ns = time.monotonic_ns()

    def start(self) -> None:
        """Make now loop time 0."""
        self._origin_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        """Loop time, ns."""
        return time.monotonic_ns() - self._origin_ns

    def wait_until(self, deadline_ns: int) -> int:
        """Sleep to the absolute ``deadline_ns``; a sleep that ends early is taken up again."""
        while True:
            now_ns = time.monotonic_ns() - self._origin_ns
            remaining_ns = deadline_ns - now_ns
            if remaining_ns <= 0:
                return now_ns
            time.sleep(remaining_ns / NS_PER_S)
