"""Requests of a device that wait for their reply: blocks read, cells written, the heartbeat."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from hil.config.points import Point
from hil.config.units import affine
from hil.devices.modbus.cell import Binding, WriteCell
from hil.devices.modbus.intake import Intake
from hil.devices.wire.coalesce import Block
from hil.devices.wire.codec import (
    READ_COILS,
    READ_DISCRETE_INPUTS,
    WRITE_COIL,
    WRITE_COILS,
    WRITE_REGISTER,
    WRITE_REGISTERS,
    Reply,
    Request,
)
from hil.devices.wire.frames import DATA_AT, ReadFrame, WriteFrame
from hil.devices.wire.values import BitDecoder, BlockDecoder
from hil.loop.image import Image


class ReadExchange:
    """One block read, each value straight into the image.

    Attributes
    ----------
    reply_bytes : int
        Length of the reply that :meth:`is_reply` knows.
    refused : int
        Exception code of the last refusal; 0 once it answers.
    answered : bool
        Whether it, or what it is a part of, has ever been answered.
    failures : int
        Refusals in succession that may pass: the device said that it failed, or had answered before.
    probe_ns : int
        Loop time before which it is not asked.
    """

    __slots__ = (
        "_decode", "_image", "_intake", "answered", "bindings", "block", "failures", "frame", "function",
        "is_reply", "probe_ns", "refused", "reply_bytes", "unit_id",
    )  # fmt: skip

    def __init__(self, block: Block, bindings: Sequence[Binding], image: Image) -> None:
        self.bindings = bindings
        self._image = image
        members = [bindings[member] for member in block.members]
        self._shape(block, [member.point for member in members])
        slots = [member.slot for member in members]
        self._intake = Intake(image, slots, [_read_line(member, image) for member in members])

    def _shape(self, block: Block, points: Sequence[Point]) -> None:
        """Prepare request, reply and decoding of ``block``, which holds ``points``."""
        self.block = block
        self.unit_id, self.function = block.unit_id, block.function
        self.refused = self.failures = 0
        self.answered = False
        self.probe_ns = 0
        frame = ReadFrame(block.unit_id, block.function, block.address, block.count)
        self.frame, self.is_reply, self.reply_bytes = frame.request, frame.is_reply, frame.reply_bytes
        self._decode: Callable[[bytearray, int], Sequence[float]]
        if block.function in (READ_COILS, READ_DISCRETE_INPUTS):
            self._decode = BitDecoder(points, block.address, block.count).decode
        else:
            self._decode = BlockDecoder(points, block.address, block.count).decode

    @property
    def asked(self) -> Request:
        """What is asked."""
        return Request(self.unit_id, self.function, self.block.address, self.block.count)

    def take_from(self, buffer: bytearray, start: int, received_ns: int) -> int:
        """Put the values of the reply at ``start`` into the image; gives how many it refused."""
        self.answered = True
        return self._intake.put(self._decode(buffer, start + DATA_AT), received_ns)

    def take(self, reply: Reply, received_ns: int) -> int:
        """Do the same for a decoded reply that answers it."""
        self.answered = True
        return self._intake.put(self._raws(reply), received_ns)

    def _raws(self, reply: Reply) -> Sequence[float]:
        if self.function in (READ_COILS, READ_DISCRETE_INPUTS):
            bits = sum(bit << place for place, bit in enumerate(reply.values))
            data = bits.to_bytes(len(reply.values) // 8, "little")
        else:
            data = struct.pack(f">{len(reply.values)}H", *reply.values)
        return self._decode(bytearray(data), 0)

    def mark_bad(self) -> None:
        """Mark the block's signals BAD: the device says it has no value for them."""
        self._intake.mark_bad()

    def part(self, block: Block) -> ReadExchange:
        """Make the exchange of a part of this block."""
        part = ReadExchange(block, self.bindings, self._image)
        part.answered = self.answered
        return part

    def names(self) -> str:
        """Name the block's signals for a person."""
        return ", ".join(self.bindings[member].point.signal for member in self.block.members)


def _read_line(member: Binding, image: Image) -> tuple[float, float]:
    """Give (gain, offset): signal in its unit = raw x gain + offset."""
    point = member.point
    factor, shift = affine(point.unit, image.signals[member.slot].unit)
    return point.scale * factor, point.offset * factor + shift


class WriteExchange:
    """Consecutive cells written in one request, the heartbeat, or both with the heartbeat last.

    Attributes
    ----------
    cells : sequence of WriteCell
        What is written; empty for the heartbeat alone.
    words : list of int
        Their registers or bits, then the heartbeat.  # (count,)
    beats : bool
        Whether the heartbeat is in it.
    tracked : bool
        Whether the cells must learn what was acknowledged; those written every cycle need not.
    reply_bytes : int
        Length of the acknowledgement that :meth:`is_reply` knows.
    """

    __slots__ = ("_frame", "beats", "cells", "function", "reply_bytes", "tracked", "unit_id", "words")

    def __init__(
        self, frame: WriteFrame, cells: Sequence[WriteCell], words: list[int], *, beats: bool = False,
        tracked: bool = True,
    ) -> None:  # fmt: skip
        self._frame = frame
        self.unit_id, self.function, self.reply_bytes = frame.unit_id, frame.function, frame.reply_bytes
        self.cells = cells
        self.words = words
        self.beats = beats
        self.tracked = tracked

    @classmethod
    def of_cells(cls, unit_id: int, function: int, cells: Sequence[WriteCell]) -> WriteExchange:
        """Write prepared cells."""
        words = [word for cell in cells for word in cell.words]
        return cls(WriteFrame(unit_id, function, cells[0].address, len(words)), cells, words)

    @property
    def address(self) -> int:
        """First address, zero-based."""
        return self._frame.address

    def frame(self, transaction_id: int) -> bytes:
        """Give the bytes to send."""
        return self._frame.request(transaction_id, self.words)

    def is_reply(self, buffer: bytearray, start: int, transaction_id: int) -> bool:
        """Whether the acknowledgement begins at ``start``."""
        return self._frame.is_reply(buffer, start, transaction_id, self.words)

    @property
    def asked(self) -> Request:
        """What is asked."""
        return Request(self.unit_id, self.function, self.address, self._frame.count, tuple(self.words))

    def names(self) -> str:
        """Name the signals for a person."""
        return ", ".join(cell.names for cell in self.cells) or "the heartbeat"

    def tell_cells(self) -> None:
        """Give the cells the words that were sent for them, where they do not know them."""
        if not self.tracked:
            for cell, word in zip(self.cells, self.words, strict=False):
                cell.words = (word,)

    def without_heartbeat(self) -> WriteExchange:
        """Give the request for the cells alone."""
        return self.of_cells(self.unit_id, self.function, self.cells)

    def halves(self) -> tuple[WriteExchange, WriteExchange]:
        """Split after a refusal, to write all but the cell that is refused."""
        middle = len(self.cells) // 2
        return (
            self.of_cells(self.unit_id, self.function, self.cells[:middle]),
            self.of_cells(self.unit_id, self.function, self.cells[middle:]),
        )


Exchange = ReadExchange | WriteExchange


def write_function(table: str, count: int, single: bool) -> int:
    """Give the function that writes ``count`` addresses of a table."""
    if table == "coil":
        return WRITE_COIL if single and count == 1 else WRITE_COILS
    return WRITE_REGISTER if single and count == 1 else WRITE_REGISTERS
