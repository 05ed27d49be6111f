"""Single components on the way of the water, and whatever has no drawing of its own."""

from __future__ import annotations

import math
import re

from hil.report.markup import Html, joined
from hil.report.picture.figures import all_readings, flow_text, line_of, short, temp_text, told
from hil.report.picture.floor import Box
from hil.report.picture.readings import MACHINE_STATE, Readings
from hil.report.picture.scales import Scales
from hil.report.picture.svg import INK, LINE, NOTHING, PAPER, SOFT, circle, element, group, path, rect, text

_LINE = 15.0
_AIR = "#eaf3fa"
MACHINE_STATES = ("off", "starting", "running", "tripped")
_STATE_FILLS = ("#ffffff", "#f5d66e", "#7fbf9b", "#d55e00")

_SHOWN = {
    "dry_cooler": (
        ("heat", ("heat_kw",)), ("fans", ("fan_power_kw",)), ("water", ("water_use_kg_s",)),
        ("air in", ("entering_air_temp_degc", "dry_bulb_temp_degc")), ("out", ("outlet_temp_degc",)),
    ),
    "chiller": (
        ("cooling", ("cooling_kw",)), ("power", ("power_kw",)), ("COP", ("cop",)),
        ("machines", ("machines_running",)), ("load", ("load_percent",)),
        ("out", ("outlet_temp_degc",)),
    ),
    "three_way": (("to cooler", ("cooler_share",)), ("valve", ("valve_position_percent",)),
                  ("mixed", ("supply_temp_degc",))),
    "header": (("flow", ("flow_kg_s",)), ("pressure difference", ("differential_pressure_kpa",)),
               ("pumps", ("pump_power_kw",)), ("supply", ("supply_temp_degc",)), ("return", ("return_temp_degc",))),
    "tank": (),
    "pipe": (("out", ("outlet_temp_degc",)),),
}  # fmt: skip


def draw_part(readings: Readings, name: str, box: Box, scales: Scales) -> Html:
    """Draw one component in its box."""
    kind = readings.plan.parts[name].kind
    drawing = {
        "dry_cooler": _dry_cooler,
        "chiller": _chiller,
        "header": _header,
        "three_way": _three_way,
        "tank": _tank,
        "pipe": _pipe,
    }
    inside = drawing[kind](readings, name, box, scales) if kind in drawing else _other(readings, name, box)
    return group([inside], told(readings, name))


def _head(name: str, kind: str, box: Box, y: float) -> Html:
    return joined((
        text(box.cx, y, name, 12.5, bold=True, fit=box.w - 10.0),
        text(box.cx, y + 13.0, kind.replace("_", " "), 10.5, color=SOFT, fit=box.w - 10.0),
    ))  # fmt: skip


def _lines(readings: Readings, name: str, kind: str, box: Box, y: float) -> Html:
    """Give the figures that there are, as many as fit into the box below ``y``."""
    words = [line_of(readings, name, label, *ports) for label, ports in _SHOWN[kind]]
    shown = [word for word in words if word][: max(0, int((box.bottom - y) / _LINE) + 1)]
    return joined(text(box.cx, y + n * _LINE, word, 11.5, fit=box.w - 6.0) for n, word in enumerate(shown))


def numbered(readings: Readings, name: str, pattern: str) -> list[str]:
    """Ports whose whole name matches ``pattern``, by the number in it."""
    part = readings.plan.parts[name]
    found = [(int(match[1]), port) for port in {**part.inputs, **part.outputs}
             if (match := re.fullmatch(pattern, port)) is not None]  # fmt: skip
    return [port for _, port in sorted(found)]


def _dry_cooler(readings: Readings, name: str, box: Box, scales: Scales) -> Html:
    fans = numbered(readings, name, r"fan_(\d{1,3})_speed_command_percent")[:14] or [""]
    pitch = min(30.0, (box.w - 12.0) / len(fans))
    drawn = []
    for n, port in enumerate(fans):
        x = box.cx + (n - 0.5 * (len(fans) - 1)) * pitch
        speed = readings.value(name, port) if port else None
        drawn.append(_fan(x, box.y + 15.0, min(12.0, 0.42 * pitch), speed))
    coil_y = box.y + 32.0
    return joined((
        rect(box.x, box.y, box.w, box.h, PAPER, SOFT), *drawn,
        _coil(box, coil_y, scales.color(readings.near(name, "inlet_temp_degc")),
              scales.color(readings.near(name, "outlet_temp_degc"))),
        _head(name, "dry cooler", box, box.y + 57.0),
        _lines(readings, name, "dry_cooler", box, box.y + 88.0),
    ))  # fmt: skip


