"""Where everything stands: heat rejection on top, risers at both sides, the header, consumers in rows below.

Kinds without a place of their own come last, so that any composition can be drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

from hil.report.picture.floor import (
    GUTTER,
    HEADER,
    LANE,
    MARGIN,
    MOST_IN_ROW,
    NARROW,
    OTHER_PITCH,
    OTHER_SIZE,
    PANEL,
    RETURN_AT,
    RISER,
    RISER_GAP,
    RISER_NODE,
    ROW,
    SIDE_WIDTH,
    SKY,
    STRIP_GAP,
    STRIP_INSET,
    WIDE,
    WIDER,
    Box,
    Floor,
)
from hil.report.picture.plan import Part, Plan
from hil.report.picture.streams import BESIDE, CONSUMERS, NETWORKS, REJECTORS, Stream, levels

_HEIGHTS = {"dry_cooler": 142.0, "chiller": 142.0, "three_way": 108.0, "tank": 112.0, "pipe": 46.0}
_USUAL_HEIGHT = 92.0
_MOST_ON_RISER = 2


def lay_out(plan: Plan, found: Sequence[Stream], *, with_panel: bool = False) -> Floor:
    """Give every component of a plan its place; with room for a panel of key figures where there is a header."""
    headers, tiles, side = plan.of_kind(*NETWORKS), plan.of_kind(*CONSUMERS), plan.of_kind(*BESIDE)
    left, strip, right = _shares(plan, levels(plan, found))
    has_strip = bool(left or strip or right)
    width = (WIDE if side else WIDER) if has_strip or len(tiles) > MOST_IN_ROW // 2 else NARROW
    width = max(width, 2 * STRIP_INSET + len(strip) * (100.0 + STRIP_GAP) - STRIP_GAP)
    floor = Floor(Box(MARGIN, 0.0, width, 0.0), bool(plan.of_kind(*REJECTORS)))
    top = SKY + 26.0 if floor.has_sky else 22.0
    bottom = _put_strip(floor, plan, strip, top)
    lanes = bottom + _lanes(floor, plan, found, strip) * LANE
    if not headers and has_strip and tiles:
        floor.shared_y = (lanes + LANE, lanes + 2 * LANE)
        lanes += 2 * LANE
    bottom = _put_risers(floor, plan, left, right, lanes)
    if headers:
        if with_panel:
            bottom = max(bottom, lanes + PANEL + 40.0)
            floor.panel = Box(
                floor.main.x + STRIP_INSET, 0.5 * (lanes + bottom - PANEL), width - 2 * STRIP_INSET, PANEL
            )
        floor.header = headers[0].name
        floor.put(headers[0].name, Box(floor.main.x, bottom, width, HEADER), "header")
        bottom += HEADER
    bottom = _put_tiles(floor, tiles, bottom)
    put_side(floor, side, top)
    bottom = put_others(floor, [part for name, part in plan.parts.items() if name not in floor.boxes], bottom)
    floor.height = max(bottom, max((box.bottom for box in floor.boxes.values()), default=0.0) + 8.0)
    floor.width = floor.main.right + MARGIN + (SIDE_WIDTH + MARGIN if side else 0.0)
    return floor


def _shares(plan: Plan, order: list[list[str]]) -> tuple[list[str], list[list[str]], list[str]]:
    """Split the way of the water: what rises at the left, what is on top, what comes down at the right."""

    def core(level: list[str]) -> bool:
        return any(plan.parts[name].kind in REJECTORS for name in level)

    at = [n for n, level in enumerate(order) if core(level)]
    at = at or [n for n, level in enumerate(order) if any(plan.parts[name].kind != "pipe" for name in level)]
    if not at:
        return [], order, []
    first, last = at[0], at[-1]
    while first > 0 and (first > _MOST_ON_RISER or any(len(level) > 1 for level in order[:first])):
        first -= 1
    while last < len(order) - 1 and (
        len(order) - 1 - last > _MOST_ON_RISER or any(len(level) > 1 for level in order[last + 1 :])
    ):
        last += 1
    return [n for level in order[:first] for n in level], order[first : last + 1], [
        n for level in order[last + 1 :] for n in level
    ]  # fmt: skip


def node_height(plan: Plan, name: str) -> float:
    """Height of a component's box."""
    return _HEIGHTS.get(plan.parts[name].kind, _USUAL_HEIGHT)


