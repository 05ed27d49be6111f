"""A cycle that goes nowhere, run where the loop would only wait, so that the next one finds its code in the caches.

After some milliseconds of sleep the interpreter's working set has left the processor's caches, and a cycle takes two to
four times as long as back to back. What is rehearsed is a small rig of its own: an image, a Modbus device, two
controllers and limits of the very classes that the loop runs, with values of their own and no wire at all. Nothing of
the real rig is touched.
"""

from __future__ import annotations

import socket
import time
from typing import Any

from controller import PID, Limiter
from hil.config.points import Point
from hil.devices.modbus.link import Link
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.modbus.tcp import ModbusTcpDevice
from hil.devices.scan import Scan
from hil.loop.clock import NS_PER_S, VirtualClock
from hil.loop.control import PidBlock
from hil.loop.cycle import Cycle, CycleParts, CycleSettings, StopFlag
from hil.loop.events import EventLog
from hil.loop.image import GOOD, Image, Signal
from hil.loop.lateness import CountedRows
from hil.loop.output import OutputStage
from hil.loop.overrun import OverrunPolicy, OverrunSettings

READS, WRITES, LOOPS = 32, 8, 2
"""As many as a small CDU has; it is the code that is warmed, and that is the same for any number."""
REHEARSE_NS = 400_000
"""How long before the deadline, ns: twice what it takes cold."""
_FUNCTION_AT, _HEAD_BYTES = 7, 12
_READ_HOLDING = 3


class Rehearsal:
    """The small rig. :meth:`run` takes one cycle through it and leaves no trace outside it.

    Attributes
    ----------
    counters : dict of str to int
        Of its device: as many replies as requests, and nothing else, in a sound rehearsal.
    image : Image
        Its own.
    """

    def __init__(self) -> None:
        self._clock = VirtualClock()
        points = _points()
        image = _image(points)
        scan = Scan([_Unwired(image, points, self._clock)], self._clock.now_ns, _AlwaysReady())
        stages = [
            OutputStage(image, image.index[f"out_{n}"], Limiter(0.0, 100.0, 0.0, 50.0, 50.0))
            for n in range(WRITES)
        ]
        blocks = [
            PidBlock(
                f"pi_{n}", image, PID.ideal(0.5, 0.2, output_low=0.0, output_high=100.0), stages[n],
                setpoint=0, measured=image.index[f"in_{n}"],
            )
            for n in range(LOOPS)
        ]  # fmt: skip
        parts = CycleParts(image, devices=[_Bus(scan)], controllers=blocks, outputs=stages)
        settings = CycleSettings(NS_PER_S, None, NS_PER_S, NS_PER_S, is_virtual=True)
        policy = OverrunPolicy(OverrunSettings())
        self.image = image
        self._scan = scan
        self._cycle = Cycle(parts, self._clock, settings, policy, CountedRows(), EventLog(), StopFlag())
        # The first ones look up, fill and compile what later ones find.
        for _ in range(3):
            self.run()

    def run(self) -> None:
        """Run one cycle of the small rig; takes 40 us warm, 100 to 200 us cold."""
        now_ns = self._clock.now_ns() + 1
        self._clock.wait_until(now_ns)
        self._cycle.once(now_ns, 0.01, time.perf_counter_ns())

    @property
    def counters(self) -> dict[str, int]:
        """See the class."""
        return {name.partition(".")[2]: count for name, count in self._scan.counters().items() if count}


def _points() -> tuple[list[Point], list[Point], Point]:
    reads = [Point(f"in_{n}", 1, "holding_register", n, "uint16", scale=0.1) for n in range(READS)]
    writes = [
        Point(f"out_{n}", 1, "holding_register", READS + n, "uint16", scale=0.1, access="w", write="every_cycle")
        for n in range(WRITES)
    ]  # fmt: skip
    beat = Point("beat", 1, "holding_register", 50, "uint16", access="w", write="every_cycle")
    return reads, writes, beat


def _image(points: tuple[list[Point], list[Point], Point]) -> Image:
    reads, writes, _ = points
    signals = [Signal("setpoint", "1", 0.0, 100.0, 50.0)]
    signals += [Signal(point.signal, "1", 0.0, 6553.5, 0.0, max_age_ns=1) for point in reads]
    signals += [Signal(point.signal, "1", 0.0, 100.0, 0.0) for point in writes]
    image = Image(signals)
    image.quality[0] = GOOD
    return image


class _Nowhere(Link):
    """A link whose far end answers at once, in memory: registers of 0, and every write taken."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.connected = True
        self._answer = b""

    def attach(self, wait: Any, owner: object) -> None:
        wait.owners.append(owner)

    def send(self, frame: bytes, now_ns: int) -> bool:  # noqa: ARG002  as the link's
        if frame[_FUNCTION_AT] == _READ_HOLDING:
            count = 2 * int.from_bytes(frame[10:12], "big")
            head = frame[:4] + (3 + count).to_bytes(2, "big") + frame[6:8]
            self._answer = head + bytes([count]) + bytes(count)
        else:
            self._answer = frame[:4] + b"\0\6" + frame[6:_HEAD_BYTES]
        return True

    def receive(self) -> int:
        count = len(self._answer)
        self.buffer[:count] = self._answer
        return count


class _Unwired(ModbusTcpDevice):
    """A device on such a link."""

    link_type = _Nowhere

    def __init__(
        self, image: Image, points: tuple[list[Point], list[Point], Point], clock: VirtualClock
    ) -> None:
        reads, writes, beat = points
        super().__init__(
            "rehearsal", ModbusTcpSettings("nowhere", 1), image,
            [(point, image.index[point.signal]) for point in reads],
            [(point, image.index[point.signal]) for point in writes], clock.now_ns, beat,
        )  # fmt: skip


class _AlwaysReady:
    """The wait for a far end that has always answered already."""

    def __init__(self) -> None:
        self.owners: list[ModbusTcpDevice] = []

    def register(self, connection: socket.socket, owner: ModbusTcpDevice, *, connecting: bool) -> None:
        pass

    def unregister(self, connection: socket.socket) -> None:
        pass

    def ready(self, timeout_s: float) -> list[ModbusTcpDevice]:
        return self.owners if timeout_s else []

    def close(self) -> None:
        pass


class _Bus:
    """The scan as the cycle wants it."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan

    def read(self, now_ns: int, deadline_ns: int) -> None:
        self._scan.read(now_ns, deadline_ns)

    def write(self, now_ns: int, deadline_ns: int, *, force: bool = False) -> None:
        if force:
            self._scan.force_writes()
        self._scan.write(now_ns, deadline_ns)

    def counters(self) -> dict[str, int]:
        return self._scan.counters()

    def close(self) -> None:
        self._scan.close()
