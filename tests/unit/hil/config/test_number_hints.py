"""Hints for texts that stand for a number: right to the order of magnitude, or without a number."""

from __future__ import annotations

import pytest

from hil.config.number_hints import list_hint, number_hint


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("500ms", "period_s", "write it in s, without the unit ms: 0.5"),
        ("24h", "period_s", "write it in s, without the unit h: 86400"),
        ("1 d", "duration_s", "write it in s, without the unit d: 86400"),
        ("300ms", "dead_time_s", "write it in s, without the unit ms: 0.3"),
        ("10 min", "duration_s", "write it in s, without the unit min: 600"),
        ("2 hours", "duration_s", "write it in s, without the unit hours: 7200"),
        ("5ms", "lateness_p99_us", "write it in us, without the unit ms: 5000"),
        ("50 µs", "lateness_p99_us", "write it without the unit µs: 50"),
        ("1 s", "period_s", "write it without the unit s: 1"),
        ("500,5 ms", "period_s", "write it in s, without the unit ms: 0.5005"),
        ("10 bar", "drop_kpa", "write it in kPa, without the unit bar: 1000"),
        ("86 °F", "supply_temp_degc", "write it in degC, without the unit °F: 30"),
        ("50 %", "read_percent", "write it without the unit %: 50"),
        ("50 %", "duty_ratio", "write it in 1, without the unit %: 0.5"),
        # what cannot be converted
        ("300 K", "supply_temp_degc", "write it as a number in degC"),
        ("5 m", "period_s", "write it as a number in s"),
        ("1:30", "period_s", "write it as a number in s"),
        ("24 h 30 min", "period_s", "write it as a number in s"),
        ("1,500 ms", "period_s", "write it as a number in s"),
        ("1e308 d", "period_s", "write it as a number in s"),
        ("500 W", "failsafe", "write the number alone, in the unit that is meant here"),
        ("10 kW/K", "gain", "write the number alone, in the unit that is meant here"),
        ("0.1 K", "rate_up_per_s", "write the number alone, in the unit that is meant here"),
        # no unit
        ("0.5", "period_s", "write it without quotes: 0.5"),
        ("0,5", "period_s", "write it with a decimal point: 0.5"),
        ("-2000,5", "gain", "write it with a decimal point: -2000.5"),
        ("1,500", "gain", "write it as it is meant: 1.500 with a decimal point, or 1500 without separator"),
        ("0o9", "seed", ""),
        ("1:30", "gain", ""),
        ("0-100", "gain", ""),
        ("1 000", "gain", ""),
        ("1e999", "gain", ""),
        ("high", "gain", ""),
        ("", "gain", ""),
    ],
)  # fmt: skip
def test_number(text: str, key: str, hint: str) -> None:
    assert number_hint(text, key) == hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("7", "write it without quotes: 7"),
        ("1.5", ""),
        ("5ms", "write it as a number in s"),
        ("2 min", "write it in s, without the unit min: 120"),
    ],
)
def test_a_whole_number_is_not_told_to_have_a_fraction(text: str, hint: str) -> None:
    assert number_hint(text, "hold_s", whole=True) == hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("0-100", "[0, 100]"),
        ("-10 to 50", "[-10, 50]"),
        ("-10--5", "[-10, -5]"),
        ("0..100", "[0, 100]"),
        ("0;100", "[0, 100]"),
        ("0, 100", "[0, 100]"),
        ("0,5 – 1,5", "[0.5, 1.5]"),
        ("0.5", "[0.5]"),
        ("1e-3", "[1e-3]"),
        ("0,5", "[0, 5], or with a decimal point [0.5]"),
        ("heat_kw", "[heat_kw]"),
        ("heat_kw; cdu_{1..12}.out", "[heat_kw, cdu_{1..12}.out]"),
    ],
)
def test_list(text: str, hint: str) -> None:
    assert list_hint(text) == f"put it in brackets: {hint}"


@pytest.mark.parametrize("text", ["0-100 kW", "1, 2, 3", "the heater", "", "{"])
def test_a_list_that_is_not_understood_is_not_proposed(text: str) -> None:
    assert list_hint(text) == ""
