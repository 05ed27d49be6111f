"""``hil plants``: what plants can be made of, with ports, units, settings and sources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console

from hil.cli.console import results, table
from hil.config.nearest import one_of
from hil.errors import ConfigError, Problem

_PIPE_WIDTH = 1000


def plants(
    name: Annotated[
        str | None, typer.Argument(help="One of them: cdu, header, pv_plant, bizerte, xdu1350 …")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """List components, plants, weather and datasheets; with a name, its ports, units, settings and sources."""
    from hil.rig.plant_list import plant_list  # noqa: PLC0415  the physics behind it take a second to load

    found = plant_list(name)
    if not found:
        known = [entry for section in plant_list().values() for entry in section]
        raise ConfigError(Problem("hil plants", None, f"there is no {name!r}", one_of(str(name), known)))
    if as_json:
        typer.echo(json.dumps(found))
        return
    for section, entries in found.items():
        if name is None:
            results.print(f"[bold]{section}[/]", highlight=False)
        for each, entry in entries.items():
            (_show_one if name is not None else _show_short)(each, section, entry)
    if name is None:
        results.print(
            "hil plants NAME has one with ranges, defaults and meanings; --json has all", highlight=False
        )


def _show_short(name: str, section: str, entry: Mapping[str, Any]) -> None:
    """Print a few lines: what it is, its ports with units, its settings with defaults, its source."""
    listed = {
        "inputs": [f"{port['name']} [{port['unit']}]" for port in entry.get("inputs", ())],
        "outputs": [f"{port['name']} [{port['unit']}]" for port in entry.get("outputs", ())],
        "settings": [_with_default(setting) for setting in entry.get("settings", ())],
        "faults": entry.get("faults", ()),
        "source": [entry["source"]],
    }
    lines = [f"{name}: {entry['summary']}"]
    lines += [f"  {key}: {', '.join(items)}" for key, items in listed.items() if items]
    results.print("\n".join(lines), highlight=False, markup=False)
    if section != "datasheets":
        results.print()


def _with_default(setting: Mapping[str, Any]) -> str:
    default = _cell(setting["default"])
    return f"{setting['name']} ({default})" if default else str(setting["name"])


def _show_one(name: str, section: str, entry: Mapping[str, Any]) -> None:
    results.print(f"{name} ({section}): {entry['summary']}", highlight=False, markup=False)
    results.print(f"source: {entry['source']}", highlight=False, markup=False)
    for key, columns in (
        ("inputs", ("unit", "range", "start", "optional")),
        ("outputs", ("unit",)),
        ("settings", ("type", "default", "range", "about")),
        ("figures", ("value",)),
    ):
        if entry.get(key):
            rows = [(item["name"], *(_cell(item.get(column)) for column in columns)) for item in entry[key]]
            _show(key, (key.rstrip("s"), *columns), rows)
    for key in ("faults", "notes"):
        if entry.get(key):
            results.print(f"{key}: {', '.join(entry[key])}", highlight=False, markup=False)


def _show(title: str, columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    made = table(title, columns, rows)
    made.columns[0].no_wrap = True
    # A pipe has no width of its own: whole rows on one line each, for grep.
    (results if results.is_terminal else Console(width=_PIPE_WIDTH)).print(made)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        low, high = ("" if end is None else f"{end:g}" for end in value)
        return f"{low} … {high}"
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
