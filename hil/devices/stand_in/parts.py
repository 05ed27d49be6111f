"""Parts of the CDU PLC's program: analogue input, actuator, PI loop, heartbeat watchdog.

The same as ``sensor.c``, ``actuator.c`` and ``pi.c`` of ``firmware_stubs/cdu_plc`` and ``watchdog.c`` of the stubs'
common part, and apart from :mod:`controller`: this is somebody else's PLC, and must not share our controllers' faults.
"""

from __future__ import annotations

import math

MISMATCH_PERCENT = 10.0
"""Command against feedback above this is a fault in shipped units (Coolcentric guide)."""
MISMATCH_DELAY_S = 2.0
COAST_FULL_SPEED_S = 3.0
"""A pump with its drive off runs down in a few seconds, far sooner than a controlled ramp."""
ON_ITS_WAY_PERCENT = 2.0
"""An actuator further behind its demand than this is at its rate limit."""


class Sensor:
    """One analogue input: what the bench wrote last, filtered, with its age.

    Attributes
    ----------
    filtered : float
        Engineering unit of the input.
    valid : bool
        The input is fresh; False for a broken wire.
    """

    __slots__ = ("_age_s", "_input", "_tau_s", "filtered", "valid")

    def __init__(self, tau_s: float) -> None:
        self._tau_s = tau_s
        self._input = 0.0
        self._age_s = math.inf
        self.filtered = 0.0
        self.valid = False

    def write(self, value: float) -> None:
        """Take a value from the bench."""
        self._input = value
        self._age_s = 0.0

    def tick(self, dt_s: float, max_age_s: float) -> None:
        """Age and filter the input over ``dt_s``; one older than ``max_age_s`` is a broken wire."""
        if self._age_s > max_age_s:
            self.valid = False
        elif not self.valid:
            # Taken whole: a filter that starts from the old value would show a ramp that never was.
            self.filtered = self._input
            self.valid = True
        else:
            self.filtered += (1.0 - math.exp(-dt_s / self._tau_s)) * (self._input - self.filtered)
        self._age_s += dt_s

    @property
    def reading(self) -> float:
        """The filtered value; NaN for a broken wire."""
        return self.filtered if self.valid else math.nan


class Actuator:
    """A motor-driven actuator: follows its demand at a limited rate, and can stick or coast.

    Attributes
    ----------
    position_percent : float
        True position.
    """

    __slots__ = ("_expected_percent", "_mismatch_s", "_rate_percent_s", "position_percent")

    def __init__(self, position_percent: float, full_travel_s: float) -> None:
        self.position_percent = position_percent
        self._expected_percent = position_percent
        self._rate_percent_s = 100.0 / full_travel_s
        self._mismatch_s = 0.0

    def move(self, demand_percent: float, dt_s: float, *, stuck: bool = False) -> None:
        """Move toward the demand; a stuck one stays, though its expected position moves on."""
        step = self._rate_percent_s * dt_s
        self._expected_percent = _toward(self._expected_percent, demand_percent, step)
        if not stuck:
            self.position_percent = _toward(self.position_percent, demand_percent, step)
        far = abs(self._expected_percent - self.position_percent) > MISMATCH_PERCENT
        self._mismatch_s = self._mismatch_s + dt_s if far else 0.0

    def coast(self, dt_s: float) -> None:
        """Run down to 0 at the rate of a free-wheeling pump."""
        self.position_percent = _toward(self.position_percent, 0.0, 100.0 / COAST_FULL_SPEED_S * dt_s)
        self._expected_percent = self.position_percent

    @property
    def mismatch(self) -> bool:
        """Whether feedback has been too far from the expected position for too long."""
        return self._mismatch_s > MISMATCH_DELAY_S

    def reset_mismatch(self) -> None:
        """Start the comparison again from where the actuator is."""
        self._expected_percent = self.position_percent
        self._mismatch_s = 0.0


def _toward(start: float, end: float, step: float) -> float:
    return min(max(end, start - step), start + step)


class PiLoop:
    """A PI loop with output limits and conditional integration.

    Attributes
    ----------
    limited : bool
        The last output was held at a limit.
    """

    __slots__ = ("_action", "_gain", "_high_percent", "_integral_percent", "_integral_time_s", "_low_percent",
                 "limited")  # fmt: skip

    def __init__(
        self, gain: float, integral_time_s: float, action: float, low_percent: float, high_percent: float
    ) -> None:
        """Gain in % per unit of error; action +1 direct (output rises with measured value), -1 reverse."""
        self._gain = gain
        self._integral_time_s = integral_time_s
        self._action = action
        self._low_percent = low_percent
        self._high_percent = high_percent
        self._integral_percent = 0.0
        self.limited = False

    def step(self, setpoint: float, measured: float, position_percent: float, dt_s: float) -> float:
        """Give the output, %, for this step.

        The integral does not grow into a limit, nor while the actuator at ``position_percent`` is still on
        its way to the output: it would only wind up.
        """
        error = self._action * (measured - setpoint)
        integral = self._integral_percent + self._gain * error * dt_s / self._integral_time_s
        output = self._gain * error + integral
        above, below = output > self._high_percent, output < self._low_percent
        behind = output > position_percent + ON_ITS_WAY_PERCENT
        ahead = output < position_percent - ON_ITS_WAY_PERCENT
        self.limited = above or below
        if not (error > 0.0 and (above or behind)) and not (error < 0.0 and (below or ahead)):
            self._integral_percent = integral
        return min(max(output, self._low_percent), self._high_percent)

    def track(self, setpoint: float, measured: float, output_percent: float) -> None:
        """Set the integral so that the next output continues from ``output_percent``."""
        self._integral_percent = output_percent - self._gain * self._action * (measured - setpoint)
        self.limited = False


class Watchdog:
    """Alive while the peer's counter keeps changing.

    Attributes
    ----------
    last : int
        The counter written last.
    """

    __slots__ = ("_age_s", "_limit_s", "last")

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._age_s = math.inf
        self.last = 0

    def beat(self, counter: int) -> None:
        """Take a written counter; the same value again is no sign of life."""
        if counter != self.last:
            self._age_s = 0.0
        self.last = counter

    def tick(self, dt_s: float) -> None:
        """Let time pass."""
        self._age_s += dt_s

    @property
    def alive(self) -> bool:
        """Whether the counter changed within the limit."""
        return self._age_s <= self._limit_s
