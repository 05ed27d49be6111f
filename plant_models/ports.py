"""Inputs and outputs of a plant, by name and unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

UNITS = (
    "degC",
    "K",
    "kPa",
    "%",
    "kW",
    "kg/s",
    "L/min",
    "kg/s/kPa0.5",
    "1",
    "MW",
    "Mvar",
    "MWh",
    "Hz",
    "pu",
    "W/m2",
    "m/s",
    "s",
    "min",
    "kWh",
    "kg",
    "L/kWh",
)
"""Units as this package spells them; ``kg/s/kPa0.5`` is flow over the root of its drop, a conductance."""


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output.

    Attributes
    ----------
    name : str
        Unit last, for example ``tcs_supply_temp_degc``.
    unit : str
        One of :data:`UNITS` for the plants of this package; a :class:`LinearPlant` takes what it is given.
    """

    name: str
    unit: str


def names(ports: Sequence[Port]) -> list[str]:
    """Names of ``ports``, in their order."""
    return [port.name for port in ports]
