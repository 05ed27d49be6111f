"""Sensor faults: bias, noise, freezing, laid over the value that a device or a plant has just put in the image."""

from __future__ import annotations

import numpy as np

from hil.loop.clock import NS_PER_S
from hil.loop.events import EventLog
from hil.loop.image import SUBSTITUTED, Image
from hil.loop.instruments import Falsifier


class SensorFalsifier:
    """Falsifies one signal while it is on.

    The false value passes the same checks as a true one: a bias that carries it out of range turns it BAD.
    """

    def __init__(
        self,
        image: Image,
        slot: int,
        active: list[Falsifier],
        events: EventLog,
        *,
        bias: float,
        noise_std: float,
        frozen: bool,
        seed: tuple[int, ...],
    ) -> None:
        """Prepare; ``bias`` and ``noise_std`` in the signal's unit, ``active`` is the list that the cycle runs."""
        self._image = image
        self._slot = slot
        self._active = active
        self._events = events
        self._bias = bias
        self._noise_std = noise_std
        self._frozen = frozen
        self._random = np.random.default_rng(seed)
        self._held = 0.0
        self._seen_ns = -1

    def apply(self, now_ns: int) -> None:  # noqa: ARG002  the cycle tells every falsifier the time
        """Falsify the value if it was received or computed since the last call; never the same one twice."""
        image, slot = self._image, self._slot
        received_ns = image.received_ns[slot]
        if received_ns == self._seen_ns:
            return
        self._seen_ns = received_ns
        if self._frozen:
            image.accept(slot, self._held, received_ns)
            return
        noise = self._noise_std * float(self._random.standard_normal()) if self._noise_std else 0.0
        image.accept(slot, image.values[slot] + self._bias + noise, received_ns)

    def on(self, now_ns: int) -> None:
        """Begin; a frozen sensor keeps the value of this moment."""
        self._held = self._image.values[self._slot]
        # A signal that nothing was received for yet bears the time 0 too, as the first value of a run may.
        never = self._image.quality[self._slot] == SUBSTITUTED
        self._seen_ns = -1 if never else self._image.received_ns[self._slot]
        self._active.append(self)
        self._tell(now_ns, "fault_start")

    def off(self, now_ns: int) -> None:
        """End."""
        self._active.remove(self)
        self._tell(now_ns, "fault_end")

    def _tell(self, now_ns: int, kind: str) -> None:
        signal = self._image.signals[self._slot]
        parts = [f"bias {self._bias:+g} {signal.unit}"] if self._bias else []
        parts += [f"noise {self._noise_std:g} {signal.unit} rms"] if self._noise_std else []
        parts += [f"frozen at {self._held:g} {signal.unit}"] if self._frozen else []
        self._events.emit(now_ns / NS_PER_S, kind, signal.name, f"sensor: {', '.join(parts)}")
