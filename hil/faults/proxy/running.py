"""The proxy as the loop sees it: started before the devices connect, its faults switched by one store each."""

from __future__ import annotations

import os
import time
from collections import Counter

from hil.faults.proxy.plan import DEVICE_COUNTERS, Board, ProxyPlan
from hil.loop.kept import Kept

_START_S = 20.0
_END_S = 5.0
_STALL_S = 10.0
HOST = "127.0.0.1"


class ProxyProcess:
    """A proxy at work in a process of its own; one that dies is started again, on the same ports.

    Parameters
    ----------
    plan : ProxyPlan
        Devices and faults. Nothing is in force until it is switched on.
    keep_off_cpu : int or None
        The loop's own processor, left to it where there is another.

    Raises
    ------
    OSError
        There is no process, memory or port to be had, or it did not start within 20 s.
    """

    def __init__(self, plan: ProxyPlan, keep_off_cpu: int | None = None) -> None:
        self._memory = Board.write(plan)
        self._board = Board(self._memory.map)
        self._kept = Kept(
            "hil.faults.proxy.process", self._memory, (), (), stall_s=_STALL_S, keep_off_cpu=keep_off_cpu
        )
        self._is_closed = False
        until_s = time.monotonic() + _START_S
        while not self._board.ready and time.monotonic() < until_s:
            time.sleep(0.01)
        state = self._board.ready
        if state != 1:
            self.close()
            reason = os.strerror(-state) if state else f"it did not start within {_START_S:g} s"
            raise OSError(-state, reason)

    @property
    def process_id(self) -> int:
        """Id of the process now at work."""
        return self._kept.process_id

    @property
    def ports(self) -> dict[str, int]:
        """Where to connect to, on this machine, for each device."""
        return {device.name: self._board.port(n) for n, device in enumerate(self._board.plan.devices)}

    def switch(self, device: str, fault: int, *, on: bool) -> None:
        """Put the ``fault``-th fault of a device in force or out of it."""
        self._board.switch(self._place(device) + fault, on=on)

    def injected(self, device: str, fault: int) -> int:
        """Give how many frames the ``fault``-th fault of a device has befallen."""
        return self._board.injected(self._place(device) + fault)

    def _place(self, device: str) -> int:
        first = 0
        for known in self._board.plan.devices:
            if known.name == device:
                return first
            first += len(known.faults)
        raise KeyError(device)

    def counters(self) -> dict[str, int]:
        """Give what was injected, as ``device.fault``, and what passed, as ``device.requests`` and the like."""
        found: Counter[str] = Counter({"restarts": self._kept.restarts})
        for number, device in enumerate(self._board.plan.devices):
            for counter in DEVICE_COUNTERS:
                found[f"{device.name}.{counter}"] = self._board.count(number, counter, 0)
            for fault, told in enumerate(device.faults):
                found[f"{device.name}.{told.kind}"] += self.injected(device.name, fault)
        return dict(found)

    def close(self) -> None:
        """End the process; may be called twice."""
        if self._is_closed:
            return
        self._is_closed = True
        self._kept.finish(_END_S)
        self._kept.close()
        self._board.close()
        self._memory.close()
