"""The companion process of a run on the wall clock: ``python -m hil.record.companion ROWS EVENTS RUN_DIR``.

Takes rows and events out of two rings and puts them on the disk. The layout of a row comes on stdin, as one line of
JSON; stdin stays open as long as the loop lives, and the result goes to stdout when the loop has closed the rings.
It outlives a loop that is killed: when stdin ends, it writes what is still in the rings and ends too.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from hil.record.event_file import MAX_BYTES, EventFile
from hil.record.recorder import EVENTS, TREND, Recorded
from hil.record.ring import Ring, SharedRing
from hil.record.rows import RowLayout
from hil.record.trend_file import TrendFile

_PAUSE_S = 0.25
_SYNC_S = 1.0


class Companion:
    """Empties two rings into a run folder."""

    def __init__(self, rows: Ring, events: Ring, layout: RowLayout, run_dir: Path) -> None:
        self._rows = rows
        self._events = events
        self._trend = TrendFile(run_dir / TREND, layout)
        self._event_file = EventFile(run_dir / EVENTS)

    @property
    def closed(self) -> bool:
        """Whether the loop has said that no more rows come."""
        return self._rows.closed

    def drain(self) -> None:
        """Write everything that waits, rows as one batch."""
        rows, count = self._rows.peek()
        if count:
            self._trend.write(rows, count)
            self._rows.release(count)
        lines, count = self._events.peek()
        if count:
            cut = [lines[at : at + MAX_BYTES].rstrip(b"\0") for at in range(0, len(lines), MAX_BYTES)]
            self._event_file.write(cut)
            self._events.release(count)

    def sync(self) -> None:
        """Have the system put what was written onto the medium: power may fail on site."""
        self._trend.sync()

    def finish(self) -> Recorded:
        """Write the rest, close, and say what became of the rows."""
        self.drain()
        self._trend.close()
        return Recorded(
            self._trend.rows_written, self._trend.rows_lost, self._event_file.lost, self._trend.error
        )


def main(arguments: Sequence[str]) -> None:
    """Work until the loop says it is done or its process is gone."""
    _leave_the_end_to_the_loop()
    rows, events, run_dir = arguments
    layout = json.loads(_first_line())
    companion = Companion(
        SharedRing.attach(rows),
        SharedRing.attach(events),
        RowLayout(tuple(layout["signals"]), tuple(layout["limited"])),
        Path(run_dir),
    )
    orphaned = threading.Event()

    def watch() -> None:
        while os.read(0, 1):
            pass
        orphaned.set()

    threading.Thread(target=watch, daemon=True).start()
    synced_s = time.monotonic()
    while not companion.closed and not orphaned.wait(_PAUSE_S):
        companion.drain()
        if time.monotonic() - synced_s >= _SYNC_S:
            companion.sync()
            synced_s = time.monotonic()
    result = companion.finish()
    # A loop that was killed reads no result.
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(asdict(result)).encode())
    for handle in (rows, events):
        if not handle.isdigit():
            with contextlib.suppress(OSError):
                Path(handle).unlink(missing_ok=True)


def _leave_the_end_to_the_loop() -> None:
    """Ignore what reaches a whole group of processes; the loop alone decides when a run ends."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _first_line() -> bytes:
    """Give the first line of stdin; unbuffered, for a buffer held by a thread at exit would abort the interpreter."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit("the loop ended before it told the layout of its rows")
        line += byte
    return line


if __name__ == "__main__":
    main(sys.argv[1:])
