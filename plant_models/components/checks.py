"""Ranges of a component's figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

from plant_models.errors import PlantSettingError
from plant_models.nearest import hint

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Settings = TypeVar("Settings", bound="DataclassInstance")


def in_range(component: str, **figures: tuple[float, float, float]) -> None:
    """Refuse a figure outside its range; each is given as value, least, most.

    Raises
    ------
    PlantSettingError
        Names component, figure and range.
    """
    for name, (value, low, high) in figures.items():
        if not low <= value <= high:
            raise PlantSettingError(f"{component}: {name} = {value!r} is outside {low:g} … {high:g}")


def whole_number(component: str, **figures: tuple[float, int, int]) -> None:
    """Refuse a count that is no whole number of its range; each is given as value, least, most.

    Raises
    ------
    PlantSettingError
        Names component, figure and range.
    """
    for name, (value, low, high) in figures.items():
        # The range first: what is not finite has no whole part.
        if not low <= value <= high or value != int(value):
            raise PlantSettingError(
                f"{component}: {name} = {value!r} is not a whole number of {low} … {high}"
            )


def checked_settings(
    component: str,
    of: type[Settings],
    figures: Mapping[str, float],
    ranges: Mapping[str, tuple[float, float]],
) -> Settings:
    """Make the settings ``of`` a component from figures by name, each inside its range.

    Raises
    ------
    PlantSettingError
        No such setting (the message has the nearest), or one out of range.
    """
    known = [field.name for field in fields(of)]
    for figure in figures:
        if figure not in known:
            raise PlantSettingError(f"{component}: no setting {figure!r}; {hint(figure, known)}")
    settings = of(**figures)
    in_range(component, **{figure: (getattr(settings, figure), *ranges[figure]) for figure in known})
    return settings
