"""The plain drawing put together: floor and routes of any composition."""

from __future__ import annotations

from collections.abc import Sequence

from hil.report.picture.floor import GUTTER, MARGIN, PANEL, SIDE_WIDTH, SKY, Box, Floor
from hil.report.picture.graph import boxes_of, height_of, in_streams, nets_of, rows_of, width_of
from hil.report.picture.labels import place_labels
from hil.report.picture.places import put_others, put_side
from hil.report.picture.readings import Readings
from hil.report.picture.routes import Route
from hil.report.picture.streams import BESIDE, CONSUMERS, REJECTORS, Stream
from hil.report.picture.tracks import EDGE_PITCH, edge_sides, own_stretch, settle, way

_LEAST_WIDTH = 720.0


def lay_out_plainly(
    readings: Readings, found: Sequence[Stream], *, with_panel: bool = False
) -> tuple[Floor, list[Route]]:
    """Give every component its place, and every stream between two of them its way.

    Parameters
    ----------
    readings : Readings
        The plan, and the figures that stand at the streams.
    found : sequence of Stream
        At least one.
    with_panel : bool
        Whether room is left for the panel of key figures.
    """
    plan = readings.plan
    rows = rows_of(plan, found)
    row = {name: n for n, names in enumerate(rows) for name in names}
    nets = nets_of(plan, found, row)
    left, right = edge_sides(nets, found, row)
    # The names of the consumers' figures stand at the left of their rows.
    names_room = GUTTER if plan.of_kind(*CONSUMERS) else 0.0
    margin = EDGE_PITCH * (len(left) + 2) + names_room
    right_margin, wide = EDGE_PITCH * (len(right) + 2), width_of(plan, rows)
    width = max(margin + wide + right_margin, _LEAST_WIDTH)
    floor = Floor(Box(MARGIN, 0.0, width, 0.0), bool(plan.of_kind(*REJECTORS)))
    top = SKY + 12.0 if floor.has_sky else 12.0
    if with_panel:
        floor.panel = Box(floor.main.x, top, width, PANEL)
        top += PANEL + 16.0
    start = floor.main.x + margin + 0.5 * (width - margin - right_margin - wide)
    tracks = settle(
        nets, found, row, boxes_of(plan, rows, start, [float(n) for n in range(len(rows))]), names_room
    )
    tops, rooms = [], []
    y = top
    for n, names in enumerate(rows):
        rooms.append(y)
        tops.append(y + tracks.room(n))
        y = tops[-1] + height_of(plan, names)
    boxes = boxes_of(plan, rows, start, tops)
    for name, box in boxes.items():
        floor.put(name, box, "graph")
    made = []
    for number, net in enumerate(nets):
        for stream in (found[n] for n in net.streams):
            points = way(tracks, number, stream, row, boxes, rooms)
            own = own_stretch(points, net.gathers) if len(net.streams) > 1 else None
            made.append(Route(stream, points, (0.0, 0.0), "middle", "none", own))
    _put_rest(floor, readings, found, top, y)
    return floor, place_labels(made, readings, list(boxes.values()), floor.main)


def _put_rest(floor: Floor, readings: Readings, found: Sequence[Stream], top: float, bottom: float) -> None:
    """Put what no water flows through: at the side, and below."""
    plan = readings.plan
    side = plan.of_kind(*BESIDE)
    put_side(floor, side, top)
    wet = set(in_streams(plan, found))
    others = [part for name, part in plan.parts.items() if name not in wet and part.kind not in BESIDE]
    bottom = put_others(floor, others, bottom)
    floor.height = max(bottom, *(box.bottom for box in floor.boxes.values())) + 8.0
    floor.width = floor.main.right + MARGIN + (SIDE_WIDTH + MARGIN if side else 0.0)
