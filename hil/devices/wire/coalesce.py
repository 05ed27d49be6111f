"""Few requests instead of many: points gathered into blocks, under a device's limits.

The unit of gathering is a :class:`Cell`: what must travel together, that is all registers of one number with its
power of ten where it has one, or one word with all its bits. A cell is never split over two requests, so no number is
ever torn. Cells that hold a power of ten may overlap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from hil.config.points import Point
from hil.devices.wire.codec import (
    MAX_COUNT,
    READ_COILS,
    READ_DISCRETE_INPUTS,
    READ_HOLDING_REGISTERS,
    READ_INPUT_REGISTERS,
    WRITE_COILS,
    WRITE_REGISTERS,
)

READ_FUNCTION = {
    "coil": READ_COILS,
    "discrete_input": READ_DISCRETE_INPUTS,
    "input_register": READ_INPUT_REGISTERS,
    "holding_register": READ_HOLDING_REGISTERS,
}
WRITE_FUNCTION = {"coil": WRITE_COILS, "holding_register": WRITE_REGISTERS}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a device takes in one request.

    Attributes
    ----------
    max_registers, max_bits : int
        Most registers, coils or discrete inputs a request.
    max_gap : int
        Most addresses not in the point list that a read may pass over. 0 reads listed addresses only:
        many devices refuse a block that holds one address they do not have.
    """

    max_registers: int = 125
    max_bits: int = 2000
    max_gap: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """Consecutive addresses that travel together; ``members`` are indices into the points given."""

    address: int
    count: int
    members: tuple[int, ...]

    @property
    def end(self) -> int:
        """First address after the cell."""
        return self.address + self.count


@dataclass(frozen=True, slots=True)
class Block:
    """One request's worth of cells, ascending by address."""

    unit_id: int
    function: int
    cells: tuple[Cell, ...]

    @property
    def address(self) -> int:
        """First address, zero-based."""
        return self.cells[0].address

    @property
    def count(self) -> int:
        """Addresses from the first cell to the last."""
        return max(cell.end for cell in self.cells) - self.cells[0].address

    @property
    def members(self) -> tuple[int, ...]:
        """Indices of all points, in the order of the cells."""
        return tuple(member for cell in self.cells for member in cell.members)


def coalesce_reads(points: Sequence[Point], limits: Limits) -> tuple[Block, ...]:
    """Give the fewest blocks that read all ``points``; ValueError where one number exceeds the limit."""
    return _blocks(points, READ_FUNCTION, limits, limits.max_gap)


def coalesce_writes(points: Sequence[Point], limits: Limits) -> tuple[Block, ...]:
    """Give the fewest blocks that write all ``points`` and nothing else; ValueError as for reads."""
    return _blocks(points, WRITE_FUNCTION, limits, 0)


def halves(block: Block) -> tuple[Block, Block]:
    """Split a block of two cells or more, to find the one that a device refuses."""
    middle = len(block.cells) // 2
    return (
        Block(block.unit_id, block.function, block.cells[:middle]),
        Block(block.unit_id, block.function, block.cells[middle:]),
    )


def _blocks(
    points: Sequence[Point], functions: dict[str, int], limits: Limits, max_gap: int
) -> tuple[Block, ...]:
    blocks = []
    for (unit_id, function), cells in sorted(_cells(points, functions).items()):
        wide = (
            limits.max_bits
            if function in (READ_COILS, READ_DISCRETE_INPUTS, WRITE_COILS)
            else limits.max_registers
        )
        most = min(wide, MAX_COUNT[function])
        run: list[Cell] = []
        end = 0
        for cell in cells:
            if cell.count > most:
                raise ValueError(f"address {cell.address} takes {cell.count} registers, a request {most}")
            if run and (cell.address - end > max_gap or max(end, cell.end) - run[0].address > most):
                blocks.append(Block(unit_id, function, tuple(run)))
                run, end = [], 0
            run.append(cell)
            end = max(end, cell.end)
        blocks.append(Block(unit_id, function, tuple(run)))
    return tuple(blocks)


def _cells(points: Sequence[Point], functions: dict[str, int]) -> dict[tuple[int, int], list[Cell]]:
    places: dict[tuple[int, int], dict[tuple[int, int], list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, point in enumerate(points):
        places[point.unit_id, functions[point.table]][point.span].append(index)
    return {
        space: [Cell(address, count, tuple(members)) for (address, count), members in sorted(cells.items())]
        for space, cells in places.items()
    }
