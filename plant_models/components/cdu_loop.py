"""Inventory of a CDU's loop: expansion vessel, leak, relief valve, fill pump, and what the pump's suction needs.

The vessel hangs at the pump's suction, so the loop's pressure there is the cushion's, ``p V = const``: coolant that
warms, or is filled in, compresses it. Where the vessel has given up all its coolant the pipes run empty: the
pressure falls to nothing over the next half percent of the loop's volume. A pump whose suction runs dry, or whose
coolant comes near boiling, loses its head. Pressures are over the atmosphere's, temperatures in °C.

Sources: vessel of 56 L for 2 MW (LBNL Modelica Buildings, ``Generic_epsNTU``, ``VExp``); fill pump at a suction of
0.3 bar after 10 s (Coolcentric guide); loop at 2–6 bar (PLANT.md §3). The coolant's heat capacity stays that of the
full loop: what a leak takes before the pump runs dry is a few percent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from plant_models import cdu_physics as physics
from plant_models._jit import inner
from plant_models.components import cdu_places as at
from plant_models.components.cdu_racks import first_cell, rack_places
from plant_models.components.checks import in_range
from plant_models.errors import PlantSettingError
from plant_models.fluid import BOILING_A, BOILING_B, BOILING_C
from plant_models.parameters import PLACE
from plant_models.pump import ATMOSPHERE_KPA, boiling_degc

Array = npt.NDArray[np.float64]

_LEAST_GAS = 0.02
"""Of the vessel: gas cannot be compressed to nothing."""
_VOID_SHARE = 0.005
_SURELY_COLD_DEGC = 70.0
"""Below, water boils at 31 kPa absolute and less: no pump of these cavitates over its dry limit."""
_VESSEL_L_KW = 56.0 / 2000.0
_FIRST_KPA = 1.0
"""Pressure below which a leak's flow goes over from the root of the pressure to a straight line."""
_PUMP_KG, _RACK_KG, _SUPPLY_KG, _RETURN_KG = (
    PLACE[n] for n in ("pump_mass_kg", "rack_mass_kg", "supply_pipe_mass_kg", "return_pipe_mass_kg")
)


@inner
def excess_kg_k(x: Array, p: Array) -> float:
    """Sum over the loop's volumes of mass times temperature over that of filling."""
    cold = p[at.FILL_DEGC]
    if p[at.RACKS] == 1.0 and p[at.CELLS] == 1.0:  # asked at every instant
        of_pipes = p[_SUPPLY_KG] * (x[physics.RACK_IN] - cold) + p[_RETURN_KG] * (x[physics.RETURN] - cold)
        of_rack = p[_RACK_KG] * (x[physics.RACK_OUT] - cold)
        return float(of_pipes + of_rack + p[_PUMP_KG] * (x[physics.SUPPLY] - cold))
    cells, cell = int(p[at.CELLS]), first_cell(p)
    supply, returned = x[physics.RACK_IN] - cold, x[physics.RETURN] - cold
    for k in range(cells - 1):
        supply += x[cell + k] - cold
        returned += x[cell + cells - 1 + k] - cold
    racks = 0.0
    for i in range(int(p[at.RACKS])):
        outlet, _, shares = rack_places(i, p)
        racks += p[shares + 1] * (x[outlet] - cold)
    of_pipes = (p[_SUPPLY_KG] * supply + p[_RETURN_KG] * returned) / cells
    return float(of_pipes + p[_RACK_KG] * racks + p[_PUMP_KG] * (x[physics.SUPPLY] - cold))


@inner
def loop_pressure_kpa(x: Array, p: Array) -> float:
    """Pressure at the pump's suction, over the atmosphere's."""
    mass = x[at.FIRST_PUMP + int(p[at.PUMPS]) + at.MASS]
    gas = p[at.GAS] - (mass - p[at.FILL_KG]) * p[at.M3_KG] - p[at.EXPANSION] * excess_kg_k(x, p)
    vessel = p[at.VESSEL]
    if gas <= vessel:
        return float(p[at.GAS_KPA] * p[at.GAS] / max(gas, _LEAST_GAS * vessel) - ATMOSPHERE_KPA)
    empty = p[at.GAS_KPA] * p[at.GAS] / vessel - ATMOSPHERE_KPA
    return float(empty * max(1.0 - (gas - vessel) / p[at.VOID], 0.0))


