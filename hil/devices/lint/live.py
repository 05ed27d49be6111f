"""The points of a list on a live device: every number read a few times, and what that says about the list."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hil.config.points import Point
from hil.devices.lint.finding import Finding, Reach, found, reach_of
from hil.devices.lint.orders import judge
from hil.devices.lint.places import fits
from hil.devices.modbus_conversation import BrokenError, Conversation, connect, resolve
from hil.devices.modbus_settings import ModbusTcpSettings
from hil.devices.wire.coalesce import READ_FUNCTION, Block, coalesce_reads, halves
from hil.devices.wire.codec import ILLEGAL_ADDRESS, Request, exception_in_words
from hil.errors import DeviceError, Problem

SAMPLES, PAUSE_S = 3, 0.2
"""How often every point is read, and the pause between: a value that moves shows more of itself."""
_GATEWAY_EXCEPTIONS = frozenset({10, 11})


@dataclass(slots=True)
class _Seen:
    """What a device said so far."""

    samples: dict[int, list[list[int]]]
    findings: list[Finding]
    silent: set[int]
    refused: set[int]


def live_findings(
    points: Sequence[Point],
    settings: ModbusTcpSettings,
    signals: Mapping[str, Reach],
    timeout_s: float = 30.0,
) -> tuple[list[Finding], int]:
    """Read all readable points of a device, and nothing else; gives the findings and how many points answered.

    Raises
    ------
    DeviceError
        The device cannot be reached, breaks the conversation off, or none of its units answers.
    """
    who = f"the device at {settings.address}"
    place = ("--live", None)
    readable = [point for point in points if point.readable and fits(point, settings.limits)]
    connection = connect(who, settings, resolve(who, settings, place), place)
    with connection:
        conversation = Conversation(connection, time.monotonic() + timeout_s)
        try:
            seen = _ask_all(readable, settings, conversation)
        except (BrokenError, OSError) as error:
            why = str(error) if isinstance(error, BrokenError) else f"drops the connection: {error.strerror}"
            raise DeviceError(
                Problem(*place, f"{who} {why}", "close its other clients; see the port")
            ) from error
    if readable and not seen.samples and not seen.refused:
        raise DeviceError(Problem(*place, f"{who} does not answer", "check unit ids, host and port (502)"))
    for index, samples in sorted(seen.samples.items()):
        point = readable[index]
        if point.type != "bool" and point.bit is None:
            finding = judge(point, samples, reach_of(point, signals))
            seen.findings += [finding] if finding is not None else []
    return seen.findings, len(seen.samples)


def _ask_all(points: Sequence[Point], settings: ModbusTcpSettings, conversation: Conversation) -> _Seen:
    seen = _Seen({}, [], set(), set())
    for number in range(SAMPLES):
        if number:
            time.sleep(PAUSE_S)
        left = [index for index in range(len(points)) if index not in seen.refused]
        blocks = coalesce_reads([points[index] for index in left], settings.limits)
        pending = [_numbered(block, left) for block in blocks]
        while pending and not conversation.out_of_time:
            block = pending.pop(0)
            if block.unit_id not in seen.silent:
                pending[:0] = _ask(block, points, settings, conversation, seen)
    return seen


def _numbered(block: Block, left: Sequence[int]) -> Block:
    """Give ``block`` with the numbers of its points in the whole list."""
    cells = [replace(cell, members=tuple(left[member] for member in cell.members)) for cell in block.cells]
    return replace(block, cells=tuple(cells))


def _ask(
    block: Block,
    points: Sequence[Point],
    settings: ModbusTcpSettings,
    conversation: Conversation,
    seen: _Seen,
) -> tuple[Block, ...]:
    """Read a block; gives its halves where they are to be asked instead."""
    time.sleep(settings.gap_ms / 1e3)
    request = Request(block.unit_id, block.function, block.address, block.count)
    reply = conversation.ask(request, settings.reply_timeout_s)
    if reply is None or reply.exception in _GATEWAY_EXCEPTIONS:
        seen.silent.add(block.unit_id)
        named = points[block.members[0]]
        how = (
            f"no answer in {settings.reply_timeout_s:g} s"
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
        seen.findings += [_refused(points[member], reply.exception, conversation) for member in block.members]
        return ()
    for member in block.members:
        first, count = points[member].span
        start = first - block.address
        seen.samples.setdefault(member, []).append(list(reply.values[start : start + count]))
    return ()


def _refused(point: Point, code: int, conversation: Conversation) -> Finding:
    what = f"{point.table} {point.address} is refused: {exception_in_words(code)}"
    first, count = point.span
    for shift, column in ((-1, "address_one_based"), (1, "address_zero_based")):
        if code == ILLEGAL_ADDRESS and 0 <= first + shift <= 65536 - count:
            request = Request(point.unit_id, READ_FUNCTION[point.table], first + shift, count)
            reply = conversation.ask(request, 0.5)
            if reply is not None and not reply.exception:
                near = point.address + shift
                hint = (
                    f"{near} answers: the numbers may be {column.removeprefix('address_')} (column {column})"
                )
                return found("off_by_one", point, what, hint, value=point.address, limit=near, unit="address")
    for table, function in READ_FUNCTION.items():
        if table != point.table and (function <= 2) == (READ_FUNCTION[point.table] <= 2):
            reply = conversation.ask(Request(point.unit_id, function, first, count), 0.5)
            if reply is not None and not reply.exception:
                hint = f'the same address answers as "{table}"'
                return found("refused", point, what, hint, value=point.address, unit="address")
    return found("refused", point, what, "table, address, type, unit id", value=point.address, unit="address")
