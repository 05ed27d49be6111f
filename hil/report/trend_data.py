"""Read the recorded rows of a run: Parquet, or an Arrow stream as far as it goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hil.loop.image import BAD
from hil.loop.trend_layout import LIMIT_SUFFIX, QUALITY_SUFFIX, TIME_COLUMN
from hil.report.trend_columns import Columns, TrendColumns, spooled

Floats = NDArray[np.float64]
Bits = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Trend:
    """The recorded rows, column by column.

    Attributes
    ----------
    t_s : ndarray
        Loop time of each row, strictly rising, s.  # (n_rows,)
    values : mapping of str to ndarray
        By signal, in its unit; not to be written to, and read from the disk at each look where it is long.
        # (n_rows,) each
    quality, limit : mapping of str to ndarray
        Quality and limit bits by signal, for the signals that have them.  # (n_rows,) each
    """

    t_s: Floats
    values: Mapping[str, Floats] = field(default_factory=dict)
    quality: Mapping[str, Bits] = field(default_factory=dict)
    limit: Mapping[str, Bits] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.t_s.size)

    def first_received(self, signal: str) -> int:
        """Row of the first value that is not BAD; 0 where there is none, or no quality was recorded."""
        quality = self.quality.get(signal)
        return 0 if quality is None or quality.size == 0 else int(np.argmax(quality != BAD))

    def good(self, signal: str) -> NDArray[np.bool_]:
        """Where the signal's value can be believed: GOOD and finite; nowhere if it was not recorded."""
        values = self.values.get(signal)
        if values is None:
            return np.zeros(self.rows, dtype=bool)
        good = np.isfinite(values)
        quality = self.quality.get(signal)
        return good if quality is None else good & (quality == 0)


def read_trend(run_dir: Path, missing: list[str]) -> Trend:
    """Read the Parquet file, or the stream where the run did not get as far as writing one.

    What is missing or damaged is added to ``missing``, in words. Only the time is in memory then; a signal is read when
    it is asked for.
    """
    parquet, stream = run_dir / "trend.parquet", run_dir / "trend.arrow"
    if parquet.exists():
        try:
            return _as_trend(TrendColumns(parquet), missing)
        except (pa.ArrowException, OSError) as error:
            missing.append(f"trend.parquet cannot be read ({first_line(error)})")
    if not stream.exists():
        missing.append("there is no trend: neither trend.parquet nor a readable trend.arrow")
        return Trend(np.empty(0))
    missing.append("the trend was not closed: read from trend.arrow up to its last whole batch")
    return _as_trend(_read_stream(stream, missing), missing)


def _read_stream(path: Path, missing: list[str]) -> TrendColumns | None:
    """Give the whole batches of an Arrow stream, or None where there is not one."""
    found = 0

    def whole(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        nonlocal found
        try:
            for batch in reader:
                batch.validate()
                yield batch
                found += 1
        except (pa.ArrowException, OSError) as error:
            missing.append(f"trend.arrow breaks off after {found} batches ({first_line(error)})")

    if path.stat().st_size == 0:
        missing.append("trend.arrow is empty: no row reached the disk")
        return None
    try:
        with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as reader:
            spool = spooled(whole(reader), reader.schema, path.parent)
    except (pa.ArrowException, OSError) as error:
        missing.append(f"trend.arrow cannot be read ({first_line(error)})")
        return None
    if not found:
        spool.close()
        return None
    return TrendColumns(spool)


def _as_trend(file: TrendColumns | None, missing: list[str]) -> Trend:
    if file is None or TIME_COLUMN not in file.names:
        missing.append("the trend has no rows")
        return Trend(np.empty(0))
    t_s = file.column(TIME_COLUMN, np.float64)
    rising = _rising(t_s)
    rows = None if rising.all() else rising
    if rows is not None:
        missing.append(f"{int((~rows).sum())} rows of the trend are out of order and left out")
    quality, limit, values = {}, {}, {}
    for name in file.names:
        if name.endswith(QUALITY_SUFFIX):
            quality[name.removesuffix(QUALITY_SUFFIX)] = name
        elif name.endswith(LIMIT_SUFFIX):
            limit[name.removesuffix(LIMIT_SUFFIX)] = name
        elif name != TIME_COLUMN:
            values[name] = name
    return Trend(
        t_s if rows is None else t_s[rows],
        Columns(file, values, rows, np.float64),
        Columns(file, quality, rows, np.uint8),
        Columns(file, limit, rows, np.uint8),
    )


def _rising(t_s: Floats) -> NDArray[np.bool_]:
    """Rows whose time is finite and above that of every row before."""
    finite = np.isfinite(t_s)
    highest = np.maximum.accumulate(np.where(finite, t_s, -np.inf))
    rising = finite.copy()
    rising[1:] &= t_s[1:] > highest[:-1]
    return rising


def first_line(error: Exception) -> str:
    """Give the first line of an error, enough for a report."""
    return (str(error).splitlines() or [type(error).__name__])[0]
