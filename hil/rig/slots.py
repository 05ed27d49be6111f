"""Which blocks slower than the cycle meet in one cycle, and which meeting is the dearest."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SlowBlock:
    """A block that runs at ``offset`` + n ``every`` on the base grid, and what one of its runs costs, us."""

    name: str
    every: int
    offset: int
    cost_us: float

    def meets(self, other: SlowBlock) -> bool:
        """Whether there is a cycle in which both run."""
        return (self.offset - other.offset) % math.gcd(self.every, other.every) == 0


def dearest_meeting(blocks: Iterable[SlowBlock]) -> tuple[SlowBlock, ...]:
    """Give the blocks that run in the dearest cycle of the grid, the dearest first; nothing where there are none.

    Blocks of which any two meet all meet in one cycle (the Chinese remainder theorem for moduli that are not
    coprime), so that no cycle is counted: a common period may be longer than any run.
    """
    best: tuple[SlowBlock, ...] = ()
    best_us = 0.0

    def grow(together: tuple[SlowBlock, ...], cost_us: float, left: list[SlowBlock]) -> None:
        nonlocal best, best_us
        if cost_us > best_us:
            best, best_us = together, cost_us
        for number, block in enumerate(left):
            if cost_us + sum(other.cost_us for other in left[number:]) <= best_us:
                return
            after = [other for other in left[number + 1 :] if block.meets(other)]
            grow((*together, block), cost_us + block.cost_us, after)

    grow((), 0.0, sorted(blocks, key=lambda block: -block.cost_us))
    return best
