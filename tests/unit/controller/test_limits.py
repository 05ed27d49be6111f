import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import Limit, Limiter, LimitError

any_float = st.floats(allow_nan=True, allow_infinity=True)
rate = st.none() | st.floats(min_value=0, exclude_min=True)


def test_passes_what_is_in_range() -> None:
    limiter = Limiter(0.0, 100.0, 50.0)
    assert limiter.applied == 50.0
    assert limiter.apply(70.0, 0.1) == 70.0
    assert limiter.reason == 0


def test_clamps_and_says_which_end() -> None:
    limiter = Limiter(10.0, 90.0, 50.0)
    assert (limiter.apply(95.0, 1.0), limiter.reason) == (90.0, Limit.HIGH)
    assert (limiter.apply(-5.0, 1.0), limiter.reason) == (10.0, Limit.LOW)
    assert (limiter.apply(10.0, 1.0), limiter.reason) == (10.0, 0)


def test_rate_up_and_down_from_the_applied_value() -> None:
    limiter = Limiter(0.0, 100.0, 50.0, rate_up_per_s=10.0, rate_down_per_s=2.0)
    assert [limiter.apply(100.0, 0.5) for _ in range(3)] == [55.0, 60.0, 65.0]
    assert limiter.reason == Limit.RATE
    assert [limiter.apply(0.0, 0.5) for _ in range(2)] == [64.0, 63.0]
    assert limiter.apply(63.5, 0.5) == 63.5
    assert limiter.reason == 0


def test_rate_and_end_together() -> None:
    limiter = Limiter(0.0, 100.0, 50.0, rate_up_per_s=10.0)
    limiter.apply(200.0, 1.0)
    assert limiter.reason == Limit.HIGH | Limit.RATE


@pytest.mark.parametrize("dt_s", [0.0, -1.0])
def test_no_time_no_move_under_a_rate(dt_s: float) -> None:
    limited = Limiter(0.0, 100.0, 50.0, rate_up_per_s=10.0, rate_down_per_s=10.0)
    assert limited.apply(60.0, dt_s) == 50.0
    assert limited.apply(40.0, dt_s) == 50.0
    assert limited.reason == Limit.RATE
    assert Limiter(0.0, 100.0, 50.0).apply(60.0, dt_s) == 60.0


@pytest.mark.parametrize(
    ("requested", "dt_s"),
    [(math.nan, 1.0), (math.inf, 1.0), (-math.inf, 1.0), (60.0, math.nan), (60.0, math.inf)],
)
def test_not_finite_holds(requested: float, dt_s: float) -> None:
    limiter = Limiter(0.0, 100.0, 50.0, initial=30.0)
    assert limiter.apply(requested, dt_s) == 30.0
    assert limiter.reason == Limit.NONFINITE
    assert limiter.apply(60.0, 1.0) == 60.0
    assert limiter.reason == 0


def test_failsafe_within_the_rate_and_at_once() -> None:
    limiter = Limiter(0.0, 100.0, 80.0, rate_up_per_s=10.0, initial=50.0)
    assert limiter.force_failsafe(1.0) == 60.0
    assert limiter.reason == Limit.FAILSAFE | Limit.RATE
    assert limiter.force_failsafe(math.nan) == 60.0
    assert limiter.force_failsafe(0.1, immediate=True) == 80.0
    assert limiter.reason == Limit.FAILSAFE
    assert limiter.force_failsafe(1.0) == 80.0
    assert limiter.reason == Limit.FAILSAFE


def test_takes_over_an_actuator_where_it_stands() -> None:
    limiter = Limiter(0.0, 100.0, 50.0, rate_up_per_s=1.0)
    limiter.start_from(20.0)
    assert limiter.apply(100.0, 1.0) == 21.0
    limiter.start_from(math.nan)
    assert limiter.applied == 21.0
    limiter.start_from(400.0)
    assert limiter.applied == 100.0


def test_counts_each_reason() -> None:
    limiter = Limiter(0.0, 100.0, 50.0, rate_up_per_s=10.0, rate_down_per_s=100.0)
    limiter.apply(200.0, 1.0)
    limiter.apply(-5.0, 10.0)
    limiter.apply(math.nan, 1.0)
    limiter.apply(50.0, 1.0)
    limiter.force_failsafe(1.0)
    limiter.force_failsafe(1.0, immediate=True)
    limiter.apply(50.0, 1.0)
    assert limiter.counters() == {"low": 1, "high": 1, "rate": 3, "failsafe": 2, "nonfinite": 1}


def test_reasons_fit_in_a_byte() -> None:
    assert [int(limit) for limit in Limit] == [1, 2, 4, 8, 16]


@given(
    low=st.floats(-1e308, 1e308),
    high=st.floats(-1e308, 1e308),
    where=st.floats(0, 1),
    up=rate,
    down=rate,
    calls=st.lists(st.tuples(any_float, any_float, st.sampled_from("afit"))),
)
def test_nothing_outside_the_range_ever_comes_out(low, high, where, up, down, calls) -> None:
    if not low < high:
        low, high = min(low, high), max(low, high) + max(1.0, abs(high)) * 1e-3
    failsafe = min(max(low + where * (high / 2.0 - low / 2.0), low), high)
    limiter = Limiter(low, high, failsafe, up, down)
    for value, dt_s, kind in calls:
        before = limiter.applied
        if kind == "a":
            after = limiter.apply(value, dt_s)
        elif kind == "t":
            limiter.start_from(value)
            after = limiter.applied
        else:
            after = limiter.force_failsafe(dt_s, immediate=kind == "i")
        assert low <= after <= high
        assert after == limiter.applied
        if kind in "af" and 0.0 <= dt_s < math.inf:
            slack = 1e-9 * (abs(before) + abs(after))
            assert after - before <= (math.inf if up is None else up * dt_s) + slack
            assert before - after <= (math.inf if down is None else down * dt_s) + slack


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((100.0, 0.0, 50.0), "range 100.0 to 0.0 is inverted"),
        ((5.0, 5.0, 5.0), "inverted or empty"),
        ((math.nan, 1.0, 0.5), "not finite"),
        ((0.0, math.inf, 0.5), "not finite"),
        ((0.0, 100.0, 120.0), "failsafe 120.0 is outside the range 0.0 to 100.0"),
        ((0.0, 100.0, math.nan), "failsafe nan is outside"),
        ((0.0, 100.0, 50.0, None, None, -1.0), "initial -1.0 is outside"),
        ((0.0, 100.0, 50.0, -1.0), "rate_up_per_s is -1.0"),
        ((0.0, 100.0, 50.0, None, 0.0), "rate_down_per_s is 0.0"),
        ((0.0, 100.0, 50.0, math.nan), "rate_up_per_s is nan"),
    ],
)
def test_refused_with_a_message(arguments, words: str) -> None:
    with pytest.raises(LimitError, match=words):
        Limiter(*arguments)
