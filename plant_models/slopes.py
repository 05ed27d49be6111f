"""Slopes of a plant's equations at a point: central differences, and one side at a limit or a kink.

A slope is central where the equations are smooth. On a limit of its domain a variable moves away from the limit only,
and the slope is that of this side. At a kink, where the slopes ahead and behind differ however short the step, it is
the one ahead (the variable rises). Where the slopes come together as the step shrinks, but one side bends (mixing that
grows from nothing) or breaks within a step, it is that at the point itself, and is told with the kinks.

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
_UNEVEN = 0.01
"""Of the larger slope, from which on the step shows in the central one."""
_ONE_SIDED = 0.1
"""Of the gap between the sides: what bends alike on both sides has the same central slope at any step."""
_ROUNDING = 1e-6
"""Of the steepest slope of the same result: below it a difference is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """Slopes; and where there is a kink, or one side bends away from the other within a step."""

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
    wide = variables.sides(function)
    matrix, gap = _central(wide), np.abs(wide[0] - wide[1])
    if not _differ(wide, _UNEVEN).any():
        return Slopes(matrix, np.zeros(matrix.shape, bool))
    short = variables.sides(function, _SHORTER)
    bent = _differ(wide, _DISAGREE)
    one_sided = np.abs(matrix - _central(short)) > _ONE_SIDED * gap
    kinks = bent & _differ(short, _DISAGREE) & (np.abs(short[0] - short[1]) > 0.5 * gap)
    matrix = _limit(wide, short)
    matrix[kinks] = wide[0][kinks]
    for pattern in np.unique(kinks[kinks.sum(axis=1) > 1], axis=0):
        rows = (kinks == pattern).all(axis=1)
        chosen, _ = variables.set_apart(pattern).sides(function)
        matrix[np.ix_(rows, pattern)] = chosen[np.ix_(rows, pattern)]
    return Slopes(matrix, kinks | (bent & one_sided))


def _central(sides: tuple[Array, Array]) -> Array:
    return 0.5 * (sides[0] + sides[1])


def _differ(sides: tuple[Array, Array], share: float) -> Flags:
    """Where the slopes of the two sides differ by ``share`` of the larger, and by more than rounding."""
    gap = np.abs(sides[0] - sides[1])
    larger = np.maximum(np.abs(sides[0]), np.abs(sides[1]))
    rounding = _ROUNDING * larger.max(axis=1, initial=0.0, keepdims=True)
    return np.asarray((gap > share * larger) & (gap > rounding), bool)


def _limit(wide: tuple[Array, Array], short: tuple[Array, Array]) -> Array:
    """Central slope as the step goes to nothing, where the step shows in it.

    What bends away on one side, or on both, shows by the step, so a line through the two slopes leads there. Where the
    sides come together sooner than the step shrinks, the short one is past what broke the wide one.
    """
    gap, short_gap = np.abs(wide[0] - wide[1]), np.abs(short[0] - short[1])
    apart, moved = _differ(wide, _UNEVEN), _differ((_central(wide), _central(short)), _UNEVEN)
    with_the_step = ~apart | (np.abs(short_gap - _SHORTER * gap) < 0.4 * _SHORTER * gap)
    there = (_central(short) - _SHORTER * _central(wide)) / (1.0 - _SHORTER)
    return np.where(apart | moved, np.where(with_the_step, there, _central(short)), _central(wide))
