"""One cycle: wait, read, plants, control, limits, write, record. The same code on a wall and on a virtual clock.

The grid is absolute: deadline n is n periods after the start, whatever earlier cycles took. Plants and controllers
advance by the grid's elapsed time; "now" is one stamp a cycle. Phases are timed by the performance counter.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hil.loop.clock import NS_PER_S
from hil.loop.events import EventLog
from hil.loop.histogram import Histogram
from hil.loop.image import Image, Quality
from hil.loop.output import OutputStage
from hil.loop.overrun import OverrunPolicy
from hil.loop.plant import PlantBlock
from hil.loop.protocols import Block, Clock, Device
from hil.loop.schedule import Schedule
from hil.loop.source import SourceBlock
from hil.loop.trend_layout import PHASES


class Falsifier(Protocol):
    """A sensor fault in force."""

    def apply(self, now_ns: int) -> None:
        """Falsify the value if one was received or computed since the last call."""
        ...


class Sink(Protocol):
    """Where rows go. Never blocks on a wall clock, never raises."""

    def push(self, now_ns: int) -> None:
        """Take one row of the image at loop time ``now_ns``."""
        ...


@dataclass(slots=True)
class StopFlag:
    """Asked for by a signal handler or a test; looked at once a cycle."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class CycleParts:
    """What runs in a cycle, each list in its order."""

    image: Image
    sources: Sequence[SourceBlock] = ()
    devices: Sequence[Device] = ()
    plants: Sequence[PlantBlock] = ()
    controllers: Sequence[Block] = ()
    outputs: Sequence[OutputStage] = ()
    """Stages of the controllers' signals; a source runs its own."""
    source_outputs: Sequence[OutputStage] = ()
    """Stages of the sources' signals, for the failsafe at the end."""
    falsifiers: list[Falsifier] = field(default_factory=list)
    """Sensor faults in force; the schedule adds and removes them."""
    schedule: Schedule = field(default_factory=Schedule)


@dataclass(frozen=True, slots=True)
class CycleSettings:
    """Times in ns; budgets count from the stamp of the cycle (read) and from the start of the phase (write)."""

    period_ns: int
    duration_ns: int | None
    read_budget_ns: int
    write_budget_ns: int
    is_virtual: bool


class Timing:
    """Histograms of the phases, of the whole cycle and of the lateness of its start."""

    __slots__ = ("cycle", "lateness", "phases")

    def __init__(self) -> None:
        self.phases = [Histogram() for _ in PHASES]
        self.cycle = Histogram()
        self.lateness = Histogram()

    def summary(self, *, with_lateness: bool) -> dict[str, Any]:
        """As written to ``timing.json``; lateness means nothing on a virtual clock and is left out there."""
        result = {name: histogram.summary() for name, histogram in zip(PHASES, self.phases, strict=True)}
        result["cycle"] = self.cycle.summary()
        if with_lateness:
            result["lateness"] = self.lateness.summary()
        return result


@dataclass(frozen=True, slots=True)
class CycleEnd:
    """How a run ended: ``stop`` is end, interrupted or tripped; ``simulated_s`` is loop time, s."""

    stop: str
    reason: str
    cycles: int
    simulated_s: float


