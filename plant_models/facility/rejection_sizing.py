"""Sizing of dry coolers, trim chillers and the buffer.

1. Coolers: the least number ``n`` whose heat at the design return temperature, ``M / n`` through each, fans at full
   speed, pads dry, and the air at ``T_supply - approach`` is the heat to reject; and the spares beside them. The dry
   bulb at which the whole units just carry it is found by bisection.
2. Hottest day: dry bulb of the spec; wet bulb from the vapour of an ordinary day of the climate's most humid hot
   month at that dry bulb (sirocco air is drier, so this is on the safe side for the pads).
3. Trim chillers: the heat to reject less what the duty coolers still give on that day, pads dry, since water is the
   last resort (PLANT.md §5). Machines ``= ceil(margin x heat / largest)`` and the spares: without a margin what the
   water warmed while they started would stay in it. Capacity and power of one on that day follow from its nominal
   ones by the equations of :mod:`plant_models.components.chiller`.
4. Start of all duty machines, one after the other: each takes its start time, its ramp and the delay before the next;
   the mean over the machines of the time until each is half loaded is ``t_s``.
5. Buffer: while the chillers start, what enters it has stepped from the supply temperature to what the coolers alone
   reach, ``T_c``. A pipe of N stirred cells lets ``P(N, N t / tau)`` of a step through after ``t`` (P: the regularised
   incomplete gamma function; Levenspiel, *Chemical Reaction Engineering*, ch. 14), so for a rise ``dT`` after
   ``t_s``: ``tau = N t_s / P^-1(N, dT / (T_c - T_supply))`` and volume ``M tau / rho``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plant_models._jit import plain
from plant_models.components.chiller_layout import MOST_MACHINES
from plant_models.components.chiller_settings import ChillerSettings, carnot_share
from plant_models.components.cooler_design import AIR_CP_J_KGK, CoolerDesign, cooler_design
from plant_models.components.cooler_settings import DryCoolerSettings
from plant_models.components.cooler_sheet import CoolerDatasheet, cooler_sheet
from plant_models.components.dry_cooler import MOST_UNITS
from plant_models.components.moist_air import after_pads_degc, water_taken_up
from plant_models.cross_flow import cooled_share, film_in_series_w_k
from plant_models.errors import PlantSettingError
from plant_models.facility.sizes import RejectionSizes, WaterSizes
from plant_models.facility.spec import FacilitySpec
from plant_models.facility.water_sizing import units_for
from plant_models.weather.air import saturation_pressure_kpa, station_pressure_kpa, wet_bulb_degc
from plant_models.weather.climate import Climate

BUFFER_CELLS = 8
AIR_LIMIT_OVER_DESIGN_K = 8.0
"""Of the machines' high-air trip, at least: 3 K for its reset and 5 in hand (assumption)."""
MACHINE = ChillerSettings()
"""A chiller's figures and times but for those of the spec."""
USUAL = DryCoolerSettings()
"""Exponents and film split of PLANT.md §5, pads as usual: what the plant is built with."""
_HALVINGS = 60
_SUMMER = 25.0
"""A month is hot where its mean daily maximum is above this, °C, and for the hottest month in any climate."""


