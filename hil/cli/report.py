"""``hil report``: make the report of a run folder again, or of one that was cut off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from hil.cli.console import errors, results, table
from hil.cli.margins import show_margins


def report(
    run_dir: Annotated[Path, typer.Argument(help="Run folder.")],
    json_: Annotated[
        bool, typer.Option("--json", help="Print the key figures as one JSON object on stdout.")
    ] = False,
) -> None:
    """Make report.html and kpis.json from what is in a run folder, whole or cut off."""
    from hil.report import build_report, summary_rows  # noqa: PLC0415  loads the reader of trends

    made = build_report(run_dir)
    if json_:
        told = {
            "run_dir": str(run_dir),
            "met": made.met,
            "verdict": made.verdict,
            "not_written": made.not_written,
        }
        typer.echo(json.dumps({**told, "latency": made.latency.as_json(), "kpis": made.kpis}))
    else:
        rows = summary_rows(made.kpis, (*made.requirements, *made.latency.limits))
        results.print(table(f"verdict: {made.verdict}", ("figure", "value", "verdict"), rows))
        results.print(f"latency contract: {made.latency.word}", highlight=False)
        show_margins(made.latency.margins)
        results.print(f"report: {made.path}" if made.has_page else f"run folder: {run_dir}", highlight=False)
    for lost in made.not_written:
        errors.print(f"[bold red]not written: {escape(lost)}[/]")
    raise typer.Exit(0 if made.met and not made.not_written else 1)
