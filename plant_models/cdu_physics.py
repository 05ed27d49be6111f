"""The CDU's equations as compiled kernels: the one source of physics for stepping and for python-control.

What Python calls of them is in :mod:`plant_models.cdu_entries`.

::

            ┌─ return pipe ◄─ racks ◄─ supply pipe ◄─┐
            ▼                                        │
    TCS  exchanger ─────► filter ─► pump ────────────┘
    FWS  exchanger ◄─ equal-percentage valve ◄─ facility water

Five stirred volumes (CDU with pump, supply pipe, racks, return pipe, FWS side of the exchanger), the cold
plates' mass, and two actuators. Flow is incompressible and at once in balance; a check valve keeps it
from reversing. Temperatures in °C (only differences count), positions in %, inputs in the units of the ports.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plant_models._jit import inner
from plant_models.actuator import actuator_after, actuator_rate_percent_s
from plant_models.cold_plate import film_resistance_k_w, inlet_weight, on_share
from plant_models.heat_exchanger import conductance_w_k, heat_conductance_w_k
from plant_models.parameters import CURVE, CURVE_SIZE, PLACE, PUMP_TRIPPED, TABLE_POINTS, VALVE_STUCK
from plant_models.ports import Port
from plant_models.pump import coasted, coasting_rate_per_s, operating_flow_ratio, power_ratio, vapour_grip
from plant_models.pump_curve import curve_operating_flow
from plant_models.valve import circuit_flow_ratio, opening

Array = npt.NDArray[np.float64]

INPUT_PORTS = (
    Port("rack_heat_kw", "kW"),
    Port("fws_supply_temp_degc", "degC"),
    Port("fws_differential_pressure_kpa", "kPa"),
    Port("fws_valve_command_percent", "%"),
    Port("tcs_pump_speed_command_percent", "%"),
)
INPUT_LOW = np.array([0.0, -20.0, 0.0, 0.0, 0.0])
INPUT_HIGH = np.array([20_000.0, 120.0, 2_000.0, 100.0, 100.0])
"""Domain of the model; a value outside is clamped and counted."""

STATE_PORTS = (
    Port("tcs_supply_temp_degc", "degC"),
    Port("rack_inlet_temp_degc", "degC"),
    Port("rack_outlet_temp_degc", "degC"),
    Port("tcs_return_temp_degc", "degC"),
    Port("fws_return_temp_degc", "degC"),
    Port("cold_plate_case_temp_degc", "degC"),
    Port("fws_valve_position_percent", "%"),
    Port("tcs_pump_speed_percent", "%"),
)
OUTPUT_PORTS = (
    Port("tcs_supply_temp_degc", "degC"),
    Port("tcs_return_temp_degc", "degC"),
    Port("tcs_flow_kg_s", "kg/s"),
    Port("tcs_flow_l_min", "L/min"),
    Port("rack_differential_pressure_kpa", "kPa"),
    Port("fws_return_temp_degc", "degC"),
    Port("fws_flow_kg_s", "kg/s"),
    Port("fws_valve_position_percent", "%"),
    Port("tcs_pump_speed_percent", "%"),
    Port("cold_plate_case_temp_degc", "degC"),
    Port("pump_power_kw", "kW"),
    Port("fws_heat_kw", "kW"),
    Port("tcs_heat_kw", "kW"),
    Port("energy_residual_kw", "kW"),
)
STATES = len(STATE_PORTS)
ENERGIES = 4
"""Integrals carried beside the states: heat to FWS, from TCS, from the pump, from the racks, J."""

HEAT, FWS_TEMP, FWS_DROP, VALVE_COMMAND, PUMP_COMMAND = range(5)
SUPPLY, RACK_IN, RACK_OUT, RETURN, FWS_RETURN, CASE, VALVE, PUMP = range(STATES)
VALVE_OUT, PUMP_OUT, RESIDUAL = 7, 8, 13

(
    _TCS_FLOW, _FWS_FLOW, _TCS_CP, _FWS_CP, _DENSITY, _TCS_HA, _FWS_HA, _FWS_DESIGN_DROP, _AUTHORITY,
    _RANGEABILITY, _DESIGN_OPENING, _STROKE_S, _RAMP_S, _DESIGN_SPEED, _SHUTOFF, _IDLE, _POWER_W,
    _COOLANT_SHARE, _COAST_S, _FRICTION, _EXCHANGER_SHARE, _FILTER_SHARE, _RACK_SHARE, _RACK_DROP,
    _FILTER_EXPONENT, _RACK_EXPONENT, _PUMP_KG, _RACK_KG, _SUPPLY_KG, _RETURN_KG, _FWS_KG, _PLATES, _PLATE_C,
    _SHUTDOWN, _SHUTDOWN_PER_K, _BOILING, _FASTEST,
) = PLACE.values()  # fmt: skip


@inner
def effective_position(x: Array, u: Array, p: Array) -> float:
    """FWS valve, 0 … 1: the command itself where the actuator is outside the model and not stuck."""
    percent = u[VALVE_COMMAND] if p[_STROKE_S] == 0.0 and p[VALVE_STUCK] == 0.0 else x[VALVE]
    return float(min(max(percent / 100.0, 0.0), 1.0))


@inner
def effective_speed(x: Array, u: Array, p: Array) -> float:
    """Pump, -1 … 1 (negative: turning backwards); as :func:`effective_position`."""
    percent = u[PUMP_COMMAND] if p[_RAMP_S] == 0.0 and p[PUMP_TRIPPED] == 0.0 else x[PUMP]
    return float(min(max(percent / 100.0, -1.0), 1.0))


@inner
def tcs_flow_ratio(speed: float, p: Array) -> float:
    """TCS flow over design at a speed (0 … 1)."""
    return system_flow_ratio(speed / p[_DESIGN_SPEED], 1.0, p[_FILTER_SHARE], p)


@inner
def system_flow_ratio(speed: float, stretch: float, filtered: float, p: Array) -> float:
    """TCS flow over design of equal pumps at a speed over design, through a filter of that share.

    ``stretch``: the design flow over that of the pumps that run, all together.
    """
    exchanger, racks, size = p[_EXCHANGER_SHARE], p[_RACK_SHARE], int(p[CURVE_SIZE])
    if size > 0:
        return curve_operating_flow(
            speed, stretch, p[CURVE : CURVE + size], exchanger, filtered, racks,
            p[_FILTER_EXPONENT], p[_RACK_EXPONENT],
        )  # fmt: skip
    # One pump's equation, its curve stretched in the flow.
    steeper = (p[_SHUTOFF] - 1.0) * (stretch * stretch - 1.0)
    return operating_flow_ratio(
        speed, p[_SHUTOFF], exchanger + steeper, filtered, racks, p[_FILTER_EXPONENT], p[_RACK_EXPONENT]
    )


@inner
def rack_drop_kpa(tcs_ratio: float, p: Array) -> float:
    """Drop of the external TCS circuit."""
    return float(p[_RACK_DROP] * tcs_ratio ** p[_RACK_EXPONENT])


@inner
def fws_flow_ratio(position: float, drop_kpa: float, p: Array) -> float:
    """FWS flow over design at a valve position (0 … 1) and the available drop."""
    relative = opening(position, p[_RANGEABILITY]) / p[_DESIGN_OPENING]
    return circuit_flow_ratio(relative, drop_kpa / p[_FWS_DESIGN_DROP], p[_AUTHORITY])


@inner
def drawn_heat_w(x: Array, u: Array, p: Array) -> float:
    """Heat of the devices, as far as their cases let them run."""
    return float(1000.0 * u[HEAT] * on_share(x[CASE], p[_SHUTDOWN], p[_SHUTDOWN_PER_K]))


@inner
def pump_power_w(speed: float, flow_ratio: float, p: Array) -> float:
    """Electrical power of the pump."""
    return float(p[_POWER_W] * power_ratio(speed / p[_DESIGN_SPEED], flow_ratio, p[_IDLE]))


@inner
def exchanger_w_k(tcs_ratio: float, fws_ratio: float, p: Array) -> float:
    """Heat per kelvin between the exchanger's inlets."""
    ua = conductance_w_k(tcs_ratio, fws_ratio, p[_TCS_HA], p[_FWS_HA])
    return heat_conductance_w_k(
        ua, tcs_ratio * p[_TCS_FLOW] * p[_TCS_CP], fws_ratio * p[_FWS_FLOW] * p[_FWS_CP]
    )  # fmt: skip


