"""The start-up proof of a serial line: every point is read once, and what does not answer is looked into."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from hil.config.points import Point
from hil.devices.rtu.conversation import EchoError, RtuConversation, open_or_say
from hil.devices.rtu.settings import BusSettings, StationSettings
from hil.devices.wire.coalesce import Block, coalesce_reads, halves
from hil.devices.wire.codec import Reply, Request, exception_in_words
from hil.errors import DeviceError, Problem

_PROBE_TIMEOUT_S = 0.15
_GATEWAY_EXCEPTIONS = frozenset({10, 11})
_ATTEMPTS = 2
"""A single frame may be lost to noise."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """What the proof works with: line, conversation, points of a unit, and where the rig names them."""

    bus: BusSettings
    conversation: RtuConversation
    points: tuple[Point, ...]
    place: tuple[str, int | None]
    who: str


def prove(
    name: str, bus: BusSettings, stations: Sequence[StationSettings], place: tuple[str, int | None],
    places: dict[str, tuple[str, int | None]], deadline_s: float,
) -> None:  # fmt: skip
    """Open the line, read every point of every unit, and close it again.

    Parameters
    ----------
    name, bus
        The line.
    stations : sequence of StationSettings
        Its units.
    place : (str, int or None)
        File and line of the bus in the rig.
    places : dict of str to (str, int or None)
        The same of each device.
    deadline_s : float
        Latest end, on ``time.monotonic``.

    Raises
    ------
    DeviceError
        With a problem for the port, for each unit that is silent, and for each point that is refused.
    """
    who = f'bus "{name}" on {bus.port}, {bus.in_words}'
    wire = open_or_say(bus, who, place)
    conversation = RtuConversation(bus, wire, deadline_s)
    problems: list[Problem] = []
    try:
        for station in stations:
            points = _readable(station)
            device = f'device "{station.device}" on {bus.port}, {bus.in_words}'
            asked = _Ask(bus, conversation, tuple(points), places[station.device], device)
            if station.unit_id:
                problems += _read_unit(asked, station)
    except EchoError:
        hint = f"local_echo: true under buses.{name}"
        problems = [Problem(*place, f"{who}: the adapter hears what it sends", hint)]
    except OSError as error:
        problems = [Problem(*place, f"{who}: lost: {error.strerror or error}", "check the adapter")]
    finally:
        conversation.close()
        wire.close()
    if problems:
        raise DeviceError(problems)


def _readable(station: StationSettings) -> list[Point]:
    points = [polled.point for polled in station.reads]
    written = [point for point, _ in station.writes]
    written += [point.feedback for point in written if point.rules.verifies and point.feedback is not None]
    written += [station.heartbeat] if station.heartbeat is not None else []
    return points + [point for point in written if point.readable and point not in points]


def _read_unit(asked: _Ask, station: StationSettings) -> list[Problem]:
    problems: list[Problem] = []
    pending = list(coalesce_reads(asked.points, station.limits.limits))
    while pending:
        block = pending.pop(0)
        time.sleep(max(station.gap_s, asked.bus.silence_ns / 1e9))
        reply = _ask(asked, block)
        if asked.conversation.out_of_time:
            what = f"{asked.who}: unit {station.unit_id} does not answer all in time: the start-up proof ran out of it"
            return [
                *problems,
                Problem(*asked.place, what, "see which unit is slow: fewer points, or a higher baud rate"),
            ]
        if reply is None or reply.exception in _GATEWAY_EXCEPTIONS:
            return [*problems, _silent(asked, block, reply)]
        if reply.exception and len(block.cells) > 1:
            pending[:0] = halves(block)
        elif reply.exception:
            problems += _refused(asked, block, reply)
    return problems


def _ask(asked: _Ask, block: Block) -> Reply | None:
    request = Request(block.unit_id, block.function, block.address, block.count)
    for _ in range(_ATTEMPTS):
        reply = asked.conversation.ask(request, asked.bus.reply_timeout_s)
        if reply is not None or asked.conversation.out_of_time:
            return reply
    return None


def _silent(asked: _Ask, block: Block, reply: Reply | None) -> Problem:
    """Say that a unit does not answer, and what else can be found out."""
    first = asked.points[block.members[0]]
    how = (
        f"does not answer within {asked.bus.reply_timeout_s:g} s"
        if reply is None
        else exception_in_words(reply.exception)
    )
    where = f'{first.file}:{first.line} "{first.signal}"'
    what = f"{asked.who}: unit {block.unit_id} {how} (asked for {where})"
    if asked.conversation.noise_bytes:
        what += f"; {asked.conversation.noise_bytes} bytes came that are no reply"
        hint = "baud rate, parity and stop bits must be the unit's; then A and B, bias and termination"
        return Problem(*asked.place, what, hint)
    answering = [
        str(unit_id)
        for unit_id in range(1, 11)
        if unit_id != block.unit_id
        and not asked.conversation.out_of_time
        and _is_there(asked, block, unit_id)
    ]
    if answering:
        return Problem(*asked.place, what, f"unit {', '.join(answering)} answers: correct unit_id")
    hint = (
        "units 1 to 10 are silent too: check baud rate, parity, A and B, and whether Modbus is switched on "
        "in the unit (many drives ship with their station address off)"
    )
    return Problem(*asked.place, what, hint)


def _is_there(asked: _Ask, block: Block, unit_id: int) -> bool:
    request = Request(unit_id, block.function, block.address, block.count)
    reply = asked.conversation.ask(request, min(_PROBE_TIMEOUT_S, asked.bus.reply_timeout_s))
    return reply is not None and reply.exception not in _GATEWAY_EXCEPTIONS


def _refused(asked: _Ask, block: Block, reply: Reply) -> list[Problem]:
    return [
        Problem(
            point.file,
            point.line,
            f'{asked.who} refuses "{point.signal}" ({point.table} {block.address}, unit {block.unit_id}): '
            f"{exception_in_words(reply.exception)}",
            "check table, address and unit id against the device's book",
        )
        for point in (asked.points[member] for member in block.members)
    ]
