"""Prepared frames against pymodbus, through the codec that is on it: equal to the byte, both ways, every function."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.devices.wire import codec
from hil.devices.wire.codec import ReplyStream, Request, RequestStream
from hil.devices.wire.frames import ReadFrame, WriteFrame

TRANSACTION_IDS = st.integers(0, 65535)
UNIT_IDS = st.integers(0, 255)
READS, WRITES = sorted(codec.READ_FUNCTIONS), sorted(codec.FUNCTIONS - codec.READ_FUNCTIONS)


@st.composite
def spans(draw: st.DrawFn, functions: list[int]) -> tuple[int, int, int, int, list[int]]:
    """Unit, function, address, count, and as many values."""
    function = draw(st.sampled_from(functions))
    count = draw(st.integers(1, codec.MAX_COUNT[function]))
    address = draw(st.integers(0, 65536 - count))
    top = 1 if function in codec.BIT_FUNCTIONS else 65535
    seed = draw(st.lists(st.integers(0, top), min_size=1, max_size=16))
    return draw(UNIT_IDS), function, address, count, (seed * (count // len(seed) + 1))[:count]


@given(TRANSACTION_IDS, spans(READS), st.integers(0, 20))
def test_reads_are_equal_to_pymodbus_both_ways(
    tid: int, span: tuple[int, int, int, int, list[int]], before: int
) -> None:
    *what, values = span
    frame, request = ReadFrame(*what), Request(*what)
    assert frame.request(tid) == codec.encode_request(request, tid)
    reply = codec.encode_reply(request, tid, values)
    assert frame.reply_bytes == len(reply)
    buffer = bytearray(before) + reply
    assert frame.is_reply(buffer, before, tid)
    (decoded,) = ReplyStream().feed(reply)
    assert frame.values(buffer, before) == decoded.values[: request.count] == tuple(values)


@given(TRANSACTION_IDS, spans(WRITES), st.integers(0, 20))
def test_writes_are_equal_to_pymodbus_both_ways(
    tid: int, span: tuple[int, int, int, int, list[int]], before: int
) -> None:
    *what, values = span
    frame, request = WriteFrame(*what), Request(*what, tuple(values))
    sent = frame.request(tid, values)
    assert sent == codec.encode_request(request, tid)
    assert RequestStream().feed(sent) == [(tid, request)]
    reply = codec.encode_reply(request, tid)
    assert frame.reply_bytes == len(reply)
    assert frame.is_reply(bytearray(before) + reply, before, tid, values)


@given(TRANSACTION_IDS, spans(READS + WRITES), st.data())
def test_a_reply_with_one_bit_changed_before_its_data_is_not_taken(
    tid: int, span: tuple[int, int, int, int, list[int]], data: st.DataObject
) -> None:
    *what, values = span
    is_read = what[1] in codec.READ_FUNCTIONS
    request = Request(*what, () if is_read else tuple(values))
    reply = bytearray(codec.encode_reply(request, tid, values if is_read else ()))
    place = data.draw(st.integers(0, 8 if is_read else len(reply) - 1))
    reply[place] ^= 1 << data.draw(st.integers(0, 7))
    if is_read:
        assert not ReadFrame(*what).is_reply(reply, 0, tid)
    else:
        assert not WriteFrame(*what).is_reply(reply, 0, tid, values)


@given(TRANSACTION_IDS, spans(READS + WRITES), st.integers(1, 255))
def test_a_refusal_is_not_taken_for_an_answer(
    tid: int, span: tuple[int, int, int, int, list[int]], code: int
) -> None:
    *what, values = span
    reply = bytearray(codec.encode_exception(Request(*what), tid, code))
    if what[1] in codec.READ_FUNCTIONS:
        assert not ReadFrame(*what).is_reply(reply, 0, tid)
    else:
        assert not WriteFrame(*what).is_reply(reply, 0, tid, values)


@pytest.mark.parametrize("kind", [ReadFrame, WriteFrame])
@pytest.mark.parametrize(
    ("unit_id", "function", "address", "count", "why"),
    [
        (1, 7, 0, 1, "function 7"),
        (256, None, 0, 1, "unit id 256"),
        (1, None, 0, 0, "count 0"),
        (1, None, 0, 126, "count 126"),
        (1, None, 65535, 2, "address 65535"),
    ],
)
def test_impossible_frames_are_refused(
    kind: type[ReadFrame | WriteFrame], unit_id: int, function: int | None, address: int, count: int, why: str
) -> None:
    known = 3 if kind is ReadFrame else 16
    with pytest.raises(ValueError, match=why):
        kind(unit_id, function or known, address, count)


def test_a_read_does_not_write_nor_a_write_read() -> None:
    with pytest.raises(ValueError, match="reads nothing"):
        ReadFrame(1, 16, 0, 1)
    with pytest.raises(ValueError, match="writes nothing"):
        WriteFrame(1, 3, 0, 1)