@inner
def plate_l_min(tcs_ratio: float, p: Array) -> float:
    """Flow through one cold plate."""
    return float(tcs_ratio * p[_TCS_FLOW] / p[_DENSITY] * 60_000.0 / p[_PLATES])


@inner
def plate_film_k_w(flow_l_min: float, p: Array) -> float:
    """Case to coolant resistance of one cold plate."""
    points = int(p[TABLE_POINTS])
    table = CURVE + int(p[CURVE_SIZE])
    flows, resistances = p[table : table + points], p[table + points : table + 2 * points]
    return film_resistance_k_w(flow_l_min, p[_DENSITY] * p[_TCS_CP], flows, resistances)


@inner
def plate_heat_w(
    case: float, inlet: float, outlet: float, plates: float, flow_l_min: float, p: Array
) -> float:
    """Heat (W) of ``plates`` with that flow each into coolant that comes at ``inlet`` and leaves at ``outlet``."""
    weight = inlet_weight(flow_l_min)
    seen = weight * inlet + (1.0 - weight) * outlet
    return plates * (case - seen) / plate_film_k_w(flow_l_min, p)


@inner
def heat_rates(
    x: Array, u: Array, p: Array, tcs_ratio: float, fws_ratio: float, pump_heat: float, dx: Array
) -> None:
    """Put d/dt of the six temperatures (K/s) into ``dx`` at flows over design and the pump's heat (W)."""
    tcs_cp = p[_TCS_CP]
    tcs_c = tcs_ratio * p[_TCS_FLOW] * tcs_cp
    flow_l_min = plate_l_min(tcs_ratio, p)
    plate_heat = plate_heat_w(x[CASE], x[RACK_IN], x[RACK_OUT], p[_PLATES], flow_l_min, p)
    exchange_rates(x, u, p, tcs_ratio, fws_ratio, pump_heat, dx)
    dx[RACK_IN] = tcs_c * (x[SUPPLY] - x[RACK_IN]) / (p[_SUPPLY_KG] * tcs_cp)
    dx[RACK_OUT] = (tcs_c * (x[RACK_IN] - x[RACK_OUT]) + plate_heat) / (p[_RACK_KG] * tcs_cp)
    dx[RETURN] = tcs_c * (x[RACK_OUT] - x[RETURN]) / (p[_RETURN_KG] * tcs_cp)
    dx[CASE] = (drawn_heat_w(x, u, p) - plate_heat) / p[_PLATE_C]


