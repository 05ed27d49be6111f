"""All parts of the benchmark, one after the other, within a given time."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from pathlib import Path

from hil.bench.costs import bench_costs
from hil.bench.field import bench_field
from hil.bench.result import Bench
from hil.bench.wake_up import bench_wake_up
from hil.version import __version__

SHORTEST_S, LONGEST_S = 3.0, 55.0
"""Room for the measurements, s; loading and starting servers come on top."""
_CONFIGS = Path(__file__).resolve().parents[2] / "configs"

Tell = Callable[[str], None]


def run_bench(seconds: float, tell: Tell | None = None) -> Bench:
    """Measure for about ``seconds`` (s, between ``SHORTEST_S`` and ``LONGEST_S``); ``tell`` hears what comes next.

    Raises
    ------
    ValueError
        ``seconds`` out of range.
    DeviceError
        No PLC could be started on this machine, neither in C nor in Python.
    """
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise ValueError(f"{seconds:g} s is outside {SHORTEST_S:g} to {LONGEST_S:g} s")
    tell = tell or _say_nothing
    bench = Bench()
    bench.told["version"] = __version__
    bench.told["machine"] = (
        f"{platform.platform()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    )
    if hasattr(os, "getloadavg"):
        bench.figures["machine.load_before"] = round(os.getloadavg()[0], 2)
    tell("wake-ups, blocking and spinning, in turn with cyclictest where it is here")
    bench_wake_up(bench, 0.5 * seconds)
    tell("cost of a cycle and of its parts")
    bench_costs(bench, 0.05 * seconds, _CONFIGS / "rigs")
    tell("Modbus TCP: round trip, a loop through a PLC, 1 to 100 devices")
    bench_field(bench, 0.4 * seconds, _CONFIGS / "rigs", _CONFIGS / "points" / "cdu_plc.csv")
    return bench


def _say_nothing(what: str) -> None:
    """Take what would be told."""
