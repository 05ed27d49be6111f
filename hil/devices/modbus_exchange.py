"""Requests of a device that wait for their reply: blocks read, cells written, the heartbeat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hil.config.points import Point
from hil.config.units import affine
from hil.devices.wire.coalesce import Block, Cell
from hil.devices.wire.codec import (
    READ_COILS,
    READ_DISCRETE_INPUTS,
    SINGLE_WRITES,
    WRITE_COIL,
    WRITE_COILS,
    WRITE_REGISTER,
    WRITE_REGISTERS,
    Reply,
    Request,
    encode_request,
)
from hil.devices.wire.values import BitDecoder, BlockDecoder, PointEncoder, Refusal
from hil.loop.image import BAD, Image

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Binding:
    """A point and the slot of its signal in the image."""

    point: Point
    slot: int


class ReadExchange:
    """One block read, each value straight into the image.

    The frame is encoded once; only the transaction id changes from cycle to cycle.
    """

    __slots__ = (
        "_body", "_decode", "_expected", "_image", "_targets", "bindings", "block", "function",
        "probe_ns", "refused", "unit_id",
    )  # fmt: skip

    def __init__(self, block: Block, bindings: Sequence[Binding], image: Image) -> None:
        self.block, self.bindings = block, bindings
        self.unit_id, self.function = block.unit_id, block.function
        self.refused = 0
        self.probe_ns = 0
        self._image = image
        self._body = encode_request(Request(block.unit_id, block.function, block.address, block.count), 0)[2:]
        members = [bindings[member] for member in block.members]
        points = [member.point for member in members]
        self._decode: Callable[[Sequence[int]], Sequence[float]]
        if block.function in (READ_COILS, READ_DISCRETE_INPUTS):
            self._decode = BitDecoder(points, block.address).decode
            self._expected = (block.count + 7) // 8 * 8
        else:
            self._decode = BlockDecoder(points, block.address, block.count).decode
            self._expected = block.count
        self._targets = [(member.slot, *_read_line(member, image)) for member in members]

    def frame(self, transaction_id: int) -> bytes:
        """Give the bytes to send."""
        return transaction_id.to_bytes(2, "big") + self._body

    def fits(self, reply: Reply) -> bool:
        """Whether a reply has the shape of this request's answer."""
        return len(reply.values) == self._expected

    def take(self, reply: Reply, received_ns: int) -> int:
        """Put the values into the image; gives how many it refused."""
        accept = self._image.accept
        rejected = 0
        for (slot, gain, offset), raw in zip(self._targets, self._decode(reply.values), strict=True):
            rejected += not accept(slot, raw * gain + offset, received_ns)
        return rejected

    def mark_bad(self) -> None:
        """Mark the block's signals BAD: the device says it has no value for them."""
        for slot, _, _ in self._targets:
            self._image.quality[slot] = BAD

    def part(self, block: Block) -> ReadExchange:
        """Make the exchange of a part of this block."""
        return ReadExchange(block, self.bindings, self._image)

    def names(self) -> str:
        """Name the block's signals for a person."""
        return ", ".join(self.bindings[member].point.signal for member in self.block.members)


def _read_line(member: Binding, image: Image) -> tuple[float, float]:
    """Give (gain, offset): signal in its unit = raw x gain + offset."""
    point = member.point
    factor, shift = affine(point.unit, image.signals[member.slot].unit)
    return point.scale * factor, point.offset * factor + shift


