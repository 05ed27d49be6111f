"""Commands and their acknowledgements as JSON.

A command: ``{"id": "...", "time": ..., "life_s": 2, "values": {"name": 21.5, ...}}``. It takes effect whole or not
at all. An acknowledgement: ``{"id": "...", "accepted": true, "reason": "", "duplicate": false, "time": ...}``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hil.devices.mqtt.instants import NotATimeError, parse_instant, write_instant
from hil.devices.mqtt.payloads import UnreadableError, json_document, json_payload

LONGEST_ID = 128
MOST_VALUES = 1000


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody wants done.

    Attributes
    ----------
    id : str
        Names this command; the same id again is the same command again.
    issued_s : float
        When it was given, s since 1970 UTC.
    life_s : float
        For how long after that it may take effect, s.
    values : mapping of str to float
        What is asked for, by name, each in the unit of its point.
    """

    id: str
    issued_s: float
    life_s: float
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What became of a command; ``reason`` is empty where it was accepted.

    ``duplicate`` says that it had been taken before, and that this repeats the answer.
    """

    id: str
    accepted: bool
    reason: str = ""
    duplicate: bool = False


def write_command(command: Command) -> bytes:
    """Give the body of a command's message."""
    return json_payload(
        {
            "id": command.id,
            "time": write_instant(command.issued_s),
            "life_s": command.life_s,
            "values": dict(command.values),
        }
    )


def read_command(body: bytes) -> Command:
    """Read the body of a command's message; raises :class:`UnreadableError`."""
    document = _object(body)
    try:
        issued_s = parse_instant(document.get("time"))
    except NotATimeError as error:
        raise UnreadableError(f"time {error}") from error
    values = document.get("values")
    if not isinstance(values, dict) or not 0 < len(values) <= MOST_VALUES:
        raise UnreadableError(f"values must be an object of 1 to {MOST_VALUES} numbers")
    life_s = _number(document.get("life_s"), "life_s")
    if life_s <= 0.0:
        raise UnreadableError("life_s must be above 0")
    numbers = {name: _number(value, name) for name, value in values.items()}
    return Command(_id(document), issued_s, life_s, numbers)


def write_acknowledgement(answer: Acknowledgement, now_s: float) -> bytes:
    """Give the body of an acknowledgement's message, sent at ``now_s`` (s since 1970)."""
    return json_payload(
        {
            "id": answer.id,
            "accepted": answer.accepted,
            "reason": answer.reason,
            "duplicate": answer.duplicate,
            "time": write_instant(now_s),
        }
    )


def read_acknowledgement(body: bytes) -> Acknowledgement:
    """Read the body of an acknowledgement's message; raises :class:`UnreadableError`."""
    document = _object(body)
    accepted, reason = document.get("accepted"), document.get("reason", "")
    if not isinstance(accepted, bool):
        raise UnreadableError("accepted must be true or false")
    if not isinstance(reason, str):
        raise UnreadableError("reason must be a text")
    return Acknowledgement(_id(document), accepted, reason[:LONGEST_ID], document.get("duplicate") is True)


def id_in(document: object) -> str:
    """Give the id of a message that is refused, for its acknowledgement; empty where it has none to be read."""
    try:
        return _id(document) if isinstance(document, dict) else ""
    except UnreadableError:
        return ""


def _object(body: bytes) -> dict[str, Any]:
    document = json_document(body)
    if not isinstance(document, dict):
        raise UnreadableError("is no JSON object")
    return document


def _id(document: dict[str, Any]) -> str:
    found = document.get("id")
    if not isinstance(found, str) or not 0 < len(found) <= LONGEST_ID or not found.isprintable():
        raise UnreadableError(f"id must be a text of 1 to {LONGEST_ID} printable characters")
    return found


def _number(found: Any, name: str) -> float:
    # A command is written by a program for us: numbers in quotes and booleans are mistakes here.
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise UnreadableError(f"{name} must be a number")
    try:
        number = float(found)
    except OverflowError as error:
        raise UnreadableError(f"{name} is too large") from error
    if not math.isfinite(number):
        raise UnreadableError(f"{name} must be finite")
    return number
