"""From a rig file to a checked rig, and from a checked rig to the parts of a cycle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from controller import PID, Limiter
from hil.config.nearest import did_you_mean
from hil.config.profiles import AnyProfile
from hil.config.scenario import load_scenario
from hil.config.schema import RigConfig
from hil.config.strict import validate
from hil.config.wiring import check_signals, check_uses
from hil.config.yaml_lines import Document, read_yaml
from hil.errors import ConfigError, Problem
from hil.loop.clock import NS_PER_S
from hil.loop.cycle import CycleParts
from hil.loop.events import EventLog
from hil.loop.image import Image, Signal
from hil.loop.output import OutputStage
from hil.loop.schedule import Schedule
from hil.loop.source import SourceBlock
from hil.report import known_kpis
from hil.rig import controllers, devices, plants, scenario
from hil.rig.action import check_actions
from hil.rig.draft import Draft
from hil.rig.overrides import apply_overrides
from hil.rig.profiles import Asked, BuiltProfile, build_profile, parse_load
from hil.rig.scenario import Scenario, Targets

_ENDLESS_S = 366 * 86400.0
"""Length of what is drawn for a run without a duration, s."""


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
    _pids: dict[str, PID]
    _points: dict[str, devices.Selected]
    _scenario: Scenario | None

    @property
    def limited(self) -> tuple[str, ...]:
        """Signals that pass the limits, in the order of the image."""
        written = {*self.config.sources, *(loop.output for loop in self.config.controllers.values())}
        return tuple(name for name in self.config.signals if name in written)

    @property
    def dangers(self) -> list[Problem]:
        """Devices that this rig writes to outside this machine."""
        return devices.writes_beyond_this_machine(self._draft, self._points)

    def signals(self) -> tuple[Signal, ...]:
        """Signals of the image, in the order of the file."""
        received = self._draft.written_by("devices")
        return tuple(_signal(self.config, name, name in received) for name in self.config.signals)

    def writer_of(self, name: str) -> str:
        """Block that writes a signal; empty where none does."""
        return next((use.block for use in self._draft.uses if use.signal == name and use.kind == "write"), "")

    def readers_of(self, name: str) -> list[str]:
        """Blocks that read a signal."""
        return [use.block for use in self._draft.uses if use.signal == name and use.kind == "read"]

    def build(self, events: EventLog, now_ns: Callable[[], int]) -> tuple[CycleParts, devices.FieldBus | None]:
        """Make the parts of a cycle and the field bus among them, unconnected. To be called once."""
        image = Image(self.signals())
        stages = {name: _stage(self.config, image, name) for name in self.limited}
        sources = {
            name: SourceBlock(stages[name], built.profile, built.factor, built.offset)
            for name, built in self._profiles.items()
        }
        bus = devices.make_devices(self._draft, self._points, image, now_ns, events)
        targets = Targets(image, sources, self._plants, events, self.config.seed)
        schedule = Schedule(scenario.actions(self._scenario, targets)) if self._scenario is not None else Schedule()
        blocks = controllers.bind_pids(self._draft, image, self._pids, stages)
        sent = {signal for config in self.config.devices.values() for signal in config.write}
        parts = CycleParts(
            image=image,
            sources=tuple(sources.values()),
            devices=(bus,) if bus is not None else (),
            plants=tuple(wired.bind(image) for wired in self._plants.values()),
            controllers=tuple(blocks),
            outputs=tuple(block.stage for block in blocks),
            source_outputs=tuple(stages[name] for name in sources if name in sent),
            falsifiers=targets.falsifiers,
            schedule=schedule,
        )
        return parts, bus


def load_rig(path: Path, wishes: Wishes | None = None) -> Rig:
    """Read and check a rig; ``ConfigError`` holds every problem found, with file and line."""
    wishes = wishes or Wishes()
    document = read_yaml(path)
    apply_overrides(document, wishes.overrides)
    config = _with_wishes(validate(RigConfig, document), wishes)
    draft = Draft(document, config, path.parent)
    draft.problems += check_signals(document, config)
    chosen = _choose_scenario(draft, wishes)
    profiles = _profiles(draft, wishes, chosen)
    wired = plants.make_plants(draft, _first_values(config, profiles))
    points = devices.select_points(draft)
    controllers.note_uses(draft)
    pids = controllers.make_pids(draft)
    for name in config.sources:
        draft.writes(name, ("sources", name), f"sources.{name}")
    _check_loops(draft)
    draft.problems += check_uses(document, config.signals, draft.uses)
    _check_unused(draft)
    _check_timing(draft)
    _check_failsafes(draft)
    check_actions(draft, {pair: sign for plant in wired.values() for pair, sign in plant.effects().items()})
    if chosen is not None:
        scenario.check_scenario(draft, chosen, wired, config.sources)
    resolved = _resolved(config, wishes, chosen)
    _check_requirements(draft, resolved)
    if draft.problems:
        raise ConfigError(_once(draft.problems))
    return Rig(config, tuple(_once(draft.warnings)), resolved, draft, profiles, wired, pids, points, chosen)


def _with_wishes(config: RigConfig, wishes: Wishes) -> RigConfig:
    changes: dict[str, Any] = {}
    if wishes.duration_s is not None:
        if not 0 < wishes.duration_s < float("inf"):
            raise ConfigError(Problem("--duration", None, f"{wishes.duration_s:g} s must be positive"))
        changes["duration_s"] = wishes.duration_s
    if wishes.clock is not None:
        changes["clock"] = wishes.clock
    return config.model_copy(update=changes)


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
        draft.problems += error.problems
        return None
    if chosen.config.duration_s is not None and wishes.duration_s is None:
        draft.config = config.model_copy(update={"duration_s": chosen.config.duration_s})
    return chosen


def _profiles(draft: Draft, wishes: Wishes, chosen: Scenario | None) -> dict[str, BuiltProfile]:
    """Build the profile of every source: the rig's own, the scenario's load, or the command line's."""
    built: dict[str, BuiltProfile] = {}
    config = draft.config
    replaced = _replaced_load(draft, wishes, chosen)
    for name, own in config.sources.items():
        signal = config.signals.get(name)
        if signal is None or signal.range[0] >= signal.range[1]:
            continue
        profile, document, path, folder = own, draft.document, ("sources", name), draft.folder
        if replaced is not None and name == config.load:
            profile, document, folder = replaced
            path = ("load",) if document.data.get("load") else ()
        asked = Asked(name, signal, document, path, folder, config.seed, config.duration_s or _ENDLESS_S)
        try:
            built[name] = build_profile(profile, asked)
        except ConfigError as error:
            draft.problems += error.problems
    return built


