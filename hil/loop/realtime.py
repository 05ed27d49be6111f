"""Real-time set-up of the loop's process: what is asked of the system, what it granted, and giving it all back.

Nothing here is fatal. Each thing asked gives one :class:`Grant`; a refusal says what is lost and how to grant it.
The calls of each system are in ``realtime_linux``, ``realtime_windows`` and ``realtime_macos``.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from hil.loop.histogram import Histogram
from hil.loop.machine_time import machine_ns, sleep_until

_TRIALS, _TRIAL_NS = 200, 500_000
_LEAST_MARGIN_NS = 100_000
_MOST_MARGIN_NS = 5_000_000


@dataclass(frozen=True, slots=True)
class RealTimeSettings:
    """What a rig asks for; nothing by default.

    Attributes
    ----------
    priority : int, optional
        Of the first-in first-out scheduling class, 1 to 99; None for ordinary scheduling. With it comes that
        processors keep out of deep sleep (DMA latency 0).
    cpu : int, optional
        The one processor to run on; None for any.
    lock_memory : bool
        Keep all pages in memory, with stack and buffers touched beforehand.
    wait : str
        ``block`` sleeps to the deadline; ``spin`` sleeps to a margin before it and then looks at the clock.
    spin_margin_us : float, optional
        That margin, us; None to measure it at the start of the run.
    """

    priority: int | None = None
    cpu: int | None = None
    lock_memory: bool = False
    wait: Literal["block", "spin"] = "block"
    spin_margin_us: float | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """One thing asked of the system: whether it was granted, and a line that says so.

    The line of a refusal says what is lost and how to grant it.
    """

    asked: str
    granted: bool
    line: str


Step = tuple[Grant, Callable[[], None] | None]
"""A grant, and what gives it back."""


class RealTime:
    """A context: asks on the way in, gives back on the way out, in reverse.

    It acts on the calling thread (scheduler, processor, timer slack) and on its process (memory, DMA latency). A child
    process started inside has the processor and the timer slack of its parent, not its class and locks; it calls
    :func:`be_ordinary` to be rid of them.
    """

    def __init__(self, settings: RealTimeSettings, period_ns: int) -> None:
        self.settings = settings
        self.grants: tuple[Grant, ...] = ()
        self.spin_ns = 0
        self._period_ns = period_ns
        self._undo: list[Callable[[], None]] = []

    def __enter__(self) -> RealTime:
        """Ask for everything, whatever is refused on the way."""
        grants = []
        for grant, undo in _steps(self.settings):
            grants.append(grant)
            if undo is not None:
                self._undo.append(undo)
        if self.settings.wait == "spin":
            self.spin_ns, told = self._margin()
            grants.append(Grant("spin before the deadline", granted=True, line=told))
        self.grants = tuple(grants)
        return self

    def __exit__(self, *_: object) -> None:
        """Give everything back."""
        while self._undo:
            # The system may have taken a processor away meanwhile; the rest is still to be given back.
            with contextlib.suppress(OSError):
                self._undo.pop()()

    def _margin(self) -> tuple[int, str]:
        """Margin of spinning, ns, and where it comes from; never over half the period.

        A loop that spins in a real-time class for all of its time would keep its processor from everything else,
        until the kernel takes it away from the loop for 50 ms of every second (``sched_rt_runtime_us``).
        """
        asked_us = self.settings.spin_margin_us
        wanted_ns = measured_margin_ns() if asked_us is None else round(asked_us * 1000)
        margin_ns = min(wanted_ns, self._period_ns // 2)
        source = "as measured" if asked_us is None else "as set"
        capped = ", cut to half the period" if margin_ns < wanted_ns else ""
        return margin_ns, f"spins the last {margin_ns / 1000:.0f} us before each deadline ({source}{capped})"


def measured_margin_ns() -> int:
    """Four times the 99th percentile of how late this thread wakes now, ns, from 200 sleeps; takes 0.1 s.

    Less leaves one wake-up in a hundred behind the margin on a virtual machine whose neighbours wake up later.
    """
    late = Histogram()
    for _ in range(_TRIALS):
        at_ns = machine_ns() + _TRIAL_NS
        sleep_until(at_ns)
        late.record(machine_ns() - at_ns)
    return min(max(4 * late.percentile(0.99), _LEAST_MARGIN_NS), _MOST_MARGIN_NS)


def be_ordinary() -> None:
    """In a child of a real-time loop: run on any processor, in the ordinary class, with the usual timer slack."""
    _system().be_ordinary()


def not_here(asked: str, lost: str) -> Step:
    """Give the refusal of a wish that the system does not know."""
    return Grant(asked, granted=False, line=f"{asked}: not on this system; {lost}. Use Linux for this"), None


class _System(Protocol):
    """What each system's module offers."""

    def raise_priority(self, priority: int) -> Step: ...
    def pin(self, cpu: int) -> Step: ...
    def lock_memory(self) -> Step: ...
    def keep_awake(self) -> Step: ...
    def sharp_timers(self) -> Step: ...
    def be_ordinary(self) -> None: ...


def _system() -> _System:
    """Load the module of this system; the calls of the others do not exist here."""
    name = {"linux": "linux", "win32": "windows"}.get(sys.platform, "macos")
    module: _System = importlib.import_module(f"hil.loop.realtime_{name}")
    return module


def _steps(settings: RealTimeSettings) -> list[Step]:
    system = _system()
    steps = []
    if settings.lock_memory:
        steps.append(system.lock_memory())
    if settings.cpu is not None:
        steps.append(system.pin(settings.cpu))
    if settings.priority is not None:
        steps += [system.raise_priority(settings.priority), system.keep_awake()]
    steps.append(system.sharp_timers())
    return steps
