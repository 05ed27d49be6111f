"""``hil emulate``: serve a point list as a Modbus TCP device."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from hil.cli.console import results


def emulate(
    pointlist: Annotated[Path, typer.Argument(help="Point list (.csv).")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 picks a free one.")] = 1502,
    behaviour: Annotated[
        str, typer.Option(help="auto, registers (stores what is written), or cdu_plc (a pump and valve PLC).")
    ] = "auto",
) -> None:
    """Serve a point list as a Modbus TCP device until Ctrl-C: a stand-in for the PLC."""
    from hil.config.points import load_points  # noqa: PLC0415  keeps the other verbs quick
    from hil.devices.stand_in import serve  # noqa: PLC0415  as above

    def tell(listening: str, at: int, chosen: str) -> None:
        results.print(
            f"{escape(str(pointlist))}: {chosen} listening on {listening}:{at}; Ctrl-C ends it",
            highlight=False,
        )

    try:
        serve(load_points(pointlist), host, port, behaviour=behaviour, on_ready=tell)
    except KeyboardInterrupt:
        results.print("ended")
