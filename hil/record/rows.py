"""Rows of the image as bytes in the ring, and from there as Arrow record batches."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from hil.loop.clock import NS_PER_S
from hil.loop.image import Image
from hil.loop.trend_layout import LIMIT_SUFFIX, QUALITY_SUFFIX, TIME_COLUMN
from hil.record.ring import Ring


@dataclass(frozen=True, slots=True)
class RowLayout:
    """Which columns a row has: signals in the order of the image, and those of them that pass the limits."""

    signals: tuple[str, ...]
    limited: tuple[str, ...]

    @property
    def packer(self) -> struct.Struct:
        """Packs time (s), values, qualities and limit bits of all signals."""
        count = len(self.signals)
        return struct.Struct(f"<d{count}d{count}s{count}s")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The same row as numpy sees it."""
        count = len(self.signals)
        return np.dtype(
            [("t", "<f8"), ("value", "<f8", (count,)), ("quality", "u1", (count,)), ("limit", "u1", (count,))]
        )

    @property
    def schema(self) -> pa.Schema:
        """Columns of the trend."""
        fields = [pa.field(TIME_COLUMN, pa.float64(), nullable=False)]
        fields += [pa.field(name, pa.float64(), nullable=False) for name in self.signals]
        fields += [pa.field(name + QUALITY_SUFFIX, pa.uint8(), nullable=False) for name in self.signals]
        fields += [pa.field(name + LIMIT_SUFFIX, pa.uint8(), nullable=False) for name in self.limited]
        return pa.schema(fields)

    def batch(self, rows: bytes) -> pa.RecordBatch:
        """Turn the bytes of whole rows into one record batch."""
        table = np.frombuffer(rows, dtype=self.dtype)
        columns: list[Any] = [np.ascontiguousarray(table["t"])]
        columns += _columns(table["value"], range(len(self.signals)))
        columns += _columns(table["quality"], range(len(self.signals)))
        columns += _columns(table["limit"], [self.signals.index(name) for name in self.limited])
        return pa.record_batch([_array(column) for column in columns], schema=self.schema)


def _array(column: np.ndarray[Any, Any]) -> pa.Array:
    """Wrap one column where it lies. ``pa.array`` would load pandas for it: a second, in the middle of a run."""
    return pa.Array.from_buffers(
        pa.from_numpy_dtype(column.dtype), column.size, [None, pa.py_buffer(column)], 0
    )


def _columns(block: np.ndarray[Any, Any], which: Sequence[int]) -> list[np.ndarray[Any, Any]]:
    transposed = np.ascontiguousarray(
        block.T
    )  # (n_signals, n_rows): one pass over the rows instead of one a column
    return [transposed[column] for column in which]


class RowSink:
    """Puts rows of the image into a ring; a full ring loses the row and counts it, and never waits."""

    __slots__ = ("_image", "_pack_into", "_ring", "_rows")

    def __init__(self, image: Image, ring: Ring, layout: RowLayout) -> None:
        self._image = image
        self._ring = ring
        self._rows = ring.rows
        self._pack_into = layout.packer.pack_into

    def push(self, now_ns: int) -> None:
        """Take one row of the image at loop time ``now_ns``."""
        offset = self._ring.reserve()
        if offset < 0:
            return
        image = self._image
        self._pack_into(self._rows, offset, now_ns / NS_PER_S, *image.values, image.quality, image.limited)
        self._ring.commit()
