import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import PID, ControllerError, GainError, PidGains

positive = st.floats(1e-3, 1e3)


@given(gain=positive, ti=positive, td=positive, n=st.floats(2, 20))
def test_ideal_and_parallel_are_the_same_gains(gain: float, ti: float, td: float, n: float) -> None:
    ideal = PidGains.ideal(gain, ti, td, filter_n=n)
    parallel = PidGains.parallel(gain, gain / ti, gain * td, filter_n=n)
    assert ideal.kp == parallel.kp
    assert ideal.ki == parallel.ki
    assert ideal.kd == parallel.kd
    assert ideal.filter_time_s == pytest.approx(parallel.filter_time_s, rel=1e-12)
    assert parallel.integral_time_s == pytest.approx(ti, rel=1e-12)
    assert parallel.derivative_time_s == pytest.approx(td, rel=1e-12)


def test_units_of_the_forms() -> None:
    # 0.1 1/K and 120 s, the CDU's default: 0.1 / 120 per K and second.
    gains = PidGains.ideal(0.1, 120.0, 6.0)
    assert (gains.kp, gains.ki) == (0.1, 0.1 / 120.0)
    assert (gains.kd, gains.filter_time_s) == pytest.approx((0.6, 0.6))


@pytest.mark.parametrize("integral_time_s", [None, math.inf])
def test_no_integral(integral_time_s: float | None) -> None:
    assert PidGains.ideal(2.0, integral_time_s).ki == 0.0
    assert PidGains.ideal(2.0, integral_time_s).integral_time_s == math.inf


def test_tracking_time_follows_the_gains() -> None:
    assert PidGains.ideal(2.0, 16.0, 4.0).tracking_time_s() == pytest.approx(8.0)
    assert PidGains.ideal(2.0, 16.0).tracking_time_s() == pytest.approx(16.0)
    assert PidGains.ideal(2.0).tracking_time_s() == 60.0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: PidGains.ideal(-0.1, 120.0), "gain is -0.1.*use action="),
        (lambda: PidGains.parallel(-1.0, 1.0), "kp is -1.0.*use action="),
        (lambda: PidGains.parallel(1.0, -0.5), "ki is -0.5.*use action="),
        (lambda: PidGains.parallel(1.0, 0.5, -2.0), "kd is -2.0.*use action="),
        (lambda: PidGains.ideal(math.nan), "gain is nan: it must be finite"),
        (lambda: PidGains.ideal(0.0, 10.0), "gain is 0"),
        (lambda: PidGains.ideal(1.0, 0.0), "integral_time_s is 0.0"),
        (lambda: PidGains.ideal(1.0, -5.0), "integral_time_s is -5.0"),
        (lambda: PidGains.ideal(1.0, math.nan), "integral_time_s is nan"),
        (lambda: PidGains.ideal(1.0, 10.0, -1.0), "derivative_time_s is -1.0"),
        (lambda: PidGains.ideal(1.0, 10.0, 1.0, filter_n=0.0), "filter_n is 0.0"),
        (lambda: PidGains.ideal(1.0, 10.0, 1.0, filter_n=5.0, filter_time_s=0.1), "both given"),
        (lambda: PidGains.ideal(1.0, 10.0, 1.0, filter_time_s=0.0), "needs a filter"),
        (lambda: PidGains.parallel(0.0, 1.0, 1.0), "needs a filter"),
        (lambda: PidGains.parallel(0.0), "never acts"),
        (lambda: PidGains.parallel(0.0, 1.0).tracking_time_s(), "tracking_time_s must be given"),
        (lambda: PID.parallel(0.0, 1.0), "tracking_time_s must be given"),
        (lambda: PID.ideal(1.0, action="cooling"), "action is 'cooling': it is one of direct, reverse"),
        (lambda: PID.ideal(1.0, anti_windup="none"), "anti_windup is 'none'"),
        (lambda: PID.ideal(1.0, b=-0.1), "b is -0.1"),
        (lambda: PID.ideal(1.0, c=math.inf), "c is inf"),
        (lambda: PID.ideal(1.0, applied_resolution=-1.0), "applied_resolution is -1.0"),
        (lambda: PID.ideal(1.0, output_low=100.0, output_high=0.0), "inverted"),
        (lambda: PID.ideal(1.0, output_low=math.nan), "range nan"),
        (lambda: PID.ideal(1.0, bias=math.nan), "bias is nan"),
        (lambda: PID.ideal(1.0, initial_output=math.inf), "initial_output is inf"),
        (lambda: PID.ideal(1.0, 5.0, tracking_time_s=0.0), "tracking_time_s is 0.0"),
    ],
)
def test_refused_with_the_figure_and_the_way_out(make, words: str) -> None:
    with pytest.raises(GainError, match=words) as caught:
        make()
    assert isinstance(caught.value, ControllerError)
