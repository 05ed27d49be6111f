"""What a refusal leads to: what is asked or written instead, what is marked BAD, what is told and how often."""

from __future__ import annotations

import pytest

from hil.config.points import Point
from hil.devices.events import Events
from hil.devices.modbus.exchange import ReadExchange, WriteExchange
from hil.devices.modbus.reads import ReadPlan
from hil.devices.modbus.refusals import PASSING_EXCEPTIONS, SPLITTING_EXCEPTIONS, Refusals
from hil.devices.modbus.settings import COUNTERS, ModbusTcpSettings
from hil.devices.modbus.writes import WritePlan
from hil.loop.image import BAD, GOOD, Image, Signal

PROBE_S = 2.0
PROBE_NS = 2_000_000_000
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, DEVICE_FAILURE, BUSY = 1, 2, 4, 6


class Bench:
    """Two registers read, two written, the heartbeat behind them; what refuses is the test itself."""

    def __init__(self) -> None:
        reads = [Point(f"in_{n}", 1, "holding_register", n, "uint16") for n in range(2)]
        writes = [
            Point(f"out_{n}", 1, "holding_register", 10 + n, "uint16", access="w", write="on_change")
            for n in range(2)
        ]
        beat = Point("beat", 1, "holding_register", 12, "uint16", access="w", write="every_cycle")
        self.image = Image([Signal(p.signal, p.unit, 0.0, 65535.0, 0.0) for p in (*reads, *writes)])
        for slot in range(4):
            self.image.quality[slot] = GOOD
        settings = ModbusTcpSettings("plc.test")
        slots = self.image.index
        self.reads = ReadPlan([(p, slots[p.signal]) for p in reads], self.image, settings)
        self.writes = WritePlan([(p, slots[p.signal]) for p in writes], self.image, settings, beat)
        self.counts = dict.fromkeys(COUNTERS, 0)
        self.events = Events()
        self.refusals = Refusals(self.reads, self.writes, self.counts, self.events, PROBE_S)

    def values(self) -> WriteExchange:
        """Give the one request for both written points."""
        (exchange,), refused = self.writes.due(0)
        assert refused == 0
        return exchange

    def counted(self) -> dict[str, int]:
        return {name: count for name, count in self.counts.items() if count}

    def told(self) -> list[str]:
        return [text.split(":")[0] for _, text in self.events.drain()]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_no_exception_is_both_a_points_fault_and_passing() -> None:
    assert not SPLITTING_EXCEPTIONS & PASSING_EXCEPTIONS


def test_a_block_that_one_point_can_spoil_is_asked_again_in_halves(bench: Bench) -> None:
    instead = bench.refusals.of_read(bench.reads.due(0)[0], ILLEGAL_ADDRESS, 0)
    assert [each.names() for each in instead] == ["in_0", "in_1"]
    assert bench.counted() == {"blocks_split": 1}
    assert list(bench.image.quality[:2]) == [GOOD, GOOD]
    assert bench.told() == []


def test_a_single_point_refused_is_bad_and_left_alone_for_the_probe_time(bench: Bench) -> None:
    _, bad = bench.refusals.of_read(bench.reads.due(0)[0], ILLEGAL_ADDRESS, 0)
    assert bench.refusals.of_read(bad, ILLEGAL_ADDRESS, 5) == []
    assert bench.counted() == {"blocks_split": 1, "points_refused": 1}
    assert list(bench.image.quality[:2]) == [GOOD, BAD]
    assert bad not in bench.reads.due(5 + PROBE_NS - 1)
    assert bad in bench.reads.due(5 + PROBE_NS)
    bench.refusals.of_read(bad, ILLEGAL_ADDRESS, 5 + PROBE_NS)
    assert bench.told() == ["in_1 refused"], "the same refusal is no news"
    bench.refusals.answers_again(bad, 6 + PROBE_NS)
    assert bench.told() == ["in_1 answers again"]
    assert bad in bench.reads.due(7 + PROBE_NS)


