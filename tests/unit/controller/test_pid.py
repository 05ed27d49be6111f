import math
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller import PID, GainError, Limiter, PidGains

STATE = tuple(name for name in PID.__slots__ if name not in ("rejected", "_has_history"))


def state_of(pid: PID) -> dict[str, object]:
    return {name: getattr(pid, name) for name in STATE if hasattr(pid, name)}


any_float = st.floats(allow_nan=True, allow_infinity=True)
usual = st.floats(-1e3, 1e3)
interval_s = st.floats(1e-3, 1e3)
samples = st.lists(st.tuples(usual, usual, interval_s), min_size=2, max_size=30)
gain, integral_time_s, derivative_time_s = st.floats(1e-2, 1e2), st.floats(1e-1, 1e3), st.floats(1e-2, 1e2)
gains = st.one_of(
    st.builds(PidGains.ideal, gain),
    st.builds(PidGains.ideal, gain, integral_time_s),
    st.builds(PidGains.ideal, gain, integral_time_s, derivative_time_s),
)
anti_windup = st.sampled_from(["tracking", "conditional"])


# --- the parts -----------------------------------------------------------------------------------------


def test_proportional_part_and_action() -> None:
    assert PID.ideal(2.0).step(30.0, 31.5, 1.0) == -3.0
    assert PID.ideal(2.0, action="direct").step(30.0, 31.5, 1.0) == 3.0


def test_set_point_weight_b() -> None:
    assert PID.ideal(2.0, b=0.5).step(30.0, 10.0, 1.0) == pytest.approx(10.0)
    assert PID.ideal(2.0, b=0.0).step(30.0, 10.0, 1.0) == pytest.approx(-20.0)


def test_integral_gathers_gain_over_integral_time_each_second() -> None:
    pid = PID.ideal(0.1, 120.0, action="direct", initial_output=40.0)
    pid.step(30.0, 32.0, 1.0)
    for _ in range(600):
        output = pid.step(30.0, 32.0, 1.0)
    assert output == pytest.approx(40.0 + 0.1 * 2.0 * 600.0 / 120.0)


def test_integral_does_not_depend_on_how_time_is_cut() -> None:
    outputs = []
    for steps_s in ([1.0] * 60, [0.5] * 120, [7.0, 13.0, 0.25, 39.75]):
        pid = PID.ideal(2.0, 50.0, initial_output=10.0)
        pid.step(5.0, 4.0, 1.0)
        outputs.append([pid.step(5.0, 4.0, dt_s) for dt_s in steps_s][-1])
    assert outputs == pytest.approx([10.0 + 2.0 * 60.0 / 50.0] * 3)


def test_derivative_acts_on_the_measured_value_and_not_on_the_set_point() -> None:
    still = PID.parallel(1.0, kd=4.0, filter_time_s=2.0, b=0.0)
    still.step(0.0, 5.0, 1.0)
    assert still.step(100.0, 5.0, 1.0) == pytest.approx(-5.0)
    moving = PID.parallel(1.0, kd=4.0, filter_time_s=2.0, b=0.0)
    moving.step(0.0, 5.0, 1.0)
    # The filter's answer to a ramp of 3 per second after 1 s.
    assert moving.step(0.0, 8.0, 1.0) == pytest.approx(-8.0 - 4.0 * 3.0 * (1.0 - math.exp(-0.5)))


def test_derivative_with_weight_c_sees_the_set_point() -> None:
    pid = PID.parallel(1.0, kd=4.0, filter_time_s=2.0, b=0.0, c=1.0)
    pid.step(0.0, 5.0, 1.0)
    assert pid.step(1.0, 5.0, 1.0) == pytest.approx(-5.0 + 4.0 * (1.0 - math.exp(-0.5)))


def test_derivative_settles_on_a_ramp_whatever_the_step() -> None:
    for dt_s in (0.01, 1.0, 50.0):
        pid = PID.parallel(1.0, kd=4.0, filter_time_s=2.0)
        for k in range(int(60.0 / dt_s) + 3):
            output = pid.step(3.0 * k * dt_s, 3.0 * k * dt_s, dt_s)
        assert output == pytest.approx(-12.0, rel=1e-6)


def test_feedforward_is_added() -> None:
    assert PID.ideal(2.0).step(1.0, 1.0, 1.0, feedforward=25.0) == 25.0


def test_bias_of_a_proportional_controller() -> None:
    pid = PID.ideal(2.0, bias=50.0)
    assert pid.output == 50.0
    assert [pid.step(0.0, 1.0, 1.0) for _ in range(3)] == [48.0] * 3


