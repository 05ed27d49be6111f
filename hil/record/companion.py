"""The companion process of a run on the wall clock: ``python -m hil.record.companion LEDGER ROWS EVENTS RUN_DIR``.

Takes rows and events out of two rings and puts them on the disk, until the loop has closed the rings. It outlives a
loop that is killed: when stdin ends, it writes what is still in the rings and ends too. Where it is killed itself, its
keeper starts another, which goes on where the ledger says that this one had got to.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from hil.loop.shared import Shared
from hil.record.event_file import MAX_BYTES, EventFile
from hil.record.ledger import Ledger, Progress
from hil.record.recorder import EVENTS, TREND
from hil.record.ring import Ring, SharedRing
from hil.record.trend_file import TrendFile

_PAUSE_S = 0.25
_SYNC_S = 1.0
_BATCH_BYTES = 8 << 20
"""Most of a batch: after a gap the ring is full, and the heart must beat while it is emptied."""


class Companion:
    """Empties two rings into a run folder, from where the ledger says."""

    def __init__(self, ledger: Ledger, rows: Ring, events: Ring, run_dir: Path) -> None:
        before = ledger.progress
        rows.resume(before.rows_taken)
        events.resume(before.events_taken)
        self._ledger = ledger
        self._rows = rows
        self._events = events
        self._most = max(1, _BATCH_BYTES // rows.row_size)
        self._trend = TrendFile(run_dir / TREND, ledger.layout)
        self._trend.resume(before.trend_bytes, before.rows_written, before.rows_lost, before.error)
        self._event_file = EventFile(run_dir / EVENTS, before.event_bytes, before.events_lost)

    @property
    def closed(self) -> bool:
        """Whether the loop has said that no more rows come."""
        return self._rows.closed

    def drain(self) -> None:
        """Write everything that waits by now, rows in batches.

        What comes meanwhile waits for the next time: on a slow disk, events would never have their turn.
        """
        self._ledger.beat()
        waiting = self._rows.waiting
        while waiting > 0:
            rows, count = self._rows.peek(min(waiting, self._most))
            self._trend.write(rows, count)
            self._commit(rows=count)
            self._rows.release(count)
            self._ledger.beat()
            waiting -= count
        lines, count = self._events.peek()
        if count:
            cut = [lines[at : at + MAX_BYTES].rstrip(b"\0") for at in range(0, len(lines), MAX_BYTES)]
            self._event_file.write(cut)
            self._commit(events=count)
            self._events.release(count)

    def _commit(self, rows: int = 0, events: int = 0) -> None:
        """Put down what was written, before ``rows`` and ``events`` are given back to the rings."""
        trend, file = self._trend, self._event_file
        self._ledger.commit(
            Progress(
                self._rows.taken + rows, trend.whole, trend.rows_written, trend.rows_lost,
                self._events.taken + events, file.whole, file.lost, trend.error,
            )
        )  # fmt: skip

    def sync(self) -> None:
        """Have the system put what was written onto the medium: power may fail on site."""
        self._trend.sync()

    def finish(self) -> None:
        """Write the rest, and close."""
        self.drain()
        self._trend.close()
        self._commit()
        self._ledger.finish()


def main(arguments: Sequence[str]) -> None:
    """Work until the loop says it is done or its process is gone."""
    *handles, run_dir = arguments
    ledger = Ledger(Shared.attach(handles[0]))
    companion = Companion(ledger, SharedRing.attach(handles[1]), SharedRing.attach(handles[2]), Path(run_dir))
    orphaned = threading.Event()

    def watch() -> None:
        # Unbuffered: a buffer held by a thread at exit would abort the interpreter.
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
    companion.finish()
    for handle in handles:
        if not handle.isdigit():
            with contextlib.suppress(OSError):
                Path(handle).unlink(missing_ok=True)


if __name__ == "__main__":
    main(sys.argv[1:])
