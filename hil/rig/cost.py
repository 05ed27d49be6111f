"""What a cycle of a rig costs on this machine, measured before it runs: a period below that is refused.

Of blocks slower than the cycle those count that meet in the dearest cycle of the grid; what computes in a worker
costs a cycle only the posting.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from hil.devices.drives import DriveBlock
from hil.errors import ConfigError
from hil.loop.clock import NS_PER_S, VirtualClock
from hil.loop.cycle import Cycle, CycleParts, CycleSettings, StopFlag
from hil.loop.events import EventLog
from hil.loop.image import Image
from hil.loop.overrun import OverrunPolicy, OverrunSettings
from hil.loop.plant import PlantBlock
from hil.loop.protocols import Block
from hil.record.ring import Ring
from hil.record.rows import RowLayout, RowSink
from hil.rig.build import Rig
from hil.rig.controllers import worker_in
from hil.rig.slots import SlowBlock, dearest_meeting

CYCLES = 200
BUDGET_S = 0.1
"""The measurement ends after so many cycles or so long, whichever comes first."""
TRANSACTION_US = 35.0
"""CPU of one Modbus TCP transaction (hil/devices/README.md); what the wire and the far end take comes on top."""
_PERCENTILE = 99
"""Of the cycles measured, in processor time: what other programs take of a busy machine is not the rig's cost."""
_ROUNDS = 3
"""A rig is refused only where it is too dear so many times: the machine may have taken the processor for a while."""
_LISTENS_S = 0.25
"""From this period on a wall clock's wait is cut into pieces, which takes nothing from a cycle."""


@dataclass(frozen=True, slots=True)
class CycleCost:
    """Cost of the dearest cycle of the grid, us.

    Attributes
    ----------
    computing_us : float
        Sum of the 99th percentiles, over ``cycles`` cycles, of each block and of all else from row to row: clock,
        sources, image, limits, timing, the recorder's row. Devices are answered from memory; the wake-up is not in it.
    transactions : int
        Least number of Modbus transactions of a cycle.
    cycles : int
        How many were measured.
    slower : tuple of str
        Blocks slower than the cycle that meet in it, the dearest first.
    """

    computing_us: float
    transactions: int
    cycles: int
    slower: tuple[str, ...] = ()

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


class _Timed:
    """A plant or controller that runs in every cycle of the measurement, over a whole period of its own each time."""

    def __init__(self, name: str, block: Block | PlantBlock, every: int, offset: int) -> None:
        self.name = name
        self.every = every
        self._run = block.run
        self._offset = offset
        self._took_ns: list[int] = []

    def run(self, now_ns: int, dt_s: float) -> None:
        began = time.thread_time_ns()
        self._run(now_ns, dt_s * self.every)
        self._took_ns.append(time.thread_time_ns() - began)

    def counters(self) -> dict[str, int]:
        return {}

    def cost(self) -> SlowBlock:
        """Give a high percentile of its runs; not of the first: no time has passed in it, kernels may be loaded."""
        return SlowBlock(
            self.name, self.every, self._offset, _high(self._took_ns[1:] or self._took_ns) / 1000.0
        )

    def took_ns(self, cycle: int) -> int:
        """Give how long it ran in the cycle of that number, from 0."""
        return self._took_ns[cycle]


class _Meter:
    """Takes rows as the recorder does, and ends the measurement when its time is over."""

    def __init__(self, sink: RowSink, stop: StopFlag) -> None:
        self._push = sink.push
        self._stop = stop
        self._end_s = 0.0
        self.rows_ns: list[int] = []

    def push(self, now_ns: int) -> None:
        self._push(now_ns)
        self.rows_ns.append(time.thread_time_ns())
        # The first cycle starts the time: before it the kernels may have been loaded.
        now_s = time.perf_counter()
        self._end_s = self._end_s or now_s + BUDGET_S
        if now_s > self._end_s:
            self._stop.reason = "measured"


def measure_cycle(rig: Rig) -> CycleCost:
    """Measure a cycle of ``rig`` on the virtual clock, without touching a device; the rig is as before."""
    with rig.trial() as parts:
        blocks = _timed(rig, parts)
        # Plants and controllers are timed one by one: the phase says nothing of one that runs now and then.
        cycle, rows_ns = _run(rig, replace(parts, plants=(), controllers=blocks))
    spans_ns = [after - before for before, after in pairwise(rows_ns)]
    besides_ns = [
        span - sum(b.took_ns(n) for b in blocks) for n, span in enumerate(spans_ns[: cycle.cycles - 1], 1)
    ]
    besides_us = _high(besides_ns or spans_ns) / 1000.0
    costs = [block.cost() for block in blocks]
    always_us = sum(cost.cost_us for cost in costs if cost.every == 1)
    meeting = dearest_meeting(cost for cost in costs if cost.every > 1)
    computing_us = besides_us + always_us + sum(cost.cost_us for cost in meeting)
    return CycleCost(computing_us, _transactions(rig), cycle.cycles, tuple(cost.name for cost in meeting))


