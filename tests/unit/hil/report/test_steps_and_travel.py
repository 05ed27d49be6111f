import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hil.report.integrals import mean_abs, share_within
from hil.report.steps import find_steps, step_response
from hil.report.travel import travel_and_reversals

finite = st.floats(-1e3, 1e3, allow_nan=False, width=32)


def second_order(t, damping, natural_rad_s):
    """Unit step response of an underdamped second-order system (Ogata, Modern Control Engineering, 5-3)."""
    damped = natural_rad_s * np.sqrt(1.0 - damping**2)
    decay = np.exp(-damping * natural_rad_s * t)
    return 1.0 - decay * (np.cos(damped * t) + damping / np.sqrt(1.0 - damping**2) * np.sin(damped * t))


@pytest.mark.parametrize("period_s", [0.1, 1.0, 2.0])
def test_overshoot_and_settling_of_a_second_order_system(period_s):
    t = np.arange(0.0, 1000.0, period_s)
    after = t >= 100.0
    setpoint = np.where(after, 32.0, 30.0)
    measured = np.where(after, 30.0 + 2.0 * second_order(t - 100.0, 0.4, 0.1), 30.0)
    (step,) = find_steps(t, setpoint, 0.1, period_s)
    answer = step_response(step, t, measured, np.ones(t.size, bool), 0.1)
    # exp(-pi z / sqrt(1 - z^2)) is 25.4 % for z = 0.4.
    assert answer.overshoot == pytest.approx(2.0 * 0.2538, rel=0.02)
    fine = np.arange(0.0, 900.0, 0.001)
    outside = np.flatnonzero(np.abs(2.0 * second_order(fine, 0.4, 0.1) - 2.0) > 0.1)
    assert answer.settling_s == pytest.approx(fine[outside[-1]], abs=0.5)


def test_a_step_that_never_settles_has_no_settling_time():
    t = np.arange(0.0, 600.0)
    setpoint = np.where(t >= 100.0, 31.0, 30.0)
    (step,) = find_steps(t, setpoint, 0.2, 1.0)
    answer = step_response(step, t, setpoint + np.sin(t / 5.0), np.ones(t.size, bool), 0.2)
    assert answer.settling_s is None
    assert answer.overshoot == pytest.approx(1.0, abs=0.02)


def test_a_disturbance_long_after_the_step_is_not_its_overshoot():
    t = np.arange(0.0, 3600.0)
    setpoint = np.where(t >= 100.0, 31.0, 30.0)
    measured = setpoint + np.where((t > 2000.0) & (t < 2100.0), 5.0, 0.0)
    (step,) = find_steps(t, setpoint, 0.2, 1.0)
    answer = step_response(step, t, measured, np.ones(t.size, bool), 0.2)
    assert (answer.overshoot, answer.settling_s) == (0.0, 0.0)


def test_a_step_taken_in_two_bites_is_one_step_and_a_slow_ramp_is_none():
    t = np.arange(0.0, 1000.0)
    bites = np.where(t < 100.0, 30.0, np.where(t < 103.0, 31.0, 32.0))
    (step,) = find_steps(t, bites, 0.5, 1.0)
    assert (step.start, step.target) == (30.0, 32.0)
    ramp = np.clip(30.0 + (t - 100.0) / 60.0, 30.0, 32.0)
    assert find_steps(t, ramp, 0.5, 1.0) == []


def test_travel_counts_what_exceeds_the_hysteresis():
    values = np.array([10.0, 10.3, 10.1, 30.0, 29.8, 30.0, 5.0])
    assert travel_and_reversals(values, 0.5) == (pytest.approx(45.0), 1)
    assert travel_and_reversals(np.full(50, 3.0), 0.5) == (0.0, 0)
    assert travel_and_reversals(np.array([4.0]), 0.5) == (0.0, 0)


@given(arrays(np.float64, st.integers(1, 60), elements=finite))
def test_travel_without_hysteresis_is_the_sum_of_movements(values):
    travel, _ = travel_and_reversals(values, 0.0)
    assert travel == pytest.approx(np.abs(np.diff(values)).sum(), abs=1e-6)


@given(arrays(np.float64, st.integers(2, 60), elements=finite), st.floats(0.0, 100.0))
def test_travel_spans_the_range_and_never_exceeds_the_sum(values, hysteresis):
    travel, _ = travel_and_reversals(values, hysteresis)
    assert travel <= np.abs(np.diff(values)).sum() + 1e-6
    if np.ptp(values) > hysteresis:
        assert travel >= np.ptp(values) - hysteresis - 1e-6


@given(finite, finite, st.floats(0.01, 100.0))
def test_integrals_of_a_line_agree_with_fine_sampling(start, end, band):
    line = np.linspace(start, end, 20001)
    a, b = np.array([start]), np.array([end])
    assert mean_abs(a, b)[0] == pytest.approx(np.abs(line).mean(), rel=1e-3, abs=1e-3)
    assert share_within(a, b, band)[0] == pytest.approx(np.mean(np.abs(line) <= band), abs=2e-4)
