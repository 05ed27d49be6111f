import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hil.report.decimate import change_rows, min_max_rows, spans


@pytest.mark.parametrize("row", [0, 1, 43_210, 86_398, 86_399])
@pytest.mark.parametrize("spike", [9.0, -9.0])
def test_a_spike_of_one_row_survives(row, spike):
    values = np.sin(np.arange(86_400) / 500.0)
    values[row] = spike
    rows = min_max_rows(values, 900)
    assert rows.size <= 2 * 900 + 4
    assert row in rows


@given(arrays(np.float64, st.integers(1, 400), elements=st.floats(-10, 10)), st.integers(1, 20))
def test_extremes_and_ends_are_kept_in_order(values, buckets):
    rows = min_max_rows(values, buckets)
    assert (np.diff(rows) > 0).all()
    assert {0, values.size - 1} <= set(rows.tolist())
    assert values[rows].min() == values.min()
    assert values[rows].max() == values.max()


def test_values_that_are_not_finite_are_passed_over():
    values = np.full(5000, np.nan)
    values[1234] = 3.0
    assert min_max_rows(values, 10).tolist() == [1234]


def test_a_held_curve_is_drawn_by_its_changes():
    values = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0])
    assert change_rows(values, 900).tolist() == [0, 2, 3, 6]


def test_spans_hold_until_the_next_row_and_join_what_is_near():
    t = np.arange(10.0)
    state = np.array([0, 1, 1, 0, 1, 0, 0, 0, 0, 1], bool)
    assert spans(state, t) == [(1.0, 3.0), (4.0, 5.0), (9.0, 9.0)]
    assert spans(state, t, join_s=1.0) == [(1.0, 5.0), (9.0, 9.0)]
    assert spans(np.zeros(10, bool), t) == []
