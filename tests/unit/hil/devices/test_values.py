"""Raw numbers on the wire: word orders of real devices, round trips, and refusal instead of wrapping."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.config.points import DATA_TYPES, Point
from hil.devices.wire.values import FLOAT32_MAX, BitDecoder, BlockDecoder, PointEncoder, Refusal, RunEncoder

POINT = Point("x", 1, "holding_register", 0, "uint16", access="rw", write="on_change")
NUMBERS = sorted(set(DATA_TYPES) - {"bool"})


def packed(words: Sequence[int]) -> bytearray:
    return bytearray(struct.pack(f">{len(words)}H", *words))


def encode(point: Point, value: float) -> tuple[int, ...] | Refusal:
    return PointEncoder(point).encode(value)


def decode(point: Point, words: tuple[int, ...]) -> float:
    return BlockDecoder([point], point.address, point.count).decode(packed(words), 0)[0]


@pytest.mark.parametrize(
    ("type_name", "word_order", "byte_order", "value", "words"),
    [
        ("uint32", "high_first", "big", 0x11223344, (0x1122, 0x3344)),  # Danfoss, Schneider
        ("uint32", "low_first", "big", 0x11223344, (0x3344, 0x1122)),  # ABB, Belimo, SolarEdge
        ("uint32", "high_first", "little", 0x11223344, (0x2211, 0x4433)),
        ("uint32", "low_first", "little", 0x11223344, (0x4433, 0x2211)),
        ("float32", "low_first", "big", 1.0, (0, 0x3F80)),
        ("int16", "high_first", "little", -2, (0xFEFF,)),
        ("uint16", "high_first", "little", 0x1234, (0x3412,)),
        ("uint64", "low_first", "big", 0x0001000200030004, (4, 3, 2, 1)),
        ("float64", "high_first", "big", -2.0, (0xC000, 0, 0, 0)),
    ],
)
def test_orders(
    type_name: str, word_order: str, byte_order: str, value: float, words: tuple[int, ...]
) -> None:
    point = replace(POINT, type=type_name, word_order=word_order, byte_order=byte_order)
    assert encode(point, value) == words
    assert decode(point, words) == value


@given(
    st.sampled_from(NUMBERS),
    st.sampled_from(["high_first", "low_first"]),
    st.sampled_from(["big", "little"]),
    st.data(),
)
def test_registers_come_back(type_name: str, word_order: str, byte_order: str, data: st.DataObject) -> None:
    point = replace(POINT, type=type_name, word_order=word_order, byte_order=byte_order)
    words = tuple(data.draw(st.lists(st.integers(0, 65535), min_size=point.count, max_size=point.count)))
    value = decode(point, words)
    if math.isfinite(value) and abs(value) < 2**53:
        sent = encode(point, value)
        assert not isinstance(sent, Refusal)
        assert decode(point, sent) == value
    elif not math.isfinite(value):
        assert encode(point, value) is Refusal.NOT_FINITE


@given(st.sampled_from(NUMBERS), st.floats(allow_nan=True, allow_infinity=True), st.floats(-100, 100))
def test_encoding_is_right_or_refused(type_name: str, value: float, offset: float) -> None:
    point = replace(POINT, type=type_name, scale=0.1, offset=offset)
    words = encode(point, value)
    if isinstance(words, Refusal):
        data_type = point.data_type
        raw = (value - offset) / 0.1
        bottom, top = data_type.low, data_type.high
        if type_name == "float32":
            bottom, top = -FLOAT32_MAX, FLOAT32_MAX
        held = math.isfinite(raw) and bottom <= raw <= top
        assert not held or data_type.is_integer
        if held:
            assert not data_type.low <= round(raw) <= data_type.high
    else:
        assert decode(point, words) * 0.1 + offset == pytest.approx(value, rel=1e-6, abs=0.0501)


@pytest.mark.parametrize(
    ("point", "value", "refusal"),
    [
        (POINT, -1.0, Refusal.NEGATIVE),
        (POINT, 65536.0, Refusal.TOO_HIGH),
        (POINT, math.nan, Refusal.NOT_FINITE),
        (POINT, -math.inf, Refusal.NOT_FINITE),
        (replace(POINT, type="int16"), -32769.0, Refusal.TOO_LOW),
        (replace(POINT, type="int16"), 32768.0, Refusal.TOO_HIGH),
        (replace(POINT, type="int64"), 2.0**63, Refusal.TOO_HIGH),
        (replace(POINT, type="uint32", scale=0.1), -0.1, Refusal.NEGATIVE),
        (replace(POINT, type="float32"), 1e39, Refusal.TOO_HIGH),
        (replace(POINT, type="float64", scale=1e-300), 1e300, Refusal.TOO_HIGH),
        (replace(POINT, low=10.0, high=20.0), 9.0, Refusal.TOO_LOW),
        (replace(POINT, low=10.0, high=20.0), 21.0, Refusal.TOO_HIGH),
        (replace(POINT, type="float32", scale=-1.0, low=10.0, high=20.0), 21.0, Refusal.TOO_LOW),
        (replace(POINT, type="bool", bit=0), 2.0, Refusal.TOO_HIGH),
    ],
)
def test_refusals(point: Point, value: float, refusal: Refusal) -> None:
    assert encode(point, value) is refusal


def test_a_limit_reached_through_units_is_not_refused() -> None:
    assert encode(replace(POINT, scale=0.1, low=0.0, high=0.3), 0.1 + 0.2) == (3,)
    assert encode(replace(POINT, type="float64", low=0.0, high=0.3), 0.1 + 0.2) == struct.unpack(
        ">4H", struct.pack(">d", 0.1 + 0.2)
    )


COARSE = replace(POINT, scale=10.0, low=14.0, high=96.0)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (96.0, (9,)),  # the count nearest to it, 10, is 100 on the wire
        (94.0, (9,)),
        (14.0, (2,)),
        (16.0, (2,)),
        (50.0, (5,)),
        (96.1, Refusal.TOO_HIGH),
        (100.0, Refusal.TOO_HIGH),
        (13.9, Refusal.TOO_LOW),
        (5.1, Refusal.TOO_LOW),
    ],
)
def test_no_count_beyond_a_limit_that_is_none_is_sent(value: float, sent: tuple[int, ...] | Refusal) -> None:
    assert encode(COARSE, value) == sent


def test_a_run_leaves_limits_between_two_counts_to_the_encoder_of_the_point() -> None:
    assert not RunEncoder.takes(COARSE)
    assert RunEncoder.takes(replace(COARSE, low=10.0, high=90.0))
    assert RunEncoder.takes(replace(POINT, scale=0.1, low=0.0, high=0.1 + 0.2))


def test_one_block_of_mixed_points() -> None:
    points = [
        replace(POINT, address=10, type="int16"),
        replace(POINT, address=11, type="bool", bit=0),
        replace(POINT, address=11, type="bool", bit=15),
        replace(POINT, address=13, type="float32", word_order="low_first"),
        replace(POINT, address=15, type="uint16", byte_order="little"),
    ]
    decoder = BlockDecoder(points, 10, 6)
    wire = packed([0xFFFF, 0x8000, 999, 0, 0x4000, 0x0100])
    assert list(decoder.decode(wire, 0)) == [-1, 0, 1, 2.0, 1]
    assert list(decoder.decode(bytearray(9) + wire, 9)) == [-1, 0, 1, 2.0, 1]


def test_bits_of_a_bit_table() -> None:
    points = [replace(POINT, table="coil", type="bool", address=address) for address in (7, 5, 12)]
    assert BitDecoder(points, 5, 8).decode(bytearray([0xFF, 0b10000001]), 1) == [0, 1, 1]


def test_inverted_alarm() -> None:
    leak = replace(POINT, table="coil", type="bool", scale=-1.0, offset=1.0)
    assert [encode(leak, value) for value in (0.0, 1.0)] == [(1,), (0,)]


def scaled(
    signal: str, address: int, scale_register: int, type_name: str = "int16", no_value: int | None = None
) -> Point:
    return Point(
        signal, 1, "holding_register", address, type_name, scale_register=scale_register, no_value=no_value
    )  # fmt: skip


def read_words(points: list[Point], words: list[int]) -> list[float]:
    data = b"".join(word.to_bytes(2, "big") for word in words)
    return list(BlockDecoder(points, 0, len(words)).decode(bytearray(b"??" + data), 2))


def test_a_power_of_ten_beside_the_number_is_applied_with_it() -> None:
    # One scale for two numbers, one before its number, and a number without any.
    points = [
        scaled("a", 1, 4),
        scaled("b", 2, 4, "uint32"),
        scaled("c", 6, 0),
        Point("d", 1, "holding_register", 5, "uint16"),
    ]
    words = [3, 0xFFFE, 0x0001, 0x0002, 0xFFFF, 77, 5]
    assert read_words(points, words) == pytest.approx([-0.2, 6553.8, 5000.0, 77.0])


@given(st.integers(-(2**15), 2**15 - 1), st.integers(-(2**15), 2**15 - 1))
def test_only_a_power_of_ten_that_can_be_one_is_applied(number: int, power: int) -> None:
    (found,) = read_words([scaled("a", 0, 1)], [number & 0xFFFF, power & 0xFFFF])
    if abs(power) <= 10:
        assert found == number * 10.0**power
    else:
        assert math.isnan(found)


@pytest.mark.parametrize(
    ("type_name", "no_value"),
    [
        ("int16", 0x8000),
        ("uint16", 0xFFFF),
        ("int32", 0x80000000),
        ("uint32", 0xFFFFFFFF),
        ("uint64", 2**64 - 1),
    ],
)
def test_what_a_device_sends_for_no_value_is_no_number(type_name: str, no_value: int) -> None:
    point = replace(POINT, type=type_name, no_value=no_value)
    pattern = no_value.to_bytes(2 * point.count, "big")
    words = [int.from_bytes(pattern[at : at + 2], "big") for at in range(0, len(pattern), 2)]
    assert math.isnan(read_words([point], words)[0])
    words[-1] ^= 1
    assert math.isfinite(read_words([point], words)[0])


def test_a_number_is_believed_only_beside_the_mark_that_says_what_it_is() -> None:
    points = [replace(scaled("a", 2, 3), guard=(0, 103)), Point("b", 1, "holding_register", 4, "uint16")]
    assert read_words(points, [103, 50, 7, 1, 9]) == [70.0, 9]
    moved = read_words(points, [101, 50, 7, 1, 9])
    assert math.isnan(moved[0])
    assert moved[1] == 9
    assert points[0].span == (0, 4)
