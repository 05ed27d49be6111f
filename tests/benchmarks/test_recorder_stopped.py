"""The command ``recorder_stopped.py``: whom it blames for an overrun, and a short run that accounts for all rows."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

if not Path("/proc").is_dir():
    pytest.skip("stops processes, and counts their sleeps", allow_module_level=True)
sys.path.insert(0, str(Path(__file__).parent))

import recorder_stopped
from recorder_stopped import Overrun, run_part
from witness import held_ns

MS = 1_000_000


def test_the_witness_was_held_up_in_a_stretch_as_far_as_its_delays_reach_into_it() -> None:
    late = [(10 * MS, 3 * MS), (20 * MS, 1 * MS), (30 * MS, 5 * MS)]
    assert held_ns(late, 0, 9 * MS) == 0
    assert held_ns(late, 0, 100 * MS) == 9 * MS
    assert held_ns(late, 11 * MS, 12 * MS) == 1 * MS
    assert held_ns(late, 12 * MS, 32 * MS) == (1 + 1 + 2) * MS
    assert held_ns([], 0, 100 * MS) == 0


@pytest.mark.parametrize(
    ("own_ns", "faults", "held", "whose"),
    [
        (50_000, 0, 4 * MS, "the machine"),
        (50_000, 0, 3_300_000, "the machine"),
        (50_000, 0, 1 * MS, "not known"),
        (3 * MS, 0, 0, "the loop"),
        (3 * MS, 0, 4 * MS, "the machine"),
        (50_000, 2, 4 * MS, "the loop"),
    ],
)
def test_an_overrun_is_the_machines_only_where_a_higher_priority_was_held_up_as_long(
    own_ns: int, faults: int, held: int, whose: str
) -> None:
    overrun = Overrun(4 * MS, stopped=True, own_ns=own_ns, faults=faults, held_ns=held)
    assert overrun.whose == whose


def test_a_short_run_stops_the_recorder_and_accounts_for_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_stopped, "TURN_S", 0.6)
    monkeypatch.setattr(recorder_stopped, "RING_S", 0.1)
    part = run_part("block", 2.0, None, max(os.sched_getaffinity(0)), tmp_path)
    assert part.cycles > 0
    assert part.rows_lost == part.rows_missing
    assert (part.rows_twice, part.sleeps) == (0, 0)
    assert all(each.late_ns >= recorder_stopped.PERIOD_NS for each in part.overruns)
    # The first cycle and the last are not judged: the one before, or the one after, is not there.
    assert 0 <= part.counted_overruns - len(part.overruns) <= 2
