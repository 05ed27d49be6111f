"""Gains of a PID controller in its two usual forms, with their units, and what refuses them.

Both forms end as the same four figures, the parallel ones::

    u = ±[ kp (b r − y) + ki ∫(r − y) dt + kd s / (1 + filter_time_s s) (c r − y) ]

Source: K. J. Åström and T. Hägglund, "Advanced PID Control", ISA, 2006, ch. 3 (forms, set-point weights,
filter factor N between 2 and 20, tracking time constant).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from controller.errors import GainError

DEFAULT_FILTER_N = 10.0
"""Derivative time over filter time where neither is given."""

BIAS_RETURN_TIME_S = 60.0
"""Tracking time constant without integral action, s: slow for the hydraulic loops, quick for an operator."""


@dataclass(frozen=True, slots=True)
class PidGains:
    """Gains in the parallel form; u is the unit of the output, y that of the measured value.

    Make one with :meth:`ideal` or :meth:`parallel`. Gains are positive: the sense of the loop is the
    controller's ``action``.

    Attributes
    ----------
    kp : float
        Proportional gain, u/y.
    ki : float
        Integral gain, u/(y s); 0 for no integral action.
    kd : float
        Derivative gain, u s/y; 0 for no derivative action.
    filter_time_s : float
        Time constant of the first-order filter on the derivative, s; of no effect where ``kd`` is 0.

    Raises
    ------
    GainError
        A gain that is negative or not finite, no action at all, or a derivative without a filter.
    """

    kp: float
    ki: float = 0.0
    kd: float = 0.0
    filter_time_s: float = 0.0

    def __post_init__(self) -> None:
        for name in ("kp", "ki", "kd", "filter_time_s"):
            _check_gain(name, getattr(self, name))
        if self.kp == 0.0 and self.ki == 0.0:
            raise GainError("kp and ki are both 0: such a controller never acts on an error")
        if self.kd > 0.0 and self.filter_time_s == 0.0:
            raise GainError("a derivative needs a filter: give filter_time_s > 0, or filter_n with kp > 0")

    @classmethod
    def ideal(
        cls,
        gain: float,
        integral_time_s: float | None = None,
        derivative_time_s: float = 0.0,
        *,
        filter_n: float | None = None,
        filter_time_s: float | None = None,
    ) -> PidGains:
        """Gains from the ideal (ISA) form ``gain (1 + 1/(Ti s) + Td s/(1 + Td/N s))``.

        Parameters
        ----------
        gain : float
            u/y, positive.
        integral_time_s : float, optional
            Ti, s; None or infinity for no integral action.
        derivative_time_s : float
            Td, s; 0 for no derivative action.
        filter_n : float, optional
            N = Td over the filter's time constant; 10 where neither this nor ``filter_time_s`` is given.
        filter_time_s : float, optional
            The filter's time constant itself, s, in place of ``filter_n``.
        """
        _check_gain("gain", gain)
        if gain == 0.0:
            raise GainError("gain is 0: nothing would act; use the parallel form for integral action alone")
        _check_gain("derivative_time_s", derivative_time_s)
        ki = 0.0
        if integral_time_s is not None and integral_time_s != math.inf:
            if not (math.isfinite(integral_time_s) and integral_time_s > 0.0):
                raise GainError(
                    f"integral_time_s is {integral_time_s}: it must be above 0 s, or None for no integral"
                )
            ki = gain / integral_time_s
        filter_s = _filter_time_s(derivative_time_s, filter_n, filter_time_s)
        return cls(gain, ki, gain * derivative_time_s, filter_s)

    @classmethod
    def parallel(
        cls,
        kp: float,
        ki: float = 0.0,
        kd: float = 0.0,
        *,
        filter_n: float | None = None,
        filter_time_s: float | None = None,
    ) -> PidGains:
        """Gains from the parallel form ``kp + ki/s + kd s/(1 + Tf s)``.

        Parameters
        ----------
        kp : float
            u/y.
        ki : float
            u/(y s); 0 for no integral action.
        kd : float
            u s/y; 0 for no derivative action.
        filter_n : float, optional
            N = (kd/kp)/Tf; 10 where neither this nor ``filter_time_s`` is given.
        filter_time_s : float, optional
            Tf itself, s, in place of ``filter_n``; necessary where ``kp`` is 0 and ``kd`` is not.
        """
        for name, value in (("kp", kp), ("ki", ki), ("kd", kd)):
            _check_gain(name, value)
        derivative_time_s = kd / kp if kp > 0.0 else 0.0
        return cls(kp, ki, kd, _filter_time_s(derivative_time_s, filter_n, filter_time_s))

    def tracking_time_s(self) -> float:
        """Tracking time constant that suits these gains, s: √(Ti Td); Ti without a derivative.

        Raises
        ------
        GainError
            There is an integral but no proportional action to derive it from.
        """
        if self.ki == 0.0:
            return BIAS_RETURN_TIME_S
        derived_s = self.integral_time_s
        if self.kd > 0.0 and self.kp > 0.0:
            derived_s = math.sqrt(self.integral_time_s * self.derivative_time_s)
        if not (math.isfinite(derived_s) and derived_s > 0.0):
            raise GainError(
                "tracking_time_s must be given: without proportional action there is none to derive"
            )
        return derived_s

    @property
    def integral_time_s(self) -> float:
        """Ti of the ideal form, s; infinity without integral action."""
        return self.kp / self.ki if self.ki > 0.0 else math.inf

    @property
    def derivative_time_s(self) -> float:
        """Td of the ideal form, s; infinity for a derivative without a proportional gain."""
        if self.kp > 0.0:
            return self.kd / self.kp
        return math.inf if self.kd > 0.0 else 0.0


def _check_gain(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise GainError(f"{name} is {value}: it must be finite")
    if value < 0.0:
        raise GainError(
            f"{name} is {value}: gains and times are positive; "
            'for a loop of the other sense use action="direct" or action="reverse"'
        )


def _filter_time_s(derivative_time_s: float, filter_n: float | None, filter_time_s: float | None) -> float:
    if filter_n is not None and filter_time_s is not None:
        raise GainError("filter_n and filter_time_s are both given: give one of them")
    if filter_time_s is not None:
        return filter_time_s
    factor = DEFAULT_FILTER_N if filter_n is None else filter_n
    if not (math.isfinite(factor) and factor > 0.0):
        raise GainError(f"filter_n is {factor}: it must be above 0 (2 to 20 is usual)")
    return derivative_time_s / factor
