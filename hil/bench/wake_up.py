"""Lateness of wake-ups in both ways of waiting, and cyclictest as the floor, in turn."""

from __future__ import annotations

import statistics

from hil.bench.result import Bench
from hil.loop import cyclictest
from hil.loop.histogram import Histogram
from hil.loop.lateness import LoopFigures, measure_loop

PERIOD_S = 0.001
PRIORITY = 80
ROUNDS = 3


def bench_wake_up(bench: Bench, seconds: float) -> None:
    """Measure for about ``seconds`` (s): a CDU under a PID at 1 kHz, without I/O.

    The three take turns, so that what the machine does meanwhile meets all alike; ratios are of their 99th
    percentiles, the median of the rounds.
    """
    each_s = max(seconds / (ROUNDS * 3), 0.1)
    block: list[LoopFigures] = []
    spin: list[LoopFigures] = []
    floor: list[Histogram] = []
    for _ in range(ROUNDS):
        block.append(measure_loop("block", each_s, PERIOD_S, PRIORITY))
        spin.append(measure_loop("spin", each_s, PERIOD_S, PRIORITY))
        floor += _floor(bench, each_s)
    bench.told["real_time"] = "; ".join(grant.line for grant in block[0].grants)
    bench.keep("wake_up.block", *(figures.timing.lateness for figures in block))
    bench.keep("wake_up.spin", *(figures.timing.lateness for figures in spin))
    bench.figures["wake_up.period_us"] = 1e6 * PERIOD_S
    for way, rounds in (("block", block), ("spin", spin)):
        bench.figures[f"wake_up.{way}_overruns"] = sum(figures.overruns for figures in rounds)
        if len(floor) == ROUNDS:
            ratios = [
                figures.timing.lateness.percentile(0.99) / max(least.percentile(0.99), 1)
                for figures, least in zip(rounds, floor, strict=True)
            ]
            bench.figures[f"wake_up.{way}_over_cyclictest_p99_ratio"] = statistics.median(ratios)
    if floor:
        bench.keep("wake_up.cyclictest", *floor)


def _floor(bench: Bench, seconds: float) -> list[Histogram]:
    """One round of cyclictest as far as the system allows it; nothing where it does not."""
    if not cyclictest.is_here():
        bench.told["cyclictest"] = "not installed (apt-get install rt-tests): no floor to compare with"
        return []
    floor = cyclictest.floor_as_granted(seconds, PERIOD_S, PRIORITY)
    bench.told["cyclictest"] = floor.line
    return [] if floor.late is None else [floor.late]
