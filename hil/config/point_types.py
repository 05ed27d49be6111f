"""What a point is: where a signal lies in a device, and how its numbers are coded there."""

from __future__ import annotations

from dataclasses import dataclass

from hil.config.point_rules import PLAIN, RULE_COLUMNS, WriteRules

TABLES = ("coil", "discrete_input", "input_register", "holding_register")
BIT_TABLES = frozenset({"coil", "discrete_input"})
WRITABLE_TABLES = frozenset({"coil", "holding_register"})
WORD_ORDERS = ("high_first", "low_first")
BYTE_ORDERS = ("big", "little")
ACCESSES = ("r", "w", "rw")
WRITE_POLICIES = ("every_cycle", "on_change", "never")
ADDRESS_COLUMNS = ("address_zero_based", "address_one_based", "address_book")
REQUIRED_COLUMNS = ("signal", "table")
COLUMNS = (
    "signal", "unit_id", "table", *ADDRESS_COLUMNS, "type", "bit", "word_order", "byte_order", "scale",
    "offset", "scale_register", "no_value", "unit", "access", "write", "deadband", "refresh_s", "min", "max",
    *RULE_COLUMNS, "accepted", "comment",
)  # fmt: skip
TABLE_SIZE = 65536


@dataclass(frozen=True, slots=True)
class DataType:
    """How a raw number is coded.

    Attributes
    ----------
    name : str
        As in the point list.
    registers : int
        How many registers of 16 bits it takes.
    code : str
        Its letter in :mod:`struct`.
    low, high : float
        Smallest and largest raw number; infinite for floats, whose overflow is found when encoding.
    """

    name: str
    registers: int
    code: str
    low: float
    high: float

    @property
    def is_integer(self) -> bool:
        """Whether only whole numbers can be sent."""
        return self.code not in "fd"


_INF = float("inf")
DATA_TYPES = {
    data_type.name: data_type
    for data_type in (
        DataType("bool", 1, "?", 0, 1),
        DataType("int16", 1, "h", -(2**15), 2**15 - 1),
        DataType("uint16", 1, "H", 0, 2**16 - 1),
        DataType("int32", 2, "i", -(2**31), 2**31 - 1),
        DataType("uint32", 2, "I", 0, 2**32 - 1),
        DataType("int64", 4, "q", -(2**63), 2**63 - 1),
        DataType("uint64", 4, "Q", 0, 2**64 - 1),
        DataType("float32", 2, "f", -_INF, _INF),
        DataType("float64", 4, "d", -_INF, _INF),
    )
}


@dataclass(frozen=True, slots=True)
class Point:
    """One row of a point list.

    Attributes
    ----------
    signal : str
        Name of the signal.
    unit_id : int
        Modbus unit (slave) id.
    table : str
        One of :data:`TABLES`.
    address : int
        Zero-based, as on the wire, whatever the file counts in.
    type : str
        One of :data:`DATA_TYPES`.
    bit : int or None
        Bit of a register, 0 the least significant.
    word_order, byte_order : str
        ``high_first`` or ``low_first``; ``big`` or ``little``.
    scale, offset : float
        Engineering value = raw x ``scale`` + ``offset``, in ``unit``.
    scale_register : int or None
        Zero-based address, in the same table, of an int16: the power of ten that the raw number is multiplied by as
        well. Read in the same request as the number.
    no_value : int or None
        The raw number, as an unsigned pattern, with which the device says that it has none.
    guard : (int, int) or None
        Zero-based address of a register of the same table, and what must stand there for the number to be believed;
        read in the same request. For devices that say themselves what lies where; no column of a list.
    unit : str
        As in :mod:`hil.config.units`.
    access : str
        ``r``, ``w`` or ``rw``.
    write : str
        ``every_cycle``, ``on_change`` or ``never``.
    deadband : float
        Smallest change worth a write, in ``unit``; 0 for any change of the raw number.
    refresh_s : float or None
        Longest time between two writes, s; None for no limit.
    low, high : float
        Range the device takes, in ``unit``; infinite where not given.
    comment : str
        The user's own.
    file, line : str, int
        Where it was read.
    rules : WriteRules
        How often it is written at most, and how it is verified.
    feedback : Point or None
        The point whose value is to follow this one, where that is not its own address.
    accepted : tuple of str
        Findings of ``hil points lint`` that the user has looked at and left so.
    """

    signal: str
    unit_id: int
    table: str
    address: int
    type: str
    bit: int | None = None
    word_order: str = "high_first"
    byte_order: str = "big"
    scale: float = 1.0
    offset: float = 0.0
    unit: str = "1"
    access: str = "r"
    write: str = "never"
    deadband: float = 0.0
    refresh_s: float | None = None
    low: float = -_INF
    high: float = _INF
    comment: str = ""
    file: str = ""
    line: int = 0
    scale_register: int | None = None
    no_value: int | None = None
    guard: tuple[int, int] | None = None
    rules: WriteRules = PLAIN
    feedback: Point | None = None
    accepted: tuple[str, ...] = ()

    @property
    def data_type(self) -> DataType:
        """Coding of the raw number."""
        return DATA_TYPES[self.type]

    @property
    def count(self) -> int:
        """Registers, or bits of a bit table, that the point takes."""
        return self.data_type.registers

    @property
    def end(self) -> int:
        """First address after the point."""
        return self.address + self.count

    @property
    def span(self) -> tuple[int, int]:
        """First address and number of addresses that one request must hold: the number, its scale and its guard."""
        if self.scale_register is None and self.guard is None:
            return self.address, self.count
        beside = [place for place in (self.scale_register, self.guard and self.guard[0]) if place is not None]
        first = min(self.address, *beside)
        return first, max(self.end, *(place + 1 for place in beside)) - first

    @property
    def readable(self) -> bool:
        """Whether the device gives the value."""
        return "r" in self.access

    @property
    def writable(self) -> bool:
        """Whether the device takes a value."""
        return "w" in self.access
