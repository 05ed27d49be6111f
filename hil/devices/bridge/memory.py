"""What lies where in the memory that the loop and a servant share.

::

    | keeper's words 64 | up | down | counters | events | servant's specification |

``up`` is written by the servant, ``down`` by the loop, each under a sequence lock. Counters are single words that
each have one writer: whole at any time, and what a servant that was killed had counted is still there.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from hil.devices.bridge.texts import TextRing
from hil.loop.keeper import HEAD_BYTES

_WORD = 8


class LockedRecord:
    """A record of one writer and any readers: the last one put in, whole, or none.

    The sequence is odd while the record is written. A reader that finds it odd, or changed behind its back, has
    nothing this time. A writer that follows on one killed halfway goes on from there.

    Attributes
    ----------
    layout : struct.Struct
        Of the record's fields, native.
    """

    __slots__ = ("_at", "_view", "_words", "layout")

    def __init__(self, memory: memoryview, at: int, layout: struct.Struct) -> None:
        self.layout = layout
        self._at = at + _WORD
        self._view = memory
        self._words = memory[at : at + _WORD].cast("q")

    @property
    def sequence(self) -> int:
        """Goes up by 2 with each record; 0 before the first."""
        return self._words[0]

    def put(self, *fields: float | bytes) -> None:
        """Replace the record."""
        sequence = self._words[0] | 1
        self._words[0] = sequence
        self.layout.pack_into(self._view, self._at, *fields)
        self._words[0] = sequence + 1

    def get(self) -> bytes | None:
        """Give the record, still packed; None where there was none yet, or it is just being replaced."""
        before = self._words[0]
        if before == 0 or before & 1:
            return None
        copy = bytes(self._view[self._at : self._at + self.layout.size])
        return copy if self._words[0] == before else None

    def close(self) -> None:
        """Let go of the memory."""
        self._words.release()


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes of the parts for ``n_reads`` and ``n_writes`` points and ``n_counters`` counters."""

    n_reads: int
    n_writes: int
    n_counters: int

    @property
    def up(self) -> struct.Struct:
        """Numbers of the last orders done and settled; receipt (machine's clock, ns), refusals, value, quality."""
        n = self.n_reads
        return struct.Struct(f"@2q{n}q{n}q{n}d{n}s")

    @property
    def down(self) -> struct.Struct:
        """Number of the orders, stamp of the cycle (ns of the machine's clock), whether they are the last; values."""
        return struct.Struct(f"@3q{self.n_writes}d")

    @property
    def down_at(self) -> int:
        """Where the loop's orders begin."""
        return HEAD_BYTES + _WORD + _padded(self.up.size)

    @property
    def counters_at(self) -> int:
        """Where the counters begin."""
        return self.down_at + _WORD + _padded(self.down.size)

    @property
    def texts_at(self) -> int:
        """Where the events begin."""
        return self.counters_at + _WORD * self.n_counters

    @property
    def spec_at(self) -> int:
        """Where the servant's specification begins, which takes the rest."""
        return self.texts_at + TextRing.SIZE


class Memory:
    """The parts as objects, on either side.

    Attributes
    ----------
    head : memoryview
        The keeper's words.
    up, down : LockedRecord
        From the servant, from the loop.
    counters : memoryview
        One word a counter.
    texts : TextRing
        Events, from the servant.
    """

    __slots__ = ("counters", "down", "head", "texts", "up")

    def __init__(self, view: memoryview, layout: Layout) -> None:
        self.head = view[:HEAD_BYTES].cast("q")
        self.up = LockedRecord(view, HEAD_BYTES, layout.up)
        self.down = LockedRecord(view, layout.down_at, layout.down)
        self.counters = view[layout.counters_at : layout.texts_at].cast("q")
        self.texts = TextRing(view[layout.texts_at : layout.spec_at])

    def close(self) -> None:
        """Let go of the memory, before its maker unmaps it."""
        self.up.close()
        self.down.close()
        self.texts.close()
        self.counters.release()
        self.head.release()


def _padded(size: int) -> int:
    return -(-size // _WORD) * _WORD
