"""Whether the recorder's keeper is still at work, as the loop sees it: from a counter in shared memory."""

from __future__ import annotations

from hil.loop.clock import NS_PER_S

SILENT_NS = 3 * NS_PER_S
"""A keeper that has not counted for so long is taken for stopped or gone, ns; it counts ten times a second."""
_SILENT_LOOKS = 4
"""And not before so many looks: after a suspend the first one finds hours gone by."""


class KeeperWatch:
    """Looks at the keeper's counter now and then.

    Attributes
    ----------
    stops : int
        How often it was found to stand still.
    """

    __slots__ = ("_looks", "_moved_ns", "_still", "_told", "stops")

    def __init__(self) -> None:
        self._looks = self._moved_ns = self._still = 0
        self._told = False
        self.stops = 0

    def look(self, now_ns: int, looks: int) -> bool:
        """Give whether the keeper, whose counter is at ``looks``, has just been found to stand still."""
        if looks != self._looks:
            self._looks, self._moved_ns, self._still, self._told = looks, now_ns, 0, False
            return False
        self._still += 1
        if self._told or self._still < _SILENT_LOOKS or now_ns - self._moved_ns < SILENT_NS:
            return False
        self._told = True
        self.stops += 1
        return True
