"""Columns of a recorded trend, read from the disk one by one when they are asked for.

A day at 10 Hz with 60 signals is half a gigabyte; the report looks at one signal after the other, so a few columns
in memory are enough.
"""

from __future__ import annotations

import tempfile
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import DTypeLike, NDArray

Number = TypeVar("Number", np.float64, np.uint8)

KEPT_BYTES = 64 << 20
"""Columns that were read last stay in memory up to this size in all; a run of an hour is there whole."""
_ROWS_AT_ONCE = 65_536
_COLUMNS_AT_ONCE = 16
_FEW = 256


class TrendColumns:
    """A Parquet file whose columns are read one at a time.

    Attributes
    ----------
    names : tuple of str
        Columns, in the order of the file.
    rows : int
        Rows of the file.

    Raises
    ------
    pyarrow.ArrowException, OSError
        The file, or any page in it, cannot be read: it is looked through once, so that damage is found now.
    """

    def __init__(self, source: Path | IO[bytes]) -> None:
        self._source = source
        if not isinstance(source, Path):
            weakref.finalize(self, source.close)
        self._kept: OrderedDict[tuple[str, str], NDArray[Any]] = OrderedDict()
        self._kept_bytes = 0
        with self._open() as file:
            self.names: tuple[str, ...] = tuple(file.schema_arrow.names)
            self.rows: int = file.metadata.num_rows
            for group in range(file.num_row_groups):
                for first in range(0, len(self.names), _COLUMNS_AT_ONCE):
                    file.read_row_group(group, list(self.names[first : first + _COLUMNS_AT_ONCE]))

    def _open(self) -> Any:
        if not isinstance(self._source, Path):
            self._source.seek(0)
        return pq.ParquetFile(self._source)

    def column(self, name: str, dtype: DTypeLike) -> NDArray[Any]:
        """Give a column.  # (rows,)."""
        key = name, np.dtype(dtype).str
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        values = self._read(name, dtype)
        values.flags.writeable = False
        self._kept[key] = values
        self._kept_bytes += values.nbytes
        while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
            self._kept_bytes -= self._kept.popitem(last=False)[1].nbytes
        return values

    def _read(self, name: str, dtype: DTypeLike) -> NDArray[Any]:
        values, at = np.empty(self.rows, dtype), 0
        with self._open() as file:
            for group in range(file.num_row_groups):
                # Arrow takes "a" for the parent of "a.quality" too: what is wanted is picked by its whole name.
                part = file.read_row_group(group, [name]).column(name)
                values[at : at + len(part)] = part.to_numpy()
                at += len(part)
        return values


class Columns(Mapping[str, NDArray[Number]], Generic[Number]):
    """Signals and where their columns are; reading one reads it from the file.

    Parameters
    ----------
    file : TrendColumns
        Where they are.
    columns : mapping of str to str
        Column by signal.
    rows : ndarray of bool, optional
        Rows to give; None for all.  # (file.rows,)
    dtype : numpy type
        Of the values.
    """

    def __init__(
        self,
        file: TrendColumns,
        columns: Mapping[str, str],
        rows: NDArray[np.bool_] | None,
        dtype: type[Number],
    ) -> None:
        self._file = file
        self._columns = dict(columns)
        self._rows = rows
        self._dtype: type[Number] = dtype

    def __getitem__(self, signal: str) -> NDArray[Number]:
        values: NDArray[Number] = self._file.column(self._columns[signal], self._dtype)
        return values if self._rows is None else values[self._rows]

    def __contains__(self, signal: object) -> bool:
        return signal in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


def spooled(batches: Iterator[pa.RecordBatch], schema: pa.Schema, beside: Path) -> IO[bytes]:
    """Put batches of any size into a Parquet file without a name, on the disk of ``beside`` where that has room.

    A stream cut into a few rows a batch is five times the size of its values, and can be read from one end alone.
    """
    spool = _without_a_name(beside)
    try:
        with pq.ParquetWriter(spool, schema, compression="zstd", use_dictionary=False) as writer:
            for table in thickened(batches):
                writer.write_table(table, row_group_size=_ROWS_AT_ONCE)
    except BaseException:
        spool.close()
        raise
    return spool


def _without_a_name(beside: Path) -> IO[bytes]:
    try:
        spool = tempfile.TemporaryFile(dir=beside)  # noqa: SIM115  it lives as long as the trend does
    except OSError:
        spool = tempfile.TemporaryFile()  # noqa: SIM115
    return spool


def thickened(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Give the rows of many thin batches as few thick tables.

    In two steps: each batch costs 20 kB in memory for its columns' sake alone, however few rows it has.
    """
    thin: list[pa.RecordBatch] = []
    thick: list[pa.Table] = []
    rows = 0
    for batch in batches:
        thin.append(batch)
        rows += batch.num_rows
        if len(thin) >= _FEW or rows >= _ROWS_AT_ONCE:
            thick.append(pa.Table.from_batches(thin).combine_chunks())
            thin = []
        if rows >= _ROWS_AT_ONCE:
            yield pa.concat_tables(thick)
            thick, rows = [], 0
    if thin:
        thick.append(pa.Table.from_batches(thin))
    if thick:
        yield pa.concat_tables(thick)
