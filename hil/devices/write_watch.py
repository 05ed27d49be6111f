"""Whether a device follows what it has acknowledged: what was written against what is found. Pure: time is an argument.

A finding is one of the following; found is what the device gives back, before is what it gave back before our write.

=============  ====================================================================================================
``VERIFIED``   found is what was written, for the first time since that was acknowledged
``RECOVERED``  the same, after it had not been
``IGNORED``    acknowledged, and still as before when the time to follow had passed
``REVERTED``   followed, and later as before again, or as it was when we came, without a write of ours
``FOREIGN``    neither ours nor what was there before: somebody else writes it, or the device alters what it takes
=============  ====================================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import isfinite


class Verdict(Enum):
    """See the module; the value is the counter."""

    VERIFIED = "writes_verified"
    RECOVERED = "writes_recovered"
    IGNORED = "writes_ignored"
    REVERTED = "writes_reverted"
    FOREIGN = "writes_foreign"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at the device says.

    Attributes
    ----------
    verdict : Verdict
        In a word.
    expected, found : float
        Counts of the point that was read.
    is_news : bool
        Whether a person has not been told so much yet.
    """

    verdict: Verdict
    expected: float
    found: float
    is_news: bool


class WriteWatch:
    """Follows one point. Raw numbers are counts of the point that is read.

    Parameters
    ----------
    tolerance : float
        Largest difference that counts as followed, counts.
    delay_ns : int
        Time the device has to follow, ns. Two looks are never closer together.
    every_ns : int
        From one look to the next while nothing is written, ns.

    Attributes
    ----------
    deviates : Verdict or None
        How the device does not follow, as of the last look.
    """

    __slots__ = ("_asked_ns", "_baseline", "_before", "_checked_ns", "_delay_ns", "_every_ns", "_expected", "_followed",
                 "_high", "_last", "_last_ack_ns", "_low", "_pending_ns", "_tolerance", "deviates")  # fmt: skip

    def __init__(self, tolerance: float, delay_ns: int, every_ns: int) -> None:
        self._tolerance, self._delay_ns, self._every_ns = tolerance, delay_ns, every_ns
        self._expected: float | None = None
        self._low = self._high = 0.0
        self._last: float | None = None
        self._before: float | None = None
        self._baseline: float | None = None
        self._followed = False
        self._pending_ns: int | None = None
        self._last_ack_ns = 0
        self._asked_ns: int | None = None
        self._checked_ns = 0
        self.deviates: Verdict | None = None

    # What we do -------------------------------------------------------------------------------------------

    def acknowledged(self, expected: float, now_ns: int) -> None:
        """Note that the device has acknowledged a write after which ``expected`` should be found."""
        if self._expected is None:
            self._low = self._high = expected
        else:
            self._low, self._high = min(self._low, expected), max(self._high, expected)
        if self._pending_ns is None:
            self._pending_ns = now_ns
        if expected != self._expected or self.deviates is not None:
            self._followed = False
        # What somebody else put there is no value to fall back to: found again, it is his again.
        is_his = self.deviates is Verdict.FOREIGN
        if self._last is not None and not is_his and not self._same(self._last, expected):
            self._before = self._last
        self._expected = expected
        self._last_ack_ns = now_ns

    def unsure(self) -> None:
        """Note that what the device holds cannot be known: a write was not acknowledged, or the connection is new."""
        self._expected = self._pending_ns = None
        self._followed = False

    # What is found ----------------------------------------------------------------------------------------

    def due_ns(self) -> int:
        """When the device is to be looked at next, ns."""
        asked_ns = self._asked_ns
        if asked_ns is None:
            return 0  # before the first write of all: what was there
        if self._expected is None:
            return asked_ns + self._every_ns
        if self._pending_ns is not None:
            return max(self._pending_ns, asked_ns) + self._delay_ns
        return max(self._checked_ns + self._every_ns, asked_ns + self._delay_ns)

    def asked(self, now_ns: int) -> None:
        """Note that the device was asked at ``now_ns``."""
        self._asked_ns = now_ns

    def found(self, raw: float, now_ns: int) -> Finding | None:
        """Judge what was found at ``now_ns``; None where there is nothing to say."""
        if not isfinite(raw):
            return None
        last, self._last = self._last, raw
        expected = self._expected
        if expected is None:
            if self._baseline is None:
                self._baseline = raw
            return None
        self._checked_ns = now_ns
        low, high = self._low, self._high
        self._low = self._high = expected
        if self._same(raw, expected):
            return self._good(expected, raw)
        if (
            now_ns - self._last_ack_ns < self._delay_ns
            and low - self._tolerance <= raw <= high + self._tolerance
        ):
            # It holds something that was ours a moment ago, and still has time.
            self._pending_ns = self._last_ack_ns
            return None
        return self._wrong(expected, raw, last)

    def _same(self, a: float, b: float) -> bool:
        return abs(a - b) <= self._tolerance

    def _good(self, expected: float, raw: float) -> Finding | None:
        recovered, pending = self.deviates is not None, self._pending_ns is not None
        self.deviates = self._pending_ns = None
        self._followed = True
        if recovered:
            return Finding(Verdict.RECOVERED, expected, raw, is_news=True)
        return Finding(Verdict.VERIFIED, expected, raw, is_news=False) if pending else None

    def _wrong(self, expected: float, raw: float, last: float | None) -> Finding | None:
        fresh, before = self._pending_ns is not None, self.deviates
        self._pending_ns = None
        if before is not None and not fresh and last is not None and self._same(raw, last):
            return None
        self.deviates = verdict = self._verdict(raw)
        return Finding(verdict, expected, raw, is_news=verdict is not before)

    def _verdict(self, raw: float) -> Verdict:
        if self._followed:
            back = (self._before, self._baseline)
            is_back = any(there is not None and self._same(raw, there) for there in back)
            return Verdict.REVERTED if is_back else Verdict.FOREIGN
        if self._before is None or self._same(raw, self._before):
            return Verdict.IGNORED
        return Verdict.FOREIGN
