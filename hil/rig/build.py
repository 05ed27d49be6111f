"""From a rig file to a checked rig, and from a checked rig to the parts of a cycle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from controller import PID, Limiter, Stages
from hil.config.expansion import expand
from hil.config.file_kinds import read_kind
from hil.config.scenario import ScenarioConfig, load_scenario
from hil.config.schema import RigConfig
from hil.config.strict import LONGEST_S, validate
from hil.config.wiring import check_signals, check_uses
from hil.config.yaml_lines import Document, Path_
from hil.errors import ConfigError, Problem
from hil.loop.clock import NS_PER_S
from hil.loop.cycle import CycleParts
from hil.loop.events import EventLog
from hil.loop.image import DEFAULT_AGE_PERIODS, Image, Signal
from hil.loop.mailbox import Mailbox
from hil.loop.output import OutputStage
from hil.rig import checks, controllers, devices, plants, scenario
from hil.rig.action import check_actions
from hil.rig.draft import Draft
from hil.rig.drives import bind_drives, note_drives
from hil.rig.facility import check_limits, note_facility
from hil.rig.instruments import check_instruments, make_instruments, note_instruments
from hil.rig.loads import build_sources, first_values
from hil.rig.mqtt import make_mqtt
from hil.rig.mqtt_checks import check_mqtt, writes_beyond_by_mqtt
from hil.rig.northbound import check_northbound, make_source, served_beyond_this_machine
from hil.rig.overrides import apply_overrides
from hil.rig.pacing import spread_offsets
from hil.rig.profiles import BuiltProfile, asked_for_at
from hil.rig.proxy import BusFaults
from hil.rig.realtime import check_realtime
from hil.rig.recovery import check_recovery
from hil.rig.rtu import bus_loads, check_buses, make_buses, poll_periods_s
from hil.rig.scenario import Scenario, Targets


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line changes: each as the user gave it, None where not."""

    load: str | None = None
    scenario: Path | None = None
    duration_s: float | None = None
    clock: Literal["wall", "virtual"] | None = None
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rig:
    """A checked rig: everything is known to fit, nothing is connected or running yet.

    Attributes
    ----------
    config : RigConfig
        As resolved, the command line's changes included.
    warnings : tuple of Problem
        What is worth a look and does not forbid a run.
    """

    config: RigConfig
    warnings: tuple[Problem, ...]
    resolved: dict[str, Any]
    _draft: Draft
    _profiles: dict[str, BuiltProfile]
    _plants: dict[str, plants.Wired]
    _laws: dict[str, PID | Stages]
    _points: dict[str, devices.Selected]
    _scenario: Scenario | None

    @property
    def limited(self) -> tuple[str, ...]:
        """Signals that pass the limits, in the order of the image."""
        written = {
            *self.config.sources,
            *(s for each in self.config.controllers.values() for s in each.written),
        }
        written |= {drive.command_word for drive in self.config.drives.values()}
        return tuple(name for name in self.config.signals if name in written)

    @property
    def dangers(self) -> list[Problem]:
        """Devices that this rig writes to outside this machine, and a server that others can reach."""
        beyond = devices.writes_beyond_this_machine(self._draft, self._points)
        beyond += writes_beyond_by_mqtt(self._draft, devices.is_loopback)
        return beyond + served_beyond_this_machine(self._draft)

    def signals(self) -> tuple[Signal, ...]:
        """Signals of the image, in the order of the file."""
        received = self._draft.written_by("devices")
        slow_s = poll_periods_s(self.config)
        usual_s = self.config.period_s
        return tuple(
            _signal(self.config, name, slow_s.get(name, usual_s) if name in received else None)
            for name in self.config.signals
        )

    @property
    def bus_loads(self) -> list[str]:
        """How much of its scan each serial bus takes, in words."""
        return bus_loads(self._draft, self._points)

    def writer_of(self, name: str) -> str:
        """Block that writes a signal; empty where none does."""
        return next((use.block for use in self._draft.uses if use.signal == name and use.kind == "write"), "")

    def readers_of(self, name: str) -> list[str]:
        """Blocks that read a signal."""
        return [use.block for use in self._draft.uses if use.signal == name and use.kind == "read"]

    @property
    def scenario(self) -> ScenarioConfig | None:
        """The scenario, as chosen by the command line or named in the rig."""
        return None if self._scenario is None else self._scenario.config

    @property
    def wired_plants(self) -> Mapping[str, plants.Wired]:
        """Plants, with what their ports are wired to."""
        return self._plants

    @property
    def pids(self) -> Mapping[str, PID]:
        """PID controllers, in order of dependence."""
        return {name: law for name, law in self._laws.items() if isinstance(law, PID)}

    @property
    def profiles(self) -> Mapping[str, BuiltProfile]:
        """What each source follows."""
        return self._profiles

    def problem(self, path: Path_, what: str, hint: str = "") -> Problem:
        """Give a problem with its place in the rig file."""
        return self._draft.document.problem(path, what, hint)

    @contextmanager
    def trial(self) -> Iterator[CycleParts]:
        """Parts to try out while inside, without devices; afterwards the rig is as before, to the bit."""
        kept = [(wired.plant, wired.plant.snapshot()) for wired in self._plants.values()]
        parts, bus = replace(self, _laws=deepcopy(self._laws), _scenario=None).build(EventLog(), lambda: 0)
        if bus is not None:
            bus.close()
        try:
            yield replace(parts, devices=())
        finally:
            for plant, snapshot in kept:
                plant.restore(snapshot)

    def build(
        self,
        events: EventLog,
        now_ns: Callable[[], int],
        bus_faults: BusFaults | None = None,
        requests: Mapping[str, Mailbox] | None = None,
    ) -> tuple[CycleParts, devices.FieldBus | None]:
        """Make the parts of a cycle and the field bus among them, unconnected. To be called once.

        ``bus_faults`` is the proxy through which some devices are reached, ``requests`` has the boxes in which a
        DCIM leaves set-points, by signal; None where there is none.
        """
        image = Image(self.signals())
        stages = {name: _stage(self.config, image, name) for name in self.limited}
        sources = {
            name: make_source(name, stages[name], built, requests or {}, events)
            for name, built in self._profiles.items()
        }
        bridged: list[devices.Bridged] = [
            *make_buses(self._draft, self._points, image, now_ns),
            *make_mqtt(self._draft, image, now_ns),
        ]
        bus = devices.make_devices(self._draft, self._points, image, now_ns, events, bus_faults, bridged)
        targets = Targets(
            image, sources, self._plants, events, self.config.seed, bus_faults, sensed=self.config.sensors
        )
        schedule, equipment = scenario.schedules(self._scenario, targets)
        blocks = controllers.bind_laws(self._draft, image, self._laws, stages, events)
        driven = bind_drives(self._draft, image, stages, events)
        sent = {signal for config in self.config.devices.values() for signal in config.write}
        parts = CycleParts(
            image=image,
            sources=tuple(sources.values()),
            devices=(bus,) if bus is not None else (),
            plants=tuple(wired.bind(image) for wired in self._plants.values()),
            controllers=(*blocks, *driven),
            outputs=(
                *chain.from_iterable(
                    controllers.stages_of(block)
                    for block in blocks
                    if not isinstance(block, controllers.OuterLoop)
                ),
                *(block.stage for block in driven),
            ),
            # These run with their blocks; they are listed for the failsafe at the end.
            source_outputs=(
                *(stages[name] for name in sources if name in sent),
                *chain.from_iterable(
                    controllers.stages_of(block)
                    for block in blocks
                    if isinstance(block, controllers.OuterLoop)
                ),
            ),
            falsifiers=targets.falsifiers,
            schedule=schedule,
            equipment=equipment,
            instruments=make_instruments(self.config, image, targets.on_sensors),
        )
        return parts, bus


