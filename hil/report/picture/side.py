"""The column at the side: the power chain from the meter to the racks, and the site's meters."""

from __future__ import annotations

from hil.report.markup import Html, joined
from hil.report.numbers import figure_text
from hil.report.picture.figures import line_of, told
from hil.report.picture.floor import Box
from hil.report.picture.readings import Readings
from hil.report.picture.svg import INK, PAPER, POWER, SOFT, group, path, rect, text

_STEP, _BOX = 84.0, 56.0
_THICKEST = 13.0


def draw_side(readings: Readings, name: str, box: Box) -> Html:
    """Draw a power chain, or a list of what the site's meters tell."""
    kind = readings.plan.parts[name].kind
    inside = _chain(readings, name, box) if kind == "power_chain" else _meters(readings, name, box)
    return group([inside], told(readings, name))


def _chain(readings: Readings, name: str, box: Box) -> Html:
    """Draw the way of the power, as thick as its share of what the meter tells; losses stand in the boxes."""
    meter = readings.value(name, "facility_power_kw")
    it, mechanical = readings.value(name, "it_power_kw"), readings.value(name, "mechanical_power_kw")
    left, right, half = box.x + 0.26 * box.w, box.x + 0.76 * box.w, 0.48 * box.w
    rows = [box.y + 44.0 + n * _STEP for n in range(5)]
    ups = [
        _reading(readings, name, "loss", "ups_loss_kw"),
        _reading(readings, name, "battery", "battery_minutes"),
    ]
    flows = [
        _flow(box.cx, rows[0], rows[1], meter, meter),
        *(_flow(left, rows[n], rows[n + 1], it, meter) for n in (1, 2, 3)),
        _flow(right, rows[1], rows[4], mechanical, meter),
    ]
    boxes = [
        _stage(
            box.cx, rows[0], box.w - 8.0, "utility meter", _reading(readings, name, "", "facility_power_kw")
        ),
        _stage(
            box.cx,
            rows[1],
            box.w - 8.0,
            "transformer",
            _reading(readings, name, "loss", "transformer_loss_kw"),
        ),
        _stage(left, rows[2], half, "UPS", *ups),
        _stage(left, rows[3], half, "distribution", _reading(readings, name, "loss", "distribution_loss_kw")),
        _stage(left, rows[4], half, "IT", _reading(readings, name, "", "it_power_kw")),
        _stage(right, rows[4], half, "mechanical", _reading(readings, name, "", "mechanical_power_kw")),
    ]
    head = [text(box.cx, box.y + 14.0, name, 12.5, bold=True, fit=box.w),
            text(box.cx, box.y + 28.0, "power chain", 10.5, color=SOFT)]  # fmt: skip
    return joined((*head, *flows, *boxes, *_away(readings, name, right, rows[2] + 20.0)))


def _away(readings: Readings, name: str, x: float, y: float) -> list[Html]:
    """Tell what of the time the IT was not fed through the rectifier, where it was."""
    shares = [(word, readings.value(name, port)) for word, port in
              (("on battery", "on_battery"), ("on bypass", "on_bypass"))]  # fmt: skip
    told_ = [line for word, share in shares if share for line in (word, f"{100.0 * share:.3g} % of time")]
    return [text(x, y + 16.0 * n, words, 11.0, halo=True, fit=114.0) for n, words in enumerate(told_)]


def _reading(readings: Readings, name: str, label: str, port: str) -> str:
    """Give a power in kW, from 10 MW on in MW; battery minutes in min."""
    reading = readings.of(name, port)
    if reading is None:
        return ""
    value, unit = reading.value, reading.unit
    if port.endswith("_minutes"):
        value, unit = float(f"{value:.2g}"), "min"
    elif unit == "kW" and abs(value) >= 9_999.5:
        value, unit = value / 1000.0, "MW"
    return f"{label} {figure_text(float(f'{value:.4g}'), unit)}".strip()


def _stage(x: float, y: float, width: float, title: str, *words: str) -> Html:
    lines = [word for word in words if word]
    first = y + (32.0, 23.0, 17.0)[min(len(lines), 2)]
    return joined((
        rect(x - 0.5 * width, y, width, _BOX, PAPER, SOFT),
        text(x, first, title, 12.0, bold=True),
        *(text(x, first + 15.0 * (n + 1), word, 11.5, fit=width) for n, word in enumerate(lines)),
    ))  # fmt: skip


def _flow(x: float, y0: float, y1: float, power: float | None, whole: float | None) -> Html:
    """Draw power from the foot of the box at ``y0`` to the box at ``y1``; the boxes are drawn over its ends."""
    share = power / whole if power is not None and whole is not None and whole > 0.0 else None
    width = 3.0 if share is None else max(1.5, _THICKEST * min(share, 1.0))
    return path([(x, y0 + _BOX - 1.0), (x, y1 + 1.0)], POWER, width, arrow=True)


def _meters(readings: Readings, name: str, box: Box) -> Html:
    """List what the meters tell."""
    # What is counted since the start has no mean worth a look; the panel has the run's own figures.
    pue, wue = _pue(readings), readings.value(name, "wue_l_kwh")
    rows = [
        f"PUE {pue:.3f}" if pue is not None else "",
        f"WUE of the moment {wue:.3f} L/kWh" if wue is not None else "",
        line_of(readings, name, "hottest case", "hottest_case_temp_degc"),
    ]
    lines = [text(box.x + 14.0, box.y + 51.0 + 16.0 * n, row, 11.5, anchor="start", fit=box.w - 20.0)
             for n, row in enumerate(filter(None, rows))]  # fmt: skip
    return joined((
        rect(box.x, box.y, box.w, box.h, PAPER, SOFT),
        text(box.cx, box.y + 18.0, name, 12.5, bold=True, color=INK),
        text(box.cx, box.y + 31.0, "meters", 10.5, color=SOFT), *lines,
    ))  # fmt: skip


def _pue(readings: Readings) -> float | None:
    """Ratio of the mean powers, facility over IT; a mean of the ratio tells nothing once the IT was off for a while."""
    for part in readings.plan.of_kind("power_chain"):
        facility = readings.value(part.name, "facility_power_kw")
        it = readings.value(part.name, "it_power_kw")
        if facility is not None and it is not None and it > 0.0:
            return facility / it
    return None
