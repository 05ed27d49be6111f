"""Bank of air-cooled chillers in series in the facility water, with their own load controller and sequence.

Power by lift and part load as in LBNL's Modelica Buildings library (``Fluid.Chillers.Carnot_TEva``):
``COP = eta T_e / (T_c - T_e) f(l)``. The evaporating temperature is an approach below the leaving water, the condensing
one an approach above the air, both in proportion to the load ``l``; ``eta`` follows from the nominal COP. Power is
``c + (1 - c) l`` of what full load would take at that lift, so ``f = l / (c + (1 - c) l)``. Capacity is linear in the
temperatures of air and leaving water, as a maker's table is near its rating point.

All evaporators are one volume: ``M cp dT/dt = m cp (T_in - T) - Q``. The controller is proportional and integral in
the outlet's deviation; its integral follows the true mean load (back-calculation), so nothing winds up while a machine
starts, ramps or is at a limit. The sequence is in :mod:`plant_models.components.chiller_sequence`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from plant_models._jit import inner
from plant_models.actuator import actuator_after, actuator_rate_percent_s
from plant_models.components import chiller_layout as lay
from plant_models.components import codes
from plant_models.components.checks import in_range, whole_number
from plant_models.components.chiller_sequence import countdown_rate, flow_failing, wants_less, wants_more
from plant_models.components.chiller_settings import ChillerSettings, carnot_share, check_range, settings_from
from plant_models.components.header import in_series
from plant_models.ports import Port
from plant_models.system.component import Component, Energy, InputPort, Stage

Array = npt.NDArray[np.float64]

_SMOOTH_STOP_S = 1.0
"""Time constant with which a compressor that is switched off stops cooling."""
_LEAST_CAPACITY_RATIO = 0.1
_CONDUCTANCE, _OUTLET, _MEAN_LOAD, _RUNNING, _STATES = range(5)
_TEMPS = ("inlet_temp_degc", "outlet_temp_degc")
_ENERGIES = (
    Energy("inlet_heat", True, "inlet_temp_degc"),
    Energy("outlet_heat", False, "outlet_temp_degc"),
    Energy("compressor_work", True, None),
    Energy("air_heat", False, None),
)


@inner
def capacity_w(water_degc: float, air_degc: float, p: Array) -> float:
    """Full-load cooling of one machine (W) at its leaving water and condenser air."""
    ratio = (
        1.0
        + p[lay.BY_WATER] * (water_degc - p[lay.WATER_DEGC])
        - p[lay.BY_AIR] * (air_degc - p[lay.AIR_DEGC])
    )
    return float(p[lay.CAPACITY_W] * min(max(ratio, _LEAST_CAPACITY_RATIO), p[lay.MOST_RATIO]))


@inner
def lift_cop(load: float, water_degc: float, air_degc: float, p: Array) -> float:
    """COP that Carnot's and the machine's share of it leave at this lift, before the part-load share."""
    evaporating_k = water_degc + 273.15 - p[lay.EVAPORATOR_K] * load
    condensing_k = air_degc + 273.15 + p[lay.CONDENSER_K] * load
    lift_k = max(condensing_k - evaporating_k, p[lay.LIFT_K])
    return float(p[lay.CARNOT] * evaporating_k / lift_k)


@inner
def machine_power_w(load: float, running: bool, water_degc: float, air_degc: float, p: Array) -> float:
    """Electrical power of one machine (W) at ``load`` (0 … 1); one that runs down draws no more than its share."""
    driven = load
    idle = min(load / p[lay.LEAST_LOAD], 1.0)
    if running:
        idle = 1.0
        if p[lay.HOT_GAS] != 0.0:
            driven = max(load, p[lay.LEAST_LOAD])
    share = p[lay.NO_LOAD] * idle + (1.0 - p[lay.NO_LOAD]) * driven
    return float(capacity_w(water_degc, air_degc, p) * share / lift_cop(driven, water_degc, air_degc, p))


@inner
def chiller_outputs(stage: int, x: Array, u: Array, p: Array, y: Array) -> None:
    """Stage 0: conductance with what is upstream; 1: outlet, loads and modes; 2: cooling, power, COP."""
    machines = int(p[lay.MACHINES])
    if stage == 0:
        y[_CONDUCTANCE] = in_series(u[lay.UPSTREAM], p[lay.CONDUCTANCE])
    elif stage == 1:
        running = lay.count_in(x, p, lay.RUNNING)
        y[_OUTLET] = x[lay.TEMP]
        y[_MEAN_LOAD] = lay.running_load(x, p) / running if running > 0 else 0.0
        y[_RUNNING] = running
        for j in range(machines):
            y[_STATES + j] = lay.mode_of(x, j)
    else:
        cooling, power = 0.0, 0.0
        for j in range(machines):
            load = max(x[lay.OF_MACHINES + lay.EACH * j + lay.LOAD] / 100.0, 0.0)
            cooling += load * capacity_w(x[lay.TEMP], u[lay.IN_AIR], p)
            power += machine_power_w(load, lay.mode_of(x, j) == lay.RUNNING, x[lay.TEMP], u[lay.IN_AIR], p)
        reports = _STATES + machines
        y[reports] = cooling / 1000.0
        y[reports + 1] = power / 1000.0
        y[reports + 2] = cooling / power if power > 0.0 else 0.0


@inner
def chiller_rates(x: Array, u: Array, y: Array, p: Array, dx: Array) -> None:
    """Rates of water, controller, timers and loads; heat in and out with the water, work, heat to the air (W)."""
    machines = int(p[lay.MACHINES])
    cooling, work = 1000.0 * y[_STATES + machines], 1000.0 * y[_STATES + machines + 1]
    water_c = max(u[lay.IN_FLOW], 0.0) * p[lay.CP]
    dx[lay.TEMP] = (water_c * (u[lay.IN_TEMP] - x[lay.TEMP]) - cooling) / (p[lay.MASS_KG] * p[lay.CP])
    asked = lay.demand_percent(x, u, p)
    if y[_RUNNING] > 0.0:
        deviation = 100.0 * p[lay.GAIN] * (x[lay.TEMP] - u[lay.SET_POINT])
        dx[lay.INTEGRAL] = (deviation + y[_MEAN_LOAD] - asked) / p[lay.INTEGRAL_S]
    else:
        dx[lay.INTEGRAL] = -x[lay.INTEGRAL] / p[lay.INTEGRAL_S]
    dx[lay.STAGE] = 0.0
    dx[lay.UP_TIMER] = 1.0 if wants_more(x, u, p) else 0.0
    dx[lay.DOWN_TIMER] = 1.0 if wants_less(x, u, p) else 0.0
    dx[lay.LOW_FLOW_TIMER] = 1.0 if flow_failing(x, u, p) else 0.0
    for j in range(machines):
        k = lay.OF_MACHINES + lay.EACH * j
        dx[k + lay.LOAD] = load_rate(x[k + lay.LOAD], lay.mode_of(x, j), asked, p)
        dx[k + lay.MODE] = 0.0
        for timer in (lay.SEQUENCE, lay.LEAST_ON, lay.RESTART):
            dx[k + timer] = countdown_rate(x[k + timer])
    after = lay.OF_MACHINES + lay.EACH * machines
    dx[after] = water_c * u[lay.IN_TEMP]
    dx[after + 1] = water_c * x[lay.TEMP]
    dx[after + 2] = work
    dx[after + 3] = cooling + work


@inner
def load_rate(load_percent: float, mode: int, asked_percent: float, p: Array) -> float:
    """Rate of one machine's load, %/s: along its ramp to what is asked while it runs, else to a stop."""
    if mode != lay.RUNNING:
        return -load_percent / _SMOOTH_STOP_S
    return actuator_rate_percent_s(load_percent, wanted_percent(asked_percent, p), p[lay.RAMP_S])