# --- time ----------------------------------------------------------------------------------------------


def test_no_time_gives_the_last_output_and_changes_nothing() -> None:
    pid = PID.ideal(2.0, 10.0, 1.0)
    for k in range(5):
        output = pid.step(1.0, 0.1 * k, 0.5)
    before = state_of(pid)
    assert pid.step(9.0, -4.0, 0.0, 77.0, 3.0) == output
    assert state_of(pid) == before
    assert pid.rejected == 0


def test_negative_time_is_refused() -> None:
    pid = PID.ideal(2.0, 10.0)
    output = pid.step(1.0, 0.0, 1.0)
    assert pid.step(5.0, 0.0, -1.0) == output
    assert pid.rejected == 1


@given(samples=samples, gains=gains)
def test_the_same_inputs_give_the_same_outputs_to_the_bit(
    samples: list[tuple[float, float, float]], gains: PidGains
) -> None:
    runs = []
    for _ in range(2):
        pid = PID(gains, output_low=-50.0, output_high=50.0)
        runs.append([pid.step(r, y, dt_s) for r, y, dt_s in samples])
    assert runs[0] == runs[1]


# --- inputs that are not finite ------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("mask", [m for m in product([False, True], repeat=5) if any(m)])
def test_any_combination_of_bad_arguments_holds_the_output_and_is_counted(
    bad: float, mask: tuple[bool, ...]
) -> None:
    pid = PID.ideal(2.0, 10.0, 1.0, c=1.0)
    good = (1.0, 0.4, 0.5, 3.0, 0.2)
    for _ in range(4):
        output = pid.step(*good)
    before = state_of(pid)
    arguments = [bad if is_bad else value for value, is_bad in zip(good, mask, strict=True)]
    assert pid.step(*arguments) == output
    assert state_of(pid) == before
    assert pid.rejected == 1
    assert math.isfinite(pid.step(*good))
    assert pid.rejected == 1


@given(
    steps=st.lists(st.tuples(any_float, any_float, any_float, st.none() | any_float, any_float), max_size=30),
    gains=gains,
    anti_windup=anti_windup,
    b=st.floats(0, 2),
    c=st.floats(0, 2),
)
@settings(max_examples=300)
def test_nothing_makes_the_output_or_the_state_other_than_finite(steps, gains, anti_windup, b, c) -> None:
    pid = PID(gains, anti_windup=anti_windup, b=b, c=c)
    for arguments in steps:
        assert math.isfinite(pid.step(*arguments))
        assert math.isfinite(pid.integral)
    assert all(
        math.isfinite(v)
        for k, v in state_of(pid).items()
        if isinstance(v, float) and k not in ("_low", "_high")
    )
    # Whatever came, it is still alive: after a reset it does what a new one does.
    pid.reset()
    assert [pid.step(1.0, 0.5, 1.0), pid.step(1.0, 0.7, 1.0)] == [
        (fresh := PID(gains, anti_windup=anti_windup, b=b, c=c)).step(1.0, 0.5, 1.0),
        fresh.step(1.0, 0.7, 1.0),
    ]


@pytest.mark.parametrize("b", [0.0, 1.0])
def test_finite_inputs_that_overflow_inside_are_refused_and_do_not_linger(b: float) -> None:
    pid = PID.ideal(2.0, b=b)
    assert pid.step(1.0, 1.0, 1.0) == pytest.approx(2.0 * b - 2.0)
    assert math.isfinite(pid.step(1.7e308, -1.7e308, 1.0))
    assert pid.rejected == 1
    pid.set_gains(PidGains.ideal(2.0, 10.0))
    for _ in range(3):
        pid.step(1.0, 0.0, 1.0)
    assert pid.rejected == 1


def test_no_derivative_kick_across_a_lost_sample() -> None:
    pid = PID.parallel(1.0, kd=10.0, filter_time_s=1.0, b=0.0)
    pid.step(0.0, 0.0, 1.0)
    pid.step(0.0, math.nan, 1.0)
    assert pid.step(0.0, 2.0, 1.0) == -2.0


def test_transfers_refuse_what_is_not_finite() -> None:
    pid = PID.ideal(2.0, 10.0, initial_output=30.0)
    pid.track(math.nan)
    pid.to_manual(math.inf)
    assert pid.output == 30.0
    pid.reset(math.nan)
    assert pid.output == 0.0
    assert pid.rejected == 3


