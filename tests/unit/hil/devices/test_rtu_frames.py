"""RTU frames against pymodbus, against the Altivar manual's frames, and against arbitrary bytes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer.rtu import FramerRTU
from pymodbus.pdu import DecodePDU

from hil.devices.wire.codec import (
    READ_FUNCTIONS,
    WRITE_COIL,
    WRITE_COILS,
    Request,
    encode_exception,
    encode_reply,
    encode_request,
)
from hil.devices.wire.rtu_frames import (
    ReplyCutter,
    crc16,
    from_tcp,
    reply_bytes,
    reply_prefix,
    sealed,
    silence_ns,
)

MS = 1_000_000
PATIENCE_NS = 20 * MS
ALTIVAR = (
    ("02 03 0C 1E 00 04 27 6C", "02 03 08 00 28 02 58 01 F4 00 00 52 B0"),
    ("02 06 23 29 00 0D 92 70", "02 06 23 29 00 0D 92 70"),
    ("02 10 23 29 00 02 04 00 14 00 1E 73 A4", "02 10 23 29 00 02 9B B7"),
)
ALTIVAR_REQUESTS = (
    Request(2, 3, 0x0C1E, 4),
    Request(2, 6, 0x2329, 1, (13,)),
    Request(2, 16, 0x2329, 2, (20, 30)),
)


def plain_crc(data: bytes) -> int:
    """CRC bit by bit, as the standard describes it."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


@st.composite
def requests(draw: st.DrawFn) -> Request:
    function = draw(st.sampled_from([1, 2, 3, 4, 5, 6, 15, 16]))
    count = 1 if function in (5, 6) else draw(st.integers(1, 100))
    top = 1 if function in (WRITE_COIL, WRITE_COILS) else 0xFFFF
    values = () if function in READ_FUNCTIONS else draw(st.tuples(*[st.integers(0, top)] * count))
    return Request(draw(st.integers(0, 255)), function, draw(st.integers(0, 65535 - count)), count, values)


@st.composite
def replies(draw: st.DrawFn) -> tuple[Request, bytes]:
    request = draw(requests())
    if draw(st.integers(0, 4)) == 0:
        return request, from_tcp(encode_exception(request, 0, draw(st.integers(1, 11))))
    top = 1 if request.function in (1, 2) else 0xFFFF
    is_read = request.function in READ_FUNCTIONS
    values = draw(st.tuples(*[st.integers(0, top)] * request.count)) if is_read else ()
    return request, from_tcp(encode_reply(request, 0, values))


@pytest.mark.parametrize(("request_", "frames"), list(zip(ALTIVAR_REQUESTS, ALTIVAR, strict=True)))
def test_the_frames_of_the_altivar_manual_byte_for_byte(request_: Request, frames: tuple[str, str]) -> None:
    asked, answered = map(bytes.fromhex, frames)
    assert from_tcp(encode_request(request_, 77)) == asked
    (reply,) = ReplyCutter(PATIENCE_NS).feed(answered, MS)
    assert sealed(reply.body) == answered
    assert reply.body.startswith(reply_prefix(asked))
    assert reply_bytes(asked) == len(answered)
    if request_.function == 3:
        assert [int.from_bytes(reply.body[at : at + 2], "big") for at in range(3, 11, 2)] == [40, 600, 500, 0]


@given(requests())
def test_requests_are_pymodbus_to_the_byte(request_: Request) -> None:
    tcp = encode_request(request_, 5)
    expected = FramerRTU(DecodePDU(is_server=True)).encode(tcp[7:], request_.unit_id, 0)
    assert from_tcp(tcp) == expected


@given(st.binary(max_size=300))
def test_the_crc_is_the_standard_s(data: bytes) -> None:
    assert crc16(data) == plain_crc(data)
    assert crc16(sealed(data)) == 0


