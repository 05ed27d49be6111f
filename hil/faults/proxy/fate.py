"""What becomes of one frame: decided by seed, number of the frame and the faults in force, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from hil.faults.proxy.draw import Draw
from hil.faults.proxy.frames import HEADER_BYTES, refusal, with_bits_flipped, with_transaction_moved

Direction = Literal["request", "reply"]
Part = Literal["header", "data", "any"]
FaultKind = Literal[
    "delay", "jitter", "drop", "late", "duplicate", "truncate", "corrupt", "wrong_transaction", "byte_at_a_time",
    "exception", "half_open", "reset",
]  # fmt: skip
_NEAR = 8
"""How far a wrong transaction id is from the right one: among those that the client has just used, or will."""


@dataclass(frozen=True, slots=True)
class BusFault:
    """One fault of a bus.

    Attributes
    ----------
    kind : str
        One of :data:`FAULT_KINDS`.
    probability : float
        Share of the frames that it befalls, above 0, at most 1.
    direction : str
        ``reply``: what the device sends; ``request``: what the loop sends. An exception is always of a request.
    delay_s : float
        ``delay``: of the frame and all behind it; ``jitter``: the most of that; ``late``: of the frame alone, the
        others pass it; ``byte_at_a_time``: from byte to byte, s.
    bits : int
        ``corrupt``: bits that are flipped.
    part : str
        ``corrupt``: ``header`` (up to the function), ``data``, or ``any``. Modbus TCP has no checksum: no client can
        tell that data were changed, unless the value leaves its range.
    code : int
        ``exception``: exception code.
    """

    kind: FaultKind
    probability: float = 1.0
    direction: Direction = "reply"
    delay_s: float = 0.0
    bits: int = 1
    part: Part = "header"
    code: int = 6


@dataclass(frozen=True, slots=True)
class Fate:
    """What a frame comes to.

    Attributes
    ----------
    pieces : tuple of bytes
        What is sent on, in this order.
    wait_s : float
        Before the first piece, s; what follows on the stream waits behind it.
    gap_s : float
        From one piece to the next, s.
    aside_s : float
        The pieces leave the stream and are sent so much later, s; what follows passes them. 0: they stay in it.
    answer : bytes
        Sent back to who sent the frame, in its place.
    is_cut : bool
        The pieces are only a beginning of the frame.
    end : str
        ``reset`` or ``half_open`` where the connection ends with it.
    hits : tuple of int
        The faults that befell it.
    """

    pieces: tuple[bytes, ...]
    wait_s: float = 0.0
    gap_s: float = 0.0
    aside_s: float = 0.0
    answer: bytes = b""
    is_cut: bool = False
    end: Literal["", "reset", "half_open"] = ""
    hits: tuple[int, ...] = ()


def decide(
    frame: bytes, number: int, direction: Direction, faults: Iterable[tuple[int, BusFault]], seed: int
) -> Fate:
    """Give the fate of the ``number``-th frame of its direction; ``faults`` are those in force, with their numbers.

    Faults befall a frame each by itself, in their order, and what several do adds up.
    """
    fate = Fate((frame,))
    for index, fault in faults:
        if direction != ("request" if fault.kind == "exception" else fault.direction):
            continue
        draw = Draw(seed, index, number)
        if draw.unit() < fault.probability:
            fate = replace(_EFFECTS[fault.kind](fate, fault, draw), hits=(*fate.hits, index))
    return fate


_Effect = Callable[[Fate, BusFault, Draw], Fate]


def _delay(fate: Fate, fault: BusFault, _draw: Draw) -> Fate:
    return replace(fate, wait_s=fate.wait_s + fault.delay_s)


def _jitter(fate: Fate, fault: BusFault, draw: Draw) -> Fate:
    return replace(fate, wait_s=fate.wait_s + fault.delay_s * draw.unit())


def _late(fate: Fate, fault: BusFault, _draw: Draw) -> Fate:
    return replace(fate, aside_s=fate.aside_s + fault.delay_s)


def _drop(fate: Fate, _fault: BusFault, _draw: Draw) -> Fate:
    return replace(fate, pieces=())


def _duplicate(fate: Fate, _fault: BusFault, _draw: Draw) -> Fate:
    return replace(fate, pieces=fate.pieces * 2)


def _truncate(fate: Fate, _fault: BusFault, draw: Draw) -> Fate:
    whole = b"".join(fate.pieces)
    if len(whole) < 2:
        return fate
    return replace(fate, pieces=(whole[: 1 + draw.below(len(whole) - 1)],), is_cut=True)


def _corrupt(fate: Fate, fault: BusFault, draw: Draw) -> Fate:
    whole = b"".join(fate.pieces)
    head = min(HEADER_BYTES, len(whole))
    first = head if fault.part == "data" and len(whole) > head else 0
    last = head if fault.part == "header" else len(whole)
    if last <= first:
        return fate
    places: set[int] = set()
    while len(places) < min(fault.bits, 8 * (last - first)):
        places.add(8 * first + draw.below(8 * (last - first)))
    return replace(fate, pieces=(with_bits_flipped(whole, places),))


def _wrong_transaction(fate: Fate, _fault: BusFault, draw: Draw) -> Fate:
    by = 1 + draw.below(_NEAR)
    by = -by if draw.below(2) else by
    return replace(fate, pieces=tuple(with_transaction_moved(piece, by) for piece in fate.pieces))


def _byte_at_a_time(fate: Fate, fault: BusFault, _draw: Draw) -> Fate:
    whole = b"".join(fate.pieces)
    return replace(fate, pieces=tuple(bytes([byte]) for byte in whole), gap_s=fault.delay_s)


def _exception(fate: Fate, fault: BusFault, _draw: Draw) -> Fate:
    whole = b"".join(fate.pieces)
    return replace(fate, pieces=(), answer=refusal(whole, fault.code)) if len(whole) >= HEADER_BYTES else fate


def _half_open(fate: Fate, _fault: BusFault, _draw: Draw) -> Fate:
    return fate if fate.end else replace(fate, pieces=(), answer=b"", end="half_open")


def _reset(fate: Fate, _fault: BusFault, _draw: Draw) -> Fate:
    return replace(fate, pieces=(), answer=b"", end="reset")


_EFFECTS: dict[FaultKind, _Effect] = {
    "delay": _delay,
    "jitter": _jitter,
    "drop": _drop,
    "late": _late,
    "duplicate": _duplicate,
    "truncate": _truncate,
    "corrupt": _corrupt,
    "wrong_transaction": _wrong_transaction,
    "byte_at_a_time": _byte_at_a_time,
    "exception": _exception,
    "half_open": _half_open,
    "reset": _reset,
}
FAULT_KINDS = tuple(_EFFECTS)
"""What can befall a frame, or with it the connection."""
