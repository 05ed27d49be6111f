import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from plant_models.actuator import POSITIONER_TIME_S, actuator_after, actuator_rate_percent_s
from plant_models.pump import coasted, coasting_rate_per_s, operating_flow_ratio, power_ratio
from plant_models.valve import circuit_flow_ratio, opening


def test_equal_steps_of_an_equal_percentage_valve_multiply_its_opening_equally():
    ratios = [opening(y + 0.1, 50.0) / opening(y, 50.0) for y in (0.1, 0.3, 0.5, 0.8)]
    assert ratios == pytest.approx([50.0**0.1] * 4)
    assert opening(1.0, 50.0) == 1.0


def test_a_closed_valve_is_tight_and_opens_without_a_jump():
    assert opening(0.0, 50.0) == 0.0
    assert opening(-0.1, 50.0) == 0.0
    assert opening(0.05 - 1e-12, 50.0) == pytest.approx(opening(0.05, 50.0))


@given(position=st.floats(0.0, 1.0), more=st.floats(0.0, 1.0))
def test_opening_rises_with_position(position, more):
    assert opening(max(position, more), 50.0) >= opening(min(position, more), 50.0)


def test_flow_through_valve_and_exchanger_in_series():
    assert circuit_flow_ratio(1.0, 1.0, 0.5) == pytest.approx(1.0)
    # Half open, half of the drop belonging to the valve: 1 = q^2 (0.5/0.25 + 0.5).
    assert circuit_flow_ratio(0.5, 1.0, 0.5) == pytest.approx(math.sqrt(1.0 / 2.5))
    # All authority: flow is as the opening; hardly any: the valve hardly matters.
    assert circuit_flow_ratio(0.3, 1.0, 1.0) == pytest.approx(0.3)
    assert circuit_flow_ratio(0.3, 1.0, 1e-9) == pytest.approx(1.0, rel=1e-6)
    assert circuit_flow_ratio(0.0, 1.0, 0.5) == 0.0
    assert circuit_flow_ratio(1.0, -1.0, 0.5) == 0.0


@pytest.mark.parametrize("speed", [0.05, 0.3, 0.5, 0.8, 1.0, 1.3])
def test_affinity_holds_on_a_purely_quadratic_system(speed):
    flow = operating_flow_ratio(speed, 1.25, 1.0, 0.0, 0.0)
    assert flow == pytest.approx(speed, rel=1e-13)
    assert power_ratio(speed, flow, 0.4) == pytest.approx(speed**3, rel=1e-12)


@given(
    speed=st.floats(1e-4, 4.0),
    shutoff=st.floats(1.0, 5.0),
    exchanger=st.floats(0.01, 1.0),
    clean=st.floats(0.0, 1.0),
    rack=st.floats(0.0, 1.0),
)
def test_the_operating_point_lies_on_both_curves(speed, shutoff, exchanger, clean, rack):
    total = exchanger + clean + rack
    shares = exchanger / total, clean / total, rack / total
    flow = operating_flow_ratio(speed, shutoff, *shares)
    head = shutoff * speed**2 - (shutoff - 1.0) * flow**2
    drop = shares[0] * flow**2 + shares[1] * flow**1.76 + shares[2] * flow**1.85
    assert head == pytest.approx(drop, rel=1e-10)


def test_a_check_valve_holds_against_standstill_and_reverse():
    assert operating_flow_ratio(0.0, 1.25, 0.2, 0.1, 0.7) == 0.0
    assert operating_flow_ratio(-1.0, 1.25, 0.2, 0.1, 0.7) == 0.0


def test_a_pump_against_a_closed_valve_or_backwards_still_takes_power():
    assert power_ratio(1.0, 0.0, 0.4) == pytest.approx(0.4)
    assert power_ratio(-0.5, 0.0, 0.4) == pytest.approx(0.4 * 0.125)


@pytest.mark.parametrize("start", [1.0, -1.0, 0.3])
def test_a_tripped_pump_slows_down_towards_standstill(start):
    rate = coasting_rate_per_s(start, 2.0, 0.01)
    assert rate * start < 0.0
    assert coasting_rate_per_s(0.0, 2.0, 0.01) == 0.0


def followed(rate, start, seconds):
    """Where a rate leads, by scipy; its error control finds the corner at the end of the ramp."""
    return solve_ivp(lambda _, x: [rate(x[0])], (0.0, seconds), [start], rtol=1e-9, atol=1e-9).y[0, -1]


@pytest.mark.parametrize("friction", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("start", [1.0, -0.6, 0.02, 5e-4, 0.0])
@pytest.mark.parametrize("seconds", [0.125, 2.0, 40.0])
def test_where_a_pump_has_coasted_to_is_where_its_rate_leads(start, seconds, friction):
    found = coasted(start, 3.0, friction, seconds)
    expected = followed(lambda speed: coasting_rate_per_s(speed, 3.0, friction), start, seconds)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-8)
    halfway = coasted(start, 3.0, friction, 0.5 * seconds)
    assert coasted(halfway, 3.0, friction, 0.5 * seconds) == pytest.approx(found, rel=1e-9, abs=1e-15)
    assert coasted(start, 3.0, friction, 0.0) == pytest.approx(start, rel=1e-15)


def test_a_pump_with_friction_comes_to_rest():
    assert abs(coasted(1.0, 3.0, 0.05, 60.0)) < 1e-12


def test_an_actuator_never_exceeds_its_stroke_speed_and_ends_at_its_command():
    assert actuator_rate_percent_s(0.0, 100.0, 30.0) == pytest.approx(100.0 / 30.0)
    assert actuator_rate_percent_s(100.0, 0.0, 30.0) == pytest.approx(-100.0 / 30.0)
    assert actuator_rate_percent_s(50.0, 50.0, 30.0) == 0.0
    assert actuator_rate_percent_s(50.0, 50.1, 30.0) == pytest.approx(0.1 / POSITIONER_TIME_S)


@pytest.mark.parametrize(
    ("start", "command"), [(0.0, 100.0), (80.0, 20.0), (50.0, 50.4), (50.0, 49.0), (37.1, 37.1)]
)
@pytest.mark.parametrize("stroke_time_s", [0.0, 5.0, 30.0])
@pytest.mark.parametrize("seconds", [0.0, 0.125, 0.5, 4.7, 5.2, 60.0])
def test_where_an_actuator_is_is_where_its_rate_leads(start, command, stroke_time_s, seconds):
    """To rounding at rest and at no time: nothing creeps."""
    found = actuator_after(start, command, stroke_time_s, seconds)
    if seconds == 0.0 or start == command:
        assert found == start
        return
    expected = followed(lambda x: actuator_rate_percent_s(x, command, stroke_time_s), start, seconds)
    assert found == pytest.approx(expected, abs=1e-5)
    halfway = actuator_after(start, command, stroke_time_s, 0.5 * seconds)
    assert actuator_after(halfway, command, stroke_time_s, 0.5 * seconds) == pytest.approx(found, abs=1e-10)