@inner
def wanted_percent(asked_percent: float, p: Array) -> float:
    """Load of a machine that runs, for what is asked of it: not below its least."""
    least = 0.0 if p[lay.HOT_GAS] != 0.0 else 100.0 * p[lay.LEAST_LOAD]
    return min(max(asked_percent, least), 100.0)


@inner
def chiller_move(x: Array, u: Array, p: Array, h: float, to: Array) -> None:
    """Put the loads where they are ``h`` (s) after ``x`` into ``to``, with what is asked at ``x`` held."""
    wanted = wanted_percent(lay.demand_percent(x, u, p), p)
    for j in range(int(p[lay.MACHINES])):
        k = lay.OF_MACHINES + lay.EACH * j + lay.LOAD
        if lay.mode_of(x, j) == lay.RUNNING:
            to[k] = actuator_after(x[k], wanted, p[lay.RAMP_S], h)
        else:
            to[k] = x[k] * math.exp(-h / _SMOOTH_STOP_S)


@inner
def chiller_rate_per_s(u: Array, p: Array) -> float:
    """Rate of the evaporators' water, 1/s, at twice the design flow, or at what flows now where that is more."""
    by_capacity = p[lay.MACHINES] * p[lay.CAPACITY_W] * p[lay.BY_WATER] / p[lay.CP]
    return float((max(2.0 * p[lay.FLOW], u[lay.IN_FLOW]) + by_capacity) / p[lay.MASS_KG])