def load_rig(path: Path, wishes: Wishes | None = None) -> Rig:
    """Read and check a rig; ``ConfigError`` holds every problem found, with file and line."""
    wishes = wishes or Wishes()
    document = expand(read_kind(path, "rig"))
    apply_overrides(document, wishes.overrides)
    _note_wishes(document, wishes)
    config = spread_offsets(_with_wishes(validate(RigConfig, document), wishes))
    draft = Draft(document, config, path.parent)
    draft.problems += check_signals(document, config)
    chosen = _choose_scenario(draft, wishes)
    profiles = build_sources(draft, wishes.load, chosen)
    wired = plants.make_plants(draft, first_values(draft.config, profiles))
    points = devices.select_points(draft)
    check_buses(draft, points)
    controllers.note_uses(draft)
    note_drives(draft)
    laws = controllers.make_laws(draft)
    for name in config.sources:
        draft.writes(name, ("sources", name), f"sources.{name}")
    note_instruments(draft)
    checks.note_loops(draft)
    note_facility(draft)
    check_northbound(draft)
    check_realtime(draft)
    check_mqtt(draft)
    check_recovery(draft)
    draft.problems += check_uses(document, config.signals, draft.uses)
    check_actions(draft, {pair: sign for plant in wired.values() for pair, sign in plant.effects().items()})
    check_instruments(draft)
    if chosen is not None:
        scenario.check_scenario(draft, chosen, wired, config.sources)
    check_limits(draft, chosen)
    config = draft.config
    resolved = _resolved(config, wishes, chosen)
    checks.check_whole(draft, resolved)
    if draft.problems:
        raise ConfigError(_once(draft.problems))
    draft.warnings += draft.years.substitutions()
    return Rig(config, tuple(_once(draft.warnings)), resolved, draft, profiles, wired, laws, points, chosen)


