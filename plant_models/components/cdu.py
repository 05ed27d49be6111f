"""A CDU with its racks as a component: the physics of :mod:`plant_models.cdu_physics` with pumps, racks and a loop.

One to three pumps (:mod:`pump_group`), one to sixteen racks that may throttle (:mod:`cdu_racks`), and the loop's
inventory: pressure, leak, fill pump (:mod:`cdu_loop`). Its FWS side is a conductance (flow over the root of the drop)
that depends on the valve alone; so a network can solve the flows of all its branches before any of them computes its
heat. With one pump, one rack, a clean filter and a tight loop it is :class:`plant_models.CduPlant`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from plant_models import cdu_physics as physics
from plant_models._jit import inner
from plant_models.actuator import actuator_after, actuator_rate_percent_s
from plant_models.components import cdu_loop, cdu_racks
from plant_models.components import cdu_places as at
from plant_models.components.cdu_make import cdu
from plant_models.components.pump_group import (
    STANDSTILL,
    drop_ratio,
    group_flow_ratio,
    pump_flow_ratio,
    running_speeds,
)
from plant_models.parameters import PLACE, VALVE_STUCK
from plant_models.pump import coasted, coasting_rate_per_s, power_ratio
from plant_models.valve import opening

__all__ = ["cdu"]

Array = npt.NDArray[np.float64]

_TCS_FLOW, _FWS_FLOW, _FWS_DESIGN_DROP = (
    PLACE[n] for n in ("tcs_flow_kg_s", "fws_flow_kg_s", "fws_drop_kpa")
)
_TCS_CP, _FWS_CP, _DENSITY = (PLACE[n] for n in ("tcs_cp_j_kgk", "fws_cp_j_kgk", "tcs_density_kg_m3"))
_AUTHORITY, _RANGEABILITY = PLACE["valve_authority"], PLACE["valve_rangeability"]
_DESIGN_OPENING, _STROKE_S, _RAMP_S = (
    PLACE[n] for n in ("valve_design_opening", "valve_stroke_time_s", "pump_ramp_time_s")
)
_DESIGN_SPEED, _IDLE, _POWER_W, _COOLANT_SHARE = (
    PLACE[n] for n in ("pump_design_speed", "pump_idle_share", "pump_power_w", "pump_coolant_share")
)
_COAST_S, _FRICTION, _FILTER = (PLACE[n] for n in ("pump_coast_time_s", "pump_friction", "filter_share"))
_FASTEST, _FWS_KG = PLACE["fastest_rate_per_s"], PLACE["fws_mass_kg"]


@inner
def cdu_stage(stage: int, x: Array, u: Array, p: Array, y: Array) -> None:
    """Fill one stage: 0 conductance, 1 flows and power, 2 IT, 3 what nobody's rates need."""
    if stage == 0:
        cdu_conductance(x, u, p, y)
    elif stage == 1:
        cdu_flows(x, u, p, y)
    elif stage == 2:
        cdu_racks.it_outputs(x, u, p, y, at.DETAIL + 2 * int(p[at.PUMPS]))
    else:
        cdu_reports(x, u, p, y)


@inner
def cdu_conductance(x: Array, u: Array, p: Array, y: Array) -> None:
    """Stage 0: the FWS side's conductance (kg/s/kPa^0.5), valve and exchanger in series."""
    relative = opening(physics.effective_position(x, u, p), p[_RANGEABILITY]) / p[_DESIGN_OPENING]
    y[at.CONDUCTANCE] = 0.0
    if relative > 0.0:
        resistance = p[_AUTHORITY] / (relative * relative) + 1.0 - p[_AUTHORITY]
        y[at.CONDUCTANCE] = p[_FWS_FLOW] / math.sqrt(p[_FWS_DESIGN_DROP] * resistance)


@inner
def stopped(j: int, u: Array, p: Array) -> bool:
    """Whether pump ``j`` coasts: tripped, or without supply."""
    return bool(
        p[p.size + at.TRIPS + j] != 0.0 or u[at.FIRST_COMMAND + int(p[at.PUMPS]) + at.PUMP_SUPPLY] < 0.5
    )


