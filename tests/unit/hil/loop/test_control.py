"""A controller in the image: fallback by quality, back without a bump, the incumbent's feedback, feed-forward."""

from __future__ import annotations

import math

import pytest

from controller import PID, Limiter
from hil.loop.control import PidBlock
from hil.loop.image import BAD, GOOD, STALE, SUBSTITUTED, Image, Signal
from hil.loop.output import FAILSAFE, HOLD, NORMAL, OutputStage

SETPOINT, MEASURED, OUTPUT, INCUMBENT, LOAD = range(5)
PERIOD_S = 1.0


class Bench:
    """A first-order process under one PID, stepped by hand."""

    def __init__(self, *, rate_per_s: float | None = None, **options: object) -> None:
        self.image = Image(
            [
                Signal("setpoint", "1", 0, 100, 0),
                Signal("measured", "1", 0, 100, 0),
                Signal("output", "1", 0, 100, 80),
                Signal("incumbent", "1", 0, 100, 0),
                Signal("load", "1", -1000, 1000, 0),
            ]
        )
        limiter = Limiter(0, 100, 80, rate_per_s, rate_per_s, initial=30.0)
        self.image.values[OUTPUT] = 30.0
        self.stage = OutputStage(self.image, OUTPUT, limiter)
        self.pid = PID.ideal(0.8, 10.0, output_low=0, output_high=100, initial_output=30.0)
        self.block = PidBlock(
            "loop", self.image, self.pid, self.stage, setpoint=SETPOINT, measured=MEASURED, **options
        )  # type: ignore[arg-type]
        self.process = 30.0
        self.now_ns = 0
        self.setpoint = 40.0

    def cycle(self, *, sensor: int = GOOD, load: float | None = None, dt_s: float = PERIOD_S) -> float:
        """One cycle with the sensor in the given quality; gives the applied output."""
        image = self.image
        self.now_ns += int(dt_s * 1e9)
        self.process += (image.values[OUTPUT] - self.process) * (1 - math.exp(-dt_s / 15.0))
        image.accept(SETPOINT, self.setpoint, self.now_ns)
        if sensor == GOOD:
            image.accept(MEASURED, self.process, self.now_ns)
        else:
            image.quality[MEASURED] = sensor
        if load is None:
            image.quality[LOAD] = BAD
        else:
            image.accept(LOAD, load, self.now_ns)
        self.block.run(self.now_ns, dt_s)
        self.stage.run(self.now_ns, dt_s)
        return image.values[OUTPUT]


def test_a_closed_loop_settles_at_its_set_point() -> None:
    bench = Bench()
    for _ in range(300):
        bench.cycle()
    assert bench.process == pytest.approx(40.0, abs=0.01)
    assert bench.image.quality[OUTPUT] == GOOD
    assert bench.block.fallbacks == 0


def test_stale_holds_bad_goes_to_the_failsafe_at_the_rate_and_back_without_a_bump() -> None:
    bench = Bench(rate_per_s=2.0)
    for _ in range(100):
        held = bench.cycle()
    assert [bench.cycle(sensor=STALE) for _ in range(5)] == [held] * 5
    assert bench.image.quality[OUTPUT] == SUBSTITUTED
    assert bench.stage.mode == HOLD
    falling_back = [bench.cycle(sensor=BAD) for _ in range(30)]
    assert bench.stage.mode == FAILSAFE
    steps = [after - before for before, after in zip([held, *falling_back], falling_back, strict=False)]
    assert max(steps) <= 2.0 + 1e-9
    assert falling_back[-1] == 80.0
    back = bench.cycle()
    assert back == 80.0, "the first cycle in control again gives what was applied"
    assert bench.stage.mode == NORMAL
    for _ in range(400):
        before, after = bench.image.values[OUTPUT], bench.cycle()
        assert abs(after - before) <= 2.0 + 1e-9
    assert bench.process == pytest.approx(40.0, abs=0.01)
    assert (bench.block.fallbacks, bench.block.fallback_cycles) == (1, 35)


def test_back_without_a_bump_after_a_hold_too() -> None:
    bench = Bench()
    for _ in range(20):
        held = bench.cycle()
    for _ in range(50):
        bench.cycle(sensor=STALE)
    assert bench.cycle() == held
    assert abs(bench.cycle() - held) < 2.0


