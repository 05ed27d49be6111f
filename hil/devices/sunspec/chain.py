"""Finding the models of a device: the mark "SunS", then model after model to the end of the chain.

The walk knows no wire. It asks for registers by yielding :class:`Ask` and is sent the registers, or None where the
device refuses them or does not answer; so the same walk serves a TCP device, a serial unit and a test.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from hil.devices.sunspec.models import HEAD_REGISTERS

MARK = (0x5375, 0x6E53)
"""The letters SunS."""
BASES = (40000, 50000, 0)
"""Zero-based addresses where the mark may stand (SunSpec Device Information Model Specification)."""
END = 0xFFFF
"""ID of the end of the chain; its length is 0."""
MOST_MODELS = 100
_LAST_ADDRESS = 65535


@dataclass(frozen=True, slots=True)
class Ask:
    """Holding registers wanted: zero-based address and how many."""

    address: int
    count: int


@dataclass(frozen=True, slots=True)
class Found:
    """One model of the chain: its number, the address of its ID register, and its length L."""

    id: int
    address: int
    length: int

    @property
    def end(self) -> int:
        """First address after it."""
        return self.address + HEAD_REGISTERS + self.length


@dataclass(frozen=True, slots=True)
class Chain:
    """What was found.

    Attributes
    ----------
    base : int or None
        Address of the mark; None where there is none: then it is no SunSpec device.
    models : tuple of Found
        In the order of the chain.
    trouble : str
        Why the walk ended before the end of the chain; empty where it did not.
    """

    base: int | None
    models: tuple[Found, ...]
    trouble: str = ""

    def model(self, model_id: int) -> Found | None:
        """Give the first model of this number, or None."""
        return next((model for model in self.models if model.id == model_id), None)


Walk = Generator[Ask, Sequence[int] | None, Chain]


def walk(bases: Sequence[int] = BASES) -> Walk:
    """Find the mark at one of ``bases`` and follow the chain from there."""
    for base in bases:
        registers = yield Ask(base, len(MARK))
        if registers is not None and tuple(registers) == MARK:
            return (yield from _follow(base))
    return Chain(None, (), f"no SunS at {', '.join(map(str, bases))}")


def _follow(base: int) -> Walk:
    models: list[Found] = []
    address = base + len(MARK)
    while len(models) < MOST_MODELS:
        if address + HEAD_REGISTERS > _LAST_ADDRESS + 1:
            return Chain(base, tuple(models), f"the chain runs beyond address {_LAST_ADDRESS} without an end")
        registers = yield Ask(address, HEAD_REGISTERS)
        if registers is None:
            return Chain(base, tuple(models), f"no answer for the head of a model at {address}")
        model_id, length = registers
        if model_id == END:
            return Chain(base, tuple(models))
        if model_id == 0 or length == 0:
            what = f"no head of a model at {address}: ID {model_id}, length {length}"
            return Chain(base, tuple(models), what)
        models.append(Found(model_id, address, length))
        address = models[-1].end
    return Chain(base, tuple(models), f"more than {MOST_MODELS} models without an end")
