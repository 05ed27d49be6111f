"""How well a known point list fits a unit: how many of its points answer, and with values that can be."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from hil.config.point_types import DATA_TYPES
from hil.config.points import Point, PointList
from hil.devices.discovery.units import Asker
from hil.devices.wire.coalesce import Block, Limits, coalesce_reads, halves
from hil.devices.wire.codec import READ_COILS, READ_DISCRETE_INPUTS, Request
from hil.devices.wire.values import BitDecoder, BlockDecoder


@dataclass(frozen=True, slots=True)
class Fit:
    """A list held against a unit.

    Attributes
    ----------
    file : str
        The list.
    points, answered, plausible : int
        Its readable points; those that answer; those whose value lies within their minimum and maximum, where they
        have them.
    telling : int
        Of the plausible ones, those whose limits could have been broken. Without any, all that was found is that
        there are registers at these addresses, as in many a device.
    """

    file: str
    points: int
    answered: int
    plausible: int
    telling: int

    @property
    def is_whole(self) -> bool:
        """Whether every point answers with a value that can be."""
        return self.points == self.answered == self.plausible


def fits(asker: Asker, unit_id: int, known: PointList, timeout_s: float) -> Fit:
    """Hold a list against a unit by reading it."""
    points = [replace(point, unit_id=unit_id) for point in known.points if point.readable]
    answered = plausible = telling = 0
    pending = list(coalesce_reads(points, Limits()))
    while pending:
        block = pending.pop(0)
        reply = asker.ask(Request(unit_id, block.function, block.address, block.count), timeout_s)
        if reply is not None and not reply.exception:
            values = _values(points, block, reply.values)
            answered += len(values)
            likely = [point for point, value in values if point.low <= value <= point.high]
            plausible += len(likely)
            telling += sum(_can_break(point) for point in likely)
        elif len(block.cells) > 1:
            pending[:0] = halves(block)
    return Fit(known.file, len(points), answered, plausible, telling)


def _can_break(point: Point) -> bool:
    """Whether the point's type holds numbers outside its limits."""
    kind = DATA_TYPES[point.type]
    ends = sorted(raw * point.scale + point.offset for raw in (kind.low, kind.high))
    return ends[0] < point.low or ends[1] > point.high


def _values(points: list[Point], block: Block, raws: tuple[int, ...]) -> list[tuple[Point, float]]:
    members = [points[member] for member in block.members]
    if block.function in (READ_COILS, READ_DISCRETE_INPUTS):
        bits = sum(bit << place for place, bit in enumerate(raws))
        data = bytearray(bits.to_bytes((len(raws) + 7) // 8, "little"))
        numbers = BitDecoder(members, block.address, block.count).decode(data, 0)
    else:
        data = bytearray(struct.pack(f">{len(raws)}H", *raws))
        numbers = BlockDecoder(members, block.address, block.count).decode(data, 0)
    return [
        (point, number * point.scale + point.offset) for point, number in zip(members, numbers, strict=True)
    ]
