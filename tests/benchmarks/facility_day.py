"""24 h of the 10 MW facility, recording included, on one core: ``python tests/benchmarks/facility_day.py [hours]``.

Prints times real time, what a cycle costs, and how the memory of the process grew. The target is 5,000 times real time
on a quiet machine: 200 us a cycle in all. Processor time is told beside the wall's, for on a shared machine
the wall measures the others.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from hil.rig import Wishes, load_rig, run_rig

ROOT = Path(__file__).resolve().parents[2]
RIG = ROOT / "configs" / "rigs" / "facility_10mw.yaml"
TARGET_TIMES_REAL_TIME = 5000


@dataclass(frozen=True)
class FacilityRun:
    """A run of the facility's rig, the report not included.

    Attributes
    ----------
    simulated_s, wall_s : float
    cycle_us : float
        Processor time of one cycle with its recording.
    early_mb, late_mb : float
        Memory of the process soon after the start, and at the end.
    rows : int
        In the trend.
    exit_code : int
    """

    simulated_s: float
    wall_s: float
    cycle_us: float
    early_mb: float
    late_mb: float
    rows: int
    exit_code: int


def memory_mb() -> float:
    """What the process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def run_facility(hours: float, out: Path) -> FacilityRun:
    """Run the rig for ``hours``, in this process."""
    seen: list[tuple[float, float, float]] = []

    def watch(at_s: float) -> None:
        seen.append((at_s, time.process_time(), memory_mb()))

    rig = load_rig(RIG, Wishes(duration_s=3600.0 * hours))
    watch(0.0)
    result = run_rig(rig, out, progress=watch)
    if seen[-1][0] == 0.0:
        watch(result.end.simulated_s)  # over before it was told of again; with its report, then
    # The first tenth fills rings and caches.
    early, late = seen[(len(seen) - 1) // 10], seen[-1]
    return FacilityRun(
        simulated_s=result.end.simulated_s,
        wall_s=result.wall_s,
        cycle_us=1e6 * (late[1] - early[1]) / (late[0] - early[0]),
        early_mb=early[2],
        late_mb=late[2],
        rows=result.recorded.rows_written,
        exit_code=result.exit_code,
    )


def main() -> None:
    """Run and print."""
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 24.0
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        run_facility(0.25, Path(folder))  # compiles what is not compiled
        run = run_facility(hours, Path(folder))
    by_processor = 1e6 / run.cycle_us
    sys.stdout.write(
        f"{run.simulated_s / 3600.0:g} h in {run.wall_s:.1f} s: {run.simulated_s / run.wall_s:,.0f} times real time; "
        f"{run.cycle_us:.0f} us of processor a cycle, {by_processor:,.0f} times (target {TARGET_TIMES_REAL_TIME:,})\n"
        f"{run.rows} rows; memory {run.early_mb:.0f} MB after a tenth, {run.late_mb:.0f} MB at the end\n"
    )


if __name__ == "__main__":
    main()
