"""The nearest right word to a wrong one, for messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_CUTOFF = 0.6
"""Least similarity (0 to 1) worth proposing; below it the proposal confuses more than it helps."""


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """Give the candidate most like ``word``, letter case aside, or None where none is close."""
    by_folded: dict[str, str] = {}
    for candidate in candidates:
        by_folded.setdefault(candidate.casefold(), candidate)
    close = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=_CUTOFF)
    return by_folded[close[0]] if close else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Give the hint of a message: ``did you mean "x"?``, or nothing where no candidate is close."""
    close = nearest(word, candidates)
    return f'did you mean "{close}"?' if close is not None else ""


def one_of(word: str, candidates: Iterable[str]) -> str:
    """Give the hint for a short closed list: the close one where there is one, else all of them."""
    listed = tuple(candidates)
    return did_you_mean(word, listed) or f"one of: {', '.join(listed)}"