@inner
def pump_speed(j: int, x: Array, u: Array, p: Array) -> float:
    """Speed of pump ``j``, -1 … 1: the command itself where its drive is outside the model."""
    outside = p[_RAMP_S] == 0.0 and not stopped(j, u, p)
    percent = u[at.FIRST_COMMAND + j] if outside else x[at.FIRST_PUMP + j]
    return float(min(max(percent / 100.0, -1.0), 1.0))


@inner
def cdu_flows(x: Array, u: Array, p: Array, y: Array) -> None:
    """Stage 1: flows, power, pressure."""
    pumps = int(p[at.PUMPS])
    pressure = cdu_loop.loop_pressure_kpa(x, p)
    # A pump with that share of its head is one with the root of it of its speed.
    grip = math.sqrt(cdu_loop.suction_share(pressure, x[physics.SUPPLY], p))
    speeds = y[at.DETAIL : at.DETAIL + pumps]
    fastest = -1.0
    for j in range(pumps):
        speed = pump_speed(j, x, u, p)
        fastest = max(fastest, speed)
        speeds[j] = grip * speed / p[_DESIGN_SPEED]
    filtered = p[_FILTER] * max(u[at.FIRST_COMMAND + pumps + at.FOULING], 1.0)
    ratio = group_flow_ratio(speeds, p[at.PUMP_SHARE], filtered, p)
    fws_ratio = y[at.CONDUCTANCE] * math.sqrt(max(u[physics.FWS_DROP], 0.0)) / p[_FWS_FLOW]
    y[at.TCS_RATIO] = ratio
    y[at.FWS_RATIO] = fws_ratio
    y[at.TCS_KG_S] = ratio * p[_TCS_FLOW]
    y[at.FWS_KG_S] = fws_ratio * p[_FWS_FLOW]
    y[at.FWS_RETURN] = x[physics.FWS_RETURN]
    y[at.FASTEST_PUMP] = 100.0 * fastest
    y[at.PRESSURE] = pressure
    y[at.PUMP_KW] = pump_details(x, u, p, y, ratio, filtered) / 1000.0


@inner
def pump_details(x: Array, u: Array, p: Array, y: Array, ratio: float, filtered: float) -> float:
    """Put each pump's speed (%) and flow (kg/s) in the place of the relative speeds; gives their power (W)."""
    pumps, share = int(p[at.PUMPS]), p[at.PUMP_SHARE]
    running, _, alike = running_speeds(y[at.DETAIL : at.DETAIL + pumps])
    # Those alike share the flow evenly, to the bit; the curves of others give each its own.
    even = ratio / max(running, 1)
    head = 0.0 if alike else drop_ratio(ratio, filtered, p)
    power_w = 0.0
    for j in range(pumps):
        speed = y[at.DETAIL + j]
        flow = even if alike and speed > STANDSTILL else pump_flow_ratio(speed, head, share, p)
        power_w += p[_POWER_W] * share * power_ratio(speed, flow / share, p[_IDLE])
        y[at.DETAIL + j] = 100.0 * pump_speed(j, x, u, p)
        y[at.DETAIL + pumps + j] = flow * p[_TCS_FLOW]
    return power_w


@inner
def cdu_reports(x: Array, u: Array, p: Array, y: Array) -> None:
    """Stage 3: what nobody's rates need."""
    tcs_flow, fws_flow, pumps, racks = y[at.TCS_KG_S], y[at.FWS_KG_S], int(p[at.PUMPS]), int(p[at.RACKS])
    out = at.DETAIL + 2 * pumps + 3 + (2 * racks if racks > 1 else 0)
    inventory = at.FIRST_PUMP + pumps
    y[out] = x[physics.SUPPLY]
    y[out + 1] = x[physics.RETURN]
    y[out + 2] = tcs_flow / p[_DENSITY] * 60_000.0
    y[out + 3] = physics.rack_drop_kpa(y[at.TCS_RATIO], p)
    y[out + 4] = 100.0 * physics.effective_position(x, u, p)
    y[out + 5] = fws_flow * p[_FWS_CP] * (x[physics.FWS_RETURN] - u[physics.FWS_TEMP]) / 1000.0
    y[out + 6] = tcs_flow * p[_TCS_CP] * (x[physics.RETURN] - x[physics.SUPPLY]) / 1000.0
    y[out + 7] = cdu_loop.coolant_margin_k(x, u, p, y[at.PRESSURE])
    y[out + 8] = x[inventory + at.MASS]
    y[out + 9] = x[inventory + at.RESERVOIR]
    y[out + 10] = x[inventory + at.LOST]
    y[out + 11] = x[inventory + at.FILLING]


