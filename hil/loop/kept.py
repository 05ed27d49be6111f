"""A process that works beside the loop and is kept alive, seen from the loop."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from hil.loop import keeper
from hil.loop.shared import Shared

_KEEPER = Path(keeper.__file__)
_POLL_S = 0.05
_GRACE_S = 1.0
"""How long after its work is done the process, and then its keeper, may take to be gone, s."""


class Kept:
    """Starts ``python -m module handles... arguments...`` under a keeper.

    ``memory`` begins with the keeper's words; its handle, and then those of ``others``, are the module's first
    arguments. The module ends with exit code 0 when its work is done or its stdin ends, and counts up its heartbeat.
    Neither it nor the keeper runs on ``keep_off_cpu``, where there is another processor.

    Raises
    ------
    OSError
        There is no process to be had.
    """

    def __init__(
        self,
        module: str,
        memory: Shared,
        others: Sequence[Shared],
        arguments: Sequence[str],
        *,
        stall_s: float,
        keep_off_cpu: int | None = None,
    ) -> None:
        shared = (memory, *others)
        handles = [part.handle for part in shared]
        command = [sys.executable, "-P", str(_KEEPER), memory.handle, str(stall_s)]
        command += [sys.executable, "-m", module, *handles, *arguments]
        self._words = memoryview(memory.map)[: keeper.HEAD_BYTES].cast("q")
        # In a session of its own: what is sent to the loop's group, or its terminal's end, does not reach it.
        with _inherited_without(keep_off_cpu):
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=[part.descriptor for part in shared if part.descriptor is not None],
                close_fds=True,
                start_new_session=os.name == "posix",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )

    @property
    def stdin(self) -> IO[bytes]:
        """Stdin of the process: its end tells the process that the loop is gone."""
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def process_id(self) -> int:
        """Id of the process now at work; 0 before the first."""
        return self._words[keeper.CHILD]

    @property
    def restarts(self) -> int:
        """How often the process was started again."""
        return max(0, self._words[keeper.STARTS] - 1)

    @property
    def stalls(self) -> int:
        """How often it was ended for having stalled; each of these is a restart too."""
        return self._words[keeper.STALLS]

    @property
    def looks(self) -> int:
        """Counted up by the keeper ten times a second: where it stands still, nobody keeps the process."""
        return self._words[keeper.LOOKS]

    def wake_keeper(self) -> None:
        """Let a keeper that is stopped go on; one that is gone stays so. Starts nothing and waits for nothing."""
        if hasattr(signal, "SIGCONT"):
            self.process.send_signal(signal.SIGCONT)

    def finish(self, timeout_s: float, is_done: Callable[[], bool] | None = None) -> bool:
        """Let the process come to its end; after ``timeout_s`` (s) it is ended. Gives whether its work was done.

        ``is_done`` tells, where the process can say so, that its work is: then a keeper that does not end is not
        waited for.
        """
        self._words[keeper.CLOSING] = 1
        self.wake_keeper()
        until_s = time.monotonic() + timeout_s
        was_done = False
        while True:
            try:
                # Stdout is never written: it ends when keeper and child are both gone.
                self.process.communicate(timeout=_POLL_S)
            except subprocess.TimeoutExpired:
                if not was_done and is_done is not None and is_done():
                    was_done, until_s = True, min(until_s, time.monotonic() + _GRACE_S)
                if time.monotonic() < until_s:
                    continue
                self._kill()
                return was_done
            return True

    def close(self) -> None:
        """Let go of the memory, before its maker unmaps it."""
        self._words.release()

    def _kill(self) -> None:
        if os.name == "posix":
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.communicate(timeout=5)


@contextlib.contextmanager
def _inherited_without(cpu: int | None) -> Iterator[None]:
    """While inside, a process that is started may use this one's processors but ``cpu``.

    A kernel that does not interrupt its own work (PREEMPT_NONE, and in part VOLUNTARY) holds a processor for
    milliseconds in a long system call, whatever the priority of who waits for it: writing a file is one.
    """
    before = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else set()
    others = before - {cpu}
    if others in (before, set()):
        yield
        return
    os.sched_setaffinity(0, others)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
