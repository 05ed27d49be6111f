"""A lock-free ring of fixed-size rows between one producer and one consumer, in one process or in two.

It lives in a memory-mapped file, so that a second process needs only the path, on every operating system, and what
a killed process had put in is still there. The producer writes the row, then the head; the consumer reads the head,
then the rows, then writes the tail. Each counter is one aligned 8-byte word written by one side only, which every
machine Python runs on stores in one piece.
"""

from __future__ import annotations

import mmap
import struct
import tempfile
from pathlib import Path

_HEADER = struct.Struct("<4q")  # magic, row size, capacity, reserved
_MAGIC = 0x436F6C644C6F6F70
_HEAD, _TAIL, _DROPPED, _CLOSED = range(4, 8)
_ROWS_AT = 64


class Ring:
    """Rows of ``row_size`` bytes, ``capacity`` of them.

    Attributes
    ----------
    path : Path
        The mapped file.
    row_size, capacity : int
        Bytes of a row; rows.
    """

    def __init__(self, path: Path, *, row_size: int = 0, capacity: int = 0) -> None:
        """Make the file where ``row_size`` is given, else attach to an existing one."""
        self.path = path
        create = row_size > 0
        if create:
            with path.open("wb") as file:
                file.truncate(_ROWS_AT + row_size * capacity)
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        if create:
            _HEADER.pack_into(self._map, 0, _MAGIC, row_size, capacity, 0)
        magic, self.row_size, self.capacity, _ = _HEADER.unpack_from(self._map, 0)
        if magic != _MAGIC:
            raise ValueError(f"{path} is not a ring")
        self._view = memoryview(self._map)
        self._words = self._view[:_ROWS_AT].cast("q")
        self.rows = self._view[_ROWS_AT:]
        self._head = self._words[_HEAD]

    def reserve(self) -> int:
        """Offset in ``rows`` of the next free row, or -1 where the ring is full: the row is then counted as dropped."""
        if self._head - self._words[_TAIL] >= self.capacity:
            self._words[_DROPPED] += 1
            return -1
        return int(self._head % self.capacity * self.row_size)

    def commit(self) -> None:
        """Hand the reserved row over to the consumer."""
        self._head += 1
        self._words[_HEAD] = self._head

    def peek(self) -> tuple[bytes, int]:
        """Bytes of all rows waiting, oldest first, and how many; they stay until :meth:`release`."""
        tail, head = self._words[_TAIL], self._words[_HEAD]
        count = head - tail
        first = tail % self.capacity
        upto = min(first + count, self.capacity)
        data = bytes(self.rows[first * self.row_size : upto * self.row_size])
        rest = count - (upto - first)
        return (data + bytes(self.rows[: rest * self.row_size]) if rest else data), count

    def release(self, count: int) -> None:
        """Give ``count`` rows back to the producer."""
        self._words[_TAIL] += count

    @property
    def waiting(self) -> int:
        """Rows waiting for the consumer."""
        return int(self._words[_HEAD] - self._words[_TAIL])

    @property
    def dropped(self) -> int:
        """Rows that found the ring full."""
        return int(self._words[_DROPPED])

    @property
    def closed(self) -> bool:
        """Whether the producer has said that no more rows come."""
        return bool(self._words[_CLOSED])

    def finish(self) -> None:
        """Say, as the producer, that no more rows come."""
        self._words[_CLOSED] = 1

    def close(self, *, remove: bool = False) -> None:
        """Unmap; remove the file too where asked."""
        self._words.release()
        self.rows.release()
        self._view.release()
        self._map.close()
        if remove:
            self.path.unlink(missing_ok=True)


def ring_folder() -> Path:
    """Where ring files lie: in memory where the system has such a folder, so that no disk is ever waited for."""
    shared = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="coldloop-", dir=shared if shared.is_dir() else None))
