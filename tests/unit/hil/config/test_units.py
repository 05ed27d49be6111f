"""Units: known conversions from outside sources, and round trips of every pair."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.config import units
from hil.config.nearest import did_you_mean, nearest, one_of
from hil.config.units import affine, convert, same_dimension, unit_of_name

PAIRS = [(a, b) for a, b in itertools.product(units.UNITS, repeat=2) if same_dimension(a, b)]


@pytest.mark.parametrize(
    ("value", "from_unit", "expected", "to_unit"),
    [
        (100.0, "%", 1.0, "1"),
        (212.0, "degF", 100.0, "degC"),
        (-40.0, "degC", -40.0, "degF"),
        (1.0, "bar", 100.0, "kPa"),
        (14.503773773, "psi", 1.0, "bar"),
        (250.0, "mbar", 25.0, "kPa"),
        (2.0, "MW", 2000.0, "kW"),
        (60.0, "L/min", 1.0, "L/s"),
        (3.6, "m3/h", 60.0, "L/min"),
        (1.0, "kWh", 3.6e6, "J"),
        (1500.0, "ms", 1.5, "s"),
        (5.0, "ms", 5000.0, "us"),
        (1.0, "d", 24.0, "h"),
    ],
)
def test_known_conversions(value: float, from_unit: str, expected: float, to_unit: str) -> None:
    assert convert(value, from_unit, to_unit) == pytest.approx(expected, rel=1e-9)


@given(st.sampled_from(PAIRS), st.floats(-1e6, 1e6))
def test_every_pair_comes_back(pair: tuple[str, str], value: float) -> None:
    a, b = pair
    assert convert(convert(value, a, b), b, a) == pytest.approx(value, rel=1e-12, abs=1e-9)


def test_same_unit_changes_no_bit() -> None:
    assert all(affine(symbol, symbol) == (1.0, 0.0) for symbol in units.UNITS)


@pytest.mark.parametrize(
    ("a", "b"), [("kPa", "degC"), ("degC", "K"), ("kg/s", "L/s"), ("bool", "1"), ("Hz", "rpm")]
)
def test_different_dimensions_do_not_convert(a: str, b: str) -> None:
    assert not same_dimension(a, b)
    with pytest.raises(ValueError, match="cannot be given in"):
        convert(1.0, a, b)


@pytest.mark.parametrize(
    ("wrong", "meant"), [("kpa", "kPa"), ("°C", "degC"), ("pct", "%"), ("l/mn", "L/min")]
)
def test_unknown_unit_names_the_nearest(wrong: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f'did you mean "{meant}"'):
        affine(wrong, "W")


def test_a_hopeless_unit_lists_all() -> None:
    assert "known units: degC" in units.unit_hint("furlongs")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rack_heat_kw", "kW"),
        ("cdu_01_heat_w", "W"),
        ("fws_flow_kg_s", "kg/s"),
        ("tcs_supply_temp_degc", "degC"),
        ("pump_speed_pct", "%"),
        ("tcs_flow_l_min", "L/min"),
        ("rack_dp_kpa", "kPa"),
        ("run_time_h", "h"),
        ("leak_bool", "bool"),
        ("kw", None),
        ("pump_on", None),
        ("pump_1", None),
        ("flow_min", None),
        ("power_mw", "MW"),
        ("lateness_p99_us", "us"),
        ("gain_d", None),
        ("rate_up_per_s", None),
    ],
)
def test_unit_of_name(name: str, expected: str | None) -> None:
    assert unit_of_name(name) == expected


def test_nearest_ignores_case_and_gives_up_on_strangers() -> None:
    assert nearest("Holding_Register", ["coil", "holding_register"]) == "holding_register"
    assert nearest("zzz", ["coil", "holding_register"]) is None
    assert did_you_mean("zzz", ["coil"]) == ""
    assert did_you_mean("coli", ["coil"]) == 'did you mean "coil"?'
    assert one_of("zzz", ["r", "w"]) == "one of: r, w"