@inner
def cdu_rates(x: Array, u: Array, y: Array, p: Array, dx: Array) -> None:
    """Rates of temperatures, valve, pumps and inventory; heat to FWS, from the pumps and from the racks (W)."""
    pumps, tcs_ratio, fws_ratio = int(p[at.PUMPS]), y[at.TCS_RATIO], y[at.FWS_RATIO]
    pump_heat = p[_COOLANT_SHARE] * 1000.0 * y[at.PUMP_KW]
    physics.exchange_rates(x, u, p, tcs_ratio, fws_ratio, pump_heat, dx)
    drawn = cdu_racks.rack_rates(x, u, p, tcs_ratio, dx)
    cdu_loop.inventory_rates(x, p, y[at.PRESSURE], dx)
    dx[physics.VALVE] = 0.0
    if p[VALVE_STUCK] == 0.0:
        dx[physics.VALVE] = actuator_rate_percent_s(x[physics.VALVE], u[physics.VALVE_COMMAND], p[_STROKE_S])
    for j in range(pumps):
        speed = x[at.FIRST_PUMP + j]
        if stopped(j, u, p):
            dx[at.FIRST_PUMP + j] = 100.0 * coasting_rate_per_s(speed / 100.0, p[_COAST_S], p[_FRICTION])
        else:
            dx[at.FIRST_PUMP + j] = actuator_rate_percent_s(speed, u[at.FIRST_COMMAND + j], p[_RAMP_S])
    after = x.size
    dx[after] = fws_ratio * p[_FWS_FLOW] * p[_FWS_CP] * (x[physics.FWS_RETURN] - u[physics.FWS_TEMP])
    dx[after + 1] = pump_heat
    dx[after + 2] = drawn


@inner
def cdu_move(x: Array, u: Array, p: Array, h: float, to: Array) -> None:
    """Put valve and pumps where they are ``h`` (s) after ``x`` into ``to``."""
    to[physics.VALVE] = x[physics.VALVE]
    if p[VALVE_STUCK] == 0.0:
        to[physics.VALVE] = actuator_after(x[physics.VALVE], u[physics.VALVE_COMMAND], p[_STROKE_S], h)
    for j in range(int(p[at.PUMPS])):
        speed = x[at.FIRST_PUMP + j]
        if stopped(j, u, p):
            to[at.FIRST_PUMP + j] = 100.0 * coasted(speed / 100.0, p[_COAST_S], p[_FRICTION], h)
        else:
            to[at.FIRST_PUMP + j] = actuator_after(speed, u[at.FIRST_COMMAND + j], p[_RAMP_S], h)


@inner
def cdu_settle(x: Array, u: Array, p: Array) -> None:
    """Put actuators outside the model where their command is; switch the fill pump."""
    if p[_STROKE_S] == 0.0 and p[VALVE_STUCK] == 0.0:
        x[physics.VALVE] = u[physics.VALVE_COMMAND]
    for j in range(int(p[at.PUMPS])):
        if p[_RAMP_S] == 0.0 and not stopped(j, u, p):
            x[at.FIRST_PUMP + j] = u[at.FIRST_COMMAND + j]
    cdu_loop.settle_inventory(x, p)


@inner
def cdu_rate_per_s(u: Array, p: Array) -> float:
    """Fastest exchange of any volume, 1/s, the FWS side's with its valve wide open; a leak's, where there is one."""
    drop = max(u[physics.FWS_DROP], 0.0)
    fws = physics.fws_flow_ratio(1.0, drop, p) * p[_FWS_FLOW] / p[_FWS_KG]
    racks = p[_FASTEST] + 0.5 * cdu_racks.throttling_rate_per_s(u, p)
    return float(max(racks, fws, 0.5 * p[at.LEAK] * p[at.LEAK_RATE]))
