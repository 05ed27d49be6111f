"""Recorders: from the cycle to the run folder.

On a virtual clock the recorder writes between cycles, in the same process, and loses nothing: time stands still
meanwhile. On a wall clock a companion process does the writing, and the loop never waits for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from hil.errors import Problem, RunFolderError
from hil.loop.clock import NS_PER_S
from hil.loop.events import EventLog
from hil.loop.image import Image
from hil.record.event_file import MAX_BYTES, EventFile, encode
from hil.record.ring import Ring, SharedRing
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
        self._ring = Ring.private(layout.packer.size, _INLINE_ROWS)
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
        return Recorded(self._trend.rows_written, lost, self._event_file.lost, self._trend.error)


class CompanionRecorder:
    """Hands rows and events to a companion process through two rings.

    The rings hold 20 s of rows or 64 MiB, whichever is less; what finds them full is dropped and counted.

    Raises
    ------
    RunFolderError
        There is no memory for the rings, or no process to be had.
    """

    def __init__(
        self, image: Image, layout: RowLayout, events: EventLog, run_dir: Path, period_s: float
    ) -> None:
        row_size = layout.packer.size
        capacity = max(64, min(int(_WALL_SECONDS / period_s), _WALL_BYTES // row_size))
        try:
            self._rows = SharedRing(row_size, capacity)
            self._event_ring = SharedRing(MAX_BYTES, 1024)
            self._process = self._start(run_dir, layout)
        except OSError as error:
            what = f"the recorder cannot be started: {error.strerror or error}"
            raise RunFolderError(Problem(str(run_dir), None, what)) from error
        self._sink = RowSink(image, self._rows, layout)
        self._events = events

    def _start(self, run_dir: Path, layout: RowLayout) -> subprocess.Popen[bytes]:
        rings = (self._rows, self._event_ring)
        command = [
            sys.executable,
            "-m",
            "hil.record.companion",
            *(ring.handle for ring in rings),
            str(run_dir),
        ]
        inherited = [ring.descriptor for ring in rings if ring.descriptor is not None]
        # In a session of its own: what is sent to the loop's group, or its terminal's end, does not reach it.
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=inherited,
            close_fds=True,
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        if process.stdin is not None:
            process.stdin.write(json.dumps(asdict(layout)).encode() + b"\n")
            process.stdin.flush()
        return process

    @property
    def process_id(self) -> int:
        """The companion's process id."""
        return self._process.pid

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
        answer = b""
        try:
            answer, _ = self._process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        result = self._result(answer)
        left, dropped = self._rows.waiting, self._rows.dropped
        events_lost = self._event_ring.dropped + self._event_ring.waiting
        self._rows.close()
        self._event_ring.close()
        return Recorded(
            result.rows_written,
            result.rows_lost + left + dropped,
            result.events_lost + events_lost,
            result.error or ("the recorder did not keep up with the loop" if left + dropped else ""),
        )

    def _result(self, answer: bytes) -> Recorded:
        try:
            return Recorded(**json.loads(answer))
        except (ValueError, TypeError):
            what = f"the recorder process ended early (exit code {self._process.returncode})"
            return Recorded(self._rows.taken, 0, 0, what)
