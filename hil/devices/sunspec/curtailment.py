"""Curtailing an inverter: look, values, enable; renewed before they revert, read back. Knows no wire and no clock.

What is to be written comes out as an :class:`Order`; what became of it is told back. The sequence follows how
inverters behave: a limit counts only once it is enabled, a request with one bad value changes nothing, and a limit that
is not renewed within the reversion time is given up by the inverter itself, which is the failsafe where this side falls
silent. The limit is not disabled in between: that would let the plant jump to full power. Before each writing it is
looked whether the model still lies where it lay and has which power of ten: after an update of the firmware the same
registers may mean something else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from hil.devices.sunspec.chain import Found

COUNTERS = (
    "curtail_values_sent", "curtail_enables_sent", "curtail_acknowledged", "curtail_unacknowledged", "curtail_refused",
    "curtail_renewals", "curtail_raised_to_least", "curtail_mismatches", "curtail_reverted", "curtail_rescaled",
    "curtail_withheld", "curtail_postponed",
)  # fmt: skip
"""One for each: request for values, for enabling; enabling taken; request not answered; refused; renewal due; limit
below the least that is sent; read-back that is not what was sent; limit found disabled though it was not given up;
other power of ten found; nothing written because the model was not where it had been; cycle in which a change waited
for the least interval."""

_NS_PER_S = 1_000_000_000
_RETRY_NS = _NS_PER_S
"""Pause after a request that was refused or not answered, ns."""
LEAST_POWER = -10
_WORD = 0xFFFF


@dataclass(frozen=True, slots=True)
class CurtailSettings:
    """How one inverter is limited.

    Attributes
    ----------
    model : int
        704 or 123.
    reversion_s : int
        Time after which the inverter gives up a limit that is not renewed, s; renewed at half of it.
    ramp_s : int
        Time over which a new limit is approached, s; 123 only, 0 for the inverter's own.
    reverts_to_percent : float
        Limit that holds after the reversion, %; 704 only, 123 always goes to none.
    least_percent : float
        Lowest limit that is sent, %: many inverters disconnect at 0.
    dead_band_percent : float
        Changes smaller than this are not sent, %; at the next renewal they are.
    least_interval_s : float
        Shortest time from one change sent to the next, s: some inverters keep each in a memory that wears out.
    """

    model: Literal[123, 704]
    reversion_s: int
    ramp_s: int = 0
    reverts_to_percent: float = 100.0
    least_percent: float = 1.0
    dead_band_percent: float = 0.0
    least_interval_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Order:
    """Registers of one request: what for, zero-based address, words to write; none for a look, which reads the head."""

    step: Literal["look", "values", "enable"]
    address: int
    words: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What the inverter was last read to hold: limit (%), whether it is enabled, and when, ns of loop time."""

    limit_percent: float
    enabled: bool
    received_ns: int


