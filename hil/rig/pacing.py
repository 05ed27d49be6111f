"""Offsets for blocks slower than the cycle, where the rig gives none: so that they meet as seldom as can be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hil.config.pace import Paced
from hil.config.schema import RigConfig

_MOST_TRIED = 1000
"""Offsets tried for one block: beyond so many, heavy blocks meet seldom anyway."""


def spread_offsets(config: RigConfig) -> RigConfig:
    """Give ``config`` with an offset for every slower block; those given stay, and the others keep out of their way."""
    sections: dict[str, Mapping[str, Paced]] = {"plants": config.plants, "controllers": config.controllers}
    slower = {
        (section, name): block
        for section, blocks in sections.items()
        for name, block in blocks.items()
        if block.every > 1
    }
    if not slower:
        return config
    placed = [(block.every, block.offset) for block in slower.values() if block.offset is not None]
    changed: dict[str, dict[str, Any]] = {section: dict(blocks) for section, blocks in sections.items()}
    for (section, name), block in slower.items():
        if block.offset is None:
            offset = least_met(block.every, placed)
            placed.append((block.every, offset))
            changed[section][name] = block.model_copy(update={"offset": offset})
    return config.model_copy(update=changed)


def least_met(every: int, placed: Sequence[tuple[int, int]]) -> int:
    """Give the offset at which a block meets those ``placed`` (every, offset) least often; the first of equals."""

    def meetings(offset: int) -> float:
        # Two meet where their offsets agree modulo the greatest common divisor; then once in the least multiple.
        return sum(
            1.0 / math.lcm(every, other)
            for other, its_offset in placed
            if (offset - its_offset) % math.gcd(every, other) == 0
        )

    return min(range(min(every, _MOST_TRIED)), key=meetings)