def _fan(x: float, y: float, r: float, speed_percent: float | None) -> Html:
    """Draw a fan; the sector is its speed."""
    parts = [circle(x, y, r, _AIR)]
    share = 0.0 if speed_percent is None else min(max(speed_percent / 100.0, 0.0), 1.0)
    if share >= 0.999:
        parts.append(circle(x, y, r, "#9cc7e4"))
    elif share > 0.0:
        turn = 2.0 * math.pi * share
        tip = f"{x + r * math.sin(turn):.1f} {y - r * math.cos(turn):.1f}"
        way = f"M{x:.1f} {y:.1f} L{x:.1f} {y - r:.1f} A{r:.1f} {r:.1f} 0 {int(share > 0.5)} 1 {tip} Z"
        parts.append(element("path", d=way, fill="#9cc7e4"))
    for blade in range(3):
        turn = 2.0 * math.pi * blade / 3.0
        parts.append(path([(x, y), (x + 0.8 * r * math.sin(turn), y - 0.8 * r * math.cos(turn))], INK, 1.4))
    return joined(parts)


def _coil(box: Box, y: float, warm: str, cold: str) -> Html:
    """Draw the finned tube, from the inlet's colour to the outlet's."""
    half = 0.5 * (box.w - 16.0)
    fins = [path([(box.x + 12.0 + 8.0 * n, y - 3.5), (box.x + 12.0 + 8.0 * n, y + 3.5)], LINE, 1.0)
            for n in range(int((box.w - 24.0) / 8.0) + 1)]  # fmt: skip
    return joined((
        *fins,
        path([(box.x + 8.0, y), (box.x + 8.0 + half, y)], warm, 3.5),
        path([(box.x + 8.0 + half, y), (box.right - 8.0, y)], cold, 3.5),
    ))  # fmt: skip


def _chiller(readings: Readings, name: str, box: Box, scales: Scales) -> Html:
    machines = numbered(readings, name, MACHINE_STATE)[:10]
    pitch = min(26.0, (box.w - 12.0) / max(len(machines), 1))
    drawn = []
    for n, port in enumerate(machines):
        x = box.cx + (n - 0.5 * (len(machines) - 1)) * pitch
        state = readings.state(name, port)
        word = "no signal" if state is None else f"longest: {MACHINE_STATES[min(max(state, 0), 3)]}"
        fill = NOTHING if state is None else _STATE_FILLS[min(max(state, 0), 3)]
        drawn.append(group([rect(x - 0.42 * pitch, box.y + 6.0, 0.84 * pitch, 18.0, fill, SOFT, 3.0)],
                           f"machine {n + 1}: {word}"))  # fmt: skip
    return joined((
        rect(box.x, box.y, box.w, box.h, PAPER, SOFT), *drawn,
        _coil(box, box.y + 32.0, scales.color(readings.near(name, "inlet_temp_degc")),
              scales.color(readings.near(name, "outlet_temp_degc"))),
        _head(name, "chiller", box, box.y + 57.0),
        _lines(readings, name, "chiller", box, box.y + 88.0),
    ))  # fmt: skip


def pump_speeds(readings: Readings, name: str) -> list[float | None]:
    """Give the speeds of a header's pumps, %, of eight at most."""
    ports = numbered(readings, name, r"pump_(\d{1,2})_speed_command_percent")[:8]
    return [readings.value(name, f"pump_{n + 1}_speed_percent", port) for n, port in enumerate(ports)]


def draw_pump(x: float, y: float, speed_percent: float | None) -> Html:
    """Draw a pump; hollow where it stands, or nothing is known of it."""
    runs = speed_percent is not None and abs(speed_percent) > 0.5
    word = "no signal" if speed_percent is None else f"{short(speed_percent)} %"
    tip = element("polygon", points=f"{x - 8:.1f},{y:.1f} {x + 4:.1f},{y - 7:.1f} {x + 4:.1f},{y + 7:.1f}",
                  fill="#7fbf9b" if runs else PAPER, stroke=INK)  # fmt: skip
    return group([circle(x, y, 9.5, PAPER, INK), tip], f"pump speed: {word}")


