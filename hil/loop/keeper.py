"""Keeps one process alive for the loop: ``python -P keeper.py MEMORY STALL_S COMMAND...``.

The loop must never start a process itself while it runs: a fork of a large process takes milliseconds. So it starts
this small one before the run, which starts the process proper, and starts it again when it dies or stalls. What the
child inherits (stdin, stdout, descriptors) comes from the loop, so that a keeper that is killed costs nothing but
the next restart.

Standard library alone, and run as a file: importing the package would load numpy and Arrow only to sleep.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

BEAT, STARTS, STALLS, CHILD, CLOSING = range(5)
LOOKS = 6
"""Words of 8 bytes at the start of the shared memory.

The child counts up BEAT while it is well; the keeper counts STARTS and STALLS (a child ended because it stalled) and
notes the CHILD's process id; the loop sets CLOSING when the child is to come to its end. The keeper counts up LOOKS at
every tick: whoever sees it stand still knows that nobody keeps the child.
"""
HEAD_BYTES = 64

_TICK_S = 0.1
_FIRST_BEAT_S = 15.0
"""Loading what a child needs may take this long on a busy machine, s."""
_LONGEST_PAUSE_S = 5.0
_HEALTHY_S = 5.0
"""A child that lived as long as this was no false start, s."""
_TRIES_AT_THE_END = 3
_TRIES = 1000


def keep(words: memoryview[int], command: Sequence[str], stall_s: float) -> None:
    """Run ``command`` until it ends well, however often that takes; give up soon once the loop is gone."""
    loop, failures = os.getppid(), 0
    while True:
        began_s = time.monotonic()
        words[STARTS] += 1
        with contextlib.suppress(OSError):
            # Descriptors are inherited on purpose: they are the memory that the child works in.
            child = subprocess.Popen(command, close_fds=False)
            words[CHILD] = child.pid
            if _watch(words, child, stall_s) == 0:
                return
        failures = 0 if time.monotonic() - began_s > _HEALTHY_S else failures + 1
        is_over = bool(words[CLOSING]) or os.getppid() != loop
        if failures >= (_TRIES_AT_THE_END if is_over else _TRIES):
            return
        if failures > 1:
            _pause(words, min(_TICK_S * 2**failures, _LONGEST_PAUSE_S))


def _watch(words: memoryview[int], child: subprocess.Popen[bytes], stall_s: float) -> int:
    """Wait for the child's end, which is brought about where its heart stops; gives its exit code.

    Time is counted in looks, not read from a clock: a keeper that was itself asleep must not blame the child.
    """
    beat, allowed_s, still_s = words[BEAT], _FIRST_BEAT_S, 0.0
    while (code := child.poll()) is None:
        _pause(words, _TICK_S)
        if words[BEAT] != beat:
            beat, allowed_s, still_s = words[BEAT], stall_s, 0.0
            continue
        still_s += _TICK_S
        if still_s > allowed_s:
            words[STALLS] += 1
            child.kill()
            return _wait(words, child)
    return code


def _wait(words: memoryview[int], child: subprocess.Popen[bytes]) -> int:
    """Wait for the end of a child that was killed: one that the system holds in a write ends when the write does."""
    while (code := child.poll()) is None:
        _pause(words, _TICK_S)
    return code


def _pause(words: memoryview[int], seconds: float) -> None:
    for _ in range(round(seconds / _TICK_S)):
        time.sleep(_TICK_S)
        words[LOOKS] += 1


def _leave_the_end_to_the_loop() -> None:
    """Ignore, and let the child ignore, what reaches a whole group of processes: the loop alone decides the end."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _leave_real_time_to_the_loop() -> None:
    if hasattr(os, "sched_setscheduler") and os.sched_getscheduler(0) != os.SCHED_OTHER:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def main(arguments: Sequence[str]) -> None:
    """Map the memory, and keep the child."""
    handle, stall_s, *command = arguments
    _leave_the_end_to_the_loop()
    _leave_real_time_to_the_loop()
    if handle.isdigit():
        mapped = mmap.mmap(int(handle), 0)
    else:
        with Path(handle).open("r+b") as file:
            mapped = mmap.mmap(file.fileno(), 0)
    keep(memoryview(mapped)[:HEAD_BYTES].cast("q"), command, float(stall_s))


if __name__ == "__main__":
    main(sys.argv[1:])
