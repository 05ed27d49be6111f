"""What a benchmark found: histograms, single figures, and what a reader must know of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hil.loop.histogram import PERCENTILES, Histogram


@dataclass(slots=True)
class Bench:
    """Figures by their dotted names; the package's README lists them.

    Attributes
    ----------
    histograms : dict of str to dict
        Percentiles, maximum, mean and filled buckets, us, as in ``timing.json``.
    figures : dict of str to float
        Unit last in the name; ``…_ratio`` and ``…_share`` have none.
    told : dict of str to str
        In words: the machine, which server answered and why, what the system refused.
    """

    histograms: dict[str, dict[str, Any]] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)

    def keep(self, name: str, *rounds: Histogram) -> None:
        """Keep the histograms of one or several rounds as one."""
        self.histograms[name] = merged([each.summary() for each in rounds])

    def as_json(self) -> dict[str, Any]:
        """As written by ``hil bench --json``."""
        return {"told": self.told, "figures": self.figures, "histograms": self.histograms}


def merged(summaries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give the summary of all durations of several summaries; buckets are the same in each."""
    if len(summaries) == 1:
        return dict(summaries[0])
    counts: Counter[float] = Counter()
    for summary in summaries:
        for upper_us, count in summary["buckets"]:
            counts[upper_us] += count
    count = sum(counts.values())
    buckets = sorted(counts.items())
    most_us = max((summary["max_us"] for summary in summaries), default=0.0)
    result: dict[str, Any] = {"count": count}
    for name, share in PERCENTILES:
        result[f"{name}_us"] = min(_percentile(buckets, share * count), most_us)
    total_us = sum(summary["mean_us"] * summary["count"] for summary in summaries)
    result |= {"max_us": most_us, "mean_us": total_us / count if count else 0.0}
    result["buckets"] = [list(bucket) for bucket in buckets]
    return result


def _percentile(buckets: Iterable[tuple[float, int]], wanted: float) -> float:
    seen = 0
    for upper_us, count in buckets:
        seen += count
        if seen >= wanted:
            return upper_us
    return 0.0
