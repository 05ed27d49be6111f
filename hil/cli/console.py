"""What a person sees in the terminal. Results go to stdout, everything else to stderr."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hil.errors import Problem

results = Console(soft_wrap=True)
errors = Console(stderr=True, soft_wrap=True)

_VERDICT_STYLES = {"met": "green", "not met": "bold red"}


def tell_problems(problems: Iterable[Problem], *, word: str = "error") -> None:
    """Print problems to stderr, one or two lines each: place, what, nearest right thing."""
    colour = "red" if word == "error" else "yellow"
    for problem in problems:
        place = ":".join(str(part) for part in (problem.file, problem.line) if part not in ("", None))
        errors.print(
            f"[bold {colour}]{word}[/] [bold]{escape(place)}[/]{': ' if place else ''}{escape(problem.what)}"
        )
        if problem.hint:
            errors.print(f"      {escape(problem.hint)}", highlight=False)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Make a table whose last column may be a verdict."""
    made = Table(title=title, title_justify="left", title_style="bold", show_edge=False)
    for column in columns:
        made.add_column(column)
    for row in rows:
        *cells, last = (escape(cell) for cell in row)
        style = _VERDICT_STYLES.get(row[-1])
        made.add_row(*cells, f"[{style}]{last}[/]" if style else last)
    return made
