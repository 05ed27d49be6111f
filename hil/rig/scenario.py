"""From a scenario file to a schedule of actions on sources, plants, sensors and buses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from hil.config.nearest import did_you_mean
from hil.config.scenario import BusFaultEvent, EquipmentFault, ScenarioConfig, SensorFault, SetEvent
from hil.config.yaml_lines import Document
from hil.faults import BusSwitch, EquipmentSwitch, SensorFalsifier, SetPoint
from hil.loop.clock import NS_PER_S
from hil.loop.events import EventLog
from hil.loop.image import Image
from hil.loop.instruments import Falsifier
from hil.loop.schedule import Action, Schedule
from hil.loop.source import SourceBlock
from hil.rig.draft import Draft
from hil.rig.plants import Wired
from hil.rig.proxy import BusFaults, bus_problem


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario and the file it comes from."""

    config: ScenarioConfig
    document: Document


@dataclass(slots=True)
class Targets:
    """What a scenario acts on; ``falsifiers`` is the list the cycle runs, ``bus`` the proxy, where one is needed."""

    image: Image
    sources: Mapping[str, SourceBlock]
    plants: Mapping[str, Wired]
    events: EventLog
    seed: int
    bus: BusFaults | None = None
    falsifiers: list[Falsifier] = field(default_factory=list)
    sensed: Collection[str] = ()
    """Signals with a sensor; their faults are in ``on_sensors``, the list that runs after the sensors."""
    on_sensors: list[Falsifier] = field(default_factory=list)
    holders: defaultdict[tuple[str, str], set[EquipmentSwitch]] = field(
        default_factory=lambda: defaultdict(set)
    )
    """By plant and fault: the events that hold it."""


def check_scenario(
    draft: Draft, scenario: Scenario, plants: Mapping[str, Wired], sources: Mapping[str, object]
) -> None:
    """Check that everything a scenario acts on is there and inside its limits."""
    measured = draft.written_by("devices") | draft.written_by("plants") | set(draft.config.sensors)
    for number, event in enumerate(scenario.config.events):
        found = None
        if isinstance(event, SetEvent):
            found = _set_problem(draft, event, sources)
        elif isinstance(event, EquipmentFault):
            found = _equipment_problem(event, plants)
        elif isinstance(event, BusFaultEvent):
            found = bus_problem(draft, event)
        elif event.signal not in measured:
            hint = did_you_mean(event.signal, measured)
            what = f"a sensor fault needs a signal that a device or a plant writes, not {event.signal!r}"
            found = ("signal", what, hint)
        if found is not None:
            key, what, hint = found
            path = ("events", number, key)
            draft.problems.append(scenario.document.problem(path, f"event {number + 1}: {what}", hint))
    _warn_of_late_events(draft, scenario)


def _warn_of_late_events(draft: Draft, scenario: Scenario) -> None:
    duration_s = draft.config.duration_s
    for number, event in enumerate(scenario.config.events):
        if duration_s is not None and event.at_s >= duration_s:
            what = f"event {number + 1} at {event.at_s:g} s never happens: the run ends at {duration_s:g} s"
            draft.warnings.append(scenario.document.problem(("events", number, "at_s"), what))


def _set_problem(draft: Draft, event: SetEvent, sources: Mapping[str, object]) -> tuple[str, str, str] | None:
    if event.signal not in sources:
        hint = did_you_mean(event.signal, sources) or f"sources: {', '.join(sources)}"
        return "signal", f"set needs a signal that a source writes, not {event.signal!r}", hint
    signal = draft.config.signals.get(event.signal)
    if signal is None:
        return None
    low, high = signal.range
    if low <= event.to <= high:
        return None
    nearest_inside = f"nearest inside: {min(max(event.to, low), high):g}"
    return (
        "to",
        f"{event.signal} to {event.to:g} {signal.unit} is outside its range [{low:g}, {high:g}]",
        nearest_inside,
    )


def _equipment_problem(event: EquipmentFault, plants: Mapping[str, Wired]) -> tuple[str, str, str] | None:
    if event.plant not in plants:
        hint = did_you_mean(event.plant, plants) or f"plants: {', '.join(plants)}"
        return "plant", f"no plant {event.plant!r}", hint
    faults = plants[event.plant].plant.faults
    if event.fault not in faults:
        return (
            "fault",
            f"plant {event.plant} has no fault {event.fault!r}",
            did_you_mean(event.fault, faults) or f"faults: {', '.join(faults) or 'none'}",
        )
    return None


def schedules(chosen: Scenario | None, targets: Targets) -> tuple[Schedule, Schedule]:
    """Give a checked scenario's events: those at a cycle's beginning, and those after its plants have run up to it."""
    first: list[tuple[int, Action]] = []
    equipment: list[tuple[int, Action]] = []
    for number, event in enumerate(chosen.config.events if chosen is not None else ()):
        at_ns = round(event.at_s * NS_PER_S)
        if isinstance(event, SetEvent):
            setter = SetPoint(
                event.signal, targets.sources[event.signal], event.to, event.ramp_s, targets.events
            )
            first.append((at_ns, setter))
            continue
        switch = _switch(event, targets, number)
        if switch is None:
            continue
        due = equipment if isinstance(event, EquipmentFault) else first
        due.append((at_ns, switch.on))
        if event.for_s is not None:
            due.append((round((event.at_s + event.for_s) * NS_PER_S), switch.off))
    return Schedule(first), Schedule(equipment)


def _switch(
    event: EquipmentFault | BusFaultEvent | SensorFault, targets: Targets, number: int
) -> EquipmentSwitch | BusSwitch | SensorFalsifier | None:
    """Make what begins and ends a fault; None for one of a bus in a trial without devices, which has none."""
    if isinstance(event, EquipmentFault):
        holders = targets.holders[event.plant, event.fault]
        plant = targets.plants[event.plant].plant
        return EquipmentSwitch(event.plant, plant, event.fault, targets.events, holders)
    if isinstance(event, BusFaultEvent):
        bus = targets.bus
        return None if bus is None else BusSwitch(*bus.placed(number), bus.proxy, targets.events)
    return _falsifier(event, targets, number)


def _falsifier(event: SensorFault, targets: Targets, number: int) -> SensorFalsifier:
    active = targets.on_sensors if event.signal in targets.sensed else targets.falsifiers
    return SensorFalsifier(
        targets.image, targets.image.index[event.signal], active, targets.events,
        bias=event.bias, noise_std=event.noise_std, frozen=event.frozen, seed=(targets.seed, number),
    )  # fmt: skip
