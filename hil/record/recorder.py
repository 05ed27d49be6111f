"""Recorders: from the cycle to the run folder.

On a virtual clock the recorder writes between cycles, in the same process, and loses nothing: time stands still
meanwhile. On a wall clock a companion process does the writing, and the loop never waits for it.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

from hil.errors import Problem, RunFolderError
from hil.loop.clock import NS_PER_S
from hil.loop.events import EventLog
from hil.loop.image import Image
from hil.loop.kept import Kept
from hil.loop.table import LatestTable
from hil.record.event_file import MAX_BYTES, EventFile, encode
from hil.record.keeper_watch import KeeperWatch
from hil.record.ledger import Ledger
from hil.record.ring import Ring, SharedRing
from hil.record.rows import RowLayout, RowSink
from hil.record.trend_file import TrendFile

TREND = "trend.arrow"
EVENTS = "events.jsonl"
FLUSH_NS = NS_PER_S // 2
"""Rows wait at most this long before they are handed to the system, ns; half of what is promised."""
LATEST = "latest.json"
"""In the run folder while the run lasts: where the table of latest values is."""
LOOK_NS = NS_PER_S // 4
"""How often the loop looks whether a recorder was started again, ns."""
SHOW_NS = 5_000_000
"""The table of latest values is written no more often than this, ns: every cycle down to a period of 10 ms."""
_INLINE_ROWS = 8192
_EVENTS_LOST = f"{EVENTS} could not be written"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of the rows; ``error`` is the last reason for a loss.

    ``restarts`` counts recorders that were started again, ``stalls`` those that had been ended for doing nothing,
    ``keeper_stops`` how often their keeper stood still.
    """

    rows_written: int
    rows_lost: int
    events_lost: int
    error: str
    restarts: int = 0
    stalls: int = 0
    keeper_stops: int = 0


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
        reason = self._trend.error or (_EVENTS_LOST if self._event_file.lost else "")
        return Recorded(self._trend.rows_written, lost, self._event_file.lost, reason)


@dataclass(frozen=True, slots=True)
class CompanionSettings:
    """Room of the ring, which holds the rows while the companion is away, and when a companion is given up.

    The ring holds ``ring_s`` (s) of rows or ``ring_bytes``, whichever is less. A companion that did nothing for
    ``stall_s`` (s) is ended and started again: well before the ring is full. It does not run on ``keep_off_cpu``, the
    loop's own processor, where there is another.
    """

    ring_s: float = 20.0
    ring_bytes: int = 64 << 20
    stall_s: float = 10.0
    keep_off_cpu: int | None = None


