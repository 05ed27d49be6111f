"""Decoders under 100,000 strings of bytes that nobody meant to send, held against a second reading of the standard.

The second reading is here, short and slow, and shares nothing with the decoders. Strings are drawn from a seed: random
ones, true frames with bits turned over, bytes lost, put in or doubled, and headers that promise what does not follow.
"""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.config.points import Point
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.modbus.tcp import ModbusTcpDevice
from hil.devices.wire.codec import ReplyStream, RequestStream
from hil.devices.wire.frames import ReadFrame, WriteFrame
from hil.devices.wire.values import BlockDecoder, PointEncoder
from hil.loop.image import GOOD, Image, Signal

STRINGS = 100_000
READS, WRITES, BITS = {1, 2, 3, 4}, {5, 6, 15, 16}, {1, 2, 5, 15}


def frame(tid: int, unit: int, pdu: bytes) -> bytes:
    return struct.pack(">HHHB", tid, 0, len(pdu) + 1, unit) + pdu


def true_pdu(draw: random.Random) -> bytes:
    """One PDU as the standard has it: request or reply, read, write or exception."""
    function = draw.choice((1, 2, 3, 4, 5, 6, 15, 16))
    kind = draw.randrange(3)
    address, count = draw.randrange(65536), draw.randrange(1, 60)
    if kind == 0:
        return bytes((function | 0x80, draw.choice((1, 2, 3, 4, 5, 6, 8, 10, 11))))
    if kind == 1:
        if function in READS:
            size = (count + 7) // 8 if function in BITS else 2 * count
            return bytes((function, size)) + draw.randbytes(size)
        value = draw.choice((0, 0xFF00)) if function == 5 else draw.randrange(1, 100)
        return struct.pack(">BHH", function, address, value)
    if function in {15, 16}:
        size = (count + 7) // 8 if function == 15 else 2 * count
        return struct.pack(">BHHB", function, address, count, size) + draw.randbytes(size)
    return struct.pack(">BHH", function, address, draw.choice((0, 0xFF00)) if function == 5 else count)


def damaged(draw: random.Random, whole: bytes) -> bytes:
    data = bytearray(whole)
    for _ in range(draw.randrange(1, 4)):
        place = draw.randrange(len(data)) if data else 0
        kind = draw.randrange(5)
        if kind == 0 and data:
            data[place] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del data[place:]
        elif kind == 2:
            data[place:place] = draw.randbytes(draw.randrange(1, 9))
        elif kind == 3:
            del data[place : place + draw.randrange(1, 5)]
        else:
            data[place:place] = data[place : place + draw.randrange(1, 12)]
    return bytes(data)


def strings(count: int, seed: int) -> Iterator[bytes]:
    draw = random.Random(seed)
    for _ in range(count):
        kind = draw.randrange(6)
        whole = b"".join(
            frame(draw.randrange(65536), draw.randrange(256), true_pdu(draw))
            for _ in range(draw.randrange(1, 4))
        )
        if kind == 0:
            yield draw.randbytes(draw.randrange(300))
        elif kind == 1:
            yield struct.pack(">HHHB", draw.randrange(4), 0, draw.randrange(300), 1) + draw.randbytes(
                draw.randrange(270)
            )
        elif kind == 2:
            yield whole
        else:
            yield damaged(draw, whole)


def second_reading(data: bytes) -> tuple[list[tuple[int, int, bytes]], bool]:
    """Cut by the standard's header alone: whole frames, and whether the rest can be no frame."""
    frames = []
    while len(data) >= 7:
        tid, protocol, length, unit = struct.unpack(">HHHB", data[:7])
        if protocol != 0 or length < 2 or length > 254:
            return frames, True
        if len(data) < 6 + length:
            break
        frames.append((tid, unit, data[7 : 6 + length]))
        data = data[6 + length :]
    return frames, False


def is_whole_reply(pdu: bytes) -> bool:
    function = pdu[0]
    if function & 0x80:
        return len(pdu) == 2 and pdu[1] > 0
    if function in READS:
        return len(pdu) > 2 and len(pdu) == 2 + pdu[1] and (function in BITS or pdu[1] % 2 == 0)
    return function in WRITES and len(pdu) == 5 and (function != 5 or pdu[3:] in (b"\x00\x00", b"\xff\x00"))


def meaning(pdu: bytes) -> tuple[int, tuple[int, ...], int]:
    """Function, values, exception code of a whole reply."""
    function = pdu[0] & 0x7F
    if pdu[0] & 0x80:
        return function, (), pdu[1]
    if function in READS and function in BITS:
        return function, tuple(byte >> place & 1 for byte in pdu[2:] for place in range(8)), 0
    if function in READS:
        return function, struct.unpack(f">{len(pdu) // 2 - 1}H", pdu[2:]), 0
    address, value = struct.unpack(">HH", pdu[1:])
    return function, (address, int(value == 0xFF00) if function == 5 else value), 0


