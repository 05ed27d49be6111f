"""Recorders: from the cycle to the run folder.

On a virtual clock the recorder writes between cycles, in the same process, and loses nothing: time stands still
meanwhile. On a wall clock a companion process does the writing, and the loop never waits for it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from hil.loop.clock import NS_PER_S
from hil.loop.events import EventLog
from hil.loop.image import Image
from hil.record.event_file import MAX_BYTES, EventFile, encode
from hil.record.ring import Ring, ring_folder
from hil.record.rows import RowLayout, RowSink
from hil.record.trend_file import TrendFile

TREND = "trend.arrow"
EVENTS = "events.jsonl"
FLUSH_NS = NS_PER_S // 2
"""Rows wait at most this long before they are handed to the system, ns; half of what is promised."""
_INLINE_ROWS = 8192
_WALL_SECONDS = 20
_WALL_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of the rows; ``error`` is the last reason for a loss."""

    rows_written: int
    rows_lost: int
    events_lost: int
    error: str


class InlineRecorder:
    """Writes in the loop's own process, when enough has gathered or half a second has passed."""

    def __init__(self, image: Image, layout: RowLayout, events: EventLog, run_dir: Path) -> None:
        self._folder = ring_folder()
        self._ring = Ring(self._folder / "rows", row_size=layout.packer.size, capacity=_INLINE_ROWS)
        self._sink = RowSink(image, self._ring, layout)
        self._trend = TrendFile(run_dir / TREND, layout)
        self._event_file = EventFile(run_dir / EVENTS)
        self._events = events
        self._since = 0
        self._flushed_ns = time.perf_counter_ns()

    def push(self, now_ns: int) -> None:
        """Take one row; write what has gathered where it is due."""
        self._sink.push(now_ns)
        self._since += 1
        if self._since >= _INLINE_ROWS // 2 or time.perf_counter_ns() - self._flushed_ns > FLUSH_NS:
            self._flush()

    def _flush(self) -> None:
        rows, count = self._ring.peek()
        if count:
            self._trend.write(rows, count)
            self._ring.release(count)
        self._event_file.write([encode(event) for event in self._events.take()])
        self._since = 0
        self._flushed_ns = time.perf_counter_ns()

    def finish(self) -> Recorded:
        """Write the rest and close."""
        self._flush()
        self._trend.close()
        lost = self._trend.rows_lost + self._ring.dropped
        self._ring.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        return Recorded(self._trend.rows_written, lost, self._event_file.lost, self._trend.error)


class CompanionRecorder:
    """Hands rows and events to a companion process through two rings.

    The rings hold 20 s of rows or 64 MiB, whichever is less; what finds them full is dropped and counted.
    """

    def __init__(
        self, image: Image, layout: RowLayout, events: EventLog, run_dir: Path, period_s: float
    ) -> None:
        self._folder = ring_folder()
        row_size = layout.packer.size
        capacity = max(64, min(int(_WALL_SECONDS / period_s), _WALL_BYTES // row_size))
        self._rows = Ring(self._folder / "rows", row_size=row_size, capacity=capacity)
        self._event_ring = Ring(self._folder / "events", row_size=MAX_BYTES, capacity=1024)
        (self._folder / "layout.json").write_text(json.dumps(asdict(layout)), encoding="utf-8")
        self._sink = RowSink(image, self._rows, layout)
        self._events = events
        command = [sys.executable, "-m", "hil.record.companion", str(self._folder), str(run_dir)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)

    def push(self, now_ns: int) -> None:
        """Take one row and the events that wait."""
        self._sink.push(now_ns)
        if self._events.waiting:
            self._push_events()

    def _push_events(self) -> None:
        for event in self._events.take():
            offset = self._event_ring.reserve()
            if offset < 0:
                continue
            line = encode(event)
            self._event_ring.rows[offset : offset + MAX_BYTES] = line.ljust(MAX_BYTES, b"\0")
            self._event_ring.commit()

    def finish(self, timeout_s: float = 15.0) -> Recorded:
        """Wait for the companion to write the rest; what it leaves after ``timeout_s`` (s) is counted as lost."""
        self._push_events()
        self._rows.finish()
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        left, dropped = self._rows.waiting, self._rows.dropped
        events_lost = self._event_ring.dropped + self._event_ring.waiting
        self._rows.close()
        self._event_ring.close()
        result = self._result()
        shutil.rmtree(self._folder, ignore_errors=True)
        return Recorded(
            result.rows_written,
            result.rows_lost + left + dropped,
            result.events_lost + events_lost,
            result.error,
        )

    def _result(self) -> Recorded:
        try:
            return Recorded(**json.loads((self._folder / "result.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return Recorded(
                0, 0, 0, f"the recorder process ended early (exit code {self._process.returncode})"
            )
