"""The start-up proof of a Modbus TCP device: one blocking conversation that finds what is wrong.

Every point is read once. What does not answer is looked into until a person can be told the cause and the
nearest right thing: another unit id that answers, the neighbour of an address that is off by one. A unit that is only
written is asked one question, for nothing else would tell that it is not there.
"""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Sequence

from hil.config.points import Point
from hil.devices.modbus.conversation import WRONG_REPLY_HINT, BrokenError, Conversation, connect, resolve
from hil.devices.modbus.link import SocketAddress
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.wire.coalesce import READ_FUNCTION, Block, coalesce_reads, halves
from hil.devices.wire.codec import (
    ILLEGAL_ADDRESS,
    Reply,
    Request,
    exception_in_words,
)
from hil.errors import DeviceError, Problem

OTHER_UNIT_IDS = (1, 255, 0, *range(2, 11))
"""Unit ids tried where the listed one is silent, most common first."""
_PROBE_TIMEOUT_S = 0.2
_READS = 5
_GATEWAY_EXCEPTIONS = frozenset({10, 11})
_ADVICE_LIMIT = 3
"""Points whose neighbours are asked: enough to see a list that is off by one, few enough to stay short."""


def prove(
    name: str,
    settings: ModbusTcpSettings,
    points: Sequence[Point],
    place: tuple[str, int | None],
    deadline_s: float,
    written: Sequence[Point] = (),
) -> tuple[SocketAddress, socket.socket, float]:
    """Connect, read every point, and have every unit answer; gives address, open connection, and read time, s.

    The read time is that of the first read, or the median of five where the first outlasts the loop's period.

    Parameters
    ----------
    name, settings
        As of the device.
    points : sequence of Point
        To be read.
    place : (str, int or None)
        File and line of the device in the rig.
    deadline_s : float
        Latest end, on ``time.monotonic``.
    written : sequence of Point
        To be written. Of a unit none of whose points is read, one is asked for; a refusal is an answer, unless it is a
        gateway's that does not reach the unit.

    Raises
    ------
    DeviceError
        With a problem for the device, or one for each point that is refused.
    """
    who = f'device "{name}" at {settings.address}'
    address = resolve(who, settings, place)
    connection = connect(who, settings, address, place)
    conversation = Conversation(connection, deadline_s)
    began_s, read_s = time.perf_counter(), 0.0
    try:
        problems = _read_all(who, settings, points, place, conversation)
        read_s = time.perf_counter() - began_s
        if not problems and read_s > settings.period_s:
            read_s = _median_read_s(read_s, settings, points, conversation)
        if not (problems and conversation.out_of_time):
            problems += _ask_written(who, settings, _first_of_units(points, written), place, conversation)
    except (BrokenError, OSError) as error:
        why = str(error) if isinstance(error, BrokenError) else f"drops the connection: {error.strerror}"
        problems = [Problem(*place, f"{who} {why}", "check host and port; close other clients of the device")]
    if problems:
        connection.close()
        raise DeviceError(problems)
    return address, connection, read_s


def _median_read_s(
    first_s: float, settings: ModbusTcpSettings, points: Sequence[Point], conversation: Conversation
) -> float:
    """Read all points up to four times more; the machine, and the device, may have been busy the first time."""
    took_s = [first_s]
    blocks = coalesce_reads(points, settings.limits)
    while len(took_s) < _READS and not conversation.out_of_time:
        began_s = time.perf_counter()
        for block in blocks:
            time.sleep(settings.gap_ms / 1e3)
            conversation.ask(_request(block), settings.reply_timeout_s)
        took_s.append(time.perf_counter() - began_s)
    return statistics.median(took_s)


def _read_all(
    who: str,
    settings: ModbusTcpSettings,
    points: Sequence[Point],
    place: tuple[str, int | None],
    conversation: Conversation,
) -> list[Problem]:
    problems: list[Problem] = []
    pending = list(coalesce_reads(points, settings.limits))
    while pending:
        block = pending.pop(0)
        time.sleep(settings.gap_ms / 1e3)
        reply = conversation.ask(_request(block), settings.reply_timeout_s)
        if reply is None and conversation.out_of_time:
            raise BrokenError("does not answer all in time: the time for the start-up proof ran out")
        if reply is None or reply.exception in _GATEWAY_EXCEPTIONS:
            return [*problems, _silent(who, settings, points, block, place, conversation, reply)]
        if reply.exception and len(block.cells) > 1:
            pending[:0] = halves(block)
        elif reply.exception:
            problems += _refused(who, points, block, reply, conversation, len(problems) < _ADVICE_LIMIT)
    return problems


