"""An actuator whose drive has a top speed and whose positioner closes in on its command."""

from __future__ import annotations

from plant_models._jit import inner

POSITIONER_TIME_S = 0.25
"""Time constant with which the last bit of the way is gone. It keeps the model smooth enough to linearise."""


@inner
def actuator_rate_per_s(position: float, command: float, stroke_time_s: float) -> float:
    """Change of position (1/s, positions 0 … 1); ``stroke_time_s`` for the whole way, 0 for no limit."""
    rate = (command - position) / POSITIONER_TIME_S
    if stroke_time_s > 0.0:
        fastest = 1.0 / stroke_time_s
        return min(max(rate, -fastest), fastest)
    return rate
