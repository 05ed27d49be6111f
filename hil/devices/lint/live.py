"""The points of a list on a live device: every number read a few times, and what that says about the list."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hil.config.points import Point
from hil.devices.discovery.units import Asker
from hil.devices.lint.finding import Finding, Reach, found, reach_of
from hil.devices.lint.orders import Standing, judge, not_told, standing
from hil.devices.lint.places import fits
from hil.devices.wire.coalesce import READ_FUNCTION, Block, Limits, coalesce_reads, halves
from hil.devices.wire.codec import ILLEGAL_ADDRESS, Request, exception_in_words
from hil.errors import DeviceError, Problem

SAMPLES, PAUSE_S = 3, 0.2
"""How often every point is read, and the pause between: a value that moves shows more of itself."""
_GATEWAY_EXCEPTIONS = frozenset({10, 11})
_WRONG_HINT = "its Modbus is at fault, or a gateway's before it: such replies are never believed"


@dataclass(slots=True)
class _Seen:
    """What a device said so far."""

    samples: dict[int, list[list[int]]]
    findings: list[Finding]
    silent: set[int]
    refused: set[int]
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Manner:
    """How to ask: who, for messages; what a request may hold; pause before each, s; time for a reply, s."""

    who: str
    limits: Limits = field(default_factory=Limits)
    gap_s: float = 0.025
    reply_timeout_s: float = 1.0


def live_findings(
    points: Sequence[Point], asker: Asker, signals: Mapping[str, Reach], manner: Manner
) -> tuple[list[Finding], int]:
    """Read all readable points of a device, and nothing else; gives the findings and how many points answered.

    Raises
    ------
    DeviceError
        None of its units answers, or none to what was asked.
    """
    readable = [point for point in points if point.readable and fits(point, manner.limits)]
    seen = _ask_all(readable, manner, asker)
    if readable and not seen.samples and not seen.refused:
        hint = "check unit ids; host and port (502), or baud and parity"
        raise DeviceError(Problem("--live", None, f"{manner.who} does not answer", hint))
    if seen.wrong and not seen.samples:
        raise DeviceError(Problem("--live", None, f"{manner.who} {seen.wrong}", _WRONG_HINT))
    for index, samples in sorted(seen.samples.items()):
        point = readable[index]
        if point.type != "bool" and point.bit is None:
            finding = judge(point, samples, reach_of(point, signals))
            seen.findings += [finding] if finding is not None else []
    seen.findings += _orders_not_told(readable, seen.samples, signals)
    return seen.findings, len(seen.samples)


def _orders_not_told(
    points: Sequence[Point], samples: Mapping[int, list[list[int]]], signals: Mapping[str, Reach]
) -> list[Finding]:
    """Give one finding for each unit and order that no value of the unit proves, and none contradicts.

    A number that is 0 says nothing, and a range in the list or of a rig is an answer.
    """
    stands: dict[tuple[int, str, str], list[tuple[int, Standing]]] = defaultdict(list)
    for index, words in samples.items():
        point = points[index]
        if point.count > 1 and point.type != "bool" and any(map(any, words)):
            stands[point.unit_id, point.word_order, point.byte_order].append(
                (index, standing(point, words, reach_of(point, signals)))
            )
    findings = []
    for each in stands.values():
        open_ = [index for index, stand in each if stand is Standing.OPEN]
        if open_ and len(open_) == len(each):
            findings.append(not_told(points[open_[0]], samples[open_[0]][-1], len(open_)))
    return findings


def _ask_all(points: Sequence[Point], manner: Manner, asker: Asker) -> _Seen:
    seen = _Seen({}, [], set(), set())
    for number in range(SAMPLES):
        if number:
            time.sleep(PAUSE_S)
        left = [index for index in range(len(points)) if index not in seen.refused]
        blocks = coalesce_reads([points[index] for index in left], manner.limits)
        pending = [_numbered(block, left) for block in blocks]
        while pending and not asker.out_of_time:
            block = pending.pop(0)
            if block.unit_id not in seen.silent:
                pending[:0] = _ask(block, points, manner, asker, seen)
    return seen


def _numbered(block: Block, left: Sequence[int]) -> Block:
    """Give ``block`` with the numbers of its points in the whole list."""
    cells = [replace(cell, members=tuple(left[member] for member in cell.members)) for cell in block.cells]
    return replace(block, cells=tuple(cells))


def _ask(
    block: Block,
    points: Sequence[Point],
    manner: Manner,
    asker: Asker,
    seen: _Seen,
) -> tuple[Block, ...]:
    """Read a block; gives its halves where they are to be asked instead."""
    time.sleep(manner.gap_s)
    request = Request(block.unit_id, block.function, block.address, block.count)
    reply = asker.ask(request, manner.reply_timeout_s)
    if reply is None and asker.wrong:
        seen.wrong = asker.wrong
        seen.refused.update(block.members)
        named = points[block.members[0]]
        what = f"{block.count} addresses from {block.address}: the device {asker.wrong}"
        seen.findings.append(found("wrong_reply", named, what, _WRONG_HINT))
        return ()
    if reply is None or reply.exception in _GATEWAY_EXCEPTIONS:
        seen.silent.add(block.unit_id)
        named = points[block.members[0]]
        how = (
            f"no answer in {manner.reply_timeout_s:g} s"
            if reply is None
            else exception_in_words(reply.exception)
        )
        what = f"unit id {block.unit_id}: {how}"
        seen.findings.append(
            found("silent", named, what, "check unit_id", value=block.unit_id, unit="unit id")
        )
        return ()
    if reply.exception and len(block.cells) > 1:
        return halves(block)
    if reply.exception:
        seen.refused.update(block.members)
        seen.findings += [_refused(points[member], reply.exception, asker) for member in block.members]
        return ()
    for member in block.members:
        first, count = points[member].span
        start = first - block.address
        seen.samples.setdefault(member, []).append(list(reply.values[start : start + count]))
    return ()


def _refused(point: Point, code: int, asker: Asker) -> Finding:
    what = f"{point.table} {point.address} is refused: {exception_in_words(code)}"
    first, count = point.span
    for shift, column in ((-1, "address_one_based"), (1, "address_zero_based")):
        if code == ILLEGAL_ADDRESS and 0 <= first + shift <= 65536 - count:
            request = Request(point.unit_id, READ_FUNCTION[point.table], first + shift, count)
            reply = asker.ask(request, 0.5)
            if reply is not None and not reply.exception:
                near = point.address + shift
                hint = (
                    f"{near} answers: the numbers may be {column.removeprefix('address_')} (column {column})"
                )
                return found("off_by_one", point, what, hint, value=point.address, limit=near, unit="address")
    for table, function in READ_FUNCTION.items():
        if table != point.table and (function <= 2) == (READ_FUNCTION[point.table] <= 2):
            reply = asker.ask(Request(point.unit_id, function, first, count), 0.5)
            if reply is not None and not reply.exception:
                hint = f'the same address answers as "{table}"'
                return found("refused", point, what, hint, value=point.address, unit="address")
    return found("refused", point, what, "table, address, type, unit id", value=point.address, unit="address")
