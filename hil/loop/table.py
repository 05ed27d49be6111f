"""The latest value of every signal, in shared memory: one writer that never waits, any number of readers.

A sequence lock: the writer makes the sequence odd, writes, and makes it even again. A reader copies what it finds and
believes it only where the sequence was even and is still the same afterwards. So a reader never holds up the loop,
and never sees half of one cycle and half of another.
"""

from __future__ import annotations

import json
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

from hil.loop.image import Image
from hil.loop.shared import Shared

_HEADER = struct.Struct("@6q")  # magic, sequence, signals, bytes of names, loop time ns, reserved
_MAGIC = 0x436F6C644C617374
_SEQUENCE = 1
_ROW_AT = 64
_TRIES = 10_000
"""A writer holds the lock for a microsecond or two; one that was killed, or stopped, in it holds it for ever."""


def _row(count: int) -> struct.Struct:
    """Layout of a row: loop time (ns), times of receipt (ns), values, qualities."""
    # Native: twice as fast to pack as a stated byte order, and both sides are on one machine.
    return struct.Struct(f"@q{count}q{count}d{count}s")


@dataclass(frozen=True, slots=True)
class Latest:
    """All signals as of one cycle.

    Attributes
    ----------
    now_ns : int
        Stamp of the cycle, loop time, ns.
    values : tuple of float
        In the signals' units.  # (n_signals,)
    quality : bytes
        ``hil.loop.image.Quality`` of each.  # (n_signals,)
    received_ns : tuple of int
        Loop time of receipt, ns.  # (n_signals,)
    """

    now_ns: int
    values: tuple[float, ...]
    quality: bytes
    received_ns: tuple[int, ...]


class LatestTable:
    """The writer's side, in the loop.

    Attributes
    ----------
    path : str
        For :class:`LatestReader` in any process of the same user while this one lives; empty where there is none.
    """

    __slots__ = ("_image", "_pack_into", "_shared", "_view", "_words", "path")

    def __init__(self, image: Image) -> None:
        """Make the table; ``OSError`` where there is no room for it."""
        names = json.dumps([signal.name for signal in image.signals]).encode()
        row = _row(len(image.signals))
        self._image = image
        self._shared = Shared(_ROW_AT + row.size + len(names))
        self.path = self._shared.path
        self._view = memoryview(self._shared.map)
        self._words = self._view[:_ROW_AT].cast("q")
        _HEADER.pack_into(self._view, 0, _MAGIC, 0, len(image.signals), len(names), 0, 0)
        self._view[_ROW_AT + row.size :] = names
        self._pack_into = row.pack_into

    def publish(self, now_ns: int) -> None:
        """Put the image as of loop time ``now_ns`` into the table."""
        image, words = self._image, self._words
        sequence = words[_SEQUENCE]
        words[_SEQUENCE] = sequence + 1
        self._pack_into(self._view, _ROW_AT, now_ns, *image.received_ns, *image.values, image.quality)
        words[_SEQUENCE] = sequence + 2

    @property
    def now_ns(self) -> int:
        """Loop time of the last cycle put in, ns."""
        return self._view[_ROW_AT : _ROW_AT + 8].cast("q")[0]

    def close(self) -> None:
        """Let go of the table; readers that have it open keep its last state."""
        self._words.release()
        self._view.release()
        self._shared.close()


class LatestReader:
    """A reader's side, in any process.

    Attributes
    ----------
    names : tuple of str
        Signals, in the order of the values.

    Raises
    ------
    OSError
        There is no table at this path: the loop is over.
    ValueError
        This memory is not a table.
    """

    def __init__(self, path: str | Path) -> None:
        with Path(path).open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(self._map) < _ROW_AT or _HEADER.unpack_from(self._map)[0] != _MAGIC:
            raise ValueError(f"{path} is not a table of latest values")
        count, length = _HEADER.unpack_from(self._map)[2:4]
        self._struct = _row(count)
        start = _ROW_AT + self._struct.size
        self.names: tuple[str, ...] = tuple(json.loads(self._map[start : start + length]))
        self._count = count
        self._words = memoryview(self._map)[:_ROW_AT].cast("q")

    @property
    def sequence(self) -> int:
        """Odd while the loop is writing; goes up by 2 with each cycle."""
        return self._words[_SEQUENCE]

    def read(self) -> Latest | None:
        """Give the signals as of the last cycle; None before the first, and where the loop was ended while writing."""
        words, end = self._words, _ROW_AT + self._struct.size
        for _ in range(_TRIES):
            before = words[_SEQUENCE]
            if before == 0:
                return None
            if before & 1:
                continue
            copy = self._map[_ROW_AT:end]
            if words[_SEQUENCE] == before:
                return self._unpacked(copy)
        return None

    def _unpacked(self, copy: bytes) -> Latest:
        now_ns, *rest = self._struct.unpack(copy)
        count = self._count
        return Latest(now_ns, tuple(rest[count : 2 * count]), rest[-1], tuple(rest[:count]))

    def close(self) -> None:
        """Unmap."""
        self._words.release()
        self._map.close()
