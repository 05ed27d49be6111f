"""From a datasheet and settings to a CDU component: its ports, parameters and start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from plant_models import cdu_physics as physics
from plant_models._jit import plain
from plant_models.cdu import CduPlant
from plant_models.cold_plate import OCP_1KW_OAM_PG25, ColdPlate, film_resistance_k_w, inlet_weight
from plant_models.components import cdu_places as at
from plant_models.components import codes
from plant_models.components.cdu_loop import LoopSettings
from plant_models.components.cdu_racks import RackSettings
from plant_models.datasheets import CduDatasheet, datasheet, datasheet_from
from plant_models.errors import PlantSettingError
from plant_models.fluid import coolant_limits
from plant_models.parameters import PLACE, VALVE_STUCK
from plant_models.ports import Port
from plant_models.pump import boiling_degc
from plant_models.system.component import Component, Energy, InputPort, Stage

Array = npt.NDArray[np.float64]

_FASTEST = PLACE["fastest_rate_per_s"]
_FWS_TEMPS = ("fws_supply_temp_degc", "fws_return_temp_degc")
_ENERGIES = (
    Energy("fws_heat", False, "fws_supply_temp_degc"),
    Energy("pump_heat", True, None),
    # Wires of demand or of power drawn carry no heat: that of the racks always comes from outside.
    Energy("rack_heat", True, None),
)
_OF_RACKS = frozenset(field.name for field in fields(RackSettings)) - {"racks"}
_OF_LOOP = frozenset(field.name for field in fields(LoopSettings))


def cdu(
    sheet: CduDatasheet | str | None = "deschutes_2mw",
    *,
    figures: Mapping[str, Any] | None = None,
    pumps: int = 1,
    pump_share: float | None = None,
    racks: int = 1,
    plate: ColdPlate = OCP_1KW_OAM_PG25,
    **settings: Any,
) -> Component:
    """Size a CDU from ``sheet`` as a component, in equilibrium at its start.

    Parameters
    ----------
    sheet : CduDatasheet, str or None
        Or the name of a ready one; None: ``figures`` alone.
    figures : mapping, optional
        Replace figures of the sheet, by the names of :class:`plant_models.CduDatasheet`.
    pumps : int
        1 to 3, each with its check valve and its own command.
    pump_share : float, optional
        Design flow of one pump over the CDU's; ``1/pumps`` by default, 1 for each a full stand-by.
    racks : int
        1 to 16, in parallel; from 2 on each with its own heat (``rack_<i>_heat_kw``), outlet and case.
    plate : ColdPlate
        What the racks are cooled by.
    **settings
        Fields of :class:`RackSettings` and :class:`LoopSettings`, and as :meth:`plant_models.CduPlant.from_datasheet`.

    Raises
    ------
    DatasheetError, PlantSettingError
        As there; also a number of pumps or racks or a share out of range, or parallel pumps with a flat head curve.
    """
    sheet = _sheet(sheet, figures)
    of_racks = RackSettings(racks=racks, **{name: settings.pop(name) for name in _OF_RACKS & set(settings)})
    of_loop = LoopSettings(**{name: settings.pop(name) for name in _OF_LOOP & set(settings)})
    share = 1.0 / max(pumps, 1) if pump_share is None else pump_share
    plant = CduPlant.from_datasheet(sheet, plate=of_racks.on(plate), **settings)
    _check_pumps(pumps, share, plant)
    core = _core(plant, sheet, of_racks, pumps * share)
    extra = _extra(plant, sheet, of_racks, of_loop, pumps, share)
    shares = [value for pair in of_racks.shares() for value in pair]
    held, made = plant.inputs, len(core) + len(shares)
    return Component(
        kind="cdu",
        code=codes.CDU,
        inputs=_inputs(held, pumps, of_racks),
        states=_states(pumps, of_racks),
        stages=_stages(pumps, racks),
        energies=_ENERGIES,
        parameters=np.array([*core, *shares, *(extra[name] for name in at.EXTRA)]),
        capacity_j_k=_capacities(plant, pumps, of_racks),
        start=_start(plant, pumps, of_racks, extra["fill_kg"], of_loop),
        faults=_faults(pumps, made + len(at.EXTRA)),
        heat_capacity_j_kgk=dict.fromkeys(_FWS_TEMPS, plant.parameters.fws_cp_j_kgk),
    )


def _sheet(sheet: CduDatasheet | str | None, figures: Mapping[str, Any] | None) -> CduDatasheet:
    if isinstance(sheet, str):
        return datasheet(sheet, **(figures or {}))
    return sheet if sheet is not None and not figures else datasheet_from(sheet, **(figures or {}))


def _check_pumps(pumps: int, share: float, plant: CduPlant) -> None:
    if not 1 <= pumps <= at.MOST_PUMPS or not 0.1 <= share <= 1.0 or pumps * share < 0.999:
        raise PlantSettingError(
            f"{pumps} pumps of {share:g} of the design flow each: 1 to {at.MOST_PUMPS} pumps of 0.1 … 1, that "
            "carry it together"
        )
    of = plant.parameters
    if (pumps, share) != (1, 1.0) and of.pump_shutoff_ratio < 1.01 and not of.pump_curve:
        raise PlantSettingError(
            "pump_shutoff_head_ratio below 1.01: parallel pumps with flat curves share no flow"
        )


def _core(plant: CduPlant, sheet: CduDatasheet, racks: RackSettings, more: float) -> list[float]:
    """Parameters of the CDU alone; ``more`` is the flow of all pumps at full speed over that of one duty's."""
    of = plant.parameters
    packed: list[float] = plant.packed_parameters.tolist()
    narrowest = max(flow / heat for flow, heat in racks.shares())
    cell_kg = min(of.supply_pipe_mass_kg, of.return_pipe_mass_kg) / racks.pipe_cells
    if cell_kg < 0.499 * of.tcs_flow_kg_s:
        raise PlantSettingError(
            f"cdu: {racks.pipe_cells} pipe_cells of {cell_kg:.3g} kg at tcs_flow_kg_s = {of.tcs_flow_kg_s:g}, with "
            f"tcs_loop_volume_l = {sheet.tcs_loop_volume_l:g}: at least half a second each; take fewer"
        )
    # Stand-by pumps that run beside the others push more than the design flow, and the volumes turn over faster.
    of_volumes = packed[_FASTEST] * max(more, 1.0) * max(narrowest, 1.0)
    of_cells = 1.4 * max(more, 1.0) * of.tcs_flow_kg_s / of.pump_design_speed / cell_kg
    packed[_FASTEST] = max(of_volumes, of_cells) if racks.pipe_cells > 1 else of_volumes
    return packed


