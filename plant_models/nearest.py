"""The nearest right name to a wrong one, for messages."""

from __future__ import annotations

import difflib
from collections.abc import Collection


def closest(name: str, known: Collection[str]) -> str | None:
    """Name of ``known`` that is most like ``name``, or None where none is like it."""
    return next(iter(difflib.get_close_matches(name, known, n=1)), None)


def hint(name: str, known: Collection[str]) -> str:
    """Say which name was meant, or else which there are."""
    found = closest(name, known)
    return f"did you mean {found!r}?" if found is not None else f"there are {', '.join(known)}"
