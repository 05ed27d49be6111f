"""``hil demo``: the main job once, from nothing to two reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from hil.cli.console import results
from hil.cli.run import RUNS, run_once, show

RIGS = Path(__file__).resolve().parents[2] / "configs" / "rigs"


def demo(out: Annotated[Path, typer.Option(help="Where run folders go.")] = RUNS) -> None:
    """Run a CDU for a day in simulation, then 20 s through a PLC on this machine."""
    from hil.devices.stand_in import launch_cdu_plc  # noqa: PLC0415  keeps the other verbs quick
    from hil.rig import Wishes  # noqa: PLC0415  as above

    results.rule("1. A day of a 2 MW CDU on the virtual clock", align="left")
    simulated = run_once(RIGS / "cdu_sil.yaml", Wishes(), out, quiet=False, yes=False)
    show(simulated)
    results.rule("2. The same loops through a PLC over Modbus TCP, 20 s on the wall clock", align="left")
    with launch_cdu_plc() as plc:
        results.print(
            f"PLC: the {plc.kind} one on {plc.host}:{plc.port} ({escape(plc.why)})", highlight=False
        )
        wishes = Wishes(duration_s=20.0, overrides=(f"devices.plc.port={plc.port}",))
        wired = run_once(RIGS / "cdu_plc_io.yaml", wishes, out, quiet=False, yes=False)
    show(wired)
    results.rule("Reports", align="left")
    for made in (simulated, wired):
        if made.report is not None and made.report.has_page:
            results.print(f"  {made.report.path}", highlight=False)
    raise typer.Exit(max(simulated.exit_code, wired.exit_code))
