"""What the loop itself costs: a cycle with signals to age, compare, limit, time and record, and nothing else in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from controller import Limiter
from hil.loop.clock import WallClock
from hil.loop.cycle import CycleParts, Sink, Timing
from hil.loop.histogram import Histogram
from hil.loop.image import GOOD, Image, Signal
from hil.loop.lateness import Wait, timed_cycle
from hil.loop.output import OutputStage
from hil.loop.realtime import RealTime, RealTimeSettings

_AGE_PERIODS = 3


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What is run ``before_ns`` (ns) ahead of each deadline, so that the cycle finds its code in the caches."""

    run: Callable[[], None]
    before_ns: int


class _Mailbox:
    """A device whose values have just arrived: stamps all of them in one go, as the fast path of the Modbus intake."""

    def __init__(self, image: Image, received: int) -> None:
        self._image = image
        self._run = slice(0, received)
        self._received = received

    def read(self, now_ns: int, deadline_ns: int) -> None:  # noqa: ARG002  as the protocol says
        self._image.received_ns[self._run] = [now_ns] * self._received

    def write(self, now_ns: int, deadline_ns: int, *, force: bool = False) -> None:
        pass

    def counters(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        pass


def idle_parts(signals: int, outputs: int, period_ns: int) -> CycleParts:
    """Parts of a cycle with ``signals`` signals, of which the last ``outputs`` are limited and the others received."""
    received = signals - outputs
    image = Image(
        [
            Signal(
                f"signal_{slot}", "%", 0.0, 100.0, 50.0, _AGE_PERIODS * period_ns if slot < received else 0
            )
            for slot in range(signals)
        ]
    )
    image.quality[:] = bytes([GOOD]) * signals
    stages = [
        OutputStage(image, slot, Limiter(0.0, 100.0, 50.0, 10.0, 10.0)) for slot in range(received, signals)
    ]
    return CycleParts(image, devices=(_Mailbox(image, received),), outputs=stages)


def measure_overhead(
    sink_of: Callable[[Image], Sink],
    seconds: float,
    period_s: float,
    priority: int | None,
    *,
    signals: int = 64,
    outputs: int = 4,
    wait: Wait = "block",
    rehearsed: Rehearsed | None = None,
) -> Timing:
    """Histograms of the loop's own work, ns; ``cycle`` is all of it, from the wake-up to the end of the row.

    ``sink_of`` makes the sink for an image: with the ring of a recorder, its cost is in the figure.
    """
    period_ns = round(period_s * 1e9)
    parts = idle_parts(signals, outputs, period_ns)
    settings = RealTimeSettings(priority, lock_memory=priority is not None, wait=wait)
    with RealTime(settings, period_ns) as granted:
        clock = WallClock(granted.spin_ns)
        if rehearsed is not None:
            clock.rehearse, clock.rehearse_ns = rehearsed.run, rehearsed.before_ns
        cycle = timed_cycle(parts, sink_of(parts.image), period_ns, round(seconds * 1e9), clock)
        cycle.run()
    return cycle.timing


def reference_ns(repeats: int = 2000) -> Histogram:
    """Time of 100 readings of the performance counter, ns: how fast this machine runs Python just now."""
    counter, times = time.perf_counter_ns, Histogram()
    for _ in range(repeats):
        began = counter()
        for _ in range(100):
            counter()
        times.record(counter() - began)
    return times
