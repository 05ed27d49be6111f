"""The process image: every signal's value, quality and time of receipt, in slots fixed at start-up.

Plain lists and byte arrays, because one element of a list is several times cheaper to read and write
from Python than one element of an array, and the cycle touches single elements only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from operator import itemgetter


class Quality(IntEnum):
    """How far a value can be believed."""

    GOOD = 0
    STALE = 1
    """Older than the signal's maximum age: shown, not acted on."""
    BAD = 2
    """Out of range, not finite, or nothing received for three times the maximum age."""
    SUBSTITUTED = 3
    """Put in by a fallback or a failsafe in place of a value; every value before its first receipt."""


# As plain integers for the cycle: an enumeration's member costs a look-up and compares slower.
GOOD, STALE, BAD, SUBSTITUTED = (int(quality) for quality in Quality)

_NEVER_NS = 1 << 62
BAD_AGE_FACTOR = 3
"""A value older than this many maximum ages is BAD, no longer only STALE."""
DEFAULT_AGE_PERIODS = 3
"""The maximum age of a received value where none is declared, in the times from one read of it to the next."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A named value.

    Attributes
    ----------
    name : str
        Unit last, for example ``tcs_supply_temp_degc``.
    unit : str
        As in :mod:`hil.config.units`.
    low, high : float
        Range, in the unit. A received value outside is BAD; a written one is clamped to it.
    failsafe : float
        Taken where the value cannot be had or must not be trusted, in the unit.
    max_age_ns : int
        Age at which a received value turns STALE; 0 for a value that is made anew each cycle.
    initial : float
        Value before the first cycle, in the unit; the failsafe where none is given.

    Raises
    ------
    ValueError
        Range or failsafe not finite: the image holds finite values only, from the start.
    """

    name: str
    unit: str
    low: float
    high: float
    failsafe: float
    max_age_ns: int = 0
    initial: float = math.nan

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.low, self.high, self.failsafe))) or math.isinf(self.initial):
            raise ValueError(f"signal {self.name}: range, failsafe and initial value must be finite")

    @property
    def start(self) -> float:
        """The value before the first cycle, in the unit."""
        return self.failsafe if math.isnan(self.initial) else self.initial


class Image:
    """All signals of a rig. Slots are looked up by name at start-up and by index in the loop.

    Attributes
    ----------
    signals : tuple of Signal
        In the order of the slots.
    index : dict of str to int
        Slot of each signal by name, for start-up only.
    values : list of float
        Always finite.  # (n_signals,)
    quality : bytearray
        :class:`Quality` of each value.  # (n_signals,)
    received_ns : list of int
        Loop time at which each value was received or computed, ns; never goes back.  # (n_signals,)
    limited : bytearray
        Why the last written value differs from what was asked (bits of ``controller.Limit``), 0 where
        it does not.  # (n_signals,)
    rejected : list of int
        How many received values were refused for being not finite or out of range.  # (n_signals,)
    """

    __slots__ = (
        "_aging", "_high", "_low", "_next_old_ns", "index", "limited", "quality", "received_ns", "rejected", "signals",
        "values",
    )  # fmt: skip

    def __init__(self, signals: Sequence[Signal]) -> None:
        self.signals = tuple(signals)
        self.index = {signal.name: slot for slot, signal in enumerate(self.signals)}
        count = len(self.signals)
        self.values = [float(signal.start) for signal in self.signals]
        self.quality = bytearray([SUBSTITUTED] * count)
        self.received_ns = [0] * count
        self.limited = bytearray(count)
        self.rejected = [0] * count
        self._low = [signal.low for signal in self.signals]
        self._high = [signal.high for signal in self.signals]
        self._aging = _by_age(self.signals)
        self._next_old_ns = -1

    def accept(self, slot: int, value: float, received_ns: int) -> bool:
        """Take a received value; refuse it, keeping the last one as BAD, where it is not finite or out of range.

        Returns whether it was taken. ``value`` in the signal's unit, ``received_ns`` in loop time.
        """
        # One comparison chain refuses NaN and both infinities too, since the range is finite.
        if self._low[slot] <= value <= self._high[slot]:
            self.values[slot] = value
            self.quality[slot] = GOOD
            self.received_ns[slot] = received_ns
            return True
        self.quality[slot] = BAD
        self.rejected[slot] += 1
        return False

    def accept_all(self, slots: Sequence[int], received: Iterable[float], now_ns: int) -> None:
        """Take many values at once, each as :meth:`accept` would: a call a value costs more than what it does."""
        values, quality, stamps, low, high = (
            self.values,
            self.quality,
            self.received_ns,
            self._low,
            self._high,
        )
        for slot, value in zip(slots, received, strict=True):
            if low[slot] <= value <= high[slot]:
                values[slot] = value
                quality[slot] = GOOD
                stamps[slot] = now_ns
            else:
                quality[slot] = BAD
                self.rejected[slot] += 1

    def age(self, now_ns: int) -> None:
        """Mark received values that have become too old at ``now_ns`` (loop time)."""
        # Stamps never go back, so nothing can be too old before the oldest one seen last time is.
        if now_ns <= self._next_old_ns:
            return
        next_old_ns = _NEVER_NS
        for max_age_ns, slots, stamps in self._aging:
            old_ns = min(stamps(self.received_ns)) + max_age_ns
            if now_ns > old_ns:
                self._age_each(slots, max_age_ns, now_ns)
            if old_ns < next_old_ns:  # noqa: PLR1730  a call of min() costs more than the comparison
                next_old_ns = old_ns
        self._next_old_ns = next_old_ns

    def _age_each(self, slots: tuple[int, ...], max_age_ns: int, now_ns: int) -> None:
        quality = self.quality
        received_ns = self.received_ns
        for slot in slots:
            age_ns = now_ns - received_ns[slot]
            if age_ns > max_age_ns:
                if age_ns > BAD_AGE_FACTOR * max_age_ns:
                    quality[slot] = BAD
                elif quality[slot] == GOOD:
                    quality[slot] = STALE


_Ages = tuple[int, tuple[int, ...], Callable[[list[int]], tuple[int, ...]]]


def _by_age(signals: Sequence[Signal]) -> list[_Ages]:
    """Slots of one maximum age (ns) together, with what picks their stamps out of all; only those that age."""
    slots: dict[int, list[int]] = {}
    for slot, signal in enumerate(signals):
        if signal.max_age_ns > 0:
            slots.setdefault(signal.max_age_ns, []).append(slot)
    # The last one twice: a getter of a single item would give that item, and no tuple of one.
    return [(age_ns, tuple(these), itemgetter(*these, these[-1])) for age_ns, these in slots.items()]
