"""Times that only the field knows: how old the data are at their use, and how long from a sensor to an actuator."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from hil.loop.histogram import Histogram
from hil.loop.image import Image
from hil.rig.draft import Draft

_USERS = frozenset({"controllers", "plants", "devices", "drives"})


def used_slots(draft: Draft, image: Image) -> list[int]:
    """Slots of the signals that come from a device and that a block of the cycle reads."""
    used = {use.signal for use in draft.uses if use.kind == "read" and use.block.split(".")[0] in _USERS}
    return [image.index[name] for name in sorted(draft.written_by("devices") & used & set(image.index))]


class FieldTiming:
    """Histograms over the cycles of a run, of the samples in ``slots``.

    Attributes
    ----------
    data_age : Histogram
        From the receipt of the oldest sample, of whatever cycle, to the end of the computation that uses it. While a
        device is silent it grows with every cycle.
    sensor_to_actuator : Histogram
        From the receipt of the oldest sample received in this cycle to the acknowledgement of its last write; only
        of cycles that had both.
    """

    __slots__ = ("_received_ns", "_sample_ns", "_slots", "_take", "data_age", "sensor_to_actuator")

    def __init__(self, image: Image, slots: Sequence[int]) -> None:
        self._slots = tuple(slots)
        # One slot twice: of a single one, the getter would give a number and no tuple.
        self._take = itemgetter(*(self._slots * 2)) if self._slots else None
        self._received_ns = image.received_ns
        self._sample_ns = -1
        self.data_age = Histogram()
        self.sensor_to_actuator = Histogram()

    def at_use(self, stamp_ns: int, used_ns: int) -> None:
        """Note, at ``used_ns``, the age of what the cycle stamped ``stamp_ns`` used (loop time)."""
        self._sample_ns = -1
        if self._take is None:
            return
        oldest_ns = min(self._take(self._received_ns))
        self.data_age.record(used_ns - oldest_ns)
        if oldest_ns < stamp_ns:
            received = self._received_ns
            oldest_ns = min(
                (received[slot] for slot in self._slots if received[slot] >= stamp_ns), default=-1
            )
        self._sample_ns = oldest_ns

    def at_acknowledgement(self, acknowledged_ns: int) -> None:
        """Note when the last write of this cycle was acknowledged (loop time)."""
        if self._sample_ns >= 0:
            self.sensor_to_actuator.record(acknowledged_ns - self._sample_ns)

    def summary(self) -> dict[str, Any]:
        """As written to ``timing.json``; a histogram without a count is left out."""
        kept = {"sensor_to_actuator": self.sensor_to_actuator, "data_age": self.data_age}
        return {name: histogram.summary() for name, histogram in kept.items() if histogram.count}