def _replaced_load(draft: Draft, wishes: Wishes, chosen: Scenario | None) -> tuple[AnyProfile, Document, Path] | None:
    config = draft.config
    asked_by = "--load" if wishes.load is not None else ""
    if chosen is not None and chosen.config.load is not None and not asked_by:
        asked_by = chosen.document.file
    if not asked_by:
        return None
    if config.load is None or config.load not in config.sources:
        hint = did_you_mean(config.load or "", config.sources) or "set the key load: to one of the sources"
        what = f"{asked_by} replaces the source named by the key 'load', and the rig names none"
        draft.refuse(("load",), what, hint)
        return None
    if wishes.load is None:
        assert chosen is not None
        assert chosen.config.load is not None
        return chosen.config.load, chosen.document, Path(chosen.document.file).parent
    try:
        profile, document = parse_load(wishes.load, Path())
    except ConfigError as error:
        draft.problems += error.problems
        return None
    folder = Path(document.file).parent if document.data else Path()
    return profile, document, folder


def _first_values(config: RigConfig, profiles: dict[str, BuiltProfile]) -> dict[str, float]:
    """Value of each signal before the first cycle: its source's first level, else its initial or failsafe value."""
    first = {name: signal.initial if signal.initial is not None else signal.failsafe for name, signal in config.signals.items()}
    values = {name: value for name, value in first.items() if value is not None}
    for name, built in profiles.items():
        values[name] = built.profile.value(0.0) * built.factor + built.offset
    # A signal that comes back through a device starts where the one it mirrors does.
    for name, signal in config.signals.items():
        if name not in values and signal.mirrors in values:
            values[name] = values[signal.mirrors]
    return values


