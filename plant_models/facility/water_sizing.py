"""Sizing of modules, CDUs and the facility water system.

1. Modules ``= ceil(P_IT / P_module)``; duty CDUs of a module ``= ceil(P_module / duty)``, and the spares beside them
   (PLANT.md §1: any one may be out at full load). All run and share the load; the worst is that with the spares out.
   In the plant each CDU has racks and a secondary loop of its own: a module's other CDUs carry the load of one that is
   out once it is moved to their racks (jobs, or hoses), not through a common manifold, of which there is none.
2. Flow ``M`` = flow of the duty CDUs by their sheet (PLANT.md §3).
3. Heat to reject ``Q = P_IT + f (P_CDU pumps + P_primary pumps)``: what the pumps' coolants take up (sizing of
   :mod:`plant_models.sizing`), all CDUs at design flow. The primary pumps warm the supply, behind what cools it, so
   ``T_return = T_supply + (Q - f P_primary) / (M cp)``, and what cools it has to reach that much less.
4. Head = branch piping + CDU + coolers with their three-way valve + evaporators + pipes both ways, each at ``M``; power
   ``M / rho x head / eta``, eta 0.7 (PLANT.md §3). Pumps ``= ceil(M / largest)`` and the spares.
5. Pipe: section ``M / (rho v)``, volume section times length.
"""

from __future__ import annotations

import math

from plant_models.components.header import MOST_BRANCHES, MOST_PUMPS
from plant_models.datasheets import CduDatasheet
from plant_models.errors import PlantSettingError
from plant_models.facility.sizes import CduSizes, SizingCheck, WaterSizes
from plant_models.facility.spec import FacilitySpec
from plant_models.sizing import CduSettings, DesignPoint, solve_design

WIRE_TO_WATER, HEAT_TO_WATER = 0.7, 0.9
_RULE_L_MIN_K_KW = 15.0
"""PG25 flow over duty, times the rise (PLANT.md §3)."""
_WHOLE = 1e-9
"""Counts of units are rounded up from quotients that binary fractions put a hair above a whole number."""


def units_for(duty: float, each: float) -> int:
    """How many units of ``each`` carry ``duty``, at least one."""
    return max(math.ceil(duty / each - _WHOLE), 1)


def size_cdus(spec: FacilitySpec, point: DesignPoint) -> CduSizes:
    """Size modules and their CDUs (step 1).

    Raises
    ------
    PlantSettingError
        More CDUs than one header has branches.
    """
    modules = units_for(spec.it_power_mw, spec.module_mw)
    duty = units_for(1000.0 * spec.module_mw, spec.sheet.duty_kw)
    per_module = duty + spec.spare_cdus_per_module
    installed = modules * per_module
    if installed > MOST_BRANCHES:
        raise PlantSettingError(
            f"facility: it_power_mw = {spec.it_power_mw:g} takes {modules} modules of {per_module} CDUs of "
            f"{spec.sheet.duty_kw:g} kW, {installed} on one header; it has at most {MOST_BRANCHES} branches"
        )
    return CduSizes(
        modules=modules,
        duty_per_module=duty,
        per_module=per_module,
        installed=installed,
        load_kw=1000.0 * spec.it_power_mw / installed,
        worst_load_kw=1000.0 * spec.it_power_mw / (modules * duty),
        pump_power_kw=point.pump_power_kw,
    )


def size_water(spec: FacilitySpec, cdus: CduSizes, point: DesignPoint) -> WaterSizes:
    """Size the facility water system (steps 2 to 5).

    Raises
    ------
    PlantSettingError
        More primary pumps than a header has places for.
    """
    sheet = spec.sheet
    density, cp = point.fws.density_kg_m3, point.fws.heat_capacity_j_kgk
    flow = cdus.modules * cdus.duty_per_module * sheet.fws_flow_kg_s
    header = spec.module_drop_kpa + sheet.fws_drop_kpa
    coolers = spec.cooler_drop_kpa / (1.0 - spec.three_way_authority)
    head = header + coolers + spec.evaporator_drop_kpa + pipe_drop_kpa(spec)
    power = flow / density * head / WIRE_TO_WATER
    heat = 1000.0 * spec.it_power_mw + HEAT_TO_WATER * (cdus.installed * cdus.pump_power_kw + power)
    duty_pumps = units_for(flow, spec.largest_pump_kg_s)
    if duty_pumps + spec.spare_units > MOST_PUMPS:
        raise PlantSettingError(
            f"facility: largest_pump_kg_s = {spec.largest_pump_kg_s:g} takes {duty_pumps} + {spec.spare_units} primary "
            f"pumps for {flow:.0f} kg/s; a header has at most {MOST_PUMPS}"
        )
    section_m2 = flow / density / spec.pipe_velocity_m_s
    return WaterSizes(
        flow_kg_s=flow,
        supply_temp_degc=spec.supply_temp_degc,
        return_temp_degc=spec.supply_temp_degc + 1000.0 * (heat - HEAT_TO_WATER * power) / (flow * cp),
        heat_kw=heat,
        duty_pumps=duty_pumps,
        pumps=duty_pumps + spec.spare_units,
        head_kpa=head,
        header_drop_kpa=header,
        pump_power_kw=power,
        pipe_volume_l=1000.0 * section_m2 * spec.pipe_length_m,
        pipe_diameter_m=math.sqrt(4.0 * section_m2 / math.pi),
        density_kg_m3=density,
        cp_j_kgk=cp,
    )


def pipe_drop_kpa(spec: FacilitySpec) -> float:
    """Drop of the pipes, there and back, at design flow."""
    return 2.0 * spec.pipe_length_m * spec.pipe_drop_pa_m / 1000.0


def tcs_flow_check(sheet: CduDatasheet, point: DesignPoint) -> SizingCheck:
    """Flow of the sheet over duty times its rise, against the rule for PG25; other coolants are within a tenth."""
    litres_min = sheet.tcs_flow_kg_s / point.tcs.density_kg_m3 * 60_000.0
    rise_k = point.tcs_return_temp_degc - point.tcs_supply_temp_degc
    return SizingCheck(
        figure="TCS flow x rise / duty",
        value=litres_min * rise_k / sheet.duty_kw,
        low=0.9 * _RULE_L_MIN_K_KW,
        high=1.1 * _RULE_L_MIN_K_KW,
        unit="K L/min/kW",
        source="PLANT.md §3: 15.0",
    )


def design_of(spec: FacilitySpec) -> DesignPoint:
    """Design point of one CDU as its sheet has it.

    Raises
    ------
    DatasheetError
        Figures of the sheet that disagree.
    """
    return solve_design(spec.sheet, CduSettings())
