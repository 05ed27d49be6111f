"""The control error between two rows: held where the set-point steps, along a line where it ramps."""

from __future__ import annotations

import numpy as np
import pytest

from hil.report.integrals import interval_errors


@pytest.mark.parametrize("profile", [[0.0, 1.0, 2.0, 2.0], [0.0, 0.0, 1.0, 2.0], [5.0, 4.0, 3.0, 2.0, 2.0]])
def test_a_measured_value_on_the_ramp_has_no_error(profile: list[float]) -> None:
    setpoint = np.array(profile)
    start, end = interval_errors(setpoint, setpoint, np.ones(setpoint.size, bool))
    assert not start.any()
    assert not end.any()


def test_a_step_counts_from_the_row_in_which_it_is_seen() -> None:
    setpoint, measured = np.array([0.0, 0.0, 3.0, 3.0]), np.zeros(4)
    start, end = interval_errors(setpoint, measured, np.ones(4, bool))
    assert start.tolist() == [0.0, 0.0, 3.0]
    assert end.tolist() == [0.0, 0.0, 3.0]


def test_where_the_next_value_is_not_good_the_last_one_is_held() -> None:
    measured, good = np.array([1.0, 9.0, 2.0]), np.array([True, False, True])
    _, end = interval_errors(np.zeros(3), measured, good)
    assert end.tolist() == [-1.0, -2.0]
