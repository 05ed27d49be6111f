"""Written points with rules, through the device: held, counted, read back, written again.

The bench and its far end are those of ``test_modbus_tcp.py``; time passes only when the test says so.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hil.config.point_rules import WriteRules
from hil.config.points import Point
from hil.devices.modbus.settings import COUNTERS, RULE_COUNTERS
from hil.errors import ConfigError
from hil.loop.image import GOOD, SUBSTITUTED

_spec = importlib.util.spec_from_file_location("modbus_bench", Path(__file__).with_name("test_modbus_tcp.py"))
assert _spec is not None
assert _spec.loader is not None
_bench = importlib.util.module_from_spec(_spec)
sys.modules["modbus_bench"] = _bench
_spec.loader.exec_module(_bench)

Bench, Peer, Make = _bench.Bench, _bench.Peer, Callable[..., _bench.Bench]
make, no_real_waiting = _bench.make, _bench.no_real_waiting
holding, written, BEAT = _bench.holding, _bench.written, _bench.HEARTBEAT
S = 1_000_000_000


def ruled(name: str, address: int, rules: WriteRules, **more: object) -> Point:
    return replace(written(name, address, **more), rules=rules)


READBACK = WriteRules(verify="readback", verify_delay_s=1.0, verify_every_s=10.0)


class Stubborn(list[int]):
    """Registers some of which keep what they have: the device acknowledges and ignores."""

    def __init__(self, values: list[int], ignored: set[int]) -> None:
        super().__init__(values)
        self.ignored = ignored

    def __setitem__(self, address: int, value: int) -> None:  # type: ignore[override]
        if address not in self.ignored:
            super().__setitem__(address, value)


def cycle(bench: Bench, seconds: float = 1.0) -> None:
    """One cycle, so long after the last one."""
    bench.now_ns += int(seconds * S)
    bench.read()
    bench.write()


def told(bench: Bench) -> list[str]:
    return [text for _, text in bench.device.drain_events() if not text.startswith("connected to")]


def counts(bench: Bench) -> dict[str, int]:
    return {name: count for name, count in bench.device.counters().items() if name in RULE_COUNTERS and count}


def test_every_counter_is_there_from_the_start(make: Make) -> None:
    assert set(make([], [written("a", 0)], None).device.counters()) == set(COUNTERS)


# Held ---------------------------------------------------------------------------------------------------


def test_a_value_waits_for_the_interval_and_the_latest_goes(make: Make) -> None:
    bench = make([], [ruled("a", 0, WriteRules(min_interval_s=10.0)), written("b", 1)], BEAT)
    peer = bench.connect()
    cycle(bench)
    assert peer.written() == [(0, (0, 0)), (50, (0,))]
    for value in (1, 2, 2, 3):
        bench.put("a", value)
        bench.put("b", value)
        cycle(bench)
    writes = [write for write in peer.written() if write[0] != 50]
    assert writes == [(1, (1,)), (1, (2,)), (1, (3,))], "its neighbour is not held"
    assert counts(bench) == {"writes_held_by_interval": 3}, "1, 2 and 3 had to wait, 2 for two cycles"
    assert bench.count("heartbeats_sent") == 5, "what waits as declared is no failure"
    cycle(bench, 6)
    assert (0, (3,)) in peer.written()
    bench.put("a", 4)
    cycle(bench)
    bench.put("a", 3)
    cycle(bench, 20)
    assert [write for write in peer.written() if write[0] != 50] == [], "what the device has needs no write"


def test_the_wear_budget_holds_is_told_once_and_renews(make: Make) -> None:
    bench = make([], [ruled("a", 0, WriteRules(writes_per_day=3))], BEAT)
    peer = bench.connect()
    for value in range(6):
        bench.put("a", value)
        cycle(bench, 60)
    assert [write for write in peer.written() if write[0] == 0] == [(0, (0,)), (0, (1,)), (0, (2,))]
    assert counts(bench) == {"writes_held_by_budget": 3}
    (event,) = told(bench)
    assert "a: 3 writes in 24 h, the budget is used up: held for up to " in event
    for _ in range(5):
        cycle(bench, 3600)
    assert counts(bench) == {"writes_held_by_budget": 3}
    assert told(bench) == []
    cycle(bench, 21 * 3600)
    assert (0, (5,)) in peer.written()


def test_failsafe_and_the_last_write_pass_and_are_counted(make: Make) -> None:
    bench = make([], [ruled("a", 0, WriteRules(writes_per_day=1, min_interval_s=3600.0))], BEAT)
    peer = bench.connect()
    slot = bench.slots["a"]
    bench.image.quality[slot] = GOOD
    bench.put("a", 7)
    cycle(bench)
    # On its way to the failsafe at its rate limit: held. There: written.
    for value, quality in ((5, SUBSTITUTED), (0, SUBSTITUTED), (9, GOOD), (0, GOOD)):
        bench.put("a", value)
        bench.image.quality[slot] = quality
        cycle(bench)
    assert [write for write in peer.written() if write[0] == 0] == [(0, (7,)), (0, (0,))]
    assert counts(bench) == {"writes_held_by_interval": 2, "writes_exempted": 1}
    bench.put("a", 9)
    bench.device.force_writes()
    bench.write()
    assert peer.written()[0] == (0, (9,))
    assert bench.count("writes_exempted") == 2
    cycle(bench, 7200)
    bench.put("a", 10)
    cycle(bench)
    assert bench.count("writes_held_by_budget") == 1, "what was exempt has used the budget up"


def test_a_flapping_connection_does_not_wear_the_register_out(make: Make) -> None:
    bench = make([], [ruled("a", 0, WriteRules(writes_per_day=2))], None)
    bench.put("a", 7)
    sent = 0
    for _ in range(5):
        peer = bench.connect()
        cycle(bench, 60)
        sent += len(peer.written())
    assert sent == 2
    assert bench.count("writes_held_by_budget") == 1, "one value is held, on however many connections"


def test_a_write_that_never_left_wears_nothing(make: Make) -> None:
    bench = make([], [ruled("a", 0, WriteRules(writes_per_day=1)), written("b", 9)], None)
    peer = bench.connect()
    bench.put("a", 7)
    peer.silent = True
    bench.write()
    peer.silent = False
    assert (bench.count("requests_unsent"), bench.count("writes_sent")) == (1, 1)
    cycle(bench)
    # The one that left was taken before the time was over, and is held now; the other one goes out.
    assert [address for address, _ in peer.written()] == [0, 9]
    assert bench.count("writes_held_by_budget") == 1


def test_a_value_outside_the_points_own_range_is_never_sent(make: Make) -> None:
    bench = make([], [ruled("a", 0, READBACK, low=10.0, high=50.0)], BEAT)
    peer = bench.connect()
    for value in (9, 51, -1, 60_000):
        bench.put("a", value)
        cycle(bench)
    assert peer.written() == []
    assert (bench.count("writes_refused"), bench.count("heartbeats_withheld")) == (4, 4)
    assert told(bench) == ["a: 9 is outside 10 to 50 of its point: not sent (writes_refused)"]
    cycle(bench, 60)
    assert len(told(bench)) == 1, "once a minute while it lasts"


def test_a_negative_into_an_unsigned_register_is_never_sent(make: Make) -> None:
    bench = make([], [written("a_kpa", 0, write="every_cycle", unit="kPa", scale=0.1), written("b", 1)], BEAT)
    peer = bench.connect()
    cycle(bench)
    cycle(bench)
    peer.written()
    bench.put("a_kpa", -0.1)
    bench.put("b", 1)
    cycle(bench)
    assert peer.written() == [(1, (1,))], "the one that can be sent is; no heartbeat"
    assert bench.count("writes_refused") == 1
    assert told(bench) == [
        "a_kpa: -0.1 kPa is outside 0 to 6553.5 kPa of its point: not sent (writes_refused)"
    ]


# Read back ----------------------------------------------------------------------------------------------


def test_a_followed_write_is_verified_and_nothing_of_it_reaches_the_image(make: Make) -> None:
    bench = make([], [ruled("a", 0, READBACK, scale=0.1)], None)
    peer = bench.connect()
    bench.put("a", 30.0)
    cycle(bench)
    cycle(bench, 0.5)
    cycle(bench, 0.6)
    assert [(r.function, r.address) for r in peer.seen] == [(3, 0), (16, 0), (3, 0)], (
        "what was there, and after 1 s"
    )
    assert counts(bench) == {"writes_verified": 1}
    assert told(bench) == []
    assert bench.value("a") == 30.0
    assert bench.quality("a") == SUBSTITUTED, "nobody but the loop touches it"


def test_ignored_by_the_device(make: Make) -> None:
    bench = make([], [ruled("set_degc", 0, READBACK, scale=0.1, unit="degC")], BEAT)
    peer = bench.connect()
    peer.registers = Stubborn([250, *peer.registers[1:]], {0})
    bench.put("set_degc", 30.0)
    for _ in range(5):
        cycle(bench, 2)
    assert counts(bench) == {"writes_ignored": 1}
    (event,) = told(bench)
    assert event.startswith(
        "set_degc: wrote 30 degC (raw 300), found 25 degC (raw 250) at unit 1 holding_register 0: "
        "acknowledged but ignored"
    )
    assert bench.count("heartbeats_withheld") == 0
    assert [write for write in peer.written() if write[0] == 0] == [(0, (300,))], "reported, not repeated"
    peer.registers.ignored.clear()
    bench.put("set_degc", 31.0)
    for _ in range(3):
        cycle(bench)
    assert counts(bench) == {"writes_ignored": 1, "writes_recovered": 1}
    assert told(bench)[0].endswith(": followed again")


def test_reverted_and_written_again_at_the_declared_rate(make: Make) -> None:
    rules = replace(READBACK, on_mismatch="rewrite", rewrites_per_min=2, verify_every_s=1.0)
    bench = make([], [ruled("a", 0, rules)], BEAT)
    peer = bench.connect()
    bench.put("a", 40)
    cycle(bench)
    cycle(bench)
    assert counts(bench) == {"writes_verified": 1}
    for _ in range(30):
        peer.registers[0] = 0
        cycle(bench)
    writes = [write for write in peer.written() if write[0] == 0]
    assert writes == [(0, (40,))] * 3, "once by us, and twice again in that half minute"
    assert bench.count("writes_rewritten") == 2
    first = told(bench)[0]
    assert "a: wrote 40 (raw 40), found 0 (raw 0) at unit 1 holding_register 0: reverted" in first
    for _ in range(60):
        peer.registers[0] = 0
        cycle(bench)
    assert 3 <= bench.count("writes_rewritten") <= 4


def test_rewriting_stays_within_the_wear_budget(make: Make) -> None:
    rules = replace(
        READBACK, on_mismatch="rewrite", rewrites_per_min=60, verify_every_s=1.0, writes_per_day=5
    )
    bench = make([], [ruled("a", 0, rules)], None)
    peer = bench.connect()
    peer.registers = Stubborn(peer.registers, {0})
    bench.put("a", 1)
    for _ in range(60):
        cycle(bench)
    assert len([write for write in peer.written() if write[0] == 0]) == 5
    assert bench.count("writes_rewritten") == 4
    assert bench.count("writes_ignored") == 5
    assert bench.count("writes_held_by_budget") == 1


def test_somebody_else_writes_it(make: Make) -> None:
    bench = make([], [ruled("a", 0, READBACK)], None)
    peer = bench.connect()
    bench.put("a", 40)
    cycle(bench)
    cycle(bench)
    peer.registers[0] = 33
    cycle(bench, 11)
    assert counts(bench) == {"writes_verified": 1, "writes_foreign": 1}
    (event,) = told(bench)
    assert event.startswith(
        "a: wrote 40 (raw 40), found 33 (raw 33) at unit 1 holding_register 0: neither ours"
    )
    assert "somebody else writes it" in event
    cycle(bench, 11)
    assert counts(bench) == {"writes_verified": 1, "writes_foreign": 1}, "found once"


def test_bad_withholds_the_heartbeat_until_it_is_followed(make: Make) -> None:
    rules = replace(READBACK, on_mismatch="bad", verify_every_s=1.0)
    bench = make([], [ruled("a", 0, rules, write="every_cycle"), written("b", 1)], BEAT)
    peer = bench.connect()
    peer.registers = Stubborn(peer.registers, {0})
    bench.put("a", 1)
    for _ in range(6):
        cycle(bench)
    sent = bench.count("heartbeats_sent")
    assert sent < 6
    assert bench.count("heartbeats_withheld") == 6 - sent
    peer.registers.ignored.clear()
    for _ in range(4):
        cycle(bench)
    assert bench.count("heartbeats_sent") >= sent + 2
    assert bench.count("writes_recovered") == 1


def test_bad_needs_a_heartbeat(make: Make) -> None:
    with pytest.raises(ConfigError, match="withholds the heartbeat, and the device has none"):
        make([], [ruled("a", 0, replace(READBACK, on_mismatch="bad"))], None)


def test_verified_by_another_point_in_its_own_unit_and_counts(make: Make) -> None:
    feedback = Point("pos_percent", 1, "input_register", 20, "uint16", scale=1.0, unit="%")
    rules = replace(READBACK, verify_point="pos_percent", verify_tolerance=1.0)
    point = replace(ruled("cmd", 0, rules, scale=0.0001, unit="1"), feedback=feedback)
    bench = make([], [point], None)
    peer = bench.connect()
    bench.put("cmd", 0.37)
    peer.registers[20] = 10
    cycle(bench)
    peer.registers[20] = 36
    cycle(bench, 1.1)
    assert [(r.function, r.address) for r in peer.seen] == [(4, 20), (16, 0), (4, 20)]
    assert counts(bench) == {"writes_verified": 1}
    peer.registers[20] = 10
    cycle(bench, 11)
    assert counts(bench) == {"writes_verified": 1, "writes_reverted": 1}
    assert (
        "wrote 37 % (raw 37), found 10 % (raw 10) at pos_percent, unit 1 input_register 20" in told(bench)[0]
    )


@pytest.mark.parametrize(
    ("more", "value", "words"),
    [
        ({"type": "float32", "word_order": "low_first"}, 0.1, 2),
        ({"type": "int32"}, -70_0.0, 2),
        ({"type": "uint16", "byte_order": "little"}, 513.0, 1),
        ({"type": "float64"}, 1.0 / 3.0, 4),
    ],
)
def test_every_type_is_verified_by_what_the_registers_hold(
    make: Make, more: dict[str, object], value: float, words: int
) -> None:
    bench = make([], [ruled("a", 0, READBACK, **more)], None)
    peer = bench.connect()
    bench.put("a", value)
    for _ in range(3):
        cycle(bench)
    assert counts(bench) == {"writes_verified": 1}
    peer.registers[words - 1] ^= 1
    cycle(bench, 11)
    assert bench.count("writes_foreign") == 1, "one bit is enough"


def test_a_verified_bit_is_read_alone(make: Make) -> None:
    on = ruled("on", 3, READBACK, type="bool", bit=2)
    bench = make([], [on, written("other", 3, type="bool", bit=5)], None)
    peer = bench.connect()
    bench.put("on", 1)
    bench.put("other", 1)
    for _ in range(3):
        cycle(bench)
    assert counts(bench) == {"writes_verified": 1}
    peer.registers[3] = 0b000100
    cycle(bench, 11)
    assert counts(bench) == {"writes_verified": 1}, "the other bit is nobody's business here"
    peer.registers[3] = 0
    cycle(bench, 11)
    assert bench.count("writes_reverted") == 1


def test_a_coil_is_verified(make: Make) -> None:
    pump = replace(Point("pump", 1, "coil", 4, "bool", access="rw", write="on_change"), rules=READBACK)
    bench = make([], [pump], None)
    peer = bench.connect()
    bench.put("pump", 1)
    for _ in range(3):
        cycle(bench)
    assert counts(bench) == {"writes_verified": 1}
    peer.coils[4] = 0
    cycle(bench, 11)
    assert bench.count("writes_reverted") == 1


def test_a_read_back_that_is_refused_is_told_and_left_alone_for_a_while(make: Make) -> None:
    bench = make([holding("r", 5)], [ruled("a", 0, READBACK)], None, probe_s=30.0)
    peer = bench.connect()
    peer.missing = {0}
    for _ in range(4):
        cycle(bench)
    assert counts(bench) == {"readbacks_refused": 1}
    assert "the read-back of a refused" in " ".join(told(bench))
    peer.missing = set()
    for _ in range(4):
        cycle(bench, 15)
    assert "the read-back of a answers again" in told(bench)
    assert bench.count("writes_verified") == 1


def test_a_write_not_acknowledged_is_written_again_and_judged_only_then(make: Make) -> None:
    bench = make([], [ruled("a", 0, READBACK)], None, max_timeouts=9)
    peer = bench.connect()
    bench.put("a", 5)
    cycle(bench)
    cycle(bench)
    peer.silent = True
    bench.put("a", 6)
    cycle(bench)
    assert bench.count("writes_unacknowledged") == 1
    peer.silent = False
    peer.registers[0] = 99
    cycle(bench, 11)
    assert counts(bench) == {"writes_verified": 1}
    cycle(bench)
    cycle(bench)
    assert counts(bench) == {"writes_verified": 2}


def test_many_read_backs_are_spread(make: Make) -> None:
    points = [ruled(f"s{n}", n, READBACK) for n in range(10)]
    bench = make([], points, None)
    peer = bench.connect()
    for _ in range(6):
        cycle(bench)
        assert len([request for request in peer.seen if request.function == 3]) <= 4
        peer.seen.clear()
    assert bench.count("writes_verified") == 10


def test_all_writes_are_accounted_for(make: Make) -> None:
    rules = WriteRules(min_interval_s=3.0, writes_per_day=9, verify="readback", on_mismatch="rewrite")
    bench = make([], [ruled("a", 0, rules)], None)
    peer = bench.connect()
    wanted = 0
    for number in range(60):
        peer.silent = number % 7 == 3
        bench.put("a", number // 2)
        wanted += number % 2 == 0
        cycle(bench)
    found = bench.device.counters()
    assert found["writes_sent"] == found["writes_acknowledged"] + found["writes_unacknowledged"] == 9
    arrived = len([write for write in peer.written() if write[0] == 0])
    assert arrived == found["writes_sent"]
    held = found["writes_held_by_interval"] + found["writes_held_by_budget"]
    assert held >= wanted - found["writes_sent"], "each value went out or was counted"


def test_points_without_rules_run_none_of_this_code(make: Make) -> None:
    # What they cost in a cycle is what they cost before there were rules: counted in calls, not in microseconds.
    bench = make([holding("r", 20)], [written(f"s{n}", n) for n in range(8)], BEAT)
    bench.connect()
    for _ in range(3):
        cycle(bench)
    called: set[str] = set()

    def note(frame: Any, event: str, argument: object) -> None:
        if event == "call":
            called.add(f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name}")

    sys.setprofile(note)
    try:
        bench.put("s1", 5)
        cycle(bench)
        cycle(bench)
    finally:
        sys.setprofile(None)
    assert "writes.due" in called
    modules = {name.partition(".")[0] for name in called}
    assert not modules & {"guarded_cell", "readback", "write_policy", "write_watch", "point_rules"}
    assert "writes.is_distrusted" not in called
