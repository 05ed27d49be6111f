"""Whether the signals of the facility's key figures and of the timed limits are there and in the right units."""

from __future__ import annotations

from collections.abc import Iterable

from hil.config.facility import WATER_DIMENSIONS, LimitConfig
from hil.config.nearest import did_you_mean
from hil.config.units import UNITS
from hil.config.yaml_lines import Document, Key
from hil.rig.draft import Draft
from hil.rig.scenario import Scenario

Path = tuple[Key, ...]


def note_facility(draft: Draft) -> None:
    """Note what the facility's key figures and the rig's limits read, and refuse a unit that cannot be used."""
    facility = draft.config.facility
    if facility is not None:
        power, water, temp = _units("power"), _units(*WATER_DIMENSIONS), _units("temperature")
        _note(draft, ("it_power",), facility.it_power, power)
        _note(draft, ("facility_power",), facility.facility_power, power)
        _note(draft, ("water_use",), facility.water_use, water)
        _note(draft, ("cooling_mode",), facility.cooling_mode, ("1",))
        for place, name in facility.cases.items():
            _note(draft, place, name, temp)
    for number, limit in enumerate(draft.config.limits):
        draft.reads(limit.signal, ("limits", number, "signal"), f"limits.{limit.name}")


def _units(*dimensions: str) -> tuple[str, ...]:
    return tuple(symbol for symbol, unit in UNITS.items() if unit.dimension in dimensions)


def _note(draft: Draft, place: Path, name: str | None, fitting: tuple[str, ...]) -> None:
    if name is None:
        return
    path = ("facility", *place)
    draft.reads(name, path, "facility")
    signal = draft.config.signals.get(name)
    # What is not there, or has no known unit, is told with the signals.
    if signal is not None and signal.unit in UNITS and signal.unit not in fitting:
        what = f"unit mismatch: facility.{place[0]} names {name}, which is in {signal.unit}"
        draft.refuse(path, what, f"it needs a signal in {', '.join(fitting)}")


def check_limits(draft: Draft, chosen: Scenario | None) -> None:
    """Check the limits of rig and scenario: names given once, signals that are there, values within their ranges."""
    taken: set[str] = set()
    _check_some(draft, draft.document, draft.config.limits, taken)
    if chosen is not None:
        _check_some(draft, chosen.document, chosen.config.limits, taken)
        _check_of_scenario(draft, chosen)


def _check_of_scenario(draft: Draft, chosen: Scenario) -> None:
    """Check what only a scenario has: faults from which limits count, signals of its trend."""
    faults, signals = chosen.config.faults, draft.config.signals
    for number, limit in enumerate(chosen.config.limits):
        if limit.from_fault is not None and limit.from_fault not in faults:
            what = f"limit {limit.name}: the scenario has no fault {limit.from_fault!r}"
            hint = did_you_mean(limit.from_fault, faults) or f"faults: {', '.join(faults) or 'none'}"
            draft.problems.append(chosen.document.problem(("limits", number, "from_fault"), what, hint))
    for number, name in enumerate(chosen.config.trend):
        if name not in signals:
            what, hint = f"the rig has no signal {name!r}", did_you_mean(name, signals)
            draft.problems.append(chosen.document.problem(("trend", number), what, hint))


def _check_some(draft: Draft, document: Document, limits: Iterable[LimitConfig], taken: set[str]) -> None:
    for number, limit in enumerate(limits):
        path: Path = ("limits", number)
        if limit.name in taken:
            what = f"two limits are called {limit.name}"
            draft.problems.append(document.problem((*path, "name"), what, "give one another name"))
        taken.add(limit.name)
        signal = draft.config.signals.get(limit.signal)
        if signal is None:
            if document is not draft.document:  # the rig's own are told with its signals
                what = f"limit {limit.name}: the rig has no signal {limit.signal!r}"
                hint = did_you_mean(limit.signal, draft.config.signals)
                draft.problems.append(document.problem((*path, "signal"), what, hint))
            continue
        key = "above" if limit.above is not None else "below"
        value = limit.above if limit.above is not None else limit.below
        low, high = signal.range
        if value is not None and not low <= value <= high:
            what = (
                f"limit {limit.name}: {key} {value:g} {signal.unit} is outside the range [{low:g}, {high:g}]"
            )
            hint = "the signal never gets there: its values end at its range"
            draft.problems.append(document.problem((*path, key), what, hint))
