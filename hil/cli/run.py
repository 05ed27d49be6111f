"""``hil run``: run a rig, record it, judge it."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from hil.cli.console import errors, results, table, tell_problems
from hil.cli.margins import show_margins
from hil.cli.terminal import patient_terminal, tell_reading
from hil.errors import ConfigError, HilError, Problem
from hil.loop.cycle import StopFlag

RUNS = Path("runs")


def run(
    rig: Annotated[Path, typer.Argument(help="Rig file (.yaml).")],
    load: Annotated[
        str | None, typer.Option(help="Replace the load: FILE.csv[.gz]:COLUMN, FILE.yaml, or a number.")
    ] = None,
    scenario: Annotated[Path | None, typer.Option(help="Scenario file: what happens when.")] = None,
    duration: Annotated[float | None, typer.Option(help="Length of the run, s.")] = None,
    clock: Annotated[Literal["wall", "virtual"] | None, typer.Option(help="Clock to run on.")] = None,
    out: Annotated[Path, typer.Option(help="Where run folders go.")] = RUNS,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before writing to a device.")] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change one value of the rig: key.key=value. May be repeated."),
    ] = None,
) -> None:
    """Run a rig; the report and all data go into a new folder. Ctrl-C ends it in failsafe.

    Exit codes: 0 ok; 1 a requirement not met, which includes a run interrupted before its duration and one whose
    folder is not whole; 2 bad configuration; 3 tripped.
    """
    from hil.rig import Wishes  # noqa: PLC0415  the physics behind it take a second to load

    try:
        result = run_once(
            rig, Wishes(load, scenario, duration, clock, tuple(set_ or ())), out, quiet=json_, yes=yes
        )
    except HilError as error:
        if json_:
            typer.echo(json.dumps({"problems": [asdict(problem) for problem in error.problems]}))
        raise
    if json_:
        typer.echo(json.dumps(result.as_json(), allow_nan=False))
    else:
        show(result)
    raise typer.Exit(result.exit_code)


def run_once(rig_file: Path, wishes: Any, out: Path, *, quiet: bool, yes: bool) -> Any:
    """Load, confirm and run one rig, and say what was lost; gives the ``RunResult``."""
    from hil.rig import load_rig, run_rig  # noqa: PLC0415  as above

    tell_reading(rig_file)
    rig = load_rig(rig_file, wishes)
    tell_problems(rig.warnings, word="warning")
    if rig.dangers and not yes:
        _confirm(rig.dangers)
    stop = StopFlag()
    with _stoppable(stop), _progress(rig.config.rig, rig.config.duration_s, quiet=quiet) as advance:
        result = run_rig(rig, out, stop=stop, progress=advance, tell=_tell_refusal)
        if advance is not None:
            advance(result.end.simulated_s)
    for loss in result.losses:
        errors.print(f"[bold red]{escape(loss)}[/]")
    return result


def _tell_refusal(line: str) -> None:
    errors.print(f"[bold yellow]real time[/] {escape(line)}", highlight=False)


def show(result: Any) -> None:
    """Print the table of results and where the report is."""
    report = result.report
    if report is not None:
        from hil.report import summary_rows  # noqa: PLC0415  as above

        rows = summary_rows(report.kpis, (*report.requirements, *report.latency.limits))
        results.print(table(f"verdict: {report.verdict}", ("figure", "value", "verdict"), rows))
        results.print(f"latency contract: {report.latency.word}", highlight=False)
        show_margins(report.latency.margins)
        for reason in report.reasons:
            errors.print(f"  {escape(reason)}")
    speed = result.end.simulated_s / result.wall_s if result.wall_s else 0.0
    results.print(
        f"{result.end.cycles} cycles, {result.end.simulated_s:g} s in {result.wall_s:.2f} s "
        f"({speed:,.0f} times real time); {result.end.stop}: {escape(result.end.reason)}"
    )
    where = (
        f"run folder: {result.run_dir}" if report is None or not report.has_page else f"report: {report.path}"
    )
    results.print(where, highlight=False)


def _confirm(dangers: list[Problem]) -> None:
    for danger in dangers:
        errors.print(f"[bold yellow]{escape(str(danger))}[/]")
    if not sys.stdin.isatty():
        what = "this rig reaches beyond this machine, and nobody is there to confirm it"
        raise ConfigError(Problem("", None, what, "give --yes to run it all the same"))
    try:
        confirmed = typer.confirm("Go on?", err=True)
    except typer.Abort:
        confirmed = False
    if not confirmed:
        raise ConfigError(Problem("", None, "not confirmed; nothing was written"))


@contextmanager
def _stoppable(stop: StopFlag) -> Iterator[None]:
    """While inside, Ctrl-C, a polite kill and a closed terminal ask the loop to stop; it ends in failsafe."""

    def ask(number: int, _frame: FrameType | None) -> None:
        stop.reason = f"stopped by {signal.Signals(number).name}"

    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    before = {
        getattr(signal, name): signal.signal(getattr(signal, name), ask)
        for name in names
        if hasattr(signal, name)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress(name: str, duration_s: float | None, *, quiet: bool) -> Iterator[Any]:
    if quiet or not errors.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
               TextColumn("{task.completed:.0f} s"), TimeRemainingColumn())  # fmt: skip
    with patient_terminal(errors) as console, Progress(*columns, console=console, auto_refresh=False) as bar:
        task = bar.add_task(name, total=duration_s)

        def advance(now_s: float) -> None:
            bar.update(task, completed=now_s)
            bar.refresh()

        yield advance
