"""Each part of what a held unit is held by, one at a time."""

from __future__ import annotations

import pytest
from rtu_virtual_line import MS, Bench, VirtualUnit

from hil.config.points import Point
from hil.devices.bridge.orders import Stage
from hil.devices.rtu.doubt import Doubt
from hil.devices.rtu.settings import BusSettings
from hil.devices.wire.rtu_frames import ReplyFrame, sealed

ONE, TWO = sealed(bytes((1, 3, 0, 0, 0, 1))), sealed(bytes((1, 3, 0, 10, 0, 2)))
BUS = BusSettings("line", baud=19200, reply_timeout_s=0.05, late_reply_s=0.3, scan_s=0.2)
VALVE = Point("valve", 1, "holding_register", 200, "uint16", access="rw", write="on_change")


def answered() -> Doubt:
    """A unit that owes ``ONE`` until 300 ms, and has answered a canary at 60 ms."""
    doubt = Doubt(1, [ONE, TWO], 300 * MS, 50 * MS)
    doubt.owe(ONE, 0, 50 * MS)
    canary = doubt.canary(50 * MS)
    assert canary is not None
    assert canary.request == TWO
    doubt.answered(canary, 60 * MS)
    return doubt


def test_a_unit_that_answered_its_canary_is_held_as_long_as_it_owes_a_reply() -> None:
    doubt = answered()
    assert not doubt.look(75 * MS), "the quiet time is over, the reply is owed"
    assert not doubt.look(299 * MS)
    assert doubt.look(301 * MS)


def test_a_reply_that_comes_ends_the_waiting() -> None:
    doubt = answered()
    assert doubt.settle(ReplyFrame(bytes((1, 3, 2, 0, 7)), 80 * MS), 80 * MS)
    assert doubt.look(81 * MS)


def test_behind_the_answer_to_a_canary_nothing_may_come_for_a_while() -> None:
    doubt = answered()
    doubt.settle(ReplyFrame(bytes((1, 3, 2, 0, 7)), 62 * MS), 61 * MS)
    assert not doubt.look(69 * MS)
    assert doubt.canary(69 * MS) is not None, "it has to prove itself once more"


def test_the_quiet_time_alone_holds_a_unit_that_owes_nothing() -> None:
    doubt = Doubt(1, [ONE, TWO], 300 * MS, 50 * MS)
    doubt.suspect(0)
    canary = doubt.canary(0)
    assert canary is not None
    doubt.answered(canary, 5 * MS)
    assert not doubt.look(14 * MS)
    assert doubt.look(16 * MS)


@pytest.mark.parametrize("stage", [Stage.LAST, Stage.FAILSAFE])
def test_an_old_acknowledgement_is_none_of_the_last_write(stage: Stage) -> None:
    """The first write is acknowledged when the last one, of the same words, has gone out and is never heard."""
    unit = VirtualUnit(1, fate=lambda number: 240 * MS if number == 0 else None)
    bench = Bench(BUS, [unit], {}, {1: [VALVE]})
    bench.command(1, {"valve": 5.0})
    bench.run(52 * MS)
    bench.command(2, {"valve": 5.0}, stage)
    bench.run(270 * MS)
    assert bench.counts["writes_sent"] == 2, "the last write went out before the old reply came"
    assert not bench.master.has_done


@pytest.mark.parametrize("stage", [Stage.LAST, Stage.FAILSAFE])
def test_an_old_refusal_is_none_of_the_last_write(stage: Stage) -> None:
    unit = VirtualUnit(1, fate=lambda number: 240 * MS if number == 0 else None)
    unit.refuses = lambda body: 3 if unit.requests == 1 else 0
    bench = Bench(BUS, [unit], {}, {1: [VALVE]})
    bench.command(1, {"valve": 5.0})
    bench.run(52 * MS)
    bench.command(2, {"valve": 6.0}, stage)
    bench.run(270 * MS)
    assert bench.counts["writes_sent"] == 2, "the last write went out before the old refusal came"
    assert bench.counts["late_replies"] == 1
    assert bench.counts["exception_replies"] == 0


def test_the_first_canaries_follow_at_once_and_the_later_ones_ever_more_slowly() -> None:
    doubt, now_ns, waits_ms = Doubt(1, [ONE, TWO], 0, 50 * MS), 0, []
    doubt.suspect(now_ns)
    for _ in range(9):
        canary = doubt.canary(now_ns)
        assert canary is not None
        doubt.unanswered(canary, now_ns, now_ns)
        waits_ms.append((doubt.canary_due_ns - now_ns) // MS)
        now_ns = doubt.canary_due_ns
        doubt.look(now_ns)
    assert waits_ms == [0, 0, 250, 500, 1000, 2000, 4000, 5000, 5000]
