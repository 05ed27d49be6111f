"""Sources: signals that follow a profile over time (loads, set-points, boundary conditions)."""

from __future__ import annotations

from typing import Protocol

from hil.loop.clock import NS_PER_S
from hil.loop.output import OutputStage


class Profile(Protocol):
    """A level over time, as in :mod:`plant_models.workload`."""

    def value(self, t_s: float) -> float:
        """Level at ``t_s`` (s)."""
        ...

    def mean(self, t0_s: float, t1_s: float) -> float:
        """Exact mean level from ``t0_s`` to ``t1_s`` (s)."""
        ...


class SourceBlock:
    """Writes one signal from a profile: its exact mean over the time since the last cycle.

    The mean, not the value: a load with 0.2 s edges sampled once a second would otherwise gain or lose energy.

    Attributes
    ----------
    factor, offset : float
        From the profile's unit to the signal's.
    """

    __slots__ = ("_last_s", "_profile", "_stage", "factor", "offset")

    def __init__(
        self, stage: OutputStage, profile: Profile, factor: float = 1.0, offset: float = 0.0
    ) -> None:
        self._stage = stage
        self._profile = profile
        self._last_s = 0.0
        self.factor = factor
        self.offset = offset

    def run(self, now_ns: int, dt_s: float) -> None:
        """Write the signal for loop time ``now_ns``, limits included."""
        now_s = now_ns / NS_PER_S
        if now_s > self._last_s:
            level = self._profile.mean(self._last_s, now_s)
            self._last_s = now_s
        else:
            level = self._profile.value(now_s)
        self._stage.request = level * self.factor + self.offset
        self._stage.run(now_ns, dt_s)

    def follow(self, profile: Profile, now_ns: int) -> None:
        """Follow another profile, given in the signal's own unit, from loop time ``now_ns`` on."""
        self._profile = profile
        self._last_s = max(self._last_s, now_ns / NS_PER_S)
        self.factor, self.offset = 1.0, 0.0

    @property
    def present(self) -> float:
        """The last level asked for, in the signal's unit."""
        return self._stage.request
