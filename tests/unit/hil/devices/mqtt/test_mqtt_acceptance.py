"""Commands from others: each at most once, in its time, from whom it should be, within its limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.devices.mqtt.acceptance import Gate, GateRules, Verdict
from hil.devices.mqtt.envelope import Command, write_command
from hil.devices.mqtt.payloads import LARGEST_BYTES
from hil.devices.mqtt.refusal import Refusal
from hil.devices.mqtt.signing import Signer, seal

TOPIC = "site/hall1/command"
START_S = 1_763_800_000.0
NOW_S = START_S + 100.0
KEY = b"0123456789abcdef0123456789abcdef"


def gate(**changes: Any) -> Gate:
    rules: dict[str, Any] = {
        "ranges": {"setpoint_degc": (15.0, 35.0), "dp_kpa": (0.0, 300.0)}, "others": frozenset({"valve_percent"}),
    }  # fmt: skip
    return Gate(GateRules(**(rules | changes)), START_S)


def body(command_id: str = "a", *, at_s: float = NOW_S, life_s: float = 5.0, **values: float) -> bytes:
    return write_command(Command(command_id, at_s, life_s, values or {"setpoint_degc": 20.0}))


def refused(verdict: Verdict, why: Refusal, command_id: str = "a") -> bool:
    answer = verdict.answer
    assert not verdict.values
    assert verdict.refusal is why
    return (
        answer is not None and answer.id == command_id and not answer.accepted and answer.reason == why.value
    )


def test_good_command_takes_effect_and_is_acknowledged() -> None:
    judged = gate()
    verdict = judged.judge(TOPIC, body(setpoint_degc=20.0, dp_kpa=80.0), NOW_S + 0.5)
    assert verdict.values == {"setpoint_degc": 20.0, "dp_kpa": 80.0}
    assert verdict.answer is not None
    assert verdict.answer.accepted
    assert not verdict.answer.duplicate
    assert judged.counters()["commands_accepted"] == 1


@pytest.mark.parametrize(
    ("payload", "options", "why"),
    [
        (body(), {"retained": True}, Refusal.RETAINED),
        (body(at_s=NOW_S - 5.1), {}, Refusal.EXPIRED),
        (body(at_s=NOW_S + 1.5), {}, Refusal.FROM_THE_FUTURE),
        (body(life_s=31.0), {}, Refusal.LIFE_TOO_LONG),
        (body(at_s=START_S - 1.0, life_s=29.0), {}, Refusal.EXPIRED),
        (body(setpoint_degc=36.0), {}, Refusal.OUT_OF_RANGE),
        (body(setpoint_degc=20.0, dp_kpa=-1.0), {}, Refusal.OUT_OF_RANGE),
        (body(valve_percent=50.0), {}, Refusal.NOT_COMMANDABLE),
        (body(nonsense=50.0, setpoint_degc=20.0), {}, Refusal.UNKNOWN_SIGNAL),
        (body(), {"loop_runs": False}, Refusal.LOOP_NOT_RUNNING),
    ],
)
def test_each_fault_is_refused_counted_and_answered(
    payload: bytes, options: dict[str, bool], why: Refusal
) -> None:
    judged = gate()
    assert refused(judged.judge(TOPIC, payload, NOW_S, **options), why)
    assert judged.counters()[f"commands_refused_{why.value}"] == 1
    assert sum(judged.refused.values()) == 1
    assert judged.accepted == 0


@pytest.mark.parametrize(
    ("once", "twice"),
    [
        (b'"setpoint_degc":20.0', b'"setpoint_degc":20.0,"setpoint_degc":34.0'),
        (b'"life_s":5.0', b'"life_s":5.0,"life_s":5.0'),
        (b'"id":"a"', b'"id":"a","id":"b"'),
    ],
)
def test_a_command_that_says_something_twice_is_malformed(once: bytes, twice: bytes) -> None:
    judged = gate()
    assert once in body()
    verdict = judged.judge(TOPIC, body().replace(once, twice), NOW_S)
    assert not verdict.values
    assert verdict.refusal is Refusal.MALFORMED
    assert judged.counters()["commands_refused_malformed"] == 1


def test_a_refused_command_is_parsed_twice_at_most_and_one_beyond_the_limit_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Anybody who may publish there can send it: it is parsed before its signature is looked at."""
    parsed, loads = [], json.loads

    def counted(text: str, **how: Any) -> Any:
        parsed.append(text)
        return loads(text, **how)

    monkeypatch.setattr(json, "loads", counted)
    for rules in ({}, {"keys": {"dcim": KEY}}):
        judged = gate(**rules)
        for size, most in ((100, 2), (LARGEST_BYTES, 0)):
            parsed.clear()
            twice = b'{"id":"a","body":"' + b"x" * size + b'","id":"a"}'
            assert judged.judge(TOPIC, twice, NOW_S) == Verdict({}, None, Refusal.MALFORMED)
            assert len(parsed) <= most
        assert judged.counters()["commands_refused_malformed"] == 2
    parsed.clear()
    assert refused(gate().judge(TOPIC, body() + b" " * 9000, NOW_S, retained=True), Refusal.RETAINED)
    assert len(parsed) == 1


