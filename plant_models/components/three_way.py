"""Three-way valve that sends the common flow through a cooler or past it, and mixes the two.

Both ways are a linear port of the valve in series with a fixed resistance; in parallel they are one conductance,
which the network that drives the flow takes into its balance, and they share the flow as their conductances.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from plant_models._jit import inner
from plant_models.actuator import actuator_after, actuator_rate_percent_s
from plant_models.components import codes
from plant_models.components.checks import in_range
from plant_models.ports import Port
from plant_models.system.component import Component, Energy, InputPort, Stage

Array = npt.NDArray[np.float64]

_CP, _COOLER_K, _BYPASS_K, _PORT_K, _STROKE_S, _STUCK = range(6)
_FLOW, _WARM, _COOLED, _COMMAND = range(4)
_CONDUCTANCE, _SHARE, _POSITION, _TO_COOLER, _PAST, _MIXED = range(6)
_TEMPS = ("return_temp_degc", "cooled_temp_degc", "supply_temp_degc")
_STAGES = (
    Stage(
        (),
        (
            Port("conductance_kg_s_kpa05", "kg/s/kPa0.5"),
            Port("cooler_share", "1"),
            Port("valve_position_percent", "%"),
        ),
    ),
    Stage(("flow_kg_s",), (Port("cooler_flow_kg_s", "kg/s"), Port("bypass_flow_kg_s", "kg/s"))),
    Stage(("return_temp_degc", "cooled_temp_degc"), (Port("supply_temp_degc", "degC"),)),
)
_ENERGIES = (
    Energy("return_heat", True, "return_temp_degc"),
    Energy("cooler_heat", False, "cooled_temp_degc"),
    Energy("supply_heat", False, "supply_temp_degc"),
)


@inner
def way_conductance(opened: float, port: float, fixed: float) -> float:
    """Conductance of a linear valve port, ``opened`` 0 … 1, in series with a fixed one."""
    through = port * opened
    if through <= 0.0:
        return 0.0
    return through * fixed / math.sqrt(through * through + fixed * fixed)


@inner
def three_way_outputs(stage: int, x: Array, u: Array, p: Array, y: Array) -> None:
    """Stage 0: conductance; 1: flows of the two ways; 2: temperature after mixing."""
    if stage == 0:
        opened = min(max(x[0] / 100.0, 0.0), 1.0)
        to_cooler = way_conductance(opened, p[_PORT_K], p[_COOLER_K])
        y[_CONDUCTANCE] = to_cooler + way_conductance(1.0 - opened, p[_PORT_K], p[_BYPASS_K])
        y[_SHARE] = to_cooler / y[_CONDUCTANCE]
        y[_POSITION] = x[0]
    elif stage == 1:
        flow = max(u[_FLOW], 0.0)
        y[_TO_COOLER] = y[_SHARE] * flow
        y[_PAST] = flow - y[_TO_COOLER]
    else:
        y[_MIXED] = u[_WARM] + y[_SHARE] * (u[_COOLED] - u[_WARM])


@inner
def three_way_rates(x: Array, u: Array, y: Array, p: Array, dx: Array) -> None:
    """Rate of the valve; heat with the common return, to the cooler, and with what is mixed (W)."""
    dx[0] = 0.0
    if p[_STUCK] == 0.0:
        dx[0] = actuator_rate_percent_s(x[0], u[_COMMAND], p[_STROKE_S])
    flow_cp = max(u[_FLOW], 0.0) * p[_CP]
    dx[1] = flow_cp * u[_WARM]
    dx[2] = y[_TO_COOLER] * p[_CP] * (u[_WARM] - u[_COOLED])
    dx[3] = flow_cp * y[_MIXED]


@inner
def three_way_move(x: Array, u: Array, p: Array, h: float, to: Array) -> None:
    """Put the valve where it is ``h`` (s) after ``x`` into ``to``."""
    to[0] = x[0]
    if p[_STUCK] == 0.0:
        to[0] = actuator_after(x[0], u[_COMMAND], p[_STROKE_S], h)


def three_way(
    flow_kg_s: float,
    *,
    cooler_drop_kpa: float,
    cp_j_kgk: float,
    valve_authority: float = 0.5,
    stroke_time_s: float = 60.0,
    temp_degc: float = 30.0,
) -> Component:
    """Make a three-way valve for ``flow_kg_s`` through a cooler of ``cooler_drop_kpa``; the bypass is balanced to it.

    At ``valve_authority`` the open valve takes that share of the drop of valve and cooler. 100 %: all to the cooler.

    Raises
    ------
    PlantSettingError
        A figure out of range.
    """
    in_range(
        "three-way valve",
        flow_kg_s=(flow_kg_s, 1e-3, 1e5),
        cooler_drop_kpa=(cooler_drop_kpa, 0.1, 2000.0),
        cp_j_kgk=(cp_j_kgk, 1000.0, 6000.0),
        valve_authority=(valve_authority, 0.05, 0.95),
        stroke_time_s=(stroke_time_s, 0.5, 3600.0),
        temp_degc=(temp_degc, -20.0, 120.0),
    )
    fixed = flow_kg_s / math.sqrt(cooler_drop_kpa)
    port = flow_kg_s / math.sqrt(cooler_drop_kpa * valve_authority / (1.0 - valve_authority))
    return Component(
        kind="three_way",
        code=codes.THREE_WAY,
        inputs=(
            InputPort("flow_kg_s", "kg/s", 0.0, 1e5, flow_kg_s),
            InputPort("return_temp_degc", "degC", -20.0, 120.0, temp_degc),
            InputPort("cooled_temp_degc", "degC", -20.0, 120.0, temp_degc),
            InputPort("valve_command_percent", "%", 0.0, 100.0, 100.0),
        ),
        states=(Port("valve_position_percent", "%"),),
        stages=_STAGES,
        energies=_ENERGIES,
        parameters=np.array([cp_j_kgk, fixed, fixed, port, stroke_time_s, 0.0]),
        capacity_j_k=np.zeros(1),
        start=np.full(1, 100.0),
        faults={"valve_stuck": _STUCK},
        heat_capacity_j_kgk=dict.fromkeys(_TEMPS, cp_j_kgk),
    )