def _extra(
    plant: CduPlant, sheet: CduDatasheet, racks: RackSettings, loop: LoopSettings, pumps: int, share: float
) -> dict[str, float]:
    """Values of :data:`cdu_places.EXTRA`, fault switches off."""
    of = plant.parameters
    loop_kg = of.pump_mass_kg + of.rack_mass_kg + of.supply_pipe_mass_kg + of.return_pipe_mass_kg
    tcs = coolant_limits(sheet.tcs_fluid) if sheet.tcs_limits is None else sheet.tcs_limits
    fws = coolant_limits(sheet.fws_fluid)
    return {
        **dict.fromkeys(at.EXTRA, 0.0),
        "pumps": float(pumps),
        "pump_share": share,
        **racks.figures(),
        **loop.figures(sheet.duty_kw, loop_kg, of.tcs_density_kg_m3),
        "expansion_m3_kg_k": tcs.expansion_per_k / of.tcs_density_kg_m3,
        "water_share": sheet.tcs_fluid.water_mole_fraction,
        "tcs_freezing_degc": tcs.freezing_degc,
        "fws_freezing_degc": fws.freezing_degc,
        "fws_boiling_degc": plain(boiling_degc)(loop.fws_pressure_kpa, sheet.fws_fluid.water_mole_fraction),
    }


