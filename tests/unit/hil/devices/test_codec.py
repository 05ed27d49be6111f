"""The codec: frames of real manuals, every split of the stream, and refusal of what is not Modbus."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.devices.wire import codec
from hil.devices.wire.codec import Reply, ReplyStream, Request, RequestStream

UNIT_IDS = st.integers(0, 255)
TRANSACTION_IDS = st.integers(0, 65535)


def mbap(pdu: bytes, transaction_id: int = 1, unit_id: int = 2) -> bytes:
    return struct.pack(">HHHB", transaction_id, 0, len(pdu) + 1, unit_id) + pdu


@st.composite
def requests(draw: st.DrawFn) -> Request:
    function = draw(st.sampled_from(sorted(codec.FUNCTIONS)))
    count = draw(st.integers(1, codec.MAX_COUNT[function]))
    address = draw(st.integers(0, 65536 - count))
    values: tuple[int, ...] = ()
    if function not in codec.READ_FUNCTIONS:
        top = 1 if function in codec.BIT_FUNCTIONS else 65535
        seed = draw(st.lists(st.integers(0, top), min_size=1, max_size=8))
        values = tuple((seed * (count // len(seed) + 1))[:count])
    return Request(draw(UNIT_IDS), function, address, count, values)


def split(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in itertools.pairwise(edges)]


# Frames of the Altivar manual (FIELD.md, 3) without their serial address and CRC.
ALTIVAR = [
    (Request(2, 3, 0x0C1E, 4), "030C1E0004", "03080028025801F40000", (0x28, 0x258, 0x1F4, 0)),
    (Request(2, 6, 0x2329, 1, (0x0D,)), "062329000D", "062329000D", (0x2329, 0x0D)),
    (Request(2, 16, 0x2329, 2, (0x14, 0x1E)), "102329000204 0014001E", "1023290002", (0x2329, 2)),
]


@pytest.mark.parametrize(("request_", "asked", "answered", "values"), ALTIVAR)
def test_altivar_manual_frames(request_: Request, asked: str, answered: str, values: tuple[int, ...]) -> None:
    assert codec.encode_request(request_, 1) == mbap(bytes.fromhex(asked))
    assert ReplyStream().feed(mbap(bytes.fromhex(answered))) == [Reply(1, 2, request_.function, values)]
    read = values if request_.function == 3 else ()
    assert codec.encode_reply(request_, 1, read) == mbap(bytes.fromhex(answered))


@given(
    st.lists(st.tuples(TRANSACTION_IDS, requests()), min_size=1, max_size=4), st.lists(st.integers(0, 2000))
)
def test_requests_survive_any_split(asked: list[tuple[int, Request]], cuts: list[int]) -> None:
    stream = b"".join(codec.encode_request(request, tid) for tid, request in asked)
    server = RequestStream()
    seen = [item for part in split(stream, cuts) for item in server.feed(part)]
    assert seen == asked
    assert server.broken == ""
    assert server.pending_bytes == 0


@given(TRANSACTION_IDS, requests(), st.integers(0, 1), st.lists(st.integers(0, 600), max_size=5))
def test_replies_survive_any_split(tid: int, request_: Request, value: int, cuts: list[int]) -> None:
    read = [value] * request_.count if request_.function in codec.READ_FUNCTIONS else []
    client = ReplyStream()
    frame = codec.encode_reply(request_, tid, read)
    replies = [reply for part in split(frame * 2, cuts) for reply in client.feed(part)]
    assert len(replies) == 2
    reply = replies[0]
    assert (reply.transaction_id, reply.unit_id, reply.function) == (tid, request_.unit_id, request_.function)
    if read:
        assert list(reply.values[: request_.count]) == read
    elif request_.function in codec.SINGLE_WRITES:
        assert reply.values == (request_.address, request_.values[0])
    else:
        assert reply.values == (request_.address, request_.count)


@given(TRANSACTION_IDS, requests(), st.integers(1, 255))
def test_exception_round_trip(tid: int, request_: Request, code: int) -> None:
    frame = codec.encode_exception(request_, tid, code)
    assert ReplyStream().feed(frame) == [Reply(tid, request_.unit_id, request_.function, (), code)]


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_garbage_never_raises(first: bytes, second: bytes) -> None:
    for stream in (ReplyStream(), RequestStream()):
        stream.feed(first)
        stream.feed(second)
        if stream.broken:
            good = codec.encode_exception(Request(1, 3, 0, 1), 1, 2)
            assert stream.feed(good) == [], "nothing after a break may be believed"


def test_a_short_reply_does_not_take_a_byte_of_the_next() -> None:
    # pymodbus 3.16.1's own framer swallows the ninth byte here.
    empty_pdu = mbap(b"\x03")
    following = mbap(bytes.fromhex("8302"), transaction_id=7)
    server = RequestStream()
    seen = server.feed(empty_pdu + following[:1]) + server.feed(following[1:])
    assert [tid for tid, _ in seen] == [1, 7]


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "protocol id"),
        (struct.pack(">HHHB", 1, 0, 1, 2), "length 1"),
        (struct.pack(">HHHB", 1, 0, 255, 2), "length 255"),
        (mbap(bytes.fromhex("0304000A")), "malformed"),
        (mbap(bytes.fromhex("030300010A")), "malformed"),
        (mbap(bytes.fromhex("0300")), "malformed"),
        (mbap(bytes.fromhex("06232900")), "malformed"),
        (mbap(bytes.fromhex("83")), "malformed"),
        (mbap(bytes.fromhex("8300")), "malformed"),
        (mbap(bytes.fromhex("6301")), "malformed"),
    ],
)
def test_what_is_no_reply_breaks_the_stream(frame: bytes, why: str) -> None:
    client = ReplyStream()
    assert client.feed(frame) == []
    assert why in client.broken


@pytest.mark.parametrize(
    "pdu",
    [
        "0300000000",
        "030000007E",
        "0500000001",
        "10000000020400010002FF",
        "1000000002020001",
        "0F0000000901FF",
        "03",
    ],
)
def test_malformed_requests_have_no_count(pdu: str) -> None:
    ((_, request_),) = RequestStream().feed(mbap(bytes.fromhex(pdu)))
    assert (request_.count, request_.values) == (0, ())
    assert request_.function == int(pdu[:2], 16)


def test_unknown_function_reaches_the_server_to_be_refused() -> None:
    ((tid, request_),) = RequestStream().feed(mbap(bytes.fromhex("2B0E0100")))
    assert ReplyStream().feed(codec.encode_exception(request_, tid, 1)) == [Reply(1, 2, 0x2B, (), 1)]


@pytest.mark.parametrize(
    "request_",
    [
        Request(1, 7, 0, 1),
        Request(256, 3, 0, 1),
        Request(1, 3, 0, 0),
        Request(1, 3, 0, 126),
        Request(1, 3, 65535, 2),
        Request(1, 3, -1, 1),
        Request(1, 6, 0, 1),
        Request(1, 16, 0, 2, (1,)),
        Request(1, 16, 0, 1, (65536,)),
        Request(1, 6, 0, 1, (-1,)),
        Request(1, 5, 0, 1, (2,)),
    ],
)
def test_illegal_requests_are_not_encoded(request_: Request) -> None:
    with pytest.raises(ValueError, match=r"function|unit id|count|address|values|value"):
        codec.encode_request(request_, 1)


def test_reply_must_match_the_count() -> None:
    with pytest.raises(ValueError, match="2 values for a read of 3"):
        codec.encode_reply(Request(1, 3, 0, 3), 1, [1, 2])


def test_exceptions_have_words() -> None:
    assert "no such register" in codec.exception_in_words(2)
    assert "99" in codec.exception_in_words(99)
