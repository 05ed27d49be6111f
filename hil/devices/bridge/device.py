"""A device whose wire is served by a process of its own, as the loop sees it: only the last write of a run waits."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from hil.devices.bridge.memory import Memory
from hil.devices.bridge.port import PortSpec, own_counters, pack_spec
from hil.devices.bridge.serve import ServantSpec
from hil.loop.image import BAD, GOOD, STALE, SUBSTITUTED, Image
from hil.loop.keeper import BEAT
from hil.loop.kept import Kept
from hil.loop.machine_time import NS_PER_S, machine_ns
from hil.loop.shared import Shared

_START_S = 20.0
_LOOK_NS = NS_PER_S // 4
_PAUSE_S = 0.002
COUNTERS = ("companion_restarts", "companion_stalls", "last_writes_unacknowledged", "events_dropped")
"""What the loop's side counts: processes started again, those of them ended for doing nothing, last writes of a run
that were not acknowledged in time, events that found no room."""


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """Times of a bridge, s.

    Attributes
    ----------
    loop_timeout_s : float
        Age of the loop's stamp at which the servant writes the failsafe values by itself, once, and then nothing.
    last_s : float
        How long the last write of a run, and those failsafe values, are tried.
    stall_s : float
        A servant whose heart stands still for so long is ended and started again.
    end_s : float
        How long :meth:`BridgedDevice.close` waits for the servant to end.
    keep_off_cpu : int or None
        The loop's own processor, which the servant keeps off.
    """

    loop_timeout_s: float = 1.0
    last_s: float = 3.0
    stall_s: float = 5.0
    end_s: float = 5.0
    keep_off_cpu: int | None = None


class BridgedDevice:
    """One servant process behind :class:`hil.loop.protocols.Device`.

    Parameters
    ----------
    name : str
        For messages.
    spec : ServantSpec
        What makes the servant in its process.
    image : Image
        Values are put into it and taken from it.
    reads, writes : sequence of int
        Slots of the points received, in the servant's order, and of those written.
    now_ns : callable
        Loop time, ns.
    settings : BridgeSettings
        Times.
    machine : callable
        The machine's clock, ns; the servant's stamps are on it.

    Attributes
    ----------
    shared : Shared
        The memory, for the servant's side.
    port_spec : PortSpec
        What the servant is told of it.
    last_done_ns : int
        Loop time at which the last write of the run was seen to be acknowledged; -1 before.
    """

    def __init__(
        self, name: str, spec: ServantSpec, image: Image, reads: Sequence[int], writes: Sequence[int],
        now_ns: Callable[[], int], settings: BridgeSettings | None = None, machine: Callable[[], int] = machine_ns,
    ) -> None:  # fmt: skip
        self.name = name
        self.settings = settings or BridgeSettings()
        self._image, self._now_ns, self._machine_ns = image, now_ns, machine
        self._reads = tuple(reads)
        # The last one twice: a getter of a single item would give that item, and no tuple of one.
        self._take = itemgetter(*writes, writes[-1]) if writes else None
        self._names = own_counters(spec.counters)
        self.port_spec = port = PortSpec(
            tuple(image.signals[slot] for slot in reads), tuple(image.signals[slot] for slot in writes),
            self._names, self.settings.loop_timeout_s, self.settings.last_s,
        )  # fmt: skip
        told, layout = pack_spec(port, spec), port.layout
        self._spec_at, self._up = layout.spec_at, layout.up
        self.shared = Shared(layout.spec_at + len(told))
        self.shared.map[layout.spec_at :] = told
        self._view = memoryview(self.shared.map)
        self.memory = Memory(self._view, layout)
        self._kept: Kept | None = None
        self._wake = -1
        self._origin_ns = self._seen = self._number = self._last_until_ns = 0
        self._stamps = [-1] * len(self._reads)
        self._refusals: tuple[int, ...] = (0,) * len(self._reads)
        self._sent: tuple[float, ...] = ()
        self._restarts = 0
        self._look_ns = -1
        self._events: list[tuple[int, str]] = []
        self._final: dict[str, int] | None = None
        self._is_last_missing = False
        self.last_done_ns = -1

    # Set-up -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the servant's process and wait for its first heartbeat.

        Raises
        ------
        OSError
            There is no process to be had, or it did not start within 20 s.
        """
        self._kept = Kept(
            "hil.devices.bridge.process", self.shared, (), [str(self._spec_at)], stall_s=self.settings.stall_s,
            keep_off_cpu=self.settings.keep_off_cpu,
        )  # fmt: skip
        self._wake = self._kept.stdin.fileno()
        if os.name == "posix":
            os.set_blocking(self._wake, False)
        until_s = time.monotonic() + _START_S
        while self.memory.head[BEAT] == 0:
            if time.monotonic() > until_s:
                raise TimeoutError(f"the process of {self.name} did not start within {_START_S:g} s")
            time.sleep(0.01)

    def await_values(self, timeout_s: float) -> bool:
        """Wait, before the loop, until every point has been received or refused once; gives whether all were."""
        until_s = time.monotonic() + timeout_s
        while time.monotonic() < until_s:
            packed = self.memory.up.get()
            if packed is not None and SUBSTITUTED not in self._up.unpack(packed)[-1]:
                return True
            time.sleep(_PAUSE_S)
        return False

    # The cycle ----------------------------------------------------------------------------------------

    def read(self, now_ns: int, deadline_ns: int) -> None:  # noqa: ARG002  a device's; this one needs no time
        """Copy what is new into the image, each value with its own time of receipt; never waits."""
        self._relate_clocks()
        up = self.memory.up
        if up.sequence != self._seen:
            sequence, packed = up.sequence, up.get()
            if packed is not None:
                self._seen = sequence
                self._take_up(self._up.unpack(packed))
        if now_ns >= self._look_ns:
            self._look_ns = now_ns + _LOOK_NS
            self._look(now_ns)

    def _relate_clocks(self) -> None:
        """Keep the machine's time of loop time 0; both clocks run alike, so it changes at the start of a run only."""
        before_ns = self._machine_ns()
        now_ns = self._now_ns()
        after_ns = self._machine_ns()
        if not before_ns - now_ns <= self._origin_ns <= after_ns - now_ns:
            self._origin_ns = after_ns - now_ns

    def _take_up(self, fields: tuple[Any, ...]) -> None:
        n, image, origin_ns, stamps = len(self._reads), self._image, self._origin_ns, self._stamps
        received, refusals = fields[2 : 2 + n], fields[2 + n : 2 + 2 * n]
        values, qualities = fields[2 + 2 * n : 2 + 3 * n], fields[-1]
        for place, quality in enumerate(qualities):
            slot = self._reads[place]
            if quality <= STALE and received[place] != stamps[place]:
                stamps[place] = received[place]
                image.accept(slot, values[place], stamps[place] - origin_ns)
            if quality == BAD or (quality == STALE and image.quality[slot] == GOOD):
                image.quality[slot] = quality
        if refusals != self._refusals:
            self._count_refusals(refusals)

    def _count_refusals(self, refusals: tuple[int, ...]) -> None:
        for slot, before, now in zip(self._reads, self._refusals, refusals, strict=True):
            # A servant that was started anew counts from 0.
            self._image.rejected[slot] += now - before if now >= before else now
        self._refusals = refusals

    def write(self, now_ns: int, deadline_ns: int, *, force: bool = False) -> None:
        """Leave the values and the stamp of the cycle for the servant; never waits, but for the last write of a run.

        With ``force`` the servant is to write everything, and has until ``deadline_ns``, and ``last_s`` at the least,
        to say that it was acknowledged; if it does not, that is counted.
        """
        self.publish(now_ns, last=force)
        if force:
            self.await_last(deadline_ns)

    def publish(self, now_ns: int, *, last: bool = False) -> None:
        """Leave the values of the cycle stamped ``now_ns`` (loop time) for the servant."""
        if last:
            self._relate_clocks()
            self._last_until_ns = self._now_ns() + round(self.settings.last_s * NS_PER_S)
        values = self._take(self._image.values)[:-1] if self._take is not None else ()
        self._number += 1
        self.memory.down.put(self._number, now_ns + self._origin_ns, last, *values)
        if values != self._sent or last:
            self._sent = values
            # Nobody there: the keeper starts another, which looks by itself.
            with contextlib.suppress(OSError):
                os.write(self._wake, b"\n")

    def await_last(self, deadline_ns: int) -> None:
        """Wait for the acknowledgement of the last write; without a servant or written points there is none."""
        if self._take is None or self._kept is None:
            return
        deadline_ns = max(deadline_ns, self._last_until_ns)
        while self._now_ns() < deadline_ns:
            packed = self.memory.up.get()
            if packed is not None and self._up.unpack(packed)[0] == self._number:
                self.last_done_ns = self._now_ns()
                return
            time.sleep(_PAUSE_S)
        self._is_last_missing = True
        self._events.append((self._now_ns(), "the last write of the run was not acknowledged in time"))

    def _look(self, now_ns: int) -> None:
        """Take over what the servant tells, and tell of one that was started again."""
        kept = self._kept
        if kept is not None and kept.restarts != self._restarts:
            self._restarts = kept.restarts
            what = f"its process was started again (restarts {self._restarts}, of them stalled {kept.stalls})"
            self._events.append((now_ns, what))
        if self.memory.texts.waiting:
            self._events += [(at_ns - self._origin_ns, text) for at_ns, text in self.memory.texts.drain()]

    # From outside the cycle ---------------------------------------------------------------------------

    @property
    def process_id(self) -> int:
        """Process id of the servant now at work; 0 before the first and after the end."""
        return self._kept.process_id if self._kept is not None else 0

    def counters(self) -> dict[str, int]:
        """How often each kind of event happened since the start, on either side."""
        if self._final is not None:
            return self._final
        kept = self._kept
        own = (
            kept.restarts if kept is not None else 0, kept.stalls if kept is not None else 0,
            int(self._is_last_missing), self.memory.texts.dropped,
        )  # fmt: skip
        return dict(zip(self._names, self.memory.counters, strict=True)) | dict(
            zip(COUNTERS, own, strict=True)
        )

    def drain_events(self) -> list[tuple[int, str]]:
        """Give what a person wants to know since the last call, as (loop time ns, text)."""
        drained, self._events = self._events, []
        return drained

    def close(self) -> None:
        """End the servant and let go of the memory; may be called twice."""
        if self._final is not None:
            return
        kept = self._kept
        if kept is not None:
            kept.finish(self.settings.end_s)
        self._look(self._now_ns())
        self._final = self.counters()
        if kept is not None:
            kept.close()
        self._kept = None
        self.memory.close()
        self._view.release()
        self.shared.close()
