"""Whether the usual drawing tells the truth of a composition: every stream once, and none through a strange box."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

from hil.report.picture.floor import BRANCH, Box, Floor
from hil.report.picture.plan import Plan
from hil.report.picture.routes import Route
from hil.report.picture.streams import BESIDE, CONSUMERS, Stream
from hil.report.picture.svg import Point


def tells_all(floor: Floor, plan: Plan, found: Sequence[Stream], made: Sequence[Route]) -> bool:
    """Whether each stream has its pipe, past all boxes that are not its own and on no other stream's line."""
    water = [
        stream
        for stream in found
        if not {plan.parts[n].kind for n in (stream.source, stream.target)} & {*BESIDE}
    ]
    drawn = [route.stream for route in made]
    by_header = [stream for stream in water if stream not in drawn]
    return (
        all(_of_header(floor, plan, stream, found) for stream in by_header)
        and not any(_through_a_box(floor, route) for route in made)
        and not any(_on_one_line(floor, *pair) for pair in combinations(made, 2))
    )


def _of_header(floor: Floor, plan: Plan, stream: Stream, found: Sequence[Stream]) -> bool:
    """Whether a stream is one of the two between the header and a consumer that stands below it."""
    ends = {stream.source, stream.target}
    cdu = next((name for name in ends if plan.parts[name].kind in CONSUMERS), "")
    pairs = [(each.source, each.target) for each in found if cdu in (each.source, each.target)]
    return ends == {cdu, floor.header} and sorted(pairs) == sorted([(cdu, floor.header), (floor.header, cdu)])


def _through_a_box(floor: Floor, route: Route) -> bool:
    own = (route.stream.source, route.stream.target)
    strange = [_body(floor, name, box) for name, box in floor.boxes.items() if name not in own]
    strange += [floor.panel] if floor.panel is not None else []
    return any(passes(pair, box) for pair in pairwise(route.points) for box in strange)


def _body(floor: Floor, name: str, box: Box) -> Box:
    """Give the box as drawn: of a consumer, what is below its branches."""
    return Box(box.x, box.y + BRANCH, box.w, box.h - BRANCH) if floor.zone[name] == "tile" else box


def passes(stretch: tuple[Point, Point], box: Box) -> bool:
    """Whether a stretch of pipe goes through the inside of a box."""
    (x0, y0), (x1, y1) = stretch
    across = min(x0, x1) < box.right - 1.0 and max(x0, x1) > box.x + 1.0
    return across and min(y0, y1) < box.bottom - 1.0 and max(y0, y1) > box.y + 1.0


def _on_one_line(floor: Floor, one: Route, two: Route) -> bool:
    """Whether two streams share all of their way, or some though neither of one outlet nor gathered from consumers."""
    gathered = one.stream.target == two.stream.target and {
        floor.zone[route.stream.source] for route in (one, two)
    } == {"tile"}
    if one.points == two.points:
        return True
    if one.stream.temp == two.stream.temp or gathered:
        return False
    return any(_share(a, b) for a in pairwise(one.points) for b in pairwise(two.points))


def _share(one: tuple[Point, Point], two: tuple[Point, Point]) -> bool:
    for k in (0, 1):
        if one[0][k] == one[1][k] == two[0][k] == two[1][k]:
            first, second = (sorted(point[1 - k] for point in stretch) for stretch in (one, two))
            if min(first[1], second[1]) - max(first[0], second[0]) > 1.0:
                return True
    return False
