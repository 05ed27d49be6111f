"""The header with its mains and pumps, and the rows of CDUs with their racks below it."""

from __future__ import annotations

from collections.abc import Sequence

from hil.report.markup import Html, joined
from hil.report.picture.figures import line_of, short, told
from hil.report.picture.floor import BRANCH, LINK, RACK, RETURN_AT, RISER, SUPPLY_AT, UNIT, Box, Floor
from hil.report.picture.parts import draw_pump, numbered, pump_speeds
from hil.report.picture.readings import Readings
from hil.report.picture.routes import RETURN_Y, SUPPLY_Y
from hil.report.picture.scales import Scales
from hil.report.picture.streams import Stream
from hil.report.picture.svg import SOFT, group, path, rect, text

_BACK_ABOVE, _OUT_ABOVE = 34.0, 12.0
"""Of the mains of a later row, above its tiles."""
HEAT = ("it_power_kw", "rack_heat_kw", "tcs_heat_kw", "fws_heat_kw")
FWS_FLOW, FWS_SUPPLY, FWS_RETURN = "fws_flow_kg_s", "fws_supply_temp_degc", "fws_return_temp_degc"
SUPPLY, RETURN, CASE = "tcs_supply_temp_degc", "tcs_return_temp_degc", "cold_plate_case_temp_degc"
RACK_CASE = r"rack_(\d{1,3})_case_temp_degc"


def draw_frame(floor: Floor, readings: Readings) -> Html:
    """Draw the header's frame and what it tells; the pipes go over it."""
    name = floor.header
    if name is None:
        return Html("")
    box = floor.boxes[name]
    words = [line_of(readings, name, label, port) for label, port in (
        ("flow", "flow_kg_s"), ("pressure difference", "differential_pressure_kpa"), ("pumps", "pump_power_kw"),
        ("supply", "supply_temp_degc"), ("return", "return_temp_degc"), ("bypass", "bypass_flow_kg_s"),
    )]  # fmt: skip
    shown = " · ".join([f"{name} (header)", *filter(None, words)])
    return group([
        rect(box.x, box.y, box.w, box.h, "#fafbfc", SOFT, 8.0),
        text(box.cx, box.y + 19.0, shown, 11.5, fit=box.w - 3.0 * RISER, halo=True),
    ], told(readings, name))  # fmt: skip


def draw_mains(floor: Floor, readings: Readings, scales: Scales) -> Html:
    """Draw both mains, with the pumps on the supply."""
    name = floor.header
    if name is None:
        return Html("")
    box = floor.boxes[name]
    warm = scales.color(readings.value(name, "return_temp_degc"))
    cold = scales.color(readings.value(name, "supply_temp_degc"))
    width = scales.width(readings.value(name, "flow_kg_s"))
    first, last = _ends(floor)
    speeds = pump_speeds(readings, name)
    return group([
        path([(floor.left_x, box.y + RETURN_Y), (last, box.y + RETURN_Y)], warm, width),
        path([(first, box.y + SUPPLY_Y), (floor.right_x, box.y + SUPPLY_Y)], cold, width),
        *(draw_pump(floor.right_x - 26.0 - 24.0 * n, box.y + SUPPLY_Y, speed) for n, speed in enumerate(speeds)),
    ], told(readings, name))  # fmt: skip


def _ends(floor: Floor) -> tuple[float, float]:
    """From where to where the mains have branches."""
    tiles = [floor.boxes[name] for name in floor.tiles()]
    if not tiles:
        return floor.left_x, floor.right_x
    return (
        min(box.x + SUPPLY_AT * box.w for box in tiles),
        max(box.x + RETURN_AT * box.w for box in tiles),
    )


def draw_branches(floor: Floor, readings: Readings, scales: Scales) -> Html:
    """Draw the ways from mains to consumers, and the mains of the rows after the first: behind all else."""
    parts = [_branches(floor, readings, scales, name) for name in floor.tiles()]
    later = floor.rows[1:] if floor.header is not None else []
    return joined((*parts, *(_row_mains(floor, readings, scales, row) for row in later)))


def draw_rows(floor: Floor, readings: Readings, scales: Scales) -> Html:
    """Draw all consumers, and the names of their figures at the left."""
    x, tiles = floor.main.x + 124.0, floor.tiles()
    names = [text(x, row + 0.5 * BRANCH + 4.0, "FWS flow, kg/s", 11.0, anchor="end", color=SOFT)
             for row in floor.rows if any(readings.of(name, FWS_FLOW) for name in tiles)]  # fmt: skip
    names += [row_names(readings, tiles, x, row + BRANCH) for row in floor.rows]
    return joined((*names, *(_tile(floor, readings, scales, name) for name in floor.tiles())))


def row_names(readings: Readings, tiles: Sequence[str], x: float, y: float) -> Html:
    """Name the figures of a row of consumers, those that any of them has, to the left of ``x``; ``y`` is their top."""
    rows = (
        (40.0, "heat, kW", HEAT), (UNIT + 22.0, "TCS in, out, °C", (SUPPLY, RETURN)),
        (UNIT + LINK + 21.0, "hottest case, °C", (CASE,)),
    )  # fmt: skip
    shown = [(20.0, "CDU")]
    shown += [(at, word) for at, word, ports in rows if any(readings.of(name, *ports) for name in tiles)]
    return joined(text(x, y + at, word, 11.0, anchor="end", color=SOFT) for at, word in shown)


