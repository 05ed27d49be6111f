"""A histogram of durations with a fixed relative resolution, cheap enough for every phase of every cycle.

Buckets are log-linear: each power of two is cut into 32 equal parts, so a bucket is at most 3.2 % wide and the
whole range from 1 ns to an hour takes about 1,200 counters. One record is a shift, an index and an increment.
Every value below 64 ns has a bucket of its own; all values above 73 min share the last one.
"""

from __future__ import annotations

from typing import Any

_SUB_BITS = 5
_SUB = 1 << _SUB_BITS
_FIRST_BITS = _SUB_BITS + 1
_BUCKETS = (43 - _SUB_BITS) * _SUB  # up to 2**42 ns, about 73 min
PERCENTILES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99_9", 0.999))


class Histogram:
    """Counts of durations in ns.

    Attributes
    ----------
    total_ns, max_ns : int
        Of all recorded durations, exact.
    """

    __slots__ = ("_counts", "max_ns", "total_ns")

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self.total_ns = 0
        self.max_ns = 0

    @property
    def count(self) -> int:
        """Durations recorded, exact."""
        return sum(self._counts)

    def record(self, duration_ns: int) -> None:
        """Count one duration, ns; a negative one counts as 0."""
        if duration_ns < _SUB:
            duration_ns = max(duration_ns, 0)
            self._counts[duration_ns] += 1
        else:
            shift = duration_ns.bit_length() - _FIRST_BITS
            try:
                self._counts[(shift << _SUB_BITS) + (duration_ns >> shift)] += 1
            except IndexError:
                self._counts[-1] += 1
        self.total_ns += duration_ns
        if duration_ns > self.max_ns:  # noqa: PLR1730  a call of max() costs more than the comparison
            self.max_ns = duration_ns

    def record_corrected(self, duration_ns: int, period_ns: int) -> None:
        """Count one duration and those that the periods it swallowed would have shown.

        They are ``duration_ns`` less 1, 2, … whole periods, as far as something is left. Without this a stall of
        a hundred periods would count once, as if ninety-nine others had been on time. The method is the
        correction for co-ordinated omission of G. Tene's HdrHistogram, with the last, partial period included.
        """
        if duration_ns <= period_ns:
            self.record(duration_ns)
            return
        omitted = (duration_ns - 1) // period_ns
        if omitted > _BUCKETS:
            # A machine that slept for a night: as many steps as there are buckets, not as there were periods.
            self._record_steps(duration_ns, period_ns, omitted)
            return
        for left_ns in range(duration_ns, 0, -period_ns):
            self.record(left_ns)

    def _record_steps(self, longest_ns: int, step_ns: int, steps: int) -> None:
        """Count ``longest_ns`` and the ``steps`` durations below it, ``step_ns`` apart, bucket by bucket."""
        shortest_ns = longest_ns - steps * step_ns
        below = 0
        for index in range(_BUCKETS - 1):
            upto = min(max((_upper_ns(index) - shortest_ns) // step_ns + 1, 0), steps + 1)
            self._counts[index] += upto - below
            below = upto
        self._counts[-1] += steps + 1 - below
        self.total_ns += (shortest_ns + longest_ns) * (steps + 1) // 2
        self.max_ns = max(self.max_ns, longest_ns)

    def percentile(self, share: float) -> int:
        """Upper end of the bucket that holds the share 0..1 of all durations, ns; 0 where there are none."""
        wanted = share * self.count
        seen = 0
        for index, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return min(self._upper_ns(index), self.max_ns)
        return 0

    def _upper_ns(self, index: int) -> int:
        """Greatest duration counted in bucket ``index``; the last one has no end of its own."""
        return max(self.max_ns, _upper_ns(index)) if index == _BUCKETS - 1 else _upper_ns(index)

    def summary(self) -> dict[str, Any]:
        """Percentiles, maximum, mean and the filled buckets, us, as written to ``timing.json``."""
        recorded = self.count
        result: dict[str, Any] = {"count": recorded}
        for name, share in PERCENTILES:
            result[f"{name}_us"] = self.percentile(share) / 1000
        result["max_us"] = self.max_ns / 1000
        result["mean_us"] = self.total_ns / recorded / 1000 if recorded else 0.0
        result["buckets"] = [[self._upper_ns(i) / 1000, n] for i, n in enumerate(self._counts) if n]
        return result


def _upper_ns(index: int) -> int:
    """Greatest duration that falls into bucket ``index``, ns."""
    if index < 2 * _SUB:
        return index
    shift = (index >> _SUB_BITS) - 1
    return ((_SUB + (index & (_SUB - 1)) + 1) << shift) - 1