# --- range and anti-windup -----------------------------------------------------------------------------


@given(
    steps=st.lists(st.tuples(any_float, any_float, any_float, st.none() | any_float, any_float), max_size=30),
    gains=gains,
    low=st.floats(-1e3, 1e3),
    span=st.floats(1e-3, 1e3),
    output=any_float,
)
def test_output_is_always_in_range(steps, gains, low: float, span: float, output: float) -> None:
    pid = PID(gains, output_low=low, output_high=low + span)
    assert low <= pid.output <= low + span
    for k, arguments in enumerate(steps):
        if k == 10:
            pid.to_manual(output)
            assert low <= pid.output <= low + span
        if k == 15:
            pid.to_auto()
        if k == 20:
            pid.track(output)
        assert low <= pid.step(*arguments) <= low + span


@given(samples=samples, gains=gains, anti_windup=anti_windup)
def test_applied_equal_to_the_last_output_changes_nothing(samples, gains, anti_windup) -> None:
    told = PID(gains, output_low=-20.0, output_high=20.0, anti_windup=anti_windup)
    untold = PID(gains, output_low=-20.0, output_high=20.0, anti_windup=anti_windup)
    for r, y, dt_s in samples:
        assert told.step(r, y, dt_s, applied=told.output) == untold.step(r, y, dt_s)


def drive_first_order(pid: PID, limiter: Limiter, setpoints: list[float], dt_s: float) -> list[float]:
    """Measured values of a first-order process (gain 1, 10 s) under the controller and its limiter."""
    y = 0.0
    measured = []
    decay = math.exp(-dt_s / 10.0)
    for setpoint in setpoints:
        applied = limiter.apply(pid.step(setpoint, y, dt_s, applied=limiter.applied), dt_s)
        y = decay * y + (1.0 - decay) * applied
        measured.append(y)
    return measured


@pytest.mark.parametrize("anti_windup", ["tracking", "conditional"])
def test_recovers_at_once_after_long_saturation(anti_windup) -> None:
    # 2 is out of reach of an actuator that ends at 1; after 10 min the set-point comes back into reach.
    setpoints = [2.0] * 6000 + [0.5] * 600
    pid = PID.ideal(2.0, 10.0, anti_windup=anti_windup)
    measured = drive_first_order(pid, Limiter(0.0, 1.0, 0.0), setpoints, 0.1)
    assert measured[5999] == pytest.approx(1.0, abs=1e-6)
    assert measured[6000 + 150] == pytest.approx(0.5, abs=0.15)
    assert measured[-1] == pytest.approx(0.5, abs=0.005)
    # Without knowing what was applied it winds up and stays at the stop: the test would see it.
    deaf, limiter, y = PID.ideal(2.0, 10.0), Limiter(0.0, 1.0, 0.0), 0.0
    for setpoint in setpoints:
        y = math.exp(-0.01) * y + (1.0 - math.exp(-0.01)) * limiter.apply(deaf.step(setpoint, y, 0.1), 0.1)
    assert y == pytest.approx(1.0, abs=1e-3)


def test_own_range_saturates_like_a_limiter_further_on() -> None:
    setpoints = [2.0] * 600 + [0.5] * 600
    own = drive_first_order(
        PID.ideal(2.0, 10.0, output_low=0.0, output_high=1.0), Limiter(0.0, 1.0, 0.0), setpoints, 0.1
    )
    further_on = drive_first_order(PID.ideal(2.0, 10.0), Limiter(0.0, 1.0, 0.0), setpoints, 0.1)
    assert own == further_on


def test_rate_limit_does_not_wind_it_up() -> None:
    limiter = Limiter(0.0, 1.0, 0.0, rate_up_per_s=0.01, rate_down_per_s=0.01)
    measured = drive_first_order(PID.ideal(2.0, 10.0), limiter, [0.5] * 3000, 0.1)
    assert max(measured) < 0.58
    assert measured[-1] == pytest.approx(0.5, abs=0.005)
    deaf_limiter, deaf, y, highest = Limiter(0.0, 1.0, 0.0, 0.01, 0.01), PID.ideal(2.0, 10.0), 0.0, 0.0
    for _ in range(3000):
        y = math.exp(-0.01) * y + (1.0 - math.exp(-0.01)) * deaf_limiter.apply(deaf.step(0.5, y, 0.1), 0.1)
        highest = max(highest, y)
    assert highest > 0.7


