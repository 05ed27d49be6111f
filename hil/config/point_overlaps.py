"""Points of one list against each other: no signal twice, no register under two meanings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from hil.config.point_types import Point
from hil.errors import Problem


def layout_problems(points: Sequence[Point]) -> list[Problem]:
    """Give the problems between points: duplicate signals, overlapping registers, half-written words."""
    return [*duplicates(points), *overlaps(points), *scale_overlaps(points), *clobbered_bits(points)]


def duplicates(points: Sequence[Point]) -> list[Problem]:
    """Give the signals that have more than one point."""
    first: dict[str, Point] = {}
    problems = []
    for point in points:
        other = first.setdefault(point.signal, point)
        if other is not point:
            what = f'"{point.signal}" is already the point of line {other.line}'
            problems.append(
                Problem(point.file, point.line, what, "one signal, one point: rename or remove one")
            )
    return problems


def overlaps(points: Sequence[Point]) -> list[Problem]:
    """Give the points that share a register or a bit."""
    spaces: dict[tuple[int, str], list[Point]] = defaultdict(list)
    for point in points:
        spaces[point.unit_id, point.table].append(point)
    problems = []
    for space in spaces.values():
        space.sort(key=lambda point: (point.address, point.line))
        for index, point in enumerate(space):
            for other in space[index + 1 :]:
                if other.address >= point.end:
                    break
                if not _may_share(point, other):
                    problems.append(_overlap(*sorted((point, other), key=lambda each: each.line)))
    return problems


def scale_overlaps(points: Sequence[Point]) -> list[Problem]:
    """Give the points whose scale register is also a number, a bit, or a register that is written.

    Any number of points may share one, and it may be a point of its own: a plain int16 that is only read.
    """
    spaces: dict[tuple[int, str, int], list[Point]] = defaultdict(list)
    for point in points:
        for address in range(point.address, point.end):
            spaces[point.unit_id, point.table, address].append(point)
    return [
        _scale_overlap(point, other)
        for point in points
        if point.scale_register is not None
        for other in spaces.get((point.unit_id, point.table, point.scale_register), ())
        if not _is_power_of_ten(other)
    ]


def _is_power_of_ten(point: Point) -> bool:
    """Whether a point gives its register as a scale is read: int16, as it is, and nobody writes it."""
    plain = (point.type, point.byte_order, point.unit, point.scale, point.offset)
    return plain == ("int16", "big", "1", 1.0, 0.0) and not point.writable and point.scale_register is None


def _scale_overlap(point: Point, other: Point) -> Problem:
    it = f'"{point.signal}": its scale register, {point.table} {point.scale_register},'
    hint = "the register of its power of ten, in the device's book; or a scale as a figure"
    if other is point:
        what = f"{it} is one of its own, {_place(point)}, line {point.line}"
        return Problem(point.file, point.line, what, hint)
    written = ", which is written" if other.writable else ""
    what = f'{it} overlaps "{other.signal}" at {_place(other)}, line {other.line}{written}'
    return Problem(point.file, point.line, what, hint)


def _may_share(a: Point, b: Point) -> bool:
    return a.bit is not None and b.bit is not None and a.bit != b.bit


def _place(point: Point) -> str:
    bit = "" if point.bit is None else f" bit {point.bit}"
    last = "" if point.count == 1 else f" to {point.end - 1}"
    return f"{point.table} {point.address}{last}{bit} ({point.type})"


def _overlap(earlier: Point, later: Point) -> Problem:
    before = f'"{earlier.signal}" at {_place(earlier)}, line {earlier.line}'
    what = f'"{later.signal}" at {_place(later)} overlaps {before}'
    free = f"the first address after line {earlier.line} is {earlier.end} (zero-based)"
    hint = free if earlier.bit is None else "bits of one word need different bit numbers"
    return Problem(later.file, later.line, what, hint)


def clobbered_bits(points: Sequence[Point]) -> list[Problem]:
    """Give the read-only bits of words that are written whole."""
    words: dict[tuple[int, str, int], list[Point]] = defaultdict(list)
    for point in points:
        if point.bit is not None:
            words[point.unit_id, point.table, point.address].append(point)
    problems = []
    for word in words.values():
        written = next((point for point in word if point.writable), None)
        for point in word:
            if written is not None and not point.writable:
                what = f'"{point.signal}" is read only, but writing "{written.signal}" sends its word whole'
                problems.append(
                    Problem(point.file, point.line, what, f"see line {written.line}; move one of them")
                )
    return problems
