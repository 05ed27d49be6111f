"""Limits: the only road to an actuator. Clamp, rate, failsafe, and why a value was changed.

A value outside the range cannot come out, whatever goes in.
"""

from __future__ import annotations

import math
from enum import IntFlag

from controller.errors import LimitError


class Limit(IntFlag):
    """Why the applied value differs from the requested one; fits in one byte."""

    LOW = 1
    """Below the range: clamped to its low end."""
    HIGH = 2
    """Above the range: clamped to its high end."""
    RATE = 4
    """Further away than the rate allows in this step."""
    FAILSAFE = 8
    """Forced to the failsafe."""
    NONFINITE = 16
    """Request or elapsed time not finite: the last applied value was held."""


# As plain integers for the cycle: combining members of an enumeration costs a microsecond each time.
_LOW, _HIGH, _RATE, _FAILSAFE, _NONFINITE = (int(limit) for limit in Limit)


class Limiter:
    """Brings a request into range at an allowed rate, and remembers what was applied.

    Parameters
    ----------
    low, high : float
        Range of the applied value, in the signal's unit.
    failsafe : float
        Value of :meth:`force_failsafe`, in range.
    rate_up_per_s, rate_down_per_s : float, optional
        Largest rise and fall, signal's unit per second, both positive; None for no limit.
    initial : float, optional
        Value applied before the first call, in range; the failsafe where not given.

    Attributes
    ----------
    applied : float
        Last value that came out; the base of the rate limit.
    reason : int
        Bits of :class:`Limit` of the last call; 0 where the request passed unchanged.

    Raises
    ------
    LimitError
        Range inverted or not finite, failsafe or initial value out of range, rate not positive.
    """

    __slots__ = ("_by_reason", "_down_per_s", "_up_per_s", "applied", "failsafe", "high", "low", "reason")

    def __init__(
        self,
        low: float,
        high: float,
        failsafe: float,
        rate_up_per_s: float | None = None,
        rate_down_per_s: float | None = None,
        initial: float | None = None,
    ) -> None:
        if not (math.isfinite(low) and math.isfinite(high)):
            raise LimitError(f"range {low} to {high} is not finite")
        if low >= high:
            raise LimitError(f"range {low} to {high} is inverted or empty: low must be below high")
        self.low = float(low)
        self.high = float(high)
        self.failsafe = self._in_range("failsafe", failsafe)
        self.applied = self.failsafe if initial is None else self._in_range("initial", initial)
        self._up_per_s = _rate("rate_up_per_s", rate_up_per_s)
        self._down_per_s = _rate("rate_down_per_s", rate_down_per_s)
        self.reason = 0
        self._by_reason = [0] * (2 * max(Limit))

    def _in_range(self, name: str, value: float) -> float:
        if not self.low <= value <= self.high:
            raise LimitError(f"{name} {value} is outside the range {self.low} to {self.high}")
        return float(value)

    def apply(self, requested: float, dt_s: float) -> float:
        """Give the value to send for ``requested`` (signal's unit), ``dt_s`` (s) after the last call.

        A request or elapsed time that is not finite holds the last applied value. A negative elapsed time
        counts as none.
        """
        base = self.applied
        # Most requests pass, and need no more than these comparisons; NaN fails all of them.
        if (
            self.low <= requested <= self.high
            and 0.0 < dt_s < math.inf
            and base - self._down_per_s * dt_s <= requested <= base + self._up_per_s * dt_s
        ):
            self.applied = requested
            self.reason = 0
            return requested
        reason = 0
        value = requested
        if value > self.high:
            value = self.high
            reason = _HIGH
        elif value < self.low:
            value = self.low
            reason = _LOW
        # Only a finite number less itself is 0. An infinite request is clamped by now, yet it is no request.
        if requested - requested != 0.0 or dt_s - dt_s != 0.0:
            self.reason = _NONFINITE
            self._by_reason[_NONFINITE] += 1
            return self.applied
        return self._move_to(value, dt_s, reason)

    def force_failsafe(self, dt_s: float, *, immediate: bool = False) -> float:
        """Go to the failsafe, within the rate limit unless ``immediate``; gives the value to send.

        An elapsed time ``dt_s`` (s) that is negative or not finite counts as none.
        """
        if immediate:
            self.applied = self.failsafe
            self.reason = _FAILSAFE
            self._by_reason[_FAILSAFE] += 1
            return self.applied
        if not math.isfinite(dt_s):
            dt_s = 0.0
        return self._move_to(self.failsafe, dt_s, _FAILSAFE)

    def start_from(self, actual: float) -> None:
        """Take ``actual`` (signal's unit), brought into range, as the last applied value.

        Without effect where it is not finite. For taking over an actuator that stands somewhere else
        than where this limiter left it.
        """
        if math.isfinite(actual):
            self.applied = min(max(actual, self.low), self.high)

    def _move_to(self, value: float, dt_s: float, reason: int) -> float:
        """Move from the applied value towards ``value`` (in range) as far as the rate allows."""
        base = self.applied
        # Comparing where the rate leads, not how far it is: rounding cannot carry it beyond the range.
        if value > base:
            reachable = base + (self._up_per_s * dt_s if dt_s > 0.0 else self._at_once(self._up_per_s))
            if reachable < value:
                value = reachable
                reason |= _RATE
        elif value < base:
            reachable = base - (self._down_per_s * dt_s if dt_s > 0.0 else self._at_once(self._down_per_s))
            if reachable > value:
                value = reachable
                reason |= _RATE
        self.applied = value
        self.reason = reason
        if reason:
            self._by_reason[reason] += 1
        return value

    @staticmethod
    def _at_once(rate_per_s: float) -> float:
        """Change allowed in no time: none, except where there is no rate limit (infinity times 0 is NaN)."""
        return math.inf if rate_per_s == math.inf else 0.0

    def counters(self) -> dict[str, int]:
        """How many calls each reason changed, by lower-case name of :class:`Limit`."""
        return {
            str(limit.name).lower(): sum(n for bits, n in enumerate(self._by_reason) if bits & limit)
            for limit in Limit
        }


def _rate(name: str, rate_per_s: float | None) -> float:
    if rate_per_s is None:
        return math.inf
    if not rate_per_s > 0.0:
        raise LimitError(f"{name} is {rate_per_s}: it must be above 0; leave it out for no limit")
    return float(rate_per_s)
