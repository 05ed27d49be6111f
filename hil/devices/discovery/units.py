"""Whether a unit answers, and what it says it is."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hil.devices.sunspec.chain import Chain, walk
from hil.devices.sunspec.models import model_of
from hil.devices.wire.codec import READ_HOLDING_REGISTERS, Reply, Request

NO_SUCH_UNIT = frozenset({10, 11})
"""Exceptions by which a gateway says that the unit behind it does not answer."""
_COMMON = 1
"""SunSpec's common model: who made it."""
_IDENTITY = ("Mn", "Md", "Vr", "SN")
TRIES = 2
"""A reply may get lost on a bus; a unit that is there answers one of two questions."""


class Asker(Protocol):
    """Blocking questions: a TCP connection or a serial line."""

    @property
    def out_of_time(self) -> bool:
        """Whether the time for the whole conversation has run out."""
        ...

    @property
    def wrong(self) -> str:
        """What was wrong with the reply to the last question; empty where it was right or none came."""
        ...

    def ask(self, request: Request, timeout_s: float) -> Reply | None:
        """Give the reply; None where none came in time, or a wrong one."""
        ...


@dataclass(frozen=True, slots=True)
class FoundUnit:
    """A unit that answers.

    Attributes
    ----------
    unit_id : int
        Its number.
    chain : Chain
        Its SunSpec models; none where it has no SunSpec.
    identity : tuple of str
        Maker, model, version, serial number, as its common model has them; empty texts for what it does not say.
    """

    unit_id: int
    chain: Chain
    identity: tuple[str, ...]

    @property
    def is_sunspec(self) -> bool:
        """Whether it has SunSpec models."""
        return bool(self.chain.models)


def find_unit(asker: Asker, unit_id: int, timeout_s: float) -> FoundUnit | None:
    """Ask one unit, each question within ``timeout_s`` (s); None where nobody answers under this number."""
    if not any(_is_there(asker, unit_id, timeout_s) for _ in range(TRIES)):
        return None
    chain = _walked(asker, unit_id, timeout_s)
    return FoundUnit(unit_id, chain, _identity(asker, unit_id, chain, timeout_s))


def read_registers(
    asker: Asker, unit_id: int, address: int, count: int, timeout_s: float
) -> Sequence[int] | None:
    """Give holding registers; None where they are refused or nobody answers."""
    reply = asker.ask(Request(unit_id, READ_HOLDING_REGISTERS, address, count), timeout_s)
    if reply is None or reply.exception or len(reply.values) != count:
        return None
    return reply.values


def _is_there(asker: Asker, unit_id: int, timeout_s: float) -> bool:
    # A refusal is an answer too: any function and any address will do to find out who is there.
    reply = asker.ask(Request(unit_id, READ_HOLDING_REGISTERS, 0, 1), timeout_s)
    return reply is not None and reply.exception not in NO_SUCH_UNIT


def _walked(asker: Asker, unit_id: int, timeout_s: float) -> Chain:
    steps = walk()
    ask = next(steps)
    while True:
        try:
            ask = steps.send(read_registers(asker, unit_id, ask.address, ask.count, timeout_s))
        except StopIteration as end:
            chain: Chain = end.value
            return chain


def _identity(asker: Asker, unit_id: int, chain: Chain, timeout_s: float) -> tuple[str, ...]:
    found = chain.model(_COMMON)
    if found is None:
        return ()
    texts = []
    for name in _IDENTITY:
        point = model_of(_COMMON, found.length).point(name)
        words = None
        if point is not None:
            words = read_registers(asker, unit_id, found.address + point.offset, point.registers, timeout_s)
        data = b"" if words is None else struct.pack(f">{len(words)}H", *words)
        texts.append(data.partition(b"\0")[0].decode("utf-8", "replace").strip())
    return tuple(texts)
