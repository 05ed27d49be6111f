"""Blocks on a sub-grid: their points, their elapsed time, what holds in between, and overruns over both."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import PERIOD_NS, Bench

from controller import PID, Limiter
from hil.loop.control import PidBlock
from hil.loop.image import GOOD, Image, Signal
from hil.loop.multirate import NOT_DUE, Pace, SlowerBlock, SlowerPlant
from hil.loop.output import OutputStage
from hil.loop.overrun import OverrunSettings

JUMPS = st.lists(st.integers(1, 40), max_size=60)
GRID = st.integers(1, 12).flatmap(lambda every: st.tuples(st.just(every), st.integers(0, every - 1)))


@given(GRID, JUMPS, st.sampled_from([1_000, 999_999, 1_000_000, 100_000_000, 86_400 * 10**9]))
def test_every_period_is_given_once_and_no_point_is_passed_over(
    grid: tuple[int, int], jumps: list[int], period_ns: int
) -> None:
    every, offset = grid
    pace, index, ran = Pace(every, offset, period_ns), 0, [0]
    assert pace.elapsed_s(0.0) == 0.0, "the first cycle is every block's turn"
    for jump in jumps:
        before, index = index, index + jump
        elapsed_s = pace.elapsed_s(jump * period_ns / 1e9)
        due = any(point % every == offset for point in range(before + 1, index + 1))
        assert (elapsed_s != NOT_DUE) == due
        if due:
            assert elapsed_s == (index - ran[-1]) * period_ns / 1e9
            ran.append(index)


def test_a_month_of_a_period_that_no_float_holds_stays_on_the_grid() -> None:
    pace = Pace(1000, 0, 1_000_000)
    dt_s, runs = 0.001, 0
    pace.elapsed_s(0.0)
    for _ in range(200):
        # Jumps of a quarter of an hour and one period: sums of floats would be off long before the month is over.
        elapsed_s = pace.elapsed_s(900.001)
        assert elapsed_s != NOT_DUE
        runs += 1
        for _ in range(999):
            if pace.elapsed_s(dt_s) != NOT_DUE:
                runs += 1
    assert runs == 400


class Integrator:
    """A plant whose output is the integral of its input."""

    def __init__(self) -> None:
        self.level = 0.0
        self.steps: list[float] = []

    def step(self, inputs: Sequence[float], dt_s: float) -> Sequence[float]:
        self.steps.append(dt_s)
        self.level += inputs[0] * dt_s
        return [self.level]

    def set_fault(self, fault: str, active: bool) -> None:
        raise AssertionError


def test_outputs_of_a_slower_plant_hold_and_stay_good() -> None:
    image = Image([Signal("inflow", "1", 0, 10, 2, initial=2), Signal("level", "1", -1e9, 1e9, 0)])
    plant = Integrator()
    block = SlowerPlant(image, plant, [0], [1], Pace(4, 1, PERIOD_NS))
    seen = []
    for cycle in range(11):
        block.run(cycle * PERIOD_NS, 0.0 if cycle == 0 else 0.1)
        seen.append(image.values[1])
        assert image.quality[1] == GOOD
    assert plant.steps == pytest.approx([0.0, 0.1, 0.4, 0.4])
    assert seen == pytest.approx([0, 0.2, 0.2, 0.2, 0.2, 1.0, 1.0, 1.0, 1.0, 1.8, 1.8])
    assert image.received_ns[1] == 9 * PERIOD_NS, "the age of its output is told as it is"


def loop(image: Image, every: int) -> PidBlock | SlowerBlock:
    stage = OutputStage(image, 2, Limiter(0, 100, 0, rate_up_per_s=5.0, initial=0.0))
    pid = PID.ideal(2.0, 8.0, output_low=0, output_high=100, initial_output=0.0)
    block = PidBlock("slow", image, pid, stage, setpoint=0, measured=1)
    return block if every == 1 else SlowerBlock(block, stage, Pace(every, 0, PERIOD_NS))


def signals() -> Image:
    made = Image([Signal(name, "1", -1e3, 1e3, 0) for name in ("setpoint", "measured", "output")])
    for slot, value in ((0, 10.0), (1, 9.0)):
        made.accept(slot, value, 0)
    return made


def test_a_slower_pid_integrates_its_own_time_and_its_limits_run_every_cycle() -> None:
    fast, slow = signals(), signals()
    single, slower = loop(fast, 1), loop(slow, 5)
    ramp = []
    for cycle in range(51):
        slower.run(cycle * PERIOD_NS, 0.0 if cycle == 0 else 0.1)
        slower.stage.run(cycle * PERIOD_NS, 0.0 if cycle == 0 else 0.1)
        ramp.append(slow.values[2])
        assert slow.quality[2] == GOOD
        if cycle % 5 == 0:
            single.run(cycle * PERIOD_NS, 0.0 if cycle == 0 else 0.5)
            single.stage.run(cycle * PERIOD_NS, 0.0 if cycle == 0 else 0.5)
    # A constant error of 1 for 5 s: the integral part alone has grown by 2/8 x 5; a dt of 0.1 would give a fifth.
    assert single.stage.request == pytest.approx(2.0 / 8.0 * 5.0, rel=0.2)
    assert slower.stage.request == pytest.approx(single.stage.request, rel=0.1)
    steps = {round(after - before, 9) for before, after in itertools.pairwise(ramp)}
    assert max(steps) <= 0.5 + 1e-9, "the rate limit counts base periods"


def test_skipped_and_stretched_periods_do_not_starve_a_slower_block() -> None:
    policy = OverrunSettings(policy="degrade", degrade_after=1, degrade_limit=4, recover_after=1000)
    # Two long cycles: first the period is doubled, then made fourfold; odd points of the grid never come again.
    bench = Bench(cycles=60, costs=[0, 2.5, 0, 4.5], policy=policy)
    slow = bench.spender
    inner, stamps = slow.run, []

    def noted(now_ns: int, dt_s: float) -> None:
        stamps.append((now_ns // PERIOD_NS, round(dt_s * 1e9 / PERIOD_NS)))

    slow.run = noted  # type: ignore[method-assign]
    paced = SlowerBlock(slow, None, Pace(8, 3, PERIOD_NS))  # type: ignore[arg-type]
    slow.name = "slow"

    class Both:
        name = "both"

        def run(self, now_ns: int, dt_s: float) -> None:
            inner(now_ns, dt_s)
            paced.run(now_ns, dt_s)

        def counters(self) -> dict[str, int]:
            return {}

    bench.spender = Both()  # type: ignore[assignment]
    bench.run()
    assert bench.cycle.overrun.degraded_cycles > 0
    # Every own point (3, 11, 19 …) is followed by a run, in the first cycle after it, over the time since the last.
    assert sum(elapsed for _, elapsed in stamps) == stamps[-1][0]
    for point in range(3, 50, 8):
        assert any(point <= index < point + 8 for index, _ in stamps)
    assert len(stamps) == len({index for index, _ in stamps})
