"""What happens when a cycle comes or ends too late: skip, degrade or trip.

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
        Cycles that were woken a whole period late or more, or ended after their deadline, or both.
    skipped_periods : int
        Periods of the base grid in which no cycle ran though one was planned, and those lost with them. The
        periods that a stretched period leaves out on purpose are not among them.
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

    def cycle_done(self, missed_periods: int) -> None:
        """Note one cycle and the whole periods of the base grid that it missed, by waking late or ending late."""
        if self.factor > 1:
            self.degraded_cycles += 1
        if missed_periods:
            self._note_missed(missed_periods)
            return
        self._in_succession = 0
        if self.factor > 1:
            self._on_time += 1
            if self._on_time >= self._settings.recover_after:
                self.factor //= 2
                self._on_time = 0

    def _note_missed(self, periods: int) -> None:
        settings = self._settings
        self.overruns += 1
        self.skipped_periods += periods
        self._in_succession += periods
        self._on_time = 0
        if settings.policy == "trip" and self._in_succession >= settings.trip_after:
            self.tripped = True
        if settings.policy == "degrade" and self._in_succession >= settings.degrade_after:
            self.factor = min(2 * self.factor, _power_of_two_within(settings.degrade_limit))
            self._in_succession = 0


def _power_of_two_within(limit: int) -> int:
    return 1 << (limit.bit_length() - 1)
