"""A PV plant of the rig: its weather, its settings by name and kind, and where it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from hil.config.nearest import did_you_mean
from hil.config.number_hints import number_hint
from hil.config.plain_words import shown
from hil.config.plants import PvPlantConfig
from hil.config.strict import WrongKeyError
from hil.rig.draft import Draft
from hil.rig.weather import start_s
from plant_models import PlantError, PvPlant, PvSettings

_DEFAULTS = {field.name: field.default for field in fields(PvSettings)}
_KINDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}


def make_pv(draft: Draft, name: str, config: PvPlantConfig) -> PvPlant | None:
    """Make the plant of ``plants.<name>``, unwired; None, with problems of the draft, where it cannot be made."""
    path = ("plants", name)
    before = len(draft.problems)
    for key, value in config.parameters.items():
        _check_parameter(draft, name, key, value)
    seed = draft.config.seed
    try:
        year = draft.years.year(config.weather, draft.folder, seed)
    except WrongKeyError as error:
        draft.refuse((*path, "weather", error.key), f"plant {name}: {error}", error.hint)
        return None
    if len(draft.problems) > before:
        return None
    chosen: dict[str, Any] = dict(config.parameters)
    try:
        settings = PvSettings(**chosen)
        clouds = seed if config.seed is None else config.seed
        return PvPlant(year, settings, seed=clouds, start_s=start_s(config.weather, year))
    except PlantError as error:
        named = next((key for key in config.parameters if key in str(error)), None)
        place = path if named is None else (*path, "parameters", named)
        draft.refuse(place, f"plant {name}: {error}")
    return None


def start_pv(draft: Draft, name: str, plant: PvPlant, start: Mapping[str, float]) -> None:
    """Let the plant stand as it does with the first values of its inputs; one that it cannot take is a problem."""
    for port, value in start.items():
        low, high = plant.domain(port)
        if not low <= value <= high:
            what = f"plant {name} cannot start: {port} = {value:g} is outside {low:g} … {high:g}"
            draft.refuse(("plants", name, "inputs", port), what)
            return
    plant.start_at(start)


def _check_parameter(draft: Draft, name: str, key: str, value: bool | float | str) -> None:
    path = ("plants", name, "parameters", key)
    if key not in _DEFAULTS:
        hint = did_you_mean(key, _DEFAULTS) or f"parameters: {', '.join(_DEFAULTS)}"
        draft.refuse(path, f"plant {name}: a PV plant has no parameter {key!r}", hint)
        return
    wanted = type(_DEFAULTS[key])
    fits = isinstance(value, wanted) or (
        wanted is float and isinstance(value, int) and not isinstance(value, bool)
    )
    # A whole number comes as 20.0 from the file's model.
    fits = fits or (wanted is int and isinstance(value, float) and value.is_integer())
    if not fits:
        hint = number_hint(value, key) if isinstance(value, str) and wanted in {float, int} else ""
        draft.refuse(path, f"plant {name}: {key} must be {_KINDS[wanted]}, not {shown(value)}", hint)