class WriteCell:
    """What is written as one: a number, or all written bits of a word. Knows what the device last confirmed.

    Attributes
    ----------
    alone : bool
        Whether it must not share a request, since a request with it was refused.
    refused : int
        Exception code of the last refusal; 0 once it is taken.
    words : tuple of int
        What to send, from the last :meth:`prepare`.
    """

    __slots__ = (
        "_confirmed", "_confirmed_ns", "_confirmed_value", "_deadband", "_every_cycle", "_image", "_parts",
        "_refresh_ns", "_value", "address", "alone", "count", "names", "refused", "table",
        "words",
    )  # fmt: skip

    def __init__(self, cell: Cell, bindings: Sequence[Binding], image: Image) -> None:
        members = [bindings[member] for member in cell.members]
        points = [member.point for member in members]
        self.address, self.count = cell.address, cell.count
        self.table = points[0].table
        self.names = ", ".join(point.signal for point in points)
        self.alone = False
        self.refused = 0
        self.words: tuple[int, ...] = ()
        self._image = image
        self._parts = [
            (
                PointEncoder(m.point),
                m.slot,
                *affine(image.signals[m.slot].unit, m.point.unit),
                m.point.bit or 0,
            )
            for m in members
        ]
        self._every_cycle = any(point.write == "every_cycle" for point in points)
        self._deadband = points[0].deadband if len(points) == 1 else 0.0
        refreshes_s = [point.refresh_s for point in points if point.refresh_s is not None]
        self._refresh_ns = int(min(refreshes_s) * _NS_PER_S) if refreshes_s else 0
        self._value = 0.0
        self._confirmed: tuple[int, ...] | None = None
        self._confirmed_value = 0.0
        self._confirmed_ns = 0

    def prepare(self) -> Refusal | None:
        """Encode the image's values into ``words``; gives why not, where one cannot be sent."""
        word = 0
        for encoder, slot, factor, shift, bit in self._parts:
            self._value = self._image.values[slot] * factor + shift
            words = encoder.encode(self._value)
            if isinstance(words, Refusal):
                return words
            if encoder.point.bit is None:
                self.words = words
                return None
            word |= words[0] << bit
        self.words = (word,)
        return None

    def due(self, now_ns: int) -> bool:
        """Whether the prepared words are to be sent at loop time ``now_ns``."""
        if self._every_cycle or self._confirmed is None:
            return True
        if self._refresh_ns and now_ns - self._confirmed_ns >= self._refresh_ns:
            return True
        if self.words == self._confirmed:
            return False
        return not self._deadband or abs(self._value - self._confirmed_value) >= self._deadband

    def confirm(self, now_ns: int) -> None:
        """Note that the device has acknowledged the words."""
        self._confirmed, self._confirmed_value, self._confirmed_ns = self.words, self._value, now_ns
        self.refused = 0

    def forget(self) -> None:
        """Note that what the device holds is not known: due again whatever the policy."""
        self._confirmed = None


class WriteExchange:
    """Consecutive cells written in one request. ``heartbeat`` marks the one that is not a value."""

    __slots__ = ("_reply", "_request", "cells", "function", "heartbeat", "unit_id")

    def __init__(self, unit_id: int, function: int, cells: Sequence[WriteCell]) -> None:
        values = tuple(word for cell in cells for word in cell.words)
        self._set(Request(unit_id, function, cells[0].address, len(values), values))
        self.cells = cells
        self.heartbeat = False

    @classmethod
    def of_heartbeat(cls, point: Point, count: int, function: int) -> WriteExchange:
        """Write ``count`` (0 to 65535) into the heartbeat register."""
        exchange = cls.__new__(cls)
        exchange._set(Request(point.unit_id, function, point.address, 1, (count,)))
        exchange.cells = ()
        exchange.heartbeat = True
        return exchange

    def _set(self, request: Request) -> None:
        self._request = request
        self.unit_id, self.function = request.unit_id, request.function
        last = request.values[0] if request.function in SINGLE_WRITES else request.count
        self._reply = (request.address, last)

    def frame(self, transaction_id: int) -> bytes:
        """Give the bytes to send."""
        return encode_request(self._request, transaction_id)

    def fits(self, reply: Reply) -> bool:
        """Whether a reply repeats this request, as an acknowledgement must."""
        return reply.values == self._reply

    def names(self) -> str:
        """Name the signals for a person."""
        return ", ".join(cell.names for cell in self.cells)

    def halves(self) -> tuple[WriteExchange, WriteExchange]:
        """Split after a refusal, to write all but the cell that is refused."""
        middle = len(self.cells) // 2
        return (
            WriteExchange(self.unit_id, self.function, self.cells[:middle]),
            WriteExchange(self.unit_id, self.function, self.cells[middle:]),
        )


Exchange = ReadExchange | WriteExchange


def write_function(table: str, count: int, single: bool) -> int:
    """Give the function that writes ``count`` addresses of a table."""
    if table == "coil":
        return WRITE_COIL if single and count == 1 else WRITE_COILS
    return WRITE_REGISTER if single and count == 1 else WRITE_REGISTERS
