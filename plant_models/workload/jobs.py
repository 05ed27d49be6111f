"""Power of racks by a list of jobs: when each begins and ends, on how many racks, and what it does there."""

from __future__ import annotations

import copy
import math
import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from plant_models.errors import WorkloadError
from plant_models.workload.block_curve import BlockCurve
from plant_models.workload.curve import Curve, Line, Profile, check_finite, check_positive
from plant_models.workload.inference import InferenceWorkload

JobKind = Literal["training", "inference", "idle", "checkpoint"]


@dataclass(frozen=True, slots=True)
class Job:
    """One job: ``kind`` on ``racks`` racks from ``start_s`` to ``end_s``, both edges inside.

    training: crests and troughs in step, and a checkpoint at the trough's level after each ``checkpoint_every_s``.
    inference: as :class:`InferenceWorkload`. checkpoint: the trough's level throughout (a long save, or a restore).
    idle: racks that are held free.
    """

    start_s: float
    end_s: float
    kind: JobKind
    racks: int


@dataclass(frozen=True, slots=True)
class JobSchedule(Profile):
    """Power of ``racks`` racks that run ``jobs``; those without a job idle. Jobs may overlap while racks last.

    Figures as those of :class:`AiWorkload`; each training job draws its swing and its crest, each iteration
    scatters by 3 %. Iterations fill the time between two checkpoints evenly, so that a job of months takes no memory.

    Parameters
    ----------
    seed : int
        The same seed, settings and jobs give the same load; a job's own pattern hangs on its place in the list.
    racks : int
    jobs : tuple of Job
    rack_power : float
        Power of one rack at the crest; any unit of power, the one of all levels here.
    swing : (float, float)
        Range of the fall from crest to trough, per rack.
    idle : float, optional
        Level of one rack without a job; ``rack_power − swing[1]`` where not given.
    crest_s, trough_s : (float, float)
    edge_time_s : float
        Of all edges, of start and end of a job too, s.
    checkpoint_every_s, checkpoint_s : float
    """

    seed: int
    racks: int
    jobs: tuple[Job, ...]
    rack_power: float = 132e3
    swing: tuple[float, float] = (55e3, 95e3)
    idle: float | None = None
    crest_s: tuple[float, float] = (10.0, 30.0)
    trough_s: tuple[float, float] = (1.0, 2.0)
    edge_time_s: float = 0.2
    checkpoint_every_s: float = 1800.0
    checkpoint_s: float = 60.0
    _idle_rack: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "_idle_rack", self.rack_power - self.swing[1] if self.idle is None else self.idle
        )
        self._check()
        self._check_jobs()
        parts = [self._part(k, job) for k, job in enumerate(self.jobs)]
        self._draw(_Jobs(self.racks * self._idle_rack, parts))

    @property
    def lowest(self) -> float:
        """No level is lower."""
        return self.racks * min(self._idle_rack, self.rack_power - self.swing[1])

    @property
    def highest(self) -> float:
        """No level is higher."""
        return self.racks * self.rack_power

    def _part(self, number: int, job: Job) -> _Part:
        """Level of a job over that of the same racks idling."""
        body = self._body(number, job)
        edge_s = self.edge_time_s
        first = body.value(job.start_s + edge_s)
        last = body.value(job.end_s - edge_s)
        idle = job.racks * self._idle_rack
        return _Part(job.start_s, job.end_s, edge_s, idle, body, first, last)

    def _body(self, number: int, job: Job) -> Line:
        draw = random.Random(f"job {self.seed} {number}")
        trough = job.racks * (self.rack_power - draw.uniform(*self.swing))
        begin_s = job.start_s + self.edge_time_s
        if job.kind == "inference":
            share = self._idle_rack / self.rack_power
            seed = draw.getrandbits(48)
            return InferenceWorkload(
                seed, job.racks, self.rack_power, share, edge_time_s=self.edge_time_s
            ).line
        if job.kind == "training":
            crest_s = draw.uniform(*self.crest_s)
            training = _Training(self, draw.getrandbits(48), job.racks * self.rack_power, trough, crest_s)
            return BlockCurve(training.cycle, self.checkpoint_every_s + self.checkpoint_s, begin_s)
        level = trough if job.kind == "checkpoint" else job.racks * self._idle_rack
        return Curve(level, [(begin_s, level, level)], job.end_s, level)

    def _check(self) -> None:
        check_positive(
            racks=self.racks, rack_power=self.rack_power, edge_time_s=self.edge_time_s,
            checkpoint_every_s=self.checkpoint_every_s, checkpoint_s=self.checkpoint_s,
        )  # fmt: skip
        for name in ("swing", "crest_s", "trough_s"):
            low, high = getattr(self, name)
            if not 0.0 < low <= high < math.inf:
                raise WorkloadError(
                    f"{name} is {low} to {high}: it must be a range above 0, the lower end first"
                )
        if self.swing[1] > self.rack_power:
            raise WorkloadError(
                f"swing up to {self.swing[1]} is more than the rack's power {self.rack_power}"
            )
        if not 0.0 <= self._idle_rack <= self.rack_power:
            raise WorkloadError(
                f"idle is {self._idle_rack}: it must be 0 to the rack's power {self.rack_power}"
            )
        iteration_s = self.crest_s[1] + self.trough_s[1] + 2.0 * self.edge_time_s
        if self.checkpoint_every_s < iteration_s:
            raise WorkloadError(
                f"checkpoint_every_s is {self.checkpoint_every_s}: it must hold an iteration, {iteration_s:g} s"
            )

    def _check_jobs(self) -> None:
        for k, job in enumerate(self.jobs, start=1):
            check_finite(start_s=job.start_s, end_s=job.end_s)
            if job.kind not in get_args(JobKind):
                raise WorkloadError(f"job {k}: kind {job.kind!r} is none of {', '.join(get_args(JobKind))}")
            if job.end_s - job.start_s <= 2.0 * self.edge_time_s:
                raise WorkloadError(
                    f"job {k} from {job.start_s:g} to {job.end_s:g} s: it must last longer than its two edges"
                )
            if job.racks < 1:
                raise WorkloadError(f"job {k} on {job.racks} racks: it must be at least one")
        # At one instant, racks that end are free before others begin.
        changes = sorted([(j.start_s, j.racks) for j in self.jobs] + [(j.end_s, -j.racks) for j in self.jobs])
        busy = 0
        for t_s, racks in changes:
            busy += racks
            if busy > self.racks:
                raise WorkloadError(f"at {t_s:g} s jobs hold {busy} racks, and there are {self.racks}")


