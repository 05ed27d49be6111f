"""``hil bench``: what this machine can do, without any hardware."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from hil.cli.console import errors, results, table
from hil.errors import Problem, RunFolderError

_QUICK_S = 6.0


def bench(
    seconds: Annotated[float, typer.Option(min=3.0, max=55.0, help="Time for the measurements, s.")] = 30.0,
    quick: Annotated[bool, typer.Option("--quick", help="A coarse look in about ten seconds.")] = False,
    json_: Annotated[Path | None, typer.Option("--json", help="Write all figures into this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the picture here.")] = Path("bench.html"),
) -> None:
    """Measure wake-ups, cycles and the field on this machine: a table, a picture, and with --json all figures."""
    from hil.bench import bench_page, run_bench  # noqa: PLC0415  the physics behind them take a second to load

    for path in (json_, html):
        if path is not None:
            _refuse_unwritable(path)
    found = run_bench(_QUICK_S if quick else seconds, lambda what: errors.print(f"{what} ..."))
    rows = [
        (name, *(f"{summary[key]:,.1f}" for key in ("p50_us", "p99_us", "max_us")))
        for name, summary in found.histograms.items()
    ]
    results.print(table("times in us", ("what", "p50", "p99", "max"), rows))
    results.print(table("figures", ("what", "value"), [(k, f"{v:,.3g}") for k, v in found.figures.items()]))
    for name, text in found.told.items():
        results.print(f"{escape(name)}: {escape(text)}", highlight=False)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    if json_ is not None:
        _write(json_, json.dumps({"when_utc": when, **found.as_json()}, indent=1, allow_nan=False) + "\n")
    if html is not None:
        _write(html, bench_page(found, when))
        results.print(f"picture: {html}", highlight=False)


def _refuse_unwritable(path: Path) -> None:
    """Half a minute of measurements must not be lost for want of a folder; nor the last ones, should these fail."""
    is_new = not path.exists()
    try:
        path.open("a").close()
        if is_new:
            path.unlink()
    except OSError as error:
        raise RunFolderError(Problem(str(path), None, f"cannot be written: {error.strerror}")) from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunFolderError(Problem(str(path), None, f"cannot be written: {error.strerror}")) from error
