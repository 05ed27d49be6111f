"""Rows into batches, batches into a stream that may break off anywhere, the stream into Parquet."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.loop.image import Image, Signal
from hil.record import trend_file
from hil.record.ring import Ring
from hil.record.rows import RowLayout, RowSink
from hil.record.trend_file import TrendFile, to_parquet

LAYOUT = RowLayout(("load_kw", "valve_percent", "supply_degc"), ("valve_percent",))


def rows(first: int, count: int) -> bytes:
    """Rows as the ring gives them, each recognisable by its number."""
    made = np.zeros(count, LAYOUT.dtype)
    numbers = np.arange(first, first + count)
    made["t"] = numbers * 0.1
    made["value"] = numbers[:, None] + np.array([0.0, 0.25, 0.5])
    made["quality"] = numbers[:, None] % 4
    made["limit"] = numbers[:, None] % 32
    return made.tobytes()


def stream(path: Path, sizes: list[int]) -> list[int]:
    """Write batches; gives the length of the file after each, the schema first."""
    trend = TrendFile(path, LAYOUT)
    lengths, first = [], 0
    for size in sizes:
        trend.write(rows(first, size), size)
        first += size
        lengths.append(path.stat().st_size)
    trend.close()
    assert (trend.rows_written, trend.rows_lost, trend.error) == (first, 0, "")
    return lengths


def test_a_row_of_the_image_comes_back_column_by_column(tmp_path: Path) -> None:
    image = Image([Signal(name, "1", -9, 9, 0) for name in LAYOUT.signals])
    ring = Ring.private(LAYOUT.packer.size, 4)
    sink = RowSink(image, ring, LAYOUT)
    image.accept(0, 1.5, 0)
    image.accept(1, -2.5, 0)
    image.limited[1] = 5
    sink.push(100_000_000)
    image.accept(0, float("nan"), 0)
    sink.push(200_000_000)
    data, count = ring.peek()
    assert count == 2
    assert LAYOUT.batch(data).to_pydict() == {
        "t_s": [0.1, 0.2],
        "load_kw": [1.5, 1.5],
        "valve_percent": [-2.5, -2.5],
        "supply_degc": [0.0, 0.0],
        "load_kw.quality": [0, 2],
        "valve_percent.quality": [0, 0],
        "supply_degc.quality": [3, 3],
        "valve_percent.limit": [5, 5],
    }


def test_a_full_ring_loses_the_row_and_counts_it(tmp_path: Path) -> None:
    image = Image([Signal(name, "1", -9, 9, 0) for name in LAYOUT.signals])
    ring = Ring.private(LAYOUT.packer.size, 3)
    sink = RowSink(image, ring, LAYOUT)
    for number in range(5):
        sink.push(number)
    data, count = ring.peek()
    assert (count, ring.dropped) == (3, 2)
    assert np.frombuffer(data, LAYOUT.dtype)["t"].tolist() == [0.0, 1e-9, 2e-9]


def test_the_stream_is_what_arrow_itself_would_write(tmp_path: Path) -> None:
    stream(tmp_path / "t.arrow", [3, 4])
    with pa.ipc.open_stream((tmp_path / "t.arrow").read_bytes()) as reader:
        assert reader.schema == LAYOUT.schema
        table = reader.read_all()
    assert table["valve_percent"].to_pylist() == [n + 0.25 for n in range(7)]


SIZES = [5, 1, 30, 7]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[int]]:
    path = tmp_path_factory.mktemp("stream") / "t.arrow"
    lengths = stream(path, SIZES)
    return path.read_bytes(), lengths


@settings(max_examples=300)
@given(data=st.data())
def test_cut_anywhere_the_stream_reads_up_to_its_last_whole_batch(
    data: st.DataObject, whole: tuple[bytes, list[int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    content, lengths = whole
    cut = data.draw(st.integers(0, len(content)))
    folder = tmp_path_factory.mktemp("cut")
    (folder / "t.arrow").write_bytes(content[:cut])
    expected = sum(size for size, length in zip(SIZES, lengths, strict=True) if length <= cut)
    try:
        found = to_parquet(folder / "t.arrow", folder / "t.parquet")
    except (pa.ArrowException, OSError):
        assert expected == 0, "only a stream without a whole schema cannot be read"
        assert cut < lengths[0]
        return
    assert found == expected
    table = pq.read_table(folder / "t.parquet")
    assert table["load_kw"].to_pylist() == [float(n) for n in range(expected)]
    assert (folder / "t.arrow").exists()


@settings(max_examples=25)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=12))
def test_equal_rows_give_an_equal_parquet_file_however_they_came_in_batches(sizes: list[int]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(trend_file, "ROW_GROUP", 50)
        patch.setattr(trend_file, "_FEW", 7)
        folder, digests = Path(name), set()
        for way in (sizes, [sum(sizes)], [1] * sum(sizes)):
            stream(folder / "t.arrow", way)
            assert to_parquet(folder / "t.arrow", folder / "t.parquet") == sum(sizes)
            digests.add(hashlib.sha256((folder / "t.parquet").read_bytes()).hexdigest())
        assert pq.ParquetFile(folder / "t.parquet").num_row_groups == -(-sum(sizes) // 50)
    assert len(digests) == 1


class FailingDisk:
    """Room for so many bytes, as a file system with a quota gives it: writes come short, then fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.room = room
        self.truncates = True
        self._write, self._truncate = os.write, os.ftruncate
        monkeypatch.setattr(trend_file.os, "write", self.write)
        monkeypatch.setattr(trend_file.os, "ftruncate", self.truncate)

    def write(self, file: int, data: bytes | memoryview) -> int:
        if self.room == 0:
            raise OSError(28, "No space left on device")
        written = self._write(file, bytes(data[: self.room]))
        self.room -= written
        return written

    def truncate(self, file: int, length: int) -> None:
        if not self.truncates:
            raise OSError(5, "Input/output error")
        self.room += os.fstat(file).st_size - length
        self._truncate(file, length)