def held_against_second_reading(data: bytes, cut: int) -> tuple[int, bool]:
    """Feed ``data`` in two parts; gives how many replies were in it, and whether it ended in no frame."""
    stream, got = ReplyStream(), []
    for part in (data[:cut], data[cut:]):
        got += stream.feed(part)
    frames, is_cut_off = second_reading(data)
    expected = []
    for tid, unit, pdu in frames:
        if not is_whole_reply(pdu):
            is_cut_off = True
            break
        expected.append((tid, unit, *meaning(pdu)))
    assert [(r.transaction_id, r.unit_id, r.function, r.values, r.exception) for r in got] == expected
    assert bool(stream.broken) == is_cut_off
    assert stream.pending_bytes < 260
    return len(got), is_cut_off


def test_replies_mean_what_the_standard_says_or_nothing() -> None:
    taken = broken = 0
    draw = random.Random(1)
    for data in strings(STRINGS, 20_261_122):
        replies, is_cut_off = held_against_second_reading(data, draw.randrange(len(data) + 1))
        taken += replies
        broken += is_cut_off
    # The test has looked at both: many true frames, many strings that end in nothing.
    assert taken > 30_000
    assert broken > 30_000


@settings(max_examples=1_000)
@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_bytes_are_replies_as_the_standard_says_or_nothing(data: bytes, cut: int) -> None:
    held_against_second_reading(data, cut)


@settings(max_examples=1_000)
@given(st.integers(0, 65535), st.binary(min_size=1, max_size=253), st.integers(0, 300))
def test_any_body_behind_a_true_header_is_read_as_the_standard_says_or_not_at_all(
    tid: int, pdu: bytes, cut: int
) -> None:
    held_against_second_reading(frame(tid, 1, pdu), cut)