@dataclass(frozen=True, slots=True)
class CoolerBank:
    """Like coolers in parallel, fans at full speed: heat by closed form.

    Attributes
    ----------
    sheet : CoolerDatasheet
    design : CoolerDesign
    cp_j_kgk : float
    """

    sheet: CoolerDatasheet
    design: CoolerDesign
    cp_j_kgk: float

    @classmethod
    def of(cls, sheet: CoolerDatasheet, cp_j_kgk: float) -> CoolerBank:
        """Size one unit's coil from its sheet."""
        design = cooler_design(
            sheet,
            cp_j_kgk=cp_j_kgk,
            air_to_coolant_ha=USUAL.air_to_coolant_ha,
            air_exponent=USUAL.air_exponent,
            free_share=USUAL.free_convection_share,
        )
        return cls(sheet, design, cp_j_kgk)

    def heat_kw(self, units: int, flow_kg_s: float, inlet_degc: float, air_degc: float) -> float:
        """Heat of ``units`` at ``flow_kg_s`` through all of them; 0 where the air is the warmer."""
        each = flow_kg_s / units
        films = self.design.coolant_ha_w_k * (each / self.design.coolant_flow_kg_s) ** USUAL.coolant_exponent
        ua = plain(film_in_series_w_k)(films, self.design.air_ha_w_k)
        c_w_k = each * self.cp_j_kgk
        share = plain(cooled_share)(c_w_k, self.design.air_c_w_k, ua)
        return units * share * c_w_k * max(inlet_degc - air_degc, 0.0) / 1000.0

    def outlet_degc(self, units: int, water: WaterSizes, heat_kw: float, air_degc: float) -> float:
        """Supply temperature at which ``units`` carry ``heat_kw`` of the design flow, by a ratio: heat is linear."""
        per_kelvin = self.heat_kw(units, water.flow_kg_s, air_degc + 1.0, air_degc)
        rise_k = 1000.0 * heat_kw / (water.flow_kg_s * water.cp_j_kgk)
        return air_degc + heat_kw / per_kelvin - rise_k

    def water_kg_s(self, units: int, dry_bulb: float, wet_bulb: float, pressure_kpa: float) -> float:
        """Water that the pads of ``units`` take at full fan speed, the bleed included."""
        cooled = plain(after_pads_degc)(dry_bulb, wet_bulb, USUAL.pad_effectiveness, 1.0)
        each = plain(water_taken_up)(dry_bulb, wet_bulb, cooled, pressure_kpa)
        bleed = USUAL.cycles_of_concentration / (USUAL.cycles_of_concentration - 1.0)
        return units * self.design.air_c_w_k / AIR_CP_J_KGK * bleed * each


def size_rejection(spec: FacilitySpec, water: WaterSizes) -> RejectionSizes:
    """Size coolers, chillers and buffer by the steps above.

    Raises
    ------
    PlantSettingError
        An approach that no number of coolers reaches.
    """
    bank = CoolerBank.of(cooler_sheet(spec.cooler), water.cp_j_kgk)
    duty = _duty_coolers(bank, spec, water)
    air = spec.design_dry_bulb_degc
    wet = design_wet_bulb_degc(spec.place, air)
    pressure = station_pressure_kpa(spec.place.altitude_m)
    still = min(bank.heat_kw(duty, water.flow_kg_s, water.return_temp_degc, air), water.heat_kw)
    chiller = water.heat_kw - still
    wanted = (1.0 + spec.chiller_margin) * chiller
    duty_machines = _duty_machines(spec, wanted)
    with_pads = plain(after_pads_degc)(air, wet, USUAL.pad_effectiveness, 1.0)
    coolers = duty + spec.spare_units
    machine = wanted / duty_machines if duty_machines else 0.0
    restart = restart_time_s(spec, duty_machines)
    return RejectionSizes(
        duty_coolers=duty,
        coolers=coolers,
        cooler_heat_kw=bank.heat_kw(
            duty, water.flow_kg_s, water.return_temp_degc, spec.free_cooling_dry_bulb_degc
        ),
        free_cooling_dry_bulb_degc=_free_cooling_dry_bulb_degc(bank, duty, water),
        fan_power_kw=coolers * bank.sheet.fan_kw,
        cooler_heat_on_hottest_day_kw=still,
        supply_on_hottest_day_with_pads_degc=bank.outlet_degc(duty, water, water.heat_kw, with_pads),
        pad_water_l_h=3600.0 * bank.water_kg_s(coolers, air, wet, pressure),
        design_dry_bulb_degc=air,
        design_wet_bulb_degc=wet,
        chiller_kw=chiller,
        machine_kw=machine,
        machine_nominal_kw=machine / _capacity_ratio(spec.supply_temp_degc, air),
        duty_machines=duty_machines,
        machines=duty_machines + spec.spare_units if duty_machines else 0,
        chiller_power_kw=chiller / _cop(spec.supply_temp_degc, air),
        restart_s=restart,
        buffer_l=_buffer_l(spec, water, chiller, restart),
    )


def _duty_machines(spec: FacilitySpec, wanted_kw: float) -> int:
    machines = units_for(wanted_kw, spec.largest_chiller_kw) if wanted_kw > 0.0 else 0
    if machines and machines + spec.spare_units > MOST_MACHINES:
        raise PlantSettingError(
            f"facility: largest_chiller_kw = {spec.largest_chiller_kw:g} takes {machines} + {spec.spare_units} "
            f"chillers for {wanted_kw:.0f} kW; a bank has at most {MOST_MACHINES}"
        )
    return machines


