"""What is written against what is found: each way in which a device does not follow is told from the others."""

from __future__ import annotations

import math
import random
from collections import deque

import pytest

from hil.devices.write_watch import Verdict, WriteWatch

S = 1_000_000_000
DELAY_NS, EVERY_NS = S, 10 * S


def watch(tolerance: float = 0.0) -> WriteWatch:
    return WriteWatch(tolerance, DELAY_NS, EVERY_NS)


def look(watch: WriteWatch, raw: float, now_s: float) -> tuple[Verdict, bool] | None:
    now_ns = round(now_s * S)
    watch.asked(now_ns)
    finding = watch.found(raw, now_ns)
    return None if finding is None else (finding.verdict, finding.is_news)


def followed(at_s: float = 0.0) -> WriteWatch:
    """One that found 200 first, and 300 after it was written at ``at_s``."""
    it = watch()
    look(it, 200, at_s)
    it.acknowledged(300, round(at_s * S))
    assert look(it, 300, at_s + 1) == (Verdict.VERIFIED, False)
    return it


def test_what_is_there_before_is_looked_at_first_and_then_after_the_delay() -> None:
    it = watch()
    assert it.due_ns() == 0
    assert look(it, 200, 0) is None
    it.acknowledged(300, 2 * S)
    assert it.due_ns() == 3 * S
    assert look(it, 300, 3) == (Verdict.VERIFIED, False)
    assert it.due_ns() == 13 * S
    assert look(it, 300, 13) is None, "verified once for a write"
    it.acknowledged(300, 14 * S)
    assert it.due_ns() == 15 * S, "a refresh is a write too"
    assert look(it, 300, 15) == (Verdict.VERIFIED, False)


def test_acknowledged_but_ignored() -> None:
    it = watch()
    look(it, 200, 0)
    it.acknowledged(300, 0)
    assert look(it, 200, 1) == (Verdict.IGNORED, True)
    assert it.deviates is Verdict.IGNORED
    assert look(it, 200, 11) is None, "counted once"
    it.acknowledged(310, 12 * S)
    assert look(it, 200, 13) == (Verdict.IGNORED, False), "the next write counts again, and is no news"
    assert look(it, 310, 23) == (Verdict.RECOVERED, True)
    assert it.deviates is None


def test_ignored_though_nobody_knew_what_was_there_before() -> None:
    it = watch()
    it.acknowledged(300, 0)
    assert look(it, 77, 1) == (Verdict.IGNORED, True)


@pytest.mark.parametrize("fallen_to", [200, 150])
def test_reverted_to_what_was_before_or_to_what_was_there_first(fallen_to: int) -> None:
    it = watch()
    look(it, 150, 0)
    for value, at_s in ((200, 0), (300, 10)):
        it.acknowledged(value, at_s * S)
        look(it, value, at_s + 1)
    assert look(it, fallen_to, 21) == (Verdict.REVERTED, True)
    assert look(it, fallen_to, 31) is None
    assert look(it, 300, 41) == (Verdict.RECOVERED, True)


def test_somebody_else_writes_it_and_writes_it_again() -> None:
    it = followed()
    assert look(it, 250, 11) == (Verdict.FOREIGN, True)
    assert look(it, 250, 21) is None
    assert look(it, 260, 31) == (Verdict.FOREIGN, False), "another value: counted"
    it.acknowledged(300, 32 * S)
    assert look(it, 300, 33) == (Verdict.RECOVERED, True)
    assert look(it, 260, 43) == (Verdict.FOREIGN, True), "his value is not what we fell back to"
    it.acknowledged(300, 44 * S)
    assert look(it, 260, 45) == (Verdict.FOREIGN, False)


def test_a_rewrite_that_is_not_taken_is_ignored() -> None:
    it = followed()
    assert look(it, 200, 11) == (Verdict.REVERTED, True)
    it.acknowledged(300, 12 * S)
    assert look(it, 200, 13) == (Verdict.IGNORED, True)


def test_within_the_tolerance_is_followed() -> None:
    it = watch(tolerance=2)
    it.acknowledged(300, 0)
    assert look(it, 302, 1) == (Verdict.VERIFIED, False)
    assert look(it, 303, 11) == (Verdict.FOREIGN, True)


def test_after_a_write_that_was_not_acknowledged_nothing_is_judged() -> None:
    it = followed()
    it.unsure()
    assert look(it, 999, 11) is None
    it.acknowledged(310, 12 * S)
    assert look(it, 310, 13) == (Verdict.VERIFIED, False)


def test_no_value_is_no_finding() -> None:
    it = followed()
    assert look(it, math.nan, 11) is None
    assert it.deviates is None


def test_a_value_that_moves_all_the_time_is_judged_by_what_was_ours_a_moment_ago() -> None:
    # A device that lags by up to the delay, told a new value every 0.1 s: never a false alarm.
    draw, it, sent = random.Random(1), watch(), deque([(0, 500)])
    look(it, 500, 0)
    verdicts, value = [], 500
    for tick in range(1, 2000):
        now_ns = tick * S // 10
        value += draw.randint(-9, 9)
        it.acknowledged(value, now_ns)
        sent.append((now_ns, value))
        if it.due_ns() <= now_ns:
            held = next(v for at_ns, v in reversed(sent) if at_ns <= now_ns - draw.randint(0, DELAY_NS))
            verdicts.append(look(it, held, now_ns / S))
    assert len(verdicts) > 100
    assert {entry[0] for entry in verdicts if entry} <= {Verdict.VERIFIED}


def test_a_device_that_stands_still_under_a_moving_value_is_found_out() -> None:
    it = watch()
    look(it, 500, 0)
    found = []
    for tick in range(1, 100):
        it.acknowledged(500 + tick, tick * S // 10)
        if it.due_ns() <= tick * S // 10:
            found.append(look(it, 500, tick / 10))
    assert (Verdict.IGNORED, True) in found
    assert not {entry[0] for entry in found if entry} - {Verdict.IGNORED}
