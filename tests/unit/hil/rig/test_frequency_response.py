"""Answers of large models, against python-control and by hand."""

from __future__ import annotations

import control
import numpy as np
import pytest

from hil.rig.frequency_response import FrequencyResponse
from plant_models.discretize import StateSpace, checked

S = 1j * np.geomspace(1e-5, 10.0, 40)


def test_a_model_of_random_matrices_as_python_control_has_it() -> None:
    drawn = np.random.default_rng(3)
    a = drawn.standard_normal((60, 60)) - 12.0 * np.eye(60)
    model = checked(a, drawn.standard_normal((60, 3)), drawn.standard_normal((2, 60)), np.ones((2, 3)))
    theirs = control.ss(model.a, model.b, model.c, model.d)(S)  # (n_y, n_u, n_s)
    assert FrequencyResponse(model)(S) == pytest.approx(theirs.transpose(2, 0, 1), rel=1e-10)


def test_two_hundred_equal_lags_in_a_row_have_no_diagonal_form_and_an_answer() -> None:
    lags = 200
    a = (np.eye(lags, k=-1) - np.eye(lags)) / 0.5
    b, c = np.zeros((lags, 1)), np.zeros((1, lags))
    b[0, 0], c[0, -1] = 1.0 / 0.5, 1.0
    slow = S[np.abs(S) < 0.3]
    found = FrequencyResponse(StateSpace(a, b, c, np.zeros((1, 1))))(slow)[:, 0, 0]
    assert found == pytest.approx(1.0 / (1.0 + 0.5 * slow) ** lags, rel=1e-9)


def test_states_that_nothing_moves_or_nothing_sees_change_nothing() -> None:
    # The second only adds up, the third moves by itself: at 0 rad/s both would have no finite answer.
    a = np.array([[-0.1, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    model = StateSpace(a, np.array([[1.0], [0.0], [0.0]]), np.array([[1.0, 0.0, 1.0]]), np.zeros((1, 1)))
    assert FrequencyResponse(model)(np.array([0.0 + 0.0j])) == pytest.approx(np.array([[[10.0]]]))


def test_on_a_pole_the_answer_is_not_finite_and_without_states_it_is_the_gain() -> None:
    integrator = StateSpace(np.zeros((1, 1)), np.eye(1), np.eye(1), np.zeros((1, 1)))
    assert not np.isfinite(FrequencyResponse(integrator)(np.array([0.0 + 0.0j]))).any()
    none = StateSpace(np.zeros((0, 0)), np.zeros((0, 2)), np.zeros((1, 0)), np.array([[3.0, 4.0]]))
    assert FrequencyResponse(none)(S[:2]) == pytest.approx(np.array([[[3.0, 4.0]], [[3.0, 4.0]]]))
