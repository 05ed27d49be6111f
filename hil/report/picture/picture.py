"""The picture as one SVG, and the page's section with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hil.report.kpi_names import shown_unit
from hil.report.markup import Html, joined, table, tag
from hil.report.numbers import figure_text
from hil.report.picture.check import tells_all
from hil.report.picture.figures import all_readings
from hil.report.picture.floor import SKY, Box, Floor
from hil.report.picture.parts import draw_part
from hil.report.picture.places import lay_out
from hil.report.picture.plain import lay_out_plainly
from hil.report.picture.plan import Plan, read_plans
from hil.report.picture.readings import Readings, means_of_hottest_hour, means_of_run
from hil.report.picture.routes import Route, draw_route, routes, stubs
from hil.report.picture.rows import (
    FWS_FLOW,
    HEAT,
    cases_of,
    draw_branches,
    draw_frame,
    draw_mains,
    draw_rows,
    draw_unit,
    row_names,
    temps_of,
)
from hil.report.picture.scales import Scales, legend
from hil.report.picture.side import draw_side
from hil.report.picture.streams import CONSUMERS, REJECTORS, Stream, streams
from hil.report.picture.svg import SOFT, circle, element, path, rect, text
from hil.report.run_data import RunData, mapping, number
from hil.report.sections import section

_LEAST_SCALE = 0.8
"""On a narrow screen the picture is not drawn smaller than that, but moved to and fro: its letters must be read."""
_RAYS = ((1, 0), (-1, 0), (0, 1), (0, -1), (0.7, 0.7), (-0.7, 0.7), (0.7, -0.7), (-0.7, -0.7))


def picture_section(run: RunData, kpis: Mapping[str, Any]) -> Html:
    """Show the plants with flows and temperatures; nothing where the run folder does not say what they are."""
    plans = read_plans(run.path)
    if not plans:
        return Html("")
    parts: list[Html] = []
    for count, plan in enumerate(plans):
        parts += [tag("h3", plan.title)] if len(plans) > 1 else []
        parts += _pictures(run, kpis, plan, f"picture-{count}")
    return section("Plant", *parts)


def _pictures(run: RunData, kpis: Mapping[str, Any], plan: Plan, name: str) -> list[Html]:
    """Give the picture over the run, that of the hottest hour, and the table."""
    readings = means_of_run(plan, run, kpis)
    note = (
        f"Figures are {readings.basis}, of GOOD values; point at a part for all of its figures.{_key(plan)}"
    )
    parts = [tag("p", note, "note"), _scrolled(draw_picture(readings, name, key_figures(kpis)))]
    hottest = means_of_hottest_hour(plan, run)
    if hottest is not None:
        parts.append(
            _folded(f"The same: {hottest.basis}", _scrolled(draw_picture(hottest, f"{name}-hottest")))
        )
    return [*parts, _folded("The figures of the picture", _figures_table(readings))]


def _key(plan: Plan) -> str:
    """Explain what the legend in the picture does not."""
    fans = " The blue sector of a fan is its speed." if plan.of_kind("dry_cooler") else ""
    states = "machines: white off, yellow starting, green running, red tripped, as they were for longest"
    return fans + (f" Chiller {states}." if plan.of_kind("chiller") else "")


def _scrolled(picture: Html) -> Html:
    return tag("div", picture, "scroll")


def _folded(title: str, content: Html) -> Html:
    return tag("details", joined((tag("summary", title), content)))


def _figures_table(readings: Readings) -> Html:
    rows = [
        (name, part.kind, port, figure_text(each.value, each.unit), each.signal)
        for name, part in readings.plan.parts.items()
        for port, each in all_readings(readings, name)
    ]
    return table(("component", "kind", "port", "mean", "signal"), rows)


def draw_picture(readings: Readings, name: str, figures: Sequence[tuple[str, str]] = ()) -> Html:
    """Draw one plan.

    Parameters
    ----------
    readings : Readings
        The plan and its figures.
    name : str
        Tells its title and description from those of the page's other pictures.
    figures : sequence of (str, str)
        Key figures for the middle of the picture, name and value with unit.
    """
    plan = readings.plan
    found = streams(plan)
    floor, ways = _floor_and_routes(readings, found, with_panel=bool(figures))
    scales = _scales(readings, found)
    pipes = [draw_route(route, readings, scales) for route in ways]
    explained, height = _legend(floor, scales)
    drawn = [
        _sky(floor, readings),
        draw_frame(floor, readings),
        draw_branches(floor, readings, scales),
        stubs(floor, found, readings, scales),
        *(pipe for pipe, _ in pipes),
        draw_mains(floor, readings, scales),
        draw_rows(floor, readings, scales),
        _unit_names(floor, readings),
        *(_placed(floor, readings, scales, each) for each in plan.parts),
        *(label for _, label in pipes),
        _panel(floor.panel, figures),
        explained,
    ]
    title = f"{plan.title}: plant with flows and temperatures, {readings.basis}"
    return element(
        "svg",
        joined((element("title", title, id=f"{name}-title"), element("desc", _described(readings), id=f"{name}-desc"),
                *drawn)),
        role="img", aria_labelledby=f"{name}-title {name}-desc",
        viewBox=f"0 0 {floor.width:.0f} {height:.0f}", class_="picture",
        style=f"max-width:{floor.width:.0f}px;min-width:{_LEAST_SCALE * floor.width:.0f}px",
        font_family="system-ui, -apple-system, 'Segoe UI', sans-serif",
    )  # fmt: skip


def _floor_and_routes(
    readings: Readings, found: list[Stream], *, with_panel: bool
) -> tuple[Floor, list[Route]]:
    """Lay out as a facility usually stands, or plainly where that has no place for all of it."""
    floor = lay_out(readings.plan, found, with_panel=with_panel)
    ways = routes(floor, readings.plan, found)
    if tells_all(floor, readings.plan, found, ways):
        return floor, ways
    return lay_out_plainly(readings, found, with_panel=with_panel)


def _placed(floor: Floor, readings: Readings, scales: Scales, name: str) -> Html:
    zone, box = floor.zone[name], floor.boxes[name]
    if zone == "graph" and readings.plan.parts[name].kind in CONSUMERS:
        return draw_unit(readings, name, box, scales)
    if zone == "side":
        return draw_side(readings, name, box)
    return Html("") if zone in {"header", "tile"} else draw_part(readings, name, box, scales)


def _unit_names(floor: Floor, readings: Readings) -> Html:
    """Name the figures of the consumers in a plain drawing, at the left of each row of them."""
    units = [name for name, zone in floor.zone.items()
             if zone == "graph" and readings.plan.parts[name].kind in CONSUMERS]  # fmt: skip
    rows: dict[float, list[str]] = {}
    for name in units:
        rows.setdefault(floor.boxes[name].y, []).append(name)
    return joined(
        row_names(readings, units, min(floor.boxes[name].x for name in names) - 8.0, y)
        for y, names in rows.items()
    )


def _scales(readings: Readings, found: list[Stream]) -> Scales:
    cdus, headers = readings.plan.of_kind("cdu"), readings.plan.of_kind("header")
    flows = [stream.flow for stream in found if stream.flow is not None]
    flows += [(part.name, FWS_FLOW) for part in cdus] + [(part.name, "flow_kg_s") for part in headers]
    heats = [value for part in cdus if (value := readings.value(part.name, *HEAT)) is not None]
    return Scales.of(temps_of(readings, found), cases_of(readings), readings.known(flows), heats)


def _sky(floor: Floor, readings: Readings) -> Html:
    """Draw what the heat goes to, and the weather where it is known."""
    if not floor.has_sky:
        return Html("")
    words = []
    for label, ports in (("dry bulb", ("dry_bulb_temp_degc", "condenser_air_temp_degc")),
                         ("wet bulb", ("wet_bulb_temp_degc",))):  # fmt: skip
        found = next(
            (r for name in readings.plan.parts if (r := readings.of(name, *ports)) is not None), None
        )
        if found is not None:
            words.append(f"{label} {found.value:.1f} {shown_unit(found.unit)}")
    x, y = floor.main.x + 34.0, 32.0
    rays = [
        path([(x + 16 * dx, y + 16 * dy), (x + 21 * dx, y + 21 * dy)], "#c98a00", 2.0) for dx, dy in _RAYS
    ]
    heat = [_rising(floor.boxes[name].cx, floor.boxes[name].y) for name, column in floor.column.items()
            if readings.plan.parts[name].kind in REJECTORS and floor.tops[column] == name]  # fmt: skip
    return joined((
        rect(floor.main.x, 4.0, floor.main.w, SKY - 8.0, "#eaf3fa", "#d3e4f0", 8.0),
        circle(x, y, 11.0, "#f5d66e", "#c98a00"), *rays, *heat,
        text(x + 34.0, y + 5.0, "outdoor air" if not words else " · ".join(words), 13.0, anchor="start"),
        text(floor.main.right - 12.0, y + 5.0, readings.basis, 12.0, anchor="end", color=SOFT),
    ))  # fmt: skip


def _rising(x: float, y: float) -> Html:
    """Draw heat that rises from a cooler."""
    return joined(
        path([(x + dx, y - 2.0), (x + dx, y - 16.0)], "#d9825f", 2.0, arrow=False)
        for dx in (-16.0, 0.0, 16.0)
    )


def _panel(box: Box | None, figures: Sequence[tuple[str, str]]) -> Html:
    """Draw the facility's key figures, large, side by side."""
    if box is None or not figures:
        return Html("")
    each = box.w / len(figures)
    parts = [rect(box.x, box.y, box.w, box.h, "#f7f9fa", "#dde2e6", 8.0)]
    for n, (label, value) in enumerate(figures):
        x = box.x + (n + 0.5) * each
        number, _, unit = value.partition(" ")
        parts.append(text(x, box.y + 28.0, label, 11.0, color=SOFT, fit=each))
        parts.append(text(x, box.y + 58.0, number, 21.0, bold=True, fit=each))
        parts.append(text(x, box.y + 78.0, unit, 11.0, color=SOFT, fit=each))
    return joined(parts)


