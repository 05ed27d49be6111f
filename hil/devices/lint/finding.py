"""What a lint finds: one thing about one point, with the figures that show it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hil.config.point_types import Point
from hil.config.units import affine, same_dimension

CODES = {
    "duplicate": "one signal, two points",
    "overlap": "two numbers share a register, or a number and a scale register",
    "bit_collision": "two points on one bit, or a bit inside a number",
    "shared_word": "a read-only bit in a word that is written whole",
    "unlisted_bits": "writing a bit sends the word's other bits as 0",
    "table_mix": "neighbouring addresses in different tables",
    "lone_unit_id": "one point on a unit of its own",
    "name_unit": "the name's unit measures something else than the point's",
    "unit_mismatch": "point and signal measure different things",
    "saturation": "the type cannot hold the range",
    "wrap": "a negative value into an unsigned number",
    "counter_wrap": "a counter of 16 bits starts again from 0 within days",
    "beyond_limits": "the signal's range is wider than the point's",
    "no_limits": "a written float without min and max",
    "coarse": "one count is more than 1 % of the range",
    "deadband": "a dead band that does nothing, or swallows the range",
    "wear": "refreshing alone exceeds the budget of writes",
    "unverifiable": "verified, but there is nothing to read back",
    "broadcast": "verified or read at unit id 0, which never answers on a serial bus",
    "book_numbers": "book numbers (40001) in a column of wire addresses",
    "one_based": "numbers that look one-based in a zero-based column",
    "mixed_order": "two word orders in one device",
    "too_long": "a number and its scale register need more registers than a request has",
    "requests": "gaps that cost requests",
    "word_order": "live: another word or byte order gives a likely value, the declared one does not",
    "order_open": "live: without a range in the list or a rig nothing tells the word order",
    "not_a_number": "live: the value is not a number",
    "implausible": "live: the value is outside its range in every order",
    "refused": "live: the device refuses the point",
    "off_by_one": "live: refused, but the address beside it answers",
    "silent": "live: a unit does not answer",
    "wrong_reply": "live: what comes is no answer to the question: another unit's, or of another length",
    "unknown_code": "accepted names a finding that does not exist",
}
"""Every code that a finding may have, with its meaning."""
LIST_CODES = frozenset({"requests", "book_numbers", "one_based"})
"""Codes that concern a list and not one of its points: accepted anywhere, they are accepted."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Range in which a point's values are to lie, in ``unit``; ``name`` is the signal's."""

    name: str
    unit: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes
    ----------
    code : str
        One of :data:`CODES`.
    file, line : str, int
        Where the point stands.
    signal : str
        The point's.
    what : str
        What is wrong.
    value, limit : float or None
        The figure that is wrong and what it is held against, in ``unit``; None where there is none.
    unit : str
        Of both; empty where they have none.
    hint : str
        The nearest right thing.
    """

    code: str
    file: str
    line: int
    signal: str
    what: str
    value: float | None = None
    unit: str = ""
    limit: float | None = None
    hint: str = ""


def found(
    code: str, point: Point, what: str, hint: str = "", *, value: float | None = None,
    limit: float | None = None, unit: str | None = None,
) -> Finding:  # fmt: skip
    """Make a finding about ``point``; the unit is the point's where a value is given without one."""
    if unit is None:
        unit = "" if value is None or point.unit in ("1", "bool") else point.unit
    return Finding(code, point.file, point.line, point.signal, what, value, unit, limit, hint)


def reach_of(point: Point, signals: Mapping[str, Reach]) -> Reach | None:
    """Give the range of a point's values in its own unit: its signal's, else its own min and max; None for neither."""
    signal = signals.get(point.signal)
    if signal is not None and same_dimension(signal.unit, point.unit):
        factor, shift = affine(signal.unit, point.unit)
        return Reach(point.signal, point.unit, signal.low * factor + shift, signal.high * factor + shift)
    if math.isfinite(point.low) and math.isfinite(point.high):
        return Reach(point.signal, point.unit, point.low, point.high)
    return None
