"""A CDU with its racks as a component: the physics of :mod:`plant_models.cdu_physics` with one to three pumps.

Its FWS side is a conductance (flow over the root of the drop) that depends on the valve alone; so a
network can solve the flows of all its branches before any of them computes its heat. With one pump and
a clean filter it is :class:`plant_models.CduPlant`, equation by equation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from plant_models import cdu_physics as physics
from plant_models._jit import inner
from plant_models.actuator import actuator_rate_per_s
from plant_models.cdu import CduPlant
from plant_models.cold_plate import OCP_1KW_OAM_PG25, ColdPlate
from plant_models.components import codes
from plant_models.components.pump_group import drop_ratio, group_flow_ratio, pump_flow_ratio
from plant_models.datasheets import CduDatasheet
from plant_models.errors import PlantSettingError
from plant_models.parameters import PLACE, VALVE_STUCK
from plant_models.ports import Port
from plant_models.pump import RACK_EXPONENT, coasting_rate_per_s, power_ratio
from plant_models.system.component import Component, Energy, InputPort, Stage
from plant_models.valve import opening

Array = npt.NDArray[np.float64]

MOST_PUMPS = 3
_EXTRA = 2 + MOST_PUMPS
"""Parameters behind those of the CDU: number of pumps, one pump's share of design flow, trips."""
_SHARE, _TRIPS = -_EXTRA + 1, -MOST_PUMPS
_TEMPS = 6
_PUMP = physics.PUMP

_CONDUCTANCE, _TCS_RATIO, _FWS_RATIO, _TCS_KG_S, _FWS_KG_S, _FWS_RETURN, _PUMP_KW, _FASTEST_PUMP, _DETAIL = (
    range(9)
)
"""Places of outputs; from ``_DETAIL`` each pump's speed, then its flow, then what is only reported."""

_TCS_FLOW, _FWS_FLOW, _FWS_DESIGN_DROP = (
    PLACE[n] for n in ("tcs_flow_kg_s", "fws_flow_kg_s", "fws_drop_kpa")
)
_TCS_CP, _FWS_CP, _DENSITY = (PLACE[n] for n in ("tcs_cp_j_kgk", "fws_cp_j_kgk", "tcs_density_kg_m3"))
_AUTHORITY, _RANGEABILITY = PLACE["valve_authority"], PLACE["valve_rangeability"]
_DESIGN_OPENING, _STROKE_S, _RAMP_S = (
    PLACE[n] for n in ("valve_design_opening", "valve_stroke_time_s", "pump_ramp_time_s")
)
_DESIGN_SPEED, _SHUTOFF, _IDLE, _POWER_W, _COOLANT_SHARE = (
    PLACE[n]
    for n in (
        "pump_design_speed", "pump_shutoff_ratio", "pump_idle_share", "pump_power_w", "pump_coolant_share"
    )
)  # fmt: skip
_COAST_S, _FRICTION = PLACE["pump_coast_time_s"], PLACE["pump_friction"]
_EXCHANGER, _FILTER, _RACKS, _RACK_DROP = (
    PLACE[n] for n in ("exchanger_share", "filter_share", "rack_share", "rack_drop_kpa")
)
_FWS_TEMPS = ("fws_supply_temp_degc", "fws_return_temp_degc")
_ENERGIES = (
    Energy("fws_heat", False, "fws_supply_temp_degc"),
    Energy("pump_heat", True, None),
    Energy("rack_heat", True, "rack_heat_kw"),
)
_FASTEST, _FWS_KG = PLACE["fastest_rate_per_s"], PLACE["fws_mass_kg"]


@inner
def cdu_conductance(x: Array, u: Array, p: Array, y: Array) -> None:
    """Stage 0: the FWS side's conductance (kg/s/kPa^0.5), valve and exchanger in series."""
    relative = opening(physics.effective_position(x, u, p), p[_RANGEABILITY]) / p[_DESIGN_OPENING]
    y[_CONDUCTANCE] = 0.0
    if relative > 0.0:
        resistance = p[_AUTHORITY] / (relative * relative) + 1.0 - p[_AUTHORITY]
        y[_CONDUCTANCE] = p[_FWS_FLOW] / math.sqrt(p[_FWS_DESIGN_DROP] * resistance)