def _high(took_ns: Sequence[int]) -> float:
    """Give the percentile that counts."""
    ordered = sorted(took_ns)
    return float(ordered[min(len(ordered) * _PERCENTILE // 100, len(ordered) - 1)]) if ordered else 0.0


def _timed(rig: Rig, parts: CycleParts) -> list[_Timed]:
    """Plants, then controllers, as they run in a cycle; laws that compute in workers are left out."""
    config = rig.config
    blocks = [
        _Timed(name, block, config.plants[name].every, config.plants[name].offset or 0)
        for name, block in zip(rig.wired_plants, parts.plants, strict=True)
    ]
    for controller in parts.controllers:
        if isinstance(controller, DriveBlock):
            blocks.append(_Timed(controller.name, controller, 1, 0))
            continue
        loop, worker = config.controllers[controller.name], worker_in(controller)
        if worker is not None:
            worker.law.start_unmanned()
        blocks.append(_Timed(controller.name, controller, loop.every, loop.offset or 0))
    return blocks


def refuse_short_period(rig: Rig) -> None:
    """Raise ``ConfigError`` where the wall clock's period is shorter than a cycle takes here."""
    if rig.config.clock != "wall":
        return
    cost, period_us = measure_cycle(rig), 1e6 * rig.config.period_s
    for _ in range(_ROUNDS - 1):
        if cost.total_us <= period_us:
            return
        cost = min(cost, measure_cycle(rig), key=lambda each: each.total_us)
    if cost.total_us <= period_us:
        return
    parts = f"99th percentile of {cost.cycles} cycles"
    if cost.transactions:
        wire = f"{cost.transactions} Modbus transactions of {TRANSACTION_US:g} us"
        parts = f"{cost.computing_us:.0f} us, {parts}, and {wire}"
    when = f" where {' and '.join(cost.slower)} run" if cost.slower else ""
    takes = f"{cost.total_us:.0f} us ({parts})"
    what = f"period {period_us:g} us is shorter than a cycle{when} takes on this machine: {takes}"
    raise ConfigError(
        rig.problem(("period_s",), what, f"period_s: {2e-6 * cost.total_us:.2g} leaves half of it free")
    )


def refuse_slow_devices(rig: Rig, read_s: float) -> None:
    """Raise ``ConfigError`` where the slowest device's reads, ``read_s`` (s) in the proof, outlast the period."""
    if read_s <= rig.config.period_s:
        return
    what = (
        f"period {1e3 * rig.config.period_s:g} ms is shorter than the devices take to be read: {1e3 * read_s:.3g} ms "
        "(median of 5 reads of the slowest device)"
    )
    hint = f"period_s: {4.0 * read_s:.2g} leaves time to write; read fewer points, or in fewer requests"
    raise ConfigError(rig.problem(("period_s",), what, hint))


def _run(rig: Rig, parts: CycleParts) -> tuple[Cycle, list[int]]:
    config, image, stop = rig.config, parts.image, StopFlag()
    layout = RowLayout(tuple(config.signals), rig.limited)
    ring = Ring.private(layout.packer.size, CYCLES + 1)
    period_ns = round(config.period_s * NS_PER_S)
    settings = CycleSettings(period_ns, CYCLES * period_ns, period_ns, period_ns,
                             is_virtual=config.period_s >= _LISTENS_S)  # fmt: skip
    meter = _Meter(RowSink(image, ring, layout), stop)
    received = [slot for slot, signal in enumerate(image.signals) if signal.max_age_ns]
    timed = replace(parts, devices=(_Memory(image, received),))
    cycle = Cycle(timed, VirtualClock(), settings, OverrunPolicy(OverrunSettings()), meter, EventLog(), stop)
    # All there is is kept from the collection that a run begins with: it takes longer than the measurement.
    gc.freeze()
    cycle.run()
    return cycle, meter.rows_ns


def _transactions(rig: Rig) -> int:
    """At least one for all that is read of a device, and one for all that is written."""
    devices = rig.config.devices.values()
    return sum(bool(device.read) + bool(device.write or device.heartbeat) for device in devices)
