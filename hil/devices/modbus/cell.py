"""What is written as one, and when: a number, or all written bits of a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hil.config.points import Point
from hil.config.units import affine
from hil.devices.wire.coalesce import Cell
from hil.devices.wire.values import PointEncoder, Refusal
from hil.loop.image import Image

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Binding:
    """A point and the slot of its signal in the image."""

    point: Point
    slot: int


class WriteCell:
    """What is written as one: a number, or all written bits of a word. Knows what the device last confirmed.

    Attributes
    ----------
    alone : bool
        Whether it must not share a request, since a request with it was refused.
    every_cycle, by_words : bool
        Whether it is always due; whether, confirmed, it is due by its words alone, not by time or dead band.
    refused : int
        Exception code of the last refusal; 0 once it is taken.
    is_known : bool
        Whether its last write was acknowledged, and so is what the device holds.
    was_taken : bool
        Whether any write of it has been acknowledged yet.
    words : tuple of int
        What to send, from the last :meth:`prepare`.
    """

    __slots__ = (
        "_confirmed", "_confirmed_ns", "_confirmed_value", "_deadband", "_image", "_parts",
        "_refresh_ns", "_value", "address", "alone", "by_words", "count", "every_cycle",
        "names", "refused", "table", "was_taken", "words",
    )  # fmt: skip

    is_guarded = False
    """Whether rules of its own hold it back or verify it: such a cell is looked at in every cycle."""

    def __init__(self, cell: Cell, bindings: Sequence[Binding], image: Image) -> None:
        members = [bindings[member] for member in cell.members]
        points = [member.point for member in members]
        self.address, self.count = cell.address, cell.count
        self.table = points[0].table
        self.names = ", ".join(point.signal for point in points)
        self.alone = False
        self.refused = 0
        self.was_taken = False
        self.words: tuple[int, ...] = ()
        self._image = image
        self._parts = [
            (
                PointEncoder(m.point),
                m.slot,
                *affine(image.signals[m.slot].unit, m.point.unit),
                m.point.bit or 0,
            )
            for m in members
        ]
        self.every_cycle = any(point.write == "every_cycle" for point in points)
        self._deadband = points[0].deadband if len(points) == 1 else 0.0
        refreshes_s = [point.refresh_s for point in points if point.refresh_s is not None]
        self._refresh_ns = int(min(refreshes_s) * _NS_PER_S) if refreshes_s else 0
        self.by_words = not (self._refresh_ns or self._deadband)
        self._value = 0.0
        self._confirmed: tuple[int, ...] | None = None
        self._confirmed_value = 0.0
        self._confirmed_ns = 0

    def prepare(self) -> Refusal | None:
        """Encode the image's values into ``words``; gives why not, where one cannot be sent."""
        word = 0
        for encoder, slot, factor, shift, bit in self._parts:
            self._value = self._image.values[slot] * factor + shift
            words = encoder.encode(self._value)
            if isinstance(words, Refusal):
                return words
            if encoder.point.bit is None:
                self.words = words
                return None
            word |= words[0] << bit
        self.words = (word,)
        return None

    def why_not(self) -> str:
        """Say for a person what is wrong with a value that :meth:`prepare` refused."""
        for encoder, slot, factor, shift, _ in self._parts:
            value = self._image.values[slot] * factor + shift
            if isinstance(encoder.encode(value), Refusal):
                point, (offset, scale, *raws) = encoder.point, encoder.line
                low, high = sorted(raw * scale + offset for raw in raws)
                unit = "" if point.unit in ("1", "bool") else f" {point.unit}"
                return f"{point.signal}: {value:g}{unit} is outside {low:g} to {high:g}{unit} of its point"
        return f"{self.names}: can be sent again"

    @property
    def encoders(self) -> list[tuple[PointEncoder, int, float, float]]:
        """Encoder, slot, and factor and shift from the signal's unit, of each point."""
        return [parts[:4] for parts in self._parts]

    def due(self, now_ns: int) -> bool:
        """Whether the prepared words are to be sent at loop time ``now_ns``."""
        if self.every_cycle or self._confirmed is None:
            return True
        if self._refresh_ns and now_ns - self._confirmed_ns >= self._refresh_ns:
            return True
        if self.words == self._confirmed:
            return False
        return not self._deadband or abs(self._value - self._confirmed_value) >= self._deadband

    def confirm(self, now_ns: int) -> None:
        """Note that the device has acknowledged the words."""
        self._confirmed, self._confirmed_value, self._confirmed_ns = self.words, self._value, now_ns
        self.refused = 0
        self.was_taken = True

    @property
    def is_known(self) -> bool:
        """See the class."""
        return self._confirmed is not None

    def forget(self) -> None:
        """Note that what the device holds is not known: due again."""
        self._confirmed = None

    def note_sent(self) -> None:
        """Note that a request with it has left; of interest to those with rules."""

    def force(self) -> None:
        """Have it due whatever its policy."""
        self._confirmed = None
