"""Instants on the wire: ISO 8601 with a zone, or seconds or milliseconds since 1970 UTC."""

from __future__ import annotations

import math
from datetime import UTC, datetime

_MILLISECONDS_FROM = 1e11
"""As seconds this is the year 5138, as milliseconds 1973: a number from here on counts milliseconds."""
_LATEST_S = 4102444800.0
"""The year 2100; what is later is no time of a measurement."""


class NotATimeError(ValueError):
    """Something is no instant; the text says why."""


def parse_instant(found: object) -> float:
    """Give s since 1970 UTC; raises :class:`NotATimeError`."""
    if isinstance(found, bool) or not isinstance(found, (int, float, str)):
        raise NotATimeError("is neither a number nor a text")
    try:
        seconds = _of_text(found) if isinstance(found, str) else float(found)
    except (ValueError, OverflowError) as error:
        raise NotATimeError("is no time") from error
    if math.isfinite(seconds) and seconds >= _MILLISECONDS_FROM:
        seconds /= 1000.0
    if not 0.0 <= seconds <= _LATEST_S:
        raise NotATimeError("is not between 1970 and 2100")
    return seconds


def _of_text(text: str) -> float:
    when = datetime.fromisoformat(text.strip())
    if when.tzinfo is None:
        # A time without a zone may be an hour or half a day off: no age can be told from it.
        raise NotATimeError("has no zone: write Z for UTC")
    return when.timestamp()


def write_instant(seconds: float) -> str:
    """Write s since 1970 as ISO 8601 in UTC, to the millisecond."""
    when = datetime.fromtimestamp(round(seconds, 3), UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
