"""An answer comes after its question: what was on its way before is none, whatever transaction id it bears."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from hil.config.points import Point
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.modbus.tcp import ModbusTcpDevice
from hil.loop.image import GOOD, Image, Signal

POINT = Point("x", 1, "input_register", 0, "uint32")


def reply(tid: int, value: int) -> bytes:
    return struct.pack(">HHHBBBI", tid, 0, 7, 1, 4, 4, value)


class Pair:
    def __init__(self, max_in_flight: int = 1) -> None:
        self.image = Image([Signal("x", "1", 0.0, 2.0**32, 0.0, 10**9)])
        near, self.far = socket.socketpair()
        settings = ModbusTcpSettings("h", max_in_flight=max_in_flight)
        self.device = ModbusTcpDevice("d", settings, self.image, [(POINT, 0)], [], lambda: 0)
        self.device.adopt(near)

    def ask(self) -> int:
        """Begin a read; gives its transaction id, as the far end sees it."""
        self.device.begin_read(0)
        return int.from_bytes(self.far.recv(100)[:2], "big")

    def answer(self, data: bytes) -> None:
        self.far.sendall(data)
        self.device.on_ready()

    @property
    def is_good(self) -> bool:
        return self.image.quality[0] == GOOD


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.device.close()
    made.far.close()


def test_a_frame_that_began_before_the_question_is_not_its_answer(pair: Pair) -> None:
    """A reply cut short that bears the next question's id: that question's true reply would complete it."""
    first = pair.ask()
    step = 0x9E37
    forged = reply(first + step & 0xFFFF, 666)
    pair.answer(forged[:9])
    pair.device.end_phase(0)
    second = pair.ask()
    assert second == first + step & 0xFFFF  # what the forged one was made for
    pair.answer(forged[9:])
    assert not pair.is_good
    assert pair.device.counters()["mismatched_replies"] == 1
    pair.answer(reply(second, 28))
    assert pair.is_good
    assert pair.image.values[0] == 28


def test_a_reply_in_pieces_is_taken_though_another_request_goes_out_meanwhile(pair: Pair) -> None:
    whole = reply(pair.ask(), 28)
    pair.answer(whole[:5])
    pair.answer(whole[5:])
    assert pair.is_good


def test_a_late_rest_of_an_old_reply_spoils_nothing(pair: Pair) -> None:
    first = pair.ask()
    pair.answer(reply(first, 1)[:6])
    pair.device.end_phase(0)
    second = pair.ask()
    pair.answer(reply(first, 1)[6:] + reply(second, 2))
    assert pair.is_good
    assert pair.image.values[0] == 2
    assert pair.device.counters()["late_replies"] == 1


def test_neighbouring_transaction_ids_differ_in_many_bits_and_all_are_used(pair: Pair) -> None:
    seen = []
    for number in range(500):
        seen.append(pair.ask())
        pair.answer(reply(seen[-1], number))
        assert pair.image.values[0] == number
    step = (seen[1] - seen[0]) & 0xFFFF
    assert step % 2 == 1
    assert len(set(seen)) == 500
    everywhere = [(tid ^ (tid + step & 0xFFFF)).bit_count() for tid in range(65536)]
    assert min(everywhere) >= 6