def _header(readings: Readings, name: str, box: Box, _scales: Scales) -> Html:
    """Draw a header that has no mains in the picture."""
    speeds = pump_speeds(readings, name)
    first = box.cx - 12.0 * (len(speeds) - 1)
    return joined((
        rect(box.x, box.y, box.w, box.h, "#fafbfc", SOFT, 8.0), _head(name, "header", box, box.y + 18.0),
        *(draw_pump(first + 24.0 * n, box.y + 46.0, speed) for n, speed in enumerate(speeds)),
        _lines(readings, name, "header", box, box.y + 72.0),
    ))  # fmt: skip


def _three_way(readings: Readings, name: str, box: Box, _scales: Scales) -> Html:
    x, y, s = box.cx, box.y + 12.0, 8.0
    ends = (((-1.6 * s, -s), (-1.6 * s, s)), ((1.6 * s, -s), (1.6 * s, s)), ((-s, 1.3 * s), (s, 1.3 * s)))
    shapes = [((x, y), *((x + dx, y + dy) for dx, dy in end)) for end in ends]
    valve = [element("polygon", points=" ".join(f"{a:.1f},{b:.1f}" for a, b in shape), fill=_AIR, stroke=INK)
             for shape in shapes]  # fmt: skip
    return joined((
        rect(box.x, box.y, box.w, box.h, PAPER, SOFT), *valve,
        _head(name, "three-way valve", box, box.y + 38.0),
        _lines(readings, name, "three_way", box, box.y + 68.0),
    ))  # fmt: skip


def _tank(readings: Readings, name: str, box: Box, scales: Scales) -> Html:
    top, bottom = readings.of(name, "top_temp_degc"), readings.of(name, "bottom_temp_degc")
    mean = readings.of(name, "mean_temp_degc")
    ends = [scales.color(None if each is None else each.value) for each in (top or mean, bottom or mean)]
    bands = 12
    h = (box.h - 8.0) / bands
    cells = [element("rect", x=box.x + 4.0, y=box.y + 4.0 + n * h, width=8.0, height=h + 0.4,
                     fill=ends[0] if n < bands // 2 else ends[1]) for n in range(bands)]  # fmt: skip
    inside = Box(box.x + 14.0, box.y, box.w - 16.0, box.h)
    words = [f"top {temp_text(top)}" if top else "", f"mean {temp_text(mean)}" if mean else "",
             f"bottom {temp_text(bottom)}" if bottom else ""]  # fmt: skip
    lines = [text(inside.cx, box.y + 54.0 + _LINE * n, word, 11.5, fit=inside.w)
             for n, word in enumerate(filter(None, words))]  # fmt: skip
    return joined((
        rect(box.x, box.y, box.w, box.h, PAPER, SOFT, 14.0), *cells,
        _head(name, "buffer tank", inside, box.y + 22.0), *lines,
    ))  # fmt: skip


def _pipe(readings: Readings, name: str, box: Box, scales: Scales) -> Html:
    warm = scales.color(readings.near(name, "inlet_temp_degc"))
    cold = scales.color(readings.near(name, "outlet_temp_degc"))
    return joined((
        rect(box.x, box.y, box.w, box.h, PAPER, SOFT, 16.0),
        path([(box.x + 12.0, box.bottom - 5.0), (box.cx, box.bottom - 5.0)], warm, 3.5),
        path([(box.cx, box.bottom - 5.0), (box.right - 12.0, box.bottom - 5.0)], cold, 3.5),
        _head(name, "pipe", box, box.y + 18.0),
    ))  # fmt: skip


def _other(readings: Readings, name: str, box: Box) -> Html:
    """Draw a kind of which nothing is known but its ports: its first readings."""
    kind = readings.plan.parts[name].kind
    room = max(0, int((box.h - 49.0) / _LINE) + 1)
    words = [f"{_without_unit(port, each.unit)} {temp_text(each) if each.unit == '°C' else flow_text(each)}"
             for port, each in all_readings(readings, name)[:room]]  # fmt: skip
    lines = [
        text(box.cx, box.y + 45.0 + _LINE * n, word, 10.5, fit=box.w - 8.0) for n, word in enumerate(words)
    ]
    return joined((
        rect(box.x, box.y, box.w, box.h, PAPER, SOFT), _head(name, kind, box, box.y + 16.0), *lines,
    ))  # fmt: skip


def _without_unit(port: str, unit: str) -> str:
    """Give a port's name in words, without the unit that it ends with."""
    end = {"°C": "degc", "%": "percent"}.get(unit, unit.lower().replace("/", "_").replace("·", "_"))
    return (port.removesuffix(f"_{end}") or port).replace("_", " ")
