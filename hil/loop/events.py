"""Things worth telling a person, kept until the recorder takes them. Bounded: what does not fit is counted."""

from __future__ import annotations

from dataclasses import dataclass

CAPACITY = 20_000
"""Events kept of one run; a signal that flutters for a day must not fill the disk."""
CHATTY = frozenset({"quality", "overrun", "device", "stage"})
"""Kinds that can come every cycle. They may not take the last of the room from faults, set-points and trips."""
RESERVED = 2_000
"""Room for the other kinds alone."""


@dataclass(frozen=True, slots=True)
class LoopEvent:
    """One event at loop time ``t_s`` (s)."""

    t_s: float
    kind: str
    source: str
    text: str


class EventLog:
    """Collects events of the loop.

    Attributes
    ----------
    dropped : int
        Events beyond the capacity of a run.
    """

    __slots__ = ("_kept", "_pending", "dropped")

    def __init__(self) -> None:
        self._pending: list[LoopEvent] = []
        self._kept = 0
        self.dropped = 0

    def emit(self, t_s: float, kind: str, source: str, text: str) -> None:
        """Keep one event, or count it as dropped."""
        room = CAPACITY - RESERVED if kind in CHATTY else CAPACITY
        if self._kept >= room:
            self.dropped += 1
            return
        self._kept += 1
        self._pending.append(LoopEvent(t_s, kind, source, text))

    @property
    def waiting(self) -> bool:
        """Whether there is anything to take."""
        return bool(self._pending)

    def take(self) -> list[LoopEvent]:
        """Give the events since the last call and forget them."""
        taken, self._pending = self._pending, []
        return taken
