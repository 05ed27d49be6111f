"""The companion process of a run on the wall clock: ``python -m hil.record.companion RINGS RUN_DIR``.

Takes rows and events out of the rings and puts them on the disk. It outlives a loop that is killed: when the pipe
from the loop closes, it writes what is still in the rings and ends.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

from hil.record.event_file import MAX_BYTES, EventFile
from hil.record.recorder import EVENTS, TREND, Recorded
from hil.record.ring import Ring
from hil.record.rows import RowLayout
from hil.record.trend_file import TrendFile

_PAUSE_S = 0.25


class Companion:
    """Empties two rings into a run folder."""

    def __init__(self, folder: Path, run_dir: Path) -> None:
        layout = json.loads((folder / "layout.json").read_text(encoding="utf-8"))
        self._rows = Ring(folder / "rows")
        self._events = Ring(folder / "events")
        self._trend = TrendFile(
            run_dir / TREND, RowLayout(tuple(layout["signals"]), tuple(layout["limited"]))
        )
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

    def finish(self) -> Recorded:
        """Write the rest, close, and say what became of the rows."""
        self.drain()
        self._trend.close()
        return Recorded(
            self._trend.rows_written, self._trend.rows_lost, self._event_file.lost, self._trend.error
        )


def main(folder: Path, run_dir: Path) -> None:
    """Work until the loop says it is done or its process is gone."""
    # Ctrl-C reaches the whole group; the loop alone decides when a run ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    orphaned = threading.Event()

    def watch() -> None:
        # The bare descriptor: a buffered reader held at exit by this thread would abort the interpreter.
        while os.read(0, 1):
            pass
        orphaned.set()

    threading.Thread(target=watch, daemon=True).start()
    companion = Companion(folder, run_dir)
    while not companion.closed and not orphaned.is_set():
        companion.drain()
        time.sleep(_PAUSE_S)
    closed = companion.closed
    result = companion.finish()
    if closed:
        (folder / "result.json").write_text(json.dumps(asdict(result)), encoding="utf-8")
    else:
        # The loop was killed: nobody is left to read the result or to clear the rings away.
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
