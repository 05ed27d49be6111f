"""``hil northbound``: the register map that a DCIM reads a rig by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hil.errors import ConfigError


def northbound(
    rig: Annotated[Path, typer.Argument(help="Rig file (.yaml) with a section northbound.")],
) -> None:
    """Print the register map of a rig as CSV: a point list that a DCIM is set up by, and `hil emulate` serves."""
    from hil.rig import load_rig  # noqa: PLC0415  the physics behind it take a second to load
    from hil.rig.northbound import map_of  # noqa: PLC0415  as above

    checked = load_rig(rig)
    if checked.config.northbound is None:
        what = f"rig {checked.config.rig} serves nothing: it has no section northbound"
        raise ConfigError(checked.problem((), what, "northbound: {port: 1503}"))
    typer.echo(map_of(checked.config), nl=False)
