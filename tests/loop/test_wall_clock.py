"""The wall clock against the machine's own: absolute deadlines do not drift, whatever the cycles take."""

from __future__ import annotations

import time

from hil.loop.clock import WallClock
from hil.loop.cycle import Cycle, CycleParts, CycleSettings, StopFlag
from hil.loop.events import EventLog
from hil.loop.image import Image, Signal
from hil.loop.overrun import OverrunPolicy, OverrunSettings


class Busy:
    """A controller that works for 1 to 3 ms of every 5."""

    name = "busy"

    def __init__(self) -> None:
        self.stamps: list[int] = []

    def run(self, now_ns: int, dt_s: float) -> None:
        self.stamps.append(now_ns)
        until = time.perf_counter_ns() + 1_000_000 * (1 + len(self.stamps) % 3)
        while time.perf_counter_ns() < until:
            pass

    def counters(self) -> dict[str, int]:
        return {}


class Nowhere:
    def push(self, now_ns: int) -> None:
        pass


def test_a_deadline_is_never_early_and_the_past_returns_at_once() -> None:
    clock = WallClock()
    clock.start()
    assert clock.wait_until(20_000_000) >= 20_000_000
    before = clock.now_ns()
    assert before <= clock.wait_until(0) <= clock.now_ns()


def test_three_hundred_busy_cycles_end_where_the_grid_says() -> None:
    period_ns, count, busy = 5_000_000, 300, Busy()
    parts = CycleParts(Image([Signal("a", "1", 0, 1, 0)]), controllers=(busy,))
    settings = CycleSettings(period_ns, count * period_ns, 1, 1, is_virtual=False)
    policy = OverrunPolicy(OverrunSettings())
    began = time.monotonic()
    cycle = Cycle(parts, WallClock(), settings, policy, Nowhere(), EventLog(), StopFlag())
    end = cycle.run()
    took_s = time.monotonic() - began
    assert end.simulated_s == count * period_ns / 1e9
    # Every point of the grid had its cycle or was counted, even on a machine that is busy with something else.
    last = busy.stamps[-1] // period_ns
    assert len(busy.stamps) + policy.skipped_periods >= last + 1
    late_ns = sorted(now_ns % period_ns for now_ns in busy.stamps)
    # With relative sleeps 2 ms of work a cycle and every wake-up's delay would add up to more than half a second.
    assert late_ns[len(late_ns) // 2] < 1_500_000
    assert took_s < 2.2
