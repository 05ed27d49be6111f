"""Questions before the loop: a late reply is never the answer to the next question."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from rtu_virtual_line import MS, VirtualUnit

from hil.devices.rtu.conversation import RtuConversation
from hil.devices.rtu.settings import BusSettings
from hil.devices.wire.codec import Request
from hil.devices.wire.rtu_frames import sealed

BUS = BusSettings("line", reply_timeout_s=0.3)


class Wire:
    """A wire to one unit; waiting is what makes time pass."""

    def __init__(self, unit: VirtualUnit) -> None:
        self.unit, self.now_ns = unit, 0
        self.due: list[tuple[int, bytes]] = []
        self.sent: list[bytes] = []

    def clock_ns(self) -> int:
        return self.now_ns

    def send(self, data: bytes) -> bool:
        self.sent.append(data)
        self.now_ns += BUS.wire_ns(len(data))
        answer = self.unit.hear(data, self.now_ns) if data[0] == self.unit.unit_id else None
        self.due += [answer] if answer is not None else []
        return True

    def wait(self, timeout_s: float, wake_fileno: int) -> None:
        end_ns = self.now_ns + max(round(timeout_s * 1e9), 1000)
        self.now_ns = max(self.now_ns, min([end_ns, *(at_ns for at_ns, _ in self.due)]))

    def receive(self) -> bytes:
        come = [each for each in self.due if each[0] <= self.now_ns]
        self.due = [each for each in self.due if each not in come]
        return b"".join(data for _, data in come)

    def close(self) -> None: ...


class Talk:
    """A conversation with a unit that is as late as told at each request."""

    def __init__(self, fate: Callable[[int], int | None], **unit: bool) -> None:
        self.unit = VirtualUnit(1, fate=fate, takes_turns=unit.pop("takes_turns", False), **unit)  # type: ignore[arg-type]
        self.unit.written = {0: 1111, 106: 9999, 3: 42}
        self.wire = Wire(self.unit)
        self.conversation = RtuConversation(BUS, self.wire, 1e6, self.wire.clock_ns)

    def get(self, address: int) -> int | None:
        reply = self.conversation.ask(Request(1, 3, address, 1), 0.3)
        return None if reply is None or reply.exception else reply.values[0]

    def close(self) -> None:
        self.conversation.close()


@pytest.fixture
def talk() -> Iterator[Callable[..., Talk]]:
    open_ones: list[Talk] = []

    def begin(fate: Callable[[int], int | None], **unit: bool) -> Talk:
        open_ones.append(Talk(fate, **unit))
        return open_ones[-1]

    yield begin
    for each in open_ones:
        each.close()


@pytest.mark.parametrize("knows_diagnostics", [False, True])
@pytest.mark.parametrize(
    ("late_ms", "takes_turns"),
    # Later than what is waited for, only order helps, where the unit keeps one.
    [(1500, True), *((late_ms, turns) for late_ms in (320, 360, 450, 600, 880) for turns in (False, True))],
)
def test_a_late_reply_is_not_the_answer_to_the_next_question(
    talk: Callable[..., Talk], late_ms: int, knows_diagnostics: bool, takes_turns: bool
) -> None:
    us = talk(
        lambda n: late_ms * MS if n == 0 else 0, knows_diagnostics=knows_diagnostics, takes_turns=takes_turns
    )
    assert us.get(0) is None
    for address, truth in ((106, 9999), (3, 42), (0, 1111)):
        assert us.get(address) in (truth, None)
    assert us.get(106) == 9999, "it is believed again"


def test_the_same_question_may_be_asked_again_at_once_and_its_second_reply_answers_nothing(
    talk: Callable[..., Talk],
) -> None:
    us = talk(lambda n: 400 * MS if n in (0, 1) else 0)
    assert us.get(0) is None
    asked_ns = us.wire.now_ns
    assert us.get(0) == 1111
    assert us.wire.now_ns - asked_ns < 200 * MS
    assert us.get(106) == 9999
    assert us.conversation.late_replies == 1


def test_a_late_refusal_is_not_the_refusal_of_the_next_question(talk: Callable[..., Talk]) -> None:
    us = talk(lambda n: 400 * MS if n == 0 else 0)
    us.unit.refuses = lambda body: 2 if body[2:4] == bytes((0, 7)) else 0
    assert us.get(7) is None
    assert us.get(106) == 9999


def test_a_unit_that_does_not_prove_itself_is_not_believed_and_the_time_is_bounded(
    talk: Callable[..., Talk],
) -> None:
    us = talk(lambda n: None if n else 500 * MS)
    assert us.get(0) is None
    for address, longest_s in ((106, 8), (3, 3), (106, 3)):
        began_ns = us.wire.now_ns
        assert us.get(address) is None
        assert us.wire.now_ns - began_ns < longest_s * 1000 * MS


def test_another_unit_is_asked_at_once_and_a_late_reply_of_the_first_is_known_as_such(
    talk: Callable[..., Talk],
) -> None:
    us = talk(lambda n: 400 * MS if n == 0 else 0)
    assert us.get(0) is None
    began_ns = us.wire.now_ns
    assert us.conversation.ask(Request(2, 3, 106, 1), 0.3) is None
    assert us.wire.now_ns - began_ns < 400 * MS
    assert (us.conversation.late_replies, us.conversation.noise_bytes) == (1, 0)


def test_a_reply_that_nobody_asked_for_makes_its_unit_prove_itself(talk: Callable[..., Talk]) -> None:
    us = talk(lambda _: 0)
    us.wire.due.append((0, sealed(bytes((1, 3, 2, 0, 7)))))
    assert us.get(106) == 9999
    assert us.wire.sent[0][1] == 8, "a canary comes first"
    assert us.get(3) == 42
    assert len(us.wire.sent) == 3


def test_where_nobody_answers_in_time_late_replies_are_told(talk: Callable[..., Talk]) -> None:
    us = talk(lambda _: 700 * MS)
    assert us.get(0) is None
    assert us.conversation.hear_out() == "1 replies came too late"
    assert us.wire.now_ns < 1500 * MS
    silent = talk(lambda _: None)
    assert silent.get(0) is None
    assert silent.conversation.hear_out() == ""