@given(st.lists(replies(), min_size=1, max_size=4), st.randoms())
def test_replies_come_out_whatever_the_splits_and_lumps(
    given: list[tuple[Request, bytes]], chance: random.Random
) -> None:
    stream, cutter, out = b"".join(frame for _, frame in given), ReplyCutter(PATIENCE_NS), []
    now_ns = 0
    while stream:
        size = chance.randint(1, len(stream))
        now_ns += chance.randint(0, PATIENCE_NS)
        out += cutter.feed(stream[:size], now_ns)
        stream = stream[size:]
    assert [sealed(reply.body) for reply in out] == [frame for _, frame in given]
    assert cutter.bad_frames == 0
    for (request_, _), reply in zip(given, out, strict=True):
        asked = from_tcp(encode_request(request_, 0))
        assert reply.exception or reply.body.startswith(reply_prefix(asked))
        assert (reply.unit_id, reply.function) == (request_.unit_id, request_.function)


def test_a_frame_that_follows_noise_is_not_looked_for_before_the_line_was_silent() -> None:
    good, cutter = bytes.fromhex(ALTIVAR[0][1]), ReplyCutter(PATIENCE_NS)
    assert cutter.feed(b"\x00\xff\x13" + good, MS) == []
    assert cutter.feed(good, 2 * MS) == []
    assert (cutter.bad_frames, cutter.is_clean) == (1, False)
    assert len(cutter.feed(good, 2 * MS + PATIENCE_NS + 1)) == 1


def test_a_reply_cut_short_is_bad_when_the_line_has_been_silent() -> None:
    good, cutter = bytes.fromhex(ALTIVAR[0][1]), ReplyCutter(PATIENCE_NS)
    assert cutter.feed(good[:7], MS) == []
    cutter.silence(MS + PATIENCE_NS)
    assert cutter.bad_frames == 0
    cutter.silence(MS + PATIENCE_NS + 1)
    assert (cutter.bad_frames, cutter.is_clean) == (1, True)


def test_an_adapter_s_echo_is_left_out_once_and_a_write_s_acknowledgement_is_not() -> None:
    asked, answered = map(bytes.fromhex, ALTIVAR[1])
    cutter = ReplyCutter(PATIENCE_NS)
    cutter.expect_echo(asked)
    assert cutter.feed(asked[:3], MS) == []
    (reply,) = cutter.feed(asked[3:] + answered, 2 * MS)
    assert sealed(reply.body) == answered
    assert cutter.bad_frames == 0


def test_silence_is_three_and_a_half_characters_and_fixed_above_19200_baud() -> None:
    assert silence_ns(9600) == round(3.5 * 11 / 9600 * 1e9)
    assert silence_ns(19200) == round(3.5 * 11 / 19200 * 1e9)
    assert silence_ns(19201) == silence_ns(115200) == 1_750_000


def arbitrary(chance: random.Random) -> bytes:
    """Noise, or a good reply with some bits turned, bytes lost, added or cut off."""
    if chance.random() < 0.5:
        return chance.randbytes(chance.randint(0, 40))
    count = chance.randint(1, 8)
    body = bytes((chance.randint(1, 8), chance.choice((3, 4)), 2 * count)) + chance.randbytes(2 * count)
    data = bytearray(sealed(body))
    for _ in range(chance.randint(1, 3)):
        kind, at = chance.randint(0, 3), chance.randrange(len(data))
        if kind == 0:
            data[at] ^= 1 << chance.randint(0, 7)
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            data.insert(at, chance.randint(0, 255))
        else:
            del data[at]
        if not data:
            break
    return bytes(data)


def test_100_000_arbitrary_strings_raise_nothing_and_give_no_value_from_an_invalid_frame() -> None:
    chance, cutter, now_ns, found = random.Random(4), ReplyCutter(PATIENCE_NS), 0, 0
    for _ in range(100_000):
        data = arbitrary(chance)
        now_ns += 2 * PATIENCE_NS
        before = cutter.bad_frames
        out = cutter.feed(data, now_ns)
        cutter.silence(now_ns + PATIENCE_NS + 1)
        whole = b"".join(sealed(reply.body) for reply in out)
        assert data.startswith(whole)
        assert len(whole) == len(data) or cutter.bad_frames == before + 1
        assert cutter.is_clean
        for reply in out:
            found += 1
            assert plain_crc(sealed(reply.body)) == 0
            assert (
                reply.exception
                or reply.function not in READ_FUNCTIONS
                or reply.body[2] == len(reply.body) - 3
            )
    assert (
        found < 1000
    )  # a string that happens to be a frame: about one of 65,536, and changes that undo each other
