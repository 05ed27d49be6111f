"""Ranges of a component's figures."""

from __future__ import annotations

from plant_models.errors import PlantSettingError


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
        if value != int(value) or not low <= value <= high:
            raise PlantSettingError(
                f"{component}: {name} = {value!r} is not a whole number of {low} … {high}"
            )
