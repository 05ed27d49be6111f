"""Sequence of a chiller bank: staging by load, start, minimum times, trips and resets.

Modes and the wanted number of machines stand still between substeps and change in :func:`chiller_settle`. A countdown
(sequence, least on, restart) goes down to 0; a delay counts up while its condition holds and is 0 otherwise, so that at
rest all of them are still. One machine starts at a time, the first that may; the last one stops first.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plant_models._jit import inner
from plant_models.components import chiller_layout as lay
from plant_models.components.chiller_layout import (
    count_in,
    demand_percent,
    low_flow,
    mode_of,
    running_load,
)

Array = npt.NDArray[np.float64]

_RUN_OUT_S = 5e-3
"""A countdown this near its end stands still; above the step of any numerical derivative."""
_RUN_OUT_SHARE = 0.2
"""Of a substep: a countdown this near its end is at it. Runge and Kutta's last look, at 0, leaves a sixth over."""
_RESET_WATER_K, _RESET_AIR_K = 1.0, 3.0


@inner
def countdown_rate(left_s: float) -> float:
    """Rate of a countdown: -1 until it has run out."""
    return -1.0 if left_s > _RUN_OUT_S else 0.0


@inner
def wants_more(x: Array, u: Array, p: Array) -> bool:
    """Whether load and outlet ask for another machine."""
    stage = int(x[lay.STAGE] + 0.5)
    if (
        u[lay.ENABLE] <= 50.0
        or stage >= p[lay.MACHINES]
        or low_flow(u, p)
        or count_in(x, p, lay.STARTING) > 0
    ):
        return False
    if stage == 0:
        return bool(x[lay.TEMP] > u[lay.SET_POINT] + p[lay.START_K])
    running = count_in(x, p, lay.RUNNING)
    loaded = running >= stage and running_load(x, p) >= 100.0 * p[lay.UP_LOAD] * running
    return bool(loaded and x[lay.TEMP] > u[lay.SET_POINT] + p[lay.UP_K])


@inner
def wants_less(x: Array, u: Array, p: Array) -> bool:
    """Whether the last machine can be spared: the others carry its load, or the only one is too large."""
    stage, running = int(x[lay.STAGE] + 0.5), count_in(x, p, lay.RUNNING)
    if stage >= 2:
        return bool(running >= stage and running_load(x, p) < 100.0 * p[lay.DOWN_LOAD] * (running - 1))
    least = 0.0 if p[lay.HOT_GAS] != 0.0 else p[lay.LEAST_LOAD]
    idle = running == 0 or demand_percent(x, u, p) <= 100.0 * least
    return bool(stage == 1 and idle and x[lay.TEMP] < u[lay.SET_POINT] - p[lay.CYCLE_K])


@inner
def flow_failing(x: Array, u: Array, p: Array) -> bool:
    """Whether machines that start or run have too little flow."""
    return low_flow(u, p) and count_in(x, p, lay.STARTING) + count_in(x, p, lay.RUNNING) > 0


@inner
def chiller_settle(x: Array, u: Array, p: Array, substep_s: float) -> None:
    """Let modes follow from timers, limits and faults; in this order trips, resets, sequences, staging."""
    for j in range(int(p[lay.MACHINES])):
        at = lay.OF_MACHINES + lay.EACH * j
        for timer in (lay.SEQUENCE, lay.LEAST_ON, lay.RESTART):
            if x[at + timer] <= max(_RUN_OUT_SHARE * substep_s, _RUN_OUT_S):
                x[at + timer] = 0.0
        if x[at + lay.LOAD] < 1e-9:
            x[at + lay.LOAD] = 0.0
    safeties(x, u, p)
    sequences(x, p)
    staging(x, u, p)
    start_and_stop(x, u, p)


