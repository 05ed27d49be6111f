"""``trend.arrow``: an Arrow stream that is whole up to its last batch at any moment, and ``trend.parquet`` from it.

A write that fails (disk full, disk gone) never reaches the loop: the file is cut back to its last whole batch, the
rows are counted as lost, and the next batch tries again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hil.record.rows import RowLayout

ROW_GROUP = 65_536
"""Rows of a group in the Parquet file. Fixed, so that equal rows give an equal file however they came in batches."""
_FEW = 256


class TrendFile:
    """Writes batches of rows.

    Attributes
    ----------
    rows_written, rows_lost : int
        Rows on the disk, and rows that could not be put there.
    error : str
        The last reason for a loss; empty where there was none.
    """

    def __init__(self, path: Path, layout: RowLayout) -> None:
        self._path = path
        self._layout = layout
        self._file: int | None = None
        self._whole = 0
        self._torn = False
        self.rows_written = 0
        self.rows_lost = 0
        self.error = ""

    @property
    def whole(self) -> int:
        """Bytes up to the end of the last whole batch."""
        return self._whole

    def resume(self, whole: int, rows_written: int, rows_lost: int, error: str) -> None:
        """Go on where a recorder that was killed had got to: ``whole`` bytes stay, what it left behind them goes."""
        self.rows_written, self.rows_lost, self.error = rows_written, rows_lost, error
        if whole == 0:
            return
        try:
            self._file = os.open(self._path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
            if os.fstat(self._file).st_size < whole:
                raise FileNotFoundError(f"{self._path.name} is shorter than what was written")
        except OSError as error_now:
            # Somebody has taken the file away: what was in it is lost, what comes goes into a new one.
            self._failed(error_now)
            self.rows_written, self.rows_lost = 0, rows_lost + rows_written
            return
        self._whole = whole
        try:
            self._cut_back()
        except OSError as error_now:
            self._failed(error_now)

    def write(self, rows: bytes, count: int) -> None:
        """Append ``count`` rows as one batch and hand it to the system, so that a killed process loses none of it."""
        try:
            if self._torn:
                self._cut_back()
            if self._file is None:
                self._open()
            self._append(self._encode(rows))
        except OSError as error:
            self.rows_lost += count
            self._failed(error)
            return
        self.rows_written += count

    def sync(self) -> None:
        """Wait until what was written is on the medium."""
        if self._file is None:
            return
        try:
            os.fsync(self._file)
        except OSError as error:
            self.error = f"{type(error).__name__}: {error}"

    def close(self) -> None:
        """Write the end of the stream; a stream without it is still read up to its last batch."""
        if self._file is None:
            return
        try:
            if self._torn:
                self._cut_back()
            self._append(b"\xff\xff\xff\xff\x00\x00\x00\x00")
        except OSError as error:
            self._failed(error)
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        self._file = os.open(self._path, flags, 0o644)
        self._whole = 0
        self._append(self._layout.schema.serialize().to_pybytes())

    def _encode(self, rows: bytes) -> bytes:
        message: bytes = self._layout.batch(rows).serialize().to_pybytes()
        return message

    def _append(self, data: bytes) -> None:
        if self._file is None:
            raise OSError("the trend file is not open")
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        self._whole += len(data)

    def _failed(self, error: OSError) -> None:
        """Keep the reason, and leave a file that ends with a whole batch; now, or before the next one."""
        self.error = f"{type(error).__name__}: {error}"
        self._torn = True
        with contextlib.suppress(OSError):
            self._cut_back()

    def _cut_back(self) -> None:
        """Take off what a failed write left behind the last whole batch."""
        if self._file is not None:
            os.ftruncate(self._file, self._whole)
            os.lseek(self._file, self._whole, os.SEEK_SET)
            if self._whole == 0:
                os.close(self._file)
                self._file = None
        self._torn = False


def to_parquet(arrow: Path, parquet: Path) -> int:
    """Turn a stream, whole or cut off, into a Parquet file; gives the rows. The stream stays.

    Memory is bounded by a few groups of rows, however long the stream is and however thin its batches are.
    """
    partial = parquet.with_suffix(".partial")
    rows = 0
    with pa.OSFile(str(arrow), "rb") as source:
        reader = pa.ipc.open_stream(source)
        with pq.ParquetWriter(partial, reader.schema, compression="zstd", use_dictionary=False) as writer:
            for group in _groups(_thickened(_whole_batches(reader))):
                writer.write_table(group, row_group_size=ROW_GROUP)
                rows += group.num_rows
    partial.replace(parquet)
    return rows


def _groups(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Cut into groups of ``ROW_GROUP`` rows, each in one piece; the last has what is left."""
    pending: list[pa.Table] = []
    waiting = 0
    for table in tables:
        pending.append(table)
        waiting += table.num_rows
        while waiting >= ROW_GROUP:
            rows = pa.concat_tables(pending)
            yield rows.slice(0, ROW_GROUP).combine_chunks()
            waiting -= ROW_GROUP
            pending = [rows.slice(ROW_GROUP)]
    if waiting:
        yield pa.concat_tables(pending).combine_chunks()


def _thickened(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Join batches by ``_FEW``: a thin one takes memory for its columns, not for its rows."""
    thin: list[pa.RecordBatch] = []
    for batch in batches:
        thin.append(batch)
        if len(thin) == _FEW:
            yield pa.Table.from_batches(thin).combine_chunks()
            thin = []
    if thin:
        yield pa.Table.from_batches(thin)


def _whole_batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    while True:
        try:
            yield reader.read_next_batch()
        except (StopIteration, pa.ArrowInvalid, OSError):
            return
