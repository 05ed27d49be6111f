"""Read a run folder as it lies on the disk, whole or broken off.

Nothing here is asked of a live object: a run that was killed is read the same way as one that ended. What
is missing or damaged is said in :attr:`RunData.missing`, and never filled in.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hil.config.yaml_tags import tags_in
from hil.errors import Problem, RunFolderError
from hil.report.trend_data import Trend, first_line, read_trend


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at loop time ``t_s`` (s): what kind, where, and in words."""

    t_s: float
    kind: str
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class RunData:
    """All that a run folder says.

    Attributes
    ----------
    path : Path
        The folder.
    rig, rig_text : dict, str
        The resolved rig, parsed and as written.
    trend : Trend
        The recorded rows; none where there is no readable trend.
    events : tuple of Event
        In the order of the file.
    timing, run : dict
        ``timing.json`` and ``run.json``; empty where they could not be read.
    missing : tuple of str
        What could not be read, in words. Empty for a whole run.
    """

    path: Path
    rig: dict[str, Any]
    rig_text: str
    trend: Trend
    events: tuple[Event, ...]
    timing: dict[str, Any]
    run: dict[str, Any]
    missing: tuple[str, ...]

    @property
    def period_s(self) -> float:
        """The control period of the rig, s; 0 where the rig does not say."""
        return number(self.rig.get("period_s")) or 0.0

    @property
    def duration_s(self) -> float | None:
        """How long the run was meant to be, s; None where it had no end."""
        return number(self.rig.get("duration_s"))


def number(value: object) -> float | None:
    """Give the value as a finite float, or None where it is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def mapping(value: object) -> dict[str, Any]:
    """Give the value if it is a mapping with names for keys, else an empty one."""
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else {}


def read_run(run_dir: Path) -> RunData:
    """Read a run folder.

    Raises
    ------
    RunFolderError
        The folder is not there, or has no readable ``rig.yaml``: without it no column has a meaning.
    """
    rig, rig_text = _read_rig(run_dir)
    missing: list[str] = []
    trend = read_trend(run_dir, missing)
    return RunData(
        path=run_dir,
        rig=rig,
        rig_text=rig_text,
        trend=trend,
        events=_read_events(run_dir / "events.jsonl", missing),
        timing=_read_json(run_dir / "timing.json", missing),
        run=_read_json(run_dir / "run.json", missing),
        missing=tuple(missing),
    )


def _read_rig(run_dir: Path) -> tuple[dict[str, Any], str]:
    path = run_dir / "rig.yaml"
    if not run_dir.is_dir():
        raise RunFolderError(Problem(str(run_dir), None, "there is no such run folder"))
    try:
        text = path.read_text(encoding="utf-8")
        tags = tags_in(text)
        rig = None if tags else YAML(typ="safe").load(text)
    except FileNotFoundError:
        hint = "a run folder is one that `hil run` made, for example runs/<UTC time>-<rig>"
        raise RunFolderError(Problem(str(run_dir), None, "has no rig.yaml", hint)) from None
    except (OSError, ValueError, RecursionError, YAMLError) as error:
        raise RunFolderError(Problem(str(path), None, f"cannot be read: {error}")) from error
    if tags:
        raise RunFolderError(Problem(str(path), tags[0][0], f"cannot be read: the tag {tags[0][1]}"))
    if not isinstance(rig, Mapping):
        raise RunFolderError(Problem(str(path), None, "is not a mapping of names to values"))
    return mapping(rig), text


def _read_events(path: Path, missing: list[str]) -> tuple[Event, ...]:
    """Give the events; a last line that was cut is passed over, as is any other line that is not an event."""
    if not path.exists():
        missing.append("events.jsonl is missing")
        return ()
    events: list[Event] = []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for line in lines:
        try:
            item = mapping(json.loads(line))
        except ValueError:
            continue
        t_s = number(item.get("t_s"))
        if t_s is not None:
            events.append(Event(t_s, *(str(item.get(key, "")) for key in ("kind", "source", "text"))))
    lost = sum(bool(line.strip()) for line in lines) - len(events)
    if lost:
        missing.append(f"{lost} of {len(lines)} lines of events.jsonl are cut or damaged")
    return tuple(events)


def _read_json(path: Path, missing: list[str]) -> dict[str, Any]:
    try:
        read = mapping(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        missing.append(f"{path.name} is missing: the run did not come to its end")
        return {}
    except (OSError, ValueError) as error:
        missing.append(f"{path.name} cannot be read ({first_line(error)})")
        return {}
    if not read:
        missing.append(f"{path.name} is empty")
    return read
