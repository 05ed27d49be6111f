"""Raw numbers of a block into the image: scaled, checked against the signals' ranges, stamped."""

from __future__ import annotations

from collections.abc import Sequence

from hil.loop.image import BAD, GOOD, Image


class Intake:
    """The slots of one block's points, and the line from raw number to value of each.

    Parameters
    ----------
    image : Image
        Where the values go.
    slots : sequence of int
        Slot of each point, in the order of the block.  # (n_points,)
    lines : sequence of (float, float)
        Gain and offset of each: value in the signal's unit = raw x gain + offset.  # (n_points,)
    """

    __slots__ = ("_gains", "_good", "_highs", "_image", "_lows", "_offsets", "_run", "_slots")

    def __init__(self, image: Image, slots: Sequence[int], lines: Sequence[tuple[float, float]]) -> None:
        self._image = image
        self._slots = list(slots)
        self._gains = [gain for gain, _ in lines]
        self._offsets = [offset for _, offset in lines]
        self._lows = [image.signals[slot].low for slot in slots]
        self._highs = [image.signals[slot].high for slot in slots]
        first = self._slots[0]
        in_a_row = self._slots == list(range(first, first + len(self._slots)))
        self._run = slice(first, first + len(self._slots)) if in_a_row else None
        self._good = bytes([GOOD]) * len(self._slots)

    def put(self, raws: Sequence[float], received_ns: int) -> int:
        """Take the raw numbers of a block received at ``received_ns``; gives how many the image refused."""
        # The same comparison as Image.accept, but in one pass: a call for each value costs twice all else.
        taken = [
            value
            for raw, gain, offset, low, high in zip(
                raws, self._gains, self._offsets, self._lows, self._highs, strict=True
            )
            if low <= (value := raw * gain + offset) <= high
        ]
        if len(taken) != len(self._slots):
            return self._one_by_one(raws, received_ns)
        image = self._image
        if self._run is not None:
            image.values[self._run] = taken
            image.quality[self._run] = self._good
            image.received_ns[self._run] = [received_ns] * len(taken)
            return 0
        values, quality, stamps = image.values, image.quality, image.received_ns
        for slot, value in zip(self._slots, taken, strict=True):
            values[slot] = value
            quality[slot] = GOOD
            stamps[slot] = received_ns
        return 0

    def _one_by_one(self, raws: Sequence[float], received_ns: int) -> int:
        accept = self._image.accept
        rejected = 0
        for slot, gain, offset, raw in zip(self._slots, self._gains, self._offsets, raws, strict=True):
            rejected += not accept(slot, raw * gain + offset, received_ns)
        return rejected

    def mark_bad(self) -> None:
        """Mark all slots BAD: the device says it has no value for them."""
        for slot in self._slots:
            self._image.quality[slot] = BAD
