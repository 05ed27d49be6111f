"""Payloads of values: JSON by path, or a text by template. Whatever comes in, an answer comes out and no exception.

A template is a text with ``{value}`` in one place, for example ``{value} degC``; a path names keys and list places
from outside to inside, with dots: ``data.0.temp``.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hil.devices.mqtt.instants import NotATimeError, parse_instant

LARGEST_BYTES = 65536
"""A longer payload is refused before it is looked at."""
VALUE = "{value}"
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_LONGEST_NAME = 40
_Found = TypeVar("_Found")
_WORDS = {"true": 1.0, "false": 0.0, "on": 1.0, "off": 0.0}


class UnreadableError(ValueError):
    """A payload is not what was agreed on; the text says how."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value as received.

    Attributes
    ----------
    value : float
        In the far end's unit; finite.
    time_s : float or None
        When the far end took it, s since 1970 UTC; None where it does not say.
    good : bool
        Whether the far end itself believes it.
    """

    value: float
    time_s: float | None = None
    good: bool = True


@dataclass(frozen=True, slots=True)
class JsonReader:
    """Takes value, time and quality out of a JSON document; a path that is None is not looked for.

    ``good`` lists what the far end writes for a good quality.
    """

    value: str
    time: str | None = None
    quality: str | None = None
    good: tuple[str, ...] = ("good", "true", "ok", "0", "192")

    def read(self, payload: bytes) -> Reading:
        """Read one payload; raises :class:`UnreadableError`."""
        return self.take(json_document(payload))

    def take(self, document: Any) -> Reading:
        """Take the value out of a payload that was parsed; raises :class:`UnreadableError`."""
        good = self.quality is None or _as_word(_at(document, self.quality)) in self.good
        return Reading(_as_number(_at(document, self.value), self.value), self._time(document), good)

    def _time(self, document: Any) -> float | None:
        if self.time is None:
            return None
        try:
            return parse_instant(_at(document, self.time))
        except NotATimeError as error:
            raise UnreadableError(f"{self.time}: {error}") from error


class TextReader:
    """Takes the value out of a text that follows a template; ``ValueError`` where that has no place for it."""

    __slots__ = ("_pattern", "template")

    def __init__(self, template: str = VALUE) -> None:
        before, place, after = template.partition(VALUE)
        if not place or VALUE in after:
            raise ValueError(f"the template {template!r} needs {VALUE} in one place")
        self.template = template
        words = "|".join(_WORDS)
        # One place for blanks between two things: with two of them, a long row of blanks would be tried in every way.
        ahead = rf"{re.escape(before.strip())}\s*" if before.strip() else ""
        behind = rf"\s*{re.escape(after.strip())}" if after.strip() else ""
        self._pattern = re.compile(rf"{ahead}(?P<value>{_NUMBER}|{words}){behind}", re.ASCII | re.IGNORECASE)

    def read(self, payload: bytes) -> Reading:
        """Read one payload; raises :class:`UnreadableError`."""
        found = self._pattern.fullmatch(text_of(payload).strip())
        if found is None:
            raise UnreadableError(f"does not follow the template {self.template!r}")
        word = found["value"].lower()
        return Reading(_WORDS[word] if word in _WORDS else _finite(float(word), "the value"))


Reader = JsonReader | TextReader


def read_all(readers: Sequence[Reader], payload: bytes) -> list[Reading | UnreadableError]:
    """Give what each reader finds in one payload, or why it finds nothing; JSON is parsed once for all of them."""
    document = (
        _or_why(json_document, payload) if any(isinstance(each, JsonReader) for each in readers) else None
    )

    def read(reader: Reader) -> Reading | UnreadableError:
        if isinstance(reader, TextReader):
            return _or_why(reader.read, payload)
        return document if isinstance(document, UnreadableError) else _or_why(reader.take, document)

    return [read(reader) for reader in readers]


def _or_why(read: Callable[[Any], _Found], payload: Any) -> _Found | UnreadableError:
    try:
        return read(payload)
    except UnreadableError as error:
        return error


def json_document(payload: bytes) -> Any:
    """Parse JSON strictly: no NaN, no infinity, no name twice, UTF-8 only; raises :class:`UnreadableError`."""
    text = text_of(payload)
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_each_name_once)
    except UnreadableError:
        raise
    except (ValueError, RecursionError) as error:
        raise UnreadableError("is not JSON") from error


def json_payload(document: object) -> bytes:
    """Write JSON without blanks; ``ValueError`` for a number that is not finite."""
    return json.dumps(document, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()


def text_of(payload: bytes) -> str:
    """Decode a payload; :class:`UnreadableError` beyond :data:`LARGEST_BYTES`, or where it is not UTF-8."""
    if len(payload) > LARGEST_BYTES:
        raise UnreadableError(f"is longer than {LARGEST_BYTES} bytes")
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise UnreadableError("is not UTF-8") from error


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Which of two values was meant cannot be known, and readers differ in which they take."""
    found = dict(pairs)
    if len(found) != len(pairs):
        # In one pass: whoever may publish here may send as many names as a payload holds.
        times = Counter(name for name, _ in pairs)
        twice = next(name for name in times if times[name] > 1)
        raise UnreadableError(f"has the name {twice[:_LONGEST_NAME]!r} twice")
    return found


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _at(document: Any, path: str) -> Any:
    for key in path.split("."):
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and key.isascii() and key.isdigit() and int(key) < len(document):
            document = document[int(key)]
        else:
            raise UnreadableError(f"has no {path}")
    return document


def _as_number(found: Any, path: str) -> float:
    """Take numbers, booleans, and numbers in quotes, which many gateways write."""
    if isinstance(found, str) and re.fullmatch(_NUMBER, found.strip(), re.ASCII):
        found = float(found)
    if not isinstance(found, (int, float)):
        raise UnreadableError(f"{path} is no number")
    try:
        return _finite(float(found), path)
    except OverflowError as error:
        raise UnreadableError(f"{path} is too large") from error


def _finite(number: float, path: str) -> float:
    if not math.isfinite(number):
        raise UnreadableError(f"{path} is too large")
    return number


def _as_word(found: Any) -> str | None:
    """Give a quality as it may stand in a list of good ones; None for an object or a list, which is no word."""
    if isinstance(found, (dict, list)):
        return None
    return found.strip().lower() if isinstance(found, str) else json.dumps(found)
