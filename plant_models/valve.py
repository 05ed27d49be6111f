"""Equal-percentage control valve in series with the exchanger it feeds."""

from __future__ import annotations

import math

from plant_models._jit import inner

_SEAT = 0.05
"""Position below which the equal-percentage curve goes over into a straight line to tight shut-off."""


@inner
def opening(position: float, rangeability: float) -> float:
    """Flow coefficient over that of the open valve at ``position`` 0 … 1: R^(y-1), IEC 60534-2-4."""
    if position <= 0.0:
        return 0.0
    if position < _SEAT:
        return float(rangeability ** (_SEAT - 1.0) * position / _SEAT)
    return float(rangeability ** (position - 1.0))


@inner
def circuit_flow_ratio(relative_opening: float, relative_drop: float, authority: float) -> float:
    """Flow over its design value in a valve and a fixed resistance in series, both quadratic.

    ``relative_opening`` is the valve's flow coefficient over that at design, ``relative_drop`` the circuit's
    drop over that at design, ``authority`` the valve's share of the drop at design. No reverse flow.
    """
    if relative_opening <= 0.0 or relative_drop <= 0.0:
        return 0.0
    return math.sqrt(relative_drop / (authority / (relative_opening * relative_opening) + 1.0 - authority))