def _put_strip(floor: Floor, plan: Plan, strip: list[list[str]], top: float) -> float:
    """Put the columns side by side, each centred; gives the lower edge."""
    if not strip:
        floor.strip_y = top
        return top
    heights = [sum(node_height(plan, name) + 14.0 for name in column) - 14.0 for column in strip]
    most = max(heights)
    room = floor.main.w - 2 * STRIP_INSET - STRIP_GAP * (len(strip) - 1)
    width = min(room / len(strip), 210.0)
    gap = (floor.main.w - 2 * STRIP_INSET - width * len(strip)) / max(len(strip) - 1, 1)
    x = floor.main.x + STRIP_INSET if len(strip) > 1 else floor.main.cx - 0.5 * width
    for number, (column, height) in enumerate(zip(strip, heights, strict=True)):
        y = top + 0.5 * (most - height)
        for name in column:
            box = Box(x, y, width, node_height(plan, name))
            floor.put(name, box, "strip")
            floor.column[name] = number
            y = box.bottom + 14.0
        x += width + gap
    floor.strip_y = top + 0.5 * most
    floor.lanes_y = top + most + LANE
    return top + most


def _lanes(floor: Floor, plan: Plan, found: Sequence[Stream], strip: list[list[str]]) -> int:
    """Count the streams that have to go round below the strip."""
    return sum(needs_lane(floor, plan, stream) for stream in found) if strip else 0


def needs_lane(floor: Floor, plan: Plan, stream: Stream) -> bool:
    """Whether a stream cannot go straight: past a column, or backwards."""
    columns = [floor.column.get(name) for name in (stream.source, stream.target)]
    kinds = {plan.parts[stream.source].kind, plan.parts[stream.target].kind}
    if kinds & {*CONSUMERS, *NETWORKS}:
        return False
    last = max(floor.column.values(), default=0)
    start, end = columns
    if start is not None and end is not None:
        return end != start + 1
    if start is None and end is None:
        return False
    return end != 0 if end is not None else start != last


def _put_risers(floor: Floor, plan: Plan, left: list[str], right: list[str], bottom: float) -> float:
    """Put what is on the risers, the left from below, the right from above; gives where the header begins."""
    start = max(floor.strip_y + RISER_GAP, bottom - RISER_GAP if floor.boxes else bottom)
    ends = [bottom + 30.0]
    for names, x, zone in ((list(reversed(left)), floor.left_x, "left"), (right, floor.right_x, "right")):
        y = start
        for name in names:
            box = Box(x - 0.5 * RISER_NODE, y, RISER_NODE, node_height(plan, name))
            floor.put(name, box, zone)
            y = box.bottom + RISER_GAP
        if names:
            ends.append(y)
    return max(ends) if plan.of_kind(*NETWORKS, *CONSUMERS) or left or right else bottom


def _put_tiles(floor: Floor, tiles: Sequence[Part], top: float) -> float:
    """Put the consumers in rows as long as each other; gives the lower edge."""
    if not tiles:
        return top
    count = -(-len(tiles) // MOST_IN_ROW)
    each = -(-len(tiles) // count)
    # The last one's return must keep off the riser of the supply.
    width = min((floor.main.w - GUTTER - RISER - 18.0) / (each - 1 + RETURN_AT), 150.0)
    y = top
    for number in range(count):
        y += 56.0 if number else 0.0
        floor.rows.append(y)
        for place, part in enumerate(tiles[number * each : (number + 1) * each]):
            floor.put(part.name, Box(floor.main.x + GUTTER + place * width, y, width, ROW), "tile")
        y += ROW
    return y + 14.0


def put_side(floor: Floor, side: Sequence[Part], top: float) -> None:
    """Put what no water flows through into the column at the side."""
    heights = {"power_chain": 452.0, "site_meter": 106.0}
    y = top
    for part in side:
        box = Box(floor.main.right + MARGIN, y, SIDE_WIDTH, heights[part.kind])
        floor.put(part.name, box, "side")
        y = box.bottom + 14.0


def put_others(floor: Floor, others: Sequence[Part], top: float) -> float:
    """Put components without streams below all else; gives the lower edge."""
    if not others:
        return top
    each = max(1, int(floor.main.w // OTHER_PITCH))
    for number, part in enumerate(others):
        row, place = divmod(number, each)
        x, y = floor.main.x + place * OTHER_PITCH, top + 26.0 + row * (OTHER_SIZE[1] + 12.0)
        floor.put(part.name, Box(x, y, *OTHER_SIZE), "other")
    return max(box.bottom for box in floor.boxes.values()) + 10.0
