"""Sensors and actuators in the image: plants see what is true, everything else what is measured and commanded.

Around the plants' phase the values of these signals are exchanged: before it the truth and the actuators' positions
are put in their slots, after it the measured values and the commands. Sensor faults of a scenario come after that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hil.loop.clock import NS_PER_S
from hil.loop.image import BAD, GOOD, STALE, Image


class Instrument(Protocol):
    """A sensor or an actuator. Pure: implemented in :mod:`plant_models.instruments`."""

    def step(self, value: float, dt_s: float) -> float:
        """Give what it makes of ``value``, ``dt_s`` (s) after the last step."""
        ...


class Falsifier(Protocol):
    """A sensor fault in force."""

    def apply(self, now_ns: int) -> None:
        """Falsify the value if one was received or computed since the last call."""
        ...


class SensorBlock:
    """Measures one signal whenever it was received or computed anew; ``truth`` is the slot of its true value."""

    __slots__ = ("_image", "_is_aging", "_seen_ns", "_shown", "_shown_quality", "_slot", "_true", "_true_quality",
                 "_truth", "name", "sensor")  # fmt: skip

    def __init__(self, image: Image, slot: int, sensor: Instrument, truth: int | None = None) -> None:
        self.name = image.signals[slot].name
        self.sensor = sensor
        self._image = image
        self._slot = slot
        self._truth = truth
        # The quality of a received value is its age's, for the plants too.
        self._is_aging = image.signals[slot].max_age_ns > 0
        self._seen_ns = -1
        self._true = self._shown = 0.0
        self._true_quality = self._shown_quality = GOOD

    def reveal(self) -> None:
        """Put the truth in the slot, unless a source or a device has just done so."""
        image, slot = self._image, self._slot
        if image.received_ns[slot] != self._seen_ns:
            return
        self._shown = image.values[slot]
        image.values[slot] = self._true
        if not self._is_aging:
            self._shown_quality = image.quality[slot]
            image.quality[slot] = self._true_quality

    def measure(self) -> None:
        """Take a new sample where there is one, and show it; else what was shown before."""
        image, slot = self._image, self._slot
        received_ns, quality = image.received_ns[slot], image.quality[slot]
        if received_ns == self._seen_ns:
            image.values[slot] = self._shown
            # A plant whose output left the range since has made it BAD, and that is for all to see.
            if not self._is_aging and quality == self._true_quality:
                image.quality[slot] = self._shown_quality
            self._true_quality = quality
        elif quality <= STALE:
            elapsed_ns = received_ns - self._seen_ns if self._seen_ns >= 0 else 0
            self._seen_ns = received_ns
            self._true, self._true_quality = image.values[slot], quality
            image.values[slot] = self.sensor.step(self._true, elapsed_ns / NS_PER_S)
            if self._truth is not None:
                image.accept(self._truth, self._true, received_ns)


class ActuatorBlock:
    """Moves the plants' side of one command; ``position`` is the slot of where it truly stands.

    Attributes
    ----------
    substituted : int
        Cycles in which the command was BAD and the actuator went to the signal's failsafe.
    """

    __slots__ = ("_command", "_failsafe", "_image", "_position", "_quality", "_slot", "actuator", "name",
                 "substituted")  # fmt: skip

    def __init__(self, image: Image, slot: int, actuator: Instrument, position: int | None = None) -> None:
        self.name = image.signals[slot].name
        self.actuator = actuator
        self._image = image
        self._slot = slot
        self._position = position
        self._failsafe = image.signals[slot].failsafe
        self._command = 0.0
        self._quality = GOOD
        self.substituted = 0

    def move(self, now_ns: int, dt_s: float) -> None:
        """Put the position in the slot; without a command it goes to the failsafe, at its own speed."""
        image, slot = self._image, self._slot
        command = self._command = image.values[slot]
        self._quality = image.quality[slot]
        if self._quality == BAD:
            command = self._failsafe
            image.quality[slot] = GOOD
            self.substituted += 1
        position = image.values[slot] = self.actuator.step(command, dt_s)
        if self._position is not None:
            image.accept(self._position, position, now_ns)

    def put_back(self) -> None:
        """Put the command back."""
        self._image.values[self._slot] = self._command
        self._image.quality[self._slot] = self._quality


class Instruments:
    """All of a rig's sensors and actuators.

    Attributes
    ----------
    falsifiers : list of Falsifier
        Sensor faults in force on signals that have a sensor: they falsify what it has measured.
    """

    __slots__ = ("actuators", "falsifiers", "sensors")

    def __init__(
        self,
        sensors: Sequence[SensorBlock],
        actuators: Sequence[ActuatorBlock],
        falsifiers: list[Falsifier] | None = None,
    ) -> None:
        self.sensors = tuple(sensors)
        self.actuators = tuple(actuators)
        self.falsifiers: list[Falsifier] = [] if falsifiers is None else falsifiers

    def before_plants(self, now_ns: int, dt_s: float) -> None:
        """Let the plants see truth and positions at loop time ``now_ns``, ``dt_s`` (s) of the grid after the last."""
        for sensor in self.sensors:
            sensor.reveal()
        for actuator in self.actuators:
            actuator.move(now_ns, dt_s)

    def after_plants(self, now_ns: int) -> None:
        """Let everything else see what is commanded and measured, at loop time ``now_ns``."""
        for actuator in self.actuators:
            actuator.put_back()
        for sensor in self.sensors:
            sensor.measure()
        for falsifier in self.falsifiers:
            falsifier.apply(now_ns)
