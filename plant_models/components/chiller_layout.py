"""Places of a chiller bank's parameters, inputs and states, and what a few of them mean together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plant_models._jit import inner

Array = npt.NDArray[np.float64]

MOST_MACHINES = 12
(
    CP, MACHINES, FLOW, CONDUCTANCE, MASS_KG, CAPACITY_W, CARNOT, EVAPORATOR_K, CONDENSER_K, LIFT_K, NO_LOAD,
    BY_AIR, BY_WATER, MOST_RATIO, WATER_DEGC, AIR_DEGC, LEAST_LOAD, HOT_GAS, START_S, RAMP_S, ON_S, OFF_S, RECYCLE_S,
    RESTART_S, LEAD_S, LAG_S, DOWN_S, CYCLE_S, UP_LOAD, DOWN_LOAD, START_K, UP_K, CYCLE_K, LEAST_FLOW, PROOF_S,
    FREEZE_DEGC, HIGH_AIR_DEGC, GAIN, INTEGRAL_S, SWITCHES,
) = range(40)  # fmt: skip
"""Parameters; from ``SWITCHES`` on a refusal to start for each machine, then a trip for each."""
IN_FLOW, IN_TEMP, IN_AIR, ENABLE, SET_POINT, UPSTREAM, SUPPLY = range(7)
TEMP, INTEGRAL, STAGE, UP_TIMER, DOWN_TIMER, LOW_FLOW_TIMER, OF_MACHINES = range(7)
LOAD, MODE, SEQUENCE, LEAST_ON, RESTART, EACH = range(6)
"""States of one machine, ``EACH`` of them, from ``OF_MACHINES`` on."""
OFF, STARTING, RUNNING, TRIPPED = range(4)


@inner
def mode_of(x: Array, machine: int) -> int:
    """Give 0 off, 1 starting, 2 running, 3 tripped."""
    return int(x[OF_MACHINES + EACH * machine + MODE] + 0.5)


@inner
def count_in(x: Array, p: Array, mode: int) -> int:
    """How many machines are in ``mode``."""
    count = 0
    for j in range(int(p[MACHINES])):
        if mode_of(x, j) == mode:
            count += 1
    return count


@inner
def running_load(x: Array, p: Array) -> float:
    """Sum of the loads of the machines that run, %."""
    total = 0.0
    for j in range(int(p[MACHINES])):
        if mode_of(x, j) == RUNNING:
            total += x[OF_MACHINES + EACH * j + LOAD]
    return total


@inner
def demand_percent(x: Array, u: Array, p: Array) -> float:
    """Give what the bank's controller asks of each running machine, before limits."""
    return float(x[INTEGRAL] + 100.0 * p[GAIN] * (x[TEMP] - u[SET_POINT]))


@inner
def low_flow(u: Array, p: Array) -> bool:
    """Whether the evaporators' flow is below what proves it."""
    return bool(u[IN_FLOW] < p[LEAST_FLOW])
