"""The machine's own floor of lateness: ``cyclictest`` of the package rt-tests, a loop in C that only sleeps."""

from __future__ import annotations

import re
import shutil
import subprocess

from hil.loop.histogram import Histogram

_MOST_US = 20_000
"""Buckets of 1 us that it is asked for; what is later counts as this."""
_LINE = re.compile(r"(\d+)\s+(\d+)\s*")
_OVERFLOWS = re.compile(r"# Histogram Overflows:\s*(\d+)")


def is_here() -> bool:
    """Whether ``cyclictest`` is installed."""
    return shutil.which("cyclictest") is not None


def measure_floor(
    seconds: float, period_s: float, priority: int | None, *, cpu: int | None = None
) -> Histogram:
    """Lateness of cyclictest's wake-ups, ns: same period, class and processor, memory locked, deep idle off.

    Its resolution is 1 us, rounded down; here it counts as the middle of its bucket.

    Raises
    ------
    OSError, subprocess.CalledProcessError
        It is not here, or the system refuses it ``priority`` or the memory.
    """
    period_us = round(period_s * 1e6)
    command = [
        "cyclictest",
        "-q",
        "-m",
        "-t1",
        f"-i{period_us}",
        f"-l{round(seconds / period_s)}",
        f"-h{_MOST_US}",
    ]
    command.append(f"-p{priority or 0}")
    if priority is None:
        command.append("--policy=other")
    if cpu is not None:
        command.append(f"-a{cpu}")
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30)
    return parse(done.stdout)


def parse(output: str) -> Histogram:
    """Histogram of what ``cyclictest -h`` prints."""
    late = Histogram()
    for line in output.splitlines():
        if match := _LINE.fullmatch(line):
            for _ in range(int(match[2])):
                late.record(int(match[1]) * 1000 + 500)
        elif match := _OVERFLOWS.match(line):
            for _ in range(int(match[1])):
                late.record(_MOST_US * 1000)
    return late
