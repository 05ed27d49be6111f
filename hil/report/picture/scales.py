"""Colours by temperature and heat, widths by flow: what the legend explains."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from hil.report.markup import Html, joined
from hil.report.numbers import figure_text
from hil.report.picture.svg import INK, NO_READING, NOTHING, SOFT, element, path, rect, text

Rgb = tuple[int, int, int]

# Blue, green, yellow, red; every figure stands beside its pipe too, so that none is told by colour alone.
_TEMPS: tuple[Rgb, ...] = (
    (49, 84, 160), (76, 160, 205), (122, 200, 165), (245, 206, 92), (240, 125, 60), (178, 24, 43),
)  # fmt: skip
_HEATS = ((255, 250, 240), (253, 212, 158), (252, 141, 89))
_CASES = ((250, 248, 252), (203, 186, 221), (142, 110, 180))
_LEAST_SPAN_K = 5.0
_PITCH, _ROW = 170.0, 52.0
_THIN, _THICK = 2.5, 11.0


def _mixed(colors: tuple[Rgb, ...], share: float) -> str:
    at = min(max(share, 0.0), 1.0) * (len(colors) - 1)
    low = min(int(at), len(colors) - 2)
    rgb = (round(a + (at - low) * (b - a)) for a, b in zip(colors[low], colors[low + 1], strict=True))
    return "#" + "".join(f"{each:02x}" for each in rgb)


@dataclass(frozen=True, slots=True)
class Scales:
    """From figures to looks.

    Attributes
    ----------
    water, cases : tuple of float or None
        Lowest and highest temperature of coolant and of cases, °C; None where there is none.
    most_flow, most_heat : float
        kg/s, kW; 0 where there is none.
    """

    water: tuple[float, float] | None
    cases: tuple[float, float] | None
    most_flow: float
    most_heat: float

    @classmethod
    def of(
        cls, water: Sequence[float], cases: Sequence[float], flows: Sequence[float], heats: Sequence[float]
    ) -> Scales:
        """Make scales that hold all figures; their ends are round."""
        heat = max(heats, default=0.0)
        step = 10.0 ** math.floor(math.log10(heat)) / 10.0 if heat > 0.0 else 1.0
        return cls(_span(water), _span(cases), max(flows, default=0.0), step * math.ceil(heat / step))

    def color(self, temp: float | None) -> str:
        """Colour of water at ``temp``, °C."""
        return NO_READING if temp is None or self.water is None else _mixed(_TEMPS, _share(temp, self.water))

    def case(self, temp: float | None) -> str:
        """Fill of racks whose hottest case is at ``temp``, °C."""
        return NOTHING if temp is None or self.cases is None else _mixed(_CASES, _share(temp, self.cases))

    def width(self, flow: float | None) -> float:
        """Width of a pipe with ``flow``, kg/s: the root of its share, as the diameter at one velocity."""
        if flow is None or self.most_flow <= 0.0:
            return _THIN + 1.0
        return _THIN + (_THICK - _THIN) * math.sqrt(min(max(flow / self.most_flow, 0.0), 1.0))

    def heat(self, heat_kw: float | None) -> str:
        """Fill of a box that takes up ``heat_kw``."""
        if heat_kw is None or self.most_heat <= 0.0:
            return NOTHING
        return _mixed(_HEATS, heat_kw / self.most_heat)


def _span(temps: Sequence[float]) -> tuple[float, float] | None:
    """From and to, in whole steps of 5 K."""
    if not temps:
        return None
    low = _LEAST_SPAN_K * math.floor(min(temps) / _LEAST_SPAN_K)
    return low, max(_LEAST_SPAN_K * math.ceil(max(temps) / _LEAST_SPAN_K), low + _LEAST_SPAN_K)


def _share(temp: float, span: tuple[float, float]) -> float:
    return (temp - span[0]) / (span[1] - span[0])


def legend(scales: Scales, x: float, y: float, width: float) -> tuple[Html, float]:
    """Explain colours and widths, each only where there is a figure of it, in rows of ``width``; gives their height."""
    bars = (("coolant, °C", scales.water, _TEMPS), ("heat, kW", (0.0, scales.most_heat), _HEATS),
            ("hottest case, °C", scales.cases, _CASES))  # fmt: skip
    items: list[Callable[[float, float], Html]] = [
        partial(_bar, title, span, colors)
        for title, span, colors in bars
        if span is not None and span[1] > span[0]
    ]
    items += [partial(_flows, scales)] if scales.most_flow > 0.0 else []
    items.append(_note)
    each = max(1, int(width // _PITCH))
    drawn = [item(x + _PITCH * (n % each), y + _ROW * (n // each)) for n, item in enumerate(items)]
    return joined(drawn), _ROW * -(-len(items) // each)


def _note(x: float, y: float) -> Html:
    lines = ("grey, or without a figure:", "not recorded (the rig", "has no signal of it)")
    return joined(
        text(x, y + 18 + 14 * n, line, 11.0, anchor="start", color=SOFT) for n, line in enumerate(lines)
    )


def _flows(scales: Scales, x: float, y: float) -> Html:
    """Three widths and what flows they are."""
    parts = [text(x, y + 10, "flow, kg/s", 11.0, anchor="start", color=SOFT)]
    for n, share in enumerate((0.04, 0.25, 1.0)):
        flow, left = float(f"{share * scales.most_flow:.2g}"), x + 52.0 * n
        parts.append(path([(left + 5, y + 21), (left + 36, y + 21)], SOFT, scales.width(flow)))
        parts.append(text(left + 20, y + 40, figure_text(flow), 11.0))
    return joined(parts)


def _bar(title: str, span: tuple[float, float], colors: tuple[Rgb, ...], x: float, y: float) -> Html:
    steps, width = 24, 140.0
    cells = [
        element("rect", x=x + width * n / steps, y=y + 15, width=width / steps + 0.4, height=11.0,
                fill=_mixed(colors, (n + 0.5) / steps))
        for n in range(steps)
    ]  # fmt: skip
    ticks = [
        text(
            x + width * share, y + 40, figure_text(span[0] + share * (span[1] - span[0])), 11.0, anchor=anchor
        )
        for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    ]
    return joined((
        text(x, y + 10, title, 11.0, anchor="start", color=SOFT), *cells,
        rect(x, y + 15, width, 11.0, "none", INK, 0.0), *ticks,
    ))  # fmt: skip
