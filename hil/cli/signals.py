"""``hil signals``: the signals of a rig, and who writes and reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hil.cli.console import results, table

_PIPE_WIDTH = 1000


def signals(rig: Annotated[Path, typer.Argument(help="Rig file (.yaml).")]) -> None:
    """List the signals of a rig: unit, range, failsafe, maximum age, writer, readers."""
    from hil.rig import load_rig  # noqa: PLC0415  the physics behind it take a second to load
    from hil.rig.instruments import instrument_of  # noqa: PLC0415  as below

    checked = load_rig(rig)
    has_instruments = bool(checked.config.sensors or checked.config.actuators)
    rows = []
    for signal in checked.signals():
        config = checked.config.signals[signal.name]
        failsafe = "" if config.failsafe is None else f"{config.failsafe:g}"
        age = f"{signal.max_age_ns / 1e9:g} s" if signal.max_age_ns else ""
        reach = f"{signal.low:g} … {signal.high:g}"
        readers = ", ".join(checked.readers_of(signal.name))
        told = (instrument_of(checked.config, signal.name),) if has_instruments else ()
        rows.append(
            (signal.name, signal.unit, reach, failsafe, age, checked.writer_of(signal.name), readers, *told)
        )
    columns = ["signal", "unit", "range", "failsafe", "max age", "written by", "read by"]
    columns += ["instrument"] if has_instruments else []
    made = table(checked.config.rig, columns, rows)
    made.columns[0].no_wrap = True
    # A pipe has no width of its own: whole names on one line each, for grep.
    shown_on = results if results.is_terminal else Console(width=_PIPE_WIDTH)
    shown_on.print(made)
