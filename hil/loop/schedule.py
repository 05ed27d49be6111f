"""Things to do at given loop times: set-point changes, faults."""

from __future__ import annotations

from collections.abc import Callable, Iterable

Action = Callable[[int], None]
_NEVER_NS = 1 << 62


class Schedule:
    """Actions in order of time; those of one time in the order given.

    Attributes
    ----------
    next_ns : int
        Loop time of the next action: the cycle compares this one number and calls only when it is due.
    """

    __slots__ = ("_actions", "_position", "next_ns")

    def __init__(self, actions: Iterable[tuple[int, Action]] = ()) -> None:
        self._actions = sorted(actions, key=lambda entry: entry[0])
        self._position = 0
        self.next_ns = self._actions[0][0] if self._actions else _NEVER_NS

    def run_due(self, now_ns: int) -> None:
        """Run every action due at ``now_ns``; each is called with ``now_ns``."""
        while self.next_ns <= now_ns:
            self._actions[self._position][1](now_ns)
            self._position += 1
            done = self._position == len(self._actions)
            self.next_ns = _NEVER_NS if done else self._actions[self._position][0]
