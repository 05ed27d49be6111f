"""Points against signals: unit, saturation, sign, device limits, resolution."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.config.points import Point, check_against, coarse_points
from hil.errors import Problem
from hil.loop.image import Signal

TEMPERATURE = Point(
    "t_degc", 1, "holding_register", 0, "int16", scale=0.1, unit="degC", file="plc.csv", line=7
)
SIGNAL = Signal("t_degc", "degC", 0.0, 90.0, 20.0)


def problems(point: Point, low: float = 0.0, high: float = 90.0, unit: str = "degC") -> list[Problem]:
    return check_against([point], [Signal("t_degc", unit, low, high, low)])


def test_a_good_point_has_no_problem() -> None:
    assert problems(TEMPERATURE) == []
    assert coarse_points([TEMPERATURE], [SIGNAL]) == []


def test_points_without_signal_are_skipped() -> None:
    assert check_against([replace(TEMPERATURE, signal="other", unit="kPa")], [SIGNAL]) == []


def test_unit_mismatch() -> None:
    (problem,) = problems(replace(TEMPERATURE, unit="kPa"))
    assert str(problem).startswith('plc.csv:7: "t_degc": the point is in kPa, the signal in degC')


def test_saturation_names_raw_limit_and_a_scale_that_fits() -> None:
    (problem,) = problems(replace(TEMPERATURE, scale=0.001))
    assert '"t_degc" at 90 degC needs raw 90000, but int16 ends at 32767 (32.767 degC)' in problem.what
    assert problem.hint.startswith('a scale of 0.005 fits, or type "int32"')
    assert problems(replace(TEMPERATURE, scale=0.005)) == []


@pytest.mark.parametrize("scale", [0.001, -0.001])
def test_the_proposed_scale_fits_at_the_low_end_too(scale: float) -> None:
    (problem,) = problems(replace(TEMPERATURE, scale=scale), low=-90.0, high=10.0)
    proposed = float(problem.hint.split()[3])
    assert proposed * scale > 0
    assert problems(replace(TEMPERATURE, scale=proposed), low=-90.0, high=10.0) == []


def test_range_that_just_fits() -> None:
    assert problems(replace(TEMPERATURE, type="uint16"), high=6553.5) == []
    assert "raw 65536" in problems(replace(TEMPERATURE, type="uint16"), high=6553.6)[0].what


def test_negative_into_unsigned() -> None:
    (problem,) = problems(replace(TEMPERATURE, type="uint16"), low=-10.0)
    assert problem.what == '"t_degc" at -10 degC needs raw -100, but uint16 is unsigned'
    assert problem.hint.startswith('type "int16" fits')
    assert problems(replace(TEMPERATURE, type="uint16", offset=-10.0), low=-10.0) == []


def test_the_units_of_the_signal_are_converted_first() -> None:
    assert "at 194 degF needs raw 194000" in problems(replace(TEMPERATURE, unit="degF", scale=0.001))[0].what


def test_inverted_alarm_fits_a_bool() -> None:
    leak = Point("leak", 1, "coil", 0, "bool", scale=-1.0, offset=1.0, unit="bool")
    assert check_against([leak], [Signal("leak", "bool", 0, 1, 1)]) == []


def test_written_range_beyond_the_device() -> None:
    point = replace(TEMPERATURE, access="rw", write="on_change", low=10.0, high=60.0)
    (problem,) = problems(point)
    assert "may be written from 0 to 90 degC, the point takes 10 to 60" in problem.what
    assert problems(replace(point, access="r", write="never")) == []


def test_floats_hold_everything() -> None:
    assert problems(replace(TEMPERATURE, type="float32"), low=-1e6, high=1e6) == []


def test_coarse_resolution_is_a_warning() -> None:
    (warning,) = coarse_points([replace(TEMPERATURE, scale=1.0)], [SIGNAL])
    assert "one count is 1 degC, 1.11 % of the range" in warning.what
    assert warning.hint == "a scale of 0.5 or finer"