class CompanionRecorder:
    """Hands rows and events to a companion process through two rings, and shows the latest values to any process.

    A row that finds the ring full is dropped and counted. The loop neither waits for the companion nor starts it: a
    keeper does that, and starts another where one dies or stalls.

    Raises
    ------
    RunFolderError
        There is no memory for the rings, or no process to be had.
    """

    def __init__(
        self,
        image: Image,
        layout: RowLayout,
        events: EventLog,
        run_dir: Path,
        period_s: float,
        settings: CompanionSettings | None = None,
    ) -> None:
        settings = settings or CompanionSettings()
        row_size = layout.packer.size
        capacity = max(64, min(int(settings.ring_s / period_s), settings.ring_bytes // row_size))
        try:
            self._rows = SharedRing(row_size, capacity)
            self._event_ring = SharedRing(MAX_BYTES, 1024)
            self._table = LatestTable(image)
            self._memory = Ledger.make(layout)
            self._ledger = Ledger(self._memory.map)
            self._kept = self._start(run_dir, settings)
        except OSError as error:
            what = f"the recorder cannot be started: {error.strerror or error}"
            raise RunFolderError(Problem(str(run_dir), None, what)) from error
        self._run_dir = run_dir
        self._keeper = KeeperWatch()
        self._pointer = run_dir / LATEST
        # Without it nobody finds the table; the run is as good.
        with contextlib.suppress(OSError):
            self._pointer.write_text(json.dumps({"table": self._table.path}) + "\n")
        self._sink = RowSink(image, self._rows, layout)
        self._events = events
        self._look_ns = LOOK_NS
        self._show_ns = 0
        self._restarts = self._dropped = self._gap_rows = 0

    def _start(self, run_dir: Path, settings: CompanionSettings) -> Kept:
        rings = (self._rows.shared, self._event_ring.shared)
        return Kept(
            "hil.record.companion", self._memory, rings, [str(run_dir)],
            stall_s=settings.stall_s, keep_off_cpu=settings.keep_off_cpu,
        )  # fmt: skip

    @property
    def process_id(self) -> int:
        """Process id of the companion now at work; 0 before the first."""
        return self._kept.process_id

    @property
    def table_path(self) -> str:
        """Path of the table of latest values, for ``LatestReader``; empty where this system has none."""
        return self._table.path

    @property
    def restarts(self) -> int:
        """How often a companion was started again."""
        return self._kept.restarts

    @property
    def rows_dropped(self) -> int:
        """Rows that found the ring full."""
        return self._rows.dropped

    def push(self, now_ns: int) -> None:
        """Take one row and the events that wait, and show the latest values."""
        self._sink.push(now_ns)
        if now_ns >= self._show_ns:
            self._show_ns = now_ns + SHOW_NS
            self._table.publish(now_ns)
        if now_ns >= self._look_ns:
            self._look_ns = now_ns + LOOK_NS
            self._look(now_ns / NS_PER_S)
            if self._keeper.look(now_ns, self._kept.looks):
                self._wake_keeper(now_ns / NS_PER_S)
        if self._events.waiting:
            self._push_events()

    def _wake_keeper(self, now_s: float) -> None:
        what = "the recorder's keeper stood still: told to go on; if it is gone, no recorder is started again"
        self._events.emit(now_s, "recorder", "recorder", what)
        self._kept.wake_keeper()

    def _look(self, now_s: float) -> None:
        """Tell of a companion that was started again, and of rows lost once there is room again."""
        dropped = self._rows.dropped
        self._tell_restarts(now_s)
        if dropped == self._dropped and self._gap_rows:
            self._tell_gap(now_s)
        self._gap_rows += dropped - self._dropped
        self._dropped = dropped

    def _tell_restarts(self, now_s: float) -> None:
        kept = self._kept
        if kept.restarts != self._restarts:
            self._restarts = kept.restarts
            what = (
                f"the recorder was started again (restarts {self._restarts}, of them stalled {kept.stalls})"
            )
            self._events.emit(now_s, "recorder", "recorder", what)

    def _tell_gap(self, now_s: float) -> None:
        what = f"{self._gap_rows} rows found the ring full and are not in the trend"
        self._events.emit(now_s, "recorder", "recorder", what)
        self._gap_rows = 0

    def _push_events(self) -> None:
        for event in self._events.take():
            offset = self._event_ring.reserve()
            if offset < 0:
                continue
            line = encode(event)
            self._event_ring.rows[offset : offset + MAX_BYTES] = line.ljust(MAX_BYTES, b"\0")
            self._event_ring.commit()

    def finish(self, timeout_s: float = 30.0) -> Recorded:
        """Wait for the companion to write the rest; what it leaves after ``timeout_s`` (s) is counted as lost."""
        now_s = self._table.now_ns / NS_PER_S
        self._look(now_s)
        if self._gap_rows:
            self._tell_gap(now_s)
        self._push_events()
        self._rows.finish()
        ended = self._kept.finish(timeout_s, lambda: self._ledger.finished)
        self._tell_restarts(now_s)
        late_lost = self._write_late_events()
        recorded = self._recorded(
            "" if ended else f"the recorder did not end within {timeout_s:g} s", late_lost
        )
        for part in (self._rows, self._event_ring, self._table, self._kept, self._ledger, self._memory):
            part.close()
        with contextlib.suppress(OSError):
            self._pointer.unlink(missing_ok=True)
        return recorded

    def _write_late_events(self) -> int:
        """Write what there was to tell after the recorder's last look; gives how many events could not be written."""
        lines = [encode(event) for event in self._events.take()]
        if not lines:
            return 0
        file = EventFile(self._run_dir / EVENTS, self._ledger.progress.event_bytes)
        file.write(lines)
        return file.lost

    def _recorded(self, reason: str, late_lost: int) -> Recorded:
        done = self._ledger.progress
        left, dropped = self._rows.put - done.rows_taken, self._rows.dropped
        events_left = self._event_ring.put - done.events_taken
        if dropped:
            reason = reason or "the recorder did not keep up with the loop"
        elif left or events_left:
            reason = reason or "the recorder process ended early"
        elif self._event_ring.dropped:
            reason = reason or "more events in a moment than the recorder takes"
        elif done.events_lost or late_lost:
            reason = reason or _EVENTS_LOST
        return Recorded(
            done.rows_written,
            done.rows_lost + left + dropped,
            done.events_lost + self._event_ring.dropped + events_left + late_lost,
            done.error or reason,
            self._kept.restarts,
            self._kept.stalls,
            self._keeper.stops,
        )
