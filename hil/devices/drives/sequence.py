"""Start, stop, quick stop and fault reset of one drive, as commands with a meaning; safe by default.

A drive that has tripped, was stopped quickly or for want of its run command, or that is found at rest after it was in
local or could not be seen, does not start again by itself: the run command must go away and come back. A command that
is lost has not gone away: its loss stops the drive and is nobody's edge. A drive that is found running goes on: a lost
reply stops nothing. A reset is asked for by an edge, is sent for a bounded time, and starts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.devices.drives.profiles import Profile

COUNTERS = (
    "starts",
    "stops",
    "quick_stops",
    "resets",
    "faults",
    "starts_withheld",
    "not_followed",
    "status_lost",
)
"""One for each: command to start, to stop, to stop quickly; reset asked for; fault begun; run command that waits for
its own return; command that the drive did not follow in time; status that was lost."""

_NS_PER_S = 1_000_000_000


class DriveState(IntEnum):
    """What a drive does, whoever made it; the number of the rig's state signal."""

    UNKNOWN = 0
    """No status that can be believed."""
    NOT_READY = 1
    DISABLED = 2
    """Kept from switching on: needs a step of the command first."""
    READY = 3
    SWITCHED_ON = 4
    RUNNING = 5
    QUICK_STOP = 6
    FAULT = 7
    LOCAL = 8
    """At its keypad or terminals: it takes no command from here."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a drive; None: cannot be known.

    A run command that is not known does not run the drive, and is not taken for one that was taken away. The others
    count as they were known last: a lost link neither lifts a quick stop nor gives a reset.
    """

    run: bool | None = False
    reset: bool | None = False
    quick_stop: bool | None = False


@dataclass(frozen=True, slots=True)
class SequenceSettings:
    """How a drive is handled.

    Attributes
    ----------
    restart : bool
        Start again by itself once a fault is gone, the keypad is left, or the status or the run command is back. Not
        after a quick stop: that was somebody's decision.
    reset_s : float
        Longest time a reset is sent, s.
    follow_s : float
        Time in which a drive must follow a command, s.
    """

    restart: bool = False
    reset_s: float = 1.0
    follow_s: float = 10.0


class DriveSequence:
    """The sequence for one drive; time is an argument.

    Attributes
    ----------
    state : DriveState
        As of the last step.
    counts : dict of str to int
        Of :data:`COUNTERS`.
    trouble : str
        What a person should know now; empty while all is well.
    """

    def __init__(self, profile: Profile, settings: SequenceSettings | None = None) -> None:
        self.settings = settings or SequenceSettings()
        self.state = DriveState.UNKNOWN
        self.counts = dict.fromkeys(COUNTERS, 0)
        self.trouble = ""
        self._profile = profile
        self._asked = Wish()
        self._run_known = self._run_lost = self._is_withheld = False
        self._reset_until_ns = 0
        self._changed_ns = 0
        self._was_late = False
        self._seen = self._was_away = self._was_local = False

    def step(self, now_ns: int, status: int | None, wish: Wish) -> int | None:
        """Give the control word at ``now_ns`` (ns); None where the status word is unknown: hold what was sent.

        ``status`` is the drive's status word, or None where it cannot be believed.
        """
        self._count(now_ns, wish)
        if status is None:
            if self._seen:
                self.counts["status_lost"] += 1
                self._seen, self._was_away = False, True
            self.state = DriveState.UNKNOWN
            return None
        self._seen = True
        before, self.state = self.state, self._profile.state(status)
        if self.state is DriveState.FAULT and before is not DriveState.FAULT:
            self.counts["faults"] += 1
        self._decide()
        resets = self.state is DriveState.FAULT and now_ns < self._reset_until_ns
        allowed = Wish(self._asked.run and not self._is_withheld, resets, self._asked.quick_stop)
        self._judge(now_ns, allowed)
        return self._profile.word(status, allowed)

    def _count(self, now_ns: int, wish: Wish) -> None:
        """Note the edges of what is asked."""
        before = self._asked
        reset = before.reset if wish.reset is None else wish.reset
        quick_stop = before.quick_stop if wish.quick_stop is None else wish.quick_stop
        self._asked = asked = Wish(bool(wish.run), reset, quick_stop)
        self._run_lost = wish.run is None
        if wish.run is not None:
            self._run_known = wish.run
            self._is_withheld = self._is_withheld and wish.run
        if asked.reset and not before.reset:
            self.counts["resets"] += 1
            self._reset_until_ns = now_ns + int(self.settings.reset_s * _NS_PER_S)
        if asked.run != before.run and not (self._is_withheld and wish.run is not False):
            self.counts["starts" if asked.run else "stops"] += 1
        if asked.quick_stop and not before.quick_stop:
            self.counts["quick_stops"] += 1
        if (asked.run, asked.quick_stop) != (before.run, before.quick_stop):
            self._changed_ns, self._was_late = now_ns, False

    def _decide(self) -> None:
        """Decide whether a standing run command must go away before it counts again."""
        if self.state is DriveState.LOCAL:
            self._was_away = self._was_local = True
            return
        was_away, was_local = self._was_away, self._was_local
        self._was_away = self._was_local = False
        is_found_running = was_away and self.state is DriveState.RUNNING
        if self._asked.quick_stop:
            self._withhold()
        elif self.settings.restart:
            return
        elif (self._run_lost and self._run_known) or self.state is DriveState.FAULT:
            self._withhold()
        elif is_found_running and was_local and self._asked.run:
            # Started at its keypad, by somebody who stood before it.
            self._is_withheld = False
        elif was_away and not is_found_running:
            self._withhold()

    def _withhold(self) -> None:
        """Withhold a run command that stands; one that is not known may stand."""
        if (self._run_known or self._run_lost) and not self._is_withheld:
            self._is_withheld = True
            self.counts["starts_withheld"] += 1

    def _judge(self, now_ns: int, allowed: Wish) -> None:
        """Say what keeps the drive from what is asked."""
        runs = self.state is DriveState.RUNNING
        if self.state is DriveState.FAULT:
            self.trouble = "fault"
        elif self.state is DriveState.LOCAL:
            self.trouble = "in local: commands from here have no effect" if self._asked.run else ""
        elif runs == (allowed.run and not allowed.quick_stop):
            self.trouble, self._was_late = self._why_withheld() if self._is_withheld else "", False
            self._changed_ns = now_ns
        elif now_ns - self._changed_ns > self.settings.follow_s * _NS_PER_S:
            if not self._was_late:
                self._was_late = True
                self.counts["not_followed"] += 1
            wanted = "run" if allowed.run and not allowed.quick_stop else "stop"
            self.trouble = f"told to {wanted} and has not in {self.settings.follow_s:g} s ({self.state.name})"

    def _why_withheld(self) -> str:
        if self._run_lost:
            return "its run command is lost: it is stopped, and needs the command taken away and given again"
        return "does not start by itself: take the run command away and give it again"
