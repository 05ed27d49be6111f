"""Commands to a far end that loses, repeats, delays and refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.devices.mqtt.acceptance import Gate, GateRules
from hil.devices.mqtt.envelope import Acknowledgement, Command, write_command
from hil.devices.mqtt.sending import Channel, SendRules

START_S = 1_763_800_000.0


def channel(**changes: Any) -> Channel:
    rules: dict[str, Any] = {"name": "sp", "life_s": 2.0, "timeout_s": 3.0, "repeat_s": 0.5}
    return Channel(SendRules(**(rules | changes)), "s")


def send(sender: Channel, value: float, at_s: float) -> Command | None:
    return sender.due(value, START_S + at_s, at_s)


def taken(command: Command) -> Acknowledgement:
    return Acknowledgement(command.id, accepted=True)


def acknowledged(sender: Channel, value: float, at_s: float) -> Command:
    command = send(sender, value, at_s)
    assert command is not None
    assert sender.answered(taken(command), at_s)
    return command


def test_sent_on_change_beyond_the_dead_band_and_to_refresh() -> None:
    sender = channel(deadband=0.5, refresh_s=10.0)
    first = acknowledged(sender, 20.0, 0.0)
    assert (first.values, first.life_s, first.issued_s) == ({"sp": 20.0}, 2.0, START_S)
    assert send(sender, 20.5, 1.0) is None
    second = acknowledged(sender, 20.6, 1.0)
    assert second.id != first.id
    assert send(sender, 20.6, 10.9) is None
    assert send(sender, 20.6, 11.0) is not None


def test_least_interval_holds_a_restless_value_back() -> None:
    sender = channel(least_interval_s=2.0)
    acknowledged(sender, 20.0, 0.0)
    assert send(sender, 21.0, 1.9) is None
    assert send(sender, 22.0, 2.0) is not None


def test_repeated_under_the_same_id_while_it_lives() -> None:
    sender = channel()
    first = send(sender, 20.0, 0.0)
    assert send(sender, 25.0, 0.4) is None
    assert send(sender, 25.0, 0.5) == first, "the same command, not the new value"
    assert send(sender, 25.0, 1.0) == first
    assert send(sender, 25.0, 2.0) is None, "its life is over"
    assert sender.counts["commands_repeated"] == 2


def test_no_answer_in_time_is_a_fault_and_the_value_is_asked_for_again() -> None:
    sender = channel()
    first = send(sender, 20.0, 0.0)
    assert first is not None
    assert not sender.tick(2.9)
    assert sender.tick(3.0)
    assert sender.fault == "no acknowledgement within 3 s"
    assert sender.counts["commands_unacknowledged"] == 1
    second = send(sender, 20.0, 3.0)
    assert second is not None
    assert second.id != first.id
    assert not sender.answered(taken(first), 3.1), "an answer that comes late is no answer to the new one"
    assert sender.counts["acknowledgements_late"] == 1
    assert sender.answered(taken(second), 3.2)
    assert not sender.fault
    assert (sender.acknowledged, sender.acknowledged_at_s) == (20.0, 3.2)


def test_refusal_is_a_fault_and_is_not_hammered() -> None:
    sender = channel()
    command = send(sender, 99.0, 0.0)
    assert command is not None
    sender.answered(Acknowledgement(command.id, accepted=False, reason="out_of_range"), 0.01)
    assert sender.fault == "refused: out_of_range"
    assert send(sender, 99.0, 0.1) is None
    assert send(sender, 99.0, 0.5) is not None


def test_answers_to_others_are_passed_over() -> None:
    sender = channel()
    send(sender, 20.0, 0.0)
    assert not sender.answered(Acknowledgement("someone-else-1", accepted=True), 0.1)
    assert sender.counts["acknowledgements_late"] == 0
    assert sender.waiting


def test_last_value_goes_over_one_under_way() -> None:
    sender = channel(least_interval_s=60.0)
    send(sender, 20.0, 0.0)
    sender.preempt()
    failsafe = send(sender, 45.0, 0.1)
    assert failsafe is not None
    assert failsafe.values == {"sp": 45.0}
    assert sender.counts["commands_superseded"] == 1


def test_new_connection_begins_anew() -> None:
    sender = channel()
    acknowledged(sender, 20.0, 0.0)
    assert send(sender, 20.0, 5.0) is None
    sender.forget()
    assert send(sender, 20.0, 5.0) is not None


@pytest.mark.parametrize(
    "wrong", [{"life_s": 0.0}, {"timeout_s": 1.9}, {"repeat_s": 0.0}, {"deadband": -1.0}, {"refresh_s": 0.0}]
)
def test_nonsense_rules_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="above 0 s"):
        channel(**wrong)


@given(st.data())
def test_over_a_bad_line_the_far_end_ends_where_the_sender_thinks(data: st.DataObject) -> None:
    """A line that loses, repeats and delays in both directions; the far end is the real gate, with a memory."""
    sender = channel(refresh_s=5.0)
    gate = Gate(GateRules({"sp": (0.0, 100.0)}, longest_life_s=10.0), START_S - 1.0)
    fate = st.sampled_from(["through", "lost", "twice", "late"])
    line: list[tuple[float, Command]] = []
    back: list[tuple[float, Acknowledgement]] = []
    applied: list[str] = []
    held, value, at_s = None, 20.0, 0.0
    for step in range(120):
        at_s = step * 0.25
        if step % 20 == 0:
            value = data.draw(st.floats(0, 100))
        quiet = step >= 80  # the line is good at the end
        sender.tick(at_s)
        command = send(sender, value, at_s)
        if command is not None:
            line += _passed(command, at_s, "through" if quiet else data.draw(fate))
        for when, message in [entry for entry in line if entry[0] <= at_s]:
            line.remove((when, message))
            verdict = gate.judge("t", write_command(message), START_S + at_s)
            if verdict.values:
                applied.append(message.id)
                held = verdict.values["sp"]
            if verdict.answer is not None:
                back += _passed(verdict.answer, at_s, "through" if quiet else data.draw(fate))
        for when, answer in [entry for entry in back if entry[0] <= at_s]:
            back.remove((when, answer))
            sender.answered(answer, at_s)
    assert len(applied) == len(set(applied)), "nothing is carried out twice"
    assert held == value
    assert not sender.fault
    counts = sender.counts
    settled = (
        counts["commands_acknowledged"]
        + counts["commands_unacknowledged"]
        + counts["commands_refused_by_peer"]
    )
    assert counts["commands_sent"] == settled + sender.waiting


def _passed(message: Any, at_s: float, fate: str) -> list[tuple[float, Any]]:
    delays = {"through": [0.0], "lost": [], "twice": [0.0, 0.5], "late": [1.75]}[fate]
    return [(at_s + delay, message) for delay in delays]
