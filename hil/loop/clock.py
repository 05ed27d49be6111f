"""Loop time: on a wall clock by absolute deadlines, on a virtual clock as fast as the machine can.

Both start at 0 with the run and count ns, so that the cycle is the same code on either.
"""

from __future__ import annotations

from collections.abc import Callable

from hil.loop.machine_time import NS_PER_S, machine_ns, sleep_until

__all__ = ["NS_PER_S", "VirtualClock", "WallClock"]


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
    """The machine's clock, which steps of the time of day (NTP) do not move and a suspend does not stop.

    Attributes
    ----------
    spin_ns : int
        0 blocks to the deadline. Above 0, the last so many ns before it are spent looking at the clock: the wake-up
        of the system is over by then, and a processor is kept busy for it.
    rehearse : callable or None
        Called ``rehearse_ns`` before each deadline, unless half of that time is already gone.
    """

    __slots__ = ("_origin_ns", "rehearse", "rehearse_ns", "spin_ns")

    def __init__(self, spin_ns: int = 0) -> None:
        self._origin_ns = machine_ns()
        self.spin_ns = spin_ns
        self.rehearse: Callable[[], None] | None = None
        self.rehearse_ns = 0

    def start(self) -> None:
        """Make now loop time 0."""
        self._origin_ns = machine_ns()

    def now_ns(self) -> int:
        """Loop time, ns."""
        return machine_ns() - self._origin_ns

    def wait_until(self, deadline_ns: int) -> int:
        """Wait for the absolute ``deadline_ns``; a sleep that ends early is taken up again."""
        now, at_ns = machine_ns, deadline_ns + self._origin_ns
        if self.rehearse is not None:
            self._rehearse(at_ns)
        asleep_to_ns = at_ns - self.spin_ns
        while (now_ns := now()) < asleep_to_ns:
            sleep_until(asleep_to_ns)
        while now_ns < at_ns:
            now_ns = now()
        return now_ns - self._origin_ns

    def _rehearse(self, at_ns: int) -> None:
        assert self.rehearse is not None
        early_ns = at_ns - self.spin_ns - self.rehearse_ns
        while machine_ns() < early_ns:
            sleep_until(early_ns)
        if machine_ns() < early_ns + self.rehearse_ns // 2:
            self.rehearse()
