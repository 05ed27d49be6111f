"""The verbs put together, and the one place where errors become exit codes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hil.cli import bench, check, demo, emulate, northbound, plants, points, report, run, scan, signals
from hil.cli.console import errors, tell_problems
from hil.errors import HilError
from hil.version import __version__

EXIT_CONFIG = 2

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Hardware-in-the-loop control for liquid-cooled datacentres: one rig file, simulated or real.",
    epilog="Exit codes: 0 ok, 1 a requirement not met, 2 bad configuration, 3 tripped.",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"hil {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Hardware-in-the-loop control for liquid-cooled datacentres: one rig file, simulated or real."""


for verb in (
    run.run, check.check, report.report, signals.signals, plants.plants, northbound.northbound, scan.scan,
    emulate.emulate, demo.demo, bench.bench,
):  # fmt: skip
    app.command()(verb)
app.add_typer(points.points, name="points")


def main() -> None:
    """Entry point of the command ``hil``."""
    for stream in (sys.stdout, sys.stderr):
        # A Windows console may not know every character of a message; losing one is better than losing the message.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app()
    except HilError as error:
        tell_problems(error.problems)
        sys.exit(EXIT_CONFIG)
    except KeyboardInterrupt:
        errors.print("interrupted")
        sys.exit(130)
