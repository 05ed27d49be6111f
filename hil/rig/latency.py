"""Times that only the field knows: how old the data are at their use, and how long from a sensor to an actuator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from hil.loop.clock import NS_PER_S
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
        From the receipt of the oldest sample received in a cycle to the acknowledgement of its last write. A cycle in
        which a device did not acknowledge everything counts from its sample, or from its stamp where it had none, to
        the next cycle in which that device did, or to the end of the run; so do those in between, each less by a
        period. It counts once for each such device.

    Parameters
    ----------
    image : Image
        Of the loop.
    slots : sequence of int
        Signals from the devices that a block uses.
    period_ns : int
        Of the loop, ns.
    """

    __slots__ = (
        "_open_ns", "_received_ns", "_sample_ns", "_slots", "_stamp_ns", "_take", "data_age",
        "period_ns", "sensor_to_actuator",
    )  # fmt: skip

    def __init__(self, image: Image, slots: Sequence[int], period_ns: int = NS_PER_S) -> None:
        self.period_ns = period_ns
        # Since when a device has not acknowledged everything, by its number; ns.
        self._open_ns: dict[int, int] = {}
        self._stamp_ns = 0
        self._slots = tuple(slots)
        # One slot twice: of a single one, the getter would give a number and no tuple.
        self._take = itemgetter(*(self._slots * 2)) if self._slots else None
        self._received_ns = image.received_ns
        self._sample_ns = -1
        self.data_age = Histogram()
        self.sensor_to_actuator = Histogram()

    def at_use(self, stamp_ns: int, used_ns: int) -> None:
        """Note, at ``used_ns``, the age of what the cycle stamped ``stamp_ns`` used (loop time)."""
        self._sample_ns, self._stamp_ns = -1, stamp_ns
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

    @property
    def is_open(self) -> bool:
        """Whether a device still owes an acknowledgement from an earlier cycle."""
        return bool(self._open_ns)

    def at_failure(self, devices: Iterable[int]) -> None:
        """Note that in this cycle ``devices`` did not acknowledge everything that was to be written."""
        begun_ns = self._sample_ns if self._sample_ns >= 0 else self._stamp_ns
        for device in devices:
            self._open_ns.setdefault(device, begun_ns)

    def at_recovery(self, device: int, acknowledged_ns: int) -> None:
        """Note when ``device`` acknowledged all of a cycle again (loop time); that cycle is counted with it."""
        begun_ns = self._open_ns.pop(device, None)
        if begun_ns is not None:
            self.sensor_to_actuator.record_corrected(acknowledged_ns - begun_ns, self.period_ns)

    def not_written(self, stamp_ns: int, devices: Iterable[int]) -> None:
        """Note that in the cycle stamped ``stamp_ns`` nothing at all was sent to ``devices``."""
        self._sample_ns, self._stamp_ns = -1, stamp_ns
        self.at_failure(devices)

    def at_end(self, now_ns: int) -> dict[int, int]:
        """Count what is still open at the end of the run (loop time); gives how long it was, ns, by device."""
        lasted_ns = {device: now_ns - begun_ns for device, begun_ns in self._open_ns.items()}
        for device in lasted_ns:
            self.at_recovery(device, now_ns)
        return lasted_ns

    def summary(self) -> dict[str, Any]:
        """As written to ``timing.json``; a histogram without a count is left out."""
        kept = {"sensor_to_actuator": self.sensor_to_actuator, "data_age": self.data_age}
        return {name: histogram.summary() for name, histogram in kept.items() if histogram.count}
