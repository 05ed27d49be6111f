"""Centrifugal pump with variable speed on a system curve, behind a check valve."""

from __future__ import annotations

import math

from plant_models._jit import inner
from plant_models.fluid import BOILING_A, BOILING_B, BOILING_C

ATMOSPHERE_KPA = 101.325
_VAPOUR_BAND_K = 10.0

EXCHANGER_EXPONENT = 2.0
FILTER_EXPONENT = 1.76
RACK_EXPONENT = 1.85
"""Of the drop over flow, as in LBNL's Modelica Buildings ``DataCenterEquipment`` and its racks; those of filter and
racks are defaults of a datasheet."""

_STANDSTILL = 1e-6
"""Relative speed below which there is no flow worth solving for."""
_ITERATIONS = 30
_CREEP = 1e-3
"""Speed below which friction is proportional to it."""
_CONVERGED = 1e-5
"""Relative step after which the next, which is about its cube, would be lost in rounding."""


@inner
def operating_flow_ratio(
    speed_ratio: float,
    shutoff_ratio: float,
    exchanger_share: float,
    filter_share: float,
    rack_share: float,
    filter_exponent: float = FILTER_EXPONENT,
    rack_exponent: float = RACK_EXPONENT,
) -> float:
    """Flow over design where the pump's head meets the system's drop.

    Pump: ``h0 n^2 - (h0 - 1) q^2`` over the design head (h0: ``shutoff_ratio`` >= 1; n: ``speed_ratio``,
    over the design speed), so head scales with n^2 along every parabola (affinity). System: the three shares
    (summing to 1) of the drop at design, each with its own exponent. The difference falls strictly in the
    flow; Halley's step asks for no power that its slope has not, and a bracket is kept all the same. A check
    valve holds at standstill and when the pump turns backwards.
    """
    if speed_ratio <= _STANDSTILL:
        return 0.0
    quadratic = shutoff_ratio - 1.0 + exchanger_share
    supplied = shutoff_ratio * speed_ratio * speed_ratio
    # A mean of powers: with the mean and the variance of the exponents, ln(supplied / total) = mean ln q +
    # variance / 2 (ln q)^2 + ... They hardly differ, and one step from there is nearly always all it takes.
    total = quadratic + filter_share + rack_share
    mean = (2.0 * quadratic + filter_exponent * filter_share + rack_exponent * rack_share) / total
    square = 4.0 * quadratic + filter_exponent * filter_exponent * filter_share
    square += rack_exponent * rack_exponent * rack_share
    variance = max(square / total - mean * mean, 0.0)
    low, high = 0.0, 4.0 * shutoff_ratio * max(speed_ratio, 1.0)
    logarithm = math.log(supplied / total) / mean  # of the flow: one serves all powers
    logarithm -= 0.5 * variance / mean * logarithm * logarithm
    flow = math.exp(logarithm)
    for _ in range(_ITERATIONS):
        squares = quadratic * flow
        filtered = filter_share * math.exp((filter_exponent - 1.0) * logarithm)
        racked = rack_share * math.exp((rack_exponent - 1.0) * logarithm)
        surplus = supplied - (squares + filtered + racked) * flow
        if surplus > 0.0:
            low = flow
        else:
            high = flow
        slope = 2.0 * squares + filter_exponent * filtered + rack_exponent * racked
        curvature = 2.0 * squares + filter_exponent * (filter_exponent - 1.0) * filtered
        curvature += rack_exponent * (rack_exponent - 1.0) * racked  # times the flow
        newton = surplus / slope
        following = flow + newton / (1.0 + 0.5 * newton * curvature / (slope * flow))
        if not low <= following <= high:
            following = 0.5 * (low + high)
        if abs(following - flow) <= _CONVERGED * flow:
            return float(following)
        flow = following
        logarithm = math.log(flow)
    return float(flow)


@inner
def power_ratio(speed_ratio: float, flow_ratio: float, idle_share: float) -> float:
    """Electrical power over design: ``|n|^3 (p0 + (1 - p0) q/n)``, so n^3 wherever flow follows speed.

    ``idle_share`` p0 is the power at design speed against a closed valve, over that at design.
    """
    turning = abs(speed_ratio)
    return turning * turning * (idle_share * turning + (1.0 - idle_share) * flow_ratio)


@inner
def boiling_degc(pressure_kpa: float, water_share: float) -> float:
    """Boiling temperature of the coolant: that of water at the pressure over its mole share (Raoult)."""
    absolute = max(pressure_kpa + ATMOSPHERE_KPA, 1.0)
    return BOILING_B / (BOILING_A - math.log(absolute / water_share)) - BOILING_C


@inner
def vapour_grip(temp_degc: float, boiling_degc: float) -> float:
    """Speed of a pump full of vapour over that of its shaft: 1, and over the last 10 K before boiling down to 0.

    It loses its head, flow and power together (affinity), so a pump against closed valves boils no loop dry. The band
    is an assumption; it stands for the pressure that a pump needs over the vapour's (30 kPa near 130 °C are 3 K) and
    for the hottest coolant inside it.
    """
    if temp_degc <= boiling_degc - _VAPOUR_BAND_K:
        return 1.0
    return math.sqrt(max((boiling_degc - temp_degc) / _VAPOUR_BAND_K, 0.0))


@inner
def coasting_rate_per_s(speed: float, coast_time_s: float, friction: float) -> float:
    """Change of speed (1/s) of a pump without drive: hydraulic torque ~ n^2 and ``friction`` on the inertia.

    From full speed it loses half in about ``coast_time_s``, which stands for the inertia of rotor and water;
    ``friction`` is that of bearings and seals over the design torque; below a thousandth of the speed it goes with it,
    so that the equation has no jump at standstill, which no solver gets over.
    """
    return -speed * (abs(speed) + friction / max(abs(speed), _CREEP)) / coast_time_s


@inner
def coasted(speed: float, coast_time_s: float, friction: float, h: float) -> float:
    """Speed after ``h`` (s) without drive: what :func:`coasting_rate_per_s` leads to, exactly.

    With the angle a = atan(n / sqrt(f)), da/dt = -sqrt(f) / T, down to the creep. There, with b = f / n_c,
    dn/dt = -n (n + b) / T, so n / (n + b) falls as exp(-b t / T).
    """
    size, elapsed = abs(speed), h / coast_time_s
    if friction <= 0.0:
        return speed / (1.0 + size * elapsed)
    if size > _CREEP:
        root = math.sqrt(friction)
        until_creep = (math.atan(size / root) - math.atan(_CREEP / root)) / root
        if elapsed <= until_creep:
            return math.copysign(root * math.tan(math.atan(size / root) - root * elapsed), speed)
        size, elapsed = _CREEP, elapsed - until_creep
    steepness = friction / _CREEP
    share = size / (size + steepness) * math.exp(-steepness * elapsed)
    return math.copysign(steepness * share / (1.0 - share), speed)
