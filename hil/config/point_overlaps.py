"""Points of one list against each other: no signal twice, no register under two meanings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from hil.config.point_types import Point
from hil.errors import Problem


def layout_problems(points: Sequence[Point]) -> list[Problem]:
    """Give the problems between points: duplicate signals, overlapping registers, half-written words."""
    return [*duplicates(points), *overlaps(points), *clobbered_bits(points)]


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


def _may_share(a: Point, b: Point) -> bool:
    return a.bit is not None and b.bit is not None and a.bit != b.bit


def _overlap(earlier: Point, later: Point) -> Problem:
    def place(point: Point) -> str:
        bit = "" if point.bit is None else f" bit {point.bit}"
        last = "" if point.count == 1 else f" to {point.end - 1}"
        return f"{point.table} {point.address}{last}{bit} ({point.type})"

    before = f'"{earlier.signal}" at {place(earlier)}, line {earlier.line}'
    what = f'"{later.signal}" at {place(later)} overlaps {before}'
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
