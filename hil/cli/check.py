"""``hil check``: everything that can be known before anything moves."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from hil.cli.console import results, tell_problems
from hil.cli.margins import show_margins, warnings_in
from hil.cli.terminal import tell_reading


def check(
    rig: Annotated[Path, typer.Argument(help="Rig file (.yaml).")],
    load: Annotated[str | None, typer.Option(help="Check with this load.")] = None,
    scenario: Annotated[Path | None, typer.Option(help="Check with this scenario.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Check with a changed value: key.key=value.")
    ] = None,
) -> None:
    """Check a rig and all files it names, without connecting to anything; shows each loop's phase margin."""
    from hil.rig import Wishes, load_rig  # noqa: PLC0415  the physics behind it take a second to load
    from hil.rig.cost import refuse_short_period  # noqa: PLC0415  as above
    from hil.rig.delay import planned_latency  # noqa: PLC0415  as above
    from hil.rig.margins import lost_margins  # noqa: PLC0415  as above

    tell_reading(rig)
    checked = load_rig(rig, Wishes(load, scenario, overrides=tuple(set_ or ())))
    tell_problems(checked.warnings, word="warning")
    refuse_short_period(checked)
    config = checked.config
    margins = [asdict(margin) for margin in lost_margins(checked, planned_latency(config))]
    warnings = len(checked.warnings) + warnings_in(margins)
    results.print(
        f"{escape(str(rig))}: ok: {len(config.signals)} signals, {len(config.plants)} plants, "
        f"{len(config.controllers)} controllers, {len(config.devices)} devices, "
        f"{len(config.requirements)} requirements; {warnings} warnings",
        highlight=False,
    )
    for told in checked.bus_loads:
        results.print(told, highlight=False, markup=False)
    show_margins(margins)
