"""Percentiles against numpy, and the correction for omitted periods against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.loop.histogram import PERCENTILES, Histogram

WIDTH = 1 / 31  # a bucket's upper end over its lower one, less 1
DAY_NS = 86_400_000_000_000


def filled(durations: list[int]) -> Histogram:
    histogram = Histogram()
    for duration_ns in durations:
        histogram.record(duration_ns)
    return histogram


@pytest.mark.parametrize("seed", range(5))
def test_percentiles_agree_with_numpy_within_a_bucket(seed: int) -> None:
    random = np.random.default_rng(seed)
    durations = np.exp(random.normal(10.0, 3.0, 20_000)).astype(np.int64) + 1
    histogram = filled([int(duration) for duration in durations])
    for _, share in PERCENTILES:
        exact = float(np.quantile(durations, share, method="inverted_cdf"))
        assert exact <= histogram.percentile(share) <= exact * (1 + 0.032)
    assert histogram.max_ns == durations.max()
    assert histogram.summary()["mean_us"] == pytest.approx(durations.mean() / 1000)


@given(st.integers(1, 1 << 41))
def test_one_value_comes_back_exactly_and_among_larger_ones_within_a_bucket(duration_ns: int) -> None:
    assert filled([duration_ns]).percentile(0.5) == duration_ns
    found = filled([duration_ns, 1 << 50]).percentile(0.5)
    assert duration_ns <= found <= duration_ns * (1 + WIDTH)


def test_nothing_recorded_is_all_zero() -> None:
    summary = Histogram().summary()
    assert (summary["count"], summary["p99_us"], summary["max_us"], summary["mean_us"]) == (0, 0, 0, 0)


def test_a_negative_duration_counts_as_none_in_the_mean_too() -> None:
    histogram = filled([-5_000, 10])
    assert (histogram.count, histogram.total_ns, histogram.max_ns) == (2, 10, 10)
    assert histogram.percentile(0.5) == 0


def test_durations_beyond_the_last_bucket_are_not_made_smaller() -> None:
    histogram = filled([DAY_NS] * 10)
    assert histogram.percentile(0.5) == DAY_NS
    assert histogram.summary()["buckets"] == [[DAY_NS / 1000, 10]]


@given(st.integers(-50, 5_000), st.integers(1, 200))
def test_the_correction_adds_what_each_swallowed_period_would_have_shown(
    duration_ns: int, period_ns: int
) -> None:
    corrected = Histogram()
    corrected.record_corrected(duration_ns, period_ns)
    by_definition = [duration_ns - k * period_ns for k in range(max(duration_ns, 1))]
    expected = filled([duration_ns, *(left_ns for left_ns in by_definition[1:] if left_ns > 0)])
    assert corrected.summary() == expected.summary()


@given(st.integers(2_000, 20_000), st.integers(1, 40))
def test_a_long_stall_is_counted_in_bulk_to_the_same_result(periods: int, period_ns: int) -> None:
    duration_ns = periods * period_ns + period_ns // 2
    corrected = Histogram()
    corrected.record_corrected(duration_ns, period_ns)
    expected = filled(list(range(duration_ns, 0, -period_ns)))
    assert corrected.summary() == expected.summary()


def test_a_night_asleep_at_a_millisecond_does_not_take_a_morning_to_count() -> None:
    histogram = Histogram()
    histogram.record_corrected(DAY_NS, 1_000_000)
    assert histogram.count == 86_400_000
    assert histogram.percentile(0.02) == pytest.approx(0.02 * DAY_NS, rel=0.04)
