import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hil.report.integrals import mean_abs, share_within
from hil.report.travel import travel_and_reversals

finite = st.floats(-1e3, 1e3, allow_nan=False, width=32)


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
