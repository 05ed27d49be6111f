"""The machine's own floor of lateness: ``cyclictest`` of the package rt-tests, a loop in C that only sleeps."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass

from hil.loop.histogram import Histogram

_MOST_US = 20_000
"""Buckets of 1 us that it is asked for; what is later counts as this."""
_LINE = re.compile(r"(\d+)\s+(\d+)\s*")
_OVERFLOWS = re.compile(r"# Histogram Overflows:\s*(\d+)")


def is_here() -> bool:
    """Whether ``cyclictest`` is installed."""
    return shutil.which("cyclictest") is not None


@dataclass(frozen=True, slots=True)
class Floor:
    """The floor as far as the system allows it; ``late`` None where cyclictest may not run at all.

    ``line`` says how it was measured, what the system refused, what is lost by that, and how to grant it.
    """

    late: Histogram | None
    line: str


def floor_as_granted(seconds: float, period_s: float, priority: int) -> Floor:
    """Measure at ``priority`` with locked memory; where the system refuses one or both, without."""
    refusals: list[str] = []
    for wanted in (priority, None):
        for lock_memory in (True, False):
            try:
                late = measure_floor(seconds, period_s, wanted, lock_memory=lock_memory)
            except (OSError, subprocess.SubprocessError) as error:
                refusals.append(_reason(error))
                continue
            how = [
                f"at priority {wanted}" if wanted else f"in the ordinary class: {_without_priority(priority)}"
            ]
            if not lock_memory:
                how.append(_WITHOUT_LOCK)
            return Floor(late, "; ".join(how))
    first = refusals[0] if refusals else ""
    return Floor(None, f"refused ({first}): no floor to compare with; {_without_priority(priority)}")


_WITHOUT_LOCK = (
    "memory not locked, so that a page fault counts as lateness; to grant it: '@coldloop - memlock unlimited' in "
    "/etc/security/limits.d/coldloop.conf"
)


def _without_priority(priority: int) -> str:
    return (
        f"no right to SCHED_FIFO, without which some versions of it do not run; to grant it: '@coldloop - rtprio "
        f"{priority}' in /etc/security/limits.d/coldloop.conf"
    )


def _reason(error: OSError | subprocess.SubprocessError) -> str:
    """Give what cyclictest itself says, not the command that it was given."""
    told = (getattr(error, "stderr", None) or "").strip().splitlines()
    return (
        told[0]
        if told
        else type(error).__name__
        if isinstance(error, subprocess.SubprocessError)
        else str(error)
    )


def measure_floor(
    seconds: float,
    period_s: float,
    priority: int | None,
    *,
    cpu: int | None = None,
    lock_memory: bool = True,
) -> Histogram:
    """Lateness of cyclictest's wake-ups, ns: same period, class and processor, memory locked if asked, deep idle off.

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
        *(["-m"] if lock_memory else []),
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
