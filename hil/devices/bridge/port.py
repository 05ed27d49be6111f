"""The servant's side of the bridge: its image, its orders, what it counts and tells."""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import select
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hil.devices.bridge.memory import Layout, Memory
from hil.devices.bridge.orders import LoopWatch, Orders, Stage
from hil.loop.image import Image, Signal
from hil.loop.keeper import BEAT, CLOSING
from hil.loop.machine_time import NS_PER_S, machine_ns


@dataclass(frozen=True, slots=True)
class PortSpec:
    """What the loop tells its servant at the start.

    Attributes
    ----------
    reads, writes : tuple of Signal
        Of the points received and written; with their ranges and failsafe values.
    counters : tuple of str
        Names of all counters.
    loop_timeout_s : float
        Age of the loop's stamp at which it is lost, s.
    last_s : float
        How long the failsafe, or the last orders of a run, are tried, s.
    """

    reads: tuple[Signal, ...]
    writes: tuple[Signal, ...]
    counters: tuple[str, ...]
    loop_timeout_s: float
    last_s: float

    @property
    def layout(self) -> Layout:
        """Of the memory."""
        return Layout(len(self.reads), len(self.writes), len(self.counters))


class Port:
    """What a servant works with. All times are ns of the machine's clock (:mod:`hil.loop.machine_time`).

    Attributes
    ----------
    image : Image
        Slots of the points received, then of those written. A servant puts values in with ``Image.accept`` and marks
        quality; slots not touched stay SUBSTITUTED, and nothing of them goes up. The values of written slots are kept
        equal to the orders.
    counts : dict of str to int
        Add to it; it goes on where a servant that died left it.
    write_slots : range
        Slots of the written points.
    closing, orphaned : bool
        Whether the loop has said that the run is over; whether its process ended.
    """

    def __init__(
        self,
        view: memoryview,
        spec: PortSpec,
        now_ns: Callable[[], int] = machine_ns,
        fileno: int | None = None,
    ) -> None:
        """Take part in ``view``; ``fileno`` is where the loop's wake-ups come from, and end with it."""
        self._memory = Memory(view, spec.layout)
        self._down = spec.layout.down
        self._names = spec.counters
        self._now_ns = now_ns
        self._n_reads = len(spec.reads)
        self.image = Image((*spec.reads, *spec.writes))
        self.write_slots = range(self._n_reads, self._n_reads + len(spec.writes))
        self.counts = dict(zip(spec.counters, self._memory.counters, strict=True))
        before = self._memory.up.get()
        settled = spec.layout.up.unpack(before)[1] if before is not None else 0
        failsafe = [signal.failsafe for signal in spec.writes]
        self._watch = LoopWatch(
            failsafe, round(spec.loop_timeout_s * NS_PER_S), round(spec.last_s * NS_PER_S), settled
        )
        self._published: tuple[float | bytes, ...] = ()
        self.orphaned = self._has_last = False
        self._listener, self._waker = socket.socketpair()
        self._listener.setblocking(False)
        if fileno is not None:
            threading.Thread(target=self._listen, args=(fileno,), daemon=True).start()

    def _listen(self, fileno: int) -> None:
        # Unbuffered: a buffer held by a thread at exit would abort the interpreter. A pipe cannot be waited for
        # together with a serial line on every system, a socket can.
        with contextlib.suppress(OSError):
            while os.read(fileno, 64):
                self._waker.send(b"\n")
            self.orphaned = True
            self._waker.send(b"\n")

    @property
    def wake_fileno(self) -> int:
        """Readable when the loop has something new: for ``select``; take it with :meth:`orders`."""
        return self._listener.fileno()

    @property
    def closing(self) -> bool:
        """Whether the loop has said that the run is over."""
        return bool(self._memory.head[CLOSING])

    @property
    def has_ended(self) -> bool:
        """Whether the loop has come to its end and said so: by its last orders, or that the run is over."""
        return self.closing or self._has_last

    @property
    def has_vanished(self) -> bool:
        """Whether the loop's process ended without a word: neither last orders nor that the run is over."""
        return self.orphaned and not self.has_ended

    @property
    def is_over(self) -> bool:
        """Whether the loop has ended and nothing is left to be written for it."""
        return (self.closing or self.orphaned) and self._watch.is_over

    def beat(self) -> None:
        """Show the keeper that the servant is well."""
        self._memory.head[BEAT] += 1

    def orders(self) -> Orders:
        """Give what to write as of now, and put the values into the image."""
        with contextlib.suppress(BlockingIOError):
            self._listener.recv(4096)
        now_ns, before = self._now_ns(), self._watch.orders
        found = self._memory.down.get()
        if found is not None:
            number, stamp_ns, last, *values = self._down.unpack(found)
            self._has_last = bool(last)
            if all(map(math.isfinite, values)):
                self._watch.take(number, stamp_ns, last=bool(last), values=tuple(values), now_ns=now_ns)
        orders = self._watch.look(now_ns, loop_is_gone=self.orphaned or self.closing)
        if orders is not before:
            self._put(orders)
            if orders.stage is not before.stage:
                self._tell(before, orders, now_ns)
        return orders

    def _put(self, orders: Orders) -> None:
        image = self.image
        for slot, value in zip(self.write_slots, orders.values, strict=True):
            image.values[slot] = value

    def _tell(self, before: Orders, orders: Orders, now_ns: int) -> None:
        if orders.stage is Stage.FAILSAFE:
            self.counts["loop_losses"] += 1
            age_s = (now_ns - orders.stamp_ns) / NS_PER_S
            then = (
                "failsafe values are written, then nothing" if self.write_slots else "nothing is written here"
            )
            self.event(f"{self._loss(age_s)}: {then}")
        elif before.stage is Stage.FAILSAFE and orders.stage is Stage.REST and self.write_slots:
            self.counts["failsafes_unacknowledged"] += 1
            self.event("the failsafe values were not acknowledged in time: nothing more is written")

    def _loss(self, age_s: float) -> str:
        how = "the loop is gone, " if self.has_vanished else ""
        return f"{how}nothing from the loop for {age_s:.1f} s"

    def wait(self, timeout_s: float) -> None:
        """Wait for the loop to have something new, or for ``timeout_s`` (s)."""
        select.select([self._listener], (), (), max(0.0, timeout_s))

    def done(self) -> None:
        """Say that the orders of stage LAST or FAILSAFE have been acknowledged in full."""
        if self._watch.orders.stage is Stage.FAILSAFE and self.write_slots:
            self.counts["failsafes_written"] += 1
        self._watch.done()
        self.publish()

    def event(self, text: str) -> None:
        """Tell a person something; what has no room is counted."""
        self._memory.texts.add(self._now_ns(), text)

    def publish(self) -> None:
        """Show the loop the image and the counters as they are now."""
        image, n = self.image, self._n_reads
        fields: tuple[float | bytes, ...] = (
            self._watch.done_number, self._watch.settled, *image.received_ns[:n], *image.rejected[:n],
            *image.values[:n], bytes(image.quality[:n]),
        )  # fmt: skip
        if fields != self._published:
            # A record that is new makes the loop look at each of its values.
            self._published = fields
            self._memory.up.put(*fields)
        words = self._memory.counters
        for place, name in enumerate(self._names):
            words[place] = self.counts[name]

    def close(self) -> None:
        """Let go of the memory."""
        self._listener.close()
        self._waker.close()
        self._memory.close()


def unpack_spec(view: memoryview) -> tuple[PortSpec, object]:
    """Give the two specifications at the end of ``view``: of the port, of the servant."""
    port, servant = pickle.loads(view)
    assert isinstance(port, PortSpec)
    return port, servant


def pack_spec(port: PortSpec, servant: object) -> bytes:
    """Pack both for :func:`unpack_spec`."""
    return pickle.dumps((port, servant))


def own_counters(names: Sequence[str]) -> tuple[str, ...]:
    """Give the counters of a servant, those of the bridge itself included."""
    return (*names, *(name for name in PORT_COUNTERS if name not in names))


PORT_COUNTERS = ("loop_losses", "failsafes_written", "failsafes_unacknowledged")
"""Loop found lost; failsafe values acknowledged in full; not acknowledged in time. The latter two
stay 0 where nothing is written."""
