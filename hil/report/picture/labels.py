"""Where the figures of a stream stand in the plain drawing: beside its own pipe, on no box and no other figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from hil.report.picture.floor import Box
from hil.report.picture.readings import Readings
from hil.report.picture.routes import Route, shown_figures
from hil.report.picture.svg import LETTER, Point

_SIZE, _LINE, _ROOM = 11.5, 15.0, 8.0
_SHARES = (0.5, 0.3, 0.7, 0.15, 0.85)


@dataclass(frozen=True, slots=True)
class _Place:
    """A place for figures: what the route is to say of it, and the room that it takes."""

    label: Point
    anchor: str
    figures: Literal["line", "both"]
    room: Box


def place_labels(made: Sequence[Route], readings: Readings, boxes: Sequence[Box], within: Box) -> list[Route]:
    """Give the routes with a place for their figures; with none where there is none, and the pointer tells them.

    Figures stand at the stretch of a route that is its own, between the edges of ``within``.
    """
    taken, placed = list(boxes), []
    for route in made:
        words = shown_figures(route.stream, readings)
        free = [place for place in _places(route.own or route.points, words)
                if within.x <= place.room.x and place.room.right <= within.right
                and not any(_meet(place.room, box) for box in taken)]  # fmt: skip
        if not words or not free:
            placed.append(replace(route, figures="none"))
            continue
        others = [pair for other in made for pair in pairwise(other.points)]
        best = min(free, key=lambda place: sum(_meet(place.room, _span(*pair)) for pair in others))
        taken.append(best.room)
        placed.append(replace(route, label=best.label, anchor=best.anchor, figures=best.figures))
    return placed


def _places(points: Sequence[Point], words: Sequence[str]) -> Iterator[_Place]:
    """Give all places beside a pipe: above each stretch across, and at both sides of each upright one."""
    line, most = " · ".join(words), max(words, key=len, default="")
    for (x0, y0), (x1, y1) in pairwise(points):
        for share in _SHARES:
            x, y = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
            if y0 == y1 and abs(x1 - x0) >= _width(line) + _ROOM:
                yield _Place(
                    (x, y), "middle", "line", Box(x - 0.5 * _width(line), y - 23.0, _width(line), 16.0)
                )
            elif x0 == x1:
                height, wide = _LINE * len(words), _width(most)
                yield _Place(
                    (x - 10.0, y), "end", "both", Box(x - 10.0 - wide, y - 0.5 * height, wide, height)
                )
                yield _Place((x + 10.0, y), "start", "both", Box(x + 10.0, y - 0.5 * height, wide, height))


def _width(words: str) -> float:
    return LETTER * _SIZE * len(words)


def _span(one: Point, two: Point) -> Box:
    """Give the room of a stretch of pipe."""
    x, y = min(one[0], two[0]), min(one[1], two[1])
    return Box(x - 4.0, y - 4.0, abs(two[0] - one[0]) + 8.0, abs(two[1] - one[1]) + 8.0)


def _meet(one: Box, two: Box) -> bool:
    return one.x < two.right and two.x < one.right and one.y < two.bottom and two.y < one.bottom
