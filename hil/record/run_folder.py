"""The run folder: ``<out>/<UTC time>-<rig>/`` with all that a run leaves behind."""

from __future__ import annotations

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
                if out.exists() and not out.is_dir():
                    raise RunFolderError(
                        Problem(str(out), None, "is a file, not a folder for runs")
                    ) from None
                continue
            except OSError as error:
                what = f"the run folder cannot be made: {error.strerror or error}"
                raise RunFolderError(
                    Problem(str(self.path), None, what, "give another with --out")
                ) from error
            return
        raise RunFolderError(Problem(str(out), None, f"a thousand runs named {stem} in one second"))

    def write_yaml(self, name: str, data: dict[str, Any]) -> None:
        """Write ``data`` as YAML."""
        text = io.StringIO()
        yaml = YAML()
        yaml.default_flow_style = None
        yaml.width = 110
        yaml.dump(data, text)
        self._write(name, text.getvalue())

    def write_json(self, name: str, data: dict[str, Any]) -> None:
        """Write ``data`` as JSON."""
        self._write(name, json.dumps(data, indent=1, allow_nan=False) + "\n")

    def finish_trend(self) -> None:
        """Turn the trend's stream into Parquet; the stream stays where that fails."""
        if not (self.path / TREND).exists():
            self.errors.append(f"{TREND}: nothing was recorded")
            return
        try:
            to_parquet(self.path / TREND, self.path / PARQUET)
        except (OSError, pa.ArrowException) as error:
            (self.path / PARQUET).with_suffix(".partial").unlink(missing_ok=True)
            self.errors.append(f"{PARQUET}: {error}")

    def _write(self, name: str, text: str) -> None:
        try:
            (self.path / name).write_text(text, encoding="utf-8")
        except OSError as error:
            self.errors.append(f"{name}: {error}")
