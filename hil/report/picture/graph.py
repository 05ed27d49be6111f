"""The plain drawing, for a composition that the usual one has no place for: rows by distance along the streams.

Consumers stand lowest, and above them what is one stream away, two streams away, and so on. A stream then joins the
same row or rows side by side, unless a long row is broken into several; it goes through the room between rows, and
past whole rows at the edges, so that it passes no box.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hil.report.picture.floor import BRANCH, ROW, Box
from hil.report.picture.plan import Plan
from hil.report.picture.streams import BESIDE, CONSUMERS, NETWORKS, REJECTORS, Stream

WIDEST = 1180.0
GAP = 54.0
_FIRST_KINDS = (CONSUMERS, NETWORKS, REJECTORS)
_SIZES = {
    "cdu": (130.0, ROW - BRANCH), "header": (212.0, 146.0), "dry_cooler": (190.0, 142.0), "chiller": (190.0, 142.0),
    "three_way": (150.0, 108.0), "tank": (132.0, 112.0), "pipe": (132.0, 46.0),
}  # fmt: skip
_USUAL_SIZE = (168.0, 92.0)
_SWEEPS = 6


@dataclass(frozen=True, slots=True)
class Net:
    """Streams that are one pipe with branches: out of one outlet, or from consumers into one header.

    Attributes
    ----------
    hub : str
        Instance at the pipe's undivided end.
    streams : tuple of int
        Places in the list of streams.
    gathers : bool
        Whether the water flows towards the hub.
    """

    hub: str
    streams: tuple[int, ...]
    gathers: bool


def size(plan: Plan, name: str) -> tuple[float, float]:
    """Width and height of a component's box."""
    return _SIZES.get(plan.parts[name].kind, _USUAL_SIZE)


def in_streams(plan: Plan, found: Iterable[Stream]) -> list[str]:
    """Components that water flows to or from, in their order."""
    touched = {name for stream in found for name in (stream.source, stream.target)}
    return [name for name, part in plan.parts.items() if name in touched and part.kind not in BESIDE]


def rows_of(plan: Plan, found: Sequence[Stream]) -> list[list[str]]:
    """Give the rows from the uppermost down, each in an order in which few pipes cross."""
    names = in_streams(plan, found)
    beside: dict[str, list[str]] = {name: [] for name in names}
    for stream in found:
        if stream.source in beside and stream.target in beside:
            beside[stream.source].append(stream.target)
            beside[stream.target].append(stream.source)
    distance = _distances(plan, beside)
    rows = [
        [name for name in names if distance[name] == d] for d in sorted(set(distance.values()), reverse=True)
    ]
    _untangle(rows, beside)
    return [part for row in rows for part in _broken(plan, row)]


def _distances(plan: Plan, beside: Mapping[str, list[str]]) -> dict[str, int]:
    """Streams between each component and the nearest consumer; where none is to be reached, header or cooler."""
    distance: dict[str, int] = {}
    for kinds in (*_FIRST_KINDS, None):
        for name in beside:
            if kinds is not None and plan.parts[name].kind not in kinds:
                continue
            if name not in distance:
                # All consumers are where the way begins; of any other kind, one of those that no way has reached.
                consumers = [each for each in beside if plan.parts[each].kind in CONSUMERS]
                _spread(consumers if kinds == CONSUMERS else [name], beside, distance)
    return distance


def _spread(starts: Sequence[str], beside: Mapping[str, list[str]], distance: dict[str, int]) -> None:
    distance.update(dict.fromkeys(starts, 0))
    edge = list(starts)
    while edge:
        reached = dict.fromkeys(each for name in edge for each in beside[name] if each not in distance)
        distance.update(dict.fromkeys(reached, distance[edge[0]] + 1))
        edge = list(reached)


def _untangle(rows: list[list[str]], beside: Mapping[str, list[str]]) -> None:
    """Put each component near the middle of those that it is joined to, row by row, a few times over."""
    at = {name: (n + 0.5) / len(row) for row in rows for n, name in enumerate(row)}
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 else reversed(rows):
            middle = {
                name: sum(at[each] for each in beside[name]) / max(len(beside[name]), 1) for name in row
            }
            row.sort(key=middle.__getitem__)
            at |= {name: (n + 0.5) / len(row) for n, name in enumerate(row)}


def _broken(plan: Plan, row: Sequence[str]) -> list[list[str]]:
    """Break a row that is wider than the picture into rows of as many components each."""
    widest = max(size(plan, name)[0] for name in row)
    most = max(1, int((WIDEST + GAP) // (widest + GAP)))
    count = -(-len(row) // most)
    each = -(-len(row) // count)
    return [list(row[n : n + each]) for n in range(0, len(row), each)]


def nets_of(plan: Plan, found: Sequence[Stream], names: Iterable[str]) -> list[Net]:
    """Join streams to pipes with branches; those to or from components that are not in ``names`` are left out."""
    inside, joined = set(names), dict[tuple[str, str], list[int]]()
    for number, stream in enumerate(found):
        if {stream.source, stream.target} <= inside:
            joined.setdefault(_pipe_of(plan, stream), []).append(number)
    return [Net(hub, tuple(numbers), port == "") for (hub, port), numbers in joined.items()]


def _pipe_of(plan: Plan, stream: Stream) -> tuple[str, str]:
    """Hub and outlet; the header and no outlet where its branches come together."""
    gathers = plan.parts[stream.target].kind in NETWORKS and stream.inlet.startswith("branch_")
    return (stream.target, "") if gathers else stream.temp


def boxes_of(plan: Plan, rows: Sequence[Sequence[str]], left: float, tops: Sequence[float]) -> dict[str, Box]:
    """Give the boxes of all rows, each centred, standing on the same line; ``tops`` are the rows' upper edges."""
    widths = [sum(size(plan, name)[0] + GAP for name in row) - GAP for row in rows]
    boxes = {}
    for row, width, top in zip(rows, widths, tops, strict=True):
        x = left + 0.5 * (max(widths) - width)
        for name in row:
            w, h = size(plan, name)
            boxes[name] = Box(x, top + height_of(plan, row) - h, w, h)
            x += w + GAP
    return boxes


def width_of(plan: Plan, rows: Sequence[Sequence[str]]) -> float:
    """Width of the widest row."""
    return max(sum(size(plan, name)[0] + GAP for name in row) - GAP for row in rows)


def height_of(plan: Plan, row: Sequence[str]) -> float:
    """Height of a row."""
    return max(size(plan, name)[1] for name in row)