def _numbered(name: str, what: str, several: int) -> list[str]:
    """``name`` with its ``what`` numbered, where there are several."""
    return [name if several == 1 else name.replace(what, f"{what}_{j + 1}") for j in range(several)]


def _inputs(held: Mapping[str, float], pumps: int, racks: RackSettings) -> tuple[InputPort, ...]:
    made: list[InputPort] = []
    low, high = float(physics.INPUT_LOW[physics.HEAT]), float(physics.INPUT_HIGH[physics.HEAT])
    demand = [
        InputPort(name, "kW", low, high, held["rack_heat_kw"] * heat)
        for name, (_, heat) in zip(
            _numbered("rack_heat_kw", "rack", racks.racks), racks.shares(), strict=True
        )
    ]
    for slot, port in enumerate(physics.INPUT_PORTS[1:], start=1):
        domain = float(physics.INPUT_LOW[slot]), float(physics.INPUT_HIGH[slot])
        several = pumps if slot == physics.PUMP_COMMAND else 1
        for name in _numbered(port.name, "pump", several):
            optional = slot in (physics.FWS_TEMP, physics.FWS_DROP)
            made.append(InputPort(name, port.unit, *domain, held[port.name], optional))
    supplies = [InputPort(f"{of}_supply_ratio", "1", 0.0, 1.0, 1.0, optional=True) for of in ("it", "pump")]
    fouling = InputPort("filter_fouling_ratio", "1", 1.0, 50.0, 1.0, optional=True)
    return (demand[0], *made, fouling, *supplies, *demand[1:])


def _states(pumps: int, racks: RackSettings) -> tuple[Port, ...]:
    speeds = [Port(name, "%") for name in _numbered("tcs_pump_speed_percent", "pump", pumps)]
    inventory = (
        Port("coolant_mass_kg", "kg"),
        Port("fill_reservoir_kg", "kg"),
        Port("lost_coolant_kg", "kg"),
        Port("fill_delay_s", "s"),
        Port("fill_pump_running", "1"),
    )
    more = [
        Port(f"rack_{i}_{what}_temp_degc", "degC")
        for i in range(2, racks.racks + 1)
        for what in ("outlet", "case")
    ]
    cells = [
        Port(f"{way}_pipe_{k + 1}_temp_degc", "degC")
        for way in ("supply", "return")
        for k in range(racks.pipe_cells - 1)
    ]
    return (*physics.STATE_PORTS[: physics.PUMP], *speeds, *inventory, *more, *cells)


def _stages(pumps: int, racks: int) -> tuple[Stage, ...]:
    speeds = [Port(f"pump_{j + 1}_speed_percent", "%") for j in range(pumps)]
    flows = [Port(f"pump_{j + 1}_flow_kg_s", "kg/s") for j in range(pumps)]
    commands = _numbered("tcs_pump_speed_command_percent", "pump", pumps)
    flows_and_power = (
        Port("tcs_flow_ratio", "1"),
        Port("fws_flow_ratio", "1"),
        Port("tcs_flow_kg_s", "kg/s"),
        Port("fws_flow_kg_s", "kg/s"),
        Port("fws_return_temp_degc", "degC"),
        Port("pump_power_kw", "kW"),
        Port("tcs_pump_speed_percent", "%"),
        Port("tcs_pressure_kpa", "kPa"),
        *speeds,
        *flows,
    )
    of_flows = ("fws_differential_pressure_kpa", *commands, "filter_fouling_ratio", "pump_supply_ratio")
    heats = _numbered("rack_heat_kw", "rack", racks)
    return (
        Stage(("fws_valve_command_percent",), (Port("fws_conductance_kg_s_kpa05", "kg/s/kPa0.5"),)),
        Stage(of_flows, flows_and_power),
        Stage((*heats, "it_supply_ratio"), _of_racks(racks), reported=True),
        Stage(("fws_supply_temp_degc",), _REPORTS, reported=True),
    )


