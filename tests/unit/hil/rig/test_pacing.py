"""Slower blocks in a rig: refused where they cannot be, spread where they may be, right against a single-rate run."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.errors import ConfigError
from hil.loop.clock import NS_PER_S, VirtualClock
from hil.loop.cycle import Cycle, CycleSettings, StopFlag
from hil.loop.events import EventLog
from hil.loop.image import GOOD
from hil.loop.overrun import OverrunPolicy, OverrunSettings
from hil.rig import load_rig
from hil.rig.controllers import workers_running
from hil.rig.pacing import least_met

WriteRig = Callable[..., Path]
PLANT, LOOP = "    type: transfer_function\n", "    setpoint: setpoint_degc\n"


@pytest.mark.parametrize(
    ("old", "new", "what", "hint"),
    [
        (LOOP, LOOP + "    every: 0 #!\n", "controllers.temp.every: must be at least 1, not 0", ""),
        (LOOP, LOOP + "    every: -2 #!\n", "controllers.temp.every: must be at least 1, not -2", ""),
        (LOOP, LOOP + "    every: 2.5 #!\n", "must be a whole number", ""),
        (LOOP, LOOP + "    every: 4\n    offset: 4 #!\n", "offset 4 is not below every 4", "0 to 3"),
        (LOOP, LOOP + "    offset: 1 #!\n", "offset 1 is not below every 1", "every: <periods>"),
        (LOOP, LOOP + "    every: 4\n    offset: -1 #!\n", "offset: must be at least 0, not -1", ""),
        (PLANT, PLANT + "    every: 0 #!\n", "plants.vessel.every: must be at least 1", ""),
        (
            PLANT,
            PLANT + "    every: 3\n    offset: 7 #!\n",
            "plants.vessel.offset: offset 7 is not",
            "0 to 2",
        ),
        (LOOP, LOOP + "    worker: {deadline_s: 0} #!\n", "deadline_s: must be above 0, not 0", ""),
        (LOOP, LOOP + "    worker: {deadline_s: 1, fallback_after: 0} #!\n", "must be at least 1, not 0", ""),
        (
            LOOP,
            LOOP + "    every: 3\n    worker: {deadline_s: 1.75} #!\n",
            "controller temp: deadline_s 1.75 s is longer than its own period of 1.5 s",
            "at most 1.5; or every: 4, which is a period of 2 s",
        ),
        (LOOP, LOOP + "    worker: {} #!\n", "controllers.temp.worker: the key 'deadline_s' is missing", ""),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(
    write_rig: WriteRig, old: str, new: str, what: str, hint: str
) -> None:
    path = write_rig("linear", (old, new))
    (line,) = [number for number, row in enumerate(path.read_text().splitlines(), 1) if "#!" in row]
    with pytest.raises(ConfigError) as caught:
        load_rig(path)
    assert [
        problem
        for problem in caught.value.problems
        if problem.line == line and what in problem.what and hint in problem.hint
    ], caught.value


def run(path: Path) -> list[tuple[int, tuple[float, ...]]]:
    """Rows of a rig on the virtual clock; every computed signal is GOOD in each of them."""
    rig = load_rig(path)
    events, rows = EventLog(), []
    parts, _ = rig.build(events, lambda: 0)

    class Rows:
        def push(self, now_ns: int) -> None:
            assert set(parts.image.quality) == {GOOD}
            rows.append((now_ns, tuple(parts.image.values)))

    period_ns = round(rig.config.period_s * NS_PER_S)
    settings = CycleSettings(period_ns, round((rig.config.duration_s or 0) * NS_PER_S), 1, 1, is_virtual=True)
    Cycle(parts, VirtualClock(), settings, OverrunPolicy(OverrunSettings()), Rows(), events, StopFlag()).run()
    return rows


def test_a_rig_at_a_fifth_of_its_rate_is_the_single_rate_rig_of_five_times_the_period(
    write_rig: WriteRig,
) -> None:
    both = (PLANT, PLANT + "    every: 5\n    offset: 0\n"), (LOOP, LOOP + "    every: 5\n    offset: 0\n")
    fast = dict(run(write_rig("linear", ("period_s: 0.5", "period_s: 0.1"), *both)))
    slow = run(write_rig("linear"))
    assert len(fast) == 5 * len(slow)
    for now_ns, values in slow:
        assert fast[now_ns] == pytest.approx(values, rel=1e-9)
    held = [fast[number * 100_000_000] for number in range(len(fast))]
    assert all(len(set(held[at : at + 5])) == 1 for at in range(0, len(held), 5)), "and holds in between"
    assert len({values[1] for values in fast.values()}) > 20, "the heater moves"


def test_a_cdu_at_a_fifth_of_the_rate_is_the_single_rate_one(write_rig: WriteRig) -> None:
    at_fifth = "    every: 5\n    offset: 0\n"
    changes = [("    type: cdu\n", "    type: cdu\n" + at_fifth)]
    changes += [(f"    setpoint: {n}\n", f"    setpoint: {n}\n{at_fifth}") for n in
                ("supply_setpoint_degc", "drop_setpoint_kpa")]  # fmt: skip
    fast = dict(run(write_rig("sil", ("period_s: 1.0", "period_s: 0.2"), *changes)))
    for now_ns, values in run(write_rig("sil")):
        # The mean of a source over five periods is its mean over one, but for the rounding.
        assert fast[now_ns] == pytest.approx(values, rel=1e-9)


def test_a_slower_loop_with_an_offset_still_controls(write_rig: WriteRig) -> None:
    """Set-point 35 degC: with the loop at a fourth of the rate, in the third place, the vessel gets there."""
    long = ("duration_s: 60", "duration_s: 600")
    slower = (LOOP, LOOP + "    every: 4\n    offset: 3\n")
    rows = run(write_rig("linear", ("period_s: 0.5", "period_s: 0.25"), long, slower))
    moved = {
        round(after[0] / 0.25e9) % 4
        for before, after in itertools.pairwise(rows)
        if before[1][1] != after[1][1]
    }
    assert moved == {3}, "the heater moves on the loop's own points alone"
    assert rows[-1][1][2] == pytest.approx(35.0, abs=0.2)


def test_offsets_that_are_not_given_are_spread_and_written_into_the_resolved_rig(write_rig: WriteRig) -> None:
    every = "    every: 4\n"
    rig = load_rig(
        write_rig(
            "sil",
            ("    type: cdu\n", "    type: cdu\n" + every),
            ("    setpoint: supply_setpoint_degc\n", "    setpoint: supply_setpoint_degc\n" + every),
            (
                "    setpoint: drop_setpoint_kpa\n",
                "    setpoint: drop_setpoint_kpa\n" + every + "    offset: 0\n",
            ),
        )
    )
    controllers = rig.resolved["controllers"]
    offsets = [
        rig.resolved["plants"]["cdu"]["offset"],
        controllers["supply"]["offset"],
        controllers["drop"]["offset"],
    ]
    assert offsets == [1, 2, 0]


def met(every: int, offset: int, others: list[tuple[int, int]]) -> int:
    """How often a block meets the others in the least common multiple of all numbers to 12, counted one by one."""
    points = range(offset, math.lcm(*range(1, 13)), every)
    return sum(sum((point - there) % other == 0 for point in points) for other, there in others)


@settings(max_examples=30)
@given(st.lists(st.integers(2, 12), min_size=1, max_size=4))
def test_blocks_meet_only_where_they_must(periods: list[int]) -> None:
    placed: list[tuple[int, int]] = []
    for every in periods:
        offset = least_met(every, placed)
        assert 0 <= offset < every
        assert met(every, offset, placed) == min(met(every, other, placed) for other in range(every))
        placed.append((every, offset))


def test_a_deadline_of_exactly_its_own_period_is_right(write_rig: WriteRig) -> None:
    changes = (
        ("period_s: 0.5", "period_s: 0.1"),
        (LOOP, LOOP + "    every: 3\n    worker: {deadline_s: 0.3}\n"),
    )
    assert load_rig(write_rig("linear", *changes)).config.controllers["temp"].worker is not None


def test_a_slower_loop_may_have_a_worker_which_runs_only_inside(write_rig: WriteRig) -> None:
    rig = load_rig(write_rig("linear", (LOOP, LOOP + "    every: 10\n    worker: {deadline_s: 5}\n")))
    events = EventLog()
    parts, _ = rig.build(events, lambda: 0)
    (block,) = parts.controllers
    for name, value in (("setpoint_degc", 35.0), ("temp_degc", 30.0)):
        parts.image.accept(parts.image.index[name], value, 0)
    with workers_running(parts.controllers, events):
        block.run(0, 0.0)
        until_s = time.monotonic() + 90
        while block.counters()["plans"] < 3 and time.monotonic() < until_s:
            block.run(0, 0.5)
    assert block.counters()["plans"] >= 3
    assert parts.outputs[0].request > 20.0, "5 K too cold: the heater is asked for more"
    plans = block.counters()["plans"]
    block.run(0, 0.5)
    block.run(0, 0.5)
    assert block.counters()["plans"] == plans, (
        "outside it computes in the loop, and no plan comes from elsewhere"
    )
    assert block.counters()["late_plans"] == 0
