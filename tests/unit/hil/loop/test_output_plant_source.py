"""The limits on the way out, plants in the image, and sources that lose no energy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import Limit, Limiter
from hil.loop.image import BAD, GOOD, STALE, SUBSTITUTED, Image, Signal
from hil.loop.output import FAILSAFE, HOLD, OutputStage
from hil.loop.plant import PlantBlock
from hil.loop.source import SourceBlock
from plant_models import workload


def stage(rate_per_s: float | None = None) -> tuple[Image, OutputStage]:
    image = Image([Signal("valve_percent", "%", 0, 100, 100, initial=20)])
    return image, OutputStage(image, 0, Limiter(0, 100, 100, rate_per_s, rate_per_s, initial=20))


def test_a_manual_request_passes_the_same_limits() -> None:
    image, output = stage(rate_per_s=10.0)
    output.request = 500.0
    output.run(1, 1.0)
    assert (image.values[0], image.quality[0]) == (30.0, GOOD)
    assert image.limited[0] == Limit.HIGH | Limit.RATE
    output.request = 31.0
    output.run(2, 1.0)
    assert (image.values[0], image.limited[0], image.received_ns[0]) == (31.0, 0, 2)


def test_hold_failsafe_and_shutting_down() -> None:
    image, output = stage(rate_per_s=10.0)
    output.mode, output.request = HOLD, 90.0
    output.run(1, 1.0)
    assert (image.values[0], image.quality[0]) == (20.0, SUBSTITUTED)
    output.mode = FAILSAFE
    output.run(2, 1.0)
    assert image.values[0] == 30.0
    assert image.limited[0] == Limit.FAILSAFE | Limit.RATE
    output.shut_down(3)
    assert (image.values[0], image.quality[0], image.limited[0]) == (100.0, SUBSTITUTED, Limit.FAILSAFE)


@given(st.lists(st.tuples(st.floats(), st.floats(), st.sampled_from([0, HOLD, FAILSAFE])), max_size=30))
def test_nothing_outside_the_range_or_too_fast_comes_out(asked: list[tuple[float, float, int]]) -> None:
    image, output = stage(rate_per_s=5.0)
    for number, (request, dt_s, mode) in enumerate(asked):
        before = image.values[0]
        output.request, output.mode = request, mode
        output.run(number, dt_s)
        assert 0.0 <= image.values[0] <= 100.0
        allowed = 5.0 * dt_s if math.isfinite(dt_s) and dt_s > 0 else 0.0
        assert abs(image.values[0] - before) <= allowed + 1e-9 or dt_s == math.inf


class Tank:
    """Integrates its inflow less its outflow, and can spring a leak."""

    def __init__(self) -> None:
        self.level = 1.0
        self.seen: list[tuple[list[float], float]] = []

    def step(self, inputs: Sequence[float], dt_s: float) -> Sequence[float]:
        self.seen.append((list(inputs), dt_s))
        self.level += (inputs[0] - inputs[1]) * dt_s
        return (self.level, -self.level)

    def set_fault(self, fault: str, active: bool) -> None:
        raise KeyError(fault)


def tank_rig() -> tuple[Image, Tank, PlantBlock]:
    image = Image([Signal("inflow", "1", 0, 10, 3.0), Signal("level", "1", 0, 5, 0.0)])
    tank = Tank()
    return image, tank, PlantBlock(image, tank, inputs=[0, 0.5], outputs=[1, None])


def test_a_plant_takes_signals_and_constants_and_its_outputs_are_checked() -> None:
    image, tank, block = tank_rig()
    image.accept(0, 1.5, 0)
    block.run(10, 2.0)
    assert tank.seen == [([1.5, 0.5], 2.0)]
    assert (image.values[1], image.quality[1], image.received_ns[1]) == (3.0, GOOD, 10)
    block.run(20, 100.0)
    assert (image.values[1], image.quality[1], image.rejected[1]) == (3.0, BAD, 1)


@pytest.mark.parametrize(("quality", "taken"), [(GOOD, 1.5), (STALE, 1.5), (SUBSTITUTED, 1.5), (BAD, 3.0)])
def test_only_a_bad_input_is_replaced_by_its_failsafe(quality: int, taken: float) -> None:
    image, tank, block = tank_rig()
    image.accept(0, 1.5, 0)
    image.quality[0] = quality
    block.run(10, 1.0)
    assert tank.seen[-1][0][0] == taken
    assert block.inputs_substituted == (quality == BAD)


def test_a_plant_gone_mad_never_puts_a_non_finite_number_into_the_image() -> None:
    image, tank, block = tank_rig()
    tank.level = math.nan
    block.run(10, 1.0)
    assert math.isfinite(image.values[1])
    assert image.quality[1] == BAD


def source(profile: workload.Profile) -> tuple[Image, SourceBlock]:
    image = Image([Signal("load_kw", "kW", 0, 100, 0)])
    return image, SourceBlock(OutputStage(image, 0, Limiter(0, 100, 0)), profile)


def test_a_source_gives_the_mean_since_the_last_cycle_also_over_skips() -> None:
    image, block = source(workload.SquarePulse(0.0, 80.0, period_s=2.0, duty=0.25, edge_time_s=0.1))
    energy = 0.0
    times_s = [0.0, 0.3, 0.6, 2.0, 7.0, 7.1, 10.0]
    for before_s, now_s in zip([0.0, *times_s], times_s, strict=False):
        block.run(int(now_s * 1e9), now_s - before_s)
        energy += image.values[0] * (now_s - before_s)
    assert energy == pytest.approx(0.25 * 80.0 * 10.0)


def test_a_source_follows_another_profile_from_now_on() -> None:
    image, block = source(workload.Constant(10.0))
    block.run(0, 0.0)
    block.run(1_000_000_000, 1.0)
    assert block.present == 10.0
    block.follow(workload.Ramp(10.0, 30.0, 1.0, 3.0), 1_000_000_000)
    block.run(2_000_000_000, 1.0)
    assert image.values[0] == pytest.approx(15.0)
    block.run(9_000_000_000, 7.0)
    block.run(10_000_000_000, 1.0)
    assert image.values[0] == pytest.approx(30.0)
