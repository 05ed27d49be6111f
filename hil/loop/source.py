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


_EDGE_NS = 1_000_000
"""So much before a level ends it is asked for again, ns: more than any rounding of loop time into seconds."""
_LONGEST_HOLD_NS = 10**15


class SourceBlock:
    """Writes one signal from a profile: its exact mean over the time since the last cycle.

    The mean, not the value: a load with 0.2 s edges sampled once a second would otherwise gain or lose energy.
    A profile that can say how long its level holds (``held_until_s``) is not asked again before.

    Attributes
    ----------
    factor, offset : float
        From the profile's unit to the signal's.
    """

    __slots__ = ("_held_ns", "_held_until_s", "_last_ns", "_profile", "_stage", "factor", "offset")

    def __init__(
        self, stage: OutputStage, profile: Profile, factor: float = 1.0, offset: float = 0.0
    ) -> None:
        self._stage = stage
        self._last_ns = 0
        self.factor = factor
        self.offset = offset
        self._use(profile)

    def _use(self, profile: Profile) -> None:
        self._profile = profile
        self._held_until_s = getattr(profile, "held_until_s", None)
        self._held_ns = 0

    def run(self, now_ns: int, dt_s: float) -> None:
        """Write the signal for loop time ``now_ns``, limits included."""
        stage = self._stage
        if now_ns < self._held_ns:
            self._last_ns = now_ns
            stage.repeat(now_ns)
            return
        now_s = now_ns / NS_PER_S
        if now_ns > self._last_ns:
            level = self._profile.mean(self._last_ns / NS_PER_S, now_s)
            self._last_ns = now_ns
        else:
            level = self._profile.value(now_s)
        request = level * self.factor + self.offset
        again = request == stage.request
        stage.request = request
        stage.run(now_ns, dt_s)
        if again and self._held_until_s is not None and stage.at_rest and self._profile.value(now_s) == level:
            held_ns = min((self._held_until_s(now_s) - now_s) * NS_PER_S, _LONGEST_HOLD_NS)
            self._held_ns = now_ns + int(held_ns) - _EDGE_NS

    def follow(self, profile: Profile, now_ns: int) -> None:
        """Follow another profile, given in the signal's own unit, from loop time ``now_ns`` on."""
        self._use(profile)
        self._last_ns = max(self._last_ns, now_ns)
        self.factor, self.offset = 1.0, 0.0

    @property
    def present(self) -> float:
        """The last level asked for, in the signal's unit."""
        return self._stage.request
