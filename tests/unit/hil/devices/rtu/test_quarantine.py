"""No answer is given to the wrong question: late replies, lost ones, noise; and without quarantine it would be."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from rtu_virtual_line import MS, Bench, VirtualUnit

from hil.devices.rtu.settings import BusSettings
from hil.loop.image import GOOD, STALE

BUS = BusSettings("line", baud=19200, reply_timeout_s=0.05, late_reply_s=0.3, scan_s=0.2)
PLACES = [(0, 1), (10, 1), (20, 1)]
"""Three numbers that lie apart: three requests of one shape, so that nothing but order tells their replies apart."""


EIGHT = dict.fromkeys(range(1, 9), PLACES)


def units(count: int, numbers: set[int], late_ns: int, *, takes_turns: bool) -> list[VirtualUnit]:
    def fate(number: int) -> int:
        return late_ns if number in numbers else 0

    return [VirtualUnit(unit_id, takes_turns=takes_turns, fate=fate) for unit_id in range(1, count + 1)]


def now_and_then(seed: int, least: float, most: float, *, takes_turns: bool) -> list[VirtualUnit]:
    """Eight units that are late now and then, by so many time-outs."""
    chance = random.Random(seed)

    def fate(_: int) -> int:
        return round(chance.uniform(least, most) * 50) * MS if chance.random() < 0.08 else 0

    return [VirtualUnit(unit_id, takes_turns=takes_turns, fate=fate) for unit_id in range(1, 9)]


@pytest.mark.parametrize("takes_turns", [False, True], ids=["answers_while_late", "one_thing_at_a_time"])
@pytest.mark.parametrize("baud", [9600, 115200])
def test_replies_late_by_one_and_a_half_time_outs_never_give_a_wrong_value(
    baud: int, takes_turns: bool
) -> None:
    settings = replace(BUS, baud=baud)
    bench = Bench(settings, now_and_then(baud, 1.5, 1.5, takes_turns=takes_turns), EIGHT)
    bench.run(40_000 * MS)
    assert bench.wrong == []
    assert bench.judged > 50
    assert bench.unmarked == 0
    assert bench.counts["late_replies"] > 50
    assert bench.counts["trust_regained"] > 50


@pytest.mark.parametrize("takes_turns", [False, True])
def test_without_quarantine_the_same_line_gives_wrong_values(takes_turns: bool) -> None:
    settings = replace(BUS, quarantine=False)
    without = Bench(settings, now_and_then(3, 1.1, 2.0, takes_turns=takes_turns), EIGHT)
    without.run(70_000 * MS)
    # Few of them: most late frames collide with what is on the line by then, and are seen to be spoilt.
    assert len(without.wrong) >= 2
    settings = replace(BUS, quarantine=True)
    with_it = Bench(settings, now_and_then(3, 1.1, 2.0, takes_turns=takes_turns), EIGHT)
    with_it.run(70_000 * MS)
    assert with_it.wrong == []


def test_a_point_whose_reply_is_late_is_marked_at_once_and_the_others_are_not() -> None:
    bench = Bench(BUS, units(2, {4}, 75 * MS, takes_turns=False), {1: PLACES, 2: PLACES})
    marked: list[int] = []
    for at_ms in range(0, 2000, 5):
        bench.run(at_ms * MS)
        marked += [slot for slot, quality in enumerate(bench.image.quality) if quality == STALE]
    assert set(marked) == {1, 4}  # the fifth request of either unit: its second number
    assert bench.wrong == []


def test_a_unit_later_than_any_bound_is_not_believed_as_long_as_it_takes_one_thing_at_a_time() -> None:
    settings = replace(BUS, late_reply_s=0.06)
    bench = Bench(settings, units(1, {7, 20, 33}, 2500 * MS, takes_turns=True), {1: PLACES})
    bench.run(60_000 * MS)
    assert bench.wrong == []
    assert bench.counts["canaries_unanswered"] > 3
    assert bench.image.quality[0] == GOOD


@pytest.mark.parametrize("knows_diagnostics", [True, False])
def test_a_unit_with_numbers_of_one_shape_only_is_believed_again(knows_diagnostics: bool) -> None:
    (unit,) = units(1, {5, 11, 40}, 75 * MS, takes_turns=False)
    unit.knows_diagnostics = knows_diagnostics
    bench = Bench(BUS, [unit], {1: PLACES})
    bench.run(30_000 * MS)
    assert bench.wrong == []
    assert all(quality == GOOD for quality in bench.image.quality)
    assert bench.counts["trust_regained"] == bench.counts["quarantines"] >= 3


def test_random_lateness_losses_and_noise_give_no_wrong_value() -> None:
    chance = random.Random(11)

    def fate(_: int) -> int | None:
        if chance.random() < 0.03:
            return None
        return round(chance.expovariate(1 / 60) * MS) if chance.random() < 0.1 else chance.randint(0, 10) * MS

    some = [VirtualUnit(n, takes_turns=n % 2 == 0, fate=fate) for n in range(1, 9)]
    settings = replace(BUS, late_reply_s=1.5)
    bench = Bench(settings, some, EIGHT, noise=2e-4)
    bench.run(100_000 * MS)
    assert bench.wrong == []
    assert bench.counts["bad_frames"] > 10
    assert bench.counts["replies"] > 1000
    assert bench.counts["late_replies"] > 20


def test_replies_that_come_twice_give_no_wrong_value() -> None:
    some = [VirtualUnit(n, repeats=lambda number: number % 5 == 0) for n in (1, 2)]
    bench = Bench(replace(BUS, scan_s=0.05), some, {1: PLACES, 2: PLACES})
    bench.run(20_000 * MS)
    assert bench.wrong == []
    assert bench.counts["mismatched_replies"] > 20
    assert bench.counts["replies"] > 300


def test_a_dead_unit_costs_the_others_little_and_comes_back() -> None:
    alive = False
    dead = VirtualUnit(1, fate=lambda _: 0 if alive else None)
    bench = Bench(BUS, [dead, VirtualUnit(2)], {1: PLACES, 2: PLACES})
    bench.run(60_000 * MS)
    assert bench.line.units[2].requests > 800  # 900 in a minute, were it alone
    assert bench.line.units[1].requests < 25
    assert any("unit 1 does not answer" in text for _, text in bench.events.drain())
    alive = True
    bench.run(75_000 * MS)
    assert all(quality == GOOD for quality in bench.image.quality)
    assert any("unit 1 answers again" in text for _, text in bench.events.drain())


def test_continuous_noise_neither_hangs_nor_gives_a_value() -> None:
    bench = Bench(BUS, [VirtualUnit(1)], {1: PLACES}, noise=0.5)
    bench.run(20_000 * MS)
    assert bench.wrong == []
    assert bench.counts["replies"] == 0
    bench.line.noise = 0.0
    bench.run(35_000 * MS)
    assert all(quality == GOOD for quality in bench.image.quality)
