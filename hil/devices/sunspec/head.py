"""The head of a model, read to see whether it still lies where it lay; with a power of ten where one is wanted."""

from __future__ import annotations

from hil.config.points import Point
from hil.devices.modbus.exchange import ReadExchange
from hil.devices.sunspec.chain import Found
from hil.devices.sunspec.models import HEAD_REGISTERS
from hil.devices.wire.coalesce import Block, Cell
from hil.devices.wire.codec import READ_HOLDING_REGISTERS, Reply
from hil.devices.wire.frames import DATA_AT


class HeadExchange(ReadExchange):
    """A request for a model's ID and length, in one with a power of ten further on; nothing goes into the image.

    Parameters
    ----------
    unit_id : int
        Modbus unit.
    found : Found
        The model as it was found.
    power_offset : int, optional
        Where the power of ten lies, from the ID register.

    Attributes
    ----------
    seen : (int, int, int)
        ID, length and power of ten of the last reply; the power is 0 where none was asked for.
    received_ns : int
        Loop time of that reply, ns; 0 before.
    """

    __slots__ = ("found", "received_ns", "seen")

    def __init__(self, unit_id: int, found: Found, power_offset: int | None = None) -> None:
        self.bindings = ()
        self.found = found
        self.seen = (found.id, found.length, 0)
        self.received_ns = 0
        points = [
            Point("id", unit_id, "holding_register", found.address, "uint16"),
            Point("length", unit_id, "holding_register", found.address + 1, "uint16"),
        ]
        count = HEAD_REGISTERS
        if power_offset is not None:
            count = power_offset + 1
            points.append(Point("power", unit_id, "holding_register", found.address + power_offset, "int16"))
        members = tuple(range(len(points)))
        cell = Cell(found.address, count, members)
        self._shape(Block(unit_id, READ_HOLDING_REGISTERS, (cell,)), points)

    @property
    def is_there(self) -> bool:
        """Whether the model lay in its place."""
        return self.seen[:2] == (self.found.id, self.found.length)

    def take_from(self, buffer: bytearray, start: int, received_ns: int) -> int:
        """Keep what the reply at ``start`` says; there is nothing that the image could refuse."""
        model_id, length, *power = (int(raw) for raw in self._decode(buffer, start + DATA_AT))
        self.seen = (model_id, length, power[0] if power else 0)
        self.received_ns = received_ns
        return 0

    def take(self, reply: Reply, received_ns: int) -> int:
        """Do the same for a decoded reply that answers it."""
        model_id, length, *rest = reply.values
        power = rest[-1] - ((rest[-1] & 0x8000) << 1) if rest else 0
        self.seen = (model_id, length, power)
        self.received_ns = received_ns
        return 0

    def mark_bad(self) -> None:
        """Do nothing: no signal hangs on it."""

    def names(self) -> str:
        """Name it for a person."""
        return f"SunSpec model {self.found.id} is no longer at {self.found.address}"
