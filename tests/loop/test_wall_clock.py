"""The wall clock against the machine's own: absolute deadlines do not drift, whatever the cycles take.

With relative sleeps, the work of each cycle and the delay of each wake-up would move all later ones: wake-ups would lie
anywhere in the period, half of them beyond its middle. A machine that is busy moves some of them, and may do so for
longer than one run takes; so up to RUNS runs are made until one finds it quiet. What must add up does so in each.
"""

from __future__ import annotations

import time

from hil.loop.clock import WallClock
from hil.loop.cycle import Cycle, CycleParts, CycleSettings, StopFlag
from hil.loop.events import EventLog
from hil.loop.image import Image, Signal
from hil.loop.overrun import OverrunPolicy, OverrunSettings

PERIOD_NS, COUNT, RUNS = 5_000_000, 200, 40


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


def late_of_a_run() -> list[int]:
    """Run COUNT periods; gives how late after its point of the grid each cycle began, ns, in ascending order."""
    busy, policy = Busy(), OverrunPolicy(OverrunSettings())
    parts = CycleParts(Image([Signal("a", "1", 0, 1, 0)]), controllers=(busy,))
    settings = CycleSettings(PERIOD_NS, COUNT * PERIOD_NS, 1, 1, is_virtual=False)
    began = time.monotonic()
    end = Cycle(parts, WallClock(), settings, policy, Nowhere(), EventLog(), StopFlag()).run()
    took_ns = 1e9 * (time.monotonic() - began)
    assert end.simulated_s == COUNT * PERIOD_NS / 1e9
    # Every point of the grid had its cycle or was counted, and the last one's work is over when the run is.
    last = busy.stamps[-1] // PERIOD_NS
    assert max(last + 1, COUNT) <= len(busy.stamps) + policy.skipped_periods <= took_ns / PERIOD_NS + 1
    assert took_ns >= max(busy.stamps[-1], (COUNT - 1) * PERIOD_NS)
    return sorted(now_ns % PERIOD_NS for now_ns in busy.stamps)


def test_busy_cycles_begin_where_the_grid_says() -> None:
    medians: list[int] = []
    while len(medians) < RUNS and (not medians or medians[-1] >= PERIOD_NS // 4):
        late_ns = late_of_a_run()
        medians.append(late_ns[len(late_ns) // 2])
    assert medians[-1] < PERIOD_NS // 4, medians
