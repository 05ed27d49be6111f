"""How late the loop wakes at 1 kHz, against ``cyclictest`` at the same priority, and with every processor hogged.

``python tests/benchmarks/lateness.py --seconds 60 --rounds 5`` runs the loop (a CDU under a PID, no I/O) blocking and
spinning in turn with cyclictest, and prints percentiles and the ratios of the 99th, medians over the rounds.
``--hogs`` also runs it with two busy processes of normal priority a processor, in turn with the quiet run.
Without the right to SCHED_FIFO all of it runs in the ordinary class, and says so.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hil.loop.cyclictest import is_here, measure_floor
from hil.loop.histogram import Histogram
from hil.loop.lateness import measure_lateness
from hil.loop.realtime import RealTime, RealTimeSettings

PERIOD_S = 1e-3
PRIORITY = 80
SHARES = (0.5, 0.9, 0.99, 0.999)


@dataclass(frozen=True, slots=True)
class Round:
    """One round: histograms of lateness, measured one after the other."""

    floor: Histogram
    block: Histogram
    spin: Histogram

    def ratio(self, way: str, share: float = 0.99) -> float:
        """How the loop waiting in one ``way`` compares with cyclictest in this round."""
        ours: Histogram = getattr(self, way)
        return ours.percentile(share) / self.floor.percentile(share)


def granted_priority() -> int | None:
    """The priority this process may have; None where the system refuses it."""
    with RealTime(RealTimeSettings(PRIORITY), 10**6) as asked:
        fifo = next(grant for grant in asked.grants if str(PRIORITY) in grant.asked)
    return PRIORITY if fifo.granted else None


def one_round(seconds: float, priority: int | None) -> Round:
    return Round(
        measure_floor(seconds, PERIOD_S, priority),
        measure_lateness("block", seconds, PERIOD_S, priority),
        measure_lateness("spin", seconds, PERIOD_S, priority),
    )


@contextmanager
def hogged(each: int = 2) -> Iterator[None]:
    """While inside, ``each`` processes a processor do nothing but work, at normal priority."""
    busy = "n = 0\nwhile True: n += 1"
    hogs = [subprocess.Popen([sys.executable, "-c", busy]) for _ in range(each * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def quiet_and_hogged(seconds: float, priority: int | None) -> tuple[Histogram, Histogram]:
    quiet = measure_lateness("block", seconds, PERIOD_S, priority)
    with hogged():
        return quiet, measure_lateness("block", seconds, PERIOD_S, priority)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def shown(late: Histogram) -> str:
    return (
        "  ".join(f"{late.percentile(share) / 1000:9.1f}" for share in SHARES)
        + f"  {late.max_ns / 1000:9.1f}"
    )


def against_cyclictest(seconds: float, rounds: int, priority: int | None) -> None:
    found = []
    for number in range(rounds):
        found.append(one_round(seconds, priority))
        for way in ("floor", "block", "spin"):
            name = "cyclictest" if way == "floor" else f"loop, {way}"
            say(f"{number + 1:5}  {name:12}  {shown(getattr(found[-1], way))}")
    for way, target in (("block", 1.5), ("spin", 0.1)):
        ratio = statistics.median(each.ratio(way) for each in found)
        say(f"p99 of {way} is {ratio:.3f} times cyclictest's (median of {rounds} rounds; target {target})")


def against_hogs(seconds: float, rounds: int, priority: int | None) -> None:
    ratios = []
    for number in range(rounds):
        quiet, busy = quiet_and_hogged(seconds, priority)
        ratios.append(busy.percentile(0.99) / quiet.percentile(0.99))
        for name, late in (("quiet", quiet), ("hogged", busy)):
            say(f"{number + 1:5}  {name:12}  {shown(late)}")
    say(f"p99 hogged is {statistics.median(ratios):.2f} times the quiet run's (median of {rounds}; target 3)")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hogs", action="store_true")
    asked = parser.parse_args()
    priority = granted_priority()
    say(f"1 kHz, {asked.seconds:g} s each, " + (f"SCHED_FIFO {priority}" if priority else "ordinary class"))
    say("lateness, us                p50        p90        p99      p99.9        max")
    if is_here():
        against_cyclictest(asked.seconds, asked.rounds, priority)
    else:
        say("cyclictest is not here (apt-get install rt-tests): no floor to compare with")
    if asked.hogs:
        against_hogs(asked.seconds, asked.rounds, priority)


if __name__ == "__main__":
    main()
