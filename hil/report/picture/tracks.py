"""The ways of the pipes in the plain drawing: which room between rows each goes through, and where in it.

Room ``n`` lies above row ``n``. In it each pipe has a line across of its own, and a place of its own on the edge of
each box that it ends at; past whole rows it goes at the edge of the drawing. So two pipes only ever cross.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hil.report.picture.floor import Box
from hil.report.picture.graph import Net
from hil.report.picture.streams import Stream
from hil.report.picture.svg import Point

TRACK, PAD, LEAST_ROOM = 34.0, 48.0, 64.0
EDGE_PITCH = 16.0
_INSET, _STEP, _APART, _OVERLAP = 10.0, 4.0, (26.0, 18.0, 12.0, 6.0, 3.0, 0.5), 28.0
_BESIDE = 14.0
"""Between two pipes on one line."""

Tap = tuple[int, int, str, bool]
"""Pipe, room, instance, and whether the water leaves there."""


@dataclass(slots=True)
class Tracks:
    """What is settled of the pipes' ways.

    Attributes
    ----------
    taps : dict of Tap to float
        Where on the edge of its box each pipe begins or ends, across.
    lines : dict of (int, int) to int
        By pipe and room: number of its line across, from above.
    counts : list of int
        Lines in each room.
    edges : dict of int to float
        By pipe that passes rows: where it does so, across.
    """

    taps: dict[Tap, float] = field(default_factory=dict)
    lines: dict[tuple[int, int], int] = field(default_factory=dict)
    counts: list[int] = field(default_factory=list)
    edges: dict[int, float] = field(default_factory=dict)

    def room(self, number: int) -> float:
        """Height of a room; none where no pipe is."""
        used = any(tap[1] == number for tap in self.taps)
        return max(2 * PAD + TRACK * (self.counts[number] - 1), LEAST_ROOM) if used else 0.0


def rooms_between(source_row: int, target_row: int) -> tuple[int, ...]:
    """Give the rooms that a stream goes through: one, or those at both its ends."""
    if source_row == target_row:
        return (source_row,)
    if abs(source_row - target_row) == 1:
        return (max(source_row, target_row),)
    up = target_row < source_row
    return (source_row, target_row + 1) if up else (source_row + 1, target_row)


def edge_sides(
    nets: Sequence[Net], found: Sequence[Stream], row: Mapping[str, int]
) -> tuple[list[int], list[int]]:
    """Pipes that pass rows at the left edge, and those at the right: what gathers, and what spreads."""
    passing = [
        number for number, net in enumerate(nets)
        if any(len(rooms_between(row[found[n].source], row[found[n].target])) > 1 for n in net.streams)
    ]  # fmt: skip
    return [n for n in passing if nets[n].gathers], [n for n in passing if not nets[n].gathers]


def settle(
    nets: Sequence[Net], found: Sequence[Stream], row: Mapping[str, int], boxes: Mapping[str, Box],
    names_room: float,
) -> Tracks:  # fmt: skip
    """Give every pipe its places; of ``boxes`` only those across count, and left of them is ``names_room``."""
    tracks = Tracks(counts=[0] * (max(row.values()) + 2))
    left, right = min(box.x for box in boxes.values()) - names_room, max(box.right for box in boxes.values())
    for side, start, sign in zip(edge_sides(nets, found, row), (left, right), (-1.0, 1.0), strict=True):
        tracks.edges |= {net: start + sign * EDGE_PITCH * (n + 1.5) for n, net in enumerate(side)}
    wanted = _wanted(nets, found, row, boxes)
    for room in range(len(tracks.counts)):
        here = {tap: x for tap, x in wanted.items() if tap[1] == room}
        _place(tracks, here, boxes)
        _draw_lines(tracks, room, here)
    return tracks


def _wanted(
    nets: Sequence[Net], found: Sequence[Stream], row: Mapping[str, int], boxes: Mapping[str, Box]
) -> dict[Tap, float]:
    """Give where each pipe would end, were it alone: spread over each edge by where the other ends are."""
    others: dict[Tap, list[float]] = {}
    for number, net in enumerate(nets):
        for stream in (found[n] for n in net.streams):
            rooms = rooms_between(row[stream.source], row[stream.target])
            others.setdefault((number, rooms[0], stream.source, True), []).append(boxes[stream.target].cx)
            others.setdefault((number, rooms[-1], stream.target, False), []).append(boxes[stream.source].cx)
    sides: dict[tuple[int, str], list[Tap]] = {}
    for tap in others:
        sides.setdefault((tap[1], tap[2]), []).append(tap)
    wanted = {}
    for (_, name), taps in sides.items():
        taps.sort(key=lambda tap: (round(sum(others[tap]) / len(others[tap])), tap[3]))
        for n, tap in enumerate(taps):
            wanted[tap] = boxes[name].x + boxes[name].w * (n + 1) / (len(taps) + 1)
    return wanted


def _place(tracks: Tracks, wanted: Mapping[Tap, float], boxes: Mapping[str, Box]) -> None:
    """Settle the ends in one room: first the pipes that can go straight, each apart from all others."""
    for pair in _straight(tracks, wanted, boxes):
        low = max(boxes[tap[2]].x for tap in pair) + _INSET
        high = min(boxes[tap[2]].right for tap in pair) - _INSET
        x = _free(tracks, pair[0], 0.5 * sum(wanted[tap] for tap in pair), low, high)
        tracks.taps |= dict.fromkeys(pair, x)
    for tap, x in wanted.items():
        if tap not in tracks.taps:
            box = boxes[tap[2]]
            tracks.taps[tap] = _free(tracks, tap, x, box.x + _INSET, box.right - _INSET)


def _straight(
    tracks: Tracks, wanted: Mapping[Tap, float], boxes: Mapping[str, Box]
) -> Iterator[tuple[Tap, Tap]]:
    """Give both ends of each pipe without branches between boxes one above the other."""
    ends: dict[int, list[Tap]] = {}
    for tap in wanted:
        ends.setdefault(tap[0], []).append(tap)
    for net, taps in ends.items():
        if len(taps) != 2 or net in tracks.edges:
            continue
        one, two = (boxes[tap[2]] for tap in taps)
        level = one.y == two.y
        if not level and min(one.right, two.right) - max(one.x, two.x) >= _OVERLAP:
            yield taps[0], taps[1]


def _free(tracks: Tracks, tap: Tap, wanted: float, low: float, high: float) -> float:
    """Give the place nearest to ``wanted`` that is free; the more there are, the closer they stand."""
    taken = [x for other, x in tracks.taps.items() if other[1] == tap[1]]
    steps = int((high - low) / _STEP) + 1
    places = sorted((low + n * _STEP for n in range(steps)), key=lambda x: abs(x - wanted))
    for apart in _APART:
        for x in (wanted, *places):
            if low <= x <= high and all(abs(x - other) >= apart for other in taken):
                return x
    return wanted


def _draw_lines(tracks: Tracks, room: int, here: Mapping[Tap, float]) -> None:
    """Give each pipe its line across, under those whose lines it would run into."""
    spans: dict[int, list[float]] = {}
    for tap in here:
        spans.setdefault(tap[0], []).append(tracks.taps[tap])
    lines: list[list[tuple[float, float]]] = []
    for net, xs in spans.items():
        reach = [*xs, *([tracks.edges[net]] if net in tracks.edges else [])]
        low, high = min(reach) - _BESIDE, max(reach) + _BESIDE
        free = next(
            (n for n, line in enumerate(lines) if all(high < a or b < low for a, b in line)), len(lines)
        )
        if free == len(lines):
            lines.append([])
        lines[free].append((low, high))
        tracks.lines[net, room] = free
    tracks.counts[room] = len(lines)


def way(
    tracks: Tracks,
    net: int,
    stream: Stream,
    row: Mapping[str, int],
    boxes: Mapping[str, Box],
    tops: Sequence[float],
) -> tuple[Point, ...]:
    """Give the points of a stream; ``tops`` are the upper ends of the rooms."""
    rooms = rooms_between(row[stream.source], row[stream.target])
    first, last = (tops[room] + PAD + TRACK * tracks.lines[net, room] for room in (rooms[0], rooms[-1]))
    points: list[Point] = []
    x = tracks.taps[net, rooms[0], stream.source, True]
    points += [(x, _edge(boxes[stream.source], rooms[0] == row[stream.source])), (x, first)]
    if len(rooms) > 1:
        points += [(tracks.edges[net], first), (tracks.edges[net], last)]
    x = tracks.taps[net, rooms[-1], stream.target, False]
    points += [(x, last), (x, _edge(boxes[stream.target], rooms[-1] == row[stream.target]))]
    return _bends(points)


def own_stretch(points: Sequence[Point], gathers: bool) -> tuple[Point, Point]:
    """Give what is a stream's alone of a pipe with branches: at the box of its end, up to the nearest line across."""
    (x, y), (_, beyond) = points[:2] if gathers else points[:-3:-1]
    near = (x, y + max(-PAD, min(PAD, beyond - y)))
    return ((x, y), near) if gathers else (near, (x, y))


def _edge(box: Box, upper: bool) -> float:
    return box.y if upper else box.bottom


def _bends(points: Sequence[Point]) -> tuple[Point, ...]:
    """Leave out points on the straight between their neighbours."""
    kept = [points[0]]
    for point, after in zip(points[1:], [*points[2:], None], strict=True):
        if point == kept[-1]:
            continue
        straight = after is not None and any(kept[-1][k] == point[k] == after[k] for k in (0, 1))
        if not straight:
            kept.append(point)
    return tuple(kept)