@dataclass(frozen=True, slots=True)
class _Training:
    """Cycles of one training job: iterations, then a checkpoint."""

    of: JobSchedule
    seed: int
    crest: float
    trough: float
    crest_s: float

    def cycle(self, number: int) -> Curve:
        """Draw one cycle: iterations that scatter and together take the time between two checkpoints."""
        of, draw = self.of, random.Random(f"cycle {self.seed} {number}")
        mean_s = self.crest_s + 0.5 * sum(of.trough_s) + 2.0 * of.edge_time_s
        count = max(round(of.checkpoint_every_s / mean_s), 1)
        lengths = [
            (self.crest_s * draw.uniform(0.97, 1.03), draw.uniform(*of.trough_s)) for _ in range(count)
        ]
        edges_s = 2.0 * of.edge_time_s * count
        stretch = (of.checkpoint_every_s - edges_s) / sum(c + t for c, t in lengths)
        t_s, segments = 0.0, []
        for crest_s, trough_s in lengths:
            for start, end, length_s in (
                (self.trough, self.crest, of.edge_time_s),
                (self.crest, self.crest, crest_s * stretch),
                (self.crest, self.trough, of.edge_time_s),
                (self.trough, self.trough, trough_s * stretch),
            ):
                segments.append((t_s, start, end))
                t_s += length_s
        return Curve(self.trough, segments, t_s, self.trough)


