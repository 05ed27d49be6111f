"""Parts of one load: unequal, and one after the other."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from plant_models.errors import WorkloadError
from plant_models.workload.curve import Line, Profile, check_finite


@dataclass(frozen=True, slots=True)
class Share(Profile):
    """``weight`` times another load, ``lag_s`` later. Nothing of that load is copied, so many shares take no memory.

    Before the lag is over, the first level of the other load holds as it does before its own start.
    """

    of: Profile = field(repr=False)
    weight: float
    lag_s: float = 0.0

    def __post_init__(self) -> None:
        check_finite(weight=self.weight, lag_s=self.lag_s)
        self._draw(_Scaled(self.of.line.fork(), self.weight, self.lag_s))


class _Scaled:
    __slots__ = ("_lag_s", "_of", "_weight")

    def __init__(self, of: Line, weight: float, lag_s: float) -> None:
        self._of, self._weight, self._lag_s = of, weight, lag_s

    def fork(self) -> _Scaled:
        return _Scaled(self._of.fork(), self._weight, self._lag_s)

    def value(self, t_s: float) -> float:
        return self._weight * self._of.value(t_s - self._lag_s)

    def mean(self, t0_s: float, t1_s: float) -> float:
        return self._weight * self._of.mean(t0_s - self._lag_s, t1_s - self._lag_s)

    def held_until_s(self, t_s: float) -> float:
        return self._of.held_until_s(t_s - self._lag_s) + self._lag_s


def unequal_weights(parts: int, spread: float, seed: int) -> tuple[float, ...]:
    """Draw the shares of ``parts`` in a whole: together 1, each within ``spread`` of the mean before that.

    Parameters
    ----------
    parts : int
        1 or more.
    spread : float
        0 (all alike) to below 1.
    seed : int
        The same seed gives the same shares, to the bit.

    Raises
    ------
    WorkloadError
        A figure out of range.
    """
    if parts < 1 or not 0.0 <= spread < 1.0:
        raise WorkloadError(
            f"{parts} parts with a spread of {spread}: 1 or more, and a spread of 0 to below 1"
        )
    draw = random.Random(f"shares {seed}")
    drawn = [1.0 + draw.uniform(-spread, spread) for _ in range(parts)]
    whole = sum(drawn)
    return tuple(one / whole for one in drawn)