def _check_loops(draft: Draft) -> None:
    for name, loop in draft.config.loops.items():
        measured = draft.config.signals.get(loop.measured)
        unit = measured.unit if measured is not None else None
        draft.reads(loop.setpoint, ("loops", name, "setpoint"), f"loops.{name}", unit)
        draft.reads(loop.measured, ("loops", name, "measured"), f"loops.{name}")
        draft.reads(loop.output, ("loops", name, "output"), f"loops.{name}")


def _check_unused(draft: Draft) -> None:
    used = {use.signal for use in draft.uses}
    for name in draft.config.signals:
        if name not in used:
            draft.warn(("signals", name), f"signal {name} is declared and never used", "wire it or take it out")


def _check_timing(draft: Draft) -> None:
    config = draft.config
    if config.clock == "virtual" and config.devices:
        name = next(iter(config.devices))
        what = f"device {name} is on a real wire, which needs the wall clock; the rig's clock is virtual"
        draft.refuse(("clock",), what, "clock: wall")
    if config.clock == "virtual" and config.duration_s is None:
        draft.refuse(("clock",), "a run on the virtual clock needs a duration", "duration_s: 86400")
    if config.duration_s is not None and config.duration_s < config.period_s:
        what = f"duration {config.duration_s:g} s is shorter than the period {config.period_s:g} s"
        draft.refuse(("duration_s",), what)
    for name in sorted(draft.written_by("devices") & set(config.signals)):
        age = config.signals[name].max_age_s
        if age is not None and age < config.period_s:
            what = f"signal {name}: max_age_s {age:g} s is shorter than the period {config.period_s:g} s: it would never be GOOD"
            draft.refuse(("signals", name, "max_age_s"), what, f"at least {2 * config.period_s:g}")


def _check_failsafes(draft: Draft) -> None:
    """Refuse a signal that can end in failsafe without a declared one: nobody may guess where a pump goes."""
    config = draft.config
    sent = {signal for device in config.devices.values() for signal in device.write}
    needing = {loop.output: f"controllers.{name}" for name, loop in config.controllers.items()}
    needing |= {name: f"sources.{name}" for name in config.sources if name in sent}
    fed_back = draft.written_by("devices")
    needing |= {
        use.signal: use.block
        for use in draft.uses
        if use.kind == "read" and use.block.startswith("plants.") and use.signal in fed_back
    }
    for name, block in needing.items():
        signal = config.signals.get(name)
        if signal is not None and signal.failsafe is None:
            what = f"signal {name} has no failsafe, and {block} needs one"
            draft.refuse(("signals", name), what, f"failsafe: <value in {signal.unit} to take when control is lost>")


def _check_requirements(draft: Draft, resolved: dict[str, Any]) -> None:
    known = known_kpis(resolved)
    for number, requirement in enumerate(draft.config.requirements):
        if requirement.kpi not in known:
            hint = did_you_mean(requirement.kpi, known) or "hil report lists the key figures of a run"
            draft.refuse(("requirements", number, "kpi"), f"unknown key figure {requirement.kpi!r}", hint)


def _signal(config: RigConfig, name: str, received: bool) -> Signal:
    signal = config.signals[name]
    low, high = signal.range
    failsafe = signal.failsafe if signal.failsafe is not None else min(max(0.0, low), high)
    age_s = 3 * config.period_s if signal.max_age_s is None else signal.max_age_s
    made = Signal(name, signal.unit, low, high, failsafe, round(age_s * NS_PER_S) if received else 0)
    return made if signal.initial is None else replace(made, initial=signal.initial)


def _stage(config: RigConfig, image: Image, name: str) -> OutputStage:
    signal, slot = config.signals[name], image.index[name]
    made = image.signals[slot]
    limiter = Limiter(
        made.low, made.high, made.failsafe, signal.rate_up_per_s, signal.rate_down_per_s, initial=image.values[slot]
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



