"""The server as the loop sees it: started before the first cycle, asked for set-points by one look a cycle."""

from __future__ import annotations

import os
import time

from hil.devices.northbound.settings import COUNTERS, Desk, NorthboundSettings
from hil.loop.kept import Kept
from hil.loop.mailbox import Mailbox

_START_S = 20.0
_END_S = 5.0
_STALL_S = 10.0


class NorthboundServer:
    """A server in a process of its own; one that dies is started again, on the same port.

    Parameters
    ----------
    settings : NorthboundSettings
        What is served, and where.

    Attributes
    ----------
    settings : NorthboundSettings
        What is served, and where.
    boxes : dict of str to Mailbox
        Requested set-points by signal: number of the request, and value in the signal's unit.

    Raises
    ------
    OSError
        There is no memory for it.
    """

    def __init__(self, settings: NorthboundSettings) -> None:
        self.settings = settings
        self._memory = Desk.write(settings)
        self._desk = Desk(self._memory.map)
        self._kept: Kept | None = None
        self._is_closed = False
        self.boxes: dict[str, Mailbox] = self._desk.boxes

    def start(self, table: str, keep_off_cpu: int | None = None) -> int:
        """Serve the table of latest values at this path; gives the port. It keeps off the loop's own processor.

        Raises
        ------
        OSError
            There is no process or port to be had, no table on this system, or it did not start within 20 s.
        """
        if not table:
            raise OSError(0, "this system has no way to the loop's table of latest values")
        kept = self._kept = Kept(
            "hil.devices.northbound.process", self._memory, (), [table], stall_s=_STALL_S, keep_off_cpu=keep_off_cpu
        )  # fmt: skip
        until_s = time.monotonic() + _START_S
        while not self._desk.ready and time.monotonic() < until_s and kept.process.poll() is None:
            time.sleep(0.01)
        state = self._desk.ready
        if state != 1:
            reason = os.strerror(-state) if state else f"it did not start within {_START_S:g} s"
            raise OSError(-state, reason)
        return self._desk.port

    @property
    def process_id(self) -> int:
        """Id of the process now at work; 0 before the first."""
        return 0 if self._kept is None else self._kept.process_id

    def counters(self) -> dict[str, int]:
        """How often each kind of event happened since the start."""
        restarts = 0 if self._kept is None else self._kept.restarts
        return {counter: self._desk.count(counter, 0) for counter in COUNTERS} | {"restarts": restarts}

    def close(self) -> None:
        """End the process; may be called twice."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._kept is not None:
            self._kept.finish(_END_S)
            self._kept.close()
        self._desk.close()
        self._memory.close()
