"""The same registers in every order: which meaning is likely, and when nothing can be said."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hil.config.point_types import BYTE_ORDERS, WORD_ORDERS, Point
from hil.devices.lint.finding import Finding, Reach
from hil.devices.lint.orders import judge, readings


def point(kind: str, word_order: str = "high_first", byte_order: str = "big", **more: object) -> Point:
    return Point("x_bar", 1, "input_register", 7, kind, None, word_order, byte_order, unit="bar", **more)


def on_the_wire(
    value: float, code: str, word_order: str = "high_first", byte_order: str = "big"
) -> list[int]:
    """Registers of a number as a device of these orders sends it, by hand."""
    data = struct.pack(">" + code, value)
    words = [data[place : place + 2] for place in range(0, len(data), 2)]
    if word_order == "low_first":
        words.reverse()
    return [int.from_bytes(word, "big" if byte_order == "big" else "little") for word in words]


def verdict(finding: Finding | None) -> tuple[str, str] | None:
    return None if finding is None else (finding.code, finding.hint)


REACH = Reach("x_bar", "bar", 0.0, 60.0)


@pytest.mark.parametrize("word_order", WORD_ORDERS)
@pytest.mark.parametrize("byte_order", BYTE_ORDERS)
@pytest.mark.parametrize(
    ("kind", "code", "value"),
    [("float32", "f", 50.03), ("float32", "f", 21.37), ("float32", "f", 25.5), ("uint32", "I", 37), ("int32", "i", 40),
     ("float64", "d", 12.25), ("int64", "q", 5)],
)  # fmt: skip
def test_the_order_of_the_device_is_found_whatever_the_list_says(
    word_order: str, byte_order: str, kind: str, code: str, value: float
) -> None:
    words = on_the_wire(value, code, word_order, byte_order)
    right = point(kind, word_order, byte_order)
    assert judge(right, [words], REACH) is None
    assert readings(right, words, REACH)[0].value == pytest.approx(value)
    for others in WORD_ORDERS:
        for other_bytes in BYTE_ORDERS:
            wrong = point(kind, others, other_bytes)
            if (others, other_bytes) != (word_order, byte_order):
                finding = judge(wrong, [words], REACH)
                assert finding is not None
                assert finding.code == "word_order"
                assert f'word_order "{word_order}", byte_order "{byte_order}"' == finding.hint
                assert f"give {value:g} bar" in finding.what


def test_zero_and_palindromes_say_nothing() -> None:
    assert judge(point("uint32"), [[0, 0]], REACH) is None
    assert verdict(judge(point("uint32"), [[0x0101, 0x0101]], REACH))[0] == "implausible"


def test_a_value_that_is_likely_in_both_orders_is_left_alone() -> None:
    wide = Reach("x_bar", "bar", 0.0, 1e9)
    assert judge(point("uint32"), [[3, 5]], wide) is None


def test_another_order_must_be_likely_in_every_sample() -> None:
    samples = [on_the_wire(30, "I", "low_first"), [7000, 9000]]
    finding = judge(point("uint32"), samples, REACH)
    assert finding is not None
    assert finding.code == "implausible"
    samples = [on_the_wire(value, "I", "low_first") for value in (0, 30, 31)]
    assert verdict(judge(point("uint32"), samples, REACH)) == (
        "word_order",
        'word_order "low_first", byte_order "big"',
    )


@pytest.mark.parametrize(
    ("raw", "word"),
    [(math.nan, "not a number"), (math.inf, "infinite"), (1e-41, "denormal"), (3e-15, "next to nothing")],
)
def test_floats_that_are_no_values(raw: float, word: str) -> None:
    finding = judge(point("float32"), [on_the_wire(raw, "f")], Reach("x_bar", "bar", 0.0, 1e-30))
    if word == "next to nothing":
        finding = judge(point("float32"), [on_the_wire(raw, "f")], REACH)
    assert finding is not None
    assert word in finding.what
    assert finding.value is None or math.isfinite(finding.value), "JSON has no NaN"
    if word in ("not a number", "infinite"):
        assert finding.code == "not_a_number"


@pytest.mark.parametrize(
    ("kind", "scale", "raw", "hint"),
    [
        ("uint16", 0.1, 65486, 'type "int16" gives -5 bar'),
        ("uint16", 0.1, 2500, "scale 0.01 gives 25 bar"),
        ("uint16", 1.0, 0x2500, 'byte_order "little"'),
        ("uint16", 1.0, 65535, "0xFFFF: a broken wire, or no value"),
        ("int16", 1.0, -32768, "0x8000: a broken wire, or no value"),
    ],
)
def test_one_register_out_of_range_gets_the_likely_reason(
    kind: str, scale: float, raw: int, hint: str
) -> None:
    finding = judge(point(kind, scale=scale), [[raw & 0xFFFF]], Reach("x_bar", "bar", -10.0, 60.0))
    assert finding is not None
    assert hint in finding.hint
    assert (finding.line, finding.unit) == (0, "bar")
    assert finding.value == pytest.approx(raw * scale)
    assert finding.limit == (60.0 if raw > 0 else -10.0)


def test_a_point_that_says_it_has_no_value_is_believed() -> None:
    assert judge(point("uint32", no_value=0xFFFFFFFF), [[0xFFFF, 0xFFFF]], REACH) is None
    assert judge(point("uint32"), [[0xFFFF, 0xFFFF]], REACH) is not None


def test_without_any_range_only_what_no_such_value_can_be_is_doubted() -> None:
    assert judge(point("float32"), [on_the_wire(3.2, "f")], None) is None
    assert judge(point("float32", "low_first"), [on_the_wire(3.2, "f")], None) is not None


def test_without_any_range_a_whole_number_tells_by_its_empty_half() -> None:
    heat = Point("heat_kw", 1, "input_register", 7, "uint32", unit="kW")
    samples = [on_the_wire(value, "I", "low_first") for value in (0, 37, 41)]
    assert verdict(judge(heat, samples, None)) == ("word_order", 'word_order "low_first", byte_order "big"')
    assert judge(heat, [*samples, [1, 1]], None) is None, "one number that is none says the order is right"
    assert judge(heat, [on_the_wire(65536, "I"), on_the_wire(65537, "I")], None) is None


@pytest.mark.parametrize("value", [0.37, 0.002, 1e-6, -0.5, 0.0])
def test_small_values_are_no_mistake(value: float) -> None:
    ratio = Point("share", 1, "input_register", 7, "float32", unit="1")
    assert judge(ratio, [on_the_wire(value, "f")], None) is None
    assert judge(ratio, [on_the_wire(value, "f")], Reach("share", "1", -1.0, 1.0)) is None
    energy = Point("heat_kwh", 1, "input_register", 7, "float32", unit="kWh")
    assert judge(energy, [on_the_wire(abs(value), "f")], Reach("heat_kwh", "kWh", 0.0, 1e4)) is None


@given(
    st.sampled_from([("float32", "f"), ("float64", "d")]),
    st.floats(0.5, 59.0, width=32),
    st.sampled_from(WORD_ORDERS),
    st.sampled_from(BYTE_ORDERS),
)
def test_a_right_declaration_is_never_doubted(
    kind: tuple[str, str], value: float, word_order: str, byte_order: str
) -> None:
    assume(math.isfinite(value))
    words = on_the_wire(value, kind[1], word_order, byte_order)
    assert judge(point(kind[0], word_order, byte_order), [words], REACH) is None
