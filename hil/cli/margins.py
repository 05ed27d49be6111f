"""The phase margins of a rig's loops in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape

from hil.cli.console import errors, results, table

_NAMED = 4
"""How many loops of one warning are named; the report has them all."""
_HEADS = ("loop", "crossover rad/s", "phase margin", "delay", "lost", "left")


def show_margins(margins: Sequence[Mapping[str, Any]]) -> None:
    """Print a row a loop, and a warning for each whose margin is small or cannot be told."""
    if not margins:
        return
    known = [margin for margin in margins if margin["remaining_deg"] is not None]
    rows = [
        (
            str(margin["loop"]),
            "-" if margin["crossover_rad_s"] is None else f"{margin['crossover_rad_s']:.4g}",
            _degrees(margin["nominal_deg"]),
            _span(margin["delay_s"]),
            _degrees(margin["lost_deg"]),
            _degrees(margin["remaining_deg"]),
        )
        for margin in known
    ]
    if rows:
        results.print(table("phase margins", _HEADS, rows))
        for margin in known:
            results.print(f"{escape(str(margin['loop']))}: {parts_of_delay(margin)}", highlight=False)
    for note, loops in _notes(margins).items():
        errors.print(f"[bold yellow]warning[/] {escape(loops)}: {escape(note)}")


def _notes(margins: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Each warning with the loops it is about: what holds for fifty of them is said once."""
    loops: dict[str, list[str]] = {}
    for margin in margins:
        if margin["note"]:
            left = f" ({margin['remaining_deg']:.1f}°)" if margin["remaining_deg"] is not None else ""
            loops.setdefault(margin["note"] + left, []).append(str(margin["loop"]))
    return {note: _listed(names) for note, names in loops.items()}


def _listed(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"loop {names[0]}"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"loops {', '.join(names[:_NAMED])}{more}"


def warnings_in(margins: Sequence[Mapping[str, Any]]) -> int:
    """Give how many warnings :func:`show_margins` prints."""
    return len(_notes(margins))


def _degrees(angle_deg: float | None) -> str:
    return "-" if angle_deg is None else f"{angle_deg:.1f}°"


def parts_of_delay(margin: Mapping[str, Any]) -> str:
    """Say what a loop's delay is made of; a run folder from before there were parts has the total alone."""
    parts, total = margin.get("delay"), f"delay {_span(margin['delay_s'])}"
    if not isinstance(parts, Mapping):
        return total
    source = "measured" if parts["is_measured"] else "planned"
    told = f"{total} = {_span(parts['latency_s'])} latency ({source}) + {_span(parts['hold_s'])} hold"
    if parts["worker_s"]:
        told += f" + {_span(parts['worker_s'])} worker"
    if parts["dead_time_s"]:
        told += f"; the plant's dead time of {_span(parts['dead_time_s'])} is in the phase margin"
    return told


def _span(seconds: float) -> str:
    return f"{seconds:.4g} s" if seconds >= 1.0 else f"{1e3 * seconds:.4g} ms"
