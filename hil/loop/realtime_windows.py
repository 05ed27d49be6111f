"""Real-time set-up on Windows: priority of process and thread, processor, timers of 1 ms.

Numbers of the interface are from ``winbase.h`` and ``timeapi.h``.
"""

from __future__ import annotations

import ctypes
import sys

from hil.loop.realtime import Grant, Step, not_here

assert sys.platform == "win32"  # tells the type checker too

_HIGH_PRIORITY_CLASS = 0x80
_THREAD_PRIORITY_TIME_CRITICAL = 15

_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_media = ctypes.WinDLL("winmm")
_kernel.GetCurrentProcess.restype = _kernel.GetCurrentThread.restype = ctypes.c_void_p
_kernel.GetPriorityClass.argtypes = _kernel.GetThreadPriority.argtypes = (ctypes.c_void_p,)
_kernel.SetPriorityClass.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
_kernel.SetThreadPriority.argtypes = (ctypes.c_void_p, ctypes.c_int)
_kernel.SetThreadAffinityMask.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_kernel.SetThreadAffinityMask.restype = ctypes.c_size_t


def raise_priority(priority: int) -> Step:
    """Ask for the highest class that leaves the system itself alone; ``priority`` has no counterpart here."""
    asked = f"priority {priority}"
    process, thread = _kernel.GetCurrentProcess(), _kernel.GetCurrentThread()
    class_before, thread_before = _kernel.GetPriorityClass(process), _kernel.GetThreadPriority(thread)

    def undo() -> None:
        _kernel.SetThreadPriority(thread, thread_before)
        _kernel.SetPriorityClass(process, class_before)

    raised = _kernel.SetPriorityClass(process, _HIGH_PRIORITY_CLASS)
    if _kernel.SetThreadPriority(thread, _THREAD_PRIORITY_TIME_CRITICAL) and raised:
        return Grant(asked, granted=True, line=f"{asked}: class high, thread time-critical"), undo
    undo()
    return Grant(asked, granted=False, line=f"{asked}: refused; any process may delay a cycle"), None


def pin(cpu: int) -> Step:
    """Ask for one processor."""
    asked, thread = f"processor {cpu}", _kernel.GetCurrentThread()
    before = _kernel.SetThreadAffinityMask(thread, 1 << cpu)
    if before:
        undo = _kernel.SetThreadAffinityMask
        return Grant(asked, granted=True, line=f"{asked}: held"), lambda: _nothing(undo(thread, before))
    line = f"{asked}: refused; a cycle may move between processors. Choose one that this process may use"
    return Grant(asked, granted=False, line=line), None


def lock_memory() -> Step:
    """Windows does not lock the whole memory of a process."""
    return not_here("memory locked", "a cycle may wait for the disk")


def keep_awake() -> Step:
    """Windows takes no wish for the idle state of processors from a process."""
    return not_here("CPU DMA latency 0", "waking from deep idle may cost 100 us and more")


def sharp_timers() -> Step:
    """Ask for timers of 1 ms."""
    asked = "timers of 1 ms"
    if _media.timeBeginPeriod(1) == 0:
        return Grant(asked, granted=True, line=f"{asked}: held"), lambda: _nothing(_media.timeEndPeriod(1))
    return Grant(asked, granted=False, line=f"{asked}: refused; wake-ups may be 16 ms late"), None


def be_ordinary() -> None:
    """Nothing to do: priority and processor are not inherited at this level."""


def _nothing(_: object) -> None:
    """Drop a call's result."""
