"""Real-time set-up on Linux: scheduling class, processor, locked memory, DMA latency, timer slack.

Numbers of the kernel's interface are from its headers: ``linux/prctl.h``, ``asm-generic/mman.h``,
``linux/capability.h``, and ``Documentation/power/pm_qos_interface.rst`` for ``/dev/cpu_dma_latency``.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import sys
from pathlib import Path

from hil.loop.realtime import Grant, Step

assert sys.platform == "linux"  # tells the type checker too

_PR_SET_TIMERSLACK, _PR_GET_TIMERSLACK = 29, 30
_MCL_CURRENT, _MCL_FUTURE = 1, 2
_CAP_IPC_LOCK = 14
_USUAL_SLACK_NS = 50_000
_STACK_LEVELS = 400
_BUFFER_BYTES = 4 << 20
_DMA_LATENCY = Path("/dev/cpu_dma_latency")
_LIMITS = "/etc/security/limits.d/coldloop.conf"

_libc = ctypes.CDLL(None, use_errno=True)


def raise_priority(priority: int) -> Step:
    """Ask for the first-in first-out class; what this process starts does not inherit it."""
    asked = f"SCHED_FIFO priority {priority}"
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except (OSError, ValueError) as error:
        lost = "any process may delay a cycle"
        return _refused(asked, error, lost, f"'@coldloop - rtprio {priority}'"), None
    return Grant(asked, granted=True, line=f"{asked}: held"), lambda: _give_back_class(*before)


def _give_back_class(policy: int, param: os.sched_param) -> None:
    # Without the right to it, the flag cannot be taken away again; the class can.
    try:
        os.sched_setscheduler(0, policy, param)
    except PermissionError:
        os.sched_setscheduler(0, policy | os.SCHED_RESET_ON_FORK, param)


def pin(cpu: int) -> Step:
    """Ask for one processor."""
    asked, before = f"processor {cpu}", os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {cpu})
    except (OSError, ValueError, OverflowError):
        line = (
            f"{asked}: refused, this process may use {sorted(before)}; a cycle may move between processors "
            "and find their caches cold. Choose one of these, or widen the process's set (taskset, cpuset)"
        )
        return Grant(asked, granted=False, line=line), None
    return Grant(asked, granted=True, line=f"{asked}: held"), lambda: os.sched_setaffinity(0, before)


def lock_memory() -> Step:
    """Ask that no page of this process leaves memory, after the stack and some heap have been touched."""
    asked = "memory locked"
    with contextlib.suppress(RecursionError):
        touch_stack(_STACK_LEVELS)
    _touch_heap()
    # Under a limit, locking what comes later would make a later allocation fail, in the middle of a cycle.
    flags = _MCL_CURRENT | (_MCL_FUTURE if _may_lock_all() else 0)
    if _libc.mlockall(flags):
        error = OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        lost = "a cycle may wait for the disk"
        return _refused(asked, error, lost, "'@coldloop - memlock unlimited'"), None
    return Grant(asked, granted=True, line=f"{asked}: held"), _unlock


def _unlock() -> None:
    _libc.munlockall()


def _may_lock_all() -> bool:
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        return True
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_IPC_LOCK & 1)
    return False


def touch_stack(levels: int) -> int:
    """Use the machine's stack some hundred bytes deeper a level, so that its pages are there; gives ``levels``."""
    # By way of a function in C: a call from Python to Python takes no machine stack.
    if levels:
        max((levels - 1,), key=touch_stack)
    return levels


def _touch_heap() -> None:
    page = resource.getpagesize()
    room = bytearray(_BUFFER_BYTES)
    for at in range(0, _BUFFER_BYTES, page):
        room[at] = 1


def keep_awake() -> Step:
    """Ask that idle processors stay where waking takes no time, for as long as the file is open."""
    asked = "CPU DMA latency 0"
    try:
        file = os.open(_DMA_LATENCY, os.O_WRONLY)
    except OSError as error:
        line = (
            f"{asked}: refused ({error.strerror}); waking from deep idle may cost 100 us and more. Grant it: "
            f'a udev rule KERNEL=="cpu_dma_latency", GROUP="coldloop", MODE="0660"'
        )
        return Grant(asked, granted=False, line=line), None
    os.write(file, (0).to_bytes(4, sys.byteorder))
    return Grant(asked, granted=True, line=f"{asked}: held"), lambda: os.close(file)


def sharp_timers() -> Step:
    """Ask that sleeps in the ordinary class end when they should; a real-time class has no slack anyway."""
    asked = "timer slack 1 ns"
    before = _libc.prctl(_PR_GET_TIMERSLACK, 0, 0, 0, 0)
    if before < 0 or _libc.prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(1), 0, 0, 0):
        line = f"{asked}: refused; outside a real-time class each wake-up may be 50 us late"
        return Grant(asked, granted=False, line=line), None
    return Grant(asked, granted=True, line=f"{asked}: held"), lambda: _set_slack(before)


def _set_slack(slack_ns: int) -> None:
    # 0 would mean the default.
    _libc.prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(slack_ns or _USUAL_SLACK_NS), 0, 0, 0)


def be_ordinary() -> None:
    """Any processor, the ordinary class, the usual slack; what the system refuses stays as it is."""
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    _set_slack(_USUAL_SLACK_NS)


def _refused(asked: str, error: Exception, lost: str, limit: str) -> Grant:
    program = Path(sys.executable).resolve()
    line = (
        f"{asked}: refused ({getattr(error, 'strerror', None) or error}); {lost}. Grant it: {limit} in {_LIMITS} and "
        f"log in again, or sudo setcap cap_sys_nice,cap_ipc_lock+ep {program}"
    )
    return Grant(asked, granted=False, line=line)