def _row_mains(floor: Floor, readings: Readings, scales: Scales, y: float) -> Html:
    """Draw the mains of a later row, from the header's down at the edges of the picture."""
    name = floor.header or ""
    flow = readings.value(name, "flow_kg_s")
    width = scales.width(None if flow is None else flow / len(floor.rows))
    first, last = _ends(floor)
    left, right = floor.main.x + 16.0, floor.main.right - 16.0
    warm = scales.color(readings.value(name, "return_temp_degc"))
    cold = scales.color(readings.value(name, "supply_temp_degc"))
    back, out = y - _BACK_ABOVE, y - _OUT_ABOVE
    mains = floor.boxes[name].y + RETURN_Y, floor.boxes[name].y + SUPPLY_Y
    return joined((
        path([(last, back), (left, back), (left, mains[0]), (floor.left_x, mains[0])], warm, width),
        path([(floor.right_x, mains[1]), (right, mains[1]), (right, out), (first, out)], cold, width),
    ))  # fmt: skip


def _mains_of(floor: Floor, readings: Readings, name: str) -> tuple[float, float]:
    """Heights of return and supply main above a tile; the tile's own upper edge where the header does not feed it."""
    box = floor.boxes[name]
    if floor.header is None or readings.plan.sources.get((name, FWS_SUPPLY), ("",))[0] != floor.header:
        return box.y, box.y
    if box.y == floor.rows[0]:
        top = floor.boxes[floor.header].y
        return top + RETURN_Y, top + SUPPLY_Y
    return box.y - _BACK_ABOVE, box.y - _OUT_ABOVE


def _branches(floor: Floor, readings: Readings, scales: Scales, name: str) -> Html:
    box = floor.boxes[name]
    return_y, supply_y = _mains_of(floor, readings, name)
    width = min(scales.width(readings.value(name, FWS_FLOW)), 0.12 * box.w)
    into, out, unit_y = box.x + SUPPLY_AT * box.w, box.x + RETURN_AT * box.w, box.y + BRANCH
    warm, cold = (scales.color(readings.value(name, port)) for port in (FWS_RETURN, FWS_SUPPLY))
    ways = {
        (name, floor.header): path([(out, unit_y), (out, return_y)], warm, width),
        (floor.header, name): path([(into, supply_y), (into, unit_y)], cold, width),
    }
    # The tile's own edge is where nothing leads to it from the header.
    wired = return_y != box.y
    return joined(group([way], f"{one} to {other}" if wired else "") for (one, other), way in ways.items())


def _tile(floor: Floor, readings: Readings, scales: Scales, name: str) -> Html:
    box, flow = floor.boxes[name], readings.value(name, FWS_FLOW)
    unit = draw_unit(readings, name, Box(box.x, box.y + BRANCH, box.w, box.h - BRANCH), scales)
    if flow is None:
        return unit
    return joined((unit, text(box.cx, box.y + 0.5 * BRANCH + 4.0, short(flow), 11.5, halo=True)))


def draw_unit(readings: Readings, name: str, box: Box, scales: Scales) -> Html:
    """Draw a consumer with its racks below it."""
    heat = readings.value(name, *HEAT)
    parts = [
        rect(box.x + 3.0, box.y, box.w - 6.0, UNIT, scales.heat(heat), SOFT),
        text(box.cx, box.y + 20.0, name, 11.5, bold=True, fit=box.w - 8.0),
    ]
    if heat is not None:
        parts.append(text(box.cx, box.y + 40.0, short(heat), 12.0))
    parts += [_link(readings, scales, name, box), _racks(readings, scales, name, box)]
    return group(parts, told(readings, name))


def _link(readings: Readings, scales: Scales, name: str, box: Box) -> Html:
    """Draw the technology loop between CDU and racks: supply down at the left, return up at the right."""
    top, bottom = box.y + UNIT, box.y + UNIT + LINK
    parts: list[Html] = []
    for port, at in ((SUPPLY, 0.27), (RETURN, 0.73)):
        x = box.x + at * box.w
        temp = readings.value(name, port)
        parts.append(path([(x, top), (x, bottom)], scales.color(temp), 4.0))
        if temp is not None:
            parts.append(text(x, top + 22.0, f"{temp:.1f}", 11.0, halo=True))
    return joined(parts)


def _racks(readings: Readings, scales: Scales, name: str, box: Box) -> Html:
    """Draw the racks: one box, or as many as the CDU tells apart; the figure is the hottest case."""
    y = box.y + UNIT + LINK
    case = readings.value(name, CASE)
    ports = numbered(readings, name, RACK_CASE)[:24] or [CASE]
    each = (box.w - 10.0) / len(ports)
    parts = [
        rect(box.x + 5.0 + n * each, y, each, RACK, scales.case(readings.value(name, port)), SOFT, 0.0)
        for n, port in enumerate(ports)
    ]
    if case is not None:
        parts.append(text(box.cx, y + 0.5 * RACK + 4.0, f"{case:.1f}", 11.5, halo=len(ports) > 1))
    return joined(parts)


def temps_of(readings: Readings, found: list[Stream]) -> list[float]:
    """Temperatures of the coolant that the picture colours: of streams, headers and CDUs."""
    places = [stream.temp for stream in found]
    for part in readings.plan.of_kind("cdu"):
        places += [(part.name, port) for port in (FWS_SUPPLY, FWS_RETURN, SUPPLY, RETURN)]
    for part in readings.plan.of_kind("header"):
        places += [(part.name, "supply_temp_degc"), (part.name, "return_temp_degc")]
    return readings.known(places)


def cases_of(readings: Readings) -> list[float]:
    """Case temperatures that the picture colours."""
    return readings.known(
        (part.name, port)
        for part in readings.plan.of_kind("cdu")
        for port in (CASE, *numbered(readings, part.name, RACK_CASE))
    )
