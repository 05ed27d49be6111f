"""Phase margins of an open loop, and what a delay takes of them.

A delay of ``tau`` turns the phase back by ``omega tau`` and leaves the gain as it is, so the gain crossover stays
where it is and the margin there falls by ``omega_c tau``. Source: Åström and Murray, "Feedback Systems", 2nd ed.,
Princeton, 2021, sec. 10.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Complex = npt.NDArray[np.complex128]
OpenLoop = Callable[[Complex], Complex]
"""L(s) at many s at once: any single-input, single-output system of python-control is one.  # (n,) -> (n,)"""

_POINTS_PER_DECADE = 200
_MOST_STEPS = 50
_GAIN_IS_1 = 1e-11
"""Its logarithm off 0 by less."""
_LEAST_GAIN = 1e-300
"""That has a logarithm."""


@dataclass(frozen=True, slots=True)
class PhaseMargin:
    """The phase margin at one gain crossover.

    Attributes
    ----------
    crossover_rad_s : float
        Where the open loop's gain is 1, rad/s.
    margin_deg : float
        180 degrees plus the phase there. Negative: such a loop is not stable.
    """

    crossover_rad_s: float
    margin_deg: float

    def lost_deg(self, delay_s: float) -> float:
        """Give what ``delay_s`` (s) takes of the margin, degrees."""
        return math.degrees(self.crossover_rad_s * delay_s)

    def left_deg(self, delay_s: float) -> float:
        """Give what ``delay_s`` (s) leaves of the margin, degrees."""
        return self.margin_deg - self.lost_deg(delay_s)


def phase_margins(open_loop: OpenLoop, low_rad_s: float, high_rad_s: float) -> tuple[PhaseMargin, ...]:
    """Give the margin at every gain crossover between two frequencies, lowest first.

    Parameters
    ----------
    open_loop : callable
        L(s), for negative feedback; dead times included.
    low_rad_s, high_rad_s : float
        Where to look, rad/s. From below, the phase is followed without a jump; its start is taken between
        -270 and 90 degrees, so ``low_rad_s`` must lie below the loop's own dynamics.

    Returns
    -------
    tuple of PhaseMargin
        Empty where the gain does not cross 1 there.

    Raises
    ------
    ValueError
        The frequencies are not in order, or the loop is not finite between them.
    """
    if not 0.0 < low_rad_s < high_rad_s < math.inf:
        raise ValueError(f"cannot look from {low_rad_s} to {high_rad_s} rad/s")
    count = max(2, math.ceil(_POINTS_PER_DECADE * math.log10(high_rad_s / low_rad_s)))
    omega = np.geomspace(low_rad_s, high_rad_s, count)  # (n,)
    at: Complex = np.multiply(1j, omega, dtype=np.complex128)
    response: Complex = np.asarray(open_loop(at), dtype=np.complex128).reshape(omega.shape)
    if not np.isfinite(response).all():
        raise ValueError("the open loop is not finite at these frequencies")
    gain = np.abs(response)
    phase_deg = _followed_deg(response)
    crossings = np.flatnonzero((gain[:-1] > 1.0) != (gain[1:] > 1.0))
    return tuple(_at_crossing(open_loop, omega, gain, phase_deg, int(slot)) for slot in crossings)


def least_margin(margins: Sequence[PhaseMargin], delay_s: float = 0.0) -> PhaseMargin | None:
    """Give the crossover at which ``delay_s`` (s) leaves least; None where there is none."""
    return min(margins, key=lambda margin: margin.left_deg(delay_s), default=None)


def _followed_deg(response: Complex) -> npt.NDArray[np.float64]:
    """Phase without jumps, degrees; the first one in (-270, 90]."""
    phase_deg = np.degrees(np.unwrap(np.angle(response)))
    turns = math.ceil((phase_deg[0] - 90.0) / 360.0 - 1e-9)
    return np.asarray(phase_deg - 360.0 * turns)


def _at_crossing(
    open_loop: OpenLoop,
    omega: npt.NDArray[np.float64],
    gain: npt.NDArray[np.float64],
    phase_deg: npt.NDArray[np.float64],
    slot: int,
) -> PhaseMargin:
    """Close in on the crossover between two points by false position, on logarithmic scales.

    There a gain is nearly straight, so a few steps do. The end that stays is halved (the Illinois rule), which brings
    it along where the gain is bent: Dowell and Jarratt, BIT 11, 1971.
    """
    stays, (moves, ahead) = math.log(omega[slot]), (math.log(omega[slot + 1]), _log(gain[slot + 1]))
    behind = _log(gain[slot])
    for _ in range(_MOST_STEPS):
        found = moves - ahead * (moves - stays) / (ahead - behind)
        answer = _at(open_loop, math.exp(found))
        left = _log(abs(answer))
        if abs(left) < _GAIN_IS_1:
            break
        if (left > 0.0) != (ahead > 0.0):
            stays, behind = moves, ahead
        else:
            behind *= 0.5
        moves, ahead = found, left
    crossover = math.exp(found)
    angle_deg = math.degrees(float(np.angle(answer)))
    near_deg = float(np.interp(crossover, omega[slot : slot + 2], phase_deg[slot : slot + 2]))
    return PhaseMargin(crossover, 180.0 + angle_deg + 360.0 * round((near_deg - angle_deg) / 360.0))


def _log(gain: float) -> float:
    return math.log(max(gain, _LEAST_GAIN))


def _at(open_loop: OpenLoop, omega_rad_s: float) -> complex:
    return complex(np.asarray(open_loop(np.array([1j * omega_rad_s]))).reshape(-1)[0])
