"""Which profile each source follows: the rig's own, the scenario's load, or the command line's."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

from hil.config.nearest import did_you_mean
from hil.config.profiles import AnyProfile
from hil.config.schema import RigConfig
from hil.config.units import UNITS
from hil.config.yaml_lines import Document, Path_
from hil.errors import ConfigError
from hil.rig.draft import Draft
from hil.rig.profiles import Asked, BuiltProfile, build_profile, parse_load
from hil.rig.scenario import Scenario
from hil.rig.workloads import Made

_ENDLESS_S = 31 * 86400.0
"""Length of what is drawn for a run without a duration, s; a synthetic load is idle after it."""


def build_sources(draft: Draft, load: str | None, chosen: Scenario | None) -> dict[str, BuiltProfile]:
    """Build the profile of every source: the rig's own, the scenario's load, or the command line's."""
    built: dict[str, BuiltProfile] = {}
    config = draft.config
    if config.load is not None and config.load not in config.sources:
        hint = did_you_mean(config.load, config.sources) or f"sources: {', '.join(config.sources) or 'none'}"
        draft.refuse(("load",), f"load: {config.load!r} is no source of this rig", hint)
        return built
    replaced = _replaced_load(draft, load, chosen)
    parts: dict[Hashable, Made] = {}
    for name, own in config.sources.items():
        signal = config.signals.get(name)
        if signal is None or signal.range[0] >= signal.range[1] or signal.unit not in UNITS:
            continue  # told with the signal
        profile, document, folder = own, draft.document, draft.folder
        path: Path_ = ("sources", name)
        if replaced is not None and name == config.load:
            profile, document, folder = replaced
            path = ("load",) if document.data.get("load") else ()
        asked = Asked(
            name,
            signal,
            document,
            path,
            folder,
            config.seed,
            config.duration_s or _ENDLESS_S,
            draft.years,
            parts,
        )
        try:
            built[name] = build_profile(profile, asked)
        except ConfigError as error:
            draft.problems += error.problems
            continue
        if (unit := built[name].assumed_unit) is not None:
            what = f"{name}: nothing says what unit the column is in; taken as {unit}, like the signal"
            hint = f"end the column's name with its unit (_{unit.lower()}), or give unit: in a load file"
            draft.warnings.append(document.problem(path, what, hint))
        end_s = built[name].held_after_s
        if end_s is not None and config.duration_s is not None and end_s < config.duration_s:
            what = f"{name}: the file ends at {end_s:g} s, the run at {config.duration_s:g} s; its last value is held"
            draft.warnings.append(
                document.problem(path, what, "shorten the run, or repeat: true in a load file")
            )
    return built


def _replaced_load(
    draft: Draft, load: str | None, chosen: Scenario | None
) -> tuple[AnyProfile, Document, Path] | None:
    config = draft.config
    asked_by = "--load" if load is not None else ""
    if chosen is not None and chosen.config.load is not None and not asked_by:
        asked_by = chosen.document.file
    if not asked_by:
        return None
    if config.load is None:
        what = f"{asked_by} replaces the source named by the key 'load', and the rig names none"
        draft.refuse(("load",), what, f"load: <one of {', '.join(config.sources) or 'the sources'}>")
        return None
    if load is None:
        assert chosen is not None
        assert chosen.config.load is not None
        return chosen.config.load, chosen.document, Path(chosen.document.file).parent
    try:
        profile, document = parse_load(load, Path())
    except ConfigError as error:
        draft.problems += error.problems
        return None
    folder = Path(document.file).parent if document.data else Path()
    return profile, document, folder


def first_values(config: RigConfig, profiles: dict[str, BuiltProfile]) -> dict[str, float]:
    """Value of each signal before the first cycle: its source's first level, else its initial or failsafe value."""
    first = {
        name: signal.initial if signal.initial is not None else signal.failsafe
        for name, signal in config.signals.items()
    }
    values = {name: value for name, value in first.items() if value is not None}
    for name, built in profiles.items():
        values[name] = built.profile.value(0.0) * built.factor + built.offset
    # A signal that comes back through a device starts where the one it mirrors does.
    for name, signal in config.signals.items():
        if name not in values and signal.mirrors in values:
            values[name] = values[signal.mirrors]
    return values
