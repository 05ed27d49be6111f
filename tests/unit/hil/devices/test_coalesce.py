"""Coalescing: nothing read that is not listed, nothing torn, limits kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.config.points import DATA_TYPES, Point
from hil.devices.wire.coalesce import Block, Limits, coalesce_reads, coalesce_writes, halves


def point(
    address: int,
    type_name: str = "uint16",
    table: str = "holding_register",
    unit: int = 1,
    bit: int | None = None,
) -> Point:
    return Point(f"s{address}", unit, table, address, type_name, bit)


@st.composite
def layouts(draw: st.DrawFn) -> list[Point]:
    points, address = [], 0
    for _ in range(draw(st.integers(1, 40))):
        address += draw(st.integers(0, 6))
        points.append(point(address, draw(st.sampled_from(sorted(set(DATA_TYPES) - {"bool"})))))
        address = points[-1].end
    return draw(st.permutations(points))


def covered(blocks: tuple[Block, ...]) -> set[int]:
    return {address for block in blocks for address in range(block.address, block.address + block.count)}


@given(layouts(), st.integers(4, 125), st.integers(0, 5))
def test_every_point_whole_in_one_block(points: list[Point], most: int, gap: int) -> None:
    blocks = coalesce_reads(points, Limits(max_registers=most, max_gap=gap))
    listed = {address for each in points for address in range(each.address, each.end)}
    assert sorted(member for block in blocks for member in block.members) == list(range(len(points)))
    for block in blocks:
        assert 1 <= block.count <= most
        for member in block.members:
            assert block.address <= points[member].address
            assert points[member].end <= block.address + block.count
    assert listed <= covered(blocks)
    if gap == 0:
        assert covered(blocks) == listed


def test_a_whole_run_is_one_request() -> None:
    (block,) = coalesce_reads([point(address) for address in range(124, -1, -1)], Limits())
    assert (block.function, block.address, block.count, len(block.members)) == (3, 0, 125, 125)
    assert len(coalesce_reads([point(address) for address in range(126)], Limits())) == 2


def test_gap_only_where_allowed() -> None:
    points = [point(0), point(3)]
    assert len(coalesce_reads(points, Limits(max_gap=1))) == 2
    assert len(coalesce_reads(points, Limits(max_gap=2))) == 1


def test_writes_never_bridge_a_gap() -> None:
    blocks = coalesce_writes([point(0), point(1), point(3)], Limits(max_gap=9))
    assert [(block.function, block.address, block.count) for block in blocks] == [(16, 0, 2), (16, 3, 1)]


def test_writes_keep_the_smaller_limit_of_the_protocol() -> None:
    assert [block.count for block in coalesce_writes([point(a) for a in range(125)], Limits())] == [123, 2]


def test_tables_and_units_apart() -> None:
    points = [point(0), point(1, table="input_register"), point(1, unit=2), point(0, "bool", "coil")]
    points.append(point(0, "bool", "discrete_input"))
    assert sorted((b.unit_id, b.function) for b in coalesce_reads(points, Limits())) == [
        (1, 1), (1, 2), (1, 3), (1, 4), (2, 3),
    ]  # fmt: skip


def test_bits_of_one_word_travel_together() -> None:
    (block,) = coalesce_reads([point(4, "bool", bit=bit) for bit in (0, 3, 15)], Limits())
    assert (block.count, len(block.cells), block.members) == (1, 1, (0, 1, 2))


def test_halves_keep_cells_whole() -> None:
    (block,) = coalesce_reads([point(0, "float64"), point(4), point(5, "int32")], Limits())
    first, second = halves(block)
    assert [(half.address, half.count) for half in (first, second)] == [(0, 4), (4, 3)]


def test_a_number_wider_than_the_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="takes 4 registers, a request 2"):
        coalesce_reads([point(0, "float64")], Limits(max_registers=2))


def test_a_number_and_its_power_of_ten_travel_together() -> None:
    points = [
        Point(name, 1, "holding_register", address, "int16", scale_register=scale)
        for name, address, scale in (("w", 14, 15), ("a", 2, 6), ("hz", 16, 17), ("far", 120, 30))
    ]
    blocks = coalesce_reads(points, Limits(max_gap=125))
    assert [(block.address, block.count) for block in blocks] == [(2, 119)]
    blocks = coalesce_reads(points, Limits(max_registers=100, max_gap=125))
    assert [(block.address, block.count, len(block.members)) for block in blocks] == [(2, 16, 3), (30, 91, 1)]
    for block in halves(blocks[0]):
        for member in block.members:
            address, count = points[member].span
            assert block.address <= address
            assert address + count <= block.address + block.count


def test_a_number_too_far_from_its_power_of_ten_is_refused() -> None:
    point = Point("a", 1, "holding_register", 0, "int16", scale_register=125)
    with pytest.raises(ValueError, match="takes 126 registers"):
        coalesce_reads([point], Limits())
