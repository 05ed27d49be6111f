"""How long to wait before the next attempt to connect: longer each time, and never in step with others."""

from __future__ import annotations

import random

_LEAST_SHARE = 0.5


class Backoff:
    """Doubles from ``least_s`` to ``most_s`` (s); each wait is drawn between half of that and all of it.

    A hall full of clients that lost the same broker would else come back all at once. ``seed`` makes equal runs equal.
    """

    __slots__ = ("_attempt", "_least_s", "_most_s", "_random")

    def __init__(self, least_s: float, most_s: float, seed: int) -> None:
        if not 0.0 < least_s <= most_s:
            raise ValueError(f"back-off from {least_s:g} s to {most_s:g} s")
        self._least_s, self._most_s = least_s, most_s
        self._random = random.Random(seed)
        self._attempt = 0

    def next_s(self) -> float:
        """Give the wait before the next attempt, s."""
        longest_s = min(self._most_s, self._least_s * 2.0 ** min(self._attempt, 60))
        self._attempt += 1
        return longest_s * self._random.uniform(_LEAST_SHARE, 1.0)

    def reset(self) -> None:
        """Begin anew, after a connection that held."""
        self._attempt = 0
