"""The machine's clock that loop time counts, and sleeping on it to an absolute time.

Neither steps of the time of day (NTP, an operator) move it, nor does it stand still while the machine is suspended:
a value received before a suspend is old after it, and the points of the grid that fell into it are lost, not
postponed. On Linux that is ``CLOCK_BOOTTIME``, on macOS its ``CLOCK_MONOTONIC``, on Windows the performance counter.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable

NS_PER_S = 1_000_000_000

if sys.platform == "linux":
    from time import CLOCK_BOOTTIME as _CLOCK
    from time import clock_gettime_ns

    def machine_ns() -> int:
        """Time since boot, suspends included, ns."""
        return clock_gettime_ns(_CLOCK)

elif sys.platform == "darwin":
    from time import CLOCK_MONOTONIC as _CLOCK
    from time import clock_gettime_ns

    def machine_ns() -> int:
        """Time since boot, sleeps included, ns."""
        return clock_gettime_ns(_CLOCK)

else:
    # time.monotonic() has steps of 16 ms on Windows before Python 3.13.
    machine_ns = time.perf_counter_ns


class _Timespec(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long))


def _absolute_sleep(clock: int) -> Callable[[int], None]:
    """Give ``clock_nanosleep`` on the absolute time of ``clock``."""
    call = ctypes.CDLL(None).clock_nanosleep
    call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    call.restype = ctypes.c_int
    until = _Timespec()
    address, absolute = ctypes.addressof(until), 1

    def sleep_until(at_ns: int) -> None:
        # A signal ends the sleep early, and its handler runs before the caller looks at the time again.
        until.tv_sec, until.tv_nsec = divmod(at_ns, NS_PER_S)
        call(clock, absolute, address, None)

    return sleep_until


def _relative_sleep(at_ns: int) -> None:
    remaining_ns = at_ns - machine_ns()
    if remaining_ns > 0:
        time.sleep(remaining_ns / NS_PER_S)


sleep_until: Callable[[int], None] = _relative_sleep
"""Sleep to an absolute :func:`machine_ns`; may return early, and at once where that is past."""
if sys.platform == "linux":
    sleep_until = _absolute_sleep(_CLOCK)
