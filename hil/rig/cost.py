"""What a cycle of a rig costs on this machine, measured before it runs: a period below that is refused."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hil.errors import ConfigError
from hil.loop.clock import NS_PER_S, VirtualClock
from hil.loop.cycle import Cycle, CycleParts, CycleSettings, StopFlag
from hil.loop.events import EventLog
from hil.loop.image import Image
from hil.loop.overrun import OverrunPolicy, OverrunSettings
from hil.record.ring import Ring
from hil.record.rows import RowLayout, RowSink
from hil.rig.build import Rig

CYCLES = 200
BUDGET_S = 0.1
"""The measurement ends after so many cycles or so long, whichever comes first."""
TRANSACTION_US = 35.0
"""CPU of one Modbus TCP transaction (hil/devices/README.md); what the wire and the far end take comes on top."""


@dataclass(frozen=True, slots=True)
class CycleCost:
    """Cost of a cycle, us.

    Attributes
    ----------
    computing_us : float
        Sum of the phases' medians over ``cycles`` cycles, devices answered from memory.
    transactions : int
        Least number of Modbus transactions of a cycle.
    cycles : int
        How many were measured.
    """

    computing_us: float
    transactions: int
    cycles: int

    @property
    def total_us(self) -> float:
        """Least time that a cycle takes, waiting for devices not included, us."""
        return self.computing_us + self.transactions * TRANSACTION_US


class _Memory:
    """A device whose values are always there: what the image costs, without a wire."""

    def __init__(self, image: Image, slots: Sequence[int]) -> None:
        self._image = image
        self._slots = tuple(slots)

    def read(self, now_ns: int, deadline_ns: int) -> None:  # noqa: ARG002  there is nothing to wait for
        image = self._image
        for slot in self._slots:
            image.accept(slot, image.values[slot], now_ns)

    def write(self, now_ns: int, deadline_ns: int, *, force: bool = False) -> None:
        pass

    def counters(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        pass


class _Meter:
    """Takes rows as the recorder does, and ends the measurement when its time is over."""

    def __init__(self, sink: RowSink, stop: StopFlag) -> None:
        self._push = sink.push
        self._stop = stop
        self._end_s = 0.0

    def push(self, now_ns: int) -> None:
        self._push(now_ns)
        # The first cycle starts the time: before it the kernels may have been loaded.
        now_s = time.perf_counter()
        self._end_s = self._end_s or now_s + BUDGET_S
        if now_s > self._end_s:
            self._stop.reason = "measured"


def measure_cycle(rig: Rig) -> CycleCost:
    """Measure a cycle of ``rig`` on the virtual clock, without touching a device; the rig is as before."""
    with rig.trial() as parts:
        cycle = _run(rig, parts)
    phases_ns = sum(histogram.percentile(0.5) for histogram in cycle.timing.phases[1:])
    return CycleCost(phases_ns / 1000.0, _transactions(rig), cycle.cycles)


def refuse_short_period(rig: Rig) -> None:
    """Raise ``ConfigError`` where the wall clock's period is shorter than a cycle takes here."""
    if rig.config.clock != "wall":
        return
    cost, period_us = measure_cycle(rig), 1e6 * rig.config.period_s
    if cost.total_us <= period_us:
        return
    wire = (
        f" and {cost.transactions} Modbus transactions of {TRANSACTION_US:g} us" if cost.transactions else ""
    )
    what = (
        f"period {period_us:g} us is shorter than a cycle takes on this machine: {cost.total_us:.0f} us "
        f"({cost.computing_us:.0f} us, median of {cost.cycles} cycles{wire})"
    )
    raise ConfigError(
        rig.problem(("period_s",), what, f"period_s: {2e-6 * cost.total_us:.2g} leaves half of it free")
    )


def _run(rig: Rig, parts: CycleParts) -> Cycle:
    config, image, stop = rig.config, parts.image, StopFlag()
    layout = RowLayout(tuple(config.signals), rig.limited)
    ring = Ring.private(layout.packer.size, CYCLES + 1)
    period_ns = round(config.period_s * NS_PER_S)
    settings = CycleSettings(period_ns, CYCLES * period_ns, period_ns, period_ns, is_virtual=True)
    meter = _Meter(RowSink(image, ring, layout), stop)
    received = [slot for slot, signal in enumerate(image.signals) if signal.max_age_ns]
    timed = replace(parts, devices=(_Memory(image, received),))
    cycle = Cycle(timed, VirtualClock(), settings, OverrunPolicy(OverrunSettings()), meter, EventLog(), stop)
    # All there is is kept from the collection that a run begins with: it takes longer than the measurement.
    gc.freeze()
    cycle.run()
    return cycle


def _transactions(rig: Rig) -> int:
    """At least one for all that is read of a device, and one for all that is written."""
    devices = rig.config.devices.values()
    return sum(bool(device.read) + bool(device.write or device.heartbeat) for device in devices)
