"""The seams of the cycle. At most four methods each; one contract test class runs against every implementation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Clock(Protocol):
    """Source of time. Loop time starts at 0 with the run and counts ns."""

    def start(self) -> None:
        """Make now loop time 0."""
        ...

    def now_ns(self) -> int:
        """Loop time now, ns."""
        ...

    def wait_until(self, deadline_ns: int) -> int:
        """Return at or after the absolute loop time ``deadline_ns``; gives the loop time of the return, ns."""
        ...


class Device(Protocol):
    """Something on a wire: puts what it receives into the image, sends from it, never raises in the loop."""

    def read(self, now_ns: int, deadline_ns: int) -> None:
        """Receive into the image; returns before ``deadline_ns`` (loop time), answered or not."""
        ...

    def write(self, now_ns: int, deadline_ns: int, *, force: bool = False) -> None:
        """Send the values, then the heartbeat; returns before ``deadline_ns`` (loop time), acknowledged or not.

        ``force`` sends every value, whatever its policy: the last write of a run.
        """
        ...

    def counters(self) -> dict[str, int]:
        """How often each kind of event happened since the start (time-outs, late replies, reconnections …)."""
        ...

    def close(self) -> None:
        """Let go of the wire. Never raises; may be called twice."""
        ...


class Plant(Protocol):
    """A process that is advanced in time. Pure: implemented in :mod:`plant_models`."""

    def step(self, inputs: Sequence[float], dt_s: float) -> Sequence[float]:
        """Advance by ``dt_s`` (s) with ``inputs`` held; gives the outputs at the end, in the order of the ports.

        ``dt_s`` may be 0: the outputs of the present state.
        """
        ...

    def set_fault(self, fault: str, active: bool) -> None:
        """Switch one of the plant's equipment faults on or off."""
        ...


class Block(Protocol):
    """A controller bound to its signals: reads the image, leaves its request in its output stage."""

    name: str

    def run(self, now_ns: int, dt_s: float) -> None:
        """Compute one step at loop time ``now_ns`` over the elapsed time ``dt_s`` (s)."""
        ...

    def counters(self) -> dict[str, int]:
        """How often each kind of event happened since the start."""
        ...
