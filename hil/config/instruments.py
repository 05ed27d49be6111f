"""Sensors and actuators as a user writes them: the sections ``sensors`` and ``actuators`` of a rig, by signal."""

from __future__ import annotations

from pydantic import model_validator

from hil.config.strict import Finite, Instant, NotNegative, Strict, WrongKeyError


class SensorConfig(Strict):
    """What measures a signal; all but the lag in the signal's unit (drift: per day). Plants go on seeing the truth."""

    lag_s: Instant = 0.0
    """Time constant of its first-order lag."""
    noise_std: NotNegative = 0.0
    """Standard deviation of one sample's noise; seeded by the rig's seed and the signal's name."""
    bias: Finite = 0.0
    resolution: NotNegative = 0.0
    """Smallest step that it shows."""
    drift_per_day: Finite = 0.0
    """Growth of its error, from 0 at the start of the run."""
    truth: str | None = None
    """Signal that gets the true value."""

    @model_validator(mode="after")
    def _does_something(self) -> SensorConfig:
        if not any((self.lag_s, self.noise_std, self.bias, self.resolution, self.drift_per_day)):
            what = "a sensor without lag, noise, bias, resolution or drift shows the truth"
            raise WrongKeyError("lag_s", what, "give one of them a figure, or leave the sensor out")
        return self


class ActuatorConfig(Strict):
    """What stands between a command and the plants; stiction and backlash in the signal's unit."""

    stiction: NotNegative = 0.0
    """By how much it jumps when it breaks loose."""
    backlash: NotNegative = 0.0
    """Play of its gear, from one flank to the other."""
    stroke_time_s: Instant = 0.0
    """Time for the signal's whole range; 0 for no limit."""
    position: str | None = None
    """Signal that gets the true position."""

    @model_validator(mode="after")
    def _does_something(self) -> ActuatorConfig:
        if not any((self.stiction, self.backlash, self.stroke_time_s)):
            what = "an actuator without stiction, backlash or stroke time is the command itself"
            raise WrongKeyError("stiction", what, "give one of them a figure, or leave the actuator out")
        return self