def _of_racks(racks: int) -> tuple[Port, ...]:
    numbers = range(1, racks + 1) if racks > 1 else ()
    return (
        Port("it_power_kw", "kW"),
        Port("throttled_heat_kw", "kW"),
        Port("cold_plate_case_temp_degc", "degC"),
        *(Port(f"rack_{i}_return_temp_degc", "degC") for i in numbers),
        *(Port(f"rack_{i}_case_temp_degc", "degC") for i in numbers),
    )


_REPORTS = (
    Port("tcs_supply_temp_degc", "degC"),
    Port("tcs_return_temp_degc", "degC"),
    Port("tcs_flow_l_min", "L/min"),
    Port("rack_differential_pressure_kpa", "kPa"),
    Port("fws_valve_position_percent", "%"),
    Port("fws_heat_kw", "kW"),
    Port("tcs_heat_kw", "kW"),
    Port("coolant_margin_k", "K"),
    Port("coolant_mass_kg", "kg"),
    Port("fill_reservoir_kg", "kg"),
    Port("lost_coolant_kg", "kg"),
    Port("fill_pump_running", "1"),
)


def _capacities(plant: CduPlant, pumps: int, racks: RackSettings) -> Array:
    """Heat capacity of each state, J/K; 0 where it is no temperature."""
    of, cp, cells = plant.parameters, plant.parameters.tcs_cp_j_kgk, racks.pipe_cells
    heats = [heat for _, heat in racks.shares()]
    each = [(heat * of.rack_mass_kg * cp, heat * of.plate_capacity_j_k) for heat in heats]
    supply, returned = of.supply_pipe_mass_kg * cp / cells, of.return_pipe_mass_kg * cp / cells
    first = [of.pump_mass_kg * cp, supply, each[0][0], returned, of.fws_mass_kg * of.fws_cp_j_kgk, each[0][1]]
    none = [0.0] * (1 + pumps + at.INVENTORY)
    more = [value for pair in each[1:] for value in pair]
    return np.array([*first, *none, *more, *[supply] * (cells - 1), *[returned] * (cells - 1)])


def _start(plant: CduPlant, pumps: int, racks: RackSettings, fill_kg: float, loop: LoopSettings) -> Array:
    """States at the plant's own equilibrium, each rack at its share of heat and flow."""
    start, of = list(plant.state), plant.parameters
    supply, returned = start[physics.SUPPLY], start[physics.RETURN]
    flow_kg_s = plant.step(list(plant.inputs.values()), 0.0)[2]
    heat_w = 1000.0 * plant.inputs["rack_heat_kw"]
    each = []
    for flow, heat in racks.shares():
        rise_k = (returned - supply) * heat / flow
        l_min = flow_kg_s / of.tcs_density_kg_m3 * 60_000.0 / of.plates * flow / heat
        film = _film_k_w(plant, l_min) * heat_w / of.plates
        each.append((supply + rise_k, supply + (1.0 - plain(inlet_weight)(l_min)) * rise_k + film))
    first = [*start[: physics.PUMP], *[start[physics.PUMP]] * pumps]
    first[physics.RACK_OUT], first[physics.CASE] = each[0]
    more = [value for pair in each[1:] for value in pair]
    cells = racks.pipe_cells - 1
    inventory = [fill_kg, loop.fill_reservoir_kg, 0.0, loop.fill_delay_s, 0.0]
    return np.array([*first, *inventory, *more, *[supply] * cells, *[returned] * cells])


def _film_k_w(plant: CduPlant, l_min: float) -> float:
    """Case to coolant of one plate at its flow."""
    of = plant.parameters
    table = plant.plate
    return float(
        plain(film_resistance_k_w)(
            l_min,
            of.tcs_density_kg_m3 * of.tcs_cp_j_kgk,
            np.array(table.flow_l_min),
            np.array(table.resistance_k_w),
        )
    )


def _faults(pumps: int, end: int) -> dict[str, int]:
    trips = {name: end + at.TRIPS + j for j, name in enumerate(_numbered("pump_trip", "pump", pumps))}
    return {**trips, "valve_stuck": VALVE_STUCK, "leak": end + at.LEAK}
