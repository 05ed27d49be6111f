"""One run of a rig from start to signed-off folder: prove the devices, loop, record, report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hil.devices.northbound import NorthboundServer
from hil.errors import RunFolderError
from hil.loop.clock import NS_PER_S, VirtualClock, WallClock
from hil.loop.cycle import Cycle, CycleEnd, CycleParts, CycleSettings, StopFlag
from hil.loop.events import EventLog
from hil.loop.overrun import OverrunPolicy, OverrunSettings
from hil.loop.realtime import Grant
from hil.record import CompanionRecorder, CompanionSettings, InlineRecorder, Recorded, RowLayout, RunFolder
from hil.report import ReportResult, build_report
from hil.rig.build import Rig
from hil.rig.controllers import workers_running
from hil.rig.cost import refuse_short_period, refuse_slow_devices
from hil.rig.devices import FieldBus
from hil.rig.northbound import MAP_FILE, map_of, northbound_desk, setpoints_taken, start_serving
from hil.rig.plants_file import FILE as PLANTS_FILE
from hil.rig.plants_file import plants_as_data
from hil.rig.proxy import BusFaults, bus_faults
from hil.rig.realtime import Tell, real_time
from hil.rig.run_record import counters_of, run_as_data, timing_as_data

Progress = Callable[[float], None]
"""Told the loop time now and then, s."""

_PROVE_TIMEOUT_S = 3.0
_PROGRESS_NS = 200_000_000
_PROGRESS_LEAST_PERIOD_S = 0.01


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to; ``wall_s`` is the time of the loop and its recording, ``report_s`` that of the report.

    ``not_taken`` names the points that a device was written and did not take. ``lost_files`` names the files that
    could not be written and why; ``events_dropped`` counts events beyond the room for those of one run.
    """

    run_dir: Path
    end: CycleEnd
    wall_s: float
    report_s: float
    recorded: Recorded
    report: ReportResult | None
    lost_files: list[str] = field(default_factory=list)
    events_dropped: int = 0
    realtime: tuple[Grant, ...] = ()
    not_taken: tuple[str, ...] = ()

    @property
    def losses(self) -> list[str]:
        """What of the run was not recorded, or not taken by a device, in words; nothing for a whole run."""
        recorded = self.recorded
        told = list(self.not_taken)
        if recorded.rows_lost or recorded.events_lost:
            what = f"{recorded.rows_lost} rows and {recorded.events_lost} events were not recorded"
            told.append(f"{what}: {recorded.error or 'the recorder gave no reason'}")
        if self.events_dropped:
            told.append(f"{self.events_dropped} events were beyond the room for those of one run")
        return told + [f"not written: {lost}" for lost in self.lost_files]

    @property
    def exit_code(self) -> int:
        """0 all requirements met, 1 not, 3 tripped.

        A run that was interrupted before its duration, or whose folder is not whole, has not met them.
        """
        if self.end.stop == "tripped":
            return 3
        whole = (
            self.report is not None
            and self.report.met
            and not self.recorded.rows_lost
            and not self.recorded.events_lost
            and not self.lost_files
        )
        return 0 if whole else 1

    def as_json(self) -> dict[str, Any]:
        """Everything a script wants to know, for ``hil run --json``."""
        report = self.report
        return {
            "simulated_s": self.end.simulated_s,
            "wall_s": round(self.wall_s, 6),
            "cycles": self.end.cycles,
            "kpis": report.kpis if report is not None else {},
            "run_dir": str(self.run_dir),
            "report_s": round(self.report_s, 6),
            "stop": self.end.stop,
            "stop_reason": self.end.reason,
            "verdict": report.verdict if report is not None else "no report",
            "reasons": list(report.reasons) if report is not None else [],
            "requirements": [asdict(item) for item in report.requirements] if report is not None else [],
            "writes_not_taken": list(self.not_taken),
            "latency": report.latency.as_json() if report is not None else {},
            "realtime": [asdict(grant) for grant in self.realtime],
            "rows_lost": self.recorded.rows_lost,
            "events_lost": self.recorded.events_lost,
            "recorder_error": self.recorded.error,
            "not_written": self.lost_files,
            "exit_code": self.exit_code,
        }