def key_figures(kpis: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give name and value with unit of what the panel shows, for the figures that there are."""
    found = mapping(kpis.get("facility"))
    listed = (("PUE", "pue", 3, "facility / IT"), ("WUE", "wue_l_kwh", 3, "L/kWh"),
              ("free cooling", "free_cooling_h", 1, "h"),
              ("partly mech.", "partly_mechanical_h", 1, "h"), ("mechanical", "mechanical_h", 1, "h"),
              ("hottest case", "hottest_case_temp_degc", 1, "°C"))  # fmt: skip
    return [
        (label, f"{value:.{digits}f} {unit}")
        for label, kpi, digits, unit in listed
        if (value := number(found.get(kpi))) is not None
    ]


def _legend(floor: Floor, scales: Scales) -> tuple[Html, float]:
    """Draw the legend below all else; gives the height of the picture with it too."""
    x, y = floor.main.x + 4.0, floor.height + 4.0
    line = path([(floor.main.x, y), (floor.width - 12.0, y)], "#dde2e6", 1.0)
    drawn, height = legend(scales, x, y + 8.0, floor.width - 2.0 * x)
    return joined((line, drawn)), y + 12.0 + height


def _described(readings: Readings) -> str:
    """Tell the picture in words, for those who do not see it."""
    kinds: dict[str, int] = {}
    for part in readings.plan.parts.values():
        kinds[part.kind] = kinds.get(part.kind, 0) + 1
    counted = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in kinds.items())
    return f"Components: {counted}. The table below the picture has every figure."