@inner
def safeties(x: Array, u: Array, p: Array) -> None:
    """Trip what may not run or has lost its supply, and reset what may again."""
    flow_lost = False
    if flow_failing(x, u, p):
        flow_lost = x[lay.LOW_FLOW_TIMER] >= p[lay.PROOF_S] - _RUN_OUT_S
    else:
        x[lay.LOW_FLOW_TIMER] = 0.0
    cold, hot = x[lay.TEMP] < p[lay.FREEZE_DEGC], u[lay.IN_AIR] > p[lay.HIGH_AIR_DEGC]
    safe = (
        x[lay.TEMP] > p[lay.FREEZE_DEGC] + _RESET_WATER_K
        and u[lay.IN_AIR] < p[lay.HIGH_AIR_DEGC] - _RESET_AIR_K
    )
    machines = int(p[lay.MACHINES])
    for j in range(machines):
        at = lay.OF_MACHINES + lay.EACH * j
        mode, fault = mode_of(x, j), p[lay.SWITCHES + machines + j] != 0.0 or u[lay.SUPPLY] < 0.5
        active = mode in (lay.STARTING, lay.RUNNING)
        if (active and (flow_lost or cold or hot)) or (fault and mode != lay.TRIPPED):
            x[at + lay.MODE] = lay.TRIPPED
            x[at + lay.RESTART] = max(x[at + lay.RESTART], p[lay.RESTART_S])
            x[at + lay.SEQUENCE] = 0.0
            x[at + lay.LEAST_ON] = 0.0
        elif mode == lay.TRIPPED and x[at + lay.RESTART] == 0.0 and safe and not fault and not low_flow(u, p):
            x[at + lay.MODE] = lay.OFF


@inner
def sequences(x: Array, p: Array) -> None:
    """End start sequences that have run out: the machine runs, or has failed to start and waits its off time."""
    for j in range(int(p[lay.MACHINES])):
        at = lay.OF_MACHINES + lay.EACH * j
        if mode_of(x, j) == lay.STARTING and x[at + lay.SEQUENCE] == 0.0:
            if p[lay.SWITCHES + j] == 0.0:
                x[at + lay.MODE] = lay.RUNNING
                x[at + lay.LEAST_ON] = p[lay.ON_S]
            else:
                x[at + lay.MODE] = lay.TRIPPED
                x[at + lay.RESTART] = p[lay.OFF_S]


@inner
def staging(x: Array, u: Array, p: Array) -> None:
    """Change the number of machines that are wanted, once a condition has held for its delay."""
    if u[lay.ENABLE] <= 50.0:
        x[lay.STAGE] = 0.0
    if not wants_more(x, u, p):
        x[lay.UP_TIMER] = 0.0
    elif x[lay.UP_TIMER] >= (p[lay.LEAD_S] if x[lay.STAGE] < 0.5 else p[lay.LAG_S]) - _RUN_OUT_S:
        x[lay.STAGE] += 1.0
        x[lay.UP_TIMER] = 0.0
    if not wants_less(x, u, p):
        x[lay.DOWN_TIMER] = 0.0
    elif x[lay.DOWN_TIMER] >= (p[lay.CYCLE_S] if x[lay.STAGE] < 1.5 else p[lay.DOWN_S]) - _RUN_OUT_S:
        x[lay.STAGE] -= 1.0
        x[lay.DOWN_TIMER] = 0.0


@inner
def start_and_stop(x: Array, u: Array, p: Array) -> None:
    """Start the first machine that may where one is missing, stop the last that may where there is one too many."""
    machines, starting = int(p[lay.MACHINES]), count_in(x, p, lay.STARTING)
    surplus = starting + count_in(x, p, lay.RUNNING) - int(x[lay.STAGE] + 0.5)
    locked = low_flow(u, p) or u[lay.IN_AIR] > p[lay.HIGH_AIR_DEGC] - _RESET_AIR_K
    locked = locked or x[lay.TEMP] < p[lay.FREEZE_DEGC] + _RESET_WATER_K
    if surplus < 0 and starting == 0 and not locked:
        for j in range(machines):
            at = lay.OF_MACHINES + lay.EACH * j
            if mode_of(x, j) == lay.OFF and x[at + lay.RESTART] == 0.0:
                x[at + lay.MODE] = lay.STARTING
                x[at + lay.SEQUENCE] = p[lay.START_S]
                x[at + lay.RESTART] = p[lay.RECYCLE_S]
                break
    for k in range(machines):
        at = lay.OF_MACHINES + lay.EACH * (machines - 1 - k)
        mode = mode_of(x, machines - 1 - k)
        if surplus > 0 and (mode == lay.STARTING or (mode == lay.RUNNING and x[at + lay.LEAST_ON] == 0.0)):
            x[at + lay.MODE] = lay.OFF
            x[at + lay.SEQUENCE] = 0.0
            x[at + lay.RESTART] = max(x[at + lay.RESTART], p[lay.OFF_S])
            surplus -= 1
