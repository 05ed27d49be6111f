"""Staged changeover: one stage up or down by thresholds with a dead band, a delay and a minimum time in each stage.

Cooling has three stages: free, partly mechanical, mechanical. Thresholds that must be crossed for a while, dead bands
between them and 20 min in each mode are those of ASHRAE Guideline 36-2021, 5.20.3 (waterside economiser).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from controller.errors import StageError

MINIMUM_TIME_S = 1200.0
"""Least time in a stage, s: ASHRAE Guideline 36-2021, 5.20.3."""
DELAY_S = 120.0
"""Time for which a threshold must be crossed, s: as above."""
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Condition:
    """A second signal that must agree before a stage is changed.

    Attributes
    ----------
    levels : tuple of float
        One for each change between neighbouring stages, in the signal's unit.  # (n_stages - 1,)
    is_above : bool
        Whether the signal must be above its level, or below it.
    """

    levels: tuple[float, ...]
    is_above: bool

    def is_met(self, change: int, value: float) -> bool:
        """Whether ``value`` allows the change between stages ``change`` and ``change`` + 1."""
        level = self.levels[change]
        return value > level if self.is_above else value < level


class Stages:
    """Holds the number of a stage, 0 … n - 1, and changes it by one at a time.

    From stage i it goes up once the measured value has been above ``up_at[i]`` for ``delay_s``, and down to i once
    the value has been below ``down_at[i]`` for as long; with action ``reverse`` below and above. No stage is left
    before its minimum time, except by :meth:`force` and by hand. Times are counted in whole ns, so they are exact
    on any grid.

    Parameters
    ----------
    up_at, down_at : sequence of float
        Thresholds between stage i and i + 1, unit of the measured value.  # (n_stages - 1,)
    minimum_time_s : float or sequence of float
        Least time in every stage, or in each, s.
    delay_s : float
        Time for which a threshold must be crossed without a break, s.
    action : {"direct", "reverse"}
        ``direct``: the stage rises with the measured value.
    up_if, down_if : sequence of Condition
        What must hold besides, for as long.
    initial_stage : int
        Stage before the first step; its minimum time begins there.

    Attributes
    ----------
    stage : int
        The present one.
    manual : bool
        Whether the stage is held by hand.
    changes : int
        Changes by thresholds.
    waits : int
        Steps in which a change was due but for the minimum time.
    rejected : int
        Steps refused for a value or a time that is not finite, or a negative time.

    Raises
    ------
    StageError
        Thresholds without a dead band or out of order, times that are negative, lengths that do not fit.
    """

    __slots__ = (
        "_crossed_ns", "_delay_ns", "_down_at", "_down_if", "_in_stage_ns", "_minimum_ns", "_sign", "_toward", "_up_at",
        "_up_if", "changes", "manual", "rejected", "stage", "waits",
    )  # fmt: skip

    def __init__(
        self,
        up_at: Sequence[float],
        down_at: Sequence[float],
        *,
        minimum_time_s: float | Sequence[float] = MINIMUM_TIME_S,
        delay_s: float = DELAY_S,
        action: Literal["direct", "reverse"] = "direct",
        up_if: Sequence[Condition] = (),
        down_if: Sequence[Condition] = (),
        initial_stage: int = 0,
    ) -> None:
        _check_thresholds(up_at, down_at, action)
        for condition in (*up_if, *down_if):
            _check_levels(condition, len(up_at))
        self._sign = 1.0 if action == "direct" else -1.0
        self._up_at = [self._sign * level for level in up_at]
        self._down_at = [self._sign * level for level in down_at]
        self._up_if = tuple(up_if)
        self._down_if = tuple(down_if)
        self._minimum_ns = _minimum_times_ns(minimum_time_s, len(up_at) + 1)
        self._delay_ns = _time_ns("delay_s", delay_s)
        self.stage = self._checked(initial_stage)
        self.manual = False
        self.changes = self.waits = self.rejected = 0
        self._in_stage_ns = self._crossed_ns = self._toward = 0

    @property
    def count(self) -> int:
        """Number of stages."""
        return len(self._minimum_ns)

    @property
    def time_in_stage_s(self) -> float:
        """Time since the present stage was entered, s."""
        return self._in_stage_ns / _NS_PER_S

    def step(self, measured: float, dt_s: float, conditions: Sequence[float] = ()) -> int:
        """Give the stage ``dt_s`` (s) after the last call.

        ``conditions`` are the values of ``up_if``, then of ``down_if``. What is not finite holds the stage and breaks
        off a crossing. In manual the values are not looked at.
        """
        if not (math.isfinite(dt_s) and dt_s >= 0.0):
            self.rejected += 1
            return self.stage
        elapsed_ns = round(dt_s * _NS_PER_S)
        self._in_stage_ns += elapsed_ns
        if self.manual:
            return self.stage
        # Only finite numbers less themselves are all 0.
        if measured - measured != 0.0 or any(value - value != 0.0 for value in conditions):
            self.rejected += 1
            self._toward = 0
            return self.stage
        self._cross(self._wanted(self._sign * measured, conditions), elapsed_ns)
        return self.stage

    def hold(self, dt_s: float) -> int:
        """Keep the stage where the measured value is not known; its time counts on, a crossing begins anew."""
        self._toward = 0
        if math.isfinite(dt_s) and dt_s > 0.0:
            self._in_stage_ns += round(dt_s * _NS_PER_S)
        return self.stage

    def force(self, stage: int, dt_s: float = 0.0) -> int:
        """Go to ``stage`` whatever the minimum time says: the failsafe, or what a panel has chosen.

        Where it is that already its time counts on, by ``dt_s`` (s). Without effect in manual.
        """
        if not self.manual and self._checked(stage) != self.stage:
            self._enter(stage)
            return self.stage
        return self.hold(dt_s)

    def to_manual(self, stage: int | None = None) -> None:
        """Hold ``stage``, or the present one, until :meth:`to_auto`."""
        if stage is not None and self._checked(stage) != self.stage:
            self._enter(stage)
        self._toward = 0
        self.manual = True

    def to_auto(self) -> None:
        """Go on from the present stage; its minimum time counts from when it was entered."""
        self.manual = False

    def _wanted(self, measured: float, conditions: Sequence[float]) -> int:
        """Direction in which everything asks for a change now: 1, -1 or 0."""
        stage, ups = self.stage, len(self._up_if)
        if stage < len(self._up_at) and measured > self._up_at[stage]:
            met = all(c.is_met(stage, v) for c, v in zip(self._up_if, conditions[:ups], strict=True))
            return 1 if met else 0
        if stage > 0 and measured < self._down_at[stage - 1]:
            met = all(c.is_met(stage - 1, v) for c, v in zip(self._down_if, conditions[ups:], strict=True))
            return -1 if met else 0
        return 0

    def _cross(self, toward: int, elapsed_ns: int) -> None:
        """Count how long the change ``toward`` has been asked for, and make it when both times are over."""
        if toward == 0 or toward != self._toward:
            self._toward, self._crossed_ns = toward, 0
        else:
            self._crossed_ns += elapsed_ns
        if toward == 0 or self._crossed_ns < self._delay_ns:
            return
        if self._in_stage_ns < self._minimum_ns[self.stage]:
            self.waits += 1
            return
        self._enter(self.stage + toward)
        self.changes += 1

    def _enter(self, stage: int) -> None:
        self.stage = stage
        self._in_stage_ns = self._crossed_ns = self._toward = 0

    def _checked(self, stage: int) -> int:
        if not 0 <= stage < self.count:
            raise StageError(f"stage {stage} is none of 0 to {self.count - 1}")
        return stage

    def counters(self) -> dict[str, int]:
        """Give how many changes by thresholds, steps that waited for the minimum time alone, and refused steps."""
        return {"changes": self.changes, "waits": self.waits, "rejected": self.rejected}


def _check_thresholds(up_at: Sequence[float], down_at: Sequence[float], action: str) -> None:
    """Refuse what would flutter: no dead band, or thresholds that do not go the way of the action."""
    if action not in {"direct", "reverse"}:
        raise StageError(f"action {action!r} is none of direct, reverse")
    if not up_at or len(up_at) != len(down_at):
        raise StageError(
            f"up_at has {len(up_at)} thresholds, down_at {len(down_at)}: as many, and at least 1"
        )
    sign, side = (1.0, "below") if action == "direct" else (-1.0, "above")
    for name, levels in (("up_at", up_at), ("down_at", down_at)):
        for number, level in enumerate(levels):
            if not math.isfinite(level):
                raise StageError(f"{name}[{number}] is {level}: it must be finite")
            if number and sign * level < sign * levels[number - 1]:
                what = f"{name}[{number}] is {level:g}, {side} {name}[{number - 1}], which is {levels[number - 1]:g}"
                raise StageError(f"{what}: thresholds go one way from stage to stage (action {action})")
    for number, (up, down) in enumerate(zip(up_at, down_at, strict=True)):
        if sign * down >= sign * up:
            what = f"down_at[{number}] is {down:g} and must be {side} up_at[{number}], which is {up:g}"
            raise StageError(f"{what}: the dead band lies between them (action {action})")


def _check_levels(condition: Condition, changes: int) -> None:
    if len(condition.levels) != changes or not all(map(math.isfinite, condition.levels)):
        what = f"a condition has the levels {', '.join(f'{level:g}' for level in condition.levels)}"
        raise StageError(f"{what}: it needs {changes} finite ones, one for each change")


def _minimum_times_ns(minimum_time_s: float | Sequence[float], count: int) -> list[int]:
    times_s = [minimum_time_s] * count if isinstance(minimum_time_s, float | int) else list(minimum_time_s)
    if len(times_s) != count:
        raise StageError(f"minimum_time_s has {len(times_s)} times for {count} stages")
    return [_time_ns("minimum_time_s", time_s) for time_s in times_s]


def _time_ns(name: str, time_s: float) -> int:
    if not (math.isfinite(time_s) and time_s >= 0.0):
        raise StageError(f"{name} is {time_s} s: it must be finite and at least 0")
    return round(time_s * _NS_PER_S)
