"""The plain shapes of a load: constant, step, ramp, square pulse, samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from plant_models.errors import WorkloadError
from plant_models.workload.curve import Curve, Profile, check_finite, check_positive


@dataclass(frozen=True, slots=True)
class Constant(Profile):
    """The same ``level`` throughout."""

    level: float

    def __post_init__(self) -> None:
        check_finite(level=self.level)
        self._draw(Curve(self.level, [(0.0, self.level, self.level)], 1.0, self.level))


@dataclass(frozen=True, slots=True)
class Step(Profile):
    """Level ``before`` the first step, then each step's from its time on.

    ``steps`` are pairs of time (s, strictly rising) and level.  # (n, 2)
    """

    before: float
    steps: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        check_finite(before=self.before)
        _check_samples([t_s for t_s, _ in self.steps], [level for _, level in self.steps], "step")
        *held, (end_s, after) = self.steps
        # One step alone leaves no segment between: the level before it holds up to a knot of its own.
        segments = [(t_s, level, level) for t_s, level in held] or [(end_s - 1.0, self.before, self.before)]
        self._draw(Curve(self.before, segments, end_s, after))


@dataclass(frozen=True, slots=True)
class Ramp(Profile):
    """Straight line from ``start_level`` at ``start_s`` to ``end_level`` at ``end_s``; held beyond."""

    start_level: float
    end_level: float
    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        check_finite(
            start_level=self.start_level, end_level=self.end_level, start_s=self.start_s, end_s=self.end_s
        )
        if not self.start_s < self.end_s:
            raise WorkloadError(
                f"ramp from {self.start_s} s to {self.end_s} s: the end must come after the start"
            )
        line = (self.start_s, self.start_level, self.end_level)
        self._draw(Curve(self.start_level, [line], self.end_s, self.end_level))


@dataclass(frozen=True, slots=True)
class SquarePulse(Profile):
    """Pulse between ``low`` and ``high`` that repeats from ``start_s`` on; ``low`` before it.

    A period begins with the rise; the fall begins ``duty · period_s`` later. Rise and fall take
    ``edge_time_s`` each, so the mean over a period is ``low + duty (high − low)`` whatever the edges.
    """

    low: float
    high: float
    period_s: float
    duty: float = 0.5
    edge_time_s: float = 0.0
    start_s: float = 0.0

    def __post_init__(self) -> None:
        check_finite(low=self.low, high=self.high, start_s=self.start_s)
        check_positive(period_s=self.period_s)
        if not 0.0 < self.duty < 1.0:
            raise WorkloadError(f"duty is {self.duty}: it must be between 0 and 1")
        high_s = self.duty * self.period_s
        longest_s = min(high_s, self.period_s - high_s)
        if not 0.0 <= self.edge_time_s <= longest_s:
            raise WorkloadError(f"edge_time_s is {self.edge_time_s}: it must be between 0 and {longest_s} s")
        fall_s = self.start_s + high_s
        edges = [
            (self.start_s, self.low, self.high),
            (self.start_s + self.edge_time_s, self.high, self.high),
            (fall_s, self.high, self.low),
            (fall_s + self.edge_time_s, self.low, self.low),
        ]
        end_s = self.start_s + self.period_s
        bounds_s = [start_s for start_s, _, _ in edges] + [end_s]
        segments = [edge for edge, later_s in zip(edges, bounds_s[1:], strict=True) if edge[0] < later_s]
        self._draw(Curve(self.low, segments, end_s, self.low, self.period_s))


@dataclass(frozen=True, slots=True)
class Sampled(Profile):
    """Samples in time, as from a column of a file.

    Parameters
    ----------
    times_s : tuple of float
        Strictly rising.  # (n,)
    levels : tuple of float
        Finite.  # (n,)
    interpolation : {"linear", "hold"}
        Between samples: a straight line, or each level until the next sample.
    repeat : bool
        After the last sample begin again with the first; the last one lasts as long as the one before it
        did. Otherwise the last level holds. Before the first sample its level holds.
    """

    times_s: tuple[float, ...] = field(repr=False)
    levels: tuple[float, ...] = field(repr=False)
    interpolation: Literal["linear", "hold"] = "linear"
    repeat: bool = False

    def __post_init__(self) -> None:
        times_s, levels = self.times_s, self.levels
        _check_samples(times_s, levels, "sample")
        if self.interpolation not in ("linear", "hold"):
            raise WorkloadError(f"interpolation is {self.interpolation!r}: it is linear or hold")
        if len(times_s) < 2:
            if self.repeat:
                raise WorkloadError("a single sample cannot repeat: its length in time is not known")
            self._draw(Curve(levels[0], [(times_s[0], levels[0], levels[0])], times_s[0] + 1.0, levels[0]))
            return
        end_s = times_s[-1] + (times_s[-1] - times_s[-2])
        next_levels = (
            levels if self.interpolation == "hold" else (*levels[1:], levels[0 if self.repeat else -1])
        )
        segments = zip(times_s, levels, next_levels, strict=True)
        period_s = end_s - times_s[0] if self.repeat else None
        self._draw(Curve(levels[0], segments, end_s, levels[-1], period_s))


def _check_samples(times_s: Sequence[float], levels: Sequence[float], what: str) -> None:
    if len(times_s) != len(levels) or not times_s:
        raise WorkloadError(
            f"{len(times_s)} times and {len(levels)} levels: there must be as many, at least one"
        )
    previous_s = -math.inf
    for index, (t_s, level) in enumerate(zip(times_s, levels, strict=True)):
        if not math.isfinite(t_s):
            raise WorkloadError(f"{what} {index}: time {t_s} is not finite")
        if not math.isfinite(level):
            raise WorkloadError(f"{what} {index} at {t_s} s: level {level} is not finite")
        if t_s <= previous_s:
            raise WorkloadError(
                f"{what} {index} at {t_s} s is not later than the one before it, at {previous_s} s"
            )
        previous_s = t_s
