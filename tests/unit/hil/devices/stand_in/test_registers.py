import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.config.point_types import DATA_TYPES, Point
from hil.config.points import PointList
from hil.devices.stand_in.registers import RegisterStore
from hil.devices.wire.codec import Request


def _store(*points: Point, **hooks: object) -> RegisterStore:
    return RegisterStore(PointList("test.csv", points), **hooks)


def _holding(signal: str = "x", address: int = 10, type_name: str = "uint16", **more: object) -> Point:
    more = {"access": "rw", "write": "on_change"} | more
    return Point(signal, 1, "holding_register", address, type_name, **more)


def _read(store: RegisterStore, address: int, count: int = 1, function: int = 3) -> tuple[int, list[int]]:
    return store.answer(Request(1, function, address, count))


def _write(store: RegisterStore, address: int, *values: int) -> int:
    return store.answer(Request(1, 16, address, len(values), values))[0]


class TestCoding:
    @pytest.mark.parametrize(
        ("word_order", "byte_order", "words"),
        [
            ("high_first", "big", [0x4048, 0xF5C3]),
            ("low_first", "big", [0xF5C3, 0x4048]),
            ("high_first", "little", [0x4840, 0xC3F5]),
            ("low_first", "little", [0xC3F5, 0x4840]),
        ],
    )
    def test_orders_of_a_float32(self, word_order: str, byte_order: str, words: list[int]) -> None:
        store = _store(_holding(type_name="float32", word_order=word_order, byte_order=byte_order))
        store.set("x", 3.14)
        assert _read(store, 10, 2) == (0, words)
        assert store.get("x") == struct.unpack(">f", bytes.fromhex("4048f5c3"))[0]

    @given(
        type_name=st.sampled_from(
            [name for name in DATA_TYPES if name not in ("bool", "float32", "float64")]
        ),
        word_order=st.sampled_from(["high_first", "low_first"]),
        byte_order=st.sampled_from(["big", "little"]),
        data=st.data(),
    )
    def test_integers_come_back(
        self, type_name: str, word_order: str, byte_order: str, data: st.DataObject
    ) -> None:
        kind = DATA_TYPES[type_name]
        raw = data.draw(st.integers(max(int(kind.low), -(2**53)), min(int(kind.high), 2**53)))
        store = _store(_holding(type_name=type_name, word_order=word_order, byte_order=byte_order))
        store.set("x", raw)
        assert store.get("x") == raw

    def test_scale_offset_and_rounding(self) -> None:
        store = _store(_holding(type_name="int16", scale=0.1, offset=-40.0))
        store.set("x", 31.26)
        assert _read(store, 10) == (0, [713])
        assert store.get("x") == pytest.approx(31.3)

    def test_values_beyond_the_type_stay_at_its_ends(self) -> None:
        store = _store(_holding("a", 1, "int16", scale=0.1), _holding("b", 2, scale=0.1))
        for value, words in ((1e9, [0x7FFF, 0xFFFF]), (-1e9, [0x8000, 0]), (math.nan, [0x8000, 0xFFFF])):
            store.set("a", value)
            store.set("b", value)
            assert _read(store, 1, 2) == (0, words)

    def test_bits_share_a_word(self) -> None:
        bits = [_holding(f"bit_{bit}", 7, "bool", bit=bit) for bit in (0, 5, 15)]
        store = _store(*bits)
        store.set("bit_5", 1.0)
        store.set("bit_15", 1.0)
        assert _read(store, 7) == (0, [0x8020])
        store.set("bit_5", 0.0)
        assert (store.get("bit_0"), store.get("bit_5"), store.get("bit_15")) == (0.0, 0.0, 1.0)

    def test_inverted_bit(self) -> None:
        store = _store(Point("leak", 1, "discrete_input", 0, "bool", scale=-1.0, offset=1.0))
        store.set("leak", 0.0)
        assert _read(store, 0, function=2) == (0, [1])
        store.set("leak", 1.0)
        assert _read(store, 0, function=2) == (0, [0])


class TestRefusals:
    def test_units_functions_counts_and_addresses(self) -> None:
        store = _store(_holding(), Point("y", 1, "input_register", 3, "uint16"))
        assert store.answer(Request(2, 3, 10, 1)) == (11, [])
        assert store.answer(Request(1, 8, 10, 1)) == (1, [])
        assert store.answer(Request(1, 3, 10, 0)) == (3, [])
        assert store.answer(Request(1, 3, 10, 2)) == (2, [])
        assert store.answer(Request(1, 1, 10, 1)) == (2, [])
        assert store.answer(Request(1, 4, 10, 1)) == (2, [])
        assert store.answer(Request(1, 4, 3, 1)) == (0, [0])
        assert store.answer(Request(1, 5, 0, 1, (1,))) == (2, [])

    def test_read_only_holding_registers_cannot_be_written(self) -> None:
        store = _store(_holding(access="r", write="never"))
        assert _read(store, 10) == (0, [0])
        assert _write(store, 10, 1) == 2

    def test_range_and_accepts_refuse_the_whole_block(self) -> None:
        seen: list[tuple[str, float]] = []
        store = _store(
            _holding("a", 1, "int16", scale=0.1, low=15.0, high=45.0),
            _holding("b", 2),
            accepts=lambda signal, value: signal != "b" or value < 7.0,
            on_write=lambda signal, value: seen.append((signal, value)),
        )
        assert _write(store, 1, 450, 6) == 0
        assert seen == [("a", 45.0), ("b", 6.0)]
        for bad in ((451, 6), (149, 6), (0xFFFF, 6), (300, 7)):
            assert _write(store, 1, *bad) == 3
        assert _read(store, 1, 2) == (0, [450, 6])
        assert len(seen) == 2

    def test_half_of_a_wide_point_can_be_written(self) -> None:
        seen: list[float] = []
        store = _store(_holding(type_name="uint32"), on_write=lambda _signal, value: seen.append(value))
        assert _write(store, 10, 1) == 0
        assert _write(store, 11, 2) == 0
        assert seen == [65536.0, 65538.0]