@pytest.mark.parametrize("code", [ILLEGAL_FUNCTION, ILLEGAL_ADDRESS])
def test_what_was_given_before_is_asked_on_and_bad_at_the_third_refusal(bench: Bench, code: int) -> None:
    (block,) = bench.reads.due(0)
    block.take_from(bytearray(13), 0, 0)
    for now_ns in (1, 2):
        assert bench.refusals.of_read(block, code, now_ns) == []
        assert bench.reads.due(now_ns) == [block]
    bench.refusals.answers_again(block, 3)
    for now_ns in (4, 5):
        assert bench.refusals.of_read(block, code, now_ns) == []
    assert list(bench.image.quality[:2]) == [GOOD, GOOD]
    assert bench.counted() == {}
    parts = bench.refusals.of_read(block, code, 6)
    assert [part.names() for part in parts] == ([] if code == ILLEGAL_FUNCTION else ["in_0", "in_1"])
    bad = parts[1] if parts else block
    if parts:
        assert bench.refusals.of_read(bad, code, 7) == []
    assert bench.image.quality[1] == BAD
    assert bad in bench.reads.due(7 + PROBE_NS // 2), "asked again after a second"
    bench.refusals.answers_again(bad, 8 + PROBE_NS // 2)
    assert bench.reads.due(9 + PROBE_NS // 2) == [block], "whole again"


def test_a_busy_device_makes_no_point_bad_and_is_asked_on(bench: Bench) -> None:
    (block,) = bench.reads.due(0)
    assert bench.refusals.of_read(block, BUSY, 0) == []
    assert bench.counted() == {}
    assert list(bench.image.quality[:2]) == [GOOD, GOOD]
    assert bench.reads.due(1) == [block]
    assert bench.told() == ["in_0, in_1 refused"]


def test_values_refused_with_the_heartbeat_go_alone_and_it_follows_them(bench: Bench) -> None:
    both = bench.writes.joined(bench.values())
    assert both is not None
    (alone,), heartbeat_follows = bench.refusals.of_write(both, ILLEGAL_ADDRESS, 0)
    assert heartbeat_follows
    assert (alone.beats, alone.names()) == (False, "out_0, out_1")
    assert bench.counted() == {"writes_refused_by_peer": 1, "heartbeats_unacknowledged": 1}
    assert bench.writes.joined(bench.values()) is None, "parted until there is a new connection"


def test_values_refused_are_written_in_halves_without_a_heartbeat(bench: Bench) -> None:
    instead, heartbeat_follows = bench.refusals.of_write(bench.values(), ILLEGAL_ADDRESS, 0)
    assert [each.names() for each in instead] == ["out_0", "out_1"]
    assert not heartbeat_follows
    assert bench.told() == []
    for half in instead:
        assert bench.refusals.of_write(half, ILLEGAL_ADDRESS, 1) == ((), False)
    assert [cell.refused for half in instead for cell in half.cells] == [ILLEGAL_ADDRESS] * 2
    assert bench.told() == ["writing out_0 refused", "writing out_1 refused"]


def test_a_refusal_that_concerns_the_whole_request_parts_nothing(bench: Bench) -> None:
    both = bench.writes.joined(bench.values())
    assert both is not None
    assert bench.refusals.of_write(both, ILLEGAL_FUNCTION, 0) == ((), False)
    assert bench.counted() == {"writes_refused_by_peer": 1, "heartbeats_unacknowledged": 1}
    assert bench.told() == ["the heartbeat is refused", "writing out_0, out_1 refused"]
    assert not any(cell.alone for cell in both.cells)
    assert bench.writes.joined(bench.values()) is not None


def test_a_heartbeat_refused_is_told_once_until_it_was_taken(bench: Bench) -> None:
    for _ in range(3):
        assert bench.refusals.of_write(bench.writes.next_heartbeat(), ILLEGAL_ADDRESS, 0) == ((), False)
    assert bench.told() == ["the heartbeat is refused"]
    bench.refusals.heartbeat = 0
    bench.refusals.of_write(bench.writes.next_heartbeat(), ILLEGAL_ADDRESS, 0)
    assert bench.told() == ["the heartbeat is refused"]
    assert bench.counted() == {"writes_refused_by_peer": 4, "heartbeats_unacknowledged": 4}


def whole_block(bench: Bench) -> ReadExchange:
    (block,) = bench.reads.due(0)
    return block


def test_a_device_that_fails_now_and_then_loses_no_point(bench: Bench) -> None:
    block = whole_block(bench)
    for _ in range(50):
        for _ in range(2):
            assert bench.refusals.of_read(block, DEVICE_FAILURE, 0) == []
        bench.refusals.answers_again(block, 0)
    assert bench.reads.due(0) == [block]
    assert list(bench.image.quality[:2]) == [GOOD, GOOD]
    assert bench.counted() == {}


def test_a_device_that_goes_on_failing_is_narrowed_down_and_whole_again_when_it_answers(bench: Bench) -> None:
    block = whole_block(bench)
    for _ in range(2):
        assert bench.refusals.of_read(block, DEVICE_FAILURE, 0) == []
    one, other = bench.refusals.of_read(block, DEVICE_FAILURE, 0)
    for part in (one, other):
        assert bench.refusals.of_read(part, DEVICE_FAILURE, 0) == []
    assert list(bench.image.quality[:2]) == [BAD, BAD]
    assert bench.reads.due(999_999_999) == []
    assert bench.reads.due(1_000_000_000) == [one, other]  # sooner than a point that is not there
    bench.refusals.answers_again(one, 1_000_000_000)
    assert bench.reads.due(1_000_000_000) == [block]
    for _ in range(2):
        assert bench.refusals.of_read(block, DEVICE_FAILURE, 0) == []  # patience anew


def test_one_point_that_makes_its_device_fail_stays_apart(bench: Bench) -> None:
    block = whole_block(bench)
    for _ in range(2):
        bench.refusals.of_read(block, DEVICE_FAILURE, 0)
    good, bad = bench.refusals.of_read(block, DEVICE_FAILURE, 0)
    bench.refusals.of_read(bad, DEVICE_FAILURE, 0)
    for second in range(1, 5):
        assert bench.reads.due(second * 1_000_000_000) == [good, bad]
        bench.refusals.of_read(bad, DEVICE_FAILURE, second * 1_000_000_000)
    assert list(bench.image.quality[:2]) == [GOOD, BAD]
