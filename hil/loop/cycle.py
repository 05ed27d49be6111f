"""One cycle: wait, read, plants, control, limits, write, record. The same code on a wall and on a virtual clock.

The grid is absolute: deadline n is n periods after the start, whatever earlier cycles took. Plants and controllers
advance by the grid's elapsed time; "now" is one stamp a cycle. Phases are timed by the performance counter.

However a run ends, by an error in a plant or a controller too, the last act is to leave the actuators in failsafe.
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
from hil.loop.image import GOOD, Image, Quality
from hil.loop.instruments import Falsifier, Instruments
from hil.loop.output import OutputStage
from hil.loop.overrun import OverrunPolicy
from hil.loop.plant import PlantBlock
from hil.loop.protocols import Block, Clock, Device
from hil.loop.schedule import Schedule
from hil.loop.source import SourceBlock
from hil.loop.trend_layout import PHASES

_LISTEN_NS = NS_PER_S // 4
"""Longest sleep in one piece: a wish to stop is heard within it, ns."""
_LAST_WRITE_NS = NS_PER_S // 2
"""Least budget of the last write, ns. No cycle comes after it, so a slow device may take its time."""
_ENDLESS_NS = 1 << 62


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
    equipment: Schedule = field(default_factory=Schedule)
    """Faults of plants: they act from their time on, so plants first run up to it without them."""
    instruments: Instruments | None = None
    """Sensors and actuators around the plants."""


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
    """How a run ended.

    Attributes
    ----------
    stop, reason : str
        ``end``, ``interrupted`` or ``tripped``; and in words.
    cycles : int
        Cycles that ran.
    simulated_s : float
        Time of the grid that the cycles stand for, skipped periods included, s; not beyond the duration.
    """

    stop: str
    reason: str
    cycles: int
    simulated_s: float


class Cycle:
    """Runs the parts on the grid until the duration is over, a stop is asked for, or the overrun policy trips.

    Attributes
    ----------
    cycles : int
        Cycles that ran.
    writes_withheld : int
        Cycles whose outputs were not sent, because what they were made of had become too old by then.
    """

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
        self.writes_withheld = 0
        self._parts = parts
        self._clock = clock
        self._settings = settings
        self._sink = sink
        self._events = events
        self._stop = stop
        self._quality_before = bytes(parts.image.quality)
        self._stamp_ns = -1

    def run(self) -> CycleEnd:
        """Run to the end; the collector sleeps meanwhile, for its pauses would fall into a cycle."""
        was_enabled = gc.isenabled()
        gc.collect()
        gc.freeze()
        gc.disable()
        # Only now: collecting everything there is takes longer than many a period.
        self._clock.start()
        end: CycleEnd | None = None
        try:
            end = self._ended(self._run())
        finally:
            gc.unfreeze()
            if was_enabled:
                gc.enable()
            if end is None:
                # An error, to be told by whoever started the run; the actuators cannot wait for that.
                self._to_failsafe("trip", "ended by an error")
        return end

    def _run(self) -> int:
        """Run the cycles; gives the deadline of the one that would have been next, ns."""
        settings, policy, timing, stop = self._settings, self.overrun, self.timing, self._stop
        counter = time.perf_counter_ns
        wait_until = self._clock.wait_until if settings.is_virtual else self._wait_until
        base_ns, record_wait = settings.period_ns, timing.phases[0].record
        duration_ns = _ENDLESS_NS if settings.duration_ns is None else settings.duration_ns
        deadline_ns = previous_ns = 0
        while deadline_ns < duration_ns and not policy.tripped:
            started = counter()
            now_ns = wait_until(deadline_ns)
            woken = counter()
            if stop.reason:
                break
            record_wait(woken - started)
            missed = 0
            if not settings.is_virtual:
                missed = self._missed_asleep(now_ns, deadline_ns)
                deadline_ns += missed * base_ns
            self._stamp_ns = now_ns
            self.once(now_ns, (deadline_ns - previous_ns) / NS_PER_S, woken)
            self.cycles += 1
            timing.cycle.record_corrected(counter() - woken, base_ns * policy.factor)
            previous_ns = deadline_ns
            deadline_ns = self._next_deadline(deadline_ns, missed)
        return deadline_ns

    def _wait_until(self, deadline_ns: int) -> int:
        """Sleep to the deadline, or to the next chance to hear that somebody wants the run to stop."""
        clock, stop = self._clock, self._stop
        while (now_ns := clock.now_ns()) < deadline_ns - _LISTEN_NS:
            if stop.reason:
                return now_ns
            clock.wait_until(now_ns + _LISTEN_NS)
        return clock.wait_until(deadline_ns)

    def _missed_asleep(self, now_ns: int, deadline_ns: int) -> int:
        """Count how late the cycle was woken; gives whole periods of the base grid: they are gone, the grid is not."""
        base_ns, late_ns = self._settings.period_ns, now_ns - deadline_ns
        self.timing.lateness.record_corrected(late_ns, base_ns)
        if late_ns < base_ns:
            return 0
        missed = late_ns // base_ns
        what = f"woken {late_ns / 1e6:.1f} ms late; {missed} periods skipped"
        self._events.emit(now_ns / NS_PER_S, "overrun", "clock", what)
        return missed

    def once(self, now_ns: int, dt_s: float, woken: int) -> None:
        """Run one cycle at its stamp ``now_ns`` (loop time), ``dt_s`` (s) of the grid after the one before.

        ``woken`` is the performance counter at the end of the wait, ns.
        """
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
        self._advance(now_ns, dt_s)
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
            self._write(now_ns)
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

    def _advance(self, now_ns: int, dt_s: float) -> None:
        """Let the plants run, on true values and between actuators and sensors where there are any."""
        parts, instruments = self._parts, self._parts.instruments
        if instruments is not None:
            instruments.before_plants(now_ns, dt_s)
        for plant in parts.plants:
            plant.run(now_ns, dt_s)
        if instruments is not None:
            instruments.after_plants(now_ns)
        if now_ns >= parts.equipment.next_ns:
            parts.equipment.run_due(now_ns)

    def _write(self, now_ns: int) -> None:
        settings, start_ns = self._settings, self._clock.now_ns()
        if start_ns - now_ns > settings.period_ns and self._outdated(now_ns, start_ns):
            return
        for device in self._parts.devices:
            device.write(now_ns, start_ns + settings.write_budget_ns)

    def _outdated(self, stamp_ns: int, now_ns: int) -> bool:
        """Whether received values have become too old since the stamp: then what was made of them is not sent.

        So it is where the process or the machine was stopped between read and write. The next cycle, at most a
        period away, reads again and decides on what it finds; a far end that hears nothing has its watchdog.
        """
        image = self._parts.image
        before = bytes(image.quality)
        image.age(now_ns)
        if image.quality == before:
            return False
        self.writes_withheld += 1
        what = f"values grew too old in the {(now_ns - stamp_ns) / 1e6:.1f} ms since the stamp: nothing sent"
        self._events.emit(now_ns / NS_PER_S, "overrun", "write", what)
        return True

    def _next_deadline(self, deadline_ns: int, missed: int) -> int:
        """Next point of the grid that is not past; the policy is told of those missed, ``missed`` before the cycle."""
        policy, base_ns = self.overrun, self._settings.period_ns
        next_ns = deadline_ns + base_ns * policy.factor
        late_ns = self._clock.now_ns() - next_ns
        if late_ns > 0:
            behind = -(-late_ns // base_ns)
            what = f"cycle ended {late_ns / 1e6:.1f} ms after the next deadline; {behind} periods skipped"
            self._events.emit((next_ns + late_ns) / NS_PER_S, "overrun", "cycle", what)
            next_ns += behind * base_ns
            missed += behind
        policy.cycle_done(missed)
        return next_ns

    def _tell_quality(self, now_ns: int) -> None:
        image, before = self._parts.image, self._quality_before
        for slot, (old, new) in enumerate(zip(before, image.quality, strict=True)):
            # Everything turns GOOD in the first cycle; only what does not is worth telling.
            if old != new and (self.cycles > 0 or new != GOOD):
                change = f"{Quality(old).name} -> {Quality(new).name}"
                self._events.emit(now_ns / NS_PER_S, "quality", image.signals[slot].name, change)
        self._quality_before = bytes(image.quality)

    def _ended(self, deadline_ns: int) -> CycleEnd:
        """Say how it ended; with devices, or before its time, in failsafe."""
        stop, reason = "end", "the duration is over"
        if self.overrun.tripped:
            stop, reason = "tripped", f"overrun policy trip: {self.overrun.skipped_periods} periods skipped"
        elif self._stop.reason:
            stop, reason = "interrupted", self._stop.reason
        if stop != "end" or self._parts.devices:
            self._to_failsafe("trip" if stop == "tripped" else "note", f"{stop}: {reason}")
        duration_ns = self._settings.duration_ns
        simulated_ns = deadline_ns if duration_ns is None else min(deadline_ns, duration_ns)
        return CycleEnd(stop, reason, self.cycles, simulated_ns / NS_PER_S)

    def _to_failsafe(self, kind: str, text: str) -> None:
        """Leave the actuators in failsafe, at once, and record that as a row of its own."""
        parts, settings = self._parts, self._settings
        now_ns = self._clock.now_ns()
        if now_ns <= self._stamp_ns:
            # Time stands still between the deadlines of a virtual clock, and no two rows may share a stamp.
            now_ns = self._clock.wait_until(self._stamp_ns + settings.period_ns)
        for stage in (*parts.outputs, *parts.source_outputs):
            stage.shut_down(now_ns)
        budget_ns = max(settings.write_budget_ns, _LAST_WRITE_NS)
        for device in parts.devices:
            device.write(now_ns, self._clock.now_ns() + budget_ns, force=True)
        self._events.emit(now_ns / NS_PER_S, kind, "loop", text)
        self._sink.push(now_ns)
