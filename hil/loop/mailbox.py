"""Numbers handed from one process to another: the last ones put in, whole, without either side ever waiting.

A sequence lock: odd while the numbers are written. A reader that finds it odd, or changed behind its back, tries
again at its next turn.
"""

from __future__ import annotations

import struct

_SEQUENCE = struct.Struct("@q")


class Mailbox:
    """One writer, one reader, on ``size`` bytes of shared memory.

    ``layout`` is that of :mod:`struct`, native.
    """

    __slots__ = ("_struct", "_view", "_words", "size")

    def __init__(self, memory: memoryview, layout: str) -> None:
        self._struct = struct.Struct("@" + layout)
        self.size = Mailbox.room(layout)
        self._view = memory[: self.size]
        self._words = self._view[:8].cast("q")

    @staticmethod
    def room(layout: str) -> int:
        """Bytes that a mailbox of this layout takes, a multiple of 8."""
        return -(-(_SEQUENCE.size + struct.calcsize("@" + layout)) // 8) * 8

    def put(self, *numbers: float) -> None:
        """Replace what is in the box. A writer follows on one that was killed halfway: odd is only made odd again."""
        sequence = self._words[0] | 1
        self._words[0] = sequence
        self._struct.pack_into(self._view, 8, *numbers)
        self._words[0] = sequence + 1

    def get(self) -> tuple[float, ...] | None:
        """Give what is in the box; None where there was nothing yet, or it is just being replaced."""
        before = self._words[0]
        if before == 0 or before & 1:
            return None
        copy = bytes(self._view[8:])
        return self._struct.unpack_from(copy) if self._words[0] == before else None

    def close(self) -> None:
        """Let go of the memory."""
        self._words.release()
        self._view.release()
