"""Text to HTML. Everything that came from a file is escaped here, so no page function can forget it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


class Html(str):
    """Text that is HTML already, made by this package; any other string is escaped."""

    __slots__ = ()


def escaped(text: object) -> Html:
    """Give the text as HTML that shows it."""
    return text if isinstance(text, Html) else Html(html.escape(str(text), quote=True))


def tag(name: str, content: object, css: str = "") -> Html:
    """Give an element around a content."""
    style = f' class="{css}"' if css else ""
    return Html(f"<{name}{style}>{escaped(content)}</{name}>")


def joined(parts: Iterable[object]) -> Html:
    """Several contents one after the other."""
    return Html("".join(escaped(part) for part in parts))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], css: str = "") -> Html:
    """Give a table; the first column names the row, the others are figures or words."""
    head = tag("thead", tag("tr", joined(tag("th", text) for text in heads)))
    body = joined(
        tag("tr", joined(tag("th" if column == 0 else "td", cell) for column, cell in enumerate(row)))
        for row in rows
    )
    return tag("div", tag("table", joined((head, tag("tbody", body))), css), "scroll")
