"""A process that does nothing but sleep to points in time and note when it woke late: what the machine did meanwhile.

``python witness.py PRIORITY CPU`` (``-`` for none) runs until its stdin ends, then prints a line of JSON: pairs of the
time it was due (ns, machine time) and how late it woke (ns). On the loop's processor and one priority above the loop
it is late only where the machine gives the processor to neither: the kernel works for somebody else, or the
hypervisor has taken it away.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from hil.loop.machine_time import machine_ns, sleep_until
from hil.loop.realtime import RealTime, RealTimeSettings

GRID_NS = 500_000
WORTH_NOTING_NS = 200_000
_LOOK_NS = 50_000_000

Late = tuple[int, int]
"""When it was due, machine time, ns; how late it woke, ns."""


def held_ns(late: Sequence[Late], from_ns: int, to_ns: int) -> int:
    """How much of this stretch of machine time the witness was held up, ns."""
    return sum(max(0, min(due + by, to_ns) - max(due, from_ns)) for due, by in late)


class Witness:
    """The process, for the time of a ``with`` block; ``late`` is filled at its end."""

    def __init__(self, priority: int | None, cpu: int | None) -> None:
        told = ["-" if each is None else str(each) for each in (priority, cpu)]
        self._command = [sys.executable, str(Path(__file__)), *told]
        self.late: list[Late] = []

    def __enter__(self) -> Witness:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        out, _ = self._process.communicate(timeout=30)
        self.late = [(due, by) for due, by in json.loads(out)]


def main(arguments: Sequence[str]) -> None:
    """Sleep and look until stdin ends."""
    priority, cpu = (None if each == "-" else int(each) for each in arguments)
    late: list[Late] = []
    with RealTime(RealTimeSettings(priority, cpu, priority is not None), GRID_NS):
        gc.disable()
        os.set_blocking(0, False)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        due_ns = look_ns = machine_ns()
        while True:
            due_ns += GRID_NS
            sleep_until(due_ns)
            now_ns = machine_ns()
            if now_ns - due_ns > WORTH_NOTING_NS:
                late.append((due_ns, now_ns - due_ns))
                due_ns += (now_ns - due_ns) // GRID_NS * GRID_NS
            if now_ns > look_ns:
                look_ns = now_ns + _LOOK_NS
                if _stdin_ended():
                    break
    sys.stdout.write(json.dumps(late) + "\n")


def _stdin_ended() -> bool:
    try:
        return os.read(0, 1) == b""
    except BlockingIOError:
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
