"""The loop's own work with 64 signals and the recorder's ring, as a ratio to Python's speed in the same run."""

from __future__ import annotations

import statistics

import pytest

from hil.loop.image import Image
from hil.loop.overhead import measure_overhead, reference_ns
from hil.loop.trend_layout import PHASES
from hil.record.ring import Ring
from hil.record.rows import RowLayout, RowSink

SECONDS, ROUNDS, MOST_ROUNDS, ROWS = 0.4, 2, 8, 20_000
# In readings of the performance counter, 100 of them; 1.4 and 4.5 were reached, and what crosses the bounds is a loop
# that does something else. The best round is judged, for others may empty the caches in any. At 1 kHz they hold
# something else each time the loop wakes, at 20 kHz they still hold the loop.
WARM_BOUND, COLD_BOUND = 5.0, 18.0


def ring_sink(image: Image) -> RowSink:
    """The recorder's own way of taking rows, with room for all of a measurement."""
    layout = RowLayout(tuple(signal.name for signal in image.signals), (image.signals[-1].name,))
    return RowSink(image, Ring.private(layout.packer.size, ROWS), layout)


@pytest.mark.parametrize(("period_s", "bound"), [(1e-3, COLD_BOUND), (5e-5, WARM_BOUND)])
def test_the_loop_with_64_signals_costs_a_few_microseconds(benchmark, period_s: float, bound: float) -> None:
    ratios: list[float] = []

    def rounds() -> None:
        while len(ratios) < ROUNDS or (min(ratios) > bound and len(ratios) < MOST_ROUNDS):
            before = reference_ns().percentile(0.5)
            timing = measure_overhead(ring_sink, SECONDS, period_s, 80)
            reference = statistics.mean((before, reference_ns().percentile(0.5)))
            assert timing.cycle.count > 0
            ratios.append(timing.cycle.percentile(0.5) / reference)
            work = dict(zip(PHASES, timing.phases, strict=True))
            parts = sum(histogram.percentile(0.5) for name, histogram in work.items() if name != "wait")
            assert parts <= 1.5 * timing.cycle.percentile(0.5), "the phases are the cycle's parts"

    benchmark.pedantic(rounds, rounds=1)
    benchmark.extra_info["times_the_reference"] = ratios
    assert min(ratios) <= bound, ratios
