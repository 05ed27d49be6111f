"""All written points of a device and what a servant says of itself, without a socket."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from hil.devices.bridge.orders import Orders, Stage
from hil.devices.mqtt.envelope import Acknowledgement, read_command, write_acknowledgement
from hil.devices.mqtt.front import COUNTERS as FRONT_COUNTERS
from hil.devices.mqtt.front import Front
from hil.devices.mqtt.messages import Incoming, Outgoing
from hil.devices.mqtt.outlet import COUNTERS, Outlet, WritePoint
from hil.devices.mqtt.presence import Presence
from hil.devices.mqtt.sending import SendRules
from hil.devices.mqtt.signing import Signer, seal, unseal
from hil.loop.image import GOOD, SUBSTITUTED, Image, Signal

NS = 1_000_000_000
NOW_S = 1_763_800_000.0
KEY = b"0123456789abcdef"
ANSWERS = "chiller/answer"


def made(signer: Signer | None = None) -> tuple[Outlet, Image, Counter[str]]:
    image = Image([Signal("taken_degc", "degC", 0.0, 40.0, 20.0, NS)])
    points = [
        WritePoint(
            "sp_degc", "chiller/sp", SendRules("sp"), qos=2, factor=1.8, offset=32.0, acknowledged_slot=0
        ),
        WritePoint("dp_kpa", "chiller/dp", SendRules("dp", life_s=1.4)),
    ]
    counts: Counter[str] = Counter(dict.fromkeys(COUNTERS, 0))
    keys = {} if signer is None else {signer.key_id: signer.key}
    return Outlet(points, signer, keys, "s", image, counts), image, counts


def answer(command_id: str, *, accepted: bool = True, signer: Signer | None = None, **more: Any) -> Incoming:
    body = write_acknowledgement(
        Acknowledgement(command_id, accepted, "" if accepted else "out_of_range"), NOW_S
    )
    return Incoming(ANSWERS, seal(ANSWERS, body, signer), more.get("retained", False), 0)


def test_commands_in_the_far_end_s_unit_and_never_retained() -> None:
    outlet, _, counts = made()
    messages = outlet.due([20.0, 80.0], NOW_S, 0.0)
    assert [(message.topic, message.qos, message.retain, message.expires_s) for message in messages] == [
        ("chiller/sp", 2, False, 2), ("chiller/dp", 1, False, 2),
    ]  # fmt: skip
    assert read_command(messages[0].payload).values == {"sp": 68.0}
    assert counts["commands_sent"] == 2
    assert outlet.due([20.0, 80.0], NOW_S, 0.1) == []


def test_what_the_far_end_has_taken_is_shown_in_the_signal_s_unit() -> None:
    outlet, image, _ = made()
    commands = [read_command(message.payload) for message in outlet.due([20.0, 80.0], NOW_S, 0.0)]
    assert not outlet.all_acknowledged([20.0, 80.0])
    for command in commands:
        outlet.answered(answer(command.id), 5 * NS)
    assert outlet.all_acknowledged([20.0, 80.0])
    assert not outlet.all_acknowledged([20.1, 80.0])
    assert image.values[0] == pytest.approx(20.0)
    assert (image.quality[0], image.received_ns[0]) == (GOOD, 5 * NS)


def test_faults_are_told_when_they_come_and_when_they_go() -> None:
    outlet, image, counts = made()
    first = read_command(outlet.due([20.0, 80.0], NOW_S, 0.0)[0].payload)
    assert outlet.answered(answer(first.id, accepted=False), NS) == ["sp_degc: refused: out_of_range"]
    assert outlet.tick(3.0) == ["dp_kpa: no acknowledgement within 3 s; it may or may not have taken effect"]
    assert outlet.tick(3.1) == []
    second = read_command(outlet.due([20.0, 80.0], NOW_S, 3.5)[0].payload)
    told = outlet.answered(answer(second.id), 4 * NS)
    assert told == ["sp_degc: acknowledged again, after: refused: out_of_range"]
    assert (counts["commands_refused_by_peer"], counts["commands_unacknowledged"]) == (1, 1)
    assert image.quality[0] == GOOD


def test_forged_unsigned_retained_and_broken_answers_settle_nothing() -> None:
    signer = Signer("rig", KEY)
    outlet, image, counts = made(signer)
    message = outlet.due([20.0, 80.0], NOW_S, 0.0)[0]
    body = unseal(message.topic, message.payload, {"rig": KEY})
    assert isinstance(body, bytes)
    command_id = read_command(body).id
    for wrong in (
        answer(command_id),
        answer(command_id, signer=Signer("rig", KEY[::-1])),
        answer(command_id, signer=Signer("other", KEY)),
        answer(command_id, signer=signer, retained=True),
    ):
        outlet.answered(wrong, NS)
    outlet.answered(Incoming(ANSWERS, b"accepted", False, 0), NS)
    assert counts["acknowledgements_refused"] == 4
    assert counts["acknowledgements_malformed"] == 1
    assert image.quality[0] == SUBSTITUTED
    outlet.answered(answer(command_id, signer=signer), NS)
    assert image.quality[0] == GOOD


@dataclass
class Loop:
    """How a loop came to its end, if it did."""

    has_ended: bool = False
    has_vanished: bool = False


def front(loop: Loop | None = None) -> tuple[Front, Counter[str]]:
    counts: Counter[str] = Counter(dict.fromkeys(FRONT_COUNTERS, 0))
    return Front(Presence("state", "session", {"rig": "hall1"}), counts, loop or Loop()), counts


def said(messages: list[Outgoing]) -> list[tuple[str, str]]:
    assert all(message.retain and message.topic == "state" for message in messages)
    documents = [json.loads(message.payload) for message in messages]
    return [(document["state"], document.get("reason", "")) for document in documents]


def orders(stage: Stage) -> Orders:
    return Orders(stage, 1, 0, ())


def test_others_are_told_whether_anybody_acts() -> None:
    desk, _ = front()
    desk.connection_changed(up=True)
    assert said(desk.take()) == [("offline", "the run has not begun")]
    assert desk.obey(orders(Stage.GO))
    assert not desk.obey(orders(Stage.GO))
    assert desk.loop_runs
    assert said(desk.take()) == [("online", "")]
    desk.obey(orders(Stage.FAILSAFE))
    assert not desk.loop_runs
    desk.obey(orders(Stage.REST))
    assert said(desk.take()) == [("offline", "the loop stands still")]
    desk.obey(orders(Stage.GO))
    desk.connection_changed(up=False)
    assert desk.take() == []
    desk.connection_changed(up=True)
    assert said(desk.take()) == [("online", "")], "once, for the new connection"
    assert said(desk.farewell()) == [("offline", "the run has ended")]


@pytest.mark.parametrize("before", [Stage.WAIT, Stage.GO, Stage.FAILSAFE])
def test_a_run_that_ends_in_order_says_so_and_nothing_else(before: Stage) -> None:
    loop = Loop()
    desk, _ = front(loop)
    desk.connection_changed(up=True)
    desk.obey(orders(Stage.GO))
    desk.obey(orders(before))
    desk.take()
    loop.has_ended = True
    desk.obey(orders(Stage.LAST))
    assert set(said(desk.take())) <= {("online", "")}, "its last orders are still carried out"
    desk.obey(orders(Stage.REST))
    ended = [("offline", "the run has ended")]
    assert said(desk.take()) == ended
    desk.connection_changed(up=True)
    assert said(desk.take()) == ended, "to a broker that comes back while the report is made"
    assert said(desk.farewell()) == ended
    again, _ = front(loop)
    again.connection_changed(up=True)
    assert said(again.take()) == ended, "by a process that was started after the last orders"


@pytest.mark.parametrize("before", [Stage.WAIT, Stage.GO, Stage.FAILSAFE])
def test_a_loop_that_vanished_is_told_from_one_that_ended(before: Stage) -> None:
    loop = Loop()
    desk, _ = front(loop)
    desk.connection_changed(up=True)
    desk.obey(orders(Stage.GO))
    desk.obey(orders(before))
    desk.take()
    loop.has_vanished = True
    desk.obey(orders(Stage.FAILSAFE))
    assert set(said(desk.farewell())) == {("offline", "the loop is gone")}
    desk.connection_changed(up=True)
    assert said(desk.take()) == [("offline", "the loop is gone")], "to a broker that comes back meanwhile"


def test_answers_that_cannot_be_sent_are_bounded_and_counted() -> None:
    desk, counts = front()
    for number in range(1500):
        desk.answer(Outgoing("a", str(number).encode()))
    assert counts["answers_dropped"] == 500
    kept = desk.take()
    assert (len(kept), kept[0].payload) == (1000, b"500")
    desk.answer(Outgoing("a", b""))
    desk.connection_changed(up=False)
    assert counts["answers_dropped"] == 501
