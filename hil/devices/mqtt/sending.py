"""Commands to a far end: one at a time a point, repeated under the same id until it answers or their life is over.

The far end carries out an id once, however often it hears it. So a command is known to have happened (acknowledged),
known not to have (refused), or in doubt (no answer in time), which is a fault and is counted. After that the value
is asked for again, under a new id.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hil.devices.mqtt.envelope import Acknowledgement, Command


@dataclass(frozen=True, slots=True)
class SendRules:
    """When a point is sent, and how long an answer may take. All times in s.

    Attributes
    ----------
    name : str
        What the far end calls the value.
    deadband : float
        Smallest change worth a command, in the point's unit.
    least_interval_s : float
        From one command to the next.
    refresh_s : float
        An unchanged value is sent again after this time, so that the far end does not revert.
    life_s : float
        For how long a command may take effect.
    timeout_s : float
        For how long an answer is waited for; not less than the life, or else a command given up could still happen.
    repeat_s : float
        After how long without an answer the same command is sent again.
    """

    name: str
    deadband: float = 0.0
    least_interval_s: float = 0.0
    refresh_s: float = math.inf
    life_s: float = 2.0
    timeout_s: float = 3.0
    repeat_s: float = 0.5

    def __post_init__(self) -> None:
        if self.life_s <= 0.0 or self.repeat_s <= 0.0 or self.timeout_s < self.life_s:
            raise ValueError(
                "a life and a time to repeat above 0 s are needed, and a time-out not below the life"
            )
        if self.deadband < 0.0 or self.least_interval_s < 0.0 or self.refresh_s <= 0.0:
            raise ValueError("dead band and least interval must not be negative, the refresh above 0 s")


COUNTERS = (
    "commands_sent",
    "commands_repeated",
    "commands_acknowledged",
    "commands_refused_by_peer",
    "commands_unacknowledged",
    "commands_superseded",
    "acknowledgements_late",
)


class Channel:
    """One written point.

    Times are two: ``now_s``, s since 1970, goes onto the wire; ``at_s``, s of a clock that never steps, decides when.

    Attributes
    ----------
    counts : dict of str to int
        By the names in ``COUNTERS``.
    acknowledged : float or None
        The value that the far end has taken last.
    acknowledged_at_s : float
        When it said so, on the clock of ``at_s``.
    fault : str
        Why the last command that is settled did not happen, or may not have; empty where it did.
    """

    def __init__(self, rules: SendRules, session: str) -> None:
        """``session`` begins every id and is another one in each process."""
        self._rules = rules
        self._session = session
        self._number = 0
        self._pending: Command | None = None
        self._first_at_s = self._last_at_s = -math.inf
        self._known: float | None = None
        self.acknowledged: float | None = None
        self.acknowledged_at_s = -math.inf
        self.fault = ""
        self.counts = dict.fromkeys(COUNTERS, 0)

    @property
    def waiting(self) -> bool:
        """Whether a command is under way."""
        return self._pending is not None

    def due(self, value: float, now_s: float, at_s: float) -> Command | None:
        """Give the command to be sent now so that the far end comes to ``value``; None where there is none."""
        if self._pending is not None:
            return self._repeat(self._pending, at_s)
        if not self._is_wanted(value, at_s):
            return None
        self._number += 1
        command_id = f"{self._session}-{self._number}"
        self._pending = Command(command_id, now_s, self._rules.life_s, {self._rules.name: value})
        self._first_at_s = self._last_at_s = at_s
        self.counts["commands_sent"] += 1
        return self._pending

    def _is_wanted(self, value: float, at_s: float) -> bool:
        since_s = at_s - self._first_at_s
        if since_s < self._rules.least_interval_s:
            return False
        if self._known is None:
            return since_s >= self._rules.repeat_s
        return abs(value - self._known) > self._rules.deadband or since_s >= self._rules.refresh_s

    def _repeat(self, pending: Command, at_s: float) -> Command | None:
        is_alive = at_s - self._first_at_s < self._rules.life_s
        if not is_alive or at_s - self._last_at_s < self._rules.repeat_s:
            return None
        self._last_at_s = at_s
        self.counts["commands_repeated"] += 1
        return pending

    def tick(self, at_s: float) -> bool:
        """Give a command up whose time is over; says whether one was."""
        if self._pending is None or at_s - self._first_at_s < self._rules.timeout_s:
            return False
        self._settle(f"no acknowledgement within {self._rules.timeout_s:g} s")
        self.counts["commands_unacknowledged"] += 1
        return True

    def answered(self, answer: Acknowledgement, at_s: float) -> bool:
        """Take an answer; gives whether it was to the command under way."""
        if self._pending is None or answer.id != self._pending.id:
            if answer.id.startswith(f"{self._session}-"):
                self.counts["acknowledgements_late"] += 1
            return False
        if answer.accepted:
            self._known = self.acknowledged = self._pending.values[self._rules.name]
            self.acknowledged_at_s = at_s
            self.counts["commands_acknowledged"] += 1
            self._pending, self.fault = None, ""
        else:
            self.counts["commands_refused_by_peer"] += 1
            self._settle(f"refused: {answer.reason or 'no reason given'}")
        return True

    def _settle(self, fault: str) -> None:
        # Whatever the far end holds now is not known: the next command is due whatever its value.
        self._pending, self._known, self.fault = None, None, fault

    def preempt(self) -> None:
        """Let the next value go out at once, over one that is under way: the far end takes what was issued last."""
        if self._pending is not None:
            self.counts["commands_superseded"] += 1
        self._pending = self._known = None
        self._first_at_s = -math.inf

    def forget(self) -> None:
        """Take nothing for known of the far end any more: after a new connection it may have reverted."""
        self._known = None

    def counters(self) -> Mapping[str, int]:
        """How often each kind of event happened."""
        return self.counts
