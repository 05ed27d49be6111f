"""Recorders from image to files, events as lines, and the run folder."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from hil.errors import RunFolderError
from hil.loop.events import EventLog, LoopEvent
from hil.loop.image import Image, Signal
from hil.record import InlineRecorder, RowLayout, RunFolder, recorder, run_folder
from hil.record.event_file import MAX_BYTES, EventFile, encode
from hil.record.trend_file import to_parquet
from hil.report.trend_data import read_trend

LAYOUT = RowLayout(("a", "b"), ("b",))
STARTED = datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC)


def image() -> Image:
    return Image([Signal(name, "1", -1e9, 1e9, 0) for name in LAYOUT.signals])


@pytest.mark.parametrize("count", [0, 1, 4095, 4096, 4097, 20_001])
def test_rows_in_are_rows_out(tmp_path: Path, count: int) -> None:
    made, events = image(), EventLog()
    inline = InlineRecorder(made, LAYOUT, events, tmp_path)
    for number in range(count):
        made.accept(0, number, 0)
        if number % 1000 == 0:
            events.emit(number, "note", "loop", f"at {number}")
        inline.push(number * 1_000_000_000)
    recorded = inline.finish()
    assert (recorded.rows_written, recorded.rows_lost, recorded.events_lost, recorded.error) == (
        count,
        0,
        0,
        "",
    )
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["t_s"] for line in lines] == list(range(0, count, 1000))
    if count:
        assert to_parquet(tmp_path / "trend.arrow", tmp_path / "t.parquet") == count
        assert pq.read_table(tmp_path / "t.parquet")["a"].to_pylist() == list(range(count))


def test_rows_are_handed_over_twice_a_second_however_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0]
    monkeypatch.setattr(recorder.time, "perf_counter_ns", lambda: now[0])
    inline = InlineRecorder(image(), LAYOUT, EventLog(), tmp_path)
    for number in range(11):
        now[0] += 100_000_000
        inline.push(number)
    # 0.6 s after the start the first six were due; the rest wait for less than a second.
    assert to_parquet(tmp_path / "trend.arrow", tmp_path / "t.parquet") == 6
    assert inline.finish().rows_written == 11


@given(st.text(max_size=1500), st.text(max_size=600) | st.just("é" * 600), st.floats(0, 1e9))
def test_an_event_is_one_line_of_bounded_length_whatever_it_says(text: str, source: str, t_s: float) -> None:
    line = encode(LoopEvent(t_s, "note", source, text))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert len(line) <= MAX_BYTES
    entry = json.loads(line)
    assert text.startswith(entry["text"])
    assert source.startswith(entry["source"])


def test_a_failed_write_of_events_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.jsonl"
    file = EventFile(path)
    file.write([b'{"n": 1}\n'])
    with path.open("ab") as other:
        other.write(b'{"torn')  # what a write that came short has left
    file.write([b'{"n": 2}\n'])
    path.rename(tmp_path / "away")
    file.write([b'{"n": 3}\n', b'{"n": 4}\n'])
    assert file.lost == 2
    (tmp_path / "away").rename(path)
    file.write([b'{"n": 5}\n'])
    assert [json.loads(line)["n"] for line in path.read_text().splitlines()] == [1, 2, 5]


def test_folders_of_one_second_do_not_meet(tmp_path: Path) -> None:
    names = [RunFolder(tmp_path / "runs", "cdu", STARTED).path.name for _ in range(3)]
    assert names == [f"20260301T123005Z-cdu{suffix}" for suffix in ("", "-2", "-3")]


def test_a_folder_that_cannot_be_made_is_told_before_anything_moves(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="cannot be made"):
        RunFolder(tmp_path / "file", "cdu", STARTED)
    with pytest.raises(RunFolderError, match="--out"):
        RunFolder(tmp_path / "file" / "runs", "cdu", STARTED)


def test_a_rig_is_written_so_that_any_yaml_reader_gets_the_same(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "cdu", STARTED)
    rig = {"rig": "cdu", "period_s": 0.1, "signals": {"a": {"range": [0, 1e-9], "unit": "%"}}, "no": "off"}
    folder.write_rig(rig)
    assert YAML(typ="safe").load((folder.path / "rig.yaml").read_text()) == rig


def test_a_rig_that_cannot_be_written_refuses_the_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "cdu", STARTED)
    (folder.path / "rig.yaml.part").mkdir()
    with pytest.raises(RunFolderError, match="cannot be written"):
        folder.write_rig({"rig": "cdu"})


def test_a_small_file_that_cannot_be_written_is_noted_and_leaves_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path, "cdu", STARTED)

    def full(self: Path, text: str, **_: object) -> None:
        self.write_bytes(text[:3].encode())
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    folder.write_json("run.json", {"a": 1})
    assert list(folder.path.iterdir()) == []
    assert "run.json" in folder.errors[0]


def test_a_run_that_is_refused_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    folder = RunFolder(tmp_path / "runs", "cdu", STARTED)
    monkeypatch.setattr(run_folder, "_replace", refuse)
    with pytest.raises(RunFolderError, match="No space left"):
        folder.write_rig({"rig": "cdu"})
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_stream_without_a_byte_is_told_in_words_in_the_folder_and_in_the_report(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "cdu", STARTED)
    (folder.path / "trend.arrow").touch()
    folder.finish_trend(0)
    assert folder.errors == ["trend.arrow: nothing was recorded"]
    missing: list[str] = []
    assert read_trend(folder.path, missing).t_s.size == 0
    assert missing == [
        "the trend was not closed: read from trend.arrow up to its last whole batch",
        "trend.arrow is empty: no row reached the disk",
        "the trend has no rows",
    ]


def test_events_that_the_disk_refuses_are_lost_for_a_reason(tmp_path: Path) -> None:
    events = EventLog()
    (tmp_path / "events.jsonl").mkdir()
    inline = InlineRecorder(image(), LAYOUT, events, tmp_path)
    events.emit(0.0, "note", "loop", "begun")
    inline.push(0)
    recorded = inline.finish()
    assert (recorded.events_lost, recorded.error) == (1, "events.jsonl could not be written")


def record(folder: RunFolder, count: int) -> None:
    inline = InlineRecorder(image(), LAYOUT, EventLog(), folder.path)
    for number in range(count):
        inline.push(number)
    inline.finish()


def test_the_stream_goes_when_parquet_has_all_of_it(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "cdu", STARTED)
    record(folder, 10)
    folder.finish_trend(10)
    assert sorted(entry.name for entry in folder.path.iterdir()) == ["events.jsonl", "trend.parquet"]
    assert folder.errors == []


def test_rows_that_cannot_be_read_back_are_told_and_the_stream_stays(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "cdu", STARTED)
    record(folder, 10)
    stream = folder.path / "trend.arrow"
    stream.write_bytes(stream.read_bytes()[:-200])
    folder.finish_trend(10)
    assert folder.errors == ["trend.parquet: 0 of 10 rows could be read back from trend.arrow"]
    assert stream.exists()


def test_no_stream_and_no_sense_in_it_are_told(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "cdu", STARTED)
    folder.finish_trend(0)
    (folder.path / "trend.arrow").write_bytes(b"nonsense")
    folder.finish_trend(0)
    told = Counter(error.partition(":")[0] for error in folder.errors)
    assert told == {"trend.arrow": 1, "trend.parquet": 1}
    assert [entry.name for entry in folder.path.iterdir()] == ["trend.arrow"]
