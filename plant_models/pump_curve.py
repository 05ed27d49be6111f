"""Pump curve given by points, interpolated so that it falls everywhere; scaled with speed by the affinity laws.

Between the points runs a cubic with the slopes of Fritsch and Butland (SIAM J. Sci. Stat. Comput. 5, 1984), which
keeps a falling sequence of points a falling curve; beyond the first and the last it goes on straight. In the
kernels a curve is one array: flows, heads, slopes, each over the design point's, at the speed of design.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from plant_models._jit import inner
from plant_models.components.root import narrowed

Array = npt.NDArray[np.float64]

MOST_POINTS = 20
_ITERATIONS = 60
_CONVERGED = 1e-13


def falling_slopes(flows: Sequence[float], heads: Sequence[float]) -> list[float]:
    """Slopes at the points of a falling curve: weighted harmonic means inside, those of the end pieces outside."""
    widths = [b - a for a, b in pairwise(flows)]
    secants = [(b - a) / width for a, b, width in zip(heads, heads[1:], widths, strict=False)]
    inside = []
    for i in range(1, len(secants)):
        before, after = widths[i] * 2.0 + widths[i - 1], widths[i] + widths[i - 1] * 2.0
        inside.append((before + after) / (before / secants[i - 1] + after / secants[i]))
    return [secants[0], *inside, secants[-1]]


@inner
def curve_head(flow: float, curve: Array) -> tuple[float, float]:
    """Head at a flow, and its slope there, both at the speed of the curve."""  # (3 n,)
    points = curve.size // 3
    heads, slopes = curve[points : 2 * points], curve[2 * points :]
    last = points - 1
    if flow <= curve[0]:
        return heads[0] + slopes[0] * (flow - curve[0]), slopes[0]
    if flow >= curve[last]:
        return heads[last] + slopes[last] * (flow - curve[last]), slopes[last]
    i = 0
    while flow > curve[i + 1]:
        i += 1
    width = curve[i + 1] - curve[i]
    t = (flow - curve[i]) / width
    first, second = width * slopes[i], width * slopes[i + 1]
    rise = heads[i + 1] - heads[i]
    square, cube = 3.0 * rise - 2.0 * first - second, first + second - 2.0 * rise
    head = heads[i] + t * (first + t * (square + t * cube))
    return head, (first + t * (2.0 * square + 3.0 * t * cube)) / width


@inner
def curve_widest(curve: Array) -> float:
    """Flow at which the curve's head has come down to nothing."""
    points = curve.size // 3
    last = points - 1
    if curve[points + last] <= 0.0:
        return float(curve[last])
    return float(curve[last] - curve[points + last] / curve[3 * points - 1])


@inner
def curve_flow(head: float, curve: Array) -> float:
    """Flow at a head, at the speed of the curve; 0 above its head at no flow."""
    low, high = 0.0, curve_widest(curve)
    if head <= 0.0:
        return high
    if curve_head(0.0, curve)[0] <= head:
        return 0.0
    flow = 0.5 * high
    for _ in range(_ITERATIONS):
        own, slope = curve_head(flow, curve)
        following, low, high = narrowed(flow, own - head, max(-slope, 1e-9), low, high)
        if abs(following - flow) <= _CONVERGED * following:
            return float(following)
        flow = following
    return float(flow)


@inner
def curve_operating_flow(
    speed: float,
    stretch: float,
    curve: Array,
    exchanger: float,
    filtered: float,
    racks: float,
    filter_exponent: float,
    rack_exponent: float,
) -> float:
    """Flow over design where a curve meets the system's drop (three shares of the design head).

    ``stretch`` is the design flow of the whole over that of one pump and the number of pumps that run: each has
    ``flow * stretch`` of its own. Affinity: ``n^2 H(q / n)``. Newton in a bracket; a check valve holds at standstill.
    """
    if speed <= 0.0:
        return 0.0
    squared = speed * speed
    low, high = 0.0, speed * curve_widest(curve) / stretch
    flow = min(speed, 0.5 * high)
    for _ in range(_ITERATIONS):
        head, slope = curve_head(flow * stretch / speed, curve)
        logarithm = math.log(flow)
        square = exchanger * flow
        filtered_drop = filtered * math.exp((filter_exponent - 1.0) * logarithm)
        rack_drop = racks * math.exp((rack_exponent - 1.0) * logarithm)
        surplus = squared * head - (square + filtered_drop + rack_drop) * flow
        steepness = 2.0 * square + filter_exponent * filtered_drop + rack_exponent * rack_drop
        following, low, high = narrowed(flow, surplus, steepness - speed * stretch * slope, low, high)
        if abs(following - flow) <= _CONVERGED * following:
            return float(following)
        flow = following
    return float(flow)