def test_life_ends_to_the_moment() -> None:
    assert gate().judge(TOPIC, body(at_s=NOW_S, life_s=2.0), NOW_S + 2.0).values
    assert refused(gate().judge(TOPIC, body(at_s=NOW_S, life_s=2.0), NOW_S + 2.001), Refusal.EXPIRED)


def test_same_command_again_is_answered_again_and_not_carried_out_again() -> None:
    judged = gate()
    first = judged.judge(TOPIC, body(), NOW_S)
    again = judged.judge(TOPIC, body(), NOW_S + 1.0)
    assert first.values
    assert not again.values
    assert again.answer is not None
    assert again.answer.accepted
    assert again.answer.duplicate
    assert (judged.accepted, judged.duplicates) == (1, 1)


def test_same_id_after_its_life_or_for_something_else_is_a_replay() -> None:
    judged = gate()
    judged.judge(TOPIC, body(), NOW_S)
    assert refused(judged.judge(TOPIC, body(), NOW_S + 5.1), Refusal.REPLAYED)
    assert refused(judged.judge(TOPIC, body(setpoint_degc=30.0), NOW_S), Refusal.REPLAYED)


def test_what_was_issued_before_the_memory_began_cannot_be_told_from_a_replay() -> None:
    judged = gate()
    assert refused(judged.judge(TOPIC, body(at_s=START_S, life_s=10.0), START_S + 1.0), Refusal.REPLAYED)
    assert judged.judge(TOPIC, body(at_s=START_S + 0.01, life_s=10.0), START_S + 1.0).values


def test_forgotten_commands_cannot_come_back() -> None:
    judged = gate(memory=2)
    old = body("old", at_s=NOW_S)
    for number, payload in enumerate([old, body("b", at_s=NOW_S + 0.1), body("c", at_s=NOW_S + 0.2)]):
        assert judged.judge(TOPIC, payload, NOW_S + 0.1 * number).values
    assert refused(judged.judge(TOPIC, old, NOW_S + 0.5), Refusal.REPLAYED, "old")


def test_overtaken_command_does_not_undo_the_newer_one() -> None:
    judged = gate()
    assert judged.judge(TOPIC, body("new", at_s=NOW_S + 0.2, setpoint_degc=25.0), NOW_S + 0.3).values
    late = judged.judge(TOPIC, body("late", at_s=NOW_S + 0.1, setpoint_degc=20.0), NOW_S + 0.4)
    assert refused(late, Refusal.OUTDATED, "late")
    other = judged.judge(TOPIC, body("other", at_s=NOW_S + 0.1, dp_kpa=20.0), NOW_S + 0.4)
    assert other.values, "another signal has not been overtaken"


