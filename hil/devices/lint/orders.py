"""What the same registers mean in each word and byte order, and which of those meanings are likely. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from hil.config.point_types import BYTE_ORDERS, WORD_ORDERS, Point
from hil.config.units import UNITS
from hil.devices.lint.finding import Finding, Reach, found
from hil.devices.wire.values import BlockDecoder

_SMALLEST_NORMAL = {"float32": 2.0**-126, "float64": 2.0**-1022}
_TINY, _TINIEST = 1e-12, 1e-12
"""Share of a range, and size where no range is known, below which a float that is not 0 is more likely another number
read the wrong way round."""
_FAR_LARGER = 1000.0
_ROUNDING = 1e-9
"""Share of a range by which a value may lie outside it."""
_MULTIPLE = "a multiple of 65536"
"""A weak doubt of a whole number in two registers or more, where no range is known: it has to hold in every sample."""
_USUAL: dict[str, tuple[float, float]] = {
    "temperature": (-273.15, 2000.0),
    "temperature difference": (-2000.0, 2000.0),
    "pressure": (-1e5, 1e9),
    "ratio": (-1e9, 1e9),
    "frequency": (0.0, 1e6),
    "speed of rotation": (-1e6, 1e6),
    "voltage": (-1e6, 1e6),
    "current": (-1e6, 1e6),
    "volume flow": (-1e3, 1e3),
    "mass flow": (-1e6, 1e6),
    "time": (0.0, 4e9),
    "length": (-1e6, 1e6),
    "power": (-1e10, 1e10),
    "irradiance": (-1e3, 1e4),
}
"""Widest believable range by dimension, in its base unit, where neither the list nor a rig gives one."""
_ANY = (-1e15, 1e15)


@dataclass(frozen=True, slots=True)
class Reading:
    """Some registers in one order.

    Attributes
    ----------
    word_order, byte_order : str
        As in a point list.
    raw, value : float
        The number, and the value in the point's unit.
    doubt : str
        Why it is unlikely; empty where it is not.
    """

    word_order: str
    byte_order: str
    raw: float
    value: float
    doubt: str

    @property
    def order(self) -> tuple[str, str]:
        """Word and byte order."""
        return self.word_order, self.byte_order


def believable(point: Point, reach: Reach | None) -> tuple[float, float]:
    """Give the range in which the values of ``point`` are believed, in its unit."""
    if reach is not None:
        return reach.low, reach.high
    unit = UNITS[point.unit]
    low, high = _USUAL.get(unit.dimension, _ANY)
    low, high = (low - unit.offset) / unit.factor, (high - unit.offset) / unit.factor
    return (
        point.low if math.isfinite(point.low) else low,
        point.high if math.isfinite(point.high) else high,
    )


def readings(point: Point, words: Sequence[int], reach: Reach | None) -> list[Reading]:
    """Read ``words``, the registers of the point's span, in every order; the declared one comes first."""
    word_orders = WORD_ORDERS if point.count > 1 else (point.word_order,)
    declared = (point.word_order, point.byte_order)
    orders = [(words_, bytes_) for words_ in word_orders for bytes_ in BYTE_ORDERS]
    orders.sort(key=lambda order: order != declared)
    first, count = point.span
    data = bytearray(b"".join(word.to_bytes(2, "big") for word in words))
    found_ = []
    for word_order, byte_order in orders:
        twin = replace(point, word_order=word_order, byte_order=byte_order)
        raw = BlockDecoder([twin], first, count).decode(data, 0)[0]
        value = raw * point.scale + point.offset
        found_.append(Reading(word_order, byte_order, raw, value, _doubt(point, raw, value, reach)))
    return found_


def _doubt(point: Point, raw: float, value: float, reach: Reach | None) -> str:
    low, high = believable(point, reach)
    size = max(abs(low), abs(high))
    doubt = _doubt_of_float(point, raw, _TINIEST if reach is None else _TINY * size)
    if doubt:
        return doubt
    if not low - _ROUNDING * size <= value <= high + _ROUNDING * size:
        return f"outside {low:g} to {high:g}"
    is_long = point.data_type.is_integer and point.count > 1
    return _MULTIPLE if reach is None and is_long and raw and raw % 65536 == 0 else ""


def _doubt_of_float(point: Point, raw: float, tiny: float) -> str:
    if math.isnan(raw):
        return "not a number"
    if math.isinf(raw):
        return "infinite"
    smallest = _SMALLEST_NORMAL.get(point.type)
    if smallest is None or raw == 0.0:
        return ""
    if abs(raw) < smallest:
        return "denormal"
    return "next to nothing" if abs(raw * point.scale) < tiny else ""


