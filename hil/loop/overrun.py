"""What happens when a cycle ends after its deadline: skip, degrade or trip.

Whatever the policy, missed periods are skipped whole and counted: the next cycle starts on the grid, never in a
burst to catch up. ``degrade`` also doubles the period while the cycles do not fit, and halves it again when they
have fitted for a while; ``trip`` ends the run in failsafe.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class OverrunSettings:
    """Thresholds in missed periods in succession, and cycles on time in succession; factors on the period."""

    policy: Literal["skip", "degrade", "trip"] = "skip"
    trip_after: int = 10
    degrade_after: int = 3
    degrade_limit: int = 8
    recover_after: int = 50


class OverrunPolicy:
    """Counts missed periods and decides.

    Attributes
    ----------
    overruns : int
        Cycles that ended after their deadline, and wake-ups a whole period late or more.
    skipped_periods : int
        Periods of the base grid in which no cycle ran.
    degraded_cycles : int
        Cycles run at a stretched period.
    factor : int
        Present factor on the period, a power of two.
    tripped : bool
        Whether the policy has ended the run.
    """

    __slots__ = ("_in_succession", "_on_time", "_settings", "degraded_cycles", "factor", "overruns",
                 "skipped_periods", "tripped")  # fmt: skip

    def __init__(self, settings: OverrunSettings) -> None:
        self._settings = settings
        self._in_succession = 0
        self._on_time = 0
        self.overruns = 0
        self.skipped_periods = 0
        self.degraded_cycles = 0
        self.factor = 1
        self.tripped = False

    def on_time(self) -> None:
        """Note a cycle that ended before its deadline."""
        self._in_succession = 0
        if self.factor > 1:
            self.degraded_cycles += 1
            self._on_time += 1
            if self._on_time >= self._settings.recover_after:
                self.factor //= 2
                self._on_time = 0

    def missed(self, periods: int) -> None:
        """Note an overrun that cost ``periods`` whole periods of the base grid."""
        settings = self._settings
        self.overruns += 1
        self.skipped_periods += periods
        self._in_succession += periods
        self._on_time = 0
        if self.factor > 1:
            self.degraded_cycles += 1
        if settings.policy == "trip" and self._in_succession >= settings.trip_after:
            self.tripped = True
        if (
            settings.policy == "degrade"
            and self._in_succession >= settings.degrade_after
            and self.factor < settings.degrade_limit
        ):
            self.factor *= 2
            self._in_succession = 0