@inner
def exchange_rates(
    x: Array, u: Array, p: Array, tcs_ratio: float, fws_ratio: float, pump_heat: float, dx: Array
) -> None:
    """Put d/dt of both sides of the exchanger (K/s) into ``dx``: the CDU's own volumes."""
    tcs_cp = p[_TCS_CP]
    tcs_c = tcs_ratio * p[_TCS_FLOW] * tcs_cp
    fws_c = fws_ratio * p[_FWS_FLOW] * p[_FWS_CP]
    exchanged = exchanger_w_k(tcs_ratio, fws_ratio, p) * (x[RETURN] - u[FWS_TEMP])
    dx[SUPPLY] = (tcs_c * (x[RETURN] - x[SUPPLY]) - exchanged + pump_heat) / (p[_PUMP_KG] * tcs_cp)
    dx[FWS_RETURN] = (fws_c * (u[FWS_TEMP] - x[FWS_RETURN]) + exchanged) / (p[_FWS_KG] * p[_FWS_CP])


@inner
def cdu_rates(x: Array, u: Array, p: Array, dx: Array) -> None:
    """Put d/dt of the states (K/s, %/s) and of the four energies (W) into ``dx``, (12,)."""
    position = effective_position(x, u, p)
    speed = effective_speed(x, u, p) * vapour_grip(x[SUPPLY], p[_BOILING])
    tcs_ratio = tcs_flow_ratio(speed, p)
    fws_ratio = fws_flow_ratio(position, u[FWS_DROP], p)
    pump_heat = p[_COOLANT_SHARE] * pump_power_w(speed, tcs_ratio, p)
    heat_rates(x, u, p, tcs_ratio, fws_ratio, pump_heat, dx)
    actuator_rates(x, u, p, dx)
    dx[STATES] = fws_ratio * p[_FWS_FLOW] * p[_FWS_CP] * (x[FWS_RETURN] - u[FWS_TEMP])
    dx[STATES + 1] = tcs_ratio * p[_TCS_FLOW] * p[_TCS_CP] * (x[RETURN] - x[SUPPLY])
    dx[STATES + 2] = pump_heat
    dx[STATES + 3] = drawn_heat_w(x, u, p)


