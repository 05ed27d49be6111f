"""The loop's own work with 64 signals and the recorder's ring, as a ratio to Python's speed in the same run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from overhead import AT_1_KHZ, BACK_TO_BACK, WAYS, WORK, Found, Way, measured, table

SECONDS, ROUNDS, MOST_ROUNDS = 0.4, 2, 8
# In readings of the performance counter, 100 of them; 1.4 and 4.5 were reached, and what crosses the bounds is a loop
# that does something else. The best round is judged, for others may empty the caches in any. At 1 kHz they hold
# something else each time the loop wakes, at 20 kHz they still hold the loop.
WARM_BOUND, COLD_BOUND = 5.0, 18.0


@pytest.mark.parametrize(("way", "bound"), [(AT_1_KHZ, COLD_BOUND), (BACK_TO_BACK, WARM_BOUND)])
def test_the_loop_with_64_signals_costs_a_few_microseconds(benchmark, way: Way, bound: float) -> None:
    ratios: list[float] = []

    def rounds() -> None:
        while len(ratios) < ROUNDS or (min(ratios) > bound and len(ratios) < MOST_ROUNDS):
            found = measured(way, SECONDS, 80)
            assert found.cycles > 0
            ratios.append(found.p50_us / found.reference_us)
            assert sum(found.phases_us) <= 1.5 * found.p50_us, "the phases are the cycle's parts"

    benchmark.pedantic(rounds, rounds=1)
    benchmark.extra_info["times_the_reference"] = ratios
    assert min(ratios) <= bound, ratios


def test_a_rehearsal_is_no_part_of_the_cycle_that_is_timed() -> None:
    (way,) = (way for way in WAYS if way.rehearsed)
    found = measured(way, 0.1, None)
    assert found.cycles > 0
    assert sum(found.phases_us) <= 1.5 * found.p50_us


def test_the_table_shows_medians_of_ratios_within_a_round_and_the_share_of_a_ms() -> None:
    phases = tuple(1.0 for _ in WORK)
    # The reference doubles with the cycle: the ratio of each round is 2, whatever the machine did.
    rounds = [[Found(9, p50, 3 * p50, p50 / 2, phases)] * len(WAYS) for p50 in (10.0, 20.0, 90.0)]
    lines = table(rounds)
    for way in WAYS:
        whole, by_phase = (line for line in lines if line.startswith(f"{way.name} ".ljust(23)))
        assert whole.removeprefix(way.name).split() == ["20.0", "60.0", "2.00", "6.00", "2.00%"]
        assert by_phase.removeprefix(way.name).split() == ["1.00"] * len(WORK)
