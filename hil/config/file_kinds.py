"""Rigs, scenarios and loads are all YAML: a file of another kind than was asked for is told as that, in one line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from hil.config.yaml_lines import Document, read_yaml
from hil.errors import ConfigError

Kind = Literal["rig", "scenario", "load"]

_MARKS: Mapping[Kind, tuple[str, ...]] = {
    "rig": ("rig", "signals"),
    "scenario": ("scenario", "events"),
    "load": ("type",),
}
"""Keys of which one at least is in a file of this kind. A rig may name a scenario too, so it comes first."""
_USES: Mapping[Kind, str] = {
    "rig": "hil run {file}",
    "scenario": "hil run <rig> --scenario {file}",
    "load": "hil run <rig> --load {file}",
}


def read_kind(path: Path, wanted: Kind) -> Document:
    """Read a YAML file; ``ConfigError`` where it cannot be, or is plainly one of the other kinds."""
    document = read_yaml(path)
    found = _kind_of(document.data)
    if found is not None and found != wanted:
        hint = _USES[found].format(file=path)
        raise ConfigError(document.problem((), f"this file is a {found}, not a {wanted}", hint))
    return document


def _kind_of(data: Mapping[str, Any]) -> Kind | None:
    return next((kind for kind, marks in _MARKS.items() if any(mark in data for mark in marks)), None)
