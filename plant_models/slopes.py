"""Slopes of a plant's equations at a point: central differences, and one side at a limit or a kink.

A slope is central where the equations are smooth. On a limit of its domain a variable moves away from the limit only,
and the slope is that of this side. At a kink, where the slopes ahead and behind differ however short the step, it is
the one ahead (the variable rises).

Kinks of one result in several variables are mostly a maximum or minimum over equals, each of which has the slope 1
ahead: their sum is too large by their number. So the variables are first set apart by some steps, the first one
highest, and one of the equals has the whole slope.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_APART_STEPS = 4.0
"""Between equals set apart: more than the two steps of a central difference."""
_SHORTER = 0.25
_DISAGREE = 0.1
"""Of the larger slope; of a smooth function the difference shrinks with the step."""
_ROUNDING = 1e-6
"""Of the steepest slope of the same result: below it a difference is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """Slopes and where one side was taken for a kink."""

    matrix: Array  # (n_out, n_in)
    kinks: Flags  # (n_out, n_in)


@dataclass(frozen=True, slots=True, eq=False)
class Variables:
    """Where slopes are taken, and between which limits the variables may move."""

    at: Array  # (n_in,)
    steps: Array  # (n_in,)
    low: Array  # (n_in,)
    high: Array  # (n_in,)

    @property
    def stuck(self) -> Flags:
        """Which variables have no room for a step on either side."""  # (n_in,)
        return ~(self._has_room_above | self._has_room_below)

    @property
    def _has_room_above(self) -> Flags:
        return self.at + self.steps <= self.high

    @property
    def _has_room_below(self) -> Flags:
        return self.at - self.steps >= self.low

    def sides(self, function: Callable[[Array], Array], shorter: float = 1.0) -> tuple[Array, Array]:
        """Slopes ahead and behind; the same where there is one side only."""  # (n_out, n_in) each
        here = function(self.at).copy()
        ahead, behind = np.zeros((here.size, self.at.size)), np.zeros((here.size, self.at.size))
        for slot, step in enumerate(self.steps * shorter):
            above, below = self.at.copy(), self.at.copy()
            above[slot] += step
            below[slot] -= step
            if self._has_room_above[slot]:
                ahead[:, slot] = (function(above) - here) / (above[slot] - self.at[slot])
            if self._has_room_below[slot]:
                behind[:, slot] = (here - function(below)) / (self.at[slot] - below[slot])
            if not self._has_room_above[slot]:
                ahead[:, slot] = behind[:, slot]
            if not self._has_room_below[slot]:
                behind[:, slot] = ahead[:, slot]
        return ahead, behind

    def set_apart(self, those: Flags) -> Variables:
        """Those of the variables moved up by some steps each, the first one farthest."""
        rank = np.cumsum(those[::-1])[::-1] - 1.0
        moved = np.minimum(self.at + _APART_STEPS * self.steps * rank, self.high)
        return Variables(np.where(those, moved, self.at), self.steps, self.low, self.high)


def slopes(function: Callable[[Array], Array], variables: Variables) -> Slopes:
    """Slopes of ``function`` in each of ``variables``, of which none may be stuck."""
    ahead, behind = variables.sides(function)
    matrix = 0.5 * (ahead + behind)
    kinks = _disagree(ahead, behind, ahead, behind)
    if kinks.any():
        kinks &= _disagree(*variables.sides(function, _SHORTER), ahead, behind)
    matrix[kinks] = ahead[kinks]
    for pattern in np.unique(kinks[kinks.sum(axis=1) > 1], axis=0):
        rows = (kinks == pattern).all(axis=1)
        chosen, _ = variables.set_apart(pattern).sides(function)
        matrix[np.ix_(rows, pattern)] = chosen[np.ix_(rows, pattern)]
    return Slopes(matrix, kinks)


def _disagree(ahead: Array, behind: Array, wide_ahead: Array, wide_behind: Array) -> Flags:
    """Where the slopes of the two sides differ, and no less than half as much as with a wider step."""
    gap = np.abs(ahead - behind)
    larger = np.maximum(np.abs(ahead), np.abs(behind))
    rounding = _ROUNDING * larger.max(axis=1, initial=0.0, keepdims=True)
    wide_gap = np.abs(wide_ahead - wide_behind)
    return np.asarray((gap > _DISAGREE * larger) & (gap > rounding) & (gap > 0.5 * wide_gap), bool)
