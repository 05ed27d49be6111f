"""Properties of water and glycol mixtures. For set-up only: CoolProp is imported where it is first needed.

The loop takes properties as constant at the design mean temperature: over the 16 K of a CDU's design the
heat capacity of PG25 changes by 1 %.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from plant_models.errors import DatasheetError

Species = Literal["water", "propylene_glycol", "ethylene_glycol"]
Basis = Literal["mass", "volume"]

_COOLPROP_NAMES = {"propylene_glycol": "INCOMP::MPG", "ethylene_glycol": "INCOMP::MEG"}
_LARGEST_MASS_FRACTION = 0.6
"""CoolProp's range for both glycols."""

# Densities of the pure liquids at 20 °C, kg/m3 (CRC Handbook of Chemistry and Physics); only ratios are used.
_DENSITY_20_DEGC = {"water": 998.2, "propylene_glycol": 1036.1, "ethylene_glycol": 1113.5}
_MOLAR_KG_KMOL = {"water": 18.015, "propylene_glycol": 76.095, "ethylene_glycol": 62.068}
BOILING_A, BOILING_B, BOILING_C = 16.29827, 3825.995, 227.587
"""Antoine's equation for water, ``ln(p / kPa) = A - B / (T / degC + C)``, fitted to IAPWS-95 over 20 … 180 °C: within
0.1 K."""
_PRESSURE_PA = 3e5
"""Middle of the 2–6 bar at which a TCS loop runs; liquids hardly care."""


@dataclass(frozen=True, slots=True)
class FluidProperties:
    """Properties at one temperature.

    Attributes
    ----------
    density_kg_m3, heat_capacity_j_kgk, viscosity_pa_s, conductivity_w_mk : float
        In the units of their names.
    """

    density_kg_m3: float
    heat_capacity_j_kgk: float
    viscosity_pa_s: float
    conductivity_w_mk: float

    @property
    def prandtl(self) -> float:
        """Prandtl number."""
        return self.viscosity_pa_s * self.heat_capacity_j_kgk / self.conductivity_w_mk


@dataclass(frozen=True, slots=True)
class Fluid:
    """A coolant.

    Attributes
    ----------
    species : {"water", "propylene_glycol", "ethylene_glycol"}
        Water, or the glycol mixed into it.
    fraction : float
        Of the glycol, 0 … 0.6.
    basis : {"mass", "volume"}
        What ``fraction`` is a fraction of. 25 % by volume is 25.7 % by mass: a datasheet says which.
    """

    species: Species = "water"
    fraction: float = 0.0
    basis: Basis = "mass"

    def __post_init__(self) -> None:
        if self.basis not in ("mass", "volume"):
            raise DatasheetError(f"a glycol fraction is by mass or by volume, not by {self.basis!r}")
        if self.species not in _DENSITY_20_DEGC:
            raise DatasheetError(f"no fluid {self.species!r}; there are {', '.join(_DENSITY_20_DEGC)}")
        if self.species == "water" and self.fraction != 0.0:
            raise DatasheetError(f"water with a glycol fraction of {self.fraction:g}: name the glycol")
        if not 0.0 <= self.mass_fraction <= _LARGEST_MASS_FRACTION:
            raise DatasheetError(
                f"glycol fraction {self.fraction:g} is outside 0 … {_LARGEST_MASS_FRACTION:g} by mass"
            )

    @classmethod
    def parse(cls, text: str) -> Fluid:
        """Read ``"water"``, ``"PG25 by volume"`` or ``"EG30 by mass"``; the basis must be said.

        Raises
        ------
        DatasheetError
            The text is none of these.
        """
        if text.strip().lower() == "water":
            return cls()
        match = re.fullmatch(
            r"\s*(PG|EG)\s*(\d+(?:\.\d+)?)\s*%?\s+by\s+(mass|volume)\s*", text, re.IGNORECASE
        )
        if match is None:
            raise DatasheetError(f"no fluid {text!r}; write water, 'PG25 by volume' or 'EG30 by mass'")
        glycol, percent, basis = match.groups()
        species: Species = "propylene_glycol" if glycol.upper() == "PG" else "ethylene_glycol"
        return cls(species, float(percent) / 100.0, "mass" if basis.lower() == "mass" else "volume")

    @property
    def mass_fraction(self) -> float:
        """Glycol by mass, from the densities of the pure liquids at 20 °C where it was given by volume."""
        if self.basis == "mass":
            return self.fraction
        glycol = self.fraction * _DENSITY_20_DEGC[self.species]
        return glycol / (glycol + (1.0 - self.fraction) * _DENSITY_20_DEGC["water"])

    @property
    def water_mole_fraction(self) -> float:
        """Water by moles: what lowers its vapour pressure (Raoult), glycol itself having next to none."""
        water = (1.0 - self.mass_fraction) / _MOLAR_KG_KMOL["water"]
        return water / (water + self.mass_fraction / _MOLAR_KG_KMOL[self.species])


WATER = Fluid()


@lru_cache(maxsize=256)
def fluid_properties(fluid: Fluid, temp_degc: float) -> FluidProperties:
    """Properties of ``fluid`` at ``temp_degc``, from CoolProp (glycols: Melinder 2010; water: IAPWS-95).

    Raises
    ------
    DatasheetError
        CoolProp has no liquid there.
    """
    from CoolProp.CoolProp import PropsSI  # noqa: PLC0415 - importing it takes seconds, and few processes need it

    name = (
        "Water"
        if fluid.mass_fraction == 0.0
        else f"{_COOLPROP_NAMES[fluid.species]}[{fluid.mass_fraction:.6f}]"
    )
    try:
        density, heat_capacity, viscosity, conductivity = (
            float(PropsSI(key, "T", temp_degc + 273.15, "P", _PRESSURE_PA, name)) for key in "DCVL"
        )
    except ValueError as error:
        raise DatasheetError(f"no properties of {name} at {temp_degc:g} °C: {error}") from error
    return FluidProperties(density, heat_capacity, viscosity, conductivity)


@lru_cache(maxsize=64)
def freezing_point_degc(fluid: Fluid) -> float:
    """Temperature at which ``fluid`` begins to freeze: water 0 °C, glycols from CoolProp (Melinder 2010)."""
    if fluid.mass_fraction == 0.0:
        return 0.0
    from CoolProp.CoolProp import PropsSI  # noqa: PLC0415 - importing it takes seconds, and few processes need it

    name = f"{_COOLPROP_NAMES[fluid.species]}[{fluid.mass_fraction:.6f}]"
    return float(PropsSI("T_FREEZE", "T", 300.0, "P", _PRESSURE_PA, name)) - 273.15


@dataclass(frozen=True, slots=True)
class CoolantLimits:
    """What a closed loop needs to know of its coolant beside its properties.

    Attributes
    ----------
    freezing_degc : float
        Where the first ice forms.
    expansion_per_k : float
        Cubic expansion over 28 … 48 °C.
    """

    freezing_degc: float
    expansion_per_k: float


@lru_cache(maxsize=64)
def coolant_limits(fluid: Fluid) -> CoolantLimits:
    """Freezing point and expansion of ``fluid``, from CoolProp (glycols: Melinder 2010; water: IAPWS-95)."""
    if fluid.mass_fraction == 0.0:
        return CoolantLimits(0.0, 3.6814e-4)
    cold, middle, warm = (fluid_properties(fluid, temp).density_kg_m3 for temp in (28.0, 38.0, 48.0))
    return CoolantLimits(freezing_point_degc(fluid), (cold - warm) / 20.0 / middle)