def judge(point: Point, samples: Sequence[Sequence[int]], reach: Reach | None) -> Finding | None:
    """Give what several readings of one point's registers say about its order; None where nothing is wrong.

    Another order is named only where the declared one is unlikely in a sample and the other likely in *every* one.
    """
    rounds = [readings(point, words, reach) for words in samples]
    doubtful = _doubtful(rounds)
    if doubtful is None or _says_none(point, samples):
        return None
    declared = doubtful[0]
    low, high = believable(point, reach)
    limit = low if declared.value < low else high
    shown = f"{point.word_order}, bytes {point.byte_order} give {_in_unit(declared.value, point)}: {declared.doubt}"
    if point.data_type.is_integer and _is_pattern(declared.raw, point.count):
        hint = f"0x{int(declared.raw) & (1 << 16 * point.count) - 1:X}: a broken wire, or no value (column no_value)?"
        return found("implausible", point, shown, hint, value=declared.value, limit=limit)
    for place, other in enumerate(doubtful[1:], start=1):
        if all(not each[place].doubt for each in rounds):
            what = (
                f"{shown}; {other.word_order}, bytes {other.byte_order} give {_in_unit(other.value, point)}"
            )
            hint = f'word_order "{other.word_order}", byte_order "{other.byte_order}"'
            return found("word_order", point, what, hint, value=_finite(declared.value), limit=limit)
    if declared.doubt == _MULTIPLE:
        return None
    code = "not_a_number" if declared.doubt in ("not a number", "infinite", "denormal") else "implausible"
    hint = _other_reason(point, declared, low, high)
    return found(code, point, shown, hint, value=_finite(declared.value), limit=limit)


class Standing(Enum):
    """What the values of a point say for the word order that the list declares."""

    PROVEN = "proven"
    """In the other order they are unlikely, or far larger; in this one never."""
    OPEN = "open"
    """They are likely in both, or no number has come that would differ."""
    REFUTED = "refuted"
    """Unlikely as declared: see :func:`judge`."""


def standing(point: Point, samples: Sequence[Sequence[int]], reach: Reach | None) -> Standing:
    """Give what several readings of a point in two registers or more say for its declared word order."""
    rounds = [readings(point, words, reach) for words in samples]
    if any(each[0].doubt for each in rounds):
        return Standing.REFUTED
    for each in rounds:
        others = [other for other in each[1:] if (other.byte_order, other.word_order) == _turned(point)]
        if others and _is_told_from(each[0], others[0]):
            return Standing.PROVEN
    return Standing.OPEN


def _is_told_from(declared: Reading, other: Reading) -> bool:
    """Whether the other order is unlikely, or gives a number so much larger that this one is the number meant.

    A number of everyday size read the wrong way round has its small part in front: 65536 times as large.
    """
    if declared.raw == other.raw:
        return False
    return bool(other.doubt) or 0.0 < abs(declared.raw) * _FAR_LARGER <= abs(other.raw)


def _turned(point: Point) -> tuple[str, str]:
    return point.byte_order, next(order for order in WORD_ORDERS if order != point.word_order)


def not_told(point: Point, words: Sequence[int], several: int) -> Finding:
    """Give the finding that nothing tells the order of a point, and of ``several`` like it, for one reading of it."""
    this, *others = readings(point, words, None)
    other = next(each for each in others if (each.byte_order, each.word_order) == _turned(point))
    shown = f"{point.word_order} gives {_in_unit(this.value, point)}, {other.word_order} {_in_unit(other.value, point)}"
    more = f" (and {several - 1} more numbers of unit {point.unit_id})" if several > 1 else ""
    hint = "min and max in the list, or --rig, tell them apart; or a reading that is known"
    return found("order_open", point, f"{shown}: both are likely{more}", hint, value=_finite(this.value))


def _doubtful(rounds: Sequence[Sequence[Reading]]) -> Sequence[Reading] | None:
    """Give the sample that speaks most against the declared order, which comes first in each; None where none does."""
    strong = next((each for each in rounds if each[0].doubt not in ("", _MULTIPLE)), None)
    if strong is not None:
        return strong
    weak = [each for each in rounds if each[0].doubt == _MULTIPLE]
    return weak[0] if weak and all(each[0].doubt or not each[0].raw for each in rounds) else None


def _is_pattern(raw: float, registers: int) -> bool:
    """Whether a raw number is one that devices keep for what is no value: all ones, or either end of a signed one."""
    bits = 16 * registers
    return int(raw) & (1 << bits) - 1 in ((1 << bits) - 1, 1 << bits - 1, (1 << bits - 1) - 1)


def _says_none(point: Point, samples: Sequence[Sequence[int]]) -> bool:
    """Whether the device says, in the way that the list declares, that it has no value."""
    if point.no_value is None and point.scale_register is None:
        return False
    first, count = point.span
    decode = BlockDecoder([point], first, count).decode
    raws = (decode(bytearray(b"".join(word.to_bytes(2, "big") for word in words)), 0)[0] for words in samples)
    return point.data_type.is_integer and any(math.isnan(raw) for raw in raws)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _in_unit(value: float, point: Point) -> str:
    return f"{value:g}" if point.unit in ("1", "bool") else f"{value:g} {point.unit}"


def _other_reason(point: Point, reading: Reading, low: float, high: float) -> str:
    """Say what else makes a value unlikely: a sign, a decimal point, a wire that is broken."""
    size = 2 ** (16 * point.count)
    if point.data_type.is_integer and point.data_type.low == 0 and reading.raw >= size / 2:
        signed = (reading.raw - size) * point.scale + point.offset
        if low <= signed <= high:
            return f'type "int{16 * point.count}" gives {_in_unit(signed, point)}'
    for factor in (0.1, 0.01, 0.001, 10.0, 100.0):
        value = reading.raw * point.scale * factor + point.offset
        if math.isfinite(value) and value and low <= value <= high:
            return f"scale {point.scale * factor:g} gives {_in_unit(value, point)}; or the range, or a broken wire"
    return "address, type, scale, the range, or a broken wire"
