"""Blocks slower than the cycle: a period that is a multiple of the base period, and an offset on it.

The block's own points are those of the base grid whose number is the offset plus a multiple of ``every``. Between
them its outputs hold, and stay as they are in the image. Where an overrun or a stretched period has swallowed such a
point, the block runs in the first cycle after it, and then on its own points again.
"""

from __future__ import annotations

from collections.abc import Sequence

from hil.loop.clock import NS_PER_S
from hil.loop.image import Image
from hil.loop.output import OutputStage
from hil.loop.plant import PlantBlock
from hil.loop.protocols import Block, Plant

NOT_DUE = -1.0


class Pace:
    """Counts the base grid and tells a block when it is its turn.

    Parameters
    ----------
    every : int
        Base periods from one of its points to the next.
    offset : int
        Its first point on the base grid; 0 to ``every`` - 1.
    period_ns : int
        Base period, ns.
    """

    __slots__ = ("_every", "_index", "_last", "_next", "_offset", "_per_s", "_period_ns")

    def __init__(self, every: int, offset: int, period_ns: int) -> None:
        self._every = every
        self._offset = offset
        self._period_ns = period_ns
        self._per_s = NS_PER_S / period_ns
        self._index = self._last = self._next = 0

    def elapsed_s(self, dt_s: float) -> float:
        """Give the time since the block's last run, s, where it is its turn; else ``NOT_DUE``.

        ``dt_s`` (s) is the time of the base grid since the last call. The first cycle of a run is every block's
        turn, for nothing is to be seen of it before.
        """
        # Counted, not added up: a sum of ten million periods drifts, and this must stay on the grid for weeks.
        self._index = index = self._index + round(dt_s * self._per_s)
        if index < self._next:
            return NOT_DUE
        elapsed_ns = (index - self._last) * self._period_ns
        self._last = index
        self._next = index + self._every - (index - self._offset) % self._every
        return elapsed_ns / NS_PER_S


class SlowerBlock:
    """A controller that runs on its own points; its request stands in between, and its limits run every cycle."""

    __slots__ = ("_block", "_pace", "name", "stage")

    def __init__(self, block: Block, stage: OutputStage, pace: Pace) -> None:
        self.name = block.name
        self.stage = stage
        self._block = block
        self._pace = pace

    @property
    def inner(self) -> Block:
        """The controller inside."""
        return self._block

    def run(self, now_ns: int, dt_s: float) -> None:
        """Count the grid on by ``dt_s`` (s), and run the block where it is its turn."""
        elapsed_s = self._pace.elapsed_s(dt_s)
        if elapsed_s >= 0.0:
            self._block.run(now_ns, elapsed_s)

    def counters(self) -> dict[str, int]:
        """As of the block inside."""
        return self._block.counters()


class SlowerPlant(PlantBlock):
    """A plant that is advanced on its own points; its outputs hold in between."""

    __slots__ = ("_pace",)

    def __init__(
        self,
        image: Image,
        plant: Plant,
        inputs: Sequence[int | float],
        outputs: Sequence[int | None],
        pace: Pace,
    ) -> None:
        """Bind as a :class:`PlantBlock`, to run at ``pace``."""
        super().__init__(image, plant, inputs, outputs)
        self._pace = pace

    def run(self, now_ns: int, dt_s: float) -> None:
        """Count the grid on by ``dt_s`` (s), and advance the plant by all of its own time where it is its turn."""
        elapsed_s = self._pace.elapsed_s(dt_s)
        if elapsed_s >= 0.0:
            super().run(now_ns, elapsed_s)
