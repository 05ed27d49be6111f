"""The pipes of a picture: the way of each stream, its colour, its width and the figures beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hil.report.markup import Html, joined
from hil.report.picture.figures import flow_text, temp_text
from hil.report.picture.floor import LANE, RETURN_AT, SUPPLY_AT, Floor
from hil.report.picture.places import needs_lane
from hil.report.picture.plan import Plan
from hil.report.picture.readings import Readings
from hil.report.picture.scales import Scales
from hil.report.picture.streams import Stream
from hil.report.picture.svg import SOFT, Point, group, path, text

RETURN_Y, SUPPLY_Y = 44.0, 80.0
"""Of the two mains, below the upper edge of the header."""


@dataclass(frozen=True, slots=True)
class Route:
    """The way of one stream; ``label`` is where its figures stand.

    ``own`` is the stretch that no other stream of the same pipe shares, where not all of it is so; the arrow stands
    there. ``figures`` says how: both sides of a pipe, one side (above, below), in one line above it, or none.
    """

    stream: Stream
    points: tuple[Point, ...]
    label: Point
    anchor: str
    figures: Literal["both", "above", "below", "line", "none"] = "both"
    own: tuple[Point, ...] | None = None


def routes(floor: Floor, plan: Plan, found: Sequence[Stream]) -> list[Route]:
    """Give the way of every stream, but of those between a header and its consumers."""
    made: list[Route] = []
    lane = 0
    for stream in found:
        zones = {floor.zone[stream.source], floor.zone[stream.target]}
        if zones & {"side", "other"} or zones in ({"tile", "header"}, {"tile"}):
            continue
        if "tile" in zones:
            made += _shared(floor, stream)
        elif needs_lane(floor, plan, stream):
            made.append(_by_lane(floor, stream, floor.lanes_y + lane * LANE))
            lane += 1
        else:
            made.append(_direct(floor, stream))
    return made


def _direct(floor: Floor, stream: Stream) -> Route:
    start, end = _exit(floor, stream.source), _entry(floor, stream.target)
    zones = floor.zone[stream.source], floor.zone[stream.target]
    if zones == ("strip", "strip"):
        return _stepped(stream, start, end)
    if zones[1] == "strip":
        corner = (floor.left_x, end[1])
        return Route(stream, (start, corner, end), (0.5 * (corner[0] + end[0]), end[1]), "middle")
    if zones[0] == "strip":
        corner = (floor.right_x, start[1])
        return Route(stream, (start, corner, end), (0.5 * (corner[0] + start[0]), start[1]), "middle")
    if start[0] != end[0]:
        y = 0.5 * (start[1] + end[1])
        return Route(stream, (start, (start[0], y), (end[0], y), end), (floor.main.cx, y), "middle", "line")
    on_left = start[0] < floor.main.cx
    # Of the way to or from the main, what is above the header's frame.
    seen = [min(y, floor.boxes[floor.header].y if floor.header else y) for y in (start[1], end[1])]
    label = (start[0] + (12.0 if on_left else -12.0), 0.5 * sum(seen))
    return Route(stream, (start, end), label, "start" if on_left else "end")


def _stepped(stream: Stream, start: Point, end: Point) -> Route:
    """Go from one column to the next, with a step where the two are not level; figures keep out of the step."""
    middle = 0.5 * (start[0] + end[0])
    points = (start, (middle, start[1]), (middle, end[1]), end)
    if start[1] == end[1]:
        return Route(stream, (start, end), (middle, start[1]), "middle")
    return Route(stream, points, (middle, start[1]), "middle", "above" if end[1] > start[1] else "below")


def _by_lane(floor: Floor, stream: Stream, y: float) -> Route:
    """Go round below the strip, and between two columns up to what does not stand lowest in its own."""
    way_out, way_in = _down(floor, stream.source, 1.0), _down(floor, stream.target, -1.0)
    points = (*way_out, (way_out[-1][0], y), (way_in[-1][0], y), *reversed(way_in))
    return Route(stream, points, (0.5 * (way_out[-1][0] + way_in[-1][0]), y), "middle", "line")


def _down(floor: Floor, name: str, side: float) -> tuple[Point, ...]:
    """Way from a component down to its lane; ``side`` is +1 at its outlet and -1 at its inlet."""
    box, zone = floor.boxes[name], floor.zone[name]
    if zone == "left":
        return ((floor.left_x, box.y if side > 0.0 else box.bottom),)
    if zone == "right":
        return ((floor.right_x, box.bottom if side > 0.0 else box.y),)
    if floor.lowest(name):
        return ((box.cx + 10.0 * side, box.bottom),)
    edge, y = (box.right if side > 0.0 else box.x), box.cy + 16.0
    return (edge, y), (edge + 22.0 * side, y)


def _shared(floor: Floor, stream: Stream) -> list[Route]:
    """Go between a consumer and what feeds it without a header, by one lane for all."""
    tile, other = (stream.source, stream.target)
    back = floor.zone[tile] == "tile"
    if not back:
        tile, other = other, tile
    if floor.shared_y is None or floor.zone[other] not in {"left", "strip", "right"}:
        return []
    box = floor.boxes[tile]
    x, y = box.x + (RETURN_AT if back else SUPPLY_AT) * box.w, floor.shared_y[0 if back else 1]
    way = _down(floor, other, -1.0 if back else 1.0)
    points = (*way, (way[-1][0], y), (x, y), (x, box.y))
    return [Route(stream, tuple(reversed(points)) if back else points, (x, box.y), "middle", "none")]


def _exit(floor: Floor, name: str) -> Point:
    """Where water leaves a component."""
    box = floor.boxes[name]
    return {
        "header": (floor.left_x, box.y + RETURN_Y),
        "left": (floor.left_x, box.y),
        "strip": (box.right, box.cy),
        "right": (floor.right_x, box.bottom),
    }[floor.zone[name]]


def _entry(floor: Floor, name: str) -> Point:
    """Where water enters a component."""
    box = floor.boxes[name]
    return {
        "header": (floor.right_x, box.y + SUPPLY_Y),
        "left": (floor.left_x, box.bottom),
        "strip": (box.x, box.cy),
        "right": (floor.right_x, box.y),
    }[floor.zone[name]]


def draw_route(route: Route, readings: Readings, scales: Scales) -> tuple[Html, Html]:
    """Give the pipe, and what stands beside it, which is drawn last."""
    stream = route.stream
    temp = readings.of(*stream.temp)
    flow = readings.of(*stream.flow) if stream.flow is not None else None
    width = scales.width(None if flow is None else flow.value)
    told = [f"{stream.source} to {stream.target}"]
    told += [f"{reading.signal}: {shown}" for reading, shown in ((flow, flow_text(flow)), (temp, temp_text(temp)))
             if reading is not None]  # fmt: skip
    pipe = path(
        route.points, scales.color(readings.near(*stream.temp)), width, arrow=True, arrow_on=route.own
    )
    title = "; ".join(told)
    return group([pipe], title), _label(route, shown_figures(stream, readings), width, title)


def shown_figures(stream: Stream, readings: Readings) -> list[str]:
    """Give what stands beside a stream: flow and temperature, those that there are."""
    flow = readings.of(*stream.flow) if stream.flow is not None else None
    return [shown for shown in (flow_text(flow), temp_text(readings.of(*stream.temp))) if shown]


def _label(route: Route, words: list[str], width: float, title: str) -> Html:
    x, y = route.label
    above, below = 0.5 * width + 6.0, 0.5 * width + 15.0
    if not words or route.figures == "none":
        return Html("")
    if route.figures == "line":
        return group([text(x, y - above, " · ".join(words), 11.5, halo=True)], title)
    if route.anchor != "middle":
        lifts = [4.0 + 15.0 * (n - 0.5 * (len(words) - 1)) for n in range(len(words))]
    elif route.figures == "above":
        lifts = [-above - 14.0 * (len(words) - 1 - n) for n in range(len(words))]
    elif route.figures == "below":
        lifts = [below + 14.0 * n for n in range(len(words))]
    else:
        lifts = [-above, below][: len(words)]
    lines = [text(x, y + lift, word, 11.5, anchor=route.anchor, halo=True)
             for lift, word in zip(lifts, words, strict=True)]  # fmt: skip
    return group(lines, title)


def stubs(floor: Floor, found: Sequence[Stream], readings: Readings, scales: Scales) -> Html:
    """Draw the ends of a header that lead out of the picture: its water comes from, or goes to, an input."""
    name = floor.header
    if name is None:
        return Html("")
    box = floor.boxes[name]
    inside = [
        stream for stream in found if "tile" not in (floor.zone[stream.source], floor.zone[stream.target])
    ]
    width = scales.width(readings.value(name, "flow_kg_s"))
    parts: list[Html] = []
    if all(stream.source != name for stream in inside):
        points = [(floor.left_x, box.y + RETURN_Y), (floor.left_x, box.y - 30.0)]
        warm = scales.color(readings.value(name, "return_temp_degc"))
        parts += [
            path(points, warm, width, arrow=True),
            text(floor.left_x + 14.0, box.y - 14.0, "out", 11.0, color=SOFT),
        ]
    if all(stream.target != name for stream in inside):
        points = [(floor.right_x, box.y - 30.0), (floor.right_x, box.y + SUPPLY_Y)]
        cold = scales.color(readings.value(name, "source_supply_temp_degc", "supply_temp_degc"))
        parts += [
            path(points, cold, width, arrow=True),
            text(floor.right_x - 14.0, box.y - 14.0, "in", 11.0, color=SOFT),
        ]
    return joined(parts)
