"""The virtual clock, the bounded log of events, and actions on a schedule."""

from __future__ import annotations

from hil.loop.clock import VirtualClock
from hil.loop.events import CAPACITY, RESERVED, EventLog
from hil.loop.schedule import Schedule


def test_a_virtual_clock_is_at_each_deadline_at_once() -> None:
    clock = VirtualClock()
    clock.start()
    assert clock.now_ns() == 0
    assert clock.wait_until(5) == 5
    assert clock.now_ns() == 5
    clock.start()
    assert clock.now_ns() == 0


def test_events_are_taken_once_and_in_order() -> None:
    log = EventLog()
    assert not log.waiting
    log.emit(1.0, "note", "loop", "first")
    log.emit(2.0, "fault_start", "cdu", "pump_trip")
    assert log.waiting
    assert [event.text for event in log.take()] == ["first", "pump_trip"]
    assert not log.waiting
    assert log.take() == []


def test_a_fluttering_signal_fills_its_room_and_leaves_that_of_the_others() -> None:
    log = EventLog()
    for number in range(CAPACITY):
        log.emit(number, "quality", "a", "GOOD -> BAD")
        log.take()
    assert log.dropped == RESERVED
    for number in range(RESERVED):
        log.emit(number, "fault_start", "cdu", "pump_trip")
    assert len(log.take()) == RESERVED
    log.emit(0.0, "trip", "loop", "one too many")
    assert (log.dropped, log.waiting) == (RESERVED + 1, False)


def test_actions_run_in_order_of_time_then_of_the_file_and_once() -> None:
    done: list[tuple[str, int]] = []
    schedule = Schedule(
        [
            (30, lambda now_ns: done.append(("c", now_ns))),
            (10, lambda now_ns: done.append(("a", now_ns))),
            (30, lambda now_ns: done.append(("d", now_ns))),
            (20, lambda now_ns: done.append(("b", now_ns))),
        ]
    )
    assert schedule.next_ns == 10
    schedule.run_due(9)
    assert done == []
    schedule.run_due(25)
    assert done == [("a", 25), ("b", 25)]
    assert schedule.next_ns == 30
    schedule.run_due(31)
    schedule.run_due(99)
    assert [name for name, _ in done] == ["a", "b", "c", "d"]
    assert Schedule().next_ns > 1 << 61
