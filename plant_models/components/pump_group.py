"""Pumps in parallel, each behind its check valve, on a common system curve.

Each pump follows ``h0 n^2 - (h0 - 1) (q/s)^2`` over the design head: ``n`` its speed over the design speed,
``s`` its design flow over that of the whole, ``h0`` shut-off over design head; so head scales with n^2 and
flow with n along every parabola (affinity laws). A pump that cannot reach the common head is shut off by
its check valve. Sum of the pumps' flows over the head falls, the system's head over the flow rises: there is
one operating point, found afresh in each evaluation, so that nothing depends on where the search began.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from plant_models._jit import inner
from plant_models.components.root import narrowed
from plant_models.pump import FILTER_EXPONENT, RACK_EXPONENT, operating_flow_ratio

Array = npt.NDArray[np.float64]

_STANDSTILL = 1e-6
_ALIKE = 1e-12
"""Relative difference of speeds below which pumps share the flow evenly."""
_ITERATIONS = 60
_CONVERGED = 1e-13


@inner
def pump_flow_ratio(speed_ratio: float, head_ratio: float, shutoff_ratio: float, share: float) -> float:
    """Flow of one pump over the whole's design flow at a common head over design; 0 behind its check valve."""
    surplus = shutoff_ratio * speed_ratio * speed_ratio - head_ratio
    if speed_ratio <= _STANDSTILL or surplus <= 0.0:
        return 0.0
    return float(share * math.sqrt(surplus / (shutoff_ratio - 1.0)))


@inner
def drop_ratio(flow: float, exchanger: float, filtered: float, racks: float) -> float:
    """System's drop over design at a flow over design, by the three shares at design."""
    if flow <= 0.0:
        return 0.0
    return float(exchanger * flow * flow + filtered * flow**FILTER_EXPONENT + racks * flow**RACK_EXPONENT)


@inner
def even_flow_ratio(
    speed: float, running: int, shutoff: float, share: float, exchanger: float, filtered: float, racks: float
) -> float:
    """Flow over design of ``running`` equal pumps: one pump's equation, its curve stretched in the flow."""
    stretched = 1.0 / (running * share)
    steeper = (shutoff - 1.0) * (stretched * stretched - 1.0)
    return operating_flow_ratio(speed, shutoff, exchanger + steeper, filtered, racks)


@inner
def group_flow_ratio(
    speeds: Array, shutoff: float, share: float, exchanger: float, filtered: float, racks: float
) -> float:
    """Flow over design of pumps at ``speeds`` (over the design speed; not above 0: standing)."""  # (n,)
    fastest, slowest, running = 0.0, math.inf, 0
    for speed in speeds:
        if speed > _STANDSTILL:
            running += 1
            fastest = max(fastest, speed)
            slowest = min(slowest, speed)
    if running == 0:
        return 0.0
    if fastest - slowest <= _ALIKE * fastest:
        return even_flow_ratio(fastest, running, shutoff, share, exchanger, filtered, racks)
    # The fastest alone gives no more, all of them at its speed no less than the answer.
    low = even_flow_ratio(fastest, 1, shutoff, share, exchanger, filtered, racks)
    high = even_flow_ratio(fastest, running, shutoff, share, exchanger, filtered, racks)
    return uneven_flow_ratio(speeds, low, high, shutoff, share, exchanger, filtered, racks)


@inner
def uneven_flow_ratio(
    speeds: Array,
    low: float,
    high: float,
    shutoff: float,
    share: float,
    exchanger: float,
    filtered: float,
    racks: float,
) -> float:
    """Root of (sum of the pumps' flows at the system's head - flow) in ``low`` … ``high``: Newton in a bracket."""
    flow = low
    for _ in range(_ITERATIONS):
        drop = drop_ratio(flow, exchanger, filtered, racks)
        slope = 2.0 * exchanger * flow
        slope += FILTER_EXPONENT * filtered * flow ** (FILTER_EXPONENT - 1.0)
        slope += RACK_EXPONENT * racks * flow ** (RACK_EXPONENT - 1.0)
        surplus, steepness = -flow, 1.0
        for speed in speeds:
            given = pump_flow_ratio(speed, drop, shutoff, share)
            surplus += given
            if given > 0.0:
                steepness += 0.5 * share * share / ((shutoff - 1.0) * given) * slope
        following, low, high = narrowed(flow, surplus, steepness, low, high)
        if abs(following - flow) <= _CONVERGED * following:
            return float(following)
        flow = following
    return float(flow)
