"""Sensors against scipy and statistics, actuators against the play operator and the two-parameter stiction model."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal, stats

from plant_models import PlantSettingError
from plant_models.instruments import Actuator, ActuatorSettings, Sensor, SensorSettings

LOW, HIGH = -50.0, 150.0


def sensor(seed: int = 1, **figures: float) -> Sensor:
    return Sensor(SensorSettings(**figures), LOW, HIGH, seed)


def actuator(initial: float | None = None, **figures: float) -> Actuator:
    return Actuator(ActuatorSettings(**figures), 0.0, 100.0, initial)


@pytest.mark.parametrize("dt_s", [0.01, 0.7, 5.0, 60.0])
def test_the_lag_is_that_of_scipy(dt_s: float) -> None:
    times = np.arange(60) * dt_s
    true = 20.0 + np.random.default_rng(3).normal(0, 5, 60).cumsum()
    lagged = sensor(lag_s=3.0)
    seen = [lagged.step(value, dt_s if n else 0.0) for n, value in enumerate(true)]
    _, expected, _ = signal.lsim(([1.0], [3.0, 1.0]), true - true[0], times)
    np.testing.assert_allclose(seen, np.clip(expected + true[0], LOW, HIGH), atol=1e-9)


def test_the_lag_of_a_ramp_does_not_depend_on_how_time_is_cut() -> None:
    ends = []
    for cuts in (1, 7, 100):
        lagged = sensor(lag_s=4.0)
        lagged.step(0.0, 0.0)
        for n in range(1, cuts + 1):
            seen = lagged.step(20.0 * n / cuts, 10.0 / cuts)
        ends.append(seen)
    assert ends[0] == pytest.approx(20.0 - 2.0 * 4.0 * (1.0 - math.exp(-2.5)), abs=1e-12)
    assert ends == pytest.approx([ends[0]] * 3, abs=1e-12)


def test_noise_is_gaussian_white_and_of_its_size() -> None:
    noisy = sensor(noise_std=0.3, bias=2.0)
    error = np.array([noisy.step(20.0, 1.0) for _ in range(20_000)]) - 22.0
    assert error.std() == pytest.approx(0.3, rel=0.02)
    assert abs(error.mean()) < 0.01
    assert abs(np.corrcoef(error[1:], error[:-1])[0, 1]) < 0.02
    assert stats.kstest(error / 0.3, "norm").pvalue > 0.01


def test_the_seed_alone_decides_the_noise() -> None:
    first, again, other = sensor(7, noise_std=1.0), sensor(7, noise_std=1.0), sensor(8, noise_std=1.0)
    seen = [[each.step(20.0, 1.0) for _ in range(600)] for each in (first, again, other)]
    assert seen[0] == seen[1]
    assert not set(seen[0]) & set(seen[2])


def test_drift_grows_by_its_figure_a_day() -> None:
    drifting = sensor(drift_per_day=-0.5)
    seen = [drifting.step(20.0, 60.0) for _ in range(2 * 1440)]
    assert seen[1439] == pytest.approx(19.5, abs=1e-9)
    assert seen[-1] == pytest.approx(19.0, abs=1e-9)


def test_only_whole_steps_are_shown_to_the_nearest() -> None:
    coarse = sensor(resolution=0.25)
    assert [coarse.step(value, 1.0) for value in (1.0, 1.12, 1.13, -0.12, -0.13)] == [
        1.0,
        1.0,
        1.25,
        0.0,
        -0.25,
    ]


def test_it_saturates_at_the_ends_of_its_span_and_counts() -> None:
    biased = sensor(bias=10.0)
    assert [biased.step(value, 1.0) for value in (139.0, 141.0, -70.0)] == [149.0, 150.0, -50.0]
    assert biased.saturated == 2


@pytest.mark.parametrize(("true", "dt_s"), [(math.nan, 1.0), (math.inf, 1.0), (20.0, math.nan), (20.0, -1.0)])
def test_what_is_not_finite_gives_the_last_value_and_leaves_no_trace(true: float, dt_s: float) -> None:
    figures = {"lag_s": 2.0, "noise_std": 0.1}
    whole, disturbed = sensor(**figures), sensor(**figures)
    for value in (20.0, 21.0):
        last = disturbed.step(value, 1.0)
        whole.step(value, 1.0)
    assert disturbed.step(true, dt_s) == last
    assert disturbed.rejected == 1
    assert disturbed.step(22.0, 1.0) == whole.step(22.0, 1.0)


@pytest.mark.parametrize("before", [0, 3, 511, 512, 700])
def test_a_restored_sensor_is_the_same_to_the_bit(before: int) -> None:
    measuring = sensor(lag_s=3.0, noise_std=0.2, drift_per_day=5.0, resolution=0.01)
    for n in range(before):
        measuring.step(20.0 + n % 7, 1.0)
    kept = measuring.snapshot()
    first = [measuring.step(30.0, 0.5) for _ in range(600)]
    measuring.restore(kept)
    assert [measuring.step(30.0, 0.5) for _ in range(600)] == first
    fresh = sensor(99, lag_s=3.0, noise_std=0.2, drift_per_day=5.0, resolution=0.01)
    fresh.restore(kept)
    assert [fresh.step(30.0, 0.5) for _ in range(600)] == first


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        ({"lag_s": -1.0}, "lag_s is -1 s"),
        ({"noise_std": math.nan}, "noise_std is nan"),
        ({"resolution": 200.0}, "resolution is 200, and the span of -50 to 150 is 200"),
        ({"bias": -300.0}, "bias is -300"),
        ({"drift_per_day": math.inf}, "drift_per_day is inf"),
    ],
)
def test_a_sensor_that_cannot_be_is_refused(figures: dict[str, float], told: str) -> None:
    with pytest.raises(PlantSettingError) as caught:
        sensor(**figures)
    assert told in str(caught.value)


@given(
    st.lists(st.floats(0.0, 100.0), min_size=1, max_size=60),
    st.sampled_from([0.0, 0.5, 4.0, 30.0]),
)
def test_backlash_alone_is_the_play_operator(commands: list[float], backlash: float) -> None:
    moved, position = actuator(initial=50.0, backlash=backlash), 50.0
    for command in commands:
        position = min(max(position, command - backlash / 2), command + backlash / 2)
        assert moved.step(command, 1.0) == pytest.approx(position, abs=1e-12)


@pytest.mark.parametrize(("stiction", "backlash"), [(2.0, 0.0), (2.0, 3.0), (0.5, 6.0)])
def test_a_slow_triangle_gives_the_slip_jump_and_the_dead_band_of_choudhury(
    stiction: float, backlash: float
) -> None:
    """J is the slip jump; S = dead band + stick band is what a reversal costs before the stem moves."""
    moved, step = actuator(initial=20.0, stiction=stiction, backlash=backlash), 0.01
    up = [20.0 + step * n for n in range(4001)]
    command = np.array([*up, *up[::-1], *up])
    position = np.array([moved.step(value, 1.0) for value in command])
    jumps = np.diff(position)
    assert sorted(np.abs(jumps))[-3:] == pytest.approx([stiction] * 3, abs=2 * step), (
        "one jump a reversal, no more"
    )
    assert np.sort(np.abs(jumps))[-4] == pytest.approx(step, abs=1e-9), "in between it moves with the drive"
    for begin in (4001, 8002):
        after = position[begin:] != position[begin]
        lost = abs(command[begin + np.argmax(after)] - command[begin])
        assert lost == pytest.approx(stiction + backlash, abs=2 * step)
    moving = position[2000]
    assert command[2000] - moving == pytest.approx(backlash / 2, abs=1e-9), "it trails by half the play"


def test_after_a_stop_the_same_way_costs_the_slip_jump_alone() -> None:
    moved = actuator(initial=20.0, stiction=2.0, backlash=3.0)
    for value in np.arange(20.0, 40.0, 0.1):
        moved.step(float(value), 1.0)
    held = moved.step(39.9, 1.0)
    assert [moved.step(39.9 + way, 1.0) for way in (0.5, 1.0, 1.9)] == [held] * 3
    assert moved.step(39.9 + 2.1, 1.0) == pytest.approx(42.0 - 1.5)


def test_small_changes_never_move_a_stuck_valve_and_large_ones_do() -> None:
    moved = actuator(initial=50.0, stiction=1.0)
    assert {moved.step(50.0 + 0.9 * (-1) ** n, 1.0) for n in range(200)} == {50.0}
    assert moved.step(51.5, 1.0) == 51.5


def test_the_whole_span_takes_the_stroke_time() -> None:
    moved = actuator(initial=0.0, stroke_time_s=40.0)
    seen = [moved.step(100.0, 0.5) for _ in range(100)]
    np.testing.assert_allclose(seen[:80], np.arange(1, 81) * 1.25)
    assert seen[80:] == [100.0] * 20
    assert moved.limited == 79
    assert moved.step(0.0, 1000.0) == 0.0


def test_without_figures_it_is_the_command() -> None:
    moved = actuator()
    assert [moved.step(value, 1.0) for value in (30.0, 99.0, 0.0)] == [30.0, 99.0, 0.0]


def test_it_starts_settled_on_the_first_command() -> None:
    assert actuator(stiction=5.0, backlash=5.0, stroke_time_s=100.0).step(63.0, 1.0) == 63.0


def test_a_bad_command_moves_nothing_and_one_beyond_the_span_stops_at_its_end() -> None:
    moved = actuator(initial=50.0, stroke_time_s=10.0)
    assert [moved.step(*bad) for bad in ((math.nan, 1.0), (60.0, math.inf), (60.0, -1.0))] == [50.0] * 3
    assert [moved.step(1e9, 1.0) for _ in range(6)] == [60.0, 70.0, 80.0, 90.0, 100.0, 100.0]
    assert (moved.rejected, moved.clamped) == (3, 6)


def test_a_restored_actuator_is_the_same_to_the_bit() -> None:
    random = np.random.default_rng(5)
    commands = np.clip(50 + random.normal(0, 3, 400).cumsum(), 0, 100)
    moved = actuator(stiction=1.0, backlash=2.0, stroke_time_s=30.0)
    for value in commands[:150]:
        moved.step(float(value), 0.7)
    kept = moved.snapshot()
    first = [moved.step(float(value), 0.7) for value in commands[150:]]
    moved.restore(kept)
    assert [moved.step(float(value), 0.7) for value in commands[150:]] == first
    assert moved.snapshot() != kept


def test_an_integral_in_the_loop_cycles_on_stiction_and_rests_without() -> None:
    """Choudhury et al. 2005: stiction and integral action make a limit cycle on a self-regulating process."""

    def tail(stiction: float) -> float:
        moved, level, integral, seen = actuator(initial=50.0, stiction=stiction), 0.0, 50.0, []
        for _ in range(3000):
            error = 10.0 - level
            integral += error / 20.0
            position = moved.step(min(max(integral + error, 0.0), 100.0), 1.0)
            level += (position - 50.0 - level) / 10.0
            seen.append(level)
        return float(np.ptp(seen[2000:]))

    assert tail(0.0) < 1e-6
    assert 1.0 < tail(3.0) < 6.0


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        ({"stiction": -1.0}, "stiction is -1"),
        ({"stroke_time_s": math.inf}, "stroke_time_s is inf s"),
        ({"stiction": 60.0, "backlash": 50.0}, "stiction + backlash is 110, and the span of 0 to 100 is 100"),
    ],
)
def test_an_actuator_that_cannot_be_is_refused(figures: dict[str, float], told: str) -> None:
    with pytest.raises(PlantSettingError) as caught:
        actuator(**figures)
    assert told in str(caught.value)
