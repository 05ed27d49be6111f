"""Bank of dry coolers with fan groups, free convection and adiabatic pads.

Each fan group blows through its own share of the coil, with that share of the coolant: cross-flow, both
streams unmixed (:mod:`plant_models.cross_flow`), films ``hA ~ m^0.85`` (coolant) and ``~ m^0.8`` (air), split at
design as in :mod:`plant_models.components.cooler_design`. The contents of each share are one stirred volume:
``M cp dT/dt = m cp (T_in - T) - Q`` with ``Q = m cp (T_in - T_eps) + G (T - T_eps)``. ``T_eps`` is what the coil's
equation gives; ``G`` is what the coil exchanges with coolant at rest. In steady state ``T = T_eps`` exactly, at any
flow; without flow the coil goes to the air's temperature at the pace of ``G``. The outlet is the groups' mean.

A fan moves a volume in proportion to its speed (affinity), so mass with the air's density, and power with its cube.
Fans off, natural draught ``~ sqrt(T - T_air)`` (buoyancy against a quadratic resistance) is left, fitted so that the
bank has 12.5 % of its capacity at design temperatures (LBNL's dry cooler takes the same share). Not in the
model: recirculation of warm air, ice in the coil (``freezing_margin_k`` says how far it is).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from plant_models._jit import inner
from plant_models.actuator import actuator_after, actuator_rate_percent_s
from plant_models.components import codes
from plant_models.components.checks import in_range, whole_number
from plant_models.components.cooler_design import AIR_CP_J_KGK, cooler_design
from plant_models.components.cooler_settings import DryCoolerSettings, settings_from
from plant_models.components.cooler_sheet import CoolerDatasheet, cooler_sheet
from plant_models.components.moist_air import after_pads_degc, water_taken_up
from plant_models.cross_flow import cooled_share, film_in_series_w_k
from plant_models.errors import PlantSettingError
from plant_models.fluid import freezing_point_degc
from plant_models.ports import Port
from plant_models.system.component import Component, Energy, InputPort, Stage

Array = npt.NDArray[np.float64]

MOST_UNITS = 200
(
    _CP, _GROUPS, _FLOW, _AIR_C, _COOLANT_HA, _AIR_HA, _COOLANT_EXP, _AIR_EXP, _STANDING, _DRAUGHT, _DRAUGHT_K,
    _AIR_K, _FAN_W, _DRIVE, _RAMP_S, _COAST_S, _PADS, _WET_S, _DRY_S, _MAKE_UP, _MASS_KG, _FREEZES, _REST_RATE,
    _PADS_DRY, _TRIPS,
) = range(25)  # fmt: skip
_IN_FLOW, _IN_TEMP, _DRY_BULB, _WET_BULB, _PRESSURE, _PAD_COMMAND, _FANS = range(7)
_WETTED, _COILS = range(2)
_OUTLET, _MARGIN, _ENTERING, _FAN_KW, _WATER, _HEAT = range(6)
_STANDARD_KPA = 101.325
_CALM_K = 0.05
"""Keeps the root of the draught smooth where coil and air are alike: some air always moves."""
_STAGES = (
    Stage((), (Port("outlet_temp_degc", "degC"), Port("freezing_margin_k", "K"))),
    Stage(
        ("dry_bulb_temp_degc", "wet_bulb_temp_degc", "pressure_kpa"),
        (
            Port("entering_air_temp_degc", "degC"),
            Port("fan_power_kw", "kW"),
            Port("water_use_kg_s", "kg/s"),
        ),
    ),
    Stage(("flow_kg_s", "inlet_temp_degc"), (Port("heat_kw", "kW"),), reported=True),
)
_ENERGIES = (
    Energy("inlet_heat", True, "inlet_temp_degc"),
    Energy("outlet_heat", False, "outlet_temp_degc"),
    Energy("fan_work", True, None),
    Energy("air_heat", False, None),
)


@inner
def air_ratio(speed: float, coil_degc: float, entering_degc: float, pressure_kpa: float, p: Array) -> float:
    """Mass of air through a group over its design: by the fan, or by natural draught where that is more."""
    density = pressure_kpa / _STANDARD_KPA * p[_AIR_K] / (entering_degc + 273.15)
    driving = (abs(coil_degc - entering_degc) + _CALM_K) / p[_DRAUGHT_K]
    return float(max(speed, p[_DRAUGHT] * math.sqrt(driving)) * density)


@inner
def dry_cooler_outputs(stage: int, x: Array, u: Array, p: Array, y: Array) -> None:
    """Stage 0: the outlet; 1: air, fans and water; 2: heat."""
    groups = int(p[_GROUPS])
    if stage == 0:
        mixed = 0.0
        for g in range(groups):
            mixed += x[_COILS + g]
        y[_OUTLET] = mixed / groups
        y[_MARGIN] = y[_OUTLET] - p[_FREEZES]
    elif stage == 1:
        air_side(x, u, p, y)
    else:
        heat = 0.0
        for g in range(groups):
            heat += group_heat_w(x[_COILS + g], x[_COILS + groups + g], u, p, y[_ENTERING])
        y[_HEAT] = heat / 1000.0


@inner
def air_side(x: Array, u: Array, p: Array, y: Array) -> None:
    """Entering air behind the pads, power of the fans, water with the bleed that it takes."""
    groups, pressure = int(p[_GROUPS]), u[_PRESSURE]
    dry, wet = u[_DRY_BULB], min(u[_WET_BULB], u[_DRY_BULB])
    entering = after_pads_degc(dry, wet, p[_PADS], x[_WETTED] / 100.0)
    density = pressure / _STANDARD_KPA * p[_AIR_K] / (entering + 273.15)
    power, air = 0.0, 0.0
    for g in range(groups):
        speed = max(x[_COILS + groups + g] / 100.0, 0.0)
        power += (1.0 - p[_DRIVE]) * speed**3 * density + p[_DRIVE] * speed
        air += air_ratio(speed, x[_COILS + g], entering, pressure, p)
    y[_ENTERING] = entering
    y[_FAN_KW] = p[_FAN_W] / groups * power / 1000.0
    taken_up = water_taken_up(dry, wet, entering, pressure)
    y[_WATER] = p[_MAKE_UP] * p[_AIR_C] / AIR_CP_J_KGK * air / groups * taken_up


@inner
def group_heat_w(coil_degc: float, speed_percent: float, u: Array, p: Array, entering_degc: float) -> float:
    """Heat of one group to the air (W), negative from it, on its share of the coolant."""
    groups = p[_GROUPS]
    ratio = max(u[_IN_FLOW], 0.0) / p[_FLOW]
    air = air_ratio(speed_percent / 100.0, coil_degc, entering_degc, u[_PRESSURE], p)
    air_c = p[_AIR_C] / groups * air
    if air_c <= 0.0:
        return 0.0
    coolant_c = ratio * p[_FLOW] * p[_CP] / groups
    coolant_ha = p[_COOLANT_HA] / groups
    air_film = p[_AIR_HA] / groups * air ** p[_AIR_EXP]
    film = coolant_ha * max(ratio ** p[_COOLANT_EXP], p[_STANDING])
    share = cooled_share(coolant_c, air_c, film_in_series_w_k(film, air_film))
    leaving = u[_IN_TEMP] - share * (u[_IN_TEMP] - entering_degc)
    at_rest = film_in_series_w_k(coolant_ha * p[_STANDING], air_film)
    exchanged = -air_c * math.expm1(-at_rest / air_c) * (coil_degc - leaving)
    return float(coolant_c * (u[_IN_TEMP] - leaving) + exchanged)


@inner
def dry_cooler_rates(x: Array, u: Array, y: Array, p: Array, dx: Array) -> None:
    """Rates of pads, coils and fans; heat in and out with the coolant, work of the fans, heat to the air (W)."""
    groups = int(p[_GROUPS])
    fans = _COILS + groups
    coolant_c = max(u[_IN_FLOW], 0.0) * p[_CP]
    wanted = 0.0 if p[_PADS_DRY] != 0.0 else u[_PAD_COMMAND]
    dx[_WETTED] = (wanted - x[_WETTED]) / (p[_WET_S] if wanted > x[_WETTED] else p[_DRY_S])
    heat = 0.0
    for g in range(groups):
        coil, speed = x[_COILS + g], x[fans + g]
        brought = coolant_c / groups * (u[_IN_TEMP] - coil)
        given_off = group_heat_w(coil, speed, u, p, y[_ENTERING])
        dx[_COILS + g] = (brought - given_off) / (p[_MASS_KG] * p[_CP] / groups)
        heat += given_off
        if fans_driven(g, u, p):
            dx[fans + g] = actuator_rate_percent_s(speed, u[_FANS + g], p[_RAMP_S])
        else:
            dx[fans + g] = -speed / p[_COAST_S]
    work = 1000.0 * y[_FAN_KW]
    dx[fans + groups] = coolant_c * u[_IN_TEMP]
    dx[fans + groups + 1] = coolant_c * y[_OUTLET]
    dx[fans + groups + 2] = work
    dx[fans + groups + 3] = heat + work


@inner
def fans_driven(g: int, u: Array, p: Array) -> bool:
    """Whether a group of fans follows its command: it has not tripped, and has its supply; else it runs down."""
    return bool(p[_TRIPS + g] == 0.0 and u[_FANS + int(p[_GROUPS])] >= 0.5)


@inner
def dry_cooler_move(x: Array, u: Array, p: Array, h: float, to: Array) -> None:
    """Put the fans where they are ``h`` (s) after ``x`` into ``to``."""
    fans = _COILS + int(p[_GROUPS])
    for g in range(int(p[_GROUPS])):
        if fans_driven(g, u, p):
            to[fans + g] = actuator_after(x[fans + g], u[_FANS + g], p[_RAMP_S], h)
        else:
            to[fans + g] = x[fans + g] * math.exp(-h / p[_COAST_S])


@inner
def dry_cooler_rate_per_s(u: Array, p: Array) -> float:
    """Rate of the coil's contents (1/s) at twice the design flow, or at what flows now where that is more."""
    return float(max(2.0 * p[_FLOW], u[_IN_FLOW]) / p[_MASS_KG] + p[_REST_RATE])