@inner
def actuator_rates(x: Array, u: Array, p: Array, dx: Array) -> None:
    """Put the rates of valve and pump (%/s) into ``dx``, faults included."""
    dx[VALVE] = 0.0
    if p[VALVE_STUCK] == 0.0:
        dx[VALVE] = actuator_rate_percent_s(x[VALVE], u[VALVE_COMMAND], p[_STROKE_S])
    if p[PUMP_TRIPPED] == 0.0:
        dx[PUMP] = actuator_rate_percent_s(x[PUMP], u[PUMP_COMMAND], p[_RAMP_S])
    else:
        dx[PUMP] = 100.0 * coasting_rate_per_s(x[PUMP] / 100.0, p[_COAST_S], p[_FRICTION])


@inner
def move_actuators(x: Array, u: Array, p: Array, h: float, to: Array) -> None:
    """Put valve and pump where they are ``h`` (s) after ``x`` into ``to``: :func:`actuator_rates` followed exactly."""
    to[VALVE] = x[VALVE]
    if p[VALVE_STUCK] == 0.0:
        to[VALVE] = actuator_after(x[VALVE], u[VALVE_COMMAND], p[_STROKE_S], h)
    if p[PUMP_TRIPPED] == 0.0:
        to[PUMP] = actuator_after(x[PUMP], u[PUMP_COMMAND], p[_RAMP_S], h)
    else:
        to[PUMP] = 100.0 * coasted(x[PUMP] / 100.0, p[_COAST_S], p[_FRICTION], h)


@inner
def cdu_outputs(x: Array, u: Array, p: Array, out: Array) -> None:
    """Put the outputs into ``out``, all but the energy residual."""  # (8,), (5,), (n_p,), (14,)
    position = effective_position(x, u, p)
    turning = effective_speed(x, u, p)
    speed = turning * vapour_grip(x[SUPPLY], p[_BOILING])
    tcs_ratio = tcs_flow_ratio(speed, p)
    tcs_flow = tcs_ratio * p[_TCS_FLOW]
    fws_flow = fws_flow_ratio(position, u[FWS_DROP], p) * p[_FWS_FLOW]
    out[0] = x[SUPPLY]
    out[1] = x[RETURN]
    out[2] = tcs_flow
    out[3] = tcs_flow / p[_DENSITY] * 60_000.0
    out[4] = rack_drop_kpa(tcs_ratio, p)
    out[5] = x[FWS_RETURN]
    out[6] = fws_flow
    out[VALVE_OUT] = 100.0 * position
    out[PUMP_OUT] = 100.0 * turning
    out[9] = x[CASE]
    out[10] = pump_power_w(speed, tcs_ratio, p) / 1000.0
    out[11] = fws_flow * p[_FWS_CP] * (x[FWS_RETURN] - u[FWS_TEMP]) / 1000.0
    out[12] = tcs_flow * p[_TCS_CP] * (x[RETURN] - x[SUPPLY]) / 1000.0