@pytest.mark.parametrize("room", [10, 700, 1700, 3000])
@pytest.mark.parametrize("truncates", [True, False])
def test_a_full_disk_costs_the_rows_it_has_no_room_for_and_no_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, room: int, truncates: bool
) -> None:
    disk = FailingDisk(monkeypatch, room)
    trend = TrendFile(tmp_path / "t.arrow", LAYOUT)
    disk.truncates = truncates
    for number in range(10):
        trend.write(rows(4 * number, 4), 4)
    assert trend.rows_lost > 0
    assert "No space left" in trend.error or "Input/output" in trend.error
    # Room again: what comes now is kept, and what was torn is cut off first.
    disk.room, disk.truncates = 1 << 20, True
    trend.write(rows(100, 4), 4)
    trend.close()
    assert trend.rows_written + trend.rows_lost == 44
    assert to_parquet(tmp_path / "t.arrow", tmp_path / "t.parquet") == trend.rows_written
    kept = pq.read_table(tmp_path / "t.parquet")["load_kw"].to_pylist()
    assert kept[-4:] == [100.0, 101.0, 102.0, 103.0]
    assert kept[:-4] == [float(n) for n in range(trend.rows_written - 4)]


def test_a_folder_that_is_gone_costs_the_rows_and_nothing_else(tmp_path: Path) -> None:
    trend = TrendFile(tmp_path / "no" / "t.arrow", LAYOUT)
    trend.write(rows(0, 4), 4)
    trend.sync()
    trend.close()
    assert (trend.rows_written, trend.rows_lost) == (0, 4)
    assert "No such file" in trend.error


def test_closing_on_a_full_disk_leaves_whole_batches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    disk = FailingDisk(monkeypatch, 1 << 20)
    trend = TrendFile(tmp_path / "t.arrow", LAYOUT)
    trend.write(rows(0, 4), 4)
    length = (tmp_path / "t.arrow").stat().st_size
    disk.room = 5
    trend.close()
    assert (tmp_path / "t.arrow").stat().st_size == length
    assert trend.rows_lost == 0


def test_no_batch_loads_pandas_which_would_hold_the_run_up_for_a_second(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib, numpy as np; from hil.record import RowLayout; "
        "from hil.record.trend_file import TrendFile, to_parquet; "
        "layout = RowLayout(('a', 'b'), ('b',)); folder = pathlib.Path(sys.argv[1]); "
        "trend = TrendFile(folder / 't.arrow', layout); trend.write(np.zeros(9, layout.dtype).tobytes(), 9); "
        "trend.close(); assert to_parquet(folder / 't.arrow', folder / 't.parquet') == 9; "
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False).returncode == 0