def _first_of_units(points: Sequence[Point], written: Sequence[Point]) -> list[Point]:
    """Give the first written point of each unit of which nothing is read."""
    known = {point.unit_id for point in points}
    firsts: dict[int, Point] = {}
    for point in written:
        if point.unit_id not in known:
            firsts.setdefault(point.unit_id, point)
    return list(firsts.values())


def _ask_written(
    who: str,
    settings: ModbusTcpSettings,
    firsts: Sequence[Point],
    place: tuple[str, int | None],
    conversation: Conversation,
) -> list[Problem]:
    """Ask each unit that is only written; a point that cannot be read is refused, by a unit that is there."""
    problems: list[Problem] = []
    for point in firsts:
        (block,) = coalesce_reads([point], settings.limits)
        time.sleep(settings.gap_ms / 1e3)
        reply = conversation.ask(_request(block), settings.reply_timeout_s)
        if reply is None and conversation.out_of_time:
            raise BrokenError("does not answer all in time: the time for the start-up proof ran out")
        if reply is None or reply.exception in _GATEWAY_EXCEPTIONS:
            problems.append(_silent(who, settings, [point], block, place, conversation, reply))
    return problems


def _request(block: Block, shift: int = 0, unit_id: int | None = None) -> Request:
    unit = block.unit_id if unit_id is None else unit_id
    return Request(unit, block.function, block.address + shift, block.count)


def _silent(
    who: str,
    settings: ModbusTcpSettings,
    points: Sequence[Point],
    block: Block,
    place: tuple[str, int | None],
    conversation: Conversation,
    reply: Reply | None,
) -> Problem:
    """Say that a unit does not answer, or not what was asked, and which others do."""
    first = points[block.members[0]]
    wrong = conversation.wrong
    silent = f"does not answer within {settings.reply_timeout_s:g} s"
    how = wrong or (silent if reply is None else exception_in_words(reply.exception))
    where = f'{first.file}:{first.line} "{first.signal}"'
    what = f"{who}, unit id {block.unit_id}: {how} (asked for {where})"
    answering, tried = [], []
    for unit_id in OTHER_UNIT_IDS:
        if unit_id == block.unit_id or conversation.out_of_time:
            continue
        tried.append(str(unit_id))
        other = conversation.ask(_request(block, unit_id=unit_id), _PROBE_TIMEOUT_S)
        if other is not None and other.exception not in _GATEWAY_EXCEPTIONS:
            answering.append(str(unit_id))
    if answering:
        ids = ", ".join(answering)
        return Problem(*place, what, f"unit id {ids} answers: correct unit_id in {first.file}")
    if wrong:
        return Problem(*place, what, WRONG_REPLY_HINT)
    what_else = f"no other unit id answers either (tried {', '.join(tried)}): is Modbus switched on?"
    return Problem(*place, what, what_else)


def _refused(
    who: str, points: Sequence[Point], block: Block, reply: Reply, conversation: Conversation, advise: bool
) -> list[Problem]:
    """Name each point of a refused cell, with the exception in words."""
    hint = _neighbour(block, conversation) if advise and reply.exception == ILLEGAL_ADDRESS else ""
    return [
        Problem(
            points[member].file,
            points[member].line,
            f'{who} refuses "{points[member].signal}" ({points[member].table} {block.address}, '
            f"unit id {block.unit_id}): {exception_in_words(reply.exception)}",
            hint or "check table, address and unit id against the device's book",
        )
        for member in block.members
    ]


def _neighbour(block: Block, conversation: Conversation) -> str:
    """Look for what a wrong address usually is: off by one, or in the other table."""
    for shift, column in ((-1, "address_one_based"), (1, "address_zero_based")):
        if block.address + shift >= 0 and block.address + shift + block.count <= 65536:
            reply = conversation.ask(_request(block, shift), _PROBE_TIMEOUT_S)
            if reply is not None and not reply.exception:
                near = block.address + shift
                return (
                    f"{near} answers: the numbers may be {column.removeprefix('address_')} (column {column})"
                )
    for table, function in READ_FUNCTION.items():
        if function != block.function and (function <= 2) == (block.function <= 2):
            twin = Request(block.unit_id, function, block.address, block.count)
            reply = conversation.ask(twin, _PROBE_TIMEOUT_S)
            if reply is not None and not reply.exception:
                return f'the same address answers as "{table}"'
    return ""