class Curtailment:
    """The sequence for one inverter.

    Parameters
    ----------
    settings : CurtailSettings
        See there.
    found : Found
        Where its model lies.
    power : int
        Power of ten of the limit's register: % = count x 10^power.

    Attributes
    ----------
    counts : dict of str to int
        Of :data:`COUNTERS`.
    trouble : str
        What is wrong now, for a person; empty while all is well.
    """

    def __init__(self, settings: CurtailSettings, found: Found, power: int) -> None:
        self.settings = settings
        self.counts = dict.fromkeys(COUNTERS, 0)
        self.trouble = ""
        self._found = found
        self._percent_a_count = 10.0**power
        self._limit_percent = 100.0
        self._sent: int | None = None
        self._held: int | None = None
        self._enabled_ns = 0
        self._sent_ns: int | None = None
        self._not_before_ns = 0
        self._was_raised = False

    @property
    def held_percent(self) -> float | None:
        """Limit that the inverter has acknowledged and enabled, %; None where that is not known."""
        return None if self._held is None else self._held * self._percent_a_count

    def due(self, now_ns: int, limit_percent: float, seen: Seen | None) -> Order | None:
        """Give what to write at loop time ``now_ns`` so that ``limit_percent`` holds; None where it does."""
        wanted = self._count(limit_percent)
        if seen is not None:
            self._compare(seen)
        if now_ns < self._not_before_ns:
            return None
        is_old = now_ns - self._enabled_ns >= self.settings.reversion_s * _NS_PER_S // 2
        if self._held == wanted and not is_old:
            return None
        if not is_old and self._may_wait(wanted, now_ns):
            return None
        self._limit_percent = limit_percent
        return Order("look", self._found.address)

    def _may_wait(self, wanted: int, now_ns: int) -> bool:
        """Whether a change is too small, or too soon after the last one."""
        if self._held is not None:
            change_percent = abs(wanted - self._held) * self._percent_a_count
            if change_percent < self.settings.dead_band_percent:
                return True
        interval_ns = self.settings.least_interval_s * _NS_PER_S
        if self._sent_ns is None or now_ns - self._sent_ns >= interval_ns:
            return False
        self.counts["curtail_postponed"] += 1
        return True

    def looked(self, model_id: int, length: int, power: int, now_ns: int) -> Order | None:
        """Take what the look found: ID and length of the model, power of ten of the limit; gives what must follow."""
        found = self._found
        if (model_id, length) != (found.id, found.length) or not LEAST_POWER <= power <= 0:
            self.counts["curtail_withheld"] += 1
            self._held = None
            self._not_before_ns = now_ns + _RETRY_NS
            self.trouble = (
                f"model {found.id} is no longer at {found.address}: nothing is written; start the run anew"
            )
            return None
        if self._percent_a_count != 10.0**power:
            self.counts["curtail_rescaled"] += 1
            self._held, self._percent_a_count = None, 10.0**power
        wanted = self._count(self._limit_percent)
        if self._held == wanted:
            self.counts["curtail_renewals"] += 1
        self._sent, self._sent_ns = wanted, now_ns
        self.counts["curtail_values_sent"] += 1
        return self._values(wanted)

    def acknowledged(self, order: Order, now_ns: int) -> Order | None:
        """Take the acknowledgement of ``order``; gives what must follow it at once."""
        if order.step == "values":
            self.counts["curtail_enables_sent"] += 1
            return self._enable()
        self.counts["curtail_acknowledged"] += 1
        self._held, self._enabled_ns = self._sent, now_ns
        return None

    def refused(self, order: Order, code: int, now_ns: int) -> None:
        """Take the refusal of ``order``: nothing of it was taken."""
        self.counts["curtail_refused"] += 1
        self._held = None
        self._not_before_ns = now_ns + _RETRY_NS
        what = "to say how its limit is scaled" if order.step == "look" else f"the {order.step} of its limit"
        self.trouble = f"the inverter refuses {what} (exception {code})"

    def unanswered(self) -> None:
        """Note that a request was not answered: whether the inverter took it is not known."""
        self.counts["curtail_unacknowledged"] += 1
        self._held = self._sent_ns = None

    def lost(self) -> None:
        """Note that the connection went: what the inverter holds is not known."""
        self._held = self._sent_ns = None

    def forget(self) -> None:
        """Have the limit due again, whatever is held."""
        self._held = self._sent_ns = None
        self._not_before_ns = 0

    def _count(self, limit_percent: float) -> int:
        raised = limit_percent < self.settings.least_percent
        if raised and not self._was_raised:
            self.counts["curtail_raised_to_least"] += 1
        self._was_raised = raised
        return self._raw(limit_percent)

    def _raw(self, percent: float) -> int:
        """Give the counts of a limit that may be sent; a coarse register must not round the least one down to 0."""
        percent = min(max(percent, self.settings.least_percent), 100.0)
        least = math.ceil(self.settings.least_percent / self._percent_a_count - 1e-9)
        return max(round(percent / self._percent_a_count), least)

    def _compare(self, seen: Seen) -> None:
        """Hold what was read against what was acknowledged; only what was read after that can say anything."""
        if self._held is None or seen.received_ns <= self._enabled_ns:
            return
        found = round(seen.limit_percent / self._percent_a_count)
        if not seen.enabled:
            self.counts["curtail_reverted"] += 1
            self.trouble = (
                f"the limit of {self.held_percent:g} % was given up by the inverter, or by somebody else"
            )
            self._held = None
        elif found != self._held:
            self.counts["curtail_mismatches"] += 1
            held = f"the inverter holds {seen.limit_percent:g} %"
            self.trouble = f"a limit of {self.held_percent:g} % was acknowledged, {held}"
            self._held = None
        else:
            self.trouble = ""

    def _values(self, count: int) -> Order:
        settings, base = self.settings, self._found.address
        if settings.model == 123:
            # Limit, time to begin, reversion, ramp: side by side, and the enable behind them.
            return Order(
                "values", base + 5, (count, 0, settings.reversion_s & _WORD, settings.ramp_s & _WORD)
            )
        reversion = settings.reversion_s
        # Limit, limit after the reversion, whether that one is enabled, reversion in two words.
        words = (
            count,
            self._raw(settings.reverts_to_percent),
            int(settings.reverts_to_percent < 100.0),
            reversion >> 16 & _WORD,
            reversion & _WORD,
        )
        return Order("values", base + 15, words)

    def _enable(self) -> Order:
        return Order("enable", self._found.address + (9 if self.settings.model == 123 else 14), (1,))