class _ProgressSink:
    """Passes rows on to the recorder and tells the progress between them."""

    __slots__ = ("_next_ns", "_progress", "_push")

    def __init__(self, push: Callable[[int], None], progress: Progress) -> None:
        self._push = push
        self._progress = progress
        self._next_ns = 0

    def push(self, now_ns: int) -> None:
        self._push(now_ns)
        wall_ns = time.perf_counter_ns()
        if wall_ns >= self._next_ns:
            self._next_ns = wall_ns + _PROGRESS_NS
            self._progress(now_ns / NS_PER_S)


def run_rig(
    rig: Rig,
    out: Path,
    *,
    stop: StopFlag | None = None,
    progress: Progress | None = None,
    command: str = "",
    tell: Tell | None = None,
) -> RunResult:
    """Run a checked rig into a new folder under ``out``; ``tell`` hears what of the real-time set-up is refused.

    Raises ``ConfigError`` (a period shorter than a cycle takes here), ``DeviceError`` or ``RunFolderError`` before
    the first cycle; nothing after it.
    """
    refuse_short_period(rig)
    stop = stop or StopFlag()
    events = EventLog()
    clock = VirtualClock() if rig.config.clock == "virtual" else WallClock()
    with (
        bus_faults(rig.config, rig.scenario, events) as disturbed,
        northbound_desk(rig.config) as northbound,
    ):
        requests = None if northbound is None else northbound.boxes
        parts, bus = rig.build(events, clock.now_ns, disturbed, requests)
        try:
            if bus is not None:
                bus.prove(_PROVE_TIMEOUT_S)
                refuse_slow_devices(rig, bus.read_s)
            started = datetime.now(UTC)
            folder = RunFolder(out, rig.config.rig, started)
            folder.write_rig(rig.resolved)
            folder.write_json(PLANTS_FILE, plants_as_data(rig))
            beside = _Beside(disturbed, northbound)
            session = _Session(rig, parts, bus, clock, folder, events, beside, started, command)
            return session.run(stop, progress, tell)
        finally:
            if bus is not None:
                bus.close()


@dataclass(frozen=True, slots=True)
class _Beside:
    """What works beside the loop for this run, in processes of their own; None where there is none."""

    disturbed: BusFaults | None
    northbound: NorthboundServer | None

    def counters(self, parts: CycleParts) -> dict[str, dict[str, int]]:
        """Give what they have counted, by their names."""
        found: dict[str, dict[str, int]] = {}
        if self.disturbed is not None:
            found["bus_faults"] = self.disturbed.proxy.counters()
        if self.northbound is not None:
            taken = setpoints_taken(parts.sources)
            found["northbound"] = self.northbound.counters() | {"setpoints_taken": taken}
        return found


