"""What happened on a wire that a person wants to know, kept until someone outside the cycle asks."""

from __future__ import annotations


class Events:
    """A bounded list of (loop time ns, text). Full, it drops the new ones and counts them in ``dropped``."""

    __slots__ = ("_capacity", "_kept", "dropped")

    def __init__(self, capacity: int = 256) -> None:
        self._capacity = capacity
        self._kept: list[tuple[int, str]] = []
        self.dropped = 0

    def add(self, now_ns: int, text: str) -> None:
        """Keep an event, or count it as dropped."""
        if len(self._kept) < self._capacity:
            self._kept.append((now_ns, text))
        else:
            self.dropped += 1

    def drain(self) -> list[tuple[int, str]]:
        """Give the events kept since the last call, oldest first."""
        drained, self._kept = self._kept, []
        return drained