@inner
def suction_share(pressure_kpa: float, temp_degc: float, p: Array) -> float:
    """Share of its head that the pump has left at a suction pressure and temperature, 0 … 1."""
    if pressure_kpa >= p[at.SUCTION] and temp_degc < _SURELY_COLD_DEGC:
        return 1.0
    vapour = p[at.WATER_SHARE] * math.exp(BOILING_A - BOILING_B / (min(temp_degc, 350.0) + BOILING_C))
    over_vapour = (pressure_kpa + ATMOSPHERE_KPA - vapour) / p[at.NPSH]
    return float(max(min(pressure_kpa / p[at.SUCTION], over_vapour, 1.0), 0.0))


@inner
def inventory_rates(x: Array, p: Array, pressure_kpa: float, dx: Array) -> None:
    """Rates of coolant in the loop, in the reservoir and lost (kg/s), and of the fill pump's delay."""
    first = at.FIRST_PUMP + int(p[at.PUMPS])
    lost = p[at.RELIEF_K] * max(pressure_kpa - p[at.RELIEF], 0.0)
    if p[at.LEAK] != 0.0 and pressure_kpa > 0.0:
        lost += p[at.LEAK_K] * pressure_kpa / math.sqrt(pressure_kpa + _FIRST_KPA)
    filled = 0.0
    if x[first + at.FILLING] > 0.5 and x[first + at.RESERVOIR] > 0.0:
        # The last second's worth runs out slowly: the reservoir cannot be overdrawn.
        filled = min(p[at.FILL_FLOW], x[first + at.RESERVOIR])
    dx[first + at.MASS] = filled - lost
    dx[first + at.RESERVOIR] = -filled
    dx[first + at.LOST] = lost
    waits = pressure_kpa <= p[at.FILL_START] and x[first + at.DELAY] > 0.0 and x[first + at.FILLING] < 0.5
    dx[first + at.DELAY] = -1.0 if waits else 0.0
    dx[first + at.FILLING] = 0.0


@inner
def settle_inventory(x: Array, p: Array) -> None:
    """Start the fill pump when the suction has been low for the delay; stop it at pressure or without coolant."""
    first = at.FIRST_PUMP + int(p[at.PUMPS])
    pressure = loop_pressure_kpa(x, p)
    empty = x[first + at.RESERVOIR] <= 0.05 * p[at.FILL_FLOW]
    if x[first + at.FILLING] > 0.5:
        if pressure >= p[at.FILL_STOP] or empty:
            x[first + at.FILLING] = 0.0
            x[first + at.DELAY] = p[at.FILL_DELAY]
    elif pressure > p[at.FILL_START] or empty:
        x[first + at.DELAY] = p[at.FILL_DELAY]
    elif x[first + at.DELAY] <= 0.0:
        x[first + at.FILLING] = 1.0


