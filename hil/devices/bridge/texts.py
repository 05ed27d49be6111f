"""A bounded ring of short texts from one process to another: full, it drops the new ones and counts them."""

from __future__ import annotations

_SLOTS = 64
_SLOT_BYTES = 256
_HEAD, _TAIL, _DROPPED = range(3)
_HEAD_BYTES = 64
_TEXT_AT = 16
_LONGEST = _SLOT_BYTES - _TEXT_AT


class TextRing:
    """Texts with the time of each; one producer, one consumer. A text beyond 240 bytes is cut.

    The producer writes the text, then the head; the consumer reads the head, then the texts, then writes the tail.
    """

    SIZE = _HEAD_BYTES + _SLOTS * _SLOT_BYTES

    __slots__ = ("_slots", "_view", "_words")

    def __init__(self, memory: memoryview) -> None:
        self._view = memory
        self._words = memory[:_HEAD_BYTES].cast("q")
        self._slots = memory[_HEAD_BYTES : self.SIZE]

    @property
    def dropped(self) -> int:
        """Texts that found no room."""
        return self._words[_DROPPED]

    @property
    def waiting(self) -> bool:
        """Whether there is anything to drain."""
        return self._words[_HEAD] != self._words[_TAIL]

    def add(self, at_ns: int, text: str) -> None:
        """Put in a text of time ``at_ns`` (machine's clock), or count it as dropped."""
        head = self._words[_HEAD]
        if head - self._words[_TAIL] >= _SLOTS:
            self._words[_DROPPED] += 1
            return
        data = text.encode()[:_LONGEST]
        start = head % _SLOTS * _SLOT_BYTES
        slot = self._slots[start : start + _SLOT_BYTES]
        slot[:8] = at_ns.to_bytes(8, "little", signed=True)
        slot[8:_TEXT_AT] = len(data).to_bytes(8, "little")
        slot[_TEXT_AT : _TEXT_AT + len(data)] = data
        self._words[_HEAD] = head + 1

    def drain(self) -> list[tuple[int, str]]:
        """Take out all texts, oldest first, as (ns of the machine's clock, text)."""
        drained = []
        for number in range(self._words[_TAIL], self._words[_HEAD]):
            start = number % _SLOTS * _SLOT_BYTES
            slot = bytes(self._slots[start : start + _SLOT_BYTES])
            length = int.from_bytes(slot[8:_TEXT_AT], "little")
            # A character cut in two at the end is left out.
            text = slot[_TEXT_AT : _TEXT_AT + length].decode(errors="ignore")
            drained.append((int.from_bytes(slot[:8], "little", signed=True), text))
        self._words[_TAIL] += len(drained)
        return drained

    def close(self) -> None:
        """Let go of the memory."""
        self._words.release()
        self._slots.release()
        self._view.release()
