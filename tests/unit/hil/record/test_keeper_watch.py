"""A keeper that stands still is found once each time; a suspend and a busy second are no such time."""

from __future__ import annotations

from hil.loop.clock import NS_PER_S
from hil.record.keeper_watch import KeeperWatch

LOOK_NS = NS_PER_S // 4


def test_one_that_stands_still_is_found_once_until_it_was_seen_at_work() -> None:
    watch = KeeperWatch()
    assert not watch.look(0, 1)
    assert [watch.look(n * LOOK_NS, 1) for n in range(1, 41)].index(True) == 11, (
        "3 s after it was last at work"
    )
    assert watch.stops == 1
    assert not watch.look(11 * NS_PER_S, 2)
    assert sum(watch.look(11 * NS_PER_S + n * LOOK_NS, 2) for n in range(1, 41)) == 1
    assert watch.stops == 2


def test_one_at_work_is_never_found_and_a_suspend_of_an_hour_is_none_of_its_own() -> None:
    watch = KeeperWatch()
    assert not any(watch.look(n * LOOK_NS, n) for n in range(1, 1000))
    woken_ns = 3600 * NS_PER_S
    assert not any(watch.look(woken_ns + n * LOOK_NS, 999) for n in range(3))
    assert not watch.look(woken_ns + 3 * LOOK_NS, 1000)
    assert watch.stops == 0