class _Part:
    """One job: an edge from idle, what it does, an edge back; its level counts from idle, and is 0 outside."""

    __slots__ = ("_base", "_body", "_down", "_up", "begin_s", "end_s", "finish_s", "start_s")

    def __init__(
        self, start_s: float, end_s: float, edge_s: float, idle: float, body: Line, first: float, last: float
    ) -> None:
        self.start_s, self.end_s = start_s, end_s
        self.begin_s, self.finish_s = start_s + edge_s, end_s - edge_s
        self._base, self._body = idle, body
        self._up = (first - idle) / (self.begin_s - start_s)
        self._down = (last - idle) / (end_s - self.finish_s)

    def fork(self) -> _Part:
        """Give the same job with a memory of its own."""
        other = copy.copy(self)
        other._body = self._body.fork()
        return other

    def value(self, t_s: float) -> float:
        """Level over idle at ``t_s``."""
        if not self.start_s <= t_s < self.end_s:
            return 0.0
        if t_s < self.begin_s:
            return self._up * (t_s - self.start_s)
        if t_s >= self.finish_s:
            return self._down * (self.end_s - t_s)
        return self._body.value(t_s) - self._base

    def held_until_s(self, t_s: float) -> float:
        """Time up to which the level stays what it is at ``t_s``, within the job."""
        if self.begin_s <= t_s < self.finish_s:
            return min(self._body.held_until_s(t_s), self.finish_s)
        return t_s

    def area(self, t0_s: float, t1_s: float) -> float:
        """Integral of the level from ``t0_s`` to ``t1_s``, level times s."""
        if self.begin_s <= t0_s and t1_s <= self.finish_s:
            return (self._body.mean(t0_s, t1_s) - self._base) * (t1_s - t0_s)
        a, b = min(max(t0_s, self.start_s), self.begin_s), min(max(t1_s, self.start_s), self.begin_s)
        area = 0.5 * self._up * ((b - self.start_s) ** 2 - (a - self.start_s) ** 2)
        a, b = min(max(t0_s, self.begin_s), self.finish_s), min(max(t1_s, self.begin_s), self.finish_s)
        if b > a:
            area += (self._body.mean(a, b) - self._base) * (b - a)
        a, b = min(max(t0_s, self.finish_s), self.end_s), min(max(t1_s, self.finish_s), self.end_s)
        return area + 0.5 * self._down * ((self.end_s - a) ** 2 - (self.end_s - b) ** 2)


class _Jobs:
    """Sum of jobs over the level of all racks idling; between two starts or ends only those that run are asked."""

    __slots__ = ("_idle", "_parts", "_running", "_times")

    def __init__(self, idle: float, parts: Sequence[_Part]) -> None:
        self._idle, self._parts = idle, parts
        self._times = sorted({t_s for part in parts for t_s in (part.start_s, part.end_s)})
        self._running: list[tuple[int, ...]] = [()]
        open_now: set[int] = set()
        starts: dict[float, list[int]] = {}
        ends: dict[float, list[int]] = {}
        for k, part in enumerate(parts):
            starts.setdefault(part.start_s, []).append(k)
            ends.setdefault(part.end_s, []).append(k)
        for t_s in self._times:
            open_now = (open_now - set(ends.get(t_s, ()))) | set(starts.get(t_s, ()))
            self._running.append(tuple(sorted(open_now)))

    def fork(self) -> _Jobs:
        """Give the same jobs with a memory of their own."""
        return _Jobs(self._idle, [part.fork() for part in self._parts])

    def value(self, t_s: float) -> float:
        """Level at ``t_s``."""
        level = self._idle
        for k in self._running[bisect_right(self._times, t_s)]:
            level += self._parts[k].value(t_s)
        return level

    def held_until_s(self, t_s: float) -> float:
        """Time up to which the level stays what it is at ``t_s``."""
        place = bisect_right(self._times, t_s)
        until_s = self._times[place] if place < len(self._times) else math.inf
        for k in self._running[place]:
            until_s = min(until_s, self._parts[k].held_until_s(t_s))
        return until_s

    def mean(self, t0_s: float, t1_s: float) -> float:
        """Mean level between ``t0_s`` and ``t1_s``; the level where they are equal."""
        if t1_s < t0_s:
            t0_s, t1_s = t1_s, t0_s
        if t0_s == t1_s:
            return self.value(t0_s)
        place, area, t_s = bisect_right(self._times, t0_s), 0.0, t0_s
        while t_s < t1_s:
            end_s = min(self._times[place], t1_s) if place < len(self._times) else t1_s
            for k in self._running[place]:
                area += self._parts[k].area(t_s, end_s)
            t_s, place = end_s, place + 1
        return self._idle + area / (t1_s - t0_s)