def chiller(
    capacity_kw: float, *, machines: int = 2, flow_kg_s: float, cp_j_kgk: float, **settings: float
) -> Component:
    """Make a bank of ``machines`` equal air-cooled chillers, all off.

    Parameters
    ----------
    capacity_kw : float
        Of one machine, at the nominal leaving water and condenser air of the settings.
    machines : int
        1 … 12.
    flow_kg_s : float
        Design flow through the whole bank.
    cp_j_kgk : float
        Of the facility water.
    **settings
        Of :class:`ChillerSettings`.

    Raises
    ------
    PlantSettingError, DatasheetError
        A figure out of range; a nominal COP against the second law; capacity and flow that disagree.
    """
    s = settings_from(settings)
    whole_number("chiller", machines=(machines, 1, lay.MOST_MACHINES))
    in_range(
        "chiller",
        capacity_kw=(capacity_kw, 1.0, 50_000.0),
        flow_kg_s=(flow_kg_s, 0.01, 1e5),
        cp_j_kgk=(cp_j_kgk, 1000.0, 6000.0),
    )
    check_range(s, machines * capacity_kw, flow_kg_s, cp_j_kgk)
    mass = s.transit_time_s * flow_kg_s
    states = _states(machines)
    return Component(
        kind="chiller",
        code=codes.CHILLER,
        inputs=_inputs(flow_kg_s, s),
        states=states,
        stages=_stages(machines),
        energies=_ENERGIES,
        parameters=_parameters(capacity_kw, machines, flow_kg_s, cp_j_kgk, s),
        capacity_j_k=np.array([mass * cp_j_kgk, *[0.0] * (len(states) - 1)]),
        start=np.array([s.temp_degc, *[0.0] * (len(states) - 1)]),
        faults=_faults(machines),
        heat_capacity_j_kgk=dict.fromkeys(_TEMPS, cp_j_kgk),
    )


def _faults(machines: int) -> dict[str, int]:
    numbers = range(machines)
    return {
        **{f"machine_{j + 1}_fails_to_start": lay.SWITCHES + j for j in numbers},
        **{f"machine_{j + 1}_trip": lay.SWITCHES + machines + j for j in numbers},
    }


def _parameters(capacity_kw: float, machines: int, flow_kg_s: float, cp: float, s: ChillerSettings) -> Array:
    capacity_w = 1000.0 * capacity_kw
    range_k = machines * capacity_w / (flow_kg_s * cp)
    return np.array([
        cp, machines, flow_kg_s, flow_kg_s / math.sqrt(s.drop_kpa), s.transit_time_s * flow_kg_s, capacity_w,
        carnot_share(s), s.evaporator_approach_k, s.condenser_approach_k, s.least_lift_k, s.no_load_power_share,
        s.capacity_by_air_per_k, s.capacity_by_water_per_k, s.most_capacity_ratio, s.nominal_supply_temp_degc,
        s.nominal_air_temp_degc, s.least_load, s.hot_gas_bypass, s.start_time_s, s.load_ramp_time_s,
        s.least_on_time_s, s.least_off_time_s, s.start_to_start_time_s, s.restart_delay_s, s.lead_delay_s,
        s.lag_delay_s, s.stage_down_delay_s, s.cycle_off_delay_s, s.stage_up_load, s.stage_down_load,
        s.start_difference_k, s.stage_up_difference_k, s.cycle_off_difference_k, s.least_flow_share * flow_kg_s,
        s.flow_proof_time_s, s.freeze_trip_temp_degc, s.high_air_trip_temp_degc, s.controller_gain / range_k,
        s.controller_integral_time_s, *[0.0] * (2 * machines),
    ])  # fmt: skip


def _inputs(flow_kg_s: float, s: ChillerSettings) -> tuple[InputPort, ...]:
    return (
        InputPort("flow_kg_s", "kg/s", 0.0, 1e5, flow_kg_s),
        InputPort("inlet_temp_degc", "degC", -60.0, 120.0, s.temp_degc),
        InputPort("condenser_air_temp_degc", "degC", -60.0, 70.0, s.nominal_air_temp_degc),
        InputPort("enable_command_percent", "%", 0.0, 100.0, 0.0),
        InputPort("supply_setpoint_temp_degc", "degC", -20.0, 60.0, s.nominal_supply_temp_degc),
        InputPort("upstream_conductance_kg_s_kpa05", "kg/s/kPa0.5", 0.0, 1e6, 1e6, optional=True),
        InputPort("supply_ratio", "1", 0.0, 1.0, 1.0, optional=True),
    )


def _states(machines: int) -> tuple[Port, ...]:
    each = (
        ("load_percent", "%"), ("mode", "1"), ("sequence_s", "s"), ("least_on_s", "s"), ("restart_s", "s"),
    )  # fmt: skip
    return (
        Port("evaporator_temp_degc", "degC"),
        Port("controller_percent", "%"),
        Port("machines_wanted", "1"),
        Port("stage_up_s", "s"),
        Port("stage_down_s", "s"),
        Port("low_flow_s", "s"),
        *(Port(f"machine_{j + 1}_{name}", unit) for j in range(machines) for name, unit in each),
    )


def _stages(machines: int) -> tuple[Stage, ...]:
    return (
        Stage(
            ("upstream_conductance_kg_s_kpa05",),
            (Port("conductance_kg_s_kpa05", "kg/s/kPa0.5"),),
        ),
        Stage(
            (),
            (
                Port("outlet_temp_degc", "degC"),
                Port("load_percent", "%"),
                Port("machines_running", "1"),
                *(Port(f"machine_{j + 1}_state", "1") for j in range(machines)),
            ),
        ),
        Stage(
            ("condenser_air_temp_degc",),
            (Port("cooling_kw", "kW"), Port("power_kw", "kW"), Port("cop", "1")),
        ),
    )
