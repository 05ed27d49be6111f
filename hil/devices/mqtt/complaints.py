"""What a person is told of values that come and are not taken: the first of each kind, and when it is over."""

from __future__ import annotations

from hil.loop.machine_time import NS_PER_S

AGAIN_NS = 60 * NS_PER_S
"""How often one thing is told of one value while its trouble comes and goes, ns."""
_OVER = "taken again"


class Complaints:
    """Which values are in trouble now, and what has been told of them lately. Time is an argument."""

    __slots__ = ("_now", "_told_ns")

    def __init__(self) -> None:
        self._now: dict[int, str] = {}
        self._told_ns: dict[tuple[int, str], int] = {}

    def begun(self, slot: int, kind: str, now_ns: int) -> bool:
        """Note trouble of ``kind`` with a value at ``now_ns``; gives whether that is to be told."""
        is_new = self._now.get(slot) != kind
        self._now[slot] = kind
        return is_new and self._is_worth_telling(slot, kind, now_ns)

    def over(self, slot: int, now_ns: int) -> bool:
        """Note that a value was taken at ``now_ns``; gives whether that is to be told."""
        return self._now.pop(slot, None) is not None and self._is_worth_telling(slot, _OVER, now_ns)

    def _is_worth_telling(self, slot: int, what: str, now_ns: int) -> bool:
        told_ns = self._told_ns.get((slot, what))
        if told_ns is not None and now_ns - told_ns < AGAIN_NS:
            return False
        self._told_ns[slot, what] = now_ns
        return True
