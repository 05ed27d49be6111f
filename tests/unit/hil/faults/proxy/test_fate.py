"""The proxy's choices, without a socket and with the time as an argument."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.faults.proxy.conversation import Conversation
from hil.faults.proxy.draw import Draw
from hil.faults.proxy.fate import FAULT_KINDS, BusFault, Direction, decide
from hil.faults.proxy.frames import FrameCutter, refusal, with_transaction_moved

REQUEST = bytes.fromhex("0102 0000 0006 11 03 006b 0003")
REPLY = bytes.fromhex("0102 0000 0009 11 03 06 022b 0000 0064")


def numbered(number: int) -> bytes:
    return number.to_bytes(2, "big") + REPLY[2:]


class Book:
    """A ledger in memory; ``on`` are the faults in force."""

    def __init__(self, *on: int) -> None:
        self.on = list(on)
        self.seen: Counter[str] = Counter()
        self.hits: Counter[int] = Counter()

    def number(self, direction: Direction) -> int:
        self.seen[direction] += 1
        return self.seen[direction] - 1

    def in_force(self) -> list[int]:
        return self.on

    def hit(self, fault: int) -> None:
        self.hits[fault] += 1


def fate(fault: BusFault, number: int = 0, frame: bytes = REPLY, direction: Direction = "reply"):
    return decide(frame, number, direction, [(0, fault)], seed=7)


@given(st.lists(st.binary(min_size=2, max_size=254), max_size=6), st.data())
def test_frames_are_cut_whatever_the_splits(bodies: list[bytes], data: st.DataObject) -> None:
    frames = [b"\x00\x01\x00\x00" + len(body).to_bytes(2, "big") + body for body in bodies]
    stream, cutter, found = b"".join(frames), FrameCutter(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += cutter.feed(stream[:size])
        stream = stream[size:]
    assert found == frames
    assert not cutter.opaque


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8))
def test_what_is_no_modbus_passes_unchanged(chunks: list[bytes]) -> None:
    cutter = FrameCutter()
    found = b"".join(
        frame for chunk in (b"\x00\x01\x00\x09\x00\x06", *chunks) for frame in cutter.feed(chunk)
    )
    assert found == b"\x00\x01\x00\x09\x00\x06" + b"".join(chunks)
    assert cutter.opaque


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_the_nth_fate_depends_on_seed_and_n_alone(kind: str) -> None:
    fault = BusFault(kind, probability=0.05, delay_s=0.01)
    direction: Direction = "request" if kind == "exception" else "reply"
    frame = REQUEST if kind == "exception" else REPLY
    ordered = [fate(fault, n, frame, direction) for n in range(2000)]
    backwards = [fate(fault, n, frame, direction) for n in reversed(range(2000))]
    assert ordered == backwards[::-1]
    hit = [n for n, told in enumerate(ordered) if told.hits]
    assert 60 < len(hit) < 140  # 100 of 2000 expected; the choice is fixed, so this is no matter of luck
    other = [n for n in range(2000) if decide(frame, n, direction, [(0, fault)], seed=8).hits]
    assert other != hit
    second = [n for n in range(2000) if decide(frame, n, direction, [(1, fault)], seed=7).hits]
    assert second != hit


def test_a_frame_that_no_fault_befalls_is_untouched() -> None:
    missed = decide(REPLY, 0, "reply", [(0, BusFault("drop", direction="request"))], seed=1)
    assert (missed.pieces, missed.hits, missed.end, missed.wait_s) == ((REPLY,), (), "", 0.0)
    assert decide(REQUEST, 0, "request", [(0, BusFault("drop", direction="request"))], seed=1).pieces == ()


def test_what_each_fault_does_to_a_frame() -> None:
    assert fate(BusFault("drop")).pieces == ()
    assert fate(BusFault("delay", delay_s=0.2)).wait_s == 0.2
    assert 0 <= fate(BusFault("jitter", delay_s=0.2)).wait_s < 0.2
    assert len({fate(BusFault("jitter", delay_s=0.2), n).wait_s for n in range(20)}) == 20
    assert fate(BusFault("late", delay_s=0.2)).aside_s == 0.2
    assert fate(BusFault("duplicate")).pieces == (REPLY, REPLY)
    bytewise = fate(BusFault("byte_at_a_time", delay_s=0.001))
    assert (b"".join(bytewise.pieces), bytewise.gap_s) == (REPLY, 0.001)
    assert len(bytewise.pieces) == len(REPLY)
    assert fate(BusFault("reset")).end == "reset"
    assert fate(BusFault("half_open")).end == "half_open"


def test_truncation_leaves_a_beginning_and_never_the_whole() -> None:
    for number in range(200):
        (piece,) = fate(BusFault("truncate"), number).pieces
        assert 1 <= len(piece) < len(REPLY)
        assert REPLY.startswith(piece)


@pytest.mark.parametrize(("part", "first", "last"), [("header", 0, 8), ("data", 8, 15), ("any", 0, 15)])
@pytest.mark.parametrize("bits", [1, 2, 5])
def test_corruption_flips_so_many_bits_where_it_is_told(part: str, first: int, last: int, bits: int) -> None:
    touched = set()
    for number in range(300):
        (piece,) = fate(BusFault("corrupt", part=part, bits=bits), number).pieces
        changed = [a ^ b for a, b in zip(piece, REPLY, strict=True)]
        assert sum(byte.bit_count() for byte in changed) == bits
        touched |= {place for place, byte in enumerate(changed) if byte}
    assert touched == set(range(first, last))


def test_a_wrong_transaction_is_near_the_right_one_and_never_it() -> None:
    moves = set()
    for number in range(300):
        (piece,) = fate(BusFault("wrong_transaction"), number).pieces
        assert piece[2:] == REPLY[2:]
        moves.add(int.from_bytes(piece[:2], "big") - 0x0102)
    assert moves == {*range(-8, 0), *range(1, 9)}
    assert with_transaction_moved(b"\x00\x00rest", -1) == b"\xff\xffrest"


def test_an_exception_answers_in_place_of_the_device() -> None:
    told = fate(BusFault("exception", code=11), frame=REQUEST, direction="request")
    assert told.pieces == ()
    assert told.answer == bytes.fromhex("0102 0000 0003 11 83 0b") == refusal(REQUEST, 11)
    assert fate(BusFault("exception", code=11)).pieces == (REPLY,)


def test_faults_add_up_in_their_order() -> None:
    faults = [
        (0, BusFault("delay", delay_s=0.1)),
        (1, BusFault("duplicate")),
        (2, BusFault("delay", delay_s=0.2)),
    ]
    told = decide(REPLY, 0, "reply", faults, seed=1)
    assert told.wait_s == pytest.approx(0.3)
    assert told.pieces == (REPLY, REPLY)
    assert told.hits == (0, 1, 2)


def test_a_late_reply_lets_the_others_pass_and_a_delayed_one_does_not() -> None:
    book = Book(0)
    talk = Conversation([BusFault("late", delay_s=1.0), BusFault("delay", delay_s=1.0)], 1, book)
    talk.take("reply", numbered(1), 10.0)
    book.on = []
    talk.take("reply", numbered(2), 10.1)
    assert talk.due(10.1) == [("reply", numbered(2))]
    assert talk.next_s == 11.0
    assert talk.due(10.9) == []
    assert talk.due(11.0) == [("reply", numbered(1))]
    book.on = [1]
    talk.take("reply", numbered(3), 20.0)
    book.on = []
    talk.take("reply", numbered(4), 20.1)
    assert talk.due(20.9) == []
    assert talk.due(21.0) == [("reply", numbered(3)), ("reply", numbered(4))]


def test_bytes_one_at_a_time_are_spread_and_hold_up_what_follows() -> None:
    book = Book(0)
    talk = Conversation([BusFault("byte_at_a_time", delay_s=0.5)], 1, book)
    talk.take("reply", REPLY, 0.0)
    book.on = []
    talk.take("reply", numbered(9), 0.25)
    assert talk.due(0.49) == [("reply", REPLY[:1])]
    assert talk.due(1.0) == [("reply", REPLY[1:2]), ("reply", REPLY[2:3])]
    rest = b"".join(data for _, data in talk.due(0.5 * (len(REPLY) - 1)))
    assert rest == REPLY[3:] + numbered(9)


def test_a_late_frame_never_comes_into_the_middle_of_another() -> None:
    book = Book(0)
    talk = Conversation([BusFault("late", delay_s=1.0), BusFault("byte_at_a_time", delay_s=0.1)], 1, book)
    talk.take("reply", numbered(1), 0.0)
    talk.take("reply", numbered(2), 0.05)
    book.on = [1]
    talk.take("reply", numbered(3), 0.9)  # 15 bytes: from 0.9 to 2.3 s
    book.on = []
    talk.take("reply", numbered(4), 1.0)
    sent = [data for at in range(40) for _, data in talk.due(at / 10)]
    assert b"".join(sent) == numbered(3) + numbered(1) + numbered(2) + numbered(4)
    assert talk.next_s is None


def test_nothing_follows_a_cut_reply_before_the_next_request() -> None:
    """Or its rest would be made of what follows, and a client that waits for it would take it."""
    book = Book(0)
    talk = Conversation([BusFault("late", delay_s=1.0), BusFault("truncate")], 1, book)
    talk.take("reply", numbered(1), 0.0)
    book.on = [1]
    talk.take("reply", numbered(2), 0.5)
    book.on = []
    (cut,) = talk.due(0.5)
    assert numbered(2).startswith(cut[1])
    talk.take("reply", numbered(3), 0.6)
    assert talk.due(9.0) == []
    talk.take("request", REQUEST, 10.0)
    assert talk.due(10.0) == [("reply", numbered(3)), ("reply", numbered(1)), ("request", REQUEST)]


def test_a_half_open_connection_swallows_everything_until_the_fault_is_over() -> None:
    book = Book(0)
    talk = Conversation([BusFault("half_open")], 1, book)
    talk.take("request", REQUEST, 0.0)
    assert talk.due(0.0) == [("request", REQUEST)]
    talk.take("reply", REPLY, 0.1)
    talk.take("request", REQUEST, 0.2)
    assert (talk.is_dead, talk.is_reset, talk.due(9.0)) == (True, False, [])
    book.on = []
    talk.take("request", REQUEST, 10.0)
    assert talk.is_reset


def test_a_reset_takes_with_it_what_was_on_its_way() -> None:
    book = Book(0)
    talk = Conversation([BusFault("late", delay_s=1.0), BusFault("reset")], 1, book)
    talk.take("reply", numbered(1), 0.0)
    book.on = [1]
    talk.take("reply", numbered(2) + numbered(3), 0.1)
    assert talk.is_reset
    assert talk.due(9.0) == []
    assert book.seen["reply"] == 2  # the third was never looked at


def test_every_frame_is_counted_and_every_fault_with_it() -> None:
    book = Book(0, 1)
    talk = Conversation([BusFault("drop", 0.2), BusFault("duplicate", 0.2)], 3, book)
    for number in range(1000):
        talk.take("reply", numbered(number), float(number))
    sent = [data for _, data in talk.due(2000.0)]
    dropped = [n for n in range(1000) if numbered(n) not in sent]
    assert book.seen == {"reply": 1000}
    assert book.hits[0] == len(dropped) > 100
    assert book.hits[1] > 100


@given(st.integers(0, 2**63), st.integers(0, 20), st.integers(0, 2**40), st.integers(1, 4000))
def test_draws_are_the_same_each_time_and_within_bounds(
    seed: int, fault: int, number: int, count: int
) -> None:
    one, two = Draw(seed, fault, number), Draw(seed, fault, number)
    assert 0.0 <= one.unit() < 1.0
    two.unit()
    assert one.below(count) == two.below(count) < count


def test_draws_are_spread_evenly() -> None:
    shares = Counter(int(Draw(1, 0, number).unit() * 20) for number in range(20_000))
    assert len(shares) == 20
    assert all(850 < share < 1150 for share in shares.values())
