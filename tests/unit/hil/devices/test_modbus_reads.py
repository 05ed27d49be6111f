"""Which blocks are asked for, and in which order: whole, in parts, in turn, put off."""

from __future__ import annotations

from hil.config.points import Point
from hil.devices.modbus.exchange import ReadExchange
from hil.devices.modbus.reads import ReadPlan
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.loop.image import Image, Signal

ADDRESSES = (0, 1, 100, 101, 200, 201)


def plan() -> ReadPlan:
    """Three blocks of two registers each, too far apart to be joined."""
    points = [Point(f"s{address}", 1, "holding_register", address, "uint16") for address in ADDRESSES]
    image = Image([Signal(point.signal, point.unit, 0.0, 65535.0, 0.0) for point in points])
    reads = [(point, image.index[point.signal]) for point in points]
    return ReadPlan(reads, image, ModbusTcpSettings("plc.test", max_gap_registers=2))


def asked(blocks: list[ReadExchange]) -> list[tuple[int, int]]:
    return [(each.block.address, each.block.count) for each in blocks]


def test_all_blocks_are_due_in_order() -> None:
    assert asked(plan().due(0)) == [(0, 2), (100, 2), (200, 2)]


def test_the_next_phase_begins_with_the_block_that_had_no_time() -> None:
    reads = plan()
    reads.resume_at(reads.due(0)[1])
    assert asked(reads.due(1)) == [(100, 2), (200, 2), (0, 2)]


def test_a_block_put_off_is_left_out_until_its_time_and_keeps_its_place() -> None:
    reads = plan()
    block = reads.due(0)[1]
    reads.put_off(block, 1000)
    assert asked(reads.due(999)) == [(0, 2), (200, 2)]
    assert asked(reads.due(1000)) == [(0, 2), (100, 2), (200, 2)]


def test_halves_take_the_place_of_the_block() -> None:
    reads = plan()
    pair = reads.split(reads.due(0)[1])
    assert asked(pair) == [(100, 1), (101, 1)]
    assert asked(reads.due(1)) == [(0, 2), (100, 1), (101, 1), (200, 2)]


def test_a_turn_that_was_to_begin_with_a_block_since_split_begins_with_the_first() -> None:
    reads = plan()
    block = reads.due(0)[1]
    reads.resume_at(block)
    reads.split(block)
    assert asked(reads.due(1)) == [(0, 2), (100, 1), (101, 1), (200, 2)]


def test_a_new_connection_has_all_blocks_whole_again() -> None:
    reads = plan()
    first, second, third = reads.due(0)
    reads.split(second)
    reads.put_off(first, 10**12)
    first.refused = 2
    reads.resume_at(third)
    reads.start_over()
    assert asked(reads.due(1)) == [(0, 2), (100, 2), (200, 2)]
    assert first.refused == 0