@inner
def cdu_outputs(x: Array, u: Array, p: Array, y: Array) -> None:
    """Stage 1: flows and power."""
    pumps = int(p[-_EXTRA])
    speeds = y[_DETAIL : _DETAIL + pumps]
    fastest = -1.0
    for j in range(pumps):
        outside = p[_RAMP_S] == 0.0 and p[_TRIPS + j] == 0.0
        percent = u[physics.PUMP_COMMAND + j] if outside else x[_PUMP + j]
        speed = min(max(percent / 100.0, -1.0), 1.0)
        fastest = max(fastest, speed)
        speeds[j] = speed / p[_DESIGN_SPEED]
    fouling = max(u[physics.PUMP_COMMAND + pumps], 1.0)
    filtered = p[_FILTER] * fouling
    ratio = group_flow_ratio(speeds, p[_SHUTOFF], p[_SHARE], p[_EXCHANGER], filtered, p[_RACKS])
    fws_ratio = y[_CONDUCTANCE] * math.sqrt(max(u[physics.FWS_DROP], 0.0)) / p[_FWS_FLOW]
    y[_TCS_RATIO] = ratio
    y[_FWS_RATIO] = fws_ratio
    y[_TCS_KG_S] = ratio * p[_TCS_FLOW]
    y[_FWS_KG_S] = fws_ratio * p[_FWS_FLOW]
    y[_FWS_RETURN] = x[physics.FWS_RETURN]
    y[_FASTEST_PUMP] = 100.0 * fastest
    y[_PUMP_KW] = pump_details(p, y, pumps, ratio, filtered) / 1000.0


@inner
def cdu_reports(x: Array, u: Array, p: Array, y: Array) -> None:
    """Stage 2: what nobody's rates need."""
    tcs_flow, fws_flow = y[_TCS_KG_S], y[_FWS_KG_S]
    at = _DETAIL + 2 * int(p[-_EXTRA])
    y[at] = x[physics.SUPPLY]
    y[at + 1] = x[physics.RETURN]
    y[at + 2] = tcs_flow / p[_DENSITY] * 60_000.0
    y[at + 3] = p[_RACK_DROP] * y[_TCS_RATIO] ** RACK_EXPONENT
    y[at + 4] = 100.0 * physics.effective_position(x, u, p)
    y[at + 5] = x[physics.CASE]
    y[at + 6] = fws_flow * p[_FWS_CP] * (x[physics.FWS_RETURN] - u[physics.FWS_TEMP]) / 1000.0
    y[at + 7] = tcs_flow * p[_TCS_CP] * (x[physics.RETURN] - x[physics.SUPPLY]) / 1000.0


@inner
def pump_details(p: Array, y: Array, pumps: int, ratio: float, filtered: float) -> float:
    """Put each pump's speed (%) and flow (kg/s) in the place of the relative speeds; gives their power (W)."""
    share = p[_SHARE]
    # A single pump has the whole flow, to the bit; the curves of several give each its own.
    head = 0.0 if pumps == 1 else drop_ratio(ratio, p[_EXCHANGER], filtered, p[_RACKS])
    power_w = 0.0
    for j in range(pumps):
        speed = y[_DETAIL + j]
        flow = ratio if pumps == 1 else pump_flow_ratio(speed, head, p[_SHUTOFF], share)
        power_w += p[_POWER_W] * share * power_ratio(speed, flow / share, p[_IDLE])
        y[_DETAIL + j] = 100.0 * speed * p[_DESIGN_SPEED]
        y[_DETAIL + pumps + j] = flow * p[_TCS_FLOW]
    return power_w


