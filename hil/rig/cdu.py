"""A CDU plant from its datasheet, with every figure and parameter checked by name and kind at its own line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from hil.config.nearest import did_you_mean
from hil.config.number_hints import number_hint
from hil.config.plain_words import shown
from hil.config.plants import CduConfig
from hil.rig.draft import Draft
from plant_models import DATASHEETS, CduDatasheet, CduPlant, CduSettings, PlantError, datasheet_from

_CURVES = frozenset({"pump_curve_flow_kg_s", "pump_curve_head_kpa", "pump_curve_external_head_kpa"})
_TEXTS = frozenset({"tcs_fluid", "fws_fluid", "source"})
_NOT_FIGURES = frozenset({"name", "tcs_properties", "fws_properties", "tcs_limits"})
_FIGURES = tuple(field.name for field in fields(CduDatasheet) if field.name not in _NOT_FIGURES)
_OF_PLATE = ("cold_plate_power_kw", "cold_plate_heat_capacity_j_k")
_PARAMETERS = (*(field.name for field in fields(CduSettings)), *_OF_PLATE)


def make_cdu(draft: Draft, name: str, config: CduConfig) -> CduPlant | None:
    """Make the plant of ``plants.<name>``, unwired; None, with problems of the draft, where it cannot be made."""
    path = ("plants", name)
    before = len(draft.problems)
    if config.datasheet is not None and config.datasheet not in DATASHEETS:
        hint = did_you_mean(config.datasheet, DATASHEETS) or f"there are {', '.join(DATASHEETS)}"
        draft.refuse((*path, "datasheet"), f"plant {name}: no datasheet {config.datasheet!r}", hint)
    for key, value in config.figures.items():
        _check_figure(draft, name, key, value)
    for key in config.parameters:
        if key not in _PARAMETERS:
            hint = did_you_mean(key, _PARAMETERS) or f"parameters: {', '.join(_PARAMETERS)}"
            draft.refuse((*path, "parameters", key), f"plant {name}: a CDU has no parameter {key!r}", hint)
    if len(draft.problems) > before:
        return None
    settings: dict[str, Any] = dict(config.parameters)
    try:
        base = None if config.datasheet is None else DATASHEETS[config.datasheet]
        return CduPlant.from_datasheet(datasheet_from(base, **_named(name, config)), **settings)
    except (PlantError, ArithmeticError) as error:
        draft.refuse(_place(config, path, str(error)), f"plant {name}: {error}")
    return None


def start_cdu(draft: Draft, name: str, plant: CduPlant, start: Mapping[str, float]) -> None:
    """Put the plant into equilibrium; one input at a time first, so that the wrong one can be named."""
    before = len(draft.problems)
    for port, value in start.items():
        try:
            plant.start_at({port: value})
        except PlantError as error:
            draft.refuse(("plants", name, "inputs", port), f"plant {name} cannot start: {error}")
    if len(draft.problems) == before:
        plant.start_at(start)


def _named(name: str, config: CduConfig) -> dict[str, Any]:
    """Figures; a sheet of figures alone has the plant's name."""
    return dict(config.figures) if config.datasheet is not None else {"name": name, **config.figures}


def _check_figure(draft: Draft, name: str, key: str, value: float | str | tuple[float, ...]) -> None:
    path = ("plants", name, "figures", key)
    if key not in _FIGURES:
        hint = did_you_mean(key, _FIGURES) or f"figures: {', '.join(_FIGURES)}"
        draft.refuse(path, f"plant {name}: a datasheet has no {key!r}", hint)
    elif isinstance(value, str) != (key in _TEXTS) or isinstance(value, tuple) != (key in _CURVES):
        wanted = "a list of numbers" if key in _CURVES else "a number"
        if key in _TEXTS:
            wanted = "a text, such as PG25 by volume"
        given = list(value) if isinstance(value, tuple) else value
        hint = number_hint(value, key) if isinstance(value, str) else ""
        draft.refuse(path, f"plant {name}: {key} must be {wanted}, not {shown(given)}", hint)


def _place(config: CduConfig, path: tuple[str, str], message: str) -> tuple[str, ...]:
    """Line of the figure or parameter that a message names, or of the plant."""
    for section, given in (("figures", config.figures), ("parameters", config.parameters)):
        named = next((key for key, value in given.items() if key in message or repr(value) in message), None)
        if named is not None:
            return (*path, section, named)
    return path
