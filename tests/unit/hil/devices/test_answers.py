"""A reply is believed only where unit, function, and length or echo are those of its question; before the loop too."""

from __future__ import annotations

import socket
import time
from dataclasses import replace

import pytest

from hil.devices.modbus.conversation import Conversation
from hil.devices.modbus.exchange import WriteExchange
from hil.devices.wire.answers import mismatch
from hil.devices.wire.codec import Reply, Request, encode_reply
from hil.devices.wire.frames import WriteFrame

READ, BITS = Request(7, 3, 10, 2), Request(7, 1, 0, 9)
ONE, MANY, COIL = Request(7, 6, 10, 1, (500,)), Request(7, 16, 10, 2, (1, 2)), Request(7, 5, 4, 1, (1,))


@pytest.mark.parametrize(
    ("request_", "reply", "why"),
    [
        (READ, Reply(1, 7, 3, (1, 2)), ""),
        (READ, Reply(1, 7, 3, (1,)), "answers with 1 register instead of 2"),
        (READ, Reply(1, 7, 3, (1, 2, 3)), "answers with 3 registers instead of 2"),
        (READ, Reply(1, 8, 3, (1, 2)), "answers as unit id 8 where 7 was asked"),
        (READ, Reply(1, 7, 4, (1, 2)), "answers with function 4 where 3 was asked"),
        (READ, Reply(1, 7, 3, (), 2), ""),
        (READ, Reply(1, 8, 3, (), 2), "answers as unit id 8 where 7 was asked"),
        (READ, Reply(1, 7, 6, (), 2), "answers with function 6 where 3 was asked"),
        (BITS, Reply(1, 7, 1, (0,) * 16), ""),
        (BITS, Reply(1, 7, 1, (0,) * 8), "answers with 8 bits instead of 16"),
        (ONE, Reply(1, 7, 6, (10, 500)), ""),
        (ONE, Reply(1, 7, 6, (10, 501)), "acknowledges a write to address 10, value 501, that was not asked for"),
        (ONE, Reply(1, 7, 6, (11, 500)), "acknowledges a write to address 11, value 500, that was not asked for"),
        (MANY, Reply(1, 7, 16, (10, 2)), ""),
        (MANY, Reply(1, 7, 16, (10, 1)), "acknowledges a write to address 10, count 1, that was not asked for"),
        (COIL, Reply(1, 7, 5, (4, 1)), ""),
        (COIL, Reply(1, 7, 5, (4, 0)), "acknowledges a write to address 4, value 0, that was not asked for"),
    ],
)  # fmt: skip
def test_what_is_an_answer_and_what_is_wrong_with_the_others(
    request_: Request, reply: Reply, why: str
) -> None:
    assert mismatch(reply, request_) == why


def test_the_loop_asks_by_the_same_words() -> None:
    exchange = WriteExchange(WriteFrame(7, 16, 10, 2), (), [1, 2])
    assert exchange.asked == MANY


@pytest.mark.parametrize(
    ("request_", "answered"),
    [
        (READ, replace(READ, count=1)),
        (READ, replace(READ, count=3)),
        (READ, replace(READ, unit_id=8)),
        (READ, replace(READ, function=4)),
        (ONE, replace(ONE, values=(501,))),
        (MANY, replace(MANY, address=11)),
    ],
)
def test_a_wrong_reply_with_the_right_transaction_id_is_not_believed_before_the_loop_either(
    request_: Request, answered: Request
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        talk = Conversation(ours, time.monotonic() + 60.0)
        words = [] if answered.values else [5] * answered.count
        theirs.sendall(encode_reply(answered, 1, words))
        assert talk.ask(request_, 30.0) is None
        assert talk.wrong
        assert talk.wrong_replies == {talk.wrong: 1}
        right = [] if request_.values else [5] * request_.count
        theirs.sendall(encode_reply(request_, 2, right))
        reply = talk.ask(request_, 30.0)
    assert reply is not None
    assert (reply.unit_id, talk.wrong) == (7, "")


def test_transaction_ids_begin_anew_after_the_last() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        talk = Conversation(ours, time.monotonic() + 60.0)
        talk._transaction_id = 65535
        theirs.sendall(encode_reply(READ, 0, [5, 6]))
        reply = talk.ask(READ, 30.0)
    assert reply is not None
    assert reply.values == (5, 6)