@inner
def cdu_rates(x: Array, u: Array, y: Array, p: Array, dx: Array) -> None:
    """Rates of temperatures, valve and pumps; heat to FWS, from the pumps and from the racks (W)."""
    pumps = int(p[-_EXTRA])
    pump_heat = p[_COOLANT_SHARE] * 1000.0 * y[_PUMP_KW]
    physics.heat_rates(x, u, p[: p.size - _EXTRA], y[_TCS_RATIO], y[_FWS_RATIO], pump_heat, dx)
    dx[physics.VALVE] = 0.0
    if p[VALVE_STUCK] == 0.0:
        command = u[physics.VALVE_COMMAND] / 100.0
        dx[physics.VALVE] = 100.0 * actuator_rate_per_s(x[physics.VALVE] / 100.0, command, p[_STROKE_S])
    for j in range(pumps):
        speed = x[_PUMP + j] / 100.0
        if p[_TRIPS + j] == 0.0:
            command = u[physics.PUMP_COMMAND + j] / 100.0
            dx[_PUMP + j] = 100.0 * actuator_rate_per_s(speed, command, p[_RAMP_S])
        else:
            dx[_PUMP + j] = 100.0 * coasting_rate_per_s(speed, p[_COAST_S], p[_FRICTION])
    after = _PUMP + pumps
    dx[after] = y[_FWS_RATIO] * p[_FWS_FLOW] * p[_FWS_CP] * (x[physics.FWS_RETURN] - u[physics.FWS_TEMP])
    dx[after + 1] = pump_heat
    dx[after + 2] = 1000.0 * u[physics.HEAT]


@inner
def cdu_settle(x: Array, u: Array, p: Array, h: float) -> None:
    """Put actuators outside the model where their command is; stop a coasting pump at standstill.

    Friction changes sign with the speed: what it takes off within ``h`` (s) would swing about zero for ever.
    """
    if p[_STROKE_S] == 0.0 and p[VALVE_STUCK] == 0.0:
        x[physics.VALVE] = u[physics.VALVE_COMMAND]
    for j in range(int(p[-_EXTRA])):
        if p[_TRIPS + j] != 0.0:
            if abs(x[_PUMP + j]) <= 100.0 * p[_FRICTION] / p[_COAST_S] * h:
                x[_PUMP + j] = 0.0
        elif p[_RAMP_S] == 0.0:
            x[_PUMP + j] = u[physics.PUMP_COMMAND + j]


@inner
def cdu_rate_per_s(u: Array, p: Array) -> float:
    """Fastest exchange of any volume, 1/s, the FWS side's with its valve wide open."""
    drop = max(u[physics.FWS_DROP], 0.0)
    fws = physics.fws_flow_ratio(1.0, drop, p) * p[_FWS_FLOW] / p[_FWS_KG]
    return float(max(p[_FASTEST], fws))


def cdu(
    sheet: CduDatasheet | str,
    *,
    pumps: int = 1,
    pump_share: float | None = None,
    plate: ColdPlate = OCP_1KW_OAM_PG25,
    **settings: float,
) -> Component:
    """Size a CDU from ``sheet`` as a component, in equilibrium at its start.

    Parameters
    ----------
    sheet : CduDatasheet or str
        Or the name of a ready one.
    pumps : int
        1 to 3, each with its check valve and its own command.
    pump_share : float, optional
        Design flow of one pump over the CDU's; ``1/pumps`` by default, 1 for each a full stand-by.
    plate : ColdPlate
        What the racks are cooled by.
    **settings
        As for :meth:`plant_models.CduPlant.from_datasheet`.

    Raises
    ------
    DatasheetError, PlantSettingError
        As there; also a number of pumps or a share out of range, or parallel pumps with a flat head curve.
    """
    share = 1.0 / max(pumps, 1) if pump_share is None else pump_share
    plant = CduPlant.from_datasheet(sheet, plate=plate, **settings)
    _check_pumps(pumps, share, plant.parameters.pump_shutoff_ratio)
    packed = plant.packed_parameters
    # Stand-by pumps that run beside the others push more than the design flow, and the volumes turn over faster.
    packed[_FASTEST] *= pumps * share
    extra = [float(pumps), share, *[0.0] * MOST_PUMPS]
    speeds = [plant.state[_PUMP]] * pumps
    held = plant.inputs
    return Component(
        kind="cdu",
        code=codes.CDU,
        inputs=_inputs(held, pumps),
        states=_states(pumps),
        stages=_stages(pumps),
        energies=_ENERGIES,
        parameters=np.array([*packed, *extra]),
        capacity_j_k=_capacities(plant, pumps),
        start=np.array([*plant.state[:_PUMP], *speeds]),
        faults=_faults(pumps, packed.size),
        heat_capacity_j_kgk=dict.fromkeys(_FWS_TEMPS, plant.parameters.fws_cp_j_kgk),
    )