def dry_cooler(
    sheet: CoolerDatasheet | str,
    *,
    count: int = 1,
    fan_groups: int | None = None,
    cp_j_kgk: float | None = None,
    **settings: float,
) -> Component:
    """Make a bank of ``count`` equal coolers in parallel, fans at 50 %, pads dry.

    Parameters
    ----------
    sheet : CoolerDatasheet or str
        Of one unit, or the name of a ready one.
    count : int
        1 … 200.
    fan_groups : int, optional
        Groups of the whole bank with a command and a trip of their own; the sheet's by default. ``count`` makes
        each unit's fans a group.
    cp_j_kgk : float, optional
        Replaces the coolant's, where the rest of the loop was sized with its own.
    **settings
        Of :class:`DryCoolerSettings`.

    Raises
    ------
    DatasheetError, PlantSettingError
        A sheet against the second law or its own balance; a figure out of range.
    """
    of = cooler_sheet(sheet) if isinstance(sheet, str) else sheet
    s = settings_from(of.name, settings)
    groups = of.fan_groups if fan_groups is None else fan_groups
    cp = of.properties.heat_capacity_j_kgk if cp_j_kgk is None else cp_j_kgk
    in_range(of.name, cp_j_kgk=(cp, 1000.0, 6000.0))
    whole_number(of.name, count=(count, 1, MOST_UNITS), fan_groups=(groups, 1, MOST_UNITS))
    packed = _parameters(of, s, count, groups, cp)
    return Component(
        kind="dry_cooler",
        code=codes.DRY_COOLER,
        inputs=_inputs(of, groups, float(packed[_FLOW]), s.temp_degc),
        states=_states(groups),
        stages=_STAGES,
        energies=_ENERGIES,
        parameters=packed,
        capacity_j_k=np.array([0.0, *[packed[_MASS_KG] * cp / groups] * groups, *[0.0] * groups]),
        start=np.array([0.0, *[s.temp_degc] * groups, *[50.0] * groups]),
        faults={"pads_dry": _PADS_DRY, **{f"fan_{g + 1}_trip": _TRIPS + g for g in range(groups)}},
        heat_capacity_j_kgk=dict.fromkeys(("inlet_temp_degc", "outlet_temp_degc"), cp),
    )


