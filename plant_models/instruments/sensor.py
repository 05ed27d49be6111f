"""A sensor with its transmitter: lag, bias, drift, noise, resolution, and the ends of its span.

Lag: ``lag dx/dt = u - x``, solved exactly for a true value u that runs straight between samples; the response of a
thermowell or of a transmitter's damping (IEC 60751 states it as a step response). Then
``y = x + bias + drift t + noise``, noise Gaussian and independent from sample to sample, drift in proportion to time
(a datasheet's "long-term drift"); y is rounded to whole steps of the resolution, and held at the ends of the span, as
a 4–20 mA transmitter saturates there (NAMUR NE 43). Terms as in the vocabulary of metrology, JCGM 200:2012.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plant_models.instruments.checks import check_below_span, check_not_negative, check_span

_DAY_S = 86_400.0
_BLOCK = 512
"""Noise is drawn so many at a time: one at a time costs a microsecond each."""


@dataclass(frozen=True, slots=True)
class SensorSettings:
    """Figures of a sensor; those in "unit" are in that of its signal.

    Attributes
    ----------
    lag_s : float
        Time constant, s.
    noise_std : float
        Standard deviation of the noise of one sample, unit.
    bias : float
        Constant error, unit.
    resolution : float
        Smallest step that it shows, unit; 0 for none.
    drift_per_day : float
        Growth of the error, unit per day; it starts at 0.
    """

    lag_s: float = 0.0
    noise_std: float = 0.0
    bias: float = 0.0
    resolution: float = 0.0
    drift_per_day: float = 0.0

    def check(self, low: float, high: float) -> None:
        """Raise ``PlantSettingError`` where the figures do not fit each other or the span ``low`` to ``high``."""
        check_span(low, high)
        check_not_negative("lag_s", self.lag_s, "s")
        for name in ("noise_std", "resolution"):
            check_not_negative(name, getattr(self, name), "in the signal's unit")
        for name in ("noise_std", "resolution", "bias", "drift_per_day"):
            check_below_span(name, getattr(self, name), low, high)


class Sensor:
    """What a sensor makes of the true value, sample by sample.

    Parameters
    ----------
    settings : SensorSettings
        Its figures.
    low, high : float
        Its span, unit of the signal: the measured value does not leave it.
    seed : int or sequence of int
        Of the noise. The same seed and steps give the same values to the bit.

    Attributes
    ----------
    saturated : int
        Samples held at an end of the span.
    rejected : int
        Samples whose true value or time was not finite, or the time negative; the last measured value was given.

    Raises
    ------
    PlantSettingError
        A figure that is negative, not finite or as large as the span.
    """

    __slots__ = (
        "_age_s", "_bias", "_dt_s", "_fresh", "_high", "_keep", "_lag_s", "_lagged", "_last", "_low", "_measured",
        "_new", "_noise", "_noise_std", "_old", "_position", "_random", "_rate_per_s", "_resolution", "_state",
        "rejected", "saturated",
    )  # fmt: skip

    def __init__(self, settings: SensorSettings, low: float, high: float, seed: int | Sequence[int]) -> None:
        settings.check(low, high)
        self._low, self._high = low, high
        self._lag_s = settings.lag_s
        self._bias = settings.bias
        self._noise_std = settings.noise_std
        self._resolution = settings.resolution
        self._rate_per_s = settings.drift_per_day / _DAY_S
        self._random = np.random.default_rng(seed)
        self._noise: list[float] = []
        self._position = 0
        self._state: Any = None
        self._draw()
        self._fresh = True
        self._lagged = self._last = self._measured = self._age_s = 0.0
        self._dt_s = -1.0
        self._keep = self._old = self._new = 0.0
        self.saturated = self.rejected = 0

    def step(self, true: float, dt_s: float) -> float:
        """Give the measured value for the true one, ``dt_s`` (s) after the last sample; the first finds it settled."""
        # Only finite numbers less themselves are 0.
        if true - true != 0.0 or dt_s - dt_s != 0.0 or dt_s < 0.0:
            self.rejected += 1
            return self._measured
        self._age_s += dt_s
        value = self._lag(true, dt_s) if self._lag_s > 0.0 else true
        value += self._bias + self._rate_per_s * self._age_s
        if self._noise_std > 0.0:
            if self._position == _BLOCK:
                self._draw()
            value += self._noise_std * self._noise[self._position]
            self._position += 1
        if self._resolution > 0.0:
            value = self._resolution * math.floor(value / self._resolution + 0.5)
        if not self._low <= value <= self._high:
            value = self._low if value < self._low else self._high
            self.saturated += 1
        self._measured = value
        return value

    def _lag(self, true: float, dt_s: float) -> float:
        """Solve the lag over one step, ``true`` having run straight from its last value."""
        if self._fresh:
            self._fresh = False
            self._lagged = self._last = true
            return true
        if dt_s != self._dt_s:
            self._discretise(dt_s)
        self._lagged = self._keep * self._lagged + self._old * self._last + self._new * true
        self._last = true
        return self._lagged

    def _discretise(self, dt_s: float) -> None:
        """Weights of lagged, last and new value: e^-h, (1 - e^-h)/h - e^-h, 1 - (1 - e^-h)/h with h = dt/lag."""
        self._dt_s = dt_s
        h = dt_s / self._lag_s
        mean = -math.expm1(-h) / h if h > 0.0 else 1.0
        self._keep = math.exp(-h)
        self._old, self._new = mean - self._keep, 1.0 - mean

    def _draw(self) -> None:
        self._state = self._random.bit_generator.state
        self._noise = self._random.standard_normal(_BLOCK).tolist()
        self._position = 0

    def snapshot(self) -> tuple[Any, ...]:
        """Everything that later values depend on, and the counters."""
        own = (self._fresh, self._lagged, self._last, self._measured, self._age_s)
        return (*own, self._state, self._position, self.saturated, self.rejected)

    def restore(self, snapshot: tuple[Any, ...]) -> None:
        """Go back to a snapshot, to the bit."""
        self._fresh, self._lagged, self._last, self._measured, self._age_s = snapshot[:5]
        state, position, self.saturated, self.rejected = snapshot[5:]
        self._random.bit_generator.state = state
        self._draw()
        self._position = position
