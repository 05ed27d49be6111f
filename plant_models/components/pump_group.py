"""Pumps in parallel, each behind its check valve, on a common system curve.

Each pump follows ``h0 n^2 - (h0 - 1) (q/s)^2`` over the design head, or ``n^2 H(q/s/n)`` where its curve is given by
points: ``n`` its speed over the design speed, ``s`` its design flow over that of the whole, ``h0`` shut-off over
design head; so head scales with n^2 and flow with n along every parabola (affinity laws). A pump that cannot reach
the common head is shut off by its check valve. Sum of the pumps' flows over the head falls, the system's head over
the flow rises: there is one operating point, found afresh in each evaluation, so that nothing depends on where the
search began. Parameters are those of :class:`plant_models.parameters.CduParameters`, packed.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from plant_models._jit import inner
from plant_models.cdu_physics import system_flow_ratio
from plant_models.components.root import narrowed
from plant_models.parameters import CURVE, CURVE_SIZE, PLACE
from plant_models.pump_curve import curve_flow, curve_head

Array = npt.NDArray[np.float64]

_SHUTOFF, _EXCHANGER, _RACKS, _FILTER_EXPONENT, _RACK_EXPONENT = (
    PLACE[n]
    for n in ("pump_shutoff_ratio", "exchanger_share", "rack_share", "filter_exponent", "rack_exponent")
)
STANDSTILL = 1e-6
_ALIKE = 1e-12
"""Relative difference of speeds below which pumps share the flow evenly."""
_ITERATIONS = 60
_CONVERGED = 1e-13


@inner
def pump_flow_ratio(speed_ratio: float, head_ratio: float, share: float, p: Array) -> float:
    """Flow of one pump over the whole's design flow at a common head over design; 0 behind its check valve."""
    if speed_ratio <= STANDSTILL:
        return 0.0
    size = int(p[CURVE_SIZE])
    if size > 0:
        own_head = head_ratio / (speed_ratio * speed_ratio)
        return share * speed_ratio * curve_flow(own_head, p[CURVE : CURVE + size])
    surplus = p[_SHUTOFF] * speed_ratio * speed_ratio - head_ratio
    if surplus <= 0.0:
        return 0.0
    return float(share * math.sqrt(surplus / (p[_SHUTOFF] - 1.0)))


@inner
def flow_per_head(speed_ratio: float, flow: float, share: float, p: Array) -> float:
    """How much flow one pump loses for more head, where it gives ``flow`` (above 0)."""
    size = int(p[CURVE_SIZE])
    if size > 0:
        slope = curve_head(flow / (share * speed_ratio), p[CURVE : CURVE + size])[1]
        return share / (speed_ratio * max(-slope, 1e-9))
    return float(0.5 * share * share / ((p[_SHUTOFF] - 1.0) * flow))


@inner
def drop_ratio(flow: float, filtered: float, p: Array) -> float:
    """System's drop over design at a flow over design; ``filtered``: the filter's share, fouling included."""
    if flow <= 0.0:
        return 0.0
    of_filter, of_racks = filtered * flow ** p[_FILTER_EXPONENT], p[_RACKS] * flow ** p[_RACK_EXPONENT]
    return float(p[_EXCHANGER] * flow * flow + of_filter + of_racks)


@inner
def running_speeds(speeds: Array) -> tuple[int, float, bool]:
    """How many pumps run, the fastest's speed, and whether they are alike; speeds not above 0: standing."""  # (n,)
    fastest, slowest, running = 0.0, math.inf, 0
    for speed in speeds:
        if speed > STANDSTILL:
            running += 1
            fastest = max(fastest, speed)
            slowest = min(slowest, speed)
    return running, fastest, fastest - slowest <= _ALIKE * fastest


@inner
def group_flow_ratio(speeds: Array, share: float, filtered: float, p: Array) -> float:
    """Flow over design of pumps at ``speeds`` (over the design speed)."""  # (n,)
    running, fastest, alike = running_speeds(speeds)
    if running == 0:
        return 0.0
    if alike:
        return system_flow_ratio(fastest, 1.0 / (running * share), filtered, p)
    # The fastest alone gives no more, all of them at its speed no less than the answer.
    low = system_flow_ratio(fastest, 1.0 / share, filtered, p)
    high = system_flow_ratio(fastest, 1.0 / (running * share), filtered, p)
    return uneven_flow_ratio(speeds, low, high, share, filtered, p)


@inner
def uneven_flow_ratio(
    speeds: Array, low: float, high: float, share: float, filtered: float, p: Array
) -> float:
    """Root of (sum of the pumps' flows at the system's head - flow) in ``low`` … ``high``: Newton in a bracket."""
    flow = low
    for _ in range(_ITERATIONS):
        drop = drop_ratio(flow, filtered, p)
        slope = 2.0 * p[_EXCHANGER] * flow
        slope += p[_FILTER_EXPONENT] * filtered * flow ** (p[_FILTER_EXPONENT] - 1.0)
        slope += p[_RACK_EXPONENT] * p[_RACKS] * flow ** (p[_RACK_EXPONENT] - 1.0)
        surplus, steepness = -flow, 1.0
        for speed in speeds:
            given = pump_flow_ratio(speed, drop, share, p)
            surplus += given
            if given > 0.0:
                steepness += flow_per_head(speed, given, share, p) * slope
        following, low, high = narrowed(flow, surplus, steepness, low, high)
        if abs(following - flow) <= _CONVERGED * following:
            return float(following)
        flow = following
    return float(flow)
