"""Figures of an instrument against the span of its signal."""

from __future__ import annotations

import math

from plant_models.errors import PlantSettingError


def check_span(low: float, high: float) -> None:
    """Refuse a span that is empty or not finite."""
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise PlantSettingError(f"span {low} to {high}: it must be finite, and low below high")


def check_not_negative(name: str, value: float, unit: str) -> None:
    """Refuse a figure that is negative or not finite."""
    if not (math.isfinite(value) and value >= 0.0):
        raise PlantSettingError(f"{name} is {value:g} {unit}: it must be finite and at least 0")


def check_below_span(name: str, value: float, low: float, high: float) -> None:
    """Refuse a figure, in the signal's unit, that swallows the whole span."""
    if not abs(value) < high - low:
        what = f"{name} is {value:g}, and the span of {low:g} to {high:g} is {high - low:g}"
        raise PlantSettingError(f"{what}: it must be smaller than the span")
