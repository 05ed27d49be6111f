"""A trend longer than memory should hold: columns read one by one, a stream of thin batches, and damage found first."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import run_folders as rf
from hypothesis import given
from hypothesis import strategies as st

from hil.report import build_report, trend_columns
from hil.report.trend_columns import Columns, TrendColumns, spooled, thickened
from hil.report.trend_data import read_trend


def written(folder):
    return [(folder / name).read_bytes() for name in ("kpis.json", "report.html")]


def test_a_report_that_keeps_no_column_in_memory_is_the_same_to_the_byte(whole_run, tmp_path, monkeypatch):
    folder = whole_run.write(tmp_path / "r")
    build_report(folder)
    whole = written(folder)
    monkeypatch.setattr(trend_columns, "KEPT_BYTES", 0)
    build_report(folder)
    assert written(folder) == whole


def test_no_more_than_the_last_columns_are_kept(tmp_path, monkeypatch):
    names = [f"s{n}" for n in range(20)]
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({name: np.full(1000, float(n)) for n, name in enumerate(names)}), path)
    monkeypatch.setattr(trend_columns, "KEPT_BYTES", 3 * 8000)
    file = TrendColumns(path)
    columns = Columns(file, {name: name for name in names}, None, np.float64)
    held = [values for values in (columns[name] for name in names) if values.size]
    assert [values[0] for values in held] == list(range(20))
    again = [columns[name] is values for name, values in zip(names[-3:], held[-3:], strict=True)]
    assert again == [True] * 3
    assert columns["s0"] is not held[0]
    assert columns["s0"] is columns["s0"]


def test_a_stream_that_gives_no_rows_leaves_no_file_open(tmp_path, monkeypatch):
    """A run that is looked at in its first moment: its stream has a head and no batch, or breaks off in the first."""
    opened = []
    make = trend_columns._without_a_name
    monkeypatch.setattr(
        trend_columns, "_without_a_name", lambda beside: opened.append(make(beside)) or opened[-1]
    )
    schema = pa.schema([("t_s", pa.float64())])
    with pa.OSFile(str(tmp_path / "trend.arrow"), "wb") as file, pa.ipc.new_stream(file, schema):
        pass
    assert read_trend(tmp_path, []).t_s.size == 0

    def broken():
        yield pa.record_batch([[1.0]], schema=schema)
        raise pa.ArrowInvalid("broken")

    with pytest.raises(pa.ArrowInvalid):
        spooled(broken(), schema, tmp_path)
    assert [file.closed for file in opened] == [True, True]


def test_a_column_is_not_mistaken_for_one_whose_name_begins_alike(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a.b": [3.0, 4.0], "a": [1.0, 2.0], "a.quality": np.zeros(2, np.uint8)}), path)
    file = TrendColumns(path)
    assert file.column("a", np.float64).tolist() == [1.0, 2.0]
    assert file.column("a.b", np.float64).tolist() == [3.0, 4.0]
    with pytest.raises(ValueError, match="read-only"):
        file.column("a", np.float64)[0] = 0.0


def test_damage_in_the_last_pages_is_found_before_anything_is_drawn(whole_run, tmp_path):
    folder = whole_run.write(tmp_path / "r")
    path = folder / "trend.parquet"
    content = bytearray(path.read_bytes())
    end = len(content) - int.from_bytes(content[-8:-4], "little") - 8
    content[end - 3000 : end] = bytes(3000)
    path.write_bytes(content)
    missing = []
    assert read_trend(folder, missing).rows == 0
    assert "trend.parquet cannot be read" in missing[0]


def test_rows_out_of_order_are_left_out_of_every_column(whole_run, tmp_path):
    whole_run.columns["t_s"][7] = whole_run.columns["t_s"][3]
    missing = []
    trend = read_trend(whole_run.write(tmp_path / "r"), missing)
    assert missing == ["1 rows of the trend are out of order and left out"]
    kept = np.delete(np.arange(whole_run.columns["t_s"].size), 7)
    for signal in (rf.SUPPLY, rf.VALVE):
        assert np.array_equal(trend.values[signal], whole_run.columns[signal][kept])
    assert trend.quality[rf.SUPPLY].size == trend.limit[rf.VALVE].size == trend.rows == kept.size


def test_a_stream_of_thin_batches_is_read_as_the_file_it_would_have_become(whole_run, tmp_path, monkeypatch):
    monkeypatch.setattr(trend_columns, "_FEW", 7)
    monkeypatch.setattr(trend_columns, "_ROWS_AT_ONCE", 500)
    closed = read_trend(whole_run.write(tmp_path / "closed"), [])
    folder = whole_run.write(tmp_path / "cut")
    table = pa.table(whole_run.columns)
    (folder / "trend.parquet").unlink()
    with (
        pa.OSFile(str(folder / "trend.arrow"), "wb") as file,
        pa.ipc.new_stream(file, table.schema) as stream,
    ):
        for batch in table.to_batches(max_chunksize=3):
            stream.write_batch(batch)
    missing = []
    cut = read_trend(folder, missing)
    assert missing == ["the trend was not closed: read from trend.arrow up to its last whole batch"]
    assert np.array_equal(cut.t_s, closed.t_s)
    assert list(cut.values) == list(closed.values)
    for name, values in closed.values.items():
        assert np.array_equal(cut.values[name], values)
    assert sorted(path.name for path in folder.iterdir()) == [
        "events.jsonl", "rig.yaml", "run.json", "timing.json", "trend.arrow",
    ]  # fmt: skip


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 9), st.integers(1, 100))
def test_thick_tables_have_the_rows_of_the_thin_batches_in_order(sizes, few, rows_at_once):
    ends = np.cumsum([0, *sizes])
    batches = [pa.record_batch({"n": np.arange(a, b)}) for a, b in pairwise(ends)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trend_columns, "_FEW", few)
        patch.setattr(trend_columns, "_ROWS_AT_ONCE", rows_at_once)
        tables = list(thickened(iter(batches)))
    assert [n for table in tables for n in table["n"].to_pylist()] == list(range(ends[-1]))
    assert all(table.num_rows >= rows_at_once for table in tables[:-1])


def test_where_the_run_folder_takes_no_file_the_spool_lies_elsewhere(tmp_path):
    batch = pa.record_batch({"n": np.arange(5.0)})
    spool = spooled(iter([batch]), batch.schema, tmp_path / "gone")
    assert TrendColumns(spool).column("n", np.float64).tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
