"""Pieces of SVG. Every text and every name passes the escaping of :mod:`hil.report.markup`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from hil.report.markup import Html, escaped, joined

INK, SOFT, LINE, PAPER = "#26323d", "#5c6873", "#c3cbd2", "#ffffff"
NO_READING, NOTHING = "#aab4bc", "#f1f3f5"
"""Colour of a pipe, and fill of a box, of which nothing is known."""
POWER = "#8a6d00"
LETTER = 0.56
"""Width of a letter over the size of its font, on average; capitals and digits are near it."""

Point = tuple[float, float]


def element(name: str, content: object = "", **attributes: object) -> Html:
    """Give an element; ``_`` in the name of an attribute is ``-`` in SVG, and numbers have one decimal at most."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"' for key, value in attributes.items()
    )
    return Html(f"<{name}{given}>{escaped(content)}</{name}>")


def _attribute(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else escaped(value)


def group(parts: Iterable[object], title: str = "", **attributes: object) -> Html:
    """Give several elements together; ``title`` is what the pointer tells."""
    told = [element("title", title)] if title else []
    return element("g", joined([*told, *parts]), **attributes)


def rect(x: float, y: float, w: float, h: float, fill: str, stroke: str = LINE, r: float = 4.0) -> Html:
    """Give a rectangle with round corners."""
    return element("rect", x=x, y=y, width=w, height=h, rx=r, fill=fill, stroke=stroke)


def circle(x: float, y: float, r: float, fill: str, stroke: str = SOFT) -> Html:
    """Give a circle."""
    return element("circle", cx=x, cy=y, r=r, fill=fill, stroke=stroke)


def path(
    points: Sequence[Point], color: str, width: float, *, arrow: bool = False, arrow_on: Sequence[Point] | None = None
) -> Html:  # fmt: skip
    """Give a line through ``points`` with round bends; the arrow stands mid on ``arrow_on``, or the longest stretch."""
    way = " ".join(f"{'M' if n == 0 else 'L'}{x:.1f} {y:.1f}" for n, (x, y) in enumerate(points))
    line = element(
        "path",
        d=way,
        fill="none",
        stroke=color,
        stroke_width=width,
        stroke_linejoin="round",
        stroke_linecap="round",
    )
    return joined((line, _arrow(arrow_on or points, width))) if arrow else line


def _arrow(points: Sequence[Point], width: float) -> Html:
    (x0, y0), (x1, y1) = longest(points)
    size = abs(x1 - x0) + abs(y1 - y0)
    if size < 16.0:
        return Html("")
    ux, uy = (x1 - x0) / size, (y1 - y0) / size
    x, y, s = x0 + 0.5 * (x1 - x0), y0 + 0.5 * (y1 - y0), 3.0 + 0.45 * width
    corners = [(x + ux * s, y + uy * s), (x - ux * s - uy * s, y - uy * s + ux * s),
               (x - ux * s + uy * s, y - uy * s - ux * s)]  # fmt: skip
    return element(
        "polygon",
        points=" ".join(f"{a:.1f},{b:.1f}" for a, b in corners),
        fill=PAPER,
        stroke=INK,
        stroke_width=0.7,
    )


def longest(points: Sequence[Point]) -> tuple[Point, Point]:
    """Give the longest stretch of a line of horizontal and vertical stretches."""
    return max(pairwise(points), key=lambda pair: abs(pair[1][0] - pair[0][0]) + abs(pair[1][1] - pair[0][1]))


def text(
    x: float, y: float, words: object, size: float = 12.0, *, anchor: str = "middle", color: str = INK,
    bold: bool = False, halo: bool = False, fit: float | None = None,
) -> Html:  # fmt: skip
    """Give a line of text at its baseline; it is cut where it would be wider than ``fit``."""
    shown = str(words)
    if fit is not None:
        most = max(1, int(fit / (LETTER * size * (1.1 if bold else 1.0))))
        shown = shown if len(shown) <= most else shown[: max(1, most - 1)] + "…"
    more: dict[str, object] = {"font_weight": 650} if bold else {}
    if halo:
        more |= {"paint_order": "stroke", "stroke": PAPER, "stroke_width": 4, "stroke_linejoin": "round"}
    return element("text", shown, x=x, y=y, font_size=size, text_anchor=anchor, fill=color, **more)