class Cycle:
    """Runs the parts on the grid until the duration is over, a stop is asked for, or the overrun policy trips."""

    def __init__(
        self,
        parts: CycleParts,
        clock: Clock,
        settings: CycleSettings,
        overrun: OverrunPolicy,
        sink: Sink,
        events: EventLog,
        stop: StopFlag,
    ) -> None:
        self.timing = Timing()
        self.overrun = overrun
        self.cycles = 0
        self._parts = parts
        self._clock = clock
        self._settings = settings
        self._sink = sink
        self._events = events
        self._stop = stop
        self._quality_before = bytes(parts.image.quality)

    def run(self) -> CycleEnd:
        """Run to the end; the collector sleeps meanwhile, for its pauses would fall into a cycle."""
        was_enabled = gc.isenabled()
        gc.collect()
        gc.freeze()
        gc.disable()
        # Only now: collecting everything there is takes longer than many a period.
        self._clock.start()
        try:
            return self._run()
        finally:
            gc.unfreeze()
            if was_enabled:
                gc.enable()

    def _run(self) -> CycleEnd:
        settings, policy, timing, stop, clock = (
            self._settings,
            self.overrun,
            self.timing,
            self._stop,
            self._clock,
        )
        counter = time.perf_counter_ns
        wait = timing.phases[0]
        base_ns = settings.period_ns
        duration_ns = settings.duration_ns if settings.duration_ns is not None else 1 << 62
        deadline_ns = previous_ns = 0
        while deadline_ns < duration_ns and not stop.reason and not policy.tripped:
            started = counter()
            now_ns = clock.wait_until(deadline_ns)
            woken = counter()
            wait.record(woken - started)
            late_ns = now_ns - deadline_ns
            if not settings.is_virtual:
                timing.lateness.record_corrected(late_ns, base_ns)
            if late_ns >= base_ns:
                # Woken a period late or more: those periods are gone, the grid is not.
                policy.missed(late_ns // base_ns)
                self._events.emit(now_ns / NS_PER_S, "overrun", "clock", f"woken {late_ns / 1e6:.1f} ms late")
                deadline_ns += late_ns // base_ns * base_ns
            self._once(now_ns, (deadline_ns - previous_ns) / NS_PER_S, woken)
            self.cycles += 1
            timing.cycle.record_corrected(counter() - woken, base_ns)
            previous_ns = deadline_ns
            deadline_ns = self._next_deadline(deadline_ns)
        return self._end(deadline_ns)

    def _once(self, now_ns: int, dt_s: float, woken: int) -> None:
        parts, settings, phases = self._parts, self._settings, self.timing.phases
        counter = time.perf_counter_ns
        if now_ns >= parts.schedule.next_ns:
            parts.schedule.run_due(now_ns)
        for source in parts.sources:
            source.run(now_ns, dt_s)
        for device in parts.devices:
            device.read(now_ns, now_ns + settings.read_budget_ns)
        parts.image.age(now_ns)
        for falsifier in parts.falsifiers:
            falsifier.apply(now_ns)
        t_read = counter()
        for plant in parts.plants:
            plant.run(now_ns, dt_s)
        for falsifier in parts.falsifiers:
            falsifier.apply(now_ns)
        t_plant = counter()
        for controller in parts.controllers:
            controller.run(now_ns, dt_s)
        t_control = counter()
        for output in parts.outputs:
            output.run(now_ns, dt_s)
        t_limits = counter()
        if parts.devices:
            write_start_ns = self._clock.now_ns()
            for device in parts.devices:
                device.write(now_ns, write_start_ns + settings.write_budget_ns)
        t_write = counter()
        if parts.image.quality != self._quality_before:
            self._tell_quality(now_ns)
        self._sink.push(now_ns)
        phases[1].record(t_read - woken)
        phases[2].record(t_plant - t_read)
        phases[3].record(t_control - t_plant)
        phases[4].record(t_limits - t_control)
        phases[5].record(t_write - t_limits)
        phases[6].record(counter() - t_write)

    def _next_deadline(self, deadline_ns: int) -> int:
        """Next point of the grid that is not past; missed ones are counted."""
        policy, base_ns = self.overrun, self._settings.period_ns
        next_ns = deadline_ns + base_ns * policy.factor
        now_ns = self._clock.now_ns()
        if now_ns <= next_ns:
            policy.on_time()
            return next_ns
        missed = (now_ns - next_ns) // base_ns + 1
        policy.missed(missed)
        self._events.emit(
            now_ns / NS_PER_S, "overrun", "cycle",
            f"cycle ended {(now_ns - next_ns) / 1e6:.1f} ms after the next deadline; {missed} periods skipped",
        )  # fmt: skip
        return next_ns + missed * base_ns

    def _tell_quality(self, now_ns: int) -> None:
        image, before = self._parts.image, self._quality_before
        for slot, (old, new) in enumerate(zip(before, image.quality, strict=True)):
            if old != new and self.cycles > 0:
                change = f"{Quality(old).name} -> {Quality(new).name}"
                self._events.emit(now_ns / NS_PER_S, "quality", image.signals[slot].name, change)
        self._quality_before = bytes(image.quality)

    def _end(self, deadline_ns: int) -> CycleEnd:
        """Say how it ended; with devices, leave their actuators in failsafe and record that row too."""
        parts, settings = self._parts, self._settings
        stop, reason = "end", "the duration is over"
        if self.overrun.tripped:
            stop, reason = "tripped", f"overrun policy trip: {self.overrun.skipped_periods} periods skipped"
        elif self._stop.reason:
            stop, reason = "interrupted", self._stop.reason
        now_ns = self._clock.now_ns()
        if stop != "end" or parts.devices:
            for stage in (*parts.outputs, *parts.source_outputs):
                stage.shut_down(now_ns)
            for device in parts.devices:
                device.write(now_ns, now_ns + settings.write_budget_ns, force=True)
            self._events.emit(
                now_ns / NS_PER_S, "trip" if stop == "tripped" else "note", "loop", f"{stop}: {reason}"
            )
            self._sink.push(now_ns)
        return CycleEnd(stop, reason, self.cycles, deadline_ns / NS_PER_S)