@pytest.mark.parametrize(("sensor", "mode"), [(STALE, FAILSAFE), (BAD, HOLD), (SUBSTITUTED, HOLD)])
def test_fallbacks_are_what_the_rig_asks_for(sensor: int, mode: int) -> None:
    bench = Bench(on_stale=FAILSAFE, on_bad=HOLD)
    bench.cycle()
    bench.cycle(sensor=sensor)
    assert bench.stage.mode == mode


def test_a_bad_set_point_is_a_lost_input_too() -> None:
    bench = Bench()
    bench.cycle()
    bench.image.quality[SETPOINT] = BAD
    bench.image.accept(MEASURED, 30.0, bench.now_ns)
    bench.block.run(bench.now_ns, PERIOD_S)
    assert bench.stage.mode == FAILSAFE


def test_beside_an_incumbent_the_output_follows_what_the_incumbent_does() -> None:
    """Without that the integral would wind up against a plant that does not listen to us."""
    alone, beside = Bench(), Bench(applied=INCUMBENT)
    for bench in (alone, beside):
        bench.setpoint = 90.0
        for _ in range(300):
            bench.image.accept(INCUMBENT, 30.0, bench.now_ns)
            bench.process = 30.0
            asked = bench.cycle()
        bench.asked = asked  # type: ignore[attr-defined]
    assert alone.asked == 100.0  # type: ignore[attr-defined]
    assert beside.asked < 90.0  # type: ignore[attr-defined]


def test_losing_the_incumbents_feedback_costs_no_control() -> None:
    bench = Bench(applied=INCUMBENT)
    bench.image.quality[INCUMBENT] = BAD
    for _ in range(10):
        bench.cycle()
    assert bench.stage.mode == NORMAL
    assert bench.block.fallbacks == 0


def test_feed_forward_acts_at_once_is_held_when_lost_and_comes_back_without_a_bump() -> None:
    bench = Bench(feedforward=(LOAD, 0.1, 5.0))
    for _ in range(200):
        before = bench.cycle(load=100.0)
    after = bench.cycle(load=150.0)
    assert after - before == pytest.approx(5.0, abs=0.2)
    for _ in range(200):
        before = bench.cycle(load=150.0)
    lost = [bench.cycle() for _ in range(3)]
    assert bench.stage.mode == NORMAL, "feedback goes on without it"
    assert max(abs(value - before) for value in lost) < 0.1
    assert bench.block.feedforward_held == 3
    assert abs(bench.cycle(load=-500.0) - lost[-1]) < 0.1
    assert bench.block.fallbacks == 0


def test_in_manual_the_output_stays_whatever_becomes_of_the_sensor() -> None:
    bench = Bench()
    for _ in range(5):
        bench.cycle()
    bench.pid.to_manual(55.0)
    bench.cycle(sensor=BAD)
    assert bench.cycle(sensor=BAD) == 55.0
    assert bench.stage.mode == NORMAL
    bench.pid.to_manual(130.0)
    assert bench.cycle() == 100.0
    bench.pid.to_auto()
    assert bench.cycle() == 100.0


def test_the_step_is_the_elapsed_time_so_a_skip_integrates_as_much_as_the_cycles_it_replaces() -> None:
    def integral(steps: list[float]) -> float:
        bench = Bench()
        bench.process = 30.0
        for dt_s in steps:
            bench.process = 30.0
            bench.image.values[OUTPUT] = 30.0
            bench.cycle(dt_s=dt_s)
        return bench.pid.integral

    assert integral([1.0, 1.0, 1.0, 3.0, 1.0]) == pytest.approx(integral([1.0] * 7), rel=0.02)


def test_counters_tell_all_of_it() -> None:
    bench = Bench(feedforward=(LOAD, 1.0, 0.0))
    bench.cycle(sensor=BAD)
    bench.cycle()
    expected = {"fallbacks": 1, "fallback_cycles": 1, "feedforward_held": 1, "rejected": 0}
    assert bench.block.counters() == expected


@pytest.mark.parametrize("lost", [STALE, BAD])
def test_an_incumbent_that_cannot_be_believed_is_not_tracked(lost: int) -> None:
    bench, alone = Bench(applied=INCUMBENT), Bench(applied=INCUMBENT)
    for _ in range(3):
        for each in (bench, alone):
            each.image.accept(INCUMBENT, 30.0, each.now_ns)
            each.cycle()
    # The last value of a feedback that is lost is no limit that the integral would have to follow.
    bench.image.values[INCUMBENT] = 90.0
    for each in (bench, alone):
        each.image.quality[INCUMBENT] = lost
    assert [bench.cycle() for _ in range(5)] == [alone.cycle() for _ in range(5)]
