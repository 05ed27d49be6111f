"""A lock-free ring of fixed-size rows between one producer and one consumer, in one process or in two.

It lies in memory that both sides map, so what a killed process had put in is still there. The producer writes the
row, then the head; the consumer reads the head, then the rows, then writes the tail. Each counter is one aligned
8-byte word written by one side only, which every machine Python runs on stores in one piece.
"""

from __future__ import annotations

import mmap
import struct

from hil.loop.shared import Shared

_HEADER = struct.Struct("<4q")  # magic, row size, capacity, reserved
_MAGIC = 0x436F6C644C6F6F70
_HEAD, _TAIL, _DROPPED, _CLOSED = range(4, 8)
_ROWS_AT = 64


class Ring:
    """Rows of ``row_size`` bytes, ``capacity`` of them.

    Attributes
    ----------
    rows : memoryview
        All rows, as bytes.
    row_size, capacity : int
        Bytes of a row; rows.
    """

    def __init__(self, mapped: mmap.mmap) -> None:
        """Take over memory prepared by one of the class methods; ``ValueError`` where it is no ring."""
        self._map = mapped
        magic, self.row_size, self.capacity, _ = _HEADER.unpack_from(mapped, 0)
        if magic != _MAGIC:
            raise ValueError("this memory is not a ring")
        self._view = memoryview(mapped)
        self._words = self._view[:_ROWS_AT].cast("q")
        self.rows = self._view[_ROWS_AT:]
        self._head = self._words[_HEAD]

    @classmethod
    def private(cls, row_size: int, capacity: int) -> Ring:
        """Make a ring within this process."""
        mapped = mmap.mmap(-1, _ROWS_AT + row_size * capacity)
        _HEADER.pack_into(mapped, 0, _MAGIC, row_size, capacity, 0)
        return cls(mapped)

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

    def peek(self, most: int = 1 << 62) -> tuple[bytes, int]:
        """Bytes of the ``most`` rows that wait longest, oldest first, and how many; they stay until :meth:`release`."""
        tail, head = self._words[_TAIL], self._words[_HEAD]
        count = min(head - tail, most)
        first = tail % self.capacity
        upto = min(first + count, self.capacity)
        data = bytes(self.rows[first * self.row_size : upto * self.row_size])
        rest = count - (upto - first)
        return (data + bytes(self.rows[: rest * self.row_size]) if rest else data), count

    def release(self, count: int) -> None:
        """Give ``count`` rows back to the producer."""
        self._words[_TAIL] += count

    def resume(self, taken: int) -> None:
        """Go on, as a consumer that follows on one that was killed, behind the first ``taken`` rows since the start."""
        self._words[_TAIL] = taken

    @property
    def put(self) -> int:
        """Rows handed over by the producer since the start."""
        return int(self._words[_HEAD])

    @property
    def waiting(self) -> int:
        """Rows waiting for the consumer."""
        return int(self._words[_HEAD] - self._words[_TAIL])

    @property
    def taken(self) -> int:
        """Rows the consumer has taken out since the start."""
        return int(self._words[_TAIL])

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

    def close(self) -> None:
        """Unmap."""
        self._words.release()
        self.rows.release()
        self._view.release()
        self._map.close()


class SharedRing(Ring):
    """A ring that a child process can map too.

    Attributes
    ----------
    shared : Shared
        The memory, with the handle for :meth:`attach` in the child.
    """

    def __init__(self, row_size: int, capacity: int) -> None:
        """Make the ring; ``OSError`` where there is no room for it, in memory or on the disk."""
        self.shared = Shared(_ROWS_AT + row_size * capacity)
        _HEADER.pack_into(self.shared.map, 0, _MAGIC, row_size, capacity, 0)
        super().__init__(self.shared.map)

    @staticmethod
    def attach(handle: str) -> Ring:
        """Map, in the child, the ring that the parent has made."""
        return Ring(Shared.attach(handle))

    def close(self) -> None:
        """Unmap, and let go of the memory."""
        super().close()
        self.shared.close()