def _states(groups: int) -> tuple[Port, ...]:
    return (
        Port("pads_wetted_percent", "%"),
        *(Port(f"coil_{g + 1}_temp_degc", "degC") for g in range(groups)),
        *(Port(f"fan_{g + 1}_speed_percent", "%") for g in range(groups)),
    )


def _parameters(of: CoolerDatasheet, s: DryCoolerSettings, count: int, groups: int, cp: float) -> Array:
    design = cooler_design(
        of,
        cp_j_kgk=cp,
        air_to_coolant_ha=s.air_to_coolant_ha,
        air_exponent=s.air_exponent,
        free_share=s.free_convection_share,
    )
    flow = count * design.coolant_flow_kg_s
    volume = of.coil_volume_l
    mass = (
        s.coil_transit_time_s * flow
        if volume is None
        else count * volume / 1000.0 * of.properties.density_kg_m3
    )
    if 2.0 * flow / mass > 20.0:
        raise PlantSettingError(
            f"dry cooler: coil_volume_l = {volume!r} turns over in {mass / flow:.2g} s at design flow; "
            f"0.1 s is the least"
        )
    range_k = of.fluid_in_temp_degc - of.fluid_out_temp_degc
    free_k = of.fluid_in_temp_degc - s.free_convection_share * range_k - of.air_temp_degc + _CALM_K
    coolant_ha = count * design.coolant_ha_w_k
    return np.array([
        cp, groups, flow, count * design.air_c_w_k, coolant_ha, count * design.air_ha_w_k, s.coolant_exponent,
        s.air_exponent, s.standing_film_ratio, design.free_air_ratio, free_k, of.air_temp_degc + 273.15,
        1000.0 * count * of.fan_kw, s.drive_loss_share, s.fan_ramp_time_s, s.fan_coast_time_s, s.pad_effectiveness,
        s.wetting_time_s, s.drying_time_s, s.cycles_of_concentration / (s.cycles_of_concentration - 1.0), mass,
        freezing_point_degc(of.coolant), coolant_ha * s.standing_film_ratio / (mass * cp),
        *[0.0] * (1 + groups),
    ])  # fmt: skip


def _inputs(of: CoolerDatasheet, groups: int, flow_kg_s: float, temp_degc: float) -> tuple[InputPort, ...]:
    wet = of.air_temp_degc - 12.0
    return (
        InputPort("flow_kg_s", "kg/s", 0.0, 1e5, flow_kg_s),
        InputPort("inlet_temp_degc", "degC", -60.0, 120.0, temp_degc),
        InputPort("dry_bulb_temp_degc", "degC", -60.0, 70.0, of.air_temp_degc),
        InputPort("wet_bulb_temp_degc", "degC", -60.0, 60.0, wet, optional=True),
        InputPort("pressure_kpa", "kPa", 65.0, 110.0, _STANDARD_KPA, optional=True),
        InputPort("pad_command_percent", "%", 0.0, 100.0, 0.0, optional=True),
        *(InputPort(f"fan_{g + 1}_speed_command_percent", "%", 0.0, 100.0, 50.0) for g in range(groups)),
        InputPort("supply_ratio", "1", 0.0, 1.0, 1.0, optional=True),
    )
