"""Which values become messages, and what is lost where there are too many."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.devices.mqtt.telemetry import Published, Telemetry, TelemetryRules

NOW_S = 1_763_800_000.0
QUALITIES = ["GOOD", "STALE", "BAD", "SUBSTITUTED"]


def telemetry(count: int = 1, deadband: float = 0.5, **rules: Any) -> Telemetry:
    signals = [Published(f"s{n}", "degC", deadband, f"t/s{n}") for n in range(count)]
    return Telemetry(TelemetryRules(**({"rate_per_s": 1000.0} | rules)), signals, QUALITIES)


def look(made: Telemetry, at_s: float, *values: float, quality: int = 0) -> list[dict[str, Any]]:
    made.observe(values, [quality] * len(values), NOW_S + at_s, at_s)
    return [json.loads(sample.payload) for sample in made.take(at_s)]


def test_message_holds_value_unit_quality_and_time() -> None:
    made = telemetry()
    made.observe([21.5], [1], NOW_S, 0.0)
    sample = made.take(0.0)[0]
    assert sample.topic == "t/s0"
    assert json.loads(sample.payload) == {
        "value": 21.5, "unit": "degC", "quality": "STALE", "time": "2025-11-22T08:26:40.000Z",
    }  # fmt: skip


def test_on_change_beyond_the_dead_band_within_the_intervals() -> None:
    made = telemetry(least_interval_s=1.0, most_interval_s=10.0)
    assert look(made, 0.0, 20.0)
    assert not look(made, 0.5, 30.0), "too soon"
    assert [message["value"] for message in look(made, 1.0, 30.0)] == [30.0]
    assert not look(made, 5.0, 30.5), "within the dead band"
    assert look(made, 11.0, 30.5), "after the longest interval"


def test_slow_drift_is_held_against_what_was_sent() -> None:
    made = telemetry(least_interval_s=0.0, most_interval_s=1e6)
    sent = [message["value"] for step in range(100) for message in look(made, float(step), 20.0 + 0.1 * step)]
    assert len(sent) == pytest.approx(100 / 6, abs=1)
    assert all(0.5 < later - earlier < 0.7 for earlier, later in itertools.pairwise(sent))


def test_change_of_quality_is_a_change() -> None:
    made = telemetry(least_interval_s=1.0)
    look(made, 0.0, 20.0)
    assert look(made, 1.0, 20.0, quality=2)[0]["quality"] == "BAD"
    assert not look(made, 2.0, 20.0, quality=2)


def test_full_queue_loses_the_oldest_and_counts_them() -> None:
    made = telemetry(count=10, queue=4)
    made.observe([float(n) for n in range(10)], [0] * 10, NOW_S, 0.0)
    assert [json.loads(sample.payload)["value"] for sample in made.take(0.0)] == [6.0, 7.0, 8.0, 9.0]
    assert (made.queued, made.dropped, made.taken, made.waiting) == (10, 6, 4, 0)


def test_everything_again_after_a_new_connection() -> None:
    made = telemetry(count=3)
    assert len(look(made, 0.0, 1.0, 2.0, 3.0)) == 3
    assert not look(made, 2.0, 1.0, 2.0, 3.0)
    made.repeat_all()
    assert len(look(made, 2.1, 1.0, 2.0, 3.0)) == 3


def test_a_lost_loop_leaves_no_signal_good_whatever_waited_and_however_small_the_queue() -> None:
    made = telemetry(count=5, queue=2, rate_per_s=2.0)
    made.observe([1.0] * 5, [0] * 5, NOW_S, 0.0)
    made.condemn([2.0] * 5, 2, NOW_S + 1.0)
    sent = [[(sample.topic, json.loads(sample.payload)) for sample in made.take(at_s)] for at_s in range(4)]
    assert [len(batch) for batch in sent] == [2, 2, 1, 0], "at the rate, and then no more"
    messages = [each for batch in sent for each in batch]
    assert [topic for topic, _ in messages] == [f"t/s{n}" for n in range(5)]
    assert all((said["value"], said["quality"]) == (2.0, "BAD") for _, said in messages)
    assert made.queued == made.dropped + made.taken + made.waiting


def test_marks_are_repeated_on_a_new_connection_and_go_when_the_loop_is_back() -> None:
    made = telemetry(count=2, least_interval_s=60.0, most_interval_s=60.0)
    look(made, 0.0, 1.0, 2.0)
    made.condemn([1.0, 2.0], 2, NOW_S)
    made.repeat_all()
    assert [json.loads(sample.payload)["quality"] for sample in made.take(1.0)] == ["BAD", "BAD"]
    assert [message["quality"] for message in look(made, 1.1, 1.0, 2.0)] == ["GOOD", "GOOD"]
    assert not look(made, 1.2, 1.0, 2.0)
    assert made.queued == made.dropped + made.taken + made.waiting


@given(
    st.floats(0.5, 50),
    st.lists(st.tuples(st.floats(0, 2), st.floats(-100, 100), st.integers(0, 3)), min_size=1, max_size=80),
    st.integers(1, 20),
)
def test_rate_and_sums_hold_whatever_comes(
    rate: float, steps: list[tuple[float, float, int]], queue: int
) -> None:
    made = telemetry(count=5, least_interval_s=0.0, rate_per_s=rate, queue=queue, deadband=0.0)
    at_s, taken = 0.0, 0
    for wait_s, value, quality in steps:
        at_s += wait_s
        made.observe([value + n for n in range(5)], [quality] * 5, NOW_S + at_s, at_s)
        taken += len(made.take(at_s))
        assert made.queued == made.dropped + made.taken + made.waiting
        assert made.waiting <= queue
        assert taken <= max(1.0, rate) + rate * at_s + 1e-6
    assert taken == made.taken


def test_nonsense_rules_are_refused() -> None:
    for wrong in ({"least_interval_s": 5.0, "most_interval_s": 1.0}, {"rate_per_s": 0.0}, {"queue": 0}):
        with pytest.raises(ValueError, match=r"intervals|rate"):
            telemetry(**wrong)
