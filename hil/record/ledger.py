"""How far the recorder has got, in memory that outlives it: a recorder that follows goes on exactly there.

Two entries and one counter. The recorder writes the entry that is not in force, then the counter, which puts it in
force: killed at any moment, it leaves the old entry or the new one, never a mixture. Only then it gives the rows back
to the ring. So every row is in the trend once, or counted as lost once.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, astuple, dataclass
from mmap import mmap

from hil.loop.keeper import BEAT, HEAD_BYTES
from hil.loop.shared import Shared
from hil.record.rows import RowLayout

_COMMITS = 7
"""Word of the counter, behind those of the keeper."""
_ENTRY = struct.Struct("<7q256s")
_LENGTH = struct.Struct("<q")
_FINISHED_AT = HEAD_BYTES + 2 * _ENTRY.size
_LAYOUT_AT = _FINISHED_AT + 8


@dataclass(frozen=True, slots=True)
class Progress:
    """What the recorder has taken from the rings, and what became of it.

    Attributes
    ----------
    rows_taken, events_taken : int
        Taken out since the start.
    trend_bytes, event_bytes : int
        Length of the files up to the last whole batch and the last whole line.
    rows_written, rows_lost, events_lost : int
        Handed to the system; refused by it.
    error : str
        The last reason for a loss.
    """

    rows_taken: int = 0
    trend_bytes: int = 0
    rows_written: int = 0
    rows_lost: int = 0
    events_taken: int = 0
    event_bytes: int = 0
    events_lost: int = 0
    error: str = ""


class Ledger:
    """The memory as both sides see it."""

    def __init__(self, mapped: mmap) -> None:
        """Take over memory made by :meth:`make`."""
        self._map = mapped
        self._view = memoryview(mapped)
        self._words = self._view[:HEAD_BYTES].cast("q")

    @staticmethod
    def make(layout: RowLayout) -> Shared:
        """Make the memory, with the layout of a row in it; ``OSError`` where there is no room."""
        told = json.dumps(asdict(layout)).encode()
        shared = Shared(_LAYOUT_AT + _LENGTH.size + len(told))
        _LENGTH.pack_into(shared.map, _LAYOUT_AT, len(told))
        shared.map[_LAYOUT_AT + _LENGTH.size :] = told
        return shared

    @property
    def layout(self) -> RowLayout:
        """Layout of a row."""
        (length,) = _LENGTH.unpack_from(self._map, _LAYOUT_AT)
        start = _LAYOUT_AT + _LENGTH.size
        told = json.loads(bytes(self._view[start : start + length]))
        return RowLayout(tuple(told["signals"]), tuple(told["limited"]))

    @property
    def progress(self) -> Progress:
        """The entry in force."""
        at = HEAD_BYTES + self._words[_COMMITS] % 2 * _ENTRY.size
        rows, trend_bytes, written, lost, events, event_bytes, events_lost, error = _ENTRY.unpack_from(
            self._map, at
        )
        text = error.rstrip(b"\0").decode(errors="ignore")
        return Progress(rows, trend_bytes, written, lost, events, event_bytes, events_lost, text)

    def commit(self, progress: Progress) -> None:
        """Put ``progress`` in force."""
        commits = self._words[_COMMITS] + 1
        *numbers, error = astuple(progress)
        _ENTRY.pack_into(self._map, HEAD_BYTES + commits % 2 * _ENTRY.size, *numbers, error.encode()[:256])
        self._words[_COMMITS] = commits

    def beat(self) -> None:
        """Tell the keeper that all is well."""
        self._words[BEAT] += 1

    def finish(self) -> None:
        """Tell the loop that everything was taken and the files are closed."""
        self._view[_FINISHED_AT] = 1

    @property
    def finished(self) -> bool:
        """Whether a recorder has said so."""
        return bool(self._view[_FINISHED_AT])

    def close(self) -> None:
        """Let go of the memory, which its maker unmaps."""
        self._words.release()
        self._view.release()
