"""The heartbeat behind the values, in their request; and the shortcuts of the cycle, which must not change an answer.

The bench and its far end are those of ``test_modbus_tcp.py``.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hil.devices.wire import codec

_spec = importlib.util.spec_from_file_location("modbus_bench", Path(__file__).with_name("test_modbus_tcp.py"))
assert _spec is not None
assert _spec.loader is not None
_bench = importlib.util.module_from_spec(_spec)
sys.modules["modbus_bench"] = _bench
_spec.loader.exec_module(_bench)

MS, holding, written = _bench.MS, _bench.holding, _bench.written
Bench, Make = _bench.Bench, Callable[..., _bench.Bench]
make, no_real_waiting = _bench.make, _bench.no_real_waiting

BEAT = written("beat", 4)


def outputs(count: int = 4, **more: object) -> list[_bench.Point]:
    return [written(f"s{address}", address, **({"write": "every_cycle"} | more)) for address in range(count)]


@pytest.mark.parametrize("write", ["every_cycle", "on_change"])
def test_one_request_carries_values_and_heartbeat(make: Make, write: str) -> None:
    bench = make([], outputs(write=write), BEAT)
    peer = bench.connect()
    for cycle in range(3):
        bench.put("s3", 7.0 + cycle)
        bench.write()
    first, *_, last = peer.written()
    assert first == (0, (0, 0, 0, 7, 0))
    assert last == ((0, (0, 0, 0, 9, 2)) if write == "every_cycle" else (3, (9, 2)))
    assert (bench.count("writes_sent"), bench.count("writes_acknowledged")) == (3, 3)
    assert (bench.count("heartbeats_sent"), bench.count("heartbeats_unacknowledged")) == (3, 0)
    assert bench.device.last_write_ack_ns == bench.device.last_heartbeat_ack_ns > 0


@pytest.mark.parametrize(
    ("beat", "settings"),
    [
        (written("beat", 5), {}),
        (replace(BEAT, unit_id=2), {}),
        (BEAT, {"heartbeat_joined": False}),
        (BEAT, {"max_registers": 4}),
    ],
)
def test_where_it_does_not_follow_or_must_not_join_it_comes_after_the_acknowledgement(
    make: Make, beat: _bench.Point, settings: dict[str, object]
) -> None:
    bench = make([], outputs(), beat, **settings)
    peer = bench.connect()
    bench.write()
    assert peer.written() == [(0, (0, 0, 0, 0)), (beat.address, (0,))]


def test_it_waits_for_all_where_two_requests_are_due(make: Make) -> None:
    bench = make([], [*outputs(), written("far", 60)], BEAT)
    peer = bench.connect()
    bench.write()
    assert peer.written() == [(0, (0, 0, 0, 0)), (60, (0,)), (4, (0,))]


def test_no_answer_means_neither(make: Make) -> None:
    bench = make([], outputs(), BEAT, max_timeouts=10)
    peer = bench.connect()
    peer.silent = True
    bench.write()
    counted = {name: bench.count(name) for name in ("writes_unacknowledged", "heartbeats_unacknowledged")}
    assert counted == {"writes_unacknowledged": 1, "heartbeats_unacknowledged": 1}
    assert bench.device.last_heartbeat_ack_ns == 0


def test_a_refused_heartbeat_does_not_keep_the_values_from_going_out(make: Make) -> None:
    bench = make([], outputs(), BEAT)
    peer = bench.connect()
    peer.refused_writes = {4}
    bench.put("s1", 5.0)
    bench.write()
    assert peer.written() == [(0, (0, 5, 0, 0, 0)), (0, (0, 5, 0, 0)), (4, (1,))]
    assert peer.registers[1] == 5
    bench.write()
    assert peer.written() == [(0, (0, 5, 0, 0)), (4, (2,))], "apart, until there is a new connection"
    assert bench.count("writes_acknowledged") == 2
    assert "heartbeat is refused" in bench.device.drain_events()[-1][1]
    peer = bench.connect()
    bench.write()
    assert peer.written() == [(0, (0, 5, 0, 0, 3))]


def test_a_refused_value_holds_the_heartbeat_and_is_found(make: Make) -> None:
    bench = make([], outputs(), BEAT)
    peer = bench.connect()
    peer.refused_writes = {2}
    for address in range(4):
        bench.put(f"s{address}", 10.0 + address)
    bench.write()
    assert peer.registers[:5] == [10, 11, 0, 13, 0]
    assert bench.device.last_heartbeat_ack_ns == 0
    assert bench.count("heartbeats_withheld") == 1
    peer.refused_writes.clear()
    bench.write()
    peer.written()
    bench.put("s2", 99.0)
    bench.write()
    assert peer.registers[:4] == [10, 11, 99, 13]
    assert peer.written()[-1][0] == 4, "apart since the refusal"


def test_a_busy_device_is_asked_the_same_again(make: Make) -> None:
    bench = make([], outputs(), BEAT)
    peer = bench.connect()
    peer.twist = lambda tid, request, frame: codec.encode_exception(request, tid, 6)
    bench.write()
    assert (bench.count("writes_refused_by_peer"), bench.count("heartbeats_unacknowledged")) == (1, 1)
    peer.twist = lambda tid, request, frame: frame
    peer.written()
    bench.write()
    assert peer.written() == [(0, (0, 0, 0, 0, 1))]


def test_the_quick_block_sends_what_the_cells_would(make: Make) -> None:
    kinds = [
        written("a", 0, write="every_cycle", scale=0.1),
        written("b", 1, write="every_cycle", type="int16", scale=0.5, offset=2.0),
        written("c", 2, write="every_cycle", unit="kPa"),
    ]
    bench = make([], kinds)
    peer = bench.connect()
    for values in ((1.0, 1.0, 1.0), (6553.5, -16000.0, 65535.0), (0.25, 0.25, 0.5)):
        for name, value in zip("abc", values, strict=True):
            bench.put(name, value)
        bench.write()
        bench.write()
        slow, quick = peer.written()
        assert slow == quick
    bench.put("a", -1.0)
    bench.write()
    assert peer.written() == [(1, (0xFFFC, 0))]
    assert bench.count("writes_refused") == 1
    bench.put("a", 1.0)
    bench.write()
    assert peer.written() == [(0, (10, 0xFFFC, 0))]


def test_unchanged_words_are_not_sent_until_something_is_lost(make: Make) -> None:
    bench = make([], outputs(write="on_change"), max_timeouts=10)
    peer = bench.connect()
    for _ in range(4):
        bench.write()
    assert peer.written() == [(0, (0, 0, 0, 0))]
    bench.put("s1", 5.0)
    peer.silent = True
    bench.write()
    bench.put("s1", 0.0)
    peer.silent, peer.seen = False, []
    bench.write()
    assert peer.written() == [(1, (0,))], "the far end may hold the 5 that was never acknowledged"
    bench.write()
    bench.device.force_writes()
    bench.write()
    assert peer.written() == [(0, (0, 0, 0, 0))]


def test_two_replies_in_one_piece_and_a_stranger_between_them(make: Make) -> None:
    bench = make([holding("x", 0), holding("y", 20)], max_in_flight=2)
    stranger = codec.encode_reply(codec.Request(1, 3, 0, 1), 999, [666])
    peer = bench.connect()
    peer.registers[0], peer.registers[20] = 11, 22
    bench.read()
    assert (bench.value("x"), bench.value("y"), bench.count("replies")) == (11.0, 22.0, 2)
    peer.registers[0], peer.registers[20] = 33, 44
    peer.twist = lambda tid, request, frame: frame + stranger
    bench.read()
    assert (bench.value("x"), bench.value("y"), bench.count("replies")) == (33.0, 44.0, 4)
    bench.read()
    assert bench.count("wrong_transaction") >= 2


def test_a_reply_in_two_pieces_is_put_together(make: Make) -> None:
    bench = make([holding("x", 0), holding("y", 20)], max_in_flight=2)
    peer = bench.connect()
    halves: list[bytes] = []

    def hold_back(tid: int, request: codec.Request, frame: bytes) -> bytes:
        halves.append(frame[-4:])
        return frame[:-4] if request.address == 20 else frame

    peer.registers[0], peer.registers[20], peer.twist = 11, 22, hold_back
    bench.device.begin_read(bench.now_ns)
    for _ in range(3):
        bench.clock()
        bench.device.on_ready()
    assert (bench.value("x"), bench.value("y")) == (11.0, 0.0)
    peer.end.send(halves[-1])
    bench.device.on_ready()
    assert (bench.value("y"), bench.count("framing_errors"), bench.device.busy) == (22.0, 0, False)


def test_values_land_in_slots_that_do_not_follow_one_another(make: Make) -> None:
    bench = make([holding("x", 5), holding("y", 0), holding("z", 6)])
    peer = bench.connect()
    peer.registers[:7] = [1, 0, 0, 0, 0, 2, 3]
    bench.read()
    assert [bench.value(name) for name in "xyz"] == [2.0, 1.0, 3.0]
    assert len(set(bench.image.received_ns)) == 2, "each block has its own stamp"
