"""Units of gains, turned into those of the loop's signals."""

from __future__ import annotations

import pytest

from hil.rig.gain_units import gain_factor, gain_unit_for, range_factor


@pytest.mark.parametrize(
    ("gain_unit", "output", "measured", "factor"),
    [
        ("%/K", "%", "degC", 1.0),
        ("1/K", "%", "degC", 100.0),
        ("%/bar", "%", "kPa", 0.01),
        ("kW/K", "W", "degC", 1000.0),
        # One degree Fahrenheit of error is 5/9 K; one K of output is 1.8 degrees Fahrenheit.
        ("%/K", "%", "degF", 5.0 / 9.0),
        ("K/K", "degF", "degC", 1.8),
        ("K/K", "degC", "degC", 1.0),
        ("%/(kg/s)", "%", "kg/h", 1.0 / 3600.0),
        ("(kg/s)/K", "kg/s", "degC", 1.0),
    ],
)
def test_factor(gain_unit: str, output: str, measured: str, factor: float) -> None:
    assert gain_factor(gain_unit, output, measured) == pytest.approx(factor, rel=1e-12)
    assert gain_factor(gain_unit_for(output, measured), output, measured) > 0


@pytest.mark.parametrize(
    ("gain_unit", "what"),
    [
        ("%/degC", "degC does not fit the measured value, which is in K"),
        ("kPa/K", "kPa does not fit the output, which is in %"),
        ("%", "not of the form output/measured"),
        ("%/k", "unknown unit 'k'"),
    ],
)
def test_what_does_not_fit(gain_unit: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        gain_factor(gain_unit, "%", "degC")


def test_a_gain_per_design_range_counts_in_ranges_of_the_output() -> None:
    """1 per 10 K on a valve of 0 … 100 %: 10 %/K, as LBNL's controllers of a CDU have it (k = 1, r = 10 K)."""
    assert range_factor((0.0, 100.0), 10.0) == gain_factor("1/K", "%", "degC") / 10.0
    assert range_factor((20.0, 50.0), 60.0) == 0.5
