"""A plant model bound to the image: inputs from signals or constants, outputs into signals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter

from hil.loop.image import BAD, Image
from hil.loop.protocols import Plant


class PlantBlock:
    """Advances one plant model by exactly the elapsed time of the grid.

    Attributes
    ----------
    inputs_substituted : int
        How often a BAD input was replaced by its signal's failsafe.
    """

    __slots__ = (
        "_constants",
        "_failsafes",
        "_image",
        "_input_slots",
        "_output_ports",
        "_output_slots",
        "inputs_substituted",
        "plant",
    )

    def __init__(
        self,
        image: Image,
        plant: Plant,
        inputs: Sequence[int | float],
        outputs: Sequence[int | None],
    ) -> None:
        """Bind ``inputs`` (slot, or a constant as float) and ``outputs`` (slot, or None) in the order of the ports."""
        self._image = image
        self.plant = plant
        self._constants = [0.0 if isinstance(entry, int) else entry for entry in inputs]
        self._input_slots = [(port, slot) for port, slot in enumerate(inputs) if isinstance(slot, int)]
        self._failsafes = [image.signals[slot].failsafe if isinstance(slot, int) else 0.0 for slot in inputs]
        self._output_slots = [slot for slot in outputs if slot is not None]
        self._output_ports = _getter([port for port, slot in enumerate(outputs) if slot is not None])
        self.inputs_substituted = 0

    def run(self, now_ns: int, dt_s: float) -> None:
        """Advance by ``dt_s`` (s) to loop time ``now_ns`` and write the outputs.

        An actuator whose feedback is lost is taken to be where it goes without a signal: at its failsafe.
        """
        image = self._image
        values, quality = image.values, image.quality
        inputs = self._constants
        for port, slot in self._input_slots:
            if quality[slot] == BAD:
                inputs[port] = self._failsafes[port]
                self.inputs_substituted += 1
            else:
                inputs[port] = values[slot]
        outputs = self.plant.step(inputs, dt_s)
        image.accept_all(self._output_slots, self._output_ports(outputs), now_ns)


def _getter(ports: Sequence[int]) -> Callable[[Sequence[float]], Sequence[float]]:
    """Give what picks ``ports`` out of all outputs, as a sequence however few they are."""
    if len(ports) > 1:
        return itemgetter(*ports)
    return lambda outputs: [outputs[port] for port in ports]
