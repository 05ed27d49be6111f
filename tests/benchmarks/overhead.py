"""What the loop itself costs a cycle: 64 signals to age, compare, limit, time and record, the ring included.

There is no plant, no control and no I/O.

``python tests/benchmarks/overhead.py --seconds 10 --rounds 5`` takes the ways below in turn, so that what the machine
does meanwhile meets all alike, and prints medians over the rounds: p50 and p99 in us, both as ratios to 100 readings of
the performance counter in the same round, the share of a period of 1 ms, and the phases. ``--priority 0`` stays in the
ordinary class.

The loop is awake for some ten us of each ms. What other programs push out of the caches is fetched again at 1 kHz
and 500 Hz, and not back to back; a rehearsal fetches it before the deadline.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from lateness import granted_priority, say

from hil.devices.rehearsal import REHEARSE_NS, Rehearsal
from hil.loop.image import Image
from hil.loop.overhead import Rehearsed, measure_overhead, reference_ns
from hil.loop.trend_layout import PHASES
from hil.record.ring import Ring
from hil.record.rows import RowLayout, RowSink

SIGNALS = 64
TARGET_US = 15.0
WORK = tuple(phase for phase in PHASES if phase != "wait")


@dataclass(frozen=True, slots=True)
class Way:
    """A period (s), and whether a cycle is rehearsed before each deadline."""

    name: str
    period_s: float
    rehearsed: bool = False


BACK_TO_BACK = Way("back to back (20 kHz)", 5e-5)
AT_1_KHZ = Way("1 kHz", 1e-3)
WAYS = (BACK_TO_BACK, AT_1_KHZ, Way("500 Hz", 2e-3), Way("500 Hz, rehearsed", 2e-3, rehearsed=True))
"""``hil run`` takes a rehearsal from a period of 1.6 ms on: there is none at 1 kHz."""


@dataclass(frozen=True, slots=True)
class Found:
    """One way in one round: percentiles of the cycle, the reference beside it and the phases' medians, us."""

    cycles: int
    p50_us: float
    p99_us: float
    reference_us: float
    phases_us: tuple[float, ...]


def ring_sink(image: Image, rows: int) -> RowSink:
    """The recorder's own way of taking rows, with room for all of a measurement."""
    layout = RowLayout(tuple(signal.name for signal in image.signals), (image.signals[-1].name,))
    return RowSink(image, Ring.private(layout.packer.size, rows), layout)


def measured(way: Way, seconds: float, priority: int | None) -> Found:
    """One way for ``seconds`` (s), between two looks at the reference."""
    rehearsed = Rehearsed(Rehearsal().run, REHEARSE_NS) if way.rehearsed else None
    rows = round(seconds / way.period_s) + 10
    before_ns = reference_ns().percentile(0.5)
    timing = measure_overhead(
        lambda image: ring_sink(image, rows), seconds, way.period_s, priority, signals=SIGNALS, rehearsed=rehearsed
    )  # fmt: skip
    reference_us = statistics.mean((before_ns, reference_ns().percentile(0.5))) / 1e3
    cycle = timing.cycle
    by_phase = dict(zip(PHASES, timing.phases, strict=True))
    return Found(
        cycle.count, cycle.percentile(0.5) / 1e3, cycle.percentile(0.99) / 1e3, reference_us,
        tuple(by_phase[phase].percentile(0.5) / 1e3 for phase in WORK),
    )  # fmt: skip


def table(rounds: Sequence[Sequence[Found]]) -> list[str]:
    """Lines with the medians over the rounds; each round has one result a way."""
    lines = ["medians of the rounds    p50 us   p99 us   p50 x ref  p99 x ref   share of 1 ms"]
    phases = ["p50 by phase, us       " + "".join(f"{phase:>9}" for phase in WORK)]
    for way, found in zip(WAYS, zip(*rounds, strict=True), strict=True):
        p50, p99, p50_ratio, p99_ratio = (
            statistics.median(figures)
            for figures in zip(
                *((f.p50_us, f.p99_us, f.p50_us / f.reference_us, f.p99_us / f.reference_us) for f in found),
                strict=True,
            )
        )
        lines.append(
            f"{way.name:22} {p50:8.1f} {p99:8.1f} {p50_ratio:11.2f} {p99_ratio:10.2f} {p50 / 1e3:15.2%}"
        )
        medians = (statistics.median(each) for each in zip(*(f.phases_us for f in found), strict=True))
        phases.append(f"{way.name:22} " + "".join(f"{median:9.2f}" for median in medians))
    return [*lines, *phases]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each way in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--priority", type=int, default=None, help="0: the ordinary class; default: FIFO if granted"
    )
    asked = parser.parse_args()
    priority = granted_priority() if asked.priority is None else asked.priority or None
    say(
        f"{SIGNALS} signals, {asked.seconds:g} s each, {asked.rounds} rounds in turn, "
        + (f"SCHED_FIFO {priority}" if priority else "ordinary class")
    )
    rounds = []
    for number in range(asked.rounds):
        rounds.append([measured(way, asked.seconds, priority) for way in WAYS])
        for way, found in zip(WAYS, rounds[-1], strict=True):
            say(
                f"round {number + 1}  {way.name:22} p50 {found.p50_us:6.1f} us, p99 {found.p99_us:6.1f} us, "
                f"reference {found.reference_us:5.2f} us, {found.cycles} cycles"
            )
    for line in table(rounds):
        say(line)
    say(
        f"target: {TARGET_US:g} us p50; x ref: times 100 readings of the performance counter in the same round"
    )


if __name__ == "__main__":
    sys.exit(main())