def _note_wishes(document: Document, wishes: Wishes) -> None:
    """Let what is wrong with a wish be told of the command line, not of the file it overrules."""
    if wishes.duration_s is not None:
        document.origins["duration_s",] = f"--duration {wishes.duration_s:g}"
    if wishes.clock is not None:
        document.origins["clock",] = f"--clock {wishes.clock}"


def _with_wishes(config: RigConfig, wishes: Wishes) -> RigConfig:
    changes: dict[str, Any] = {}
    if wishes.duration_s is not None:
        if not 0 < wishes.duration_s <= LONGEST_S:
            what = f"{wishes.duration_s:g} s must be above 0 and at most {LONGEST_S:g} s"
            raise ConfigError(Problem("--duration", None, what))
        changes["duration_s"] = wishes.duration_s
    if wishes.clock is not None:
        changes["clock"] = wishes.clock
    return config.model_copy(update=changes)


def _signal(config: RigConfig, name: str, received_every_s: float | None) -> Signal:
    """Make a signal; ``received_every_s`` (s) where it comes from a device."""
    signal = config.signals[name]
    low, high = signal.range
    failsafe = signal.failsafe if signal.failsafe is not None else min(max(0.0, low), high)
    age_s = 0.0
    if received_every_s is not None:
        age_s = DEFAULT_AGE_PERIODS * received_every_s if signal.max_age_s is None else signal.max_age_s
    made = Signal(name, signal.unit, low, high, failsafe, round(age_s * NS_PER_S))
    return made if signal.initial is None else replace(made, initial=signal.initial)


def _stage(config: RigConfig, image: Image, name: str) -> OutputStage:
    signal, slot = config.signals[name], image.index[name]
    made = image.signals[slot]
    limiter = Limiter(
        made.low,
        made.high,
        made.failsafe,
        signal.rate_up_per_s,
        signal.rate_down_per_s,
        initial=image.values[slot],
    )
    return OutputStage(image, slot, limiter)


def _resolved(config: RigConfig, wishes: Wishes, chosen: Scenario | None) -> dict[str, Any]:
    resolved: dict[str, Any] = config.model_dump(mode="json", exclude_none=True)
    if wishes.load is not None:
        resolved["load_replaced_by"] = wishes.load
    if chosen is not None:
        resolved["scenario"] = chosen.config.model_dump(mode="json", exclude_none=True)
        resolved["scenario_file"] = chosen.document.file
    return resolved


def _once(problems: list[Problem]) -> list[Problem]:
    """Keep the first of equal problems, in the order of file and line."""
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.file, problem.line or 0))


def _choose_scenario(draft: Draft, wishes: Wishes) -> Scenario | None:
    config = draft.config
    path = wishes.scenario
    if path is None and config.scenario is not None:
        path = draft.folder / config.scenario
    if path is None:
        return None
    try:
        chosen = Scenario(*load_scenario(path))
    except ConfigError as error:
        own = wishes.scenario is None
        draft.problems += asked_for_at(error, draft.document, ("scenario",)) if own else error.problems
        return None
    if chosen.config.duration_s is not None and wishes.duration_s is None:
        draft.config = config.model_copy(update={"duration_s": chosen.config.duration_s})
    return chosen