def test_tracking_time_constant() -> None:
    """At zero error the part of a gap that remains after one tracking time is 1/e."""
    pid = PID.ideal(2.0, 10.0, tracking_time_s=4.0, bias=80.0)
    pid.step(0.0, 0.0, 0.1)
    for _ in range(40):
        output = pid.step(0.0, 0.0, 0.1, applied=20.0)
    assert output - 20.0 == pytest.approx(60.0 * math.exp(-1.0), rel=1e-9)


def test_held_elsewhere_it_stays_within_reach_however_long() -> None:
    """The actuator is held at 20 by something that does not say so, under an error that would wind up.

    What remains is tracking time · ki · error, with the default the proportional answer to the error.
    """
    for n_steps in (2000, 20000):
        pid = PID.ideal(2.0, 10.0, bias=80.0)
        for _ in range(n_steps):
            output = pid.step(3.0, 0.0, 0.1, applied=20.0)
        assert output == pytest.approx(20.0 + 2.0 * 3.0, abs=0.1)
    pid = PID.ideal(2.0, 10.0, bias=80.0)
    for _ in range(2000):
        output = pid.step(3.0, 3.0, 0.1, applied=20.0)
    assert output == pytest.approx(20.0, abs=1e-6)


def test_conditional_integration_goes_on_where_it_closes_the_gap() -> None:
    pid = PID.ideal(2.0, 10.0, anti_windup="conditional", bias=80.0)
    pid.step(0.0, 0.0, 1.0)
    assert pid.step(1.0, 0.0, 1.0, applied=50.0) == 82.0
    assert pid.integral == 80.0
    pid.step(-1.0, 0.0, 1.0, applied=50.0)
    pid.step(-1.0, 0.0, 1.0, applied=50.0)
    assert pid.integral < 80.0


@pytest.mark.parametrize("anti_windup", ["tracking", "conditional"])
def test_rounding_of_the_wire_does_not_stop_the_integral(anti_windup) -> None:
    """Whole percents on the wire, a small error: the integral must get over the next half percent."""
    pid = PID.ideal(1.0, 100.0, anti_windup=anti_windup, applied_resolution=0.5, initial_output=50.0)
    applied = 50.0
    for _ in range(400):
        applied = float(round(pid.step(0.3, 0.0, 1.0, applied=applied)))
    assert applied == pytest.approx(51.0)


# --- transfers without a bump --------------------------------------------------------------------------


@given(gains=gains, output=usual, r=usual, y=usual, ff=usual, dt_s=interval_s, b=st.floats(0, 1))
def test_first_step_gives_the_initial_output(gains, output, r, y, ff, dt_s, b) -> None:
    pid = PID(gains, initial_output=output, b=b)
    assert pid.output == output
    assert pid.step(r, y, dt_s, feedforward=ff) == output


@given(gains=gains, samples=samples, output=usual, r=usual, y=usual, dt_s=interval_s)
def test_manual_to_auto_without_a_bump(gains, samples, output, r, y, dt_s) -> None:
    pid = PID(gains)
    for sample in samples:
        pid.step(*sample)
    last = pid.output
    pid.to_manual()
    assert pid.step(r, y, dt_s) == last
    pid.to_manual(output)
    assert [pid.step(*sample) for sample in samples] == [output] * len(samples)
    pid.to_auto()
    assert pid.step(r, y, dt_s) == output


def test_to_auto_starts_from_what_was_applied() -> None:
    pid = PID.ideal(2.0, 10.0)
    pid.to_manual(60.0)
    pid.to_auto()
    # The rate limit had not let the actuator get to 60 yet.
    assert pid.step(5.0, 1.0, 0.1, applied=42.0) == 42.0


@given(gains=gains, samples=samples, held=usual, r=usual, y=usual, dt_s=interval_s)
def test_returns_from_a_fallback_without_a_bump(gains, samples, held, r, y, dt_s) -> None:
    pid = PID(gains)
    for sample in samples:
        pid.step(*sample)
    for _ in range(3):
        pid.track(held)
        assert pid.output == held
    assert pid.step(r, y, dt_s, applied=held) == held
    # And goes on from there by no more than one step of its own.
    assert pid.step(r, y, 1e-9, applied=held) == pytest.approx(held, abs=1e-3)


def test_tracking_leaves_manual_alone() -> None:
    pid = PID.ideal(2.0, 10.0)
    pid.to_manual(60.0)
    pid.track(20.0)
    assert pid.step(1.0, 0.0, 1.0) == 60.0


