"""The cost of each part of the loop against a stored baseline of ratios; see ratios.py for how to renew it.

The factor is 3 for slower: a part that lost an optimisation (a kernel that falls back to Python, a look-up by name in
the loop) is that and more, while the medians of rounds on shared machines, between processors and between versions of
Python stay within 2. It is 5 for faster: then the baseline says nothing any more.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SLOWER, FASTER = 3.0, 5.0
ATTEMPTS = 5

_spec = importlib.util.spec_from_file_location("ratios", HERE / "ratios.py")
assert _spec is not None
assert _spec.loader is not None
ratios = sys.modules.setdefault("ratios", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(ratios)

BASELINE = json.loads(ratios.BASELINE.read_text())["ratios"]


def drift(ratio: float, baseline: float) -> str:
    """What is wrong with a ratio; empty where it is near enough to its baseline."""
    if ratio > SLOWER * baseline:
        return f"{ratio:.3g} times the reference, baseline {baseline:.3g}: slower than {SLOWER:g} times that"
    if ratio < baseline / FASTER:
        return f"{ratio:.3g} times the reference, baseline {baseline:.3g}: renew the baseline"
    return ""


@pytest.mark.parametrize("part", list(ratios.PAIRS))
def test_cost_against_the_baseline(benchmark, part: str) -> None:
    pair = ratios.PAIRS[part]()
    benchmark.pedantic(pair.subject, rounds=20, iterations=pair.calls, warmup_rounds=1)
    found = []
    for _ in range(ATTEMPTS):
        # A drift is there in every attempt; what a busy neighbour did is not.
        found.append(ratios.measured_ratio(pair))
        if not drift(found[-1], BASELINE[part]):
            break
    benchmark.extra_info |= {"ratio": found[-1], "baseline": BASELINE[part]}
    assert not drift(found[-1], BASELINE[part]), found


def test_every_part_has_a_baseline() -> None:
    assert set(BASELINE) == set(ratios.PAIRS)


def test_a_part_that_became_slow_is_found() -> None:
    pair = ratios.limiter_step()

    def slow() -> None:
        for _ in range(6):
            pair.subject()

    ratio = ratios.measured_ratio(ratios.Pair(slow, pair.reference, pair.calls))
    assert "slower than 3" in drift(ratio, BASELINE["limiter_step"])
    assert drift(BASELINE["limiter_step"] / 6.0, BASELINE["limiter_step"]).endswith("renew the baseline")
