"""Addresses: counted from the wrong end, or spread so that they cost requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from hil.config.points import Point
from hil.devices.lint.finding import Finding, found
from hil.devices.wire.coalesce import Limits, coalesce_reads

WIDEST_GAP = 16
"""Registers worth reading over: 32 bytes on the wire, less than a request and its reply take otherwise."""
_BOOK_FIRST = {"holding_register": 40_000, "input_register": 30_000, "discrete_input": 10_000}
_BOOK_SPAN = 10_000
_FEW = 3
_PNU_STEP, _PNU_LAST = 10, 9
"""Danfoss: parameter n-nn is at PNU x 10 − 1 on the wire, so odd addresses are right there."""


def place_findings(points: Sequence[Point], counted_in: str) -> list[Finding]:
    """Give what the addresses look like; ``counted_in`` is the list's address column."""
    findings = list(_book_numbers(points, counted_in))
    if counted_in == "address_zero_based" and not findings:
        findings += _one_based(points)
    return findings


def _by_table(points: Sequence[Point]) -> dict[tuple[int, str], list[Point]]:
    tables: dict[tuple[int, str], list[Point]] = defaultdict(list)
    for point in points:
        tables[point.unit_id, point.table].append(point)
    return tables


def _book_numbers(points: Sequence[Point], counted_in: str) -> Iterator[Finding]:
    # SunSpec's map does begin at 40000 on the wire; its points have scale registers.
    if counted_in == "address_book" or any(point.scale_register is not None for point in points):
        return
    for (_, table), there in _by_table(points).items():
        first = _BOOK_FIRST.get(table)
        if first is None or not all(first <= point.address < first + _BOOK_SPAN for point in there):
            continue
        point = min(there, key=lambda each: each.address)
        number = point.address + (counted_in == "address_one_based")
        what = f"all {table}s lie from {first} on: book numbers in the column {counted_in}?"
        hint = f"rename the column to address_book; {number} there is {point.address - first - 1} on the wire"
        yield found("book_numbers", point, what, hint, value=point.address, limit=first, unit="address")


def _one_based(points: Sequence[Point]) -> Iterator[Finding]:
    for (_, table), there in _by_table(points).items():
        addresses = sorted({point.address for point in there})
        if len(addresses) >= _FEW and addresses[:_FEW] == [1, 2, 3]:
            point = min(there, key=lambda each: each.address)
            what = f"{table}s count from 1, and nothing is at 0: are these the numbers of the book?"
            hint = "if so, rename the column to address_one_based; --live tells"
            yield found("one_based", point, what, hint, value=1, limit=0, unit="address")
        long = [point for point in there if point.count > 1]
        odd = [point for point in long if point.address % 2 and point.address % _PNU_STEP != _PNU_LAST]
        if len(long) >= _FEW and len(odd) == len(long):
            what = f"all {len(long)} numbers of two registers or more begin at odd addresses"
            hint = "most devices begin them at even ones: one-based numbers? --live tells"
            yield found("one_based", odd[0], what, hint, value=odd[0].address, unit="address")


def request_findings(points: Sequence[Point], limits: Limits) -> list[Finding]:
    """Give the tables of which fewer requests would do, if short gaps were read over."""
    readable = [point for point in points if point.readable]
    findings = [_too_long(point, limits) for point in readable if not fits(point, limits)]
    for there in _by_table([point for point in readable if fits(point, limits)]).values():
        now = coalesce_reads(there, limits)
        fewest, gap = _fewest(there, limits)
        if fewest < len(now):
            second = there[now[1].members[0]]
            what = f"{len(now)} requests read the {second.table}s of unit {second.unit_id}; {fewest} would do"
            what += f" if gaps of up to {gap} addresses were read over"
            hint = f"max_gap_registers: {gap} in the rig, if the device answers what lies between"
            findings.append(
                found("requests", second, what, hint, value=len(now), limit=fewest, unit="requests")
            )
    return findings


def fits(point: Point, limits: Limits) -> bool:
    """Whether one request can read a point with all that belongs to it."""
    return point.span[1] <= limits.max_registers


def _too_long(point: Point, limits: Limits) -> Finding:
    what = f"reading it takes {point.span[1]} registers in one request"
    hint = "a scale as a figure, or the scale register as a point of its own; see max_registers of the rig"
    return found(
        "too_long", point, what, hint, value=point.span[1], limit=limits.max_registers, unit="registers"
    )


def _fewest(points: Sequence[Point], limits: Limits) -> tuple[int, int]:
    """Give the least number of requests within :data:`WIDEST_GAP`, and the smallest gap that does it."""
    counts = [
        (len(coalesce_reads(points, Limits(limits.max_registers, limits.max_bits, gap))), gap)
        for gap in range(limits.max_gap, max(WIDEST_GAP, limits.max_gap) + 1)
    ]
    return min(counts)
