"""The dearest cycle of the grid counts: blocks that run now and then, those that meet, and workers, which do not."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import PID
from hil.errors import ConfigError
from hil.loop.overrun import OverrunPolicy
from hil.rig import Rig, load_rig
from hil.rig.cost import measure_cycle, refuse_short_period
from hil.rig.slots import SlowBlock, dearest_meeting
from plant_models import LinearPlant

WriteRig = Callable[..., Path]
FAST = (
    ("clock: virtual", "clock: wall"),
    ("period_s: 0.5", "period_s: 0.002"),
    ("dead_time_s: 5", "dead_time_s: 0"),
)
PLANT, LOOP = "    type: transfer_function\n", "    setpoint: setpoint_degc\n"
DEAR_US = 5000.0

PACES = st.integers(2, 12).flatmap(lambda every: st.tuples(st.just(every), st.integers(0, every - 1)))


@given(st.lists(st.tuples(PACES, st.integers(1, 1000)), max_size=6))
def test_the_dearest_meeting_is_that_of_all_cycles_counted_one_by_one(
    drawn: list[tuple[tuple[int, int], int]],
) -> None:
    blocks = [SlowBlock(str(n), every, offset, cost) for n, ((every, offset), cost) in enumerate(drawn)]
    found = dearest_meeting(blocks)
    cycles = range(math.lcm(*(block.every for block in blocks)))
    sums = [sum(b.cost_us for b in blocks if cycle % b.every == b.offset) for cycle in cycles]
    assert sum(block.cost_us for block in found) == max(sums)
    assert any(all(cycle % b.every == b.offset for b in found) for cycle in cycles), "they do meet"


def test_sixty_blocks_of_long_periods_are_no_matter_of_time() -> None:
    blocks = [SlowBlock(str(n), 100_000 - n, 7 * n, 1.0 + n) for n in range(60)]
    assert dearest_meeting(blocks)


def spend(us: float) -> None:
    until = time.thread_time() + 1e-6 * us
    while time.thread_time() < until:
        pass


@contextmanager
def dear(monkeypatch: pytest.MonkeyPatch, owner: type) -> Iterator[list[float]]:
    """Inside, each step of the class takes 5 ms and more; gives the elapsed times (s) it was called with."""
    step, elapsed = owner.step, []  # type: ignore[attr-defined]

    def slow(self: object, *arguments: float, **named: float) -> object:
        dt_s = arguments[1 if owner is LinearPlant else 2]
        elapsed.append(dt_s)
        if dt_s:
            spend(DEAR_US)
        return step(self, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(owner, "step", slow)
        yield elapsed


def refused(rig: Rig) -> str:
    with pytest.raises(ConfigError) as raised:
        refuse_short_period(rig)
    return raised.value.problems[0].what


@pytest.mark.parametrize(("place", "owner", "name"), [(LOOP, PID, "temp"), (PLANT, LinearPlant, "vessel")])
def test_a_block_that_runs_every_tenth_cycle_must_fit_the_period_too(
    write_rig: WriteRig, monkeypatch: pytest.MonkeyPatch, place: str, owner: type, name: str
) -> None:
    rig = load_rig(write_rig("linear", *FAST, (place, place + "    every: 10\n")))
    with dear(monkeypatch, owner) as elapsed:
        said = refused(rig)
    assert f"period 2000 us is shorter than a cycle where {name} run" in said
    figure = re.search(r": (\d+) us \(", said)
    assert figure is not None
    assert float(figure[1]) >= DEAR_US
    assert max(elapsed) == pytest.approx(10 * 0.002), "measured over a period of its own"


@pytest.mark.parametrize(("offset", "together"), [(3, 2), (4, 1)])
def test_those_that_meet_are_added_up(
    write_rig: WriteRig, monkeypatch: pytest.MonkeyPatch, offset: int, together: int
) -> None:
    paced = "    every: {}\n    offset: {}\n"
    changes = [
        ("    setpoint: supply_setpoint_degc\n", 10, 3),
        ("    setpoint: drop_setpoint_kpa\n", 10, offset),
    ]
    rig = load_rig(write_rig("sil", *((at, at + paced.format(every, off)) for at, every, off in changes)))
    with dear(monkeypatch, PID):
        cost = measure_cycle(rig)
    assert len(cost.slower) == together
    assert cost.total_us >= together * DEAR_US


def test_what_computes_in_a_worker_is_not_run_and_does_not_count(
    write_rig: WriteRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = LOOP + "    every: 10\n    worker: {deadline_s: 0.02}\n"
    rig = load_rig(write_rig("linear", *FAST, (LOOP, worker)))
    with dear(monkeypatch, PID) as elapsed:
        cost = measure_cycle(rig)
    assert elapsed == []
    assert cost.slower == ("temp",), "the posting counts"
    assert cost.computing_us > 0.0


def test_what_lies_between_the_phases_counts(write_rig: WriteRig, monkeypatch: pytest.MonkeyPatch) -> None:
    done = OverrunPolicy.cycle_done

    def slow(self: OverrunPolicy, missed: int) -> None:
        spend(DEAR_US)
        done(self, missed)

    rig = load_rig(write_rig("linear", *FAST))
    monkeypatch.setattr(OverrunPolicy, "cycle_done", slow)
    assert measure_cycle(rig).computing_us >= DEAR_US


def test_one_dear_cycle_in_ten_counts(write_rig: WriteRig, monkeypatch: pytest.MonkeyPatch) -> None:
    step, calls = PID.step, [0]

    def now_and_then(self: PID, *arguments: float, **named: float) -> object:
        calls[0] += 1
        if calls[0] % 10 == 0:
            spend(DEAR_US)
        return step(self, *arguments, **named)

    rig = load_rig(write_rig("linear", *FAST))
    monkeypatch.setattr(PID, "step", now_and_then)
    assert measure_cycle(rig).computing_us >= DEAR_US
