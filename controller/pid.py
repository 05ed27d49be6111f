"""PID controller with two degrees of freedom, tracking anti-windup and transfers without a bump.

The law, with e = r − y for reverse action and its mirror for direct action::

    u = kp (b r − y) + ki ∫e dt + kd s / (1 + Tf s) (c r − y) + feedforward

Integral and filtered derivative are discretised as if set-point and measured value ran straight between
samples (first-order hold): exact for ramps, of second order, stable for every step. When the value
truly applied differs from the one asked for, the difference pulls the integral with the tracking time
constant. Source: Åström and Hägglund, "Advanced PID Control", ISA, 2006, ch. 3 and 13.
"""

from __future__ import annotations

import math
from typing import Literal, TypedDict, Unpack

from controller.errors import GainError
from controller.pid_gains import PidGains


class PidOptions(TypedDict, total=False):
    """Options of :class:`PID`, by the names and units given there."""

    action: Literal["direct", "reverse"]
    b: float
    c: float
    output_low: float
    output_high: float
    bias: float
    initial_output: float | None
    tracking_time_s: float | None
    anti_windup: Literal["tracking", "conditional"]
    applied_resolution: float


class PID:
    """PID controller: one :meth:`step` a sample, at any intervals.

    Parameters
    ----------
    gains : PidGains
        Or use :meth:`ideal` and :meth:`parallel`, which take the gains themselves.
    action : {"reverse", "direct"}
        "direct": the output rises when the measured value rises above the set-point (a cooling valve).
        "reverse": it falls (a heater; a pump that holds a pressure).
    b, c : float
        Weight of the set-point in the proportional and in the derivative part; c = 0 is the derivative
        of the measured value alone.
    output_low, output_high : float
        Range of the output, output unit. Limits and rates further on act through ``applied``.
    bias : float
        Output at zero error without integral action, and the integral's first value; output unit.
    initial_output : float, optional
        The first step gives this output, the integral calculated back from it; output unit.
    tracking_time_s : float, optional
        Time constant with which the integral follows a limited output, s. Default √(Ti Td), Ti without a
        derivative. Without integral action: that with which the bias returns after a transfer, default 60 s.
    anti_windup : {"tracking", "conditional"}
        "tracking": as above. "conditional": the integral only stops where it would widen the difference.
    applied_resolution : float
        A difference up to this is the rounding of the wire, not a limit; output unit.

    Attributes
    ----------
    output : float
        Last output; the initial output or the bias, brought into range, before the first step.
    rejected : int
        How many steps and transfers were refused for a value that is not finite, or a negative ``dt_s``.
    manual : bool
        Whether the output is held by :meth:`to_manual`.

    Raises
    ------
    GainError
        Options that cannot be used.
    """

    __slots__ = (
        "_align", "_bias", "_c", "_coefficients_dt_s", "_conditional", "_d_in", "_d_share", "_derivative",
        "_error", "_gains", "_has_history", "_high", "_integral", "_kd", "_ki", "_kp", "_low", "_p_in",
        "_resolution", "_sign", "_tracking_given_s", "_tracking_s", "_tracking_share", "_unlimited",
        "_weight_b", "manual", "output", "rejected",
    )  # fmt: skip

    # Declared for the type checker: set by methods that the constructor calls.
    _align: bool
    _derivative: float
    _d_in: float
    _has_history: bool
    _integral: float
    output: float

    def __init__(
        self,
        gains: PidGains,
        *,
        action: Literal["direct", "reverse"] = "reverse",
        b: float = 1.0,
        c: float = 0.0,
        output_low: float = -math.inf,
        output_high: float = math.inf,
        bias: float = 0.0,
        initial_output: float | None = None,
        tracking_time_s: float | None = None,
        anti_windup: Literal["tracking", "conditional"] = "tracking",
        applied_resolution: float = 0.0,
    ) -> None:
        _check_choice("action", action, ("direct", "reverse"))
        _check_choice("anti_windup", anti_windup, ("tracking", "conditional"))
        _check_not_negative(b=b, c=c, applied_resolution=applied_resolution)
        if not output_low < output_high:
            raise GainError(f"output range {output_low} to {output_high} is inverted or empty")
        for name, value in (("bias", bias), ("initial_output", initial_output)):
            if value is not None and not math.isfinite(value):
                raise GainError(f"{name} is {value}: it must be finite")
        self._sign = 1.0 if action == "reverse" else -1.0
        self._weight_b = b
        self._c = c
        self._low = float(output_low)
        self._high = float(output_high)
        self._bias = float(bias)
        self._conditional = anti_windup == "conditional"
        self._resolution = applied_resolution
        self._tracking_given_s = None if tracking_time_s is None else _check_tracking_time(tracking_time_s)
        self._use(gains)
        self.rejected = 0
        self.manual = False
        self._start_from(self._bias if initial_output is None else float(initial_output))
        self._align = initial_output is not None

    @classmethod
    def ideal(
        cls,
        gain: float,
        integral_time_s: float | None = None,
        derivative_time_s: float = 0.0,
        *,
        filter_n: float | None = None,
        filter_time_s: float | None = None,
        **options: Unpack[PidOptions],
    ) -> PID:
        """Make a controller from the ideal (ISA) form ``gain (1 + 1/(Ti s) + Td s/(1 + Td/N s))``.

        ``gain`` in output unit per measured unit; ``integral_time_s`` (None or infinity: no integral
        action), ``derivative_time_s`` and ``filter_time_s`` in s. See :meth:`PidGains.ideal`; the options
        are those of :class:`PID`.
        """
        gains = PidGains.ideal(
            gain, integral_time_s, derivative_time_s, filter_n=filter_n, filter_time_s=filter_time_s
        )
        return cls(gains, **options)

    @classmethod
    def parallel(
        cls,
        kp: float,
        ki: float = 0.0,
        kd: float = 0.0,
        *,
        filter_n: float | None = None,
        filter_time_s: float | None = None,
        **options: Unpack[PidOptions],
    ) -> PID:
        """Make a controller from the parallel form ``kp + ki/s + kd s/(1 + Tf s)``.

        With u the output's unit and y the measured value's: ``kp`` in u/y, ``ki`` in u/(y s), ``kd`` in
        u s/y, ``filter_time_s`` in s. See :meth:`PidGains.parallel`; the options are those of :class:`PID`.
        """
        return cls(PidGains.parallel(kp, ki, kd, filter_n=filter_n, filter_time_s=filter_time_s), **options)

    @property
    def gains(self) -> PidGains:
        """Gains in use."""
        return self._gains

    @property
    def integral(self) -> float:
        """Integral part, or the bias in use without integral action; output unit."""
        return self._integral

    def step(
        self,
        setpoint: float,
        measured: float,
        dt_s: float,
        applied: float | None = None,
        feedforward: float = 0.0,
    ) -> float:
        """Give the output for one sample: within its range, always finite.

        ``setpoint`` and ``measured`` in the measured unit; ``dt_s``, time since the last step, in s, where 0
        gives the last output and changes nothing; ``applied``, what the actuator truly received after the
        last step (None: the last output), and ``feedforward``, which is added, in the output unit.

        Where any of them is not finite, or ``dt_s`` is negative, the last output is held; that is counted,
        and the next step takes no difference across the gap.
        """
        total = setpoint + measured + dt_s + feedforward + (0.0 if applied is None else applied)
        if total - total != 0.0 or dt_s < 0.0:
            return self._reject()
        if dt_s == 0.0 or self.manual:
            return self.output
        if dt_s != self._coefficients_dt_s:
            self._discretise(dt_s)
        sign = self._sign
        error = sign * (setpoint - measured)
        p_in = sign * (self._weight_b * setpoint - measured)
        d_in = sign * (self._c * setpoint - measured)
        proportional = self._kp * p_in
        if self._align:
            integral, derivative, unlimited = self._aligned(proportional + feedforward, applied)
        else:
            integral = self._integrated(error, dt_s, applied)
            derivative = self._derivative * (1.0 - self._d_share)
            if self._has_history and self._kd:
                derivative += self._kd * self._d_share / dt_s * (d_in - self._d_in)
            unlimited = proportional + integral + derivative + feedforward
        total = unlimited + integral + derivative + error + p_in + d_in
        if total - total != 0.0:
            return self._reject()
        self._error = error
        self._p_in = p_in
        self._d_in = d_in
        self._integral = integral
        self._derivative = derivative
        self._unlimited = unlimited
        self._has_history = True
        self._align = False
        # Not min(max()): two calls take as long as a quarter of the step.
        output = self._low if unlimited < self._low else unlimited
        self.output = output = self._high if output > self._high else output
        return output

    def track(self, applied: float) -> None:
        """Say that the actuator is held at ``applied`` (output unit) by something else, without a step.

        For every cycle in which the controller cannot or must not act (its input is not GOOD, a fallback
        or a local panel has the actuator). The next step gives exactly this output, or what it carries as
        its own ``applied``, and goes on from there. Without effect in manual; not finite: counted, the
        last output is kept.
        """
        if self.manual:
            return
        if not math.isfinite(applied):
            self.rejected += 1
            applied = self.output
        self._start_from(applied)

    def to_manual(self, output: float | None = None) -> None:
        """Hold ``output`` (output unit, brought into range); None or not finite: the last one."""
        if output is not None and not math.isfinite(output):
            self.rejected += 1
            output = None
        self._start_from(self.output if output is None else output)
        self.manual = True

    def to_auto(self) -> None:
        """Go on from the manual output, or from what the next step carries as ``applied``, without a bump."""
        self.manual = False

    def set_gains(self, gains: PidGains) -> None:
        """Use other gains from now on; the integral takes up the difference, so the output does not jump.

        At a limit it takes up what is beyond as well: gains that ask for less would leave it wound up by as much.

        Raises
        ------
        GainError
            The tracking time constant cannot be derived from them; the old gains stay.
        """
        old_sum = self._kp * self._p_in + self._derivative
        old_kd = self._kd
        self._use(gains)
        self._derivative *= gains.kd / old_kd if old_kd > 0.0 else 0.0
        self._integral += old_sum - (self._kp * self._p_in + self._derivative) + self.output - self._unlimited
        self._unlimited = self.output
        if not (math.isfinite(self._integral) and math.isfinite(self._derivative)):
            self._start_from(self.output)

    def reset(self, output: float = 0.0) -> None:
        """Forget everything but the mode and the counter: the integral starts at ``output`` (output unit).

        A cold start: the next step adds its proportional part. For a start without a bump use
        :meth:`track`. Not finite: counted, and the bias is taken.
        """
        if not math.isfinite(output):
            self.rejected += 1
            output = self._bias
        self._start_from(output)
        self._align = False

    def _start_from(self, output: float) -> None:
        """Make the next step give ``output`` (finite, output unit), as if nothing had been before it."""
        self._unlimited = self._integral = float(output)
        self.output = min(max(self._unlimited, self._low), self._high)
        self._derivative = self._error = self._p_in = self._d_in = 0.0
        self._has_history = False
        self._align = True

    def _aligned(self, other_parts: float, applied: float | None) -> tuple[float, float, float]:
        """Integral, derivative and output of a step that must give the value held so far."""
        target = self._unlimited if applied is None else applied
        return target - other_parts, 0.0, target

    def _integrated(self, error: float, dt_s: float, applied: float | None) -> float:
        """Integral part at the end of ``dt_s``, output unit, anti-windup included."""
        if self._ki == 0.0:
            return self._integral + self._tracking_share * (self._bias - self._integral)
        mean_error = 0.5 * (self._error + error) if self._has_history else error
        increment = self._ki * dt_s * mean_error
        gap = (self.output if applied is None else applied) - self._unlimited
        if -self._resolution <= gap <= self._resolution:
            return self._integral + increment
        if self._conditional:
            widens = increment > 0.0 if gap < 0.0 else increment < 0.0
            return self._integral if widens else self._integral + increment
        return self._integral + increment + self._tracking_share * gap

    def _reject(self) -> float:
        """Count a refused step, and drop the history, which no longer adjoins the next one."""
        self.rejected += 1
        self._has_history = False
        return self.output

    def _use(self, gains: PidGains) -> None:
        given_s = self._tracking_given_s
        self._tracking_s = gains.tracking_time_s() if given_s is None else given_s
        self._gains = gains
        self._kp = gains.kp
        self._ki = gains.ki
        self._kd = gains.kd
        self._coefficients_dt_s = 0.0

    def _discretise(self, dt_s: float) -> None:
        """Work out what depends on the step alone; the grid's step seldom changes."""
        self._coefficients_dt_s = dt_s
        filter_s = self._gains.filter_time_s
        self._d_share = -math.expm1(-dt_s / filter_s) if filter_s > 0.0 else 1.0
        self._tracking_share = -math.expm1(-dt_s / self._tracking_s)


def _check_tracking_time(tracking_time_s: float) -> float:
    if not (math.isfinite(tracking_time_s) and tracking_time_s > 0.0):
        raise GainError(f"tracking_time_s is {tracking_time_s}: it must be above 0 s")
    return tracking_time_s


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise GainError(f"{name} is {value!r}: it is one of {', '.join(choices)}")


def _check_not_negative(**values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value >= 0.0):
            raise GainError(f"{name} is {value}: it must be finite and not negative")
