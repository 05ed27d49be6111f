"""The phase margins of a rig's loops in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape

from hil.cli.console import errors, results, table

_HEADS = ("loop", "crossover rad/s", "phase margin", "delay", "lost", "left")


def show_margins(margins: Sequence[Mapping[str, Any]]) -> None:
    """Print a row a loop, and a warning for each whose margin is small or cannot be told."""
    if not margins:
        return
    known = [margin for margin in margins if margin["remaining_deg"] is not None]
    rows = [
        (
            str(margin["loop"]),
            f"{margin['crossover_rad_s']:.4g}",
            f"{margin['nominal_deg']:.1f}°",
            f"{1e3 * margin['delay_s']:.4g} ms",
            f"{margin['lost_deg']:.1f}°",
            f"{margin['remaining_deg']:.1f}°",
        )
        for margin in known
    ]
    if rows:
        results.print(table("phase margins", _HEADS, rows))
    for margin in margins:
        if margin["note"]:
            left = f" ({margin['remaining_deg']:.1f})" if margin["remaining_deg"] is not None else ""
            errors.print(
                f"[bold yellow]warning[/] loop {escape(str(margin['loop']))}: {escape(margin['note'])}{left}"
            )
