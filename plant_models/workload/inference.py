"""Power of racks that answer requests: a day's rise and fall, bursts with fast edges, noise of the batches."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from plant_models.errors import WorkloadError
from plant_models.workload.block_curve import BlockCurve
from plant_models.workload.curve import Curve, Profile, check_finite, check_positive

_DAY_S = 86_400.0
_BLOCK_S = 600.0


@dataclass(frozen=True, slots=True)
class InferenceWorkload(Profile):
    """Synthetic power of racks that serve inference requests, without an end.

    The request rate goes as a cosine over the day between its peak and ``night`` of that. Power is idle plus what is
    left up to full times the utilisation: ``peak_utilisation`` at the peak rate, in proportion to the rate otherwise.
    Batches scatter it about that; bursts of requests come on top, by chance, in proportion to the rate, with edges
    of a fraction of a second. It never leaves idle … full.

    All figures are assumptions of ours, to be set to what a site does; edges are those of training (PLANT.md §4).

    Parameters
    ----------
    seed : int
        The same seed and settings give the same load.
    racks : int
    rack_power : float
        Power of one rack at full utilisation; any unit of power, the one of all levels here.
    idle : float
        Share of that without requests.
    peak_utilisation, night : float
        Utilisation at the peak rate; lowest rate over the peak rate.
    peak_at_s : float
        Time of day of the peak, s.
    batch_s, batch_noise : float
        Spacing of the scatter, s, and its standard deviation as a share of full power.
    bursts_per_h : float
        At the peak rate, on average.
    burst : (float, float)
        Range of a burst's height, share of full power.
    burst_s : (float, float)
        Range of its length, s, edges included.
    edge_time_s : float
        Longest edge of a burst, s; drawn from half of it up.
    """

    seed: int
    racks: int
    rack_power: float = 132e3
    idle: float = 0.3
    peak_utilisation: float = 0.7
    night: float = 0.4
    peak_at_s: float = 54_000.0
    batch_s: float = 5.0
    batch_noise: float = 0.02
    bursts_per_h: float = 30.0
    burst: tuple[float, float] = (0.05, 0.2)
    burst_s: tuple[float, float] = (2.0, 20.0)
    edge_time_s: float = 0.2

    def __post_init__(self) -> None:
        self._check()
        self._draw(BlockCurve(self._block, _BLOCK_S))

    @property
    def lowest(self) -> float:
        """Level without a request."""
        return self.racks * self.rack_power * self.idle

    @property
    def highest(self) -> float:
        """Level at full utilisation."""
        return self.racks * self.rack_power

    def _rate(self, t_s: float) -> float:
        """Request rate over its peak."""
        wave = 0.5 + 0.5 * math.cos(2.0 * math.pi * (t_s - self.peak_at_s) / _DAY_S)
        return self.night + (1.0 - self.night) * wave

    def _block(self, number: int) -> Curve:
        """Draw one block; at both its ends it is at the day's level, so blocks join without a step."""
        draw = random.Random(f"inference {self.seed} {number}")
        spaces = max(round(_BLOCK_S / self.batch_s), 1)
        noise = [0.0, *(draw.gauss(0.0, self.batch_noise) for _ in range(spaces - 1)), 0.0]
        bursts = self._bursts(draw, self._rate((number + 0.5) * _BLOCK_S))
        times = sorted(
            {k * _BLOCK_S / spaces for k in range(spaces + 1)} | {t_s for b in bursts for t_s, _ in b}
        )
        levels = []
        for t_s in times:
            place = min(int(t_s * spaces / _BLOCK_S), spaces - 1)
            part = t_s * spaces / _BLOCK_S - place
            scatter = noise[place] + part * (noise[place + 1] - noise[place])
            busy = self.peak_utilisation * self._rate(number * _BLOCK_S + t_s)
            level = self.idle + (1.0 - self.idle) * busy + scatter + sum(_height(b, t_s) for b in bursts)
            levels.append(min(max(level, self.idle), 1.0) * self.racks * self.rack_power)
        segments = zip(times, levels, levels[1:], strict=False)
        return Curve(levels[0], segments, times[-1], levels[-1])

    def _bursts(self, draw: random.Random, rate: float) -> list[tuple[tuple[float, float], ...]]:
        """Trapezoids of this block: four corners (s, height) each, all inside it."""
        made: list[tuple[tuple[float, float], ...]] = []
        mean_gap_s = 3600.0 / (self.bursts_per_h * rate) if self.bursts_per_h > 0.0 else math.inf
        start_s = draw.expovariate(1.0 / mean_gap_s) if mean_gap_s < math.inf else math.inf
        while start_s < _BLOCK_S:
            length_s, height = draw.uniform(*self.burst_s), draw.uniform(*self.burst)
            edge_s = draw.uniform(0.5, 1.0) * self.edge_time_s
            end_s = start_s + length_s
            if end_s <= _BLOCK_S:
                made.append(
                    ((start_s, 0.0), (start_s + edge_s, height), (end_s - edge_s, height), (end_s, 0.0))
                )
            start_s += draw.expovariate(1.0 / mean_gap_s)
        return made

    def _check(self) -> None:
        check_positive(
            racks=self.racks, rack_power=self.rack_power, batch_s=self.batch_s, edge_time_s=self.edge_time_s
        )
        check_finite(peak_at_s=self.peak_at_s)
        for name, low, high in (
            ("idle", 0.0, 1.0), ("peak_utilisation", 0.0, 1.0), ("night", 0.01, 1.0), ("batch_noise", 0.0, 0.5),
            ("bursts_per_h", 0.0, 3600.0), ("batch_s", 0.1, _BLOCK_S),
        ):  # fmt: skip
            value = getattr(self, name)
            if not low <= value <= high:
                raise WorkloadError(f"{name} is {value}: it must be {low:g} to {high:g}")
        for name, most in (("burst", 1.0), ("burst_s", _BLOCK_S / 2.0)):
            low, high = getattr(self, name)
            if not 0.0 < low <= high <= most:
                raise WorkloadError(f"{name} is {low} to {high}: it must be a range above 0, up to {most:g}")
        if 2.0 * self.edge_time_s > self.burst_s[0]:
            raise WorkloadError(f"edge_time_s is {self.edge_time_s}: two edges must fit the shortest burst")


def _height(corners: tuple[tuple[float, float], ...], t_s: float) -> float:
    """Height of one burst at ``t_s``."""
    (start_s, _), (up_s, height), (down_s, _), (end_s, _) = corners
    if not start_s < t_s < end_s:
        return 0.0
    if t_s < up_s:
        return height * (t_s - start_s) / (up_s - start_s)
    if t_s > down_s:
        return height * (end_s - t_s) / (end_s - down_s)
    return height
