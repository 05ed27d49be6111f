"""From a datasheet to parameters: the design point, checked against physics, solved for what is not given."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np

from plant_models._jit import plain
from plant_models.cold_plate import OCP_1KW_OAM_PG25, ColdPlate
from plant_models.datasheets import CduDatasheet
from plant_models.errors import DatasheetError, PlantSettingError
from plant_models.fluid import FluidProperties, fluid_properties
from plant_models.heat_exchanger import film_ratio, ntu_for, split_conductance
from plant_models.nearest import hint
from plant_models.parameters import CduParameters
from plant_models.pump import boiling_degc, operating_flow_ratio
from plant_models.pump_curve import curve_widest
from plant_models.pump_points import curve_at_design
from plant_models.valve import opening

HEAT_BALANCE_TOLERANCE = 0.10
"""Sheets round their temperatures: Deschutes' 45 °C return is 5 % away from its own duty and flow."""
_HOTTEST_MEAN_DEGC = 95.0
"""No CDU runs hotter, and CoolProp's glycols end at 100 °C."""
_FILL_KPA = 200.0
"""Pressure of the loop over the atmosphere's (PLANT.md §3: 2 … 6 bar), for its boiling point."""
_BEARING_FRICTION = 0.01
"""Bearings and seals: a hundredth of the design torque, so that the rotor does come to rest."""
_SAME_SPEED = 0.01
DEFAULT_WIRE_TO_WATER = 0.7
PLAUSIBLE_WIRE_TO_WATER = (0.15, 0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class CduSettings:
    """What a datasheet does not say, with usual values.

    Attributes
    ----------
    valve_stroke_time_s : float
        Whole stroke of the FWS valve (5 fast … 120 slow); 0: the actuator is outside this model.
    pump_ramp_time_s : float
        0 to 100 % speed; 0 as above.
    valve_rangeability : float
        Of the equal-percentage curve.
    valve_design_position_percent, pump_design_speed_percent : float
        Where design flow is reached; below 100 the CDU has that much in reserve.
    pump_shutoff_head_ratio : float
        Head at no flow over design head, same speed.
    pump_idle_power_fraction : float
        Power at no flow over design power, same speed.
    pump_heat_to_coolant_fraction : float
        Share of the electrical power that ends in the coolant: hydraulic work, all of which friction
        returns as heat, and the pump's inner losses; the rest is the drive's and motor's loss to the room.
    pump_coast_time_s : float
        Time in which a tripped pump loses half its speed.
    pump_mixing_time_s, rack_transit_time_s, fws_mixing_time_s : float
        Volume over design flow of the CDU's TCS side, the racks and the CDU's FWS side.
    """

    valve_stroke_time_s: float = 30.0
    pump_ramp_time_s: float = 30.0
    valve_rangeability: float = 50.0
    valve_design_position_percent: float = 100.0
    pump_design_speed_percent: float = 100.0
    pump_shutoff_head_ratio: float = 1.25
    pump_idle_power_fraction: float = 0.4
    pump_heat_to_coolant_fraction: float = 0.9
    pump_coast_time_s: float = 2.0
    pump_mixing_time_s: float = 1.0
    rack_transit_time_s: float = 2.0
    fws_mixing_time_s: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            low, high = RANGES[field.name]
            value = getattr(self, field.name)
            if not low <= value <= high:
                raise PlantSettingError(f"{field.name} = {value!r} is outside {low:g} … {high:g}")


RANGES = {
    "valve_stroke_time_s": (0.0, 3600.0),
    "pump_ramp_time_s": (0.0, 3600.0),
    "valve_rangeability": (5.0, 500.0),
    "valve_design_position_percent": (10.0, 100.0),
    "pump_design_speed_percent": (30.0, 100.0),
    "pump_shutoff_head_ratio": (1.0, 5.0),
    "pump_idle_power_fraction": (0.0, 1.0),
    "pump_heat_to_coolant_fraction": (0.0, 1.0),
    "pump_coast_time_s": (0.5, 600.0),
    "pump_mixing_time_s": (0.5, 600.0),
    "rack_transit_time_s": (0.5, 600.0),
    "fws_mixing_time_s": (0.5, 600.0),
}


def settings_from(**settings: float) -> CduSettings:
    """Make settings by name.

    Raises
    ------
    PlantSettingError
        No such setting (the message has the nearest), or a value outside its range.
    """
    for name in settings:
        if name not in RANGES:
            raise PlantSettingError(f"a CDU has no setting {name!r}; {hint(name, RANGES)}")
    return CduSettings(**settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignPoint:
    """The design point as solved.

    Attributes
    ----------
    tcs, fws : FluidProperties
        At the mean temperatures.
    tcs_supply_temp_degc, tcs_return_temp_degc, fws_return_temp_degc : float
        Temperatures.
    exchanger_heat_kw : float
        Duty and pump heat.
    ua_w_k : float
        Of the exchanger.
    pump_head_kpa, pump_power_kw, wire_to_water : float
        Head over exchanger, filter and racks; electrical power; hydraulic power over that.
    """

    tcs: FluidProperties
    fws: FluidProperties
    tcs_supply_temp_degc: float
    tcs_return_temp_degc: float
    fws_return_temp_degc: float
    exchanger_heat_kw: float
    ua_w_k: float
    pump_head_kpa: float
    pump_power_kw: float
    wire_to_water: float


def solve_design(sheet: CduDatasheet, settings: CduSettings) -> DesignPoint:
    """Solve the design point of ``sheet`` and hold its figures against each other.

    Raises
    ------
    DatasheetError
        Names the figures that disagree.
    """
    supply_degc = sheet.fws_supply_temp_degc + sheet.approach_k
    _agree(sheet, "tcs_supply_temp_degc", supply_degc, 0.1, "fws_supply_temp_degc and approach_k")
    tcs, tcs_rise_k = _mean_properties(sheet, "tcs", supply_degc, sheet.duty_kw)
    return_degc = supply_degc + tcs_rise_k
    tolerance_k = HEAT_BALANCE_TOLERANCE * tcs_rise_k
    _agree(
        sheet, "tcs_return_temp_degc", return_degc, tolerance_k, "duty_kw, tcs_flow_kg_s and the coolant's cp"
    )

    head_kpa = sheet.rack_drop_kpa + sheet.tcs_exchanger_drop_kpa + sheet.filter_drop_kpa
    hydraulic_kw = sheet.tcs_flow_kg_s / tcs.density_kg_m3 * head_kpa
    power_kw, wire_to_water = _pump_power(sheet, hydraulic_kw)
    heat_kw = sheet.duty_kw + settings.pump_heat_to_coolant_fraction * power_kw

    fws, fws_rise_k = _mean_properties(sheet, "fws", sheet.fws_supply_temp_degc, heat_kw)
    fws_return_degc = sheet.fws_supply_temp_degc + fws_rise_k
    tolerance_k = HEAT_BALANCE_TOLERANCE * fws_rise_k
    _agree(sheet, "fws_return_temp_degc", fws_return_degc, tolerance_k, "duty_kw, fws_flow_kg_s and its cp")
    return DesignPoint(
        tcs=tcs,
        fws=fws,
        tcs_supply_temp_degc=supply_degc,
        tcs_return_temp_degc=return_degc,
        fws_return_temp_degc=fws_return_degc,
        exchanger_heat_kw=heat_kw,
        ua_w_k=_exchanger_ua_w_k(sheet, tcs, fws, heat_kw, return_degc, fws_return_degc),
        pump_head_kpa=head_kpa,
        pump_power_kw=power_kw,
        wire_to_water=wire_to_water,
    )


def size(sheet: CduDatasheet, settings: CduSettings, plate: ColdPlate = OCP_1KW_OAM_PG25) -> CduParameters:
    """Parameters that reproduce ``sheet`` at its design point.

    Raises
    ------
    DatasheetError
        Figures that disagree, or less coolant than the CDU and the racks alone hold.
    PlantSettingError
        A cold plate table that breaks the second law with this coolant.
    """
    point = solve_design(sheet, settings)
    plate.check_against(point.tcs.density_kg_m3 * point.tcs.heat_capacity_j_kgk)
    tcs_ha, fws_ha = _film_conductances_w_k(sheet, point)
    pump_mass = sheet.tcs_flow_kg_s * settings.pump_mixing_time_s
    rack_mass = sheet.tcs_flow_kg_s * settings.rack_transit_time_s
    pipe_mass = _pipe_mass_kg(sheet, point.tcs, pump_mass + rack_mass)
    curve, design_speed = _pump_curve(sheet, settings, point.pump_head_kpa)
    open_at_design = plain(opening)(
        settings.valve_design_position_percent / 100.0, settings.valve_rangeability
    )
    without_rate = CduParameters(
        tcs_flow_kg_s=sheet.tcs_flow_kg_s,
        fws_flow_kg_s=sheet.fws_flow_kg_s,
        tcs_cp_j_kgk=point.tcs.heat_capacity_j_kgk,
        fws_cp_j_kgk=point.fws.heat_capacity_j_kgk,
        tcs_density_kg_m3=point.tcs.density_kg_m3,
        tcs_ha_w_k=tcs_ha,
        fws_ha_w_k=fws_ha,
        fws_drop_kpa=sheet.fws_drop_kpa,
        valve_authority=sheet.valve_authority,
        valve_rangeability=settings.valve_rangeability,
        valve_design_opening=open_at_design,
        valve_stroke_time_s=settings.valve_stroke_time_s,
        pump_ramp_time_s=settings.pump_ramp_time_s,
        pump_design_speed=design_speed,
        pump_shutoff_ratio=settings.pump_shutoff_head_ratio,
        pump_idle_share=settings.pump_idle_power_fraction,
        pump_power_w=1000.0 * point.pump_power_kw,
        pump_coolant_share=settings.pump_heat_to_coolant_fraction,
        pump_coast_time_s=settings.pump_coast_time_s,
        pump_friction=_BEARING_FRICTION,
        exchanger_share=sheet.tcs_exchanger_drop_kpa / point.pump_head_kpa,
        filter_share=sheet.filter_drop_kpa / point.pump_head_kpa,
        rack_share=sheet.rack_drop_kpa / point.pump_head_kpa,
        rack_drop_kpa=sheet.rack_drop_kpa,
        filter_exponent=sheet.filter_exponent,
        rack_exponent=sheet.rack_exponent,
        pump_mass_kg=pump_mass,
        rack_mass_kg=rack_mass,
        supply_pipe_mass_kg=0.5 * pipe_mass,
        return_pipe_mass_kg=0.5 * pipe_mass,
        fws_mass_kg=sheet.fws_flow_kg_s * settings.fws_mixing_time_s,
        plates=sheet.duty_kw / plate.power_kw,
        plate_capacity_j_k=sheet.duty_kw / plate.power_kw * plate.heat_capacity_j_k,
        shutdown_degc=plate.shutdown_case_temp_degc,
        shutdown_per_k=1.0 / plate.shutdown_band_k,
        boiling_degc=plain(boiling_degc)(_FILL_KPA, sheet.tcs_fluid.water_mole_fraction),
        fastest_rate_per_s=0.0,
        pump_curve=curve,
    )
    return replace(without_rate, fastest_rate_per_s=_fastest_rate_per_s(without_rate, plate))


def _pump_curve(
    sheet: CduDatasheet, settings: CduSettings, head_kpa: float
) -> tuple[tuple[float, ...], float]:
    """Pump curve by points, if the sheet has one, and the speed (0 … 1) that gives the design flow."""
    given = settings.pump_design_speed_percent / 100.0
    if not sheet.pump_curve_flow_kg_s:
        return (), given
    curve, speed = curve_at_design(sheet, head_kpa)
    if given not in (1.0, speed) and abs(given - speed) > _SAME_SPEED:
        raise DatasheetError(
            f"{sheet.name}: pump_design_speed_percent = {100 * given:g} disagrees with the pump curve, which gives "
            f"tcs_flow_kg_s at {100 * speed:.1f} % (leave the setting out)"
        )
    return curve, speed


def _agree(sheet: CduDatasheet, figure: str, expected: float, tolerance_k: float, others: str) -> None:
    given = getattr(sheet, figure)
    if given is not None and not abs(given - expected) <= tolerance_k:
        raise DatasheetError(
            f"{sheet.name}: {figure} = {given:g} disagrees with {others}, which give {expected:.1f} °C "
            f"(tolerance {tolerance_k:.1f} K)"
        )


def _mean_properties(
    sheet: CduDatasheet, side: str, inlet_degc: float, heat_kw: float
) -> tuple[FluidProperties, float]:
    """Properties of one side at its mean temperature, and its rise (K) when it takes up ``heat_kw``."""
    flow_kg_s = getattr(sheet, f"{side}_flow_kg_s")
    given: FluidProperties | None = getattr(sheet, f"{side}_properties")
    if given is not None:
        return given, 1000.0 * heat_kw / (flow_kg_s * given.heat_capacity_j_kgk)
    found = fluid_properties(getattr(sheet, f"{side}_fluid"), inlet_degc)
    for _ in range(3):
        rise_k = 1000.0 * heat_kw / (flow_kg_s * found.heat_capacity_j_kgk)
        mean_degc = inlet_degc + 0.5 * rise_k
        if not math.isfinite(mean_degc) or mean_degc > _HOTTEST_MEAN_DEGC:
            raise DatasheetError(
                f"{sheet.name}: duty_kw = {sheet.duty_kw:g} and {side}_flow_kg_s = {flow_kg_s:g} disagree: "
                f"the coolant would leave {rise_k:.0f} K warmer than it came"
            )
        found = fluid_properties(getattr(sheet, f"{side}_fluid"), round(mean_degc, 2))
    return found, 1000.0 * heat_kw / (flow_kg_s * found.heat_capacity_j_kgk)


def _pump_power(sheet: CduDatasheet, hydraulic_kw: float) -> tuple[float, float]:
    """Electrical power (kW) at design and the efficiency from wire to water."""
    if sheet.electrical_kw is None:
        return hydraulic_kw / DEFAULT_WIRE_TO_WATER, DEFAULT_WIRE_TO_WATER
    low, high = PLAUSIBLE_WIRE_TO_WATER
    wire_to_water = hydraulic_kw / sheet.electrical_kw
    if not low <= wire_to_water <= high:
        raise DatasheetError(
            f"{sheet.name}: electrical_kw = {sheet.electrical_kw:g} disagrees with "
            f"tcs_flow_kg_s and the drops, whose hydraulic power is {hydraulic_kw:.1f} kW: an efficiency of "
            f"{wire_to_water:.2f} is outside {low:g} … {high:g}"
        )
    return sheet.electrical_kw, wire_to_water


def _exchanger_ua_w_k(
    sheet: CduDatasheet,
    tcs: FluidProperties,
    fws: FluidProperties,
    heat_kw: float,
    tcs_return_degc: float,
    fws_return_degc: float,
) -> float:
    """UA (W/K) that carries ``heat_kw`` between the design temperatures, second law permitting."""
    tcs_c = sheet.tcs_flow_kg_s * tcs.heat_capacity_j_kgk
    fws_c = sheet.fws_flow_kg_s * fws.heat_capacity_j_kgk
    leaving_degc = tcs_return_degc - 1000.0 * heat_kw / tcs_c
    if fws_return_degc >= tcs_return_degc:
        raise DatasheetError(
            f"{sheet.name}: duty_kw, fws_flow_kg_s and approach_k disagree: FWS would leave at "
            f"{fws_return_degc:.1f} °C, warmer than the TCS return that heats it ({tcs_return_degc:.1f} °C)"
        )
    if leaving_degc <= sheet.fws_supply_temp_degc:
        raise DatasheetError(
            f"{sheet.name}: approach_k = {sheet.approach_k:g} disagrees with electrical_kw and "
            f"tcs_flow_kg_s: before the pump warms it, TCS would leave the exchanger at {leaving_degc:.2f} "
            f"°C, colder than the FWS supply"
        )
    least = min(tcs_c, fws_c)
    effectiveness = 1000.0 * heat_kw / (least * (tcs_return_degc - sheet.fws_supply_temp_degc))
    return ntu_for(effectiveness, least / max(tcs_c, fws_c)) * least


def _film_conductances_w_k(sheet: CduDatasheet, point: DesignPoint) -> tuple[float, float]:
    """Split UA between the TCS and the FWS film."""
    ratio = film_ratio(point.tcs, sheet.tcs_flow_kg_s, point.fws, sheet.fws_flow_kg_s)
    return split_conductance(point.ua_w_k, ratio)


def _fastest_rate_per_s(parameters: CduParameters, plate: ColdPlate) -> float:
    """Fastest exchange of any TCS volume, and of the plates with theirs, at full speed of the pump."""
    p = parameters
    if p.pump_curve:
        ratio = plain(curve_widest)(np.array(p.pump_curve)) / p.pump_design_speed
    else:
        ratio = plain(operating_flow_ratio)(
        1.0 / p.pump_design_speed, p.pump_shutoff_ratio, p.exchanger_share, p.filter_share, p.rack_share,
        p.filter_exponent, p.rack_exponent,
    )  # fmt: skip
    flow_kg_s = ratio * p.tcs_flow_kg_s
    film_w_k = p.plates / plate.least_film_resistance_k_w(p.tcs_density_kg_m3 * p.tcs_cp_j_kgk)
    of_racks = flow_kg_s / p.rack_mass_kg + film_w_k / (p.rack_mass_kg * p.tcs_cp_j_kgk)
    smallest_kg = min(p.pump_mass_kg, p.supply_pipe_mass_kg, p.return_pipe_mass_kg)
    return max(flow_kg_s / smallest_kg, of_racks + film_w_k / p.plate_capacity_j_k)


def _pipe_mass_kg(sheet: CduDatasheet, tcs: FluidProperties, inside_kg: float) -> float:
    """Coolant (kg) in supply and return pipes together."""
    total_kg = sheet.tcs_loop_volume_l / 1000.0 * tcs.density_kg_m3
    # Half a second for each pipe: less is no pipe, and would take ever shorter substeps.
    least_kg = inside_kg + sheet.tcs_flow_kg_s
    if total_kg < least_kg:
        raise DatasheetError(
            f"{sheet.name}: tcs_loop_volume_l = {sheet.tcs_loop_volume_l:g} is less than the "
            f"{least_kg / tcs.density_kg_m3 * 1000.0:.0f} L that the CDU, the racks and the shortest "
            f"pipes hold at tcs_flow_kg_s"
        )
    return total_kg - inside_kg
