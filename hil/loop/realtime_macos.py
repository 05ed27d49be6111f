"""Real-time set-up on macOS and other systems: a quality of service where there is one, else a line that says no.

Numbers of the interface are from ``sys/qos.h``.
"""

from __future__ import annotations

import ctypes

from hil.loop.realtime import Grant, Step, not_here

_USER_INTERACTIVE, _DEFAULT = 0x21, 0x15


def raise_priority(priority: int) -> Step:
    """Ask for the quality of service of what a user waits for; ``priority`` has no counterpart here."""
    asked = f"priority {priority}"
    set_quality = getattr(ctypes.CDLL(None), "pthread_set_qos_class_self_np", None)
    if set_quality is None or set_quality(_USER_INTERACTIVE, 0):
        return not_here(asked, "any process may delay a cycle")

    def undo() -> None:
        set_quality(_DEFAULT, 0)

    line = f"{asked}: quality of service user-interactive, which is no promise; use Linux for one"
    return Grant(asked, granted=True, line=line), undo


def pin(cpu: int) -> Step:
    """There is no wish for one processor."""
    return not_here(f"processor {cpu}", "a cycle may move between processors and find their caches cold")


def lock_memory() -> Step:
    """There is no lock on the whole memory of a process."""
    return not_here("memory locked", "a cycle may wait for the disk")


def keep_awake() -> Step:
    """There is no wish for the idle state of processors."""
    return not_here("CPU DMA latency 0", "waking from deep idle may cost 100 us and more")


def sharp_timers() -> Step:
    """Nothing to ask for: threads in the foreground have sharp timers."""
    return Grant("sharp timers", granted=True, line="sharp timers: the system's own"), None


def be_ordinary() -> None:
    """Nothing to do: a quality of service is the thread's own."""