@dataclass(frozen=True, slots=True)
class _Session:
    """A run that is about to start: its rig, the parts made for it, and where it is recorded."""

    rig: Rig
    parts: CycleParts
    bus: FieldBus | None
    clock: VirtualClock | WallClock
    folder: RunFolder
    events: EventLog
    beside: _Beside
    started: datetime
    command: str

    def run(self, stop: StopFlag, progress: Progress | None, tell: Tell | None) -> RunResult:
        """Loop, record, report; nothing is raised from here on."""
        recorder = self._recorder()
        sink = recorder if progress is None or _is_tight(self.rig) else _ProgressSink(recorder.push, progress)
        cycle = Cycle(self.parts, self.clock, _settings(self.rig), _policy(self.rig), sink, self.events, stop)
        begun = time.perf_counter()
        try:
            end, grants = self._loop(cycle, recorder, tell)
        finally:
            recorded = recorder.finish()
        self.folder.finish_trend(recorded.rows_written)
        wall_s = time.perf_counter() - begun
        not_taken = () if self.bus is None else tuple(str(each) for each in self.bus.not_taken())
        self._write_down(cycle, end, wall_s, recorded, grants, not_taken)
        begun = time.perf_counter()
        report = _report(self.folder)
        return RunResult(
            self.folder.path, end, wall_s, time.perf_counter() - begun, recorded, report, self.folder.errors,
            self.events.dropped, grants, not_taken,
        )  # fmt: skip

    def _recorder(self) -> InlineRecorder | CompanionRecorder:
        config = self.rig.config
        layout = RowLayout(tuple(config.signals), self.rig.limited)
        if config.clock == "virtual":
            return InlineRecorder(self.parts.image, layout, self.events, self.folder.path)
        companion = CompanionSettings(keep_off_cpu=config.realtime.cpu)
        return CompanionRecorder(
            self.parts.image, layout, self.events, self.folder.path, config.period_s, companion
        )

    def _loop(
        self, cycle: Cycle, recorder: InlineRecorder | CompanionRecorder, tell: Tell | None
    ) -> tuple[CycleEnd, tuple[Grant, ...]]:
        config, events = self.rig.config, self.events
        if self.beside.northbound is not None and isinstance(recorder, CompanionRecorder):
            start_serving(self.beside.northbound, config, recorder.table_path, events)
            self.folder.write_text(MAP_FILE, map_of(config))
        apart = self.parts.controllers if config.clock == "wall" else ()
        period_ns = round(config.period_s * NS_PER_S)
        # Workers come first: what the loop is granted is not theirs to inherit.
        with (
            workers_running(apart, events, config.realtime.cpu),
            real_time(config.realtime, self.clock, period_ns, events, tell, self.bus) as grants,
        ):
            return cycle.run(), grants

    def _write_down(
        self,
        cycle: Cycle,
        end: CycleEnd,
        wall_s: float,
        recorded: Recorded,
        grants: tuple[Grant, ...],
        not_taken: tuple[str, ...],
    ) -> None:
        self.folder.write_json("timing.json", timing_as_data(self.rig, cycle, self.bus))
        counters = counters_of(self.parts, cycle, self.events) | self.beside.counters(self.parts)
        counters["recorder"] = {
            "restarts": recorded.restarts,
            "stalls": recorded.stalls,
            "keeper_stops": recorded.keeper_stops,
        }
        record = run_as_data(
            end, wall_s, recorded, self.folder.errors, counters, self.started, self.command, grants
        )
        self.folder.write_json("run.json", record | {"writes_not_taken": not_taken})


def _is_tight(rig: Rig) -> bool:
    """Whether there is no time between two cycles to draw the progress, which takes milliseconds."""
    return rig.config.clock == "wall" and rig.config.period_s < _PROGRESS_LEAST_PERIOD_S


def _report(folder: RunFolder) -> ReportResult | None:
    """Report on the run, or note why not: a run that is over is not to fail for want of a page."""
    try:
        report = build_report(folder.path)
    except (RunFolderError, OSError) as error:
        folder.errors.append(f"report.html: {error}")
        return None
    folder.errors += report.not_written
    return report


def _settings(rig: Rig) -> CycleSettings:
    config = rig.config
    period_ns = round(config.period_s * NS_PER_S)
    return CycleSettings(
        period_ns=period_ns,
        duration_ns=None if config.duration_s is None else round(config.duration_s * NS_PER_S),
        read_budget_ns=int(period_ns * config.budget.read_percent / 100),
        write_budget_ns=int(period_ns * config.budget.write_percent / 100),
        is_virtual=config.clock == "virtual",
    )


def _policy(rig: Rig) -> OverrunPolicy:
    return OverrunPolicy(OverrunSettings(**rig.config.overrun.model_dump()))
