"""Read a run folder as it lies on the disk, whole or broken off.

Nothing here is asked of a live object: a run that was killed is read the same way as one that ended. What
is missing or damaged is said in :attr:`RunData.missing`, and never filled in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hil.errors import Problem, RunFolderError
from hil.loop.trend_layout import LIMIT_SUFFIX, QUALITY_SUFFIX, TIME_COLUMN

Floats = NDArray[np.float64]
Bits = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at loop time ``t_s`` (s): what kind, where, and in words."""

    t_s: float
    kind: str
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Trend:
    """The recorded rows, column by column.

    Attributes
    ----------
    t_s : ndarray
        Loop time of each row, strictly rising, s.  # (n_rows,)
    values : dict of str to ndarray
        By signal, in its unit.  # (n_rows,) each
    quality, limit : dict of str to ndarray
        Quality and limit bits by signal, for the signals that have them.  # (n_rows,) each
    """

    t_s: Floats
    values: dict[str, Floats] = field(default_factory=dict)
    quality: dict[str, Bits] = field(default_factory=dict)
    limit: dict[str, Bits] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.t_s.size)

    def good(self, signal: str) -> NDArray[np.bool_]:
        """Where the signal's value can be believed: GOOD and finite; nowhere if it was not recorded."""
        values = self.values.get(signal)
        if values is None:
            return np.zeros(self.rows, dtype=bool)
        good = np.isfinite(values)
        quality = self.quality.get(signal)
        return good if quality is None else good & (quality == 0)


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
    """The value as a finite float, or None where it is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if np.isfinite(value) else None


def mapping(value: object) -> dict[str, Any]:
    """The value if it is a mapping with names for keys, else an empty one."""
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
    trend = _read_trend(run_dir, missing)
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
        rig = YAML(typ="safe").load(text)
    except FileNotFoundError:
        hint = "a run folder is one that `hil run` made, for example runs/<UTC time>-<rig>"
        raise RunFolderError(Problem(str(run_dir), None, "has no rig.yaml", hint)) from None
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise RunFolderError(Problem(str(path), None, f"cannot be read: {error}")) from error
    if not isinstance(rig, Mapping):
        raise RunFolderError(Problem(str(path), None, "is not a mapping of names to values"))
    return mapping(rig), text


def _read_trend(run_dir: Path, missing: list[str]) -> Trend:
    """The Parquet file, or the stream where the run did not get as far as writing one."""
    parquet, stream = run_dir / "trend.parquet", run_dir / "trend.arrow"
    if parquet.exists():
        try:
            return _as_trend(pq.read_table(parquet), missing)
        except (pa.ArrowException, OSError) as error:
            missing.append(f"trend.parquet cannot be read ({_first_line(error)})")
    if not stream.exists():
        missing.append("there is no trend: neither trend.parquet nor a readable trend.arrow")
        return Trend(np.empty(0))
    missing.append("the trend was not closed: read from trend.arrow up to its last whole batch")
    return _as_trend(_read_stream(stream, missing), missing)


def _read_stream(path: Path, missing: list[str]) -> Any:
    """The whole batches of an Arrow stream as a table, or None where there is not one."""
    batches: list[Any] = []
    try:
        with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as reader:
            for batch in reader:
                batch.validate()
                batches.append(batch)
    except (pa.ArrowException, OSError) as error:
        missing.append(f"trend.arrow breaks off after {len(batches)} batches ({_first_line(error)})")
    return pa.Table.from_batches(batches) if batches else None


def _as_trend(table: Any, missing: list[str]) -> Trend:
    if table is None or TIME_COLUMN not in table.column_names:
        missing.append("the trend has no rows")
        return Trend(np.empty(0))
    t_s = _floats(table[TIME_COLUMN])
    rising = _rising(t_s)
    if not rising.all():
        missing.append(f"{int((~rising).sum())} rows of the trend are out of order and left out")
    trend = Trend(t_s[rising])
    for name in table.column_names:
        if name.endswith(QUALITY_SUFFIX):
            trend.quality[name.removesuffix(QUALITY_SUFFIX)] = _bits(table[name])[rising]
        elif name.endswith(LIMIT_SUFFIX):
            trend.limit[name.removesuffix(LIMIT_SUFFIX)] = _bits(table[name])[rising]
        elif name != TIME_COLUMN:
            trend.values[name] = _floats(table[name])[rising]
    return trend


def _rising(t_s: Floats) -> NDArray[np.bool_]:
    """Rows whose time is finite and above that of every row before."""
    finite = np.isfinite(t_s)
    highest = np.maximum.accumulate(np.where(finite, t_s, -np.inf))
    rising = finite.copy()
    rising[1:] &= t_s[1:] > highest[:-1]
    return rising


def _floats(column: Any) -> Floats:
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _bits(column: Any) -> Bits:
    return np.asarray(column.to_numpy(), dtype=np.uint8)


def _read_events(path: Path, missing: list[str]) -> tuple[Event, ...]:
    """The events; a last line that was cut is passed over, as is any other line that is not an event."""
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
        missing.append(f"{path.name} cannot be read ({_first_line(error)})")
        return {}
    if not read:
        missing.append(f"{path.name} is empty")
    return read


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
