"""The parts of the bridge without a process: the stages of the orders, the record, the texts."""

from __future__ import annotations

import struct

from hil.devices.bridge.memory import LockedRecord
from hil.devices.bridge.orders import LoopWatch, Stage
from hil.devices.bridge.texts import TextRing

MS = 1_000_000
TIMEOUT_NS, LAST_NS = 1000 * MS, 500 * MS


def watch(settled: int = 0) -> LoopWatch:
    return LoopWatch([20.0], TIMEOUT_NS, LAST_NS, settled)


def given(
    watch: LoopWatch, number: int, stamp_ms: int, *, last: bool = False, now_ms: int | None = None
) -> None:
    now_ns = (stamp_ms if now_ms is None else now_ms) * MS
    watch.take(number, stamp_ms * MS, last=last, values=(55.0,), now_ns=now_ns)


def test_nothing_is_written_before_the_loop_has_spoken() -> None:
    watched = watch()
    assert watched.look(10**15, loop_is_gone=True).stage is Stage.WAIT


def test_the_failsafe_is_ordered_once_when_the_stamp_is_too_old_and_then_nothing() -> None:
    watched = watch()
    given(watched, 1, 0)
    assert watched.look(1000 * MS, loop_is_gone=False).stage is Stage.GO
    lost = watched.look(1001 * MS, loop_is_gone=False)
    assert (lost.stage, lost.values) == (Stage.FAILSAFE, (20.0,))
    watched.done()
    assert watched.look(9000 * MS, loop_is_gone=False).stage is Stage.REST
    assert (watched.losses, watched.settled, watched.done_number) == (1, 1, 0)


def test_a_failsafe_that_nobody_acknowledges_is_given_up() -> None:
    watched = watch()
    given(watched, 1, 0)
    watched.look(1001 * MS, loop_is_gone=False)
    assert watched.look(1501 * MS, loop_is_gone=False).stage is Stage.FAILSAFE
    assert watched.look(1502 * MS, loop_is_gone=False).stage is Stage.REST


def test_a_loop_that_ended_without_a_word_is_lost_at_once() -> None:
    watched = watch()
    given(watched, 1, 0)
    assert watched.look(1 * MS, loop_is_gone=True).stage is Stage.FAILSAFE


def test_a_loop_that_was_stopped_and_goes_on_is_followed_again() -> None:
    watched = watch()
    given(watched, 1, 0)
    watched.look(2000 * MS, loop_is_gone=False)
    watched.done()
    given(watched, 2, 5000)
    assert watched.look(5000 * MS, loop_is_gone=False).stage is Stage.GO
    assert watched.look(6001 * MS, loop_is_gone=False).stage is Stage.FAILSAFE
    assert watched.losses == 2


def test_the_last_orders_are_over_when_acknowledged_even_if_they_were_found_late() -> None:
    watched = watch()
    given(watched, 1, 0)
    given(watched, 2, 100, last=True, now_ms=3000)
    assert watched.look(3000 * MS, loop_is_gone=False).stage is Stage.LAST
    assert not watched.is_over
    watched.done()
    assert watched.look(3001 * MS, loop_is_gone=True).stage is Stage.REST
    assert (watched.done_number, watched.is_over) == (2, True)


def test_a_servant_that_follows_on_one_killed_while_the_loop_was_lost_writes_the_failsafe() -> None:
    watched = watch()
    given(watched, 7, 0, now_ms=60_000)
    assert watched.look(60_000 * MS, loop_is_gone=False).stage is Stage.FAILSAFE


def test_what_a_servant_before_has_settled_is_not_done_again() -> None:
    watched = watch(settled=7)
    given(watched, 7, 0, now_ms=60_000)
    assert watched.look(60_000 * MS, loop_is_gone=False).stage is Stage.WAIT
    given(watched, 8, 60_001)
    assert watched.look(60_001 * MS, loop_is_gone=False).stage is Stage.GO


def test_a_record_is_whole_or_not_there() -> None:
    memory = memoryview(bytearray(64))
    record = LockedRecord(memory, 8, struct.Struct("@qd"))
    assert record.get() is None
    record.put(3, 0.5)
    packed = record.get()
    assert packed is not None
    assert record.layout.unpack(packed) == (3, 0.5)
    memory[8:16] = (record.sequence + 1).to_bytes(8, "little")  # a writer killed halfway
    assert record.get() is None
    record.put(4, 1.5)
    packed = record.get()
    assert packed is not None
    assert record.layout.unpack(packed) == (4, 1.5)


def test_texts_come_out_in_order_and_those_without_room_are_counted() -> None:
    ring = TextRing(memoryview(bytearray(TextRing.SIZE)))
    for number in range(70):
        ring.add(-number, f"text {number} °C")
    assert ring.dropped == 6
    assert ring.drain() == [(-number, f"text {number} °C") for number in range(64)]
    ring.add(1, "ö" * 200)
    assert ring.drain() == [(1, "ö" * 120)]
    assert not ring.waiting
