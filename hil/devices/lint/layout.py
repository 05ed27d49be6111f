"""Points of a list against each other: who shares a register, who stands in the wrong table or unit."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterator, Sequence

from hil.config.point_overlaps import clobbered_bits, duplicates, overlaps, scale_overlaps
from hil.config.point_rules import verification_problems
from hil.config.points import Point
from hil.config.units import same_dimension, unit_of_name
from hil.devices.lint.finding import Finding, found
from hil.errors import Problem

_WORD_BITS = 16
_MANY = 5
"""Points of a unit that make a single one on another unit look like a slip of the pen."""
_COMMON_TABLES = frozenset({"input_register", "holding_register"})


def layout_findings(points: Sequence[Point]) -> list[Finding]:
    """Give what is wrong between the points of a list."""
    return [
        *_refused(points),
        *_scale_overlaps(points),
        *_unlisted_bits(points),
        *_table_mixes(points),
        *_lone_units(points),
        *_names_of_other_units(points),
        *_mixed_orders(points),
    ]


def _refused(points: Sequence[Point]) -> Iterator[Finding]:
    """Take over what a rig would refuse; its figures are the address and whose it is already."""
    checks: tuple[tuple[str, Callable[[Sequence[Point]], list[Problem]]], ...] = (
        ("duplicate", duplicates),
        ("overlap", overlaps),
        ("shared_word", clobbered_bits),
        ("unverifiable", verification_problems),
    )
    by_line = {point.line: point for point in points}
    for code, check in checks:
        for problem in check(points):
            point = by_line[problem.line or 0]
            kind = "bit_collision" if code == "overlap" and " bit " in problem.what else code
            if code in ("overlap", "shared_word"):
                free = _first_free(point, points)
                yield found(
                    kind, point, problem.what, problem.hint, value=point.address, limit=free, unit="address"
                )
            else:
                yield found(code, point, problem.what, problem.hint)


def _scale_overlaps(points: Sequence[Point]) -> Iterator[Finding]:
    """Take over the same; what collides is not the point's own address but its scale register's."""
    by_line = {point.line: point for point in points}
    for problem in scale_overlaps(points):
        point = by_line[problem.line or 0]
        yield found("overlap", point, problem.what, problem.hint, value=point.scale_register, unit="address")


def _first_free(point: Point, points: Sequence[Point]) -> int | None:
    """Give the first address behind the numbers that share a register with ``point``; None among bits of one word."""
    ends = [
        other.end
        for other in points
        if other is not point
        and (other.unit_id, other.table) == (point.unit_id, point.table)
        and other.address < point.end
        and point.address < other.end
        and None in (point.bit, other.bit)
    ]
    return max(ends, default=None)


def _words(points: Sequence[Point]) -> dict[tuple[int, str, int], list[Point]]:
    words: dict[tuple[int, str, int], list[Point]] = defaultdict(list)
    for point in points:
        if point.bit is not None:
            words[point.unit_id, point.table, point.address].append(point)
    return words


def _unlisted_bits(points: Sequence[Point]) -> Iterator[Finding]:
    for word in _words(points).values():
        written = [point for point in word if point.writable and point.write != "never"]
        missing = _WORD_BITS - len({point.bit for point in word})
        if written and missing:
            first = written[0]
            what = f"bit of register {first.address}, which is written whole: {missing} bits are not listed, so 0"
            hint = "list them all, or have the device take this one in a coil"
            yield found("unlisted_bits", first, what, hint, value=missing, limit=0, unit="bits")


def _table_mixes(points: Sequence[Point]) -> Iterator[Finding]:
    places: dict[tuple[int, int], list[Point]] = defaultdict(list)
    for point in points:
        if point.table in _COMMON_TABLES:
            for address in range(point.address, point.end):
                places[point.unit_id, address].append(point)
    for point in points:
        if point.table not in _COMMON_TABLES:
            continue
        before = places.get((point.unit_id, point.address - 1), [])
        after = places.get((point.unit_id, point.end), [])
        own = [other for other in before + after if other.table == point.table]
        if before and after and not own:
            what = f"{point.table} {point.address} between {before[0].table}s at {point.address - 1} and {point.end}"
            yield found(
                "table_mix", point, what, f'table "{before[0].table}"?', value=point.address, unit="address"
            )


def _lone_units(points: Sequence[Point]) -> Iterator[Finding]:
    counts = Counter(point.unit_id for point in points)
    if len(counts) < 2:
        return
    common, many = counts.most_common(1)[0]
    for point in points:
        if counts[point.unit_id] == 1 and many >= _MANY:
            what = f"the only point on unit id {point.unit_id}; {many} are on unit id {common}"
            yield found(
                "lone_unit_id", point, what, f"unit_id {common}?", value=point.unit_id, limit=common, unit="unit id"
            )  # fmt: skip


def _names_of_other_units(points: Sequence[Point]) -> Iterator[Finding]:
    for point in points:
        named = unit_of_name(point.signal)
        if named is not None and not same_dimension(named, point.unit):
            what = f"the name ends in {named}, the unit is {point.unit}"
            yield found("name_unit", point, what, f'unit "{named}", or another name')


def broadcast_findings(points: Sequence[Point], reads: Container[str] = ()) -> Iterator[Finding]:
    """Give the points of unit id 0 of which an answer is wanted; ``reads`` are the signals that a rig reads.

    A point that can be written and read is taken for one that is written, unless it is among them.
    """
    for point in points:
        written = point.writable and point.write != "never"
        if point.unit_id or not (point.readable or point.rules.verifies):
            continue
        if point.rules.verifies and point.feedback is None:
            what = "written to unit id 0, all units of a serial bus at once: none of them answers"
            yield found("broadcast", point, what, "a unit id of its own, or a verify_point")
        elif point.readable and (not written or point.signal in reads):
            what = "read at unit id 0, all units of a serial bus at once: none of them answers"
            hint = (
                'the unit id of the one that is meant; over TCP, where 0 may be right, accepted "broadcast"'
            )
            yield found("broadcast", point, what, hint)


def _mixed_orders(points: Sequence[Point]) -> Iterator[Finding]:
    units: dict[int, list[Point]] = defaultdict(list)
    for point in points:
        if point.count > 1:
            units[point.unit_id].append(point)
    for several in units.values():
        counts = Counter((point.word_order, point.byte_order) for point in several)
        if len(counts) < 2:
            continue
        (words, _), many = counts.most_common(1)[0]
        for point in several:
            if counts[point.word_order, point.byte_order] < many:
                what = (
                    f"{point.word_order}, bytes {point.byte_order}; {many} numbers of this unit are {words}"
                )
                yield found("mixed_order", point, what, f'word_order "{words}"? --live shows it')