def test_signing() -> None:
    signer, other = Signer("dcim", KEY), Signer("dcim", KEY[::-1])
    judged = gate(keys={"dcim": KEY})
    assert judged.judge(TOPIC, seal(TOPIC, body("good"), signer), NOW_S).values
    assert refused(judged.judge(TOPIC, body(), NOW_S), Refusal.UNSIGNED)
    assert refused(judged.judge(TOPIC, seal(TOPIC, body(), other), NOW_S), Refusal.WRONG_SIGNATURE)
    assert refused(
        judged.judge(TOPIC, seal("site/hall2/command", body(), signer), NOW_S), Refusal.WRONG_SIGNATURE
    )
    unknown = seal(TOPIC, body(), Signer("nobody", KEY))
    assert refused(judged.judge(TOPIC, unknown, NOW_S), Refusal.UNKNOWN_KEY)


def test_changed_body_does_not_hold_and_does_not_fill_the_memory() -> None:
    judged = gate(keys={"dcim": KEY})
    sealed = json.loads(seal(TOPIC, body(setpoint_degc=20.0), Signer("dcim", KEY)))
    forged = json.dumps(sealed | {"body": sealed["body"].replace("20.0", "30.0")}).encode()
    assert refused(judged.judge(TOPIC, forged, NOW_S), Refusal.WRONG_SIGNATURE)
    assert judged.judge(TOPIC, json.dumps(sealed).encode(), NOW_S).values, "the true one still counts"


def test_signature_as_others_make_it() -> None:
    """HMAC-SHA256 over topic, NUL, body: computed here as by ``openssl dgst -sha256 -hmac``, figures from there."""
    text = '{"id":"x1","time":1763800100,"life_s":10,"values":{"setpoint_degc":21}}'
    signature = "7d2b454cec89933efcc75a00584c999595ba146348d0f251b44dd6cd77fad938"
    message = json.dumps({"body": text, "key": "dcim", "signature": signature}).encode()
    assert gate(keys={"dcim": KEY}).judge(TOPIC, message, NOW_S).values == {"setpoint_degc": 21.0}


@given(st.binary(max_size=300), st.booleans(), st.booleans())
def test_arbitrary_bytes_are_never_a_command(payload: bytes, signed: bool, retained: bool) -> None:
    judged = gate(keys={"dcim": KEY} if signed else {})
    verdict = judged.judge(TOPIC, payload, NOW_S, retained=retained)
    assert not verdict.values
    assert verdict.refusal is not None
    assert sum(judged.refused.values()) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "id": JSON, "time": JSON, "life_s": JSON, "values": JSON, "body": JSON, "key": JSON, "signature": JSON,
        },
    ),
    st.booleans(),
)  # fmt: skip
def test_arbitrary_documents_are_judged_without_an_error(document: dict[str, Any], signed: bool) -> None:
    judged = gate(keys={"dcim": KEY} if signed else {})
    verdict = judged.judge(TOPIC, json.dumps(document).encode(), NOW_S)
    assert judged.accepted + judged.duplicates + sum(judged.refused.values()) == 1
    assert all(name in ("setpoint_degc", "dp_kpa") for name in verdict.values)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40), st.integers(15, 35)), max_size=60),
    st.integers(1, 6),
)
def test_no_command_takes_effect_twice_whatever_the_order(
    events: list[tuple[int, int, int]], memory: int
) -> None:
    """``events``: number of a command, when it comes (tenths of s), which value it holds."""
    judged = gate(memory=memory)
    applied: list[tuple[int, int]] = []
    for number, tenths, value in sorted(events, key=lambda event: event[1]):
        payload = body(f"n{number}", at_s=NOW_S + number / 10, life_s=2.0, setpoint_degc=float(value))
        verdict = judged.judge(TOPIC, payload, NOW_S + tenths / 10)
        if verdict.values:
            applied.append((number, tenths))
            assert tenths <= number + 20, "never after its life"
    numbers = [number for number, _ in applied]
    assert len(numbers) == len(set(numbers)), "each at most once"
    assert numbers == sorted(numbers), "what was asked for last counts"


def test_nonsense_rules_are_refused() -> None:
    for wrong in ({"longest_life_s": 0.0}, {"tolerance_s": -1.0}, {"memory": 0}):
        with pytest.raises(ValueError, match="are needed"):
            gate(**wrong)
