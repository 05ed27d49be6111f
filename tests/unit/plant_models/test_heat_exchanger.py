import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plant_models import DatasheetError
from plant_models.fluid import FluidProperties
from plant_models.heat_exchanger import (
    conductance_w_k,
    effectiveness,
    film_ratio,
    heat_conductance_w_k,
    ntu_for,
    split_conductance,
)


@given(ntu=st.floats(0.0, 500.0), ratio=st.floats(0.0, 1.0))
def test_effectiveness_stays_between_none_and_all(ntu, ratio):
    assert 0.0 <= effectiveness(ntu, ratio) <= 1.0


@given(wanted=st.floats(0.01, 0.98), ratio=st.floats(0.0, 1.0))
@example(wanted=0.01, ratio=0.99999)
@example(wanted=0.5, ratio=1.0 - 1e-11)
def test_ntu_inverts_effectiveness(wanted, ratio):
    assert effectiveness(ntu_for(wanted, ratio), ratio) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-9, 1e-11, 1e-13, 0.0])
def test_nearly_equal_streams_run_into_the_limit_of_equal_ones(gap):
    assert effectiveness(3.0, 1.0 - gap) == pytest.approx(0.75, abs=gap + 1e-12)


def test_a_condensing_stream_is_the_limit_of_no_capacity_ratio():
    assert effectiveness(1.3, 0.0) == pytest.approx(1.0 - math.exp(-1.3))


@pytest.mark.parametrize("impossible", [0.0, 1.0, 1.2, -0.1, math.nan])
def test_no_exchanger_is_that_effective(impossible):
    with pytest.raises(DatasheetError):
        ntu_for(impossible, 0.5)


def test_films_in_series_and_their_split():
    hot, cold = split_conductance(1000.0, 0.8)
    assert hot / cold == pytest.approx(0.8)
    assert 1.0 / (1.0 / hot + 1.0 / cold) == pytest.approx(1000.0)
    assert conductance_w_k(1.0, 1.0, hot, cold) == pytest.approx(1000.0)
    assert conductance_w_k(0.5, 0.5, hot, cold) == pytest.approx(1000.0 * 0.5**0.8)


def test_a_standing_stream_carries_nothing():
    assert conductance_w_k(0.0, 1.0, 1e5, 1e5) == 0.0
    assert heat_conductance_w_k(0.0, 0.0, 1e5) == 0.0
    assert heat_conductance_w_k(1e5, 1e5, 0.0) == 0.0


def test_a_trickle_takes_all_it_can():
    assert heat_conductance_w_k(1000.0, 1.0, 1e5) == pytest.approx(1.0, rel=1e-6)


def test_like_streams_have_like_films():
    water = FluidProperties(995.0, 4180.0, 0.8e-3, 0.61)
    assert film_ratio(water, 20.0, water, 20.0) == pytest.approx(1.0)
    assert film_ratio(water, 40.0, water, 20.0) == pytest.approx(2.0**0.8)
