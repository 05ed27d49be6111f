"""A companion that is killed anywhere, and the next one: every row is in the trend once, or counted as lost once."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.loop.events import LoopEvent
from hil.record import RowLayout, trend_file
from hil.record.companion import Companion
from hil.record.event_file import MAX_BYTES, encode
from hil.record.ledger import Ledger, Progress
from hil.record.ring import Ring
from hil.record.trend_file import to_parquet

LAYOUT = RowLayout(("a",), ())
ROW = LAYOUT.packer


class Killed(BaseException):
    """What SIGKILL does to a process, as far as its files and memory go: nothing more happens."""


class Site:
    """Rings, ledger and folder as they outlive the companions that work on them."""

    def __init__(self, folder: Path, capacity: int) -> None:
        self.folder = folder
        self.rows = Ring.private(ROW.size, capacity)
        self.events = Ring.private(MAX_BYTES, 1000)
        self.memory = Ledger.make(LAYOUT)
        self.ledger = Ledger(self.memory.map)
        self.companion = self.start()
        self.sent = 0
        self.kept: list[float] = []

    def start(self) -> Companion:
        return Companion(self.ledger, self.rows, self.events, self.folder)

    def put(self, *, tell: bool = True) -> None:
        offset = self.rows.reserve()
        if offset >= 0:
            ROW.pack_into(self.rows.rows, offset, float(self.sent), 0.5, b"\0", b"\0")
            self.rows.commit()
            self.kept.append(float(self.sent))
            if tell:
                line = encode(LoopEvent(self.sent, "note", "test", ""))
                at = self.events.reserve()
                self.events.rows[at : at + MAX_BYTES] = line.ljust(MAX_BYTES, b"\0")
                self.events.commit()
        self.sent += 1

    def drain_killed_at(self, step: int) -> bool:
        """Let the companion drain, and be killed at its n-th write, commit or release; gives whether it got there."""
        left = [step]

        def dying(
            of: Callable[..., object], halfway: Callable[..., object] | None = None
        ) -> Callable[..., object]:
            def call(*arguments: object) -> object:
                left[0] -= 1
                if left[0] == 0:
                    if halfway is not None:
                        halfway(*arguments)
                    raise Killed
                return of(*arguments)

            return call

        write = os.write
        with pytest.MonkeyPatch.context() as patch:
            half = lambda file, data: write(file, bytes(data[: len(data) // 2]))  # noqa: E731
            patch.setattr(trend_file.os, "write", dying(os.write, half))
            for owner, name in ((Ledger, "commit"), (Ring, "release")):
                patch.setattr(owner, name, dying(getattr(owner, name)))
            try:
                self.companion.drain()
            except Killed:
                return True
        return False

    def close(self) -> None:
        for part in (self.rows, self.events, self.ledger, self.memory):
            part.close()


STEPS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 9)), min_size=1, max_size=15)


@settings(max_examples=60)
@given(STEPS, st.integers(3, 40))
def test_killed_at_any_step_every_row_is_in_the_trend_once_or_counted_once(
    steps: list[tuple[int, int]], capacity: int
) -> None:
    """Put so many rows, then drain and be killed at that step (0: not at all)."""
    with tempfile.TemporaryDirectory() as name:
        site = Site(Path(name), capacity)
        for rows, step in steps:
            for _ in range(rows):
                site.put()
            if site.drain_killed_at(step):
                site.companion = site.start()
        site.companion.finish()
        progress = site.ledger.progress
        assert (progress.rows_written, progress.rows_lost) == (len(site.kept), 0)
        assert site.rows.dropped == site.sent - len(site.kept)
        if site.kept:
            arrow = Path(name) / "trend.arrow"
            assert to_parquet(arrow, Path(name) / "t.parquet") == len(site.kept)
            assert pq.read_table(Path(name) / "t.parquet")["t_s"].to_pylist() == site.kept
        lines = (Path(name) / "events.jsonl").read_text().splitlines()
        assert [json.loads(line)["t_s"] for line in lines] == site.kept
        site.close()


def test_a_trend_that_was_taken_away_counts_as_lost_and_a_new_one_begins(tmp_path: Path) -> None:
    site = Site(tmp_path, 50)
    for _ in range(4):
        site.put()
    site.companion.drain()
    (tmp_path / "trend.arrow").unlink()
    site.companion = site.start()
    site.put()
    site.companion.finish()
    progress = site.ledger.progress
    assert (progress.rows_written, progress.rows_lost) == (1, 4)
    assert "No such file" in progress.error
    with pa.ipc.open_stream((tmp_path / "trend.arrow").read_bytes()) as reader:
        assert reader.read_all()["t_s"].to_pylist() == [4.0]
    site.close()


def test_a_ledger_keeps_the_old_entry_until_the_new_one_is_whole() -> None:
    memory = Ledger.make(LAYOUT)
    ledger = Ledger(memory.map)
    assert ledger.progress == Progress()
    assert ledger.layout == LAYOUT
    first = Progress(1, 2, 3, 4, 5, 6, 7, "é" * 10)
    ledger.commit(first)
    assert ledger.progress == first
    # As far as a recorder gets that is killed before it counts up: the other entry is spoiled, this one is not.
    before = bytes(memory.map)
    ledger.commit(Progress(11, error="x"))
    after = bytearray(memory.map)
    after[56:64] = before[56:64]
    memory.map[:] = bytes(after)
    assert ledger.progress == first
    ledger.commit(Progress(error="x" * 1000))
    assert ledger.progress.error == "x" * 256
    ledger.close()
    memory.close()


def test_on_a_disk_that_takes_300_ms_a_write_what_finds_no_room_is_counted_to_the_row(tmp_path: Path) -> None:
    """At 1 kHz each write lets 300 cycles pass; a batch takes four writes, and the ring holds 1000."""
    site, write = Site(tmp_path, 1000), os.write
    for _ in range(999):
        site.put(tell=False)
    site.put()

    def slow(file: int, data: memoryview) -> int:
        for _ in range(300):
            site.put(tell=False)
        return write(file, bytes(data[: max(len(data) // 2, 8000)]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trend_file.os, "write", slow)
        for _ in range(10):
            site.companion.drain()
            assert site.ledger.progress.events_taken == 1, "events have their turn, though rows never cease"
    site.companion.finish()
    progress = site.ledger.progress
    assert (progress.rows_written, progress.rows_lost) == (len(site.kept), 0)
    assert site.rows.dropped == site.sent - len(site.kept)
    assert site.rows.dropped > 0.1 * site.sent
    assert to_parquet(tmp_path / "trend.arrow", tmp_path / "t.parquet") == len(site.kept)
    assert pq.read_table(tmp_path / "t.parquet")["t_s"].to_pylist() == site.kept
    site.close()
