"""What the loop's delay takes of each PID loop's phase margin, through the linearised plants of the rig.

The delay is that of :mod:`hil.rig.delay`, each loop's own. Loops are followed as in :mod:`hil.rig.action`: through
plants, devices (``mirrors``, taken as 1) and the other loops, which are closed, each with its own delay in it.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from controller.margins import PhaseMargin, least_margin, phase_margins
from hil.rig.build import Rig
from hil.rig.delay import Latency, LoopDelay, delay_of
from hil.rig.linear_models import Models, linear_models, why_unknown
from hil.rig.loop_system import LoopSystem

LEAST_DEG = 45.0
"""Below this much phase margin a warning is given."""
_LOWEST_RAD_S = 1e-5
"""Below the slowest dynamics of a cooling plant, rad/s."""
_NOTHING = 1e-9
"""A loop's gain that no way through a plant has."""


@dataclass(frozen=True, slots=True)
class LoopMargin:
    """Phase margin of one loop.

    Attributes
    ----------
    loop : str
        Name of the controller.
    crossover_rad_s : float or None
        Where the loop's gain is 1, rad/s; None where no margin can be given.
    nominal_deg, lost_deg, remaining_deg : float or None
        Without the loop's own delay, what ``delay_s`` takes, and what is left. Of a loop whose gain is above 1 at half
        its own rate only the last is given: that at half the rate, 0 at the most.
    delay_s : float
        Total of ``delay``, s.
    delay : LoopDelay
        Its parts.
    note : str
        Why there is no figure, or the warning; else empty.
    """

    loop: str
    crossover_rad_s: float | None
    nominal_deg: float | None
    delay_s: float
    lost_deg: float | None
    remaining_deg: float | None
    delay: LoopDelay
    note: str = ""


def lost_margins(rig: Rig, latency: Latency) -> list[LoopMargin]:
    """Give the margin of every PID loop with its delay in it; takes up to a second, so not in the loop."""
    if not rig.pids:
        return []
    delays = {name: delay_of(rig, name, latency) for name in rig.pids}
    models = linear_models(rig)
    loops = LoopSystem(rig, models.linear, {name: delay.total_s for name, delay in delays.items()})
    return [_margin(rig, models, loops, name, delays[name]) for name in rig.pids]


def _without(name: str, delay: LoopDelay, why: str) -> LoopMargin:
    return LoopMargin(name, None, None, delay.total_s, None, None, delay, why)


def _margin(rig: Rig, models: Models, loops: LoopSystem, name: str, delay: LoopDelay) -> LoopMargin:
    delay_s = delay.total_s
    unknown = why_unknown(rig, models, name)
    if unknown is not None:
        return _without(name, delay, unknown)
    highest = math.pi / (2.0 * delay.hold_s)
    lowest = min(_LOWEST_RAD_S, 1e-6 * highest)
    open_loop = loops.opened(name)
    try:
        found = phase_margins(open_loop, lowest, highest)
        low, half = open_loop(1j * np.array([lowest, highest]))
    except (ValueError, np.linalg.LinAlgError) as error:
        return _without(name, delay, f"no linear model of this loop: {error}")
    if abs(half) > 1.0:
        return _unstable(name, delay, highest, complex(half), found)
    least = least_margin(found, delay_s)
    if least is None:
        # Through a plant that answers at all, the integral part is large at the lowest frequency.
        closed = max(abs(low), abs(half)) > _NOTHING
        return _without(name, delay, "its gain is below 1 everywhere" if closed else "no plant closes it")
    left_deg = least.left_deg(delay_s)
    note = "" if left_deg >= LEAST_DEG else f"less than {LEAST_DEG:g} degrees of phase margin are left"
    return LoopMargin(
        name, least.crossover_rad_s, least.margin_deg, delay_s, least.lost_deg(delay_s), left_deg, delay, note
    )


def _unstable(
    name: str, delay: LoopDelay, half_rad_s: float, half: complex, found: Sequence[PhaseMargin]
) -> LoopMargin:
    """Judge a loop whose gain is still above 1 where sampling ends: nothing above that can bring it down in time.

    At half the rate the sampled loop's answer is a real number, which the hold has turned against the error.
    """
    at_half = PhaseMargin(half_rad_s, 180.0 + math.degrees(cmath.phase(half)))
    left_deg = min(0.0, *(margin.left_deg(delay.total_s) for margin in (at_half, *found)))
    what = (
        f"gain above 1 at half its own rate ({abs(half):.3g} at {half_rad_s:.4g} rad/s): unstable as sampled"
    )
    return LoopMargin(
        name, None, None, delay.total_s, None, left_deg, delay, f"{what}, no phase margin is left"
    )
