"""What a kind of component is in the catalogue, and what the table's rows have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from plant_models.catalogue.settings import Setting
from plant_models.errors import PlantSettingError
from plant_models.fluid import Fluid, FluidProperties, fluid_properties
from plant_models.system.component import Component

Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Coolant:
    """What flows in a loop: its properties at one temperature, for all components of it; and which fluid it is."""

    properties: FluidProperties
    fluid: Fluid | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of component.

    Attributes
    ----------
    name, summary, source : str
        The source is that of its equations and figures.
    settings : tuple of Setting
    nested : mapping of str to tuple of Setting
        Settings that are mappings themselves.
    make : callable
        From checked settings, and the loop's coolant where it has one, to a component.
    own_coolant : callable
        The coolant that the settings say or imply; None where they say none and the loop it is wired into must.
    coolant_ports : tuple of str
        Beginnings of the names of the temperature ports that its loop's coolant flows through.
    example : mapping
        Settings with which it can be made, for its ports to be shown.
    """

    name: str
    summary: str
    source: str
    settings: tuple[Setting, ...]
    make: Callable[[Given, Coolant | None], Component]
    own_coolant: Callable[[Given], Coolant | None] = lambda _: None
    coolant_ports: tuple[str, ...] = ()
    nested: Mapping[str, tuple[Setting, ...]] = field(default_factory=dict)
    example: Mapping[str, Any] = field(default_factory=dict)


def number(
    name: str, about: str, low: float, high: float, default: float | None = None, *, needed: bool = False
) -> Setting:
    """Give a setting that is a number."""
    return Setting(
        name=name, type="number", default=default, is_needed=needed, low=low, high=high, about=about
    )


def count(name: str, about: str, low: int, high: int, default: int | None = None) -> Setting:
    """Give a setting that is a whole number; without a default it must be given."""
    needed = default is None
    return Setting(
        name=name, type="whole number", default=default, is_needed=needed, low=low, high=high, about=about
    )


FLOW = number("flow_kg_s", "Design flow.", 1e-3, 1e5, needed=True)
DENSITY = number("density_kg_m3", "Of the coolant, with cp_j_kgk.", 500.0, 2000.0)
CP = number("cp_j_kgk", "Of the coolant; without, that of the loop it is wired into.", 1000.0, 6000.0)
COOLANT = Setting(
    name="coolant",
    type="text",
    about='water, "PG25 by volume" …; without, that of the loop it is wired into.',
)


def temp(default: float) -> Setting:
    """Give the setting of the temperature at the start."""
    return number(
        "temp_degc", "Where it starts; its coolant's properties are those there.", -20.0, 120.0, default
    )


def said_coolant(given: Given, default_degc: float) -> Coolant | None:
    """Give the coolant that ``coolant`` or ``cp_j_kgk`` say; None where neither is there."""
    if "coolant" in given:
        fluid = Fluid.parse(given["coolant"])
        return Coolant(fluid_properties(fluid, given.get("temp_degc", default_degc)), fluid)
    if "cp_j_kgk" not in given:
        return None
    # Figures have no fluid; nothing that is sized with viscosity and conductivity ever takes these two.
    return Coolant(FluidProperties(given.get("density_kg_m3", 1000.0), given["cp_j_kgk"], 1e-3, 0.6), None)


def chosen_coolant(given: Given, loop: Coolant | None, default_degc: float) -> Coolant | None:
    """Give what a component is made with: what its settings say, with the loop's properties if it is the same fluid."""
    said = said_coolant(given, default_degc)
    if said is None or (loop is not None and said.fluid is not None and said.fluid == loop.fluid):
        return loop
    return said


def needed_coolant(
    kind: str, given: Given, loop: Coolant | None, default_degc: float, *, with_density: bool = True
) -> FluidProperties:
    """As :func:`chosen_coolant`, for a component that has none of its own.

    Raises
    ------
    PlantSettingError
        There is none, or no density with a heat capacity.
    """
    found = chosen_coolant(given, loop, default_degc)
    if found is None:
        what = f"the {kind} has no coolant: say coolant: water, or wire it to what has one, such as a cdu"
        raise PlantSettingError(what)
    if with_density and "cp_j_kgk" in given and "density_kg_m3" not in given:
        raise PlantSettingError(f"the {kind} has cp_j_kgk and no density_kg_m3")
    return found.properties


def without(given: Given, *names: str) -> dict[str, Any]:
    """Give the settings but for some."""
    return {name: value for name, value in given.items() if name not in names}


OF_COOLANT = ("coolant", "cp_j_kgk", "density_kg_m3")