def _duty_coolers(bank: CoolerBank, spec: FacilitySpec, water: WaterSizes) -> int:
    air = spec.free_cooling_dry_bulb_degc
    for units in range(1, MOST_UNITS - spec.spare_units + 1):
        if bank.heat_kw(units, water.flow_kg_s, water.return_temp_degc, air) >= water.heat_kw:
            return units
    raise PlantSettingError(
        f"facility: free_cooling_approach_k = {spec.free_cooling_approach_k:g}: {MOST_UNITS} of "
        f"{bank.sheet.name} do not cool {water.heat_kw:.0f} kW from {water.return_temp_degc:.1f} to "
        f"{water.supply_temp_degc:g} °C with air of {air:g} °C"
    )


def _free_cooling_dry_bulb_degc(bank: CoolerBank, units: int, water: WaterSizes) -> float:
    """Dry bulb at which whole units just carry the heat: heat is linear in the inlets' difference."""
    per_kelvin = bank.heat_kw(units, water.flow_kg_s, 1.0, 0.0)
    return water.return_temp_degc - water.heat_kw / per_kelvin


def design_wet_bulb_degc(place: Climate, dry_bulb_degc: float) -> float:
    """Wet bulb (°C) of air of ``dry_bulb_degc`` with the vapour of the climate's most humid hot month."""
    low, high = np.array(place.min_temp_degc), np.array(place.max_temp_degc)
    hot = (high > _SUMMER) | (high == high.max())
    vapour = saturation_pressure_kpa(0.5 * (low + high)) * np.array(place.relative_humidity_percent) / 100.0
    most = float(vapour[hot].max())
    humidity = min(100.0 * most / float(saturation_pressure_kpa(np.array(dry_bulb_degc))), 100.0)
    pressure = station_pressure_kpa(place.altitude_m)
    return float(wet_bulb_degc(np.array([dry_bulb_degc]), np.array([humidity]), np.array([pressure]))[0])


def high_air_trip_degc(air_degc: float) -> float:
    """Air temperature (°C) at which machines that are chosen for a hottest day of ``air_degc`` trip."""
    return max(MACHINE.high_air_trip_temp_degc, air_degc + AIR_LIMIT_OVER_DESIGN_K)


def restart_time_s(spec: FacilitySpec, machines: int) -> float:
    """Mean time (s) from the command to half load over ``machines`` that start one after the other (step 4)."""
    if machines == 0:
        return 0.0
    each = spec.chiller_start_time_s + spec.chiller_ramp_time_s + spec.chiller_lag_s
    return (
        MACHINE.lead_delay_s
        + spec.chiller_start_time_s
        + 0.5 * spec.chiller_ramp_time_s
        + 0.5 * (machines - 1) * each
    )


def _cop(supply_degc: float, air_degc: float) -> float:
    """COP at full load by the lift (step 3)."""
    evaporating_k = supply_degc - MACHINE.evaporator_approach_k + 273.15
    condensing_k = air_degc + MACHINE.condenser_approach_k + 273.15
    return carnot_share(MACHINE) * evaporating_k / max(condensing_k - evaporating_k, MACHINE.least_lift_k)


def _capacity_ratio(supply_degc: float, air_degc: float) -> float:
    """Capacity over nominal (step 3)."""
    by_water = MACHINE.capacity_by_water_per_k * (supply_degc - MACHINE.nominal_supply_temp_degc)
    by_air = MACHINE.capacity_by_air_per_k * (air_degc - MACHINE.nominal_air_temp_degc)
    return min(1.0 + by_water - by_air, MACHINE.most_capacity_ratio)


def _buffer_l(spec: FacilitySpec, water: WaterSizes, chiller_kw: float, restart_s: float) -> float:
    """Step 5; a facility without chillers has the least buffer, 5 s of its flow."""
    from scipy.special import gammaincinv  # noqa: PLC0415 - only who sizes a facility pays for it

    least = 5.0 * water.flow_kg_s / water.density_kg_m3 * 1000.0
    step_k = 1000.0 * chiller_kw / (water.flow_kg_s * water.cp_j_kgk)
    if step_k <= spec.ride_through_rise_k:
        return least
    passed = float(gammaincinv(BUFFER_CELLS, spec.ride_through_rise_k / step_k))
    transit_s = BUFFER_CELLS * restart_s / passed
    return max(water.flow_kg_s * transit_s / water.density_kg_m3 * 1000.0, least)
