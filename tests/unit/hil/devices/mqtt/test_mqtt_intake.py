"""Received values into the image: which are believed, and how old they are taken for."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.devices.mqtt.instants import write_instant
from hil.devices.mqtt.intake import COUNTERS, Intake, Peer, ReadPoint
from hil.devices.mqtt.messages import Incoming
from hil.devices.mqtt.payloads import JsonReader, TextReader
from hil.loop.image import BAD, GOOD, SUBSTITUTED, Image, Signal

NS = 1_000_000_000
NOW_S, NOW_NS = 1_763_800_000.0, 5_000 * NS
TIMED, PLAIN = 0, 1


def made(**options: Any) -> tuple[Intake, Image, Counter[str]]:
    image = Image(
        [Signal("t_degc", "degC", 0.0, 50.0, 20.0, 2 * NS), Signal("f_kg_s", "kg/s", 0.0, 9.0, 0.0, 2 * NS)]
    )
    points = [
        ReadPoint(TIMED, "a/state", JsonReader("t", time="at", quality="q"), factor=0.1, offset=1.0),
        ReadPoint(PLAIN, "a/flow", TextReader(), qos=0),
    ]
    counts: Counter[str] = Counter(dict.fromkeys(COUNTERS, 0))
    return Intake(points, Peer("a/alive", **options), image, counts, tolerance_s=0.5), image, counts


def state(raw: float, age_s: float = 0.0, quality: str = "good", **more: Any) -> Incoming:
    document = {"t": raw, "at": write_instant(NOW_S - age_s), "q": quality}
    return Incoming("a/state", json.dumps(document).encode(), more.get("retained", False), NOW_NS)


def flow(payload: bytes, *, looked_s_ago: float = 0.0, retained: bool = False) -> Incoming:
    return Incoming("a/flow", payload, retained, NOW_NS - round(looked_s_ago * NS))


def test_value_is_as_old_as_it_says() -> None:
    intake, image, _ = made()
    intake.received(state(250.0, age_s=1.5), NOW_S, NOW_NS)
    assert (image.values[TIMED], image.quality[TIMED]) == (26.0, GOOD)
    assert image.received_ns[TIMED] == NOW_NS - 1.5 * NS
    image.age(NOW_NS + round(0.4 * NS))
    assert image.quality[TIMED] == GOOD
    image.age(NOW_NS + round(0.6 * NS))
    assert image.quality[TIMED] != GOOD


@pytest.mark.parametrize(
    ("message", "counter"),
    [
        (state(250.0, age_s=2.1), "values_too_old"),
        (state(250.0, age_s=2.1, retained=True), "values_too_old"),
        (state(250.0, age_s=-0.6), "values_from_the_future"),
        (Incoming("a/state", b'{"t": 250}', False, NOW_NS), "values_malformed"),
        (flow(b"3.0", retained=True), "values_retained_without_time"),
        (flow(b"3.0", looked_s_ago=2.5), "values_too_old"),
        (flow(b"fast"), "values_malformed"),
    ],
)
def test_what_is_not_believed_is_counted(message: Incoming, counter: str) -> None:
    intake, image, counts = made()
    intake.received(message, NOW_S, NOW_NS)
    assert counts[counter] == 1
    assert list(image.quality) == [SUBSTITUTED, SUBSTITUTED]


def test_kept_state_with_a_time_of_its_own_is_believed_for_as_long_as_it_is_young() -> None:
    intake, image, _ = made()
    intake.received(state(250.0, age_s=1.0, retained=True), NOW_S, NOW_NS)
    assert image.quality[TIMED] == GOOD


def test_plain_value_counts_from_when_the_socket_was_last_seen_empty() -> None:
    intake, image, _ = made()
    intake.received(flow(b"3.0", looked_s_ago=0.7), NOW_S, NOW_NS)
    assert image.received_ns[PLAIN] == NOW_NS - round(0.7 * NS)


def test_clock_ahead_within_the_tolerance_makes_no_value_younger_than_now() -> None:
    intake, image, _ = made()
    intake.received(state(250.0, age_s=-0.4), NOW_S, NOW_NS)
    assert image.received_ns[TIMED] == NOW_NS


def test_overtaken_value_is_not_taken() -> None:
    intake, image, counts = made()
    intake.received(state(250.0, age_s=0.2), NOW_S, NOW_NS)
    intake.received(state(100.0, age_s=0.9), NOW_S, NOW_NS)
    assert image.values[TIMED] == 26.0
    assert counts["values_outdated"] == 1


def test_values_of_one_moment_are_each_taken_with_a_stamp_of_its_own() -> None:
    """The loop takes a value for new by its stamp; far ends write whole seconds, and looks are 20 ms apart."""
    intake, image, counts = made()
    stamps = []
    for number in range(5):
        intake.received(flow(str(number).encode(), looked_s_ago=0.1), NOW_S, NOW_NS)
        intake.received(state(10.0 * number, age_s=1.0), NOW_S + 1e-4 * number, NOW_NS)
        assert list(image.values) == [float(number) + 1.0, float(number)]
        stamps.append(tuple(image.received_ns))
    assert len({timed for timed, _ in stamps}) == len({plain for _, plain in stamps}) == 5
    assert stamps == sorted(stamps)
    assert counts["values_outdated"] == 0


def test_out_of_range_and_bad_at_its_source() -> None:
    intake, image, counts = made()
    intake.received(state(600.0), NOW_S, NOW_NS)
    assert (image.quality[TIMED], counts["values_rejected"]) == (BAD, 1)
    intake.received(state(250.0), NOW_S, NOW_NS)
    assert image.quality[TIMED] == GOOD
    intake.received(state(250.0, quality="uncertain"), NOW_S, NOW_NS)
    assert (image.quality[TIMED], counts["values_bad_at_source"]) == (BAD, 1)


@pytest.mark.parametrize(
    ("options", "payload", "is_there"),
    [
        ({}, b"online", True), ({}, b"offline", False), ({}, b"", False), ({}, b"\xff", False),
        ({"state": "state"}, b'{"state": "online"}', True), ({"state": "state"}, b'{"state": "offline"}', False),
        ({"state": "a.b", "online": "up"}, b'{"a": {"b": "up"}}', True), ({"state": "a.b"}, b'{"a": 1}', False),
        ({"state": "state"}, b"online", False), ({}, b"online" + b" " * 70_000, False),
    ],
)  # fmt: skip
def test_last_will_marks_what_was_received(options: dict[str, str], payload: bytes, is_there: bool) -> None:
    intake, image, counts = made(**options)
    intake.received(state(250.0), NOW_S, NOW_NS)
    intake.received(Incoming("a/alive", payload, True, NOW_NS), NOW_S, NOW_NS)
    assert image.quality[TIMED] == (GOOD if is_there else BAD)
    assert image.quality[PLAIN] == SUBSTITUTED, "what never came stays as it was"
    assert counts["peer_offline"] == (not is_there)


def test_topics_with_the_highest_quality_of_service_asked_for() -> None:
    assert made()[0].topics == {"a/state": 1, "a/flow": 0, "a/alive": 1}


@given(
    st.sampled_from(["a/state", "a/flow", "a/alive", "b"]),
    st.binary(max_size=80)
    | st.dictionaries(st.sampled_from(["t", "at", "q"]), st.floats() | st.text()).map(
        lambda document: json.dumps(document).encode()
    ),
    st.booleans(),
)
def test_nothing_that_comes_makes_a_good_value_beyond_age_or_range(
    topic: str, payload: bytes, retained: bool
) -> None:
    intake, image, _ = made()
    intake.received(Incoming(topic, payload, retained, NOW_NS), NOW_S, NOW_NS)
    for slot, signal in enumerate(image.signals):
        if image.quality[slot] == GOOD:
            assert signal.low <= image.values[slot] <= signal.high
            assert 0 <= NOW_NS - image.received_ns[slot] <= signal.max_age_ns


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (
            state(250.0, age_s=-5.0),
            "its time is 5.0 s ahead of ours, clock_tolerance_s is 0.5: set the clocks",
        ),
        (
            state(250.0, age_s=3600.0),
            "it is 3600.0 s old, max_age_s is 2: the clocks, or it waited on its way",
        ),
        (state(900.0), "91 degC is outside 0 to 50 degC"),
        (Incoming("a/state", b'{"t":1,"t":2}', False, NOW_NS), "the payload has the name 't' twice"),
        (Incoming("a/state", b"21.5 degC", False, NOW_NS), "the payload is not JSON"),
        (Incoming("a/state", b'{"x":1}', False, NOW_NS), "the payload has no q"),
    ],
)
def test_why_a_value_is_not_taken_is_told_once_with_figures_and_that_it_is_taken_again(
    message: Incoming, why: str
) -> None:
    intake, _, _ = made()
    assert intake.received(state(250.0), NOW_S, NOW_NS) == []
    assert intake.received(message, NOW_S, NOW_NS) == [f"t_degc on a/state is not taken: {why}"]
    assert intake.received(message, NOW_S, NOW_NS) == []
    assert intake.received(state(250.0), NOW_S, NOW_NS) == ["t_degc on a/state: taken again"]
    for _ in range(5):
        # Comes and goes: the counters have it, and a person is told again after a minute.
        assert intake.received(message, NOW_S, NOW_NS) == []
        assert intake.received(state(250.0), NOW_S, NOW_NS) == []
    assert intake.received(message, NOW_S, NOW_NS + 60 * NS) != []


def test_a_value_that_was_overtaken_is_no_trouble() -> None:
    intake, _, counts = made()
    intake.received(state(250.0, age_s=0.2), NOW_S, NOW_NS)
    assert intake.received(state(250.0, age_s=0.4), NOW_S, NOW_NS) == []
    assert counts["values_outdated"] == 1


def test_a_topic_on_which_nothing_ever_comes_is_told_once_when_its_values_are_bad() -> None:
    intake, _, _ = made()
    assert intake.unheard(NOW_NS + 99 * NS) == [], "no connection yet"
    intake.listens(NOW_NS)
    intake.received(state(250.0), NOW_S, NOW_NS)
    assert intake.unheard(NOW_NS + 6 * NS) == []
    (told,) = intake.unheard(NOW_NS + 7 * NS)
    assert told.startswith("nothing has come on a/flow for 7 s (f_kg_s): is that the topic")
    intake.listens(NOW_NS + 8 * NS)
    assert intake.unheard(NOW_NS + 99 * NS) == []
