"""Slopes at limits and kinks."""

import math

import numpy as np
import pytest

from plant_models.slopes import Variables, slopes


def variables(*at: float, low: float = -math.inf, high: float = math.inf) -> Variables:
    here = np.array(at)
    return Variables(here, np.full(here.size, 1e-3), np.full(here.size, low), np.full(here.size, high))


def test_smooth_functions_have_central_slopes_and_no_kinks():
    found = slopes(
        lambda v: np.array([v[0] ** 2 + v[1], math.sin(v[1]), v[0] ** 2 - 2.0 * v[0]]), variables(1.0, 2.0)
    )
    assert found.matrix == pytest.approx(np.array([[2.0, 1.0], [0.0, math.cos(2.0)], [0.0, 0.0]]), abs=1e-6)
    assert not found.kinks.any()


@pytest.mark.parametrize(("at", "low", "high", "slope"), [(0.0, 0.0, 1.0, 2.0), (0.0, -1.0, 0.0, -3.0)])
def test_on_a_limit_the_slope_is_that_of_the_side_inside(at, low, high, slope):
    def bent(v: np.ndarray) -> np.ndarray:
        assert low <= v[0] <= high
        return np.array([2.0 * v[0] if v[0] >= 0.0 else -3.0 * v[0]])

    found = slopes(bent, variables(at, low=low, high=high))
    assert found.matrix == pytest.approx(np.array([[slope]]))
    assert not found.kinks.any()


def test_at_a_kink_the_slope_is_that_of_a_rise():
    found = slopes(lambda v: np.array([max(2.0 * v[0], 5.0 * v[0]), v[0]]), variables(0.0))
    assert found.matrix == pytest.approx(np.array([[5.0], [1.0]]))
    assert found.kinks.tolist() == [[True], [False]]


@pytest.mark.parametrize(("chosen", "which"), [(max, 0), (min, -1)])
def test_one_of_equals_has_the_whole_slope(chosen, which):
    found = slopes(lambda v: np.array([chosen(v), v.sum()]), variables(*[40.0] * 12))
    assert found.kinks[0].all()
    assert not found.kinks[1].any()
    assert found.matrix.sum(axis=1) == pytest.approx([1.0, 12.0])
    assert found.matrix[0, which] == pytest.approx(1.0)


def test_what_bends_away_on_one_side_has_the_slope_of_the_point_and_is_told():
    """Mixing that grows from nothing, its mirror about the same point, and a break within the step."""
    found = slopes(
        lambda v: np.array([
            max(v[0], 0.0) ** 2 + 1e-4 * v[0],
            abs(v[0]) * v[0] + 1e-4 * v[0],
            max(v[0] - 5e-4, 0.0) + v[0],
        ]),
        variables(0.0),
    )  # fmt: skip
    assert found.matrix == pytest.approx(np.array([[1e-4], [1e-4], [1.0]]), rel=1e-6)
    assert found.kinks.tolist() == [[True], [False], [True]]


def test_a_variable_without_room_is_stuck():
    assert variables(1.0, low=1.0, high=1.0).stuck.all()
    assert not variables(1.0, low=1.0, high=2.0).stuck.any()
