"""Random numbers that are told by where they stand, not by what was drawn before.

SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014), its state begun from
seed, fault and number of the frame: the n-th frame's fate is the same whatever befell the frames before it.
"""

from __future__ import annotations

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15


def _mixed(word: int) -> int:
    word = ((word ^ word >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    word = ((word ^ word >> 27) * 0x94D049BB133111EB) & _MASK
    return word ^ word >> 31


class Draw:
    """The numbers that decide what fault ``fault`` does to frame ``number``."""

    __slots__ = ("_state",)

    def __init__(self, seed: int, fault: int, number: int) -> None:
        state = seed & _MASK
        for word in (fault, number):
            state = _mixed((state + _STEP) & _MASK) ^ word
        self._state = state

    def unit(self) -> float:
        """Give a number from 0 up to, and without, 1."""
        return self._word() / 2.0**64

    def below(self, count: int) -> int:
        """Give a whole number from 0 to ``count`` - 1."""
        return self._word() % count

    def _word(self) -> int:
        self._state = (self._state + _STEP) & _MASK
        return _mixed(self._state)
