"""The run folder: ``<out>/<UTC time>-<rig>/`` with all that a run leaves behind."""

from __future__ import annotations

import contextlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from ruamel.yaml import YAML

from hil.errors import Problem, RunFolderError
from hil.record.recorder import TREND
from hil.record.trend_file import to_parquet

PARQUET = "trend.parquet"
RIG = "rig.yaml"


class RunFolder:
    """Makes the folder and writes its small files.

    Attributes
    ----------
    path : Path
        The folder.
    errors : list of str
        Files that could not be written, and why. Losing a file never ends a run.
    """

    def __init__(self, out: Path, rig: str, started: datetime) -> None:
        """Make the folder under ``out``; ``RunFolderError`` where that fails: before anything moves."""
        stem = f"{started.astimezone(UTC):%Y%m%dT%H%M%SZ}-{rig}"
        self.errors: list[str] = []
        for number in range(1, 1000):
            self.path = out / (stem if number == 1 else f"{stem}-{number}")
            try:
                self.path.mkdir(parents=True)
            except FileExistsError:
                continue
            except OSError as error:
                what = f"the run folder cannot be made: {error.strerror or error}"
                raise RunFolderError(
                    Problem(str(self.path), None, what, "give another with --out")
                ) from error
            return
        raise RunFolderError(Problem(str(out), None, f"a thousand runs named {stem} in one second"))

    def write_rig(self, data: dict[str, Any]) -> None:
        """Write ``rig.yaml``; ``RunFolderError`` where that fails: without it no column has a meaning."""
        text = io.StringIO()
        yaml = YAML()
        yaml.default_flow_style = None
        yaml.width = 110
        yaml.dump(data, text)
        try:
            _replace(self.path / RIG, text.getvalue())
        except OSError as error:
            # A run that is refused leaves nothing behind.
            with contextlib.suppress(OSError):
                self.path.rmdir()
            what = f"the run folder cannot be written: {error.strerror or error}"
            raise RunFolderError(Problem(str(self.path), None, what, "give another with --out")) from error

    def write_json(self, name: str, data: dict[str, Any]) -> None:
        """Write ``data`` as JSON."""
        self.write_text(name, json.dumps(data, indent=1, allow_nan=False) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Write ``text`` as it is."""
        try:
            _replace(self.path / name, text)
        except OSError as error:
            self.errors.append(f"{name}: {error}")

    def finish_trend(self, rows: int) -> None:
        """Turn the trend's stream, ``rows`` long, into Parquet; the stream stays where less came of it."""
        stream, parquet = self.path / TREND, self.path / PARQUET
        if not stream.exists() or (rows == 0 and stream.stat().st_size == 0):
            self.errors.append(f"{TREND}: nothing was recorded")
            return
        try:
            found = to_parquet(stream, parquet)
            if found >= rows:
                stream.unlink()
            else:
                self.errors.append(f"{PARQUET}: {found} of {rows} rows could be read back from {TREND}")
        except (OSError, pa.ArrowException) as error:
            parquet.with_suffix(".partial").unlink(missing_ok=True)
            self.errors.append(f"{PARQUET}: {error}")


def _replace(path: Path, text: str) -> None:
    """Write beside and rename: a file half written must not look like a whole one, nor take up a full disk."""
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
