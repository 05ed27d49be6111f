"""``events.jsonl``: one event a line, whole after each write."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from hil.loop.events import LoopEvent

MAX_BYTES = 512
"""Longest event as JSON; a longer text is cut, for events pass through rows of fixed size."""


def encode(event: LoopEvent) -> bytes:
    """One event as a line of JSON of at most :data:`MAX_BYTES` bytes, newline included."""
    text, source = event.text, event.source
    while True:
        entry = {"t_s": round(event.t_s, 6), "kind": event.kind, "source": source, "text": text}
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        if len(line) <= MAX_BYTES:
            return line
        # A character takes up to six bytes, so a sixth of the excess is never too much.
        shorter = max(1, (len(line) - MAX_BYTES) // 6)
        if text:
            text = text[:-shorter]
        else:
            source = source[:-shorter]


class EventFile:
    """Appends lines.

    Attributes
    ----------
    lost : int
        Lines that could not be written.
    """

    def __init__(self, path: Path, whole: int = 0, lost: int = 0) -> None:
        """Begin, or go on behind the first ``whole`` bytes where a recorder that was killed had got to."""
        self._path = path
        self._whole = whole
        self.lost = lost
        # Made at once: a run without events and one whose events are missing must not look alike.
        with contextlib.suppress(OSError):
            path.touch()
            if whole:
                os.truncate(path, min(whole, path.stat().st_size))

    @property
    def whole(self) -> int:
        """Bytes up to the end of the last whole line."""
        return self._whole

    def write(self, lines: list[bytes]) -> None:
        """Append whole lines; on failure they are counted, and no part of them stays."""
        if not lines:
            return
        data = b"".join(lines)
        try:
            with self._path.open("r+b" if self._whole else "wb") as file:
                file.seek(self._whole)
                file.write(data)
        except OSError:
            self.lost += len(lines)
            with contextlib.suppress(OSError):
                os.truncate(self._path, self._whole)
            return
        self._whole += len(data)
