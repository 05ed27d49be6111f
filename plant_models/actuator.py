"""An actuator whose drive has a top speed and whose positioner closes in on its command.

Its equation is solved, not integrated: the positioner is ten times faster than any water, and the time step need not
follow it.
"""

from __future__ import annotations

import math

from plant_models._jit import inner

POSITIONER_TIME_S = 0.25
"""Time constant with which the last bit of the way is gone. It keeps the model smooth enough to linearise."""


@inner
def actuator_rate_percent_s(position_percent: float, command_percent: float, stroke_time_s: float) -> float:
    """Change of position, %/s; ``stroke_time_s`` for the whole way, 0 for no limit."""
    rate = (command_percent - position_percent) / POSITIONER_TIME_S
    if stroke_time_s > 0.0:
        fastest = 100.0 / stroke_time_s
        return min(max(rate, -fastest), fastest)
    return rate


@inner
def actuator_after(position_percent: float, command_percent: float, stroke_time_s: float, h: float) -> float:
    """Position (%) after ``h`` (s) with the command held: what :func:`actuator_rate_percent_s` leads to, exactly.

    Along the ramp at top speed until ``POSITIONER_TIME_S`` of it is left, then closing in.
    """
    gap = command_percent - position_percent
    if gap == 0.0:
        return position_percent  # most valves of a plant, most of the time
    if stroke_time_s > 0.0:
        near = POSITIONER_TIME_S * 100.0 / stroke_time_s
        ramp_s = (abs(gap) - near) * stroke_time_s / 100.0
        if ramp_s >= h:
            return position_percent + math.copysign(100.0 * h / stroke_time_s, gap)
        if ramp_s > 0.0:
            return command_percent - math.copysign(near, gap) * math.exp((ramp_s - h) / POSITIONER_TIME_S)
    return position_percent - gap * math.expm1(-h / POSITIONER_TIME_S)