@given(before=gains, after=gains, samples=samples)
def test_other_gains_without_a_bump(before, after, samples) -> None:
    pid = PID(before)
    for r, y, dt_s in samples:
        output = pid.step(r, y, dt_s)
    pid.set_gains(after)
    assert pid.gains == after
    r, y, _ = samples[-1]
    size = abs(output) + 1e2 * 1e3
    assert pid.step(r, y, 1e-12) == pytest.approx(output, abs=1e-6 * size)


@pytest.mark.parametrize("anti_windup", ["tracking", "conditional"])
@pytest.mark.parametrize("limit", [100.0, 0.0])
def test_other_gains_at_a_limit_leave_nothing_wound_up(anti_windup, limit) -> None:
    pid = PID.ideal(5.0, 100.0, output_low=0.0, output_high=100.0, anti_windup=anti_windup)
    away = 100.0 if limit else -100.0
    for _ in range(3000):
        pid.step(away, 0.0, 0.1)
    pid.set_gains(PidGains.ideal(0.5, 100.0))
    assert pid.step(away, 0.0, 1e-12) == limit
    back = [pid.step(away, 1.01 * away, 0.1) for _ in range(2)]
    assert all(0.0 < output < 100.0 for output in back)


def test_gains_that_cannot_be_used_leave_the_old_ones() -> None:
    pid = PID.ideal(2.0, 10.0)
    pid.step(1.0, 0.0, 1.0)
    before = state_of(pid)
    with pytest.raises(GainError, match="tracking_time_s"):
        pid.set_gains(PidGains.parallel(0.0, 1.0))
    assert state_of(pid) == before


def test_bias_returns_after_a_transfer_without_integral_action() -> None:
    pid = PID.ideal(2.0, bias=50.0, tracking_time_s=10.0)
    pid.track(80.0)
    outputs = [pid.step(0.0, 0.0, 1.0) for _ in range(200)]
    assert outputs[0] == 80.0
    assert outputs[10] - 50.0 == pytest.approx(30.0 * math.exp(-1.0))
    assert outputs[-1] == pytest.approx(50.0, abs=1e-6)


@given(gains=gains, samples=samples)
def test_reset_makes_it_new(gains, samples) -> None:
    used, fresh = PID(gains), PID(gains)
    for sample in samples:
        used.step(*sample)
    used.reset()
    assert [used.step(*sample) for sample in samples] == [fresh.step(*sample) for sample in samples]


def test_reset_starts_the_integral_at_the_output() -> None:
    pid = PID.ideal(2.0, 10.0)
    pid.reset(30.0)
    assert pid.output == 30.0
    assert pid.step(0.0, 0.0, 1.0) == 30.0


# --- symmetries ----------------------------------------------------------------------------------------


@given(gains=gains, samples=samples, b=st.floats(0, 1), c=st.floats(0, 1), anti_windup=anti_windup)
def test_direct_action_mirrors_reverse(gains, samples, b, c, anti_windup) -> None:
    options = {"b": b, "c": c, "anti_windup": anti_windup, "output_low": -30.0, "output_high": 30.0}
    reverse = PID(gains, action="reverse", **options)
    direct = PID(gains, action="direct", **options)
    for r, y, dt_s in samples:
        assert direct.step(r, y, dt_s) == -reverse.step(r, y, dt_s)


@given(samples=samples, k=st.floats(0.1, 10), ti=st.floats(1, 100), td=st.floats(0.1, 10))
def test_ideal_and_parallel_give_the_same_outputs(samples, k, ti, td) -> None:
    ideal = PID.ideal(k, ti, td, filter_time_s=0.5)
    parallel = PID.parallel(k, k / ti, k * td, filter_time_s=0.5)
    for r, y, dt_s in samples:
        assert ideal.step(r, y, dt_s) == parallel.step(r, y, dt_s)


@given(
    samples=samples, k=st.floats(0.1, 10), ti=st.floats(1, 100), td=st.floats(0.1, 10), p=st.integers(-6, 6)
)
def test_output_scales_with_the_gain(samples, k, ti, td, p) -> None:
    scale = 2.0**p  # exact in binary, so the outputs are equal and not only close
    one = PID.ideal(k, ti, td, output_low=-8.0, output_high=8.0)
    other = PID.ideal(scale * k, ti, td, output_low=-8.0 * scale, output_high=8.0 * scale)
    for r, y, dt_s in samples:
        assert other.step(r, y, dt_s) == scale * one.step(r, y, dt_s)