@inner
def coolant_margin_k(x: Array, u: Array, p: Array, pressure_kpa: float) -> float:
    """Least distance of any coolant temperature from freezing or boiling; negative: beyond."""
    low = min(x[physics.SUPPLY], x[physics.RACK_IN], x[physics.RETURN])
    high = max(x[physics.SUPPLY], x[physics.RACK_IN], x[physics.RETURN])
    for i in range(int(p[at.RACKS])):
        outlet = x[rack_places(i, p)[0]]
        low, high = min(low, outlet), max(high, outlet)
    cells, cell = int(p[at.CELLS]), first_cell(p)
    for k in range(2 * (cells - 1)):
        low, high = min(low, x[cell + k]), max(high, x[cell + k])
    margin = min(low - p[at.TCS_FREEZING], boiling_degc(pressure_kpa, p[at.WATER_SHARE]) - high)
    water_low = min(u[physics.FWS_TEMP], x[physics.FWS_RETURN])
    water_high = max(u[physics.FWS_TEMP], x[physics.FWS_RETURN])
    return float(min(margin, water_low - p[at.FWS_FREEZING], p[at.FWS_BOILING] - water_high))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """Expansion, filling and leak of a loop. Pressures are over the atmosphere's, at the pump's suction.

    Attributes
    ----------
    expansion_vessel_l : float or None
        None: 28 L for a megawatt of duty.
    vessel_gas_share : float
        Gas in it when the loop is filled cold.
    fill_pressure_kpa, fill_temp_degc : float
        When filled cold.
    relief_pressure_kpa : float
        Above it the relief valve lets out what comes in.
    fill_start_pressure_kpa, fill_delay_s : float
        The fill pump starts after the delay at that pressure or less; it stops at the fill pressure.
    fill_flow_kg_s, fill_reservoir_kg : float
        Of the fill pump, and what it has to draw from.
    leak_flow_kg_s : float
        Of the fault ``leak`` at the fill pressure; it goes as the root of the pressure.
    least_suction_kpa, required_npsh_kpa : float
        Suction pressure, and pressure over the vapour's, below which the pump's head falls in proportion.
    fws_pressure_kpa : float
        Of the facility water, for its boiling point.
    """

    expansion_vessel_l: float | None = None
    vessel_gas_share: float = 0.8
    fill_pressure_kpa: float = 200.0
    fill_temp_degc: float = 20.0
    relief_pressure_kpa: float = 600.0
    fill_start_pressure_kpa: float = 30.0
    fill_delay_s: float = 10.0
    fill_flow_kg_s: float = 0.2
    fill_reservoir_kg: float = 100.0
    leak_flow_kg_s: float = 0.5
    least_suction_kpa: float = 10.0
    required_npsh_kpa: float = 30.0
    fws_pressure_kpa: float = 300.0

    def __post_init__(self) -> None:
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        ranges = {n: (v, *RANGES[n]) for n, v in given.items() if v is not None}
        in_range("cdu", **ranges)
        if self.empty_kpa() <= max(self.fill_start_pressure_kpa, self.least_suction_kpa):
            raise PlantSettingError(
                f"cdu: fill_pressure_kpa = {self.fill_pressure_kpa:g} leaves {self.empty_kpa():.0f} kPa when the "
                f"vessel is empty: not above fill_start_pressure_kpa = {self.fill_start_pressure_kpa:g} and "
                f"least_suction_kpa = {self.least_suction_kpa:g}"
            )

    def empty_kpa(self) -> float:
        """Pressure at which the vessel has given up all its coolant."""
        return (self.fill_pressure_kpa + ATMOSPHERE_KPA) * self.vessel_gas_share - ATMOSPHERE_KPA

    def figures(self, duty_kw: float, loop_kg: float, density_kg_m3: float) -> dict[str, float]:
        """Values of :data:`cdu_places.EXTRA` that these settings give, all but the coolant's own limits."""
        litres = self.expansion_vessel_l
        vessel_m3 = (_VESSEL_L_KW * duty_kw if litres is None else litres) / 1000.0
        gas_m3, gas_kpa = self.vessel_gas_share * vessel_m3, self.fill_pressure_kpa + ATMOSPHERE_KPA
        void_m3 = _VOID_SHARE * loop_kg / density_kg_m3
        leak = self.leak_flow_kg_s / math.sqrt(self.fill_pressure_kpa)
        relief_kpa = self.relief_pressure_kpa + ATMOSPHERE_KPA
        return {
            "vessel_m3": vessel_m3,
            "gas_m3": gas_m3,
            "gas_kpa": gas_kpa,
            "fill_kg": loop_kg + (vessel_m3 - gas_m3) * density_kg_m3,
            "m3_kg": 1.0 / density_kg_m3,
            "fill_degc": self.fill_temp_degc,
            "void_m3": void_m3,
            "leak_kg_s_kpa05": leak,
            # Pressure falls fastest where the pipes run empty.
            "leak_rate_per_s": leak * self.empty_kpa() / (void_m3 * density_kg_m3) / math.sqrt(_FIRST_KPA),
            "relief_kpa": self.relief_pressure_kpa,
            # Brings an overpressure down by 63 % in a second, whatever the vessel.
            "relief_kg_s_kpa": gas_kpa * gas_m3 * density_kg_m3 / relief_kpa**2,
            "fill_start_kpa": self.fill_start_pressure_kpa,
            "fill_stop_kpa": self.fill_pressure_kpa,
            "fill_delay_s": self.fill_delay_s,
            "fill_kg_s": self.fill_flow_kg_s,
            "suction_kpa": self.least_suction_kpa,
            "npsh_kpa": self.required_npsh_kpa,
        }


RANGES: dict[str, tuple[float, float]] = {
    "expansion_vessel_l": (1.0, 100_000.0), "vessel_gas_share": (0.3, 0.98), "fill_pressure_kpa": (50.0, 1000.0),
    "fill_temp_degc": (0.0, 60.0), "relief_pressure_kpa": (100.0, 2000.0), "fill_start_pressure_kpa": (0.0, 500.0),
    "fill_delay_s": (0.0, 3600.0), "fill_flow_kg_s": (0.001, 100.0), "fill_reservoir_kg": (0.0, 100_000.0),
    "leak_flow_kg_s": (1e-4, 100.0), "least_suction_kpa": (1.0, 200.0), "required_npsh_kpa": (1.0, 200.0),
    "fws_pressure_kpa": (10.0, 2000.0),
}  # fmt: skip
