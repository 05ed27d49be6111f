"""Which register holds what: a head, and four registers a signal, the same in every run of one rig.

Addresses are zero-based, in holding registers; input registers show the same::

    0   cycles of the loop, modulo 65536: stands still where the loop does
    1   1 while the loop is dead, else 0
    2   number of signals
    3   version of this layout
    100 + 4 n      value of signal n: float32 in two registers, or int16 and a register that is 0
    100 + 4 n + 2  its quality: 0 GOOD, 1 STALE, 2 BAD, 3 SUBSTITUTED
    100 + 4 n + 3  its age, 0.1 s; 65535 is that or more

Value, quality and age lie together, so that one request reads what belongs together.
"""

from __future__ import annotations

import csv
import io
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from hil.config.point_types import DATA_TYPES
from hil.devices.wire.values import FLOAT32_MAX

LIFE, SILENT, COUNT, VERSION = range(4)
HEAD_REGISTERS = 4
FIRST = 100
STRIDE = 4
QUALITY, AGE = 2, 3
"""Places in a signal's registers, behind its value."""
LAYOUT_VERSION = 1
MOST_SIGNALS = (65536 - FIRST) // STRIDE
QUALITY_SUFFIX, AGE_SUFFIX = "_quality", "_age_s"
AGE_UNIT_S = 0.1
NOT_A_VALUE = -(2**15)
"""What int16 shows in place of a BAD value; SunSpec's mark too. float32 shows not-a-number."""
_MOST_INT16 = 2**15 - 1
_COLUMNS = (
    "signal", "unit_id", "table", "address_zero_based", "type", "word_order", "scale", "no_value", "unit", "access",
    "write", "min", "max", "comment",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ServedSignal:
    """One signal as it is served.

    Attributes
    ----------
    name, unit : str
        As in the rig.
    low, high : float
        Its range; a set-point outside is refused.
    type : str
        ``float32`` or ``int16``.
    scale : float
        Of int16: value = register x scale.
    writable : bool
        Whether it is a set-point that may be written.
    """

    name: str
    unit: str
    low: float
    high: float
    type: str = "float32"
    scale: float = 1.0
    writable: bool = False

    @property
    def largest(self) -> float:
        """Largest number that its registers show, in its unit; the smallest is the negative of it."""
        return _MOST_INT16 * self.scale if self.type == "int16" else FLOAT32_MAX

    def holds(self, value: float) -> bool:
        """Whether its registers show ``value`` (in its unit), to the nearest count of int16."""
        return abs(value) <= self.largest + (0.5 * self.scale if self.type == "int16" else 0.0)


def scale_for(low: float, high: float) -> float:
    """Give the finest power of ten by which both ends fit int16, -32768 left out."""
    most = max(abs(low), abs(high), 1e-6)
    return float(10.0 ** math.ceil(math.log10(most / _MOST_INT16)))


class RegisterMap:
    """Places and codings of all signals.

    Parameters
    ----------
    signals : sequence of ServedSignal
        In the order of their registers; at most :data:`MOST_SIGNALS`.
    word_order : str
        ``high_first`` or ``low_first``, of float32.
    unit_id : int
        For the CSV.

    Attributes
    ----------
    end : int
        First address behind the last register.
    """

    def __init__(
        self, signals: Sequence[ServedSignal], word_order: str = "high_first", unit_id: int = 1
    ) -> None:
        if len(signals) > MOST_SIGNALS:
            raise ValueError(f"{len(signals)} signals, and there is room for {MOST_SIGNALS}")
        self.signals = tuple(signals)
        self.word_order = word_order
        self.unit_id = unit_id
        self.end = FIRST + STRIDE * len(self.signals)

    def has(self, address: int, count: int) -> bool:
        """Whether all these registers are there."""
        in_head = address + count <= HEAD_REGISTERS
        return in_head or (address >= FIRST and address + count <= self.end)

    def words(self, signal: ServedSignal, value: float) -> tuple[int, int]:
        """Give the two registers of a value, saturated at the ends of int16; the mark of none for NaN.

        That is what float32 shows of a value beyond its ends, too.
        """
        if signal.type == "int16":
            if math.isnan(value):
                return NOT_A_VALUE & 0xFFFF, 0
            raw = round(min(max(value / signal.scale, -_MOST_INT16), _MOST_INT16))
            return raw & 0xFFFF, 0
        high, low = struct.unpack(">HH", struct.pack(">f", value if signal.holds(value) else math.nan))
        return (low, high) if self.word_order == "low_first" else (high, low)

    def setpoint(self, address: int, count: int) -> int | None:
        """Give the set-point whose value's registers these are, all and no more; None where there is none."""
        place, offset = divmod(address - FIRST, STRIDE)
        if offset or not 0 <= place < len(self.signals) or not self.signals[place].writable:
            return None
        return place if count == DATA_TYPES[self.signals[place].type].registers else None

    def value(self, place: int, words: Sequence[int]) -> float:
        """Give the number that was written to set-point ``place``: anything, and NaN for the mark of none."""
        signal = self.signals[place]
        if signal.type == "int16":
            raw = words[0] - 65536 if words[0] > _MOST_INT16 else words[0]
            return math.nan if raw == NOT_A_VALUE else raw * signal.scale
        ordered = words[::-1] if self.word_order == "low_first" else words
        return float(struct.unpack(">f", struct.pack(">HH", *ordered))[0])


def map_as_csv(layout: RegisterMap) -> str:
    """Write the map as a point list of our own: what a DCIM is set up by, and our own client can read."""
    text = io.StringIO()
    out = csv.DictWriter(text, _COLUMNS, lineterminator="\n", restval="")
    out.writeheader()
    usual = {"unit_id": layout.unit_id, "table": "holding_register", "access": "r", "write": "never"}
    heads = (("northbound_cycles", LIFE, "counts up while the loop lives"),
             ("northbound_silent", SILENT, "1: the loop is dead"), ("northbound_signals", COUNT, "number of signals"),
             ("northbound_map_version", VERSION, ""))  # fmt: skip
    for name, address, comment in heads:
        out.writerow(usual | _row(name, address, "uint16", "1", comment))
    for place, signal in enumerate(layout.signals):
        address = FIRST + STRIDE * place
        value = usual | _row(signal.name, address, signal.type, signal.unit, "")
        if signal.type == "int16":
            value |= {"scale": f"{signal.scale:.12g}", "no_value": f"0x{NOT_A_VALUE & 0xFFFF:X}"}
        else:
            value["word_order"] = layout.word_order
        if signal.writable:
            value |= {"access": "rw", "write": "on_change", "min": repr(signal.low), "max": repr(signal.high)}
        out.writerow(value)
        quality = "0 GOOD, 1 STALE, 2 BAD, 3 SUBSTITUTED"
        out.writerow(usual | _row(signal.name + QUALITY_SUFFIX, address + QUALITY, "uint16", "1", quality))
        age = _row(signal.name + AGE_SUFFIX, address + AGE, "uint16", "s", "")
        out.writerow(usual | age | {"scale": str(AGE_UNIT_S)})
    return text.getvalue()


def _row(name: str, address: int, type_: str, unit: str, comment: str) -> dict[str, object]:
    book = f"book {400001 + address}"
    return {
        "signal": name, "address_zero_based": address, "type": type_, "unit": unit,
        "comment": f"{book}; {comment}" if comment else book,
    }  # fmt: skip
