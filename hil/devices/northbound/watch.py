"""The loop as the server sees it: its latest values, and since when nothing new has come."""

from __future__ import annotations

from typing import Protocol

from hil.devices.northbound.answers import Sight
from hil.loop.clock import NS_PER_S
from hil.loop.table import Latest


class Table(Protocol):
    """Where the latest values come from: :class:`hil.loop.table.LatestReader`."""

    @property
    def sequence(self) -> int:
        """Goes up by 2 with each cycle; odd while it is written."""
        ...

    def read(self) -> Latest | None:
        """Give the signals as of the last cycle."""
        ...


class Watch:
    """Looks at the table, and tells a loop that stands still by the time since its last cycle.

    Parameters
    ----------
    table : Table
        Of the loop.
    silent_after_s : float
        Time without a cycle after which the loop is dead, s.

    Attributes
    ----------
    silences : int
        How often the loop has fallen silent.
    """

    def __init__(self, table: Table, silent_after_s: float) -> None:
        self._table = table
        self._silent_after_ns = int(silent_after_s * NS_PER_S)
        self._latest: Latest | None = None
        self._sequence = 0
        self._seen_ns = 0
        self._was_silent = True
        self.silences = 0

    def look(self, now_ns: int) -> Sight:
        """Give what is known at ``now_ns``, a time of the machine's that does not go back, ns."""
        sequence = self._table.sequence
        # Odd: a cycle is just being written, or the loop was ended in the middle of it. What is known stands.
        if sequence != self._sequence and not sequence & 1:
            latest = self._table.read()
            if latest is not None:
                self._latest, self._sequence, self._seen_ns = latest, sequence, now_ns
        since_ns = now_ns - self._seen_ns
        silent = self._latest is None or since_ns > self._silent_after_ns
        self.silences += silent and not self._was_silent
        self._was_silent = silent
        return Sight(self._latest, self._sequence // 2, since_ns, silent)