def test_requests_mean_what_the_standard_says_or_are_marked() -> None:
    legal = 0
    for data in strings(STRINGS // 4, 7):
        stream = RequestStream()
        got = stream.feed(data)
        frames, is_cut_off = second_reading(data)
        assert bool(stream.broken) == is_cut_off
        assert [(tid, asked.unit_id) for tid, asked in got] == [(tid, unit) for tid, unit, _ in frames]
        for (_, asked), (_, _, pdu) in zip(got, frames, strict=True):
            assert asked.function == pdu[0]
            if asked.count == 0:
                assert asked.values == ()
                continue
            legal += 1
            address, word = struct.unpack(">HH", pdu[1:5])
            assert asked.address == address
            if asked.function in {5, 6}:
                assert (len(pdu), asked.count) == (5, 1)
                assert asked.values == ((int(word == 0xFF00),) if asked.function == 5 else (word,))
            else:
                assert asked.count == word
                assert len(asked.values) == (0 if asked.function in READS else word)
            if asked.function == 16:
                assert asked.values == struct.unpack(f">{word}H", pdu[6:])
    assert legal > 5_000


@pytest.mark.parametrize("function", sorted(READS | WRITES))
def test_a_quick_reply_is_taken_only_where_the_whole_frame_is_right(function: int) -> None:
    """What is recognised by one comparison is what the second reading takes too, and of this very request."""
    draw = random.Random(function)
    taken = 0
    for _ in range(STRINGS // 16):
        tid, unit, count = (
            draw.randrange(65536),
            draw.randrange(256),
            1 if function in {5, 6} else draw.randrange(1, 20),
        )
        values = [draw.randrange(2) if function in BITS else draw.randrange(65536) for _ in range(count)]
        if function in READS:
            read = ReadFrame(unit, function, 100, count)
            size = (count + 7) // 8 if function in BITS else 2 * count
            pdu = bytes((function, size)) + draw.randbytes(size)
            right = frame(tid, unit, pdu)
            told = draw.choice((right, damaged(draw, right)))
            got = len(told) >= read.reply_bytes and read.is_reply(bytearray(told), 0, tid)
        else:
            write = WriteFrame(unit, function, 100, count)
            word = (0xFF00 if values[0] else 0) if function == 5 else values[0] if function == 6 else count
            pdu = struct.pack(">BHH", function, 100, word)
            right = frame(tid, unit, pdu)
            told = draw.choice((right, damaged(draw, right)))
            got = len(told) >= write.reply_bytes and write.is_reply(bytearray(told), 0, tid, values)
        if not got:
            assert told[: len(right)] != right
            continue
        taken += 1
        frames, _ = second_reading(told[: len(right)])
        assert [(t, u) for t, u, _ in frames] == [(tid, unit)]
        assert is_whole_reply(frames[0][2])
        assert frames[0][2][: 2 if function in READS else 5] == pdu[: 2 if function in READS else 5]
        if function in READS:
            _, said, _ = meaning(frames[0][2])
            assert read.values(bytearray(told), 0) == said[:count]
    assert taken > 1_000


def test_a_device_accepts_no_value_from_a_frame_that_is_not_its_answer() -> None:
    """Through socket, device and image: a value is GOOD only where the bytes are the answer to what was asked."""
    draw = random.Random(3)
    good = 0
    point = Point("x", 7, "input_register", 40, "uint32")
    for number in range(2_000):
        image = Image([Signal("x", "1", 0.0, 2.0**32, 0.0, 10**9)])
        near, far = socket.socketpair()
        device = ModbusTcpDevice("d", ModbusTcpSettings("h"), image, [(point, 0)], [], lambda: 0)
        device.adopt(near)
        with far:
            device.begin_read(0)
            asked = far.recv(100)
            tid = int.from_bytes(asked[:2], "big")
            value = draw.randrange(2**32)
            right = frame(tid, 7, struct.pack(">BBI", 4, 4, value))
            sent = right if number % 4 == 0 else damaged(draw, right)
            far.sendall(sent)
            if sent:
                device.on_ready()
            is_answer = sent.startswith(right[:9]) and len(sent) >= len(right)
            assert (image.quality[0] == GOOD) == is_answer
            if is_answer:
                good += 1
                assert image.values[0] == int.from_bytes(sent[9:13], "big")
            device.close()
    assert good > 400


@pytest.mark.parametrize("seed", range(4))
def test_any_registers_are_some_number_and_nothing_raises(seed: int) -> None:
    draw = random.Random(seed)
    names = ("int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")
    for _ in range(2_000):
        point = Point(
            "x", 1, "holding_register", draw.randrange(10), draw.choice(names),
            word_order=draw.choice(("high_first", "low_first")), byte_order=draw.choice(("big", "little")),
        )  # fmt: skip
        data = bytearray(draw.randbytes(2 * 20))
        (raw,) = BlockDecoder([point], 0, 20).decode(data, 0)
        ordered = data[2 * point.address : 2 * point.end]
        words = [bytes(ordered[at : at + 2]) for at in range(0, len(ordered), 2)]
        words = words[::-1] if point.word_order == "low_first" else words
        words = [word[::-1] if point.byte_order == "little" else word for word in words]
        (expected,) = struct.unpack(">" + point.data_type.code, b"".join(words))
        assert raw == expected or (raw != raw and expected != expected)


# Word orders of devices, FIELD.md 2 and 3: registers as they stand on the wire, and what they say.
DEVICES = [
    ("ABB ACS580 counter", "uint32", "low_first", (0x86A0, 0x0001), 100_000),
    ("Belimo flow, 11-12", "uint32", "low_first", (0x1170, 0x0000), 4464),
    ("SolarEdge energy", "uint32", "low_first", (0x4240, 0x000F), 1_000_000),
    ("Danfoss FC102 hours", "uint32", "high_first", (0x0001, 0x86A0), 100_000),
    ("Schneider energy", "uint32", "high_first", (0x000F, 0x4240), 1_000_000),
    ("Schneider power", "int32", "high_first", (0xFFFF, 0xFFFE), -2),
    ("ABB power", "int32", "low_first", (0xFFFE, 0xFFFF), -2),
    ("meter, as most", "float32", "high_first", (0x41E4, 0x0000), 28.5),
    ("SolarEdge", "float32", "low_first", (0x0000, 0x41E4), 28.5),
]


@pytest.mark.parametrize(
    ("device", "type_name", "word_order", "words", "value"), DEVICES, ids=[d[0] for d in DEVICES]
)
def test_word_orders_of_real_devices(
    device: str, type_name: str, word_order: str, words: tuple[int, ...], value: float
) -> None:
    point = Point(
        "x", 1, "holding_register", 0, type_name, word_order=word_order, access="rw", write="on_change"
    )
    data = bytearray(struct.pack(">2H", *words))
    assert BlockDecoder([point], 0, 2).decode(data, 0)[0] == value
    assert PointEncoder(point).encode(value) == words
    other = replace(point, word_order="low_first" if word_order == "high_first" else "high_first")
    assert BlockDecoder([other], 0, 2).decode(data, 0)[0] != value
