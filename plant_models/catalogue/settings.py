"""Settings of a kind of component as data: name, type, default, range and meaning, read off the dataclasses."""

from __future__ import annotations

import inspect
import math
import re
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from plant_models.fluid import Fluid
from plant_models.nearest import closest

SettingType = Literal["number", "whole number", "text", "true or false", "numbers"]
Refuse = Callable[[tuple[str, ...], str, str], None]
"""Told what is wrong: the keys to it, what, and the nearest right thing."""

_GLYCOLS = {"propylene_glycol": "PG", "ethylene_glycol": "EG"}
_MOST_LISTED = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting.

    Attributes
    ----------
    name : str
        Unit last.
    type : str
        What its value is.
    default : object
        None: it is derived, or there is none.
    is_needed : bool
        Whether it must be given.
    low, high : float
        Least and greatest value; infinite where the component says itself what is wrong with one.
    choices : tuple of str
        All that a text may be; empty: any.
    about : str
        What it is.
    """

    name: str
    type: SettingType
    default: object = None
    is_needed: bool = False
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    about: str = ""


def settings_of(
    figures: type, ranges: Mapping[str, tuple[float, float]] | None = None, *, but: Collection[str] = ()
) -> tuple[Setting, ...]:
    """Read the settings off a dataclass; what no text or number can give is left out, as are those of ``but``."""
    hints, meanings = get_type_hints(figures), _meanings(figures)
    found = []
    for item in fields(figures):
        kind = _type(hints[item.name])
        if kind is None or item.name in but:
            continue
        low, high = (ranges or {}).get(item.name, (-math.inf, math.inf))
        missing = item.default is MISSING
        default = None if missing else _plain(item.default)
        choices = get_args(hints[item.name]) if get_origin(hints[item.name]) is Literal else ()
        found.append(
            Setting(
                name=item.name, type=kind, default=default, is_needed=missing, low=low, high=high, choices=choices,
                about=meanings.get(item.name, ""),
            )
        )  # fmt: skip
    return tuple(found)


def as_replacements(settings: tuple[Setting, ...]) -> tuple[Setting, ...]:
    """Figures that replace those of a ready sheet: none must be given, and their defaults are the sheet's."""
    return tuple(replace(setting, is_needed=False, default=None) for setting in settings)


def check(given: Mapping[str, Any], known: Sequence[Setting], what: str, refuse: Refuse) -> None:
    """Hold ``given`` against the settings of ``what``: names, types, ranges, and those that are missing."""
    by_name = {setting.name: setting for setting in known}
    meant = set()
    for name, value in given.items():
        if name not in by_name:
            hint = nearest(name, by_name)
            meant.add(hint)
            refuse((name,), f"{what} has no setting {name!r}", hint)
        elif (wrong := _wrong(by_name[name], value)) is not None:
            refuse((name,), f"{name} {wrong}", "")
    for setting in known:
        if setting.is_needed and setting.name not in given and nearest_word(setting.name) not in meant:
            refuse((), f"{what} needs {setting.name}", setting.about)


def converted(given: Mapping[str, Any], known: Sequence[Setting]) -> dict[str, Any]:
    """Give checked values in the types that the factories take."""
    types_ = {setting.name: setting.type for setting in known}
    as_is = {"number": float, "whole number": int, "numbers": tuple}
    return {
        name: as_is[types_[name]](value) if types_[name] in as_is else value for name, value in given.items()
    }


def nearest(name: str, known: Collection[str]) -> str:
    """Say which name was meant, or which there are."""
    if (found := closest(name, known)) is not None:
        return nearest_word(found)
    listed = list(known)
    return f"there are {', '.join(listed[:_MOST_LISTED])}" + (" …" if len(listed) > _MOST_LISTED else "")


def nearest_word(name: str) -> str:
    """Give the hint that proposes ``name``."""
    return f'did you mean "{name}"?'


def _wrong(setting: Setting, value: Any) -> str | None:
    """Say what is wrong with a value; None where nothing is."""
    if setting.type == "true or false":
        return None if isinstance(value, bool) else f"must be true or false, not {value!r}"
    if setting.type == "text":
        return _wrong_text(setting, value)
    if setting.type != "numbers":
        return _wrong_number(setting, value)
    if not isinstance(value, list | tuple):
        return f"must be a list of numbers, not {value!r}"
    return next((wrong for each in value if (wrong := _wrong_number(setting, each)) is not None), None)


def _wrong_text(setting: Setting, value: Any) -> str | None:
    if not isinstance(value, str):
        return f"must be a text, not {value!r}"
    if setting.choices and value not in setting.choices:
        return f"is {value!r}; {nearest(value, setting.choices)}"
    return None


def _wrong_number(setting: Setting, value: Any) -> str | None:
    whole = setting.type == "whole number"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return f"must be a {'whole ' if whole else ''}number, not {value!r}"
    if whole and value != int(value):
        return f"must be a whole number, not {value!r}"
    if not setting.low <= value <= setting.high:
        return f"= {value:g} is outside {setting.low:g} … {setting.high:g}"
    return None


def _type(hint: Any) -> SettingType | None:
    if get_origin(hint) in {Union, types.UnionType}:
        inner = [arg for arg in get_args(hint) if arg is not type(None)]
        hint = inner[0] if len(inner) == 1 else None
    if get_origin(hint) is Literal or hint in {str, Fluid}:
        return "text"
    if get_origin(hint) is not None and float in get_args(hint):
        return "numbers"
    plain: dict[Any, SettingType] = {float: "number", int: "whole number", bool: "true or false"}
    return plain.get(hint)


def _plain(default: object) -> object:
    """Write a default as it would stand in a file."""
    if not isinstance(default, Fluid):
        return default
    if default.species == "water":
        return "water"
    return f"{_GLYCOLS[default.species]}{100.0 * default.fraction:g} by {default.basis}"


def _meanings(figures: type) -> dict[str, str]:
    """Read the descriptions off the numpy docstring's attributes."""
    lines = (inspect.getdoc(figures) or "").splitlines()
    found: dict[str, str] = {}
    named: list[str] = []
    for line in lines[lines.index("Attributes") + 2 :] if "Attributes" in lines else []:
        head = re.fullmatch(r"([a-z][a-z0-9_]*(?:, [a-z][a-z0-9_]*)*) : .*", line)
        if head is not None:
            named = head[1].split(", ")
        elif line.startswith("    "):
            for name in named:
                found[name] = f"{found.get(name, '')} {line.strip()}".strip()
    return found
