"""Synthetic power of AI training: seeded, drawn once, then as cheap to ask as any other load."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from plant_models.errors import WorkloadError
from plant_models.workload.curve import Curve, Profile, check_positive


class _Knots:
    """Segments drawn one after another from time 0."""

    __slots__ = ("level", "segments", "t_s")

    def __init__(self, level: float) -> None:
        self.t_s = 0.0
        self.level = level
        self.segments: list[tuple[float, float, float]] = []

    def move(self, level: float, length_s: float) -> None:
        """Go to ``level`` in a straight line."""
        self.segments.append((self.t_s, self.level, level))
        self.level = level
        self.t_s += length_s

    def hold(self, length_s: float) -> None:
        """Stay at the level."""
        if length_s > 0.0:
            self.move(self.level, length_s)

    def until(self, end_s: float, after: float) -> tuple[list[tuple[float, float, float]], float, float]:
        """Segments up to ``end_s``, the last cut there, and what follows, as a curve takes them."""
        kept = [segment for segment in self.segments if segment[0] < end_s]
        bounds_s = [start_s for start_s, _, _ in self.segments] + [self.t_s]
        start_s, start, end = kept[-1]
        share = min(1.0, (end_s - start_s) / (bounds_s[len(kept)] - start_s))
        kept[-1] = (start_s, start, start + (end - start) * share)
        return kept, end_s, after


@dataclass(frozen=True, slots=True)
class AiWorkload(Profile):
    """Synthetic power of racks that train in step with each other: jobs with idle times between them.

    Within a job all racks work (crest) and exchange gradients (trough) together; now and then a checkpoint
    holds them at the trough's level. Each job draws its own swing, crest and edge; each iteration its
    trough, and its crest within 3 % of the job's.

    Sources: crest 10–30 s, trough 1–2 s, edges under 0.2 s and a swing of 55–95 kW per 132 kW rack from
    rencewise.com (PLANT.md §4). The lengths of jobs, idle times and checkpoints and the idle level are
    assumptions of ours, to be set to what a site does.

    Parameters
    ----------
    seed : int
        The same seed and settings give the same load.
    racks : int
        How many racks swing together.
    rack_power : float
        Power of one rack at the crest; any unit of power, the one of all levels here.
    swing : (float, float)
        Range of the fall from crest to trough, per rack.
    idle : float, optional
        Level of one rack between jobs; the lowest trough, ``rack_power − swing[1]``, where not given.
    crest_s, trough_s, job_s, idle_s : (float, float)
        Ranges that the lengths are drawn from, s.
    edge_time_s : float
        Longest edge, s; drawn from half of it up.
    checkpoint_every_s, checkpoint_s : float
        Working time between checkpoints and length of one, s.
    duration_s : float
        Length of what is drawn, s; idle after it.
    """

    seed: int
    racks: int
    rack_power: float = 132e3
    swing: tuple[float, float] = (55e3, 95e3)
    idle: float | None = None
    crest_s: tuple[float, float] = (10.0, 30.0)
    trough_s: tuple[float, float] = (1.0, 2.0)
    edge_time_s: float = 0.2
    job_s: tuple[float, float] = (1800.0, 14400.0)
    idle_s: tuple[float, float] = (120.0, 1200.0)
    checkpoint_every_s: float = 1800.0
    checkpoint_s: float = 60.0
    duration_s: float = 86400.0

    def __post_init__(self) -> None:
        self._check()
        idle_level = self.racks * (self.rack_power - self.swing[1] if self.idle is None else self.idle)
        knots = _Knots(idle_level)
        draw = random.Random(self.seed)
        knots.hold(draw.uniform(*self.idle_s) * draw.random())
        while knots.t_s < self.duration_s:
            self._add_job(knots, draw)
            knots.move(idle_level, self.edge_time_s)
            knots.hold(draw.uniform(*self.idle_s))
        self._draw(Curve(idle_level, *knots.until(self.duration_s, idle_level)))

    def _add_job(self, knots: _Knots, draw: random.Random) -> None:
        end_s = knots.t_s + draw.uniform(*self.job_s)
        crest = self.racks * self.rack_power
        trough = crest - self.racks * draw.uniform(*self.swing)
        crest_low_s, crest_high_s = self.crest_s
        crest_s = draw.uniform(crest_low_s, crest_high_s)
        edge_s = draw.uniform(0.5, 1.0) * self.edge_time_s
        checkpoint_s = knots.t_s + self.checkpoint_every_s
        while knots.t_s < min(end_s, self.duration_s):
            knots.move(crest, edge_s)
            knots.hold(min(max(crest_s * draw.uniform(0.97, 1.03), crest_low_s), crest_high_s))
            knots.move(trough, edge_s)
            if knots.t_s >= checkpoint_s:
                knots.hold(self.checkpoint_s)
                checkpoint_s = knots.t_s + self.checkpoint_every_s
            else:
                knots.hold(draw.uniform(*self.trough_s))

    def _check(self) -> None:
        check_positive(
            racks=self.racks,
            rack_power=self.rack_power,
            edge_time_s=self.edge_time_s,
            duration_s=self.duration_s,
            checkpoint_every_s=self.checkpoint_every_s,
            checkpoint_s=self.checkpoint_s,
        )
        for name in ("swing", "crest_s", "trough_s", "job_s", "idle_s"):
            low, high = getattr(self, name)
            if not 0.0 < low <= high < math.inf:
                raise WorkloadError(
                    f"{name} is {low} to {high}: it must be a range above 0, the lower end first"
                )
        if self.swing[1] > self.rack_power:
            raise WorkloadError(
                f"swing up to {self.swing[1]} is more than the rack's power {self.rack_power}"
            )
        if self.idle is not None and not 0.0 <= self.idle <= self.rack_power:
            raise WorkloadError(
                f"idle is {self.idle}: it must be between 0 and the rack's power {self.rack_power}"
            )