def _check_pumps(pumps: int, share: float, shutoff_ratio: float) -> None:
    if not 1 <= pumps <= MOST_PUMPS or not 0.1 <= share <= 1.0 or pumps * share < 0.999:
        raise PlantSettingError(
            f"{pumps} pumps of {share:g} of the design flow each: 1 to {MOST_PUMPS} pumps of 0.1 … 1, that "
            "carry it together"
        )
    if (pumps, share) != (1, 1.0) and shutoff_ratio < 1.01:
        raise PlantSettingError(
            "pump_shutoff_head_ratio below 1.01: parallel pumps with flat curves share no flow"
        )


def _numbered(name: str, pumps: int) -> list[str]:
    """``name`` with its ``pump`` numbered, where there are several."""
    return [name if pumps == 1 else name.replace("pump", f"pump_{j + 1}") for j in range(pumps)]


def _inputs(held: Mapping[str, float], pumps: int) -> tuple[InputPort, ...]:
    made = []
    for slot, port in enumerate(physics.INPUT_PORTS):
        domain = float(physics.INPUT_LOW[slot]), float(physics.INPUT_HIGH[slot])
        several = pumps if slot == physics.PUMP_COMMAND else 1
        for name in _numbered(port.name, several):
            optional = slot in (physics.FWS_TEMP, physics.FWS_DROP)
            made.append(InputPort(name, port.unit, *domain, held[port.name], optional))
    return (*made, InputPort("filter_fouling_ratio", "1", 1.0, 50.0, 1.0, optional=True))


def _states(pumps: int) -> tuple[Port, ...]:
    speeds = [Port(name, "%") for name in _numbered("tcs_pump_speed_percent", pumps)]
    return (*physics.STATE_PORTS[:_PUMP], *speeds)


def _stages(pumps: int) -> tuple[Stage, ...]:
    speeds = [Port(f"pump_{j + 1}_speed_percent", "%") for j in range(pumps)]
    flows = [Port(f"pump_{j + 1}_flow_kg_s", "kg/s") for j in range(pumps)]
    commands = _numbered("tcs_pump_speed_command_percent", pumps)
    flows_and_power = (
        Port("tcs_flow_ratio", "1"),
        Port("fws_flow_ratio", "1"),
        Port("tcs_flow_kg_s", "kg/s"),
        Port("fws_flow_kg_s", "kg/s"),
        Port("fws_return_temp_degc", "degC"),
        Port("pump_power_kw", "kW"),
        Port("tcs_pump_speed_percent", "%"),
        *speeds,
        *flows,
    )
    reports = (
        Port("tcs_supply_temp_degc", "degC"),
        Port("tcs_return_temp_degc", "degC"),
        Port("tcs_flow_l_min", "L/min"),
        Port("rack_differential_pressure_kpa", "kPa"),
        Port("fws_valve_position_percent", "%"),
        Port("cold_plate_case_temp_degc", "degC"),
        Port("fws_heat_kw", "kW"),
        Port("tcs_heat_kw", "kW"),
    )
    return (
        Stage(("fws_valve_command_percent",), (Port("fws_conductance_kg_s_kpa05", "kg/s/kPa0.5"),)),
        Stage(("fws_differential_pressure_kpa", *commands, "filter_fouling_ratio"), flows_and_power),
        Stage(("fws_supply_temp_degc",), reports, reported=True),
    )


def _capacities(plant: CduPlant, pumps: int) -> Array:
    of = plant.parameters
    tcs = [of.pump_mass_kg, of.supply_pipe_mass_kg, of.rack_mass_kg, of.return_pipe_mass_kg]
    water = of.fws_mass_kg * of.fws_cp_j_kgk
    return np.array([*(m * of.tcs_cp_j_kgk for m in tcs), water, of.plate_capacity_j_k, *[0.0] * (1 + pumps)])


def _faults(pumps: int, core: int) -> dict[str, int]:
    trips = {name: core + 2 + j for j, name in enumerate(_numbered("pump_trip", pumps))}
    return {**trips, "valve_stuck": VALVE_STUCK}
