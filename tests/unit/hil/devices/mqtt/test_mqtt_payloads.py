"""Topics, payloads and times on the wire."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.devices.mqtt import payloads
from hil.devices.mqtt.backoff import Backoff
from hil.devices.mqtt.instants import NotATimeError, parse_instant, write_instant
from hil.devices.mqtt.payloads import (
    LARGEST_BYTES,
    JsonReader,
    Reading,
    TextReader,
    UnreadableError,
    json_payload,
    read_all,
)
from hil.devices.mqtt.topics import fill, topic_fault


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b"21.5", 21.5), (b" -3e2\n", -300.0), (b".5", 0.5), (b"7.", 7.0), (b"+4", 4.0), (b"true", 1.0), (b"OFF", 0.0),
    ],
)  # fmt: skip
def test_plain_numbers(payload: bytes, value: float) -> None:
    assert TextReader().read(payload) == Reading(value)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"nan",
        b"inf",
        b"1e999",
        b"0x10",
        b"1_000",
        b"21,5",
        b"21.5 degC",
        b"\xff",
        "٣".encode(),
        b"1 2",
        b"-",
    ],
)
def test_what_is_no_number(payload: bytes) -> None:
    with pytest.raises(UnreadableError):
        TextReader().read(payload)


def test_text_by_template() -> None:
    reader = TextReader("T={value} °C")
    assert reader.read("T=21.5 °C".encode()).value == 21.5
    assert reader.read("T= 21.5°C".encode()).value == 21.5
    for wrong in ("21.5", "T=21.5 °F", "T=21.5 °C and more", "xT=21.5 °C"):
        with pytest.raises(UnreadableError):
            reader.read(wrong.encode())


@pytest.mark.parametrize("filler", [b" ", b"1", b"T=", b"1e"])
def test_long_payload_is_refused_at_once(filler: bytes) -> None:
    for reader in (TextReader(), TextReader("T={value} °C"), JsonReader("t")):
        for size in (60_000, 70_000):
            with pytest.raises(UnreadableError):
                reader.read(b"x" + filler * (size // len(filler)))
            with pytest.raises(UnreadableError):
                reader.read(filler * (size // len(filler)) + b"x")


class CountedName(str):
    """A name that counts how often it is looked up."""

    looked_up = 0
    __slots__ = ()

    def __hash__(self) -> int:
        CountedName.looked_up += 1
        return super().__hash__()


def test_a_name_that_stands_twice_costs_no_more_than_the_payload_is_long() -> None:
    """Whoever may publish here could else hold the process up for seconds by one payload of 65 kB."""
    work = []
    for names in (500, 4000):
        pairs = [(CountedName(f"n{n}"), 1) for n in (*range(names), names - 1)]
        CountedName.looked_up = 0
        with pytest.raises(UnreadableError, match=f"the name 'n{names - 1}' twice"):
            payloads._each_name_once(pairs)
        work.append(CountedName.looked_up)
    assert work[1] <= 8.1 * work[0]


def test_a_payload_is_parsed_once_and_one_beyond_the_limit_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed, loads = [], json.loads

    def counted(text: str, **how: Any) -> Any:
        parsed.append(text)
        return loads(text, **how)

    monkeypatch.setattr(json, "loads", counted)
    readers = [JsonReader("a"), TextReader(), JsonReader("b.0"), JsonReader("c")]
    first, plain, second, third = read_all(readers, b'{"a":1,"b":[2.5]}')
    assert (first, second) == (Reading(1.0), Reading(2.5))
    assert [str(plain), str(third)] == ["does not follow the template '{value}'", "has no c"]
    assert len(parsed) == 1
    assert {str(found) for found in read_all([*readers[::2]] * 50, b'{"a":1')} == {"is not JSON"}
    assert len(parsed) == 2
    long = b'{"a":1,"b":"' + b"x" * LARGEST_BYTES + b'"}'
    assert {str(found) for found in read_all(readers, long)} == {f"is longer than {LARGEST_BYTES} bytes"}
    assert len(parsed) == 2


@pytest.mark.parametrize("depth", [1, 400, *range(900, 1000, 7), 20_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"q":', "}")])
def test_a_nested_payload_is_read_or_refused_and_is_no_good_quality(
    depth: int, opening: str, closing: str
) -> None:
    text = '{"value":1,"q":' + opening * depth + "1" + closing * depth + "}"
    with contextlib.suppress(UnreadableError):
        assert not JsonReader("value", quality="q").read(text.encode()).good


@pytest.mark.parametrize("template", ["", "value", "{value}{value}"])
def test_template_without_one_place_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="in one place"):
        TextReader(template)


def test_json_by_path() -> None:
    reader = JsonReader("data.1.t", time="ts", quality="q")
    document = {"data": [{}, {"t": "21.5"}], "ts": "2026-11-22T19:00:00.250Z", "q": "GOOD"}
    assert reader.read(json.dumps(document).encode()) == Reading(21.5, 1795374000.25, good=True)
    assert not reader.read(json.dumps(document | {"q": "bad"}).encode()).good
    assert not reader.read(json.dumps(document | {"q": None}).encode()).good
    assert reader.read(json.dumps(document | {"q": 192}).encode()).good


@pytest.mark.parametrize(
    "text",
    [
        '{"t":null}', '{"t":"a"}', '{"t":[1]}', '{"t":NaN}', '{"t":Infinity}', '{"t":1e400}', '{"u":1}', "[1]", "1",
        '{"t":1', "", '{"t":' + "9" * 400 + "}", "[" * 20_000, '{"t":"1e999"}',
    ],
)  # fmt: skip
def test_json_that_holds_no_value(text: str) -> None:
    with pytest.raises(UnreadableError):
        JsonReader("t").read(text.encode())


def test_time_is_needed_where_it_is_agreed_on() -> None:
    for wrong in ("2026-11-22T19:00:00", "yesterday", None, True, -1, 1e30, "", []):
        with pytest.raises(UnreadableError):
            JsonReader("t", time="ts").read(json.dumps({"t": 1, "ts": wrong}).encode())


@given(st.binary(max_size=200))
def test_arbitrary_bytes_give_a_finite_value_or_are_unreadable(payload: bytes) -> None:
    for reader in (TextReader(), TextReader("a{value}b"), JsonReader("t"), JsonReader("0.t", "1", "2")):
        with contextlib.suppress(UnreadableError):
            assert math.isfinite(reader.read(payload).value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_we_write_we_read(value: float) -> None:
    assert JsonReader("value").read(json_payload({"value": value})).value == value
    assert TextReader().read(repr(value).encode()).value == value


@given(st.floats(0, 4102444800.0))
def test_instants_come_back_to_the_millisecond(seconds: float) -> None:
    assert parse_instant(write_instant(min(seconds, 4102444799.0))) == pytest.approx(
        min(seconds, 4102444799.0), abs=6e-4
    )


def test_instants_in_other_forms() -> None:
    assert parse_instant(1_763_800_000) == 1_763_800_000.0
    assert parse_instant(1_763_800_000_123) == 1_763_800_000.123
    assert parse_instant("2026-11-22T20:00:00+01:00") == parse_instant("2026-11-22T19:00:00Z")


@given(
    st.none() | st.booleans() | st.text() | st.floats() | st.integers() | st.lists(st.integers(), max_size=1)
)
def test_no_instant_outside_1970_to_2100(found: Any) -> None:
    with contextlib.suppress(NotATimeError):
        assert 0.0 <= parse_instant(found) <= 4102444800.0


def test_topics_by_template() -> None:
    assert fill("site/{rig}/{signal}", rig="hall1", signal="fws_degc") == "site/hall1/fws_degc"
    with pytest.raises(ValueError, match=r"\{site\} is not known here; known: \{rig\}"):
        fill("{site}/{rig}", rig="a")
    with pytest.raises(ValueError, match="left open"):
        fill("site/{rig", rig="a")


@pytest.mark.parametrize("topic", ["", "a/#", "+/b", "$SYS/x", "a\0b", "a\nb", "x" * 65536])
def test_no_topic(topic: str) -> None:
    assert topic_fault(topic)
    with pytest.raises(ValueError, match=r"topic|subscriptions"):
        fill("{rig}", rig=topic)


@given(st.floats(0.01, 10), st.floats(1, 100), st.integers())
def test_backoff_grows_to_its_limit_and_never_beyond(least_s: float, factor: float, seed: int) -> None:
    backoff, most_s = Backoff(least_s, least_s * factor, seed), least_s * factor
    waits = [backoff.next_s() for _ in range(2000)]
    assert all(least_s / 2 <= wait <= most_s for wait in waits)
    assert max(waits[-100:]) > most_s / 2
    again = Backoff(least_s, most_s, seed)
    assert waits[:5] == [again.next_s() for _ in range(5)]
    backoff.reset()
    assert backoff.next_s() <= least_s


def test_two_clients_do_not_come_back_in_step() -> None:
    one, other = Backoff(0.2, 10.0, 1), Backoff(0.2, 10.0, 2)
    assert all(abs(one.next_s() - other.next_s()) > 1e-6 for _ in range(10))


def test_nonsense_backoff() -> None:
    with pytest.raises(ValueError, match="back-off"):
        Backoff(2.0, 1.0, 0)
