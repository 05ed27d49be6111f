"""What a person sees in the terminal. Results go to stdout, everything else to stderr."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hil.errors import Problem

results = Console(soft_wrap=True)
errors = Console(stderr=True, soft_wrap=True)

_VERDICT_STYLES = {"met": "green", "not met": "bold red"}


def tell_reading(rig_file: Path) -> None:
    """Say in a terminal that a rig is being read: the first composed plant on a machine takes a while.

    One line and nothing that moves: a terminal that takes nothing more must not hold up what comes after it.
    """
    if errors.is_terminal:
        errors.print(
            f"reading {rig_file}; a machine's first composed plant compiles for a minute",
            style="dim",
            markup=False,
        )


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
