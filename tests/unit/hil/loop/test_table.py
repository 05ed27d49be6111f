"""The table of latest values: what is put in is read in another process, whole, whatever the writer is doing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.loop.image import Image, Signal
from hil.loop.table import LatestReader, LatestTable

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="other processes find it under /proc"
)

HAMMER = """
import sys, time
from hil.loop.image import Image, Signal
from hil.loop.table import LatestTable
image = Image([Signal(f"s{n}", "1", -1e18, 1e18, 0) for n in range(64)])
table = LatestTable(image)
print(table.path, flush=True)
cycle, until = 0, time.monotonic() + 120
while time.monotonic() < until:
    for _ in range(100):
        cycle += 1
        image.values[:] = [float(cycle + n) for n in range(64)]
        image.received_ns[:] = [cycle + n for n in range(64)]
        image.quality[:] = bytes([cycle % 251] * 64)
        table.publish(cycle)
"""


def image(count: int) -> Image:
    return Image([Signal(f"s{n}", "1", -1e18, 1e18, 0) for n in range(count)])


@given(
    st.lists(
        st.tuples(st.floats(-1e18, 1e18), st.integers(0, 3), st.integers(0, 1 << 62)), min_size=1, max_size=9
    )
)
def test_what_is_put_in_is_read(signals: list[tuple[float, int, int]]) -> None:
    made = image(len(signals))
    table = LatestTable(made)
    reader = LatestReader(table.path)
    assert reader.read() is None, "there was no cycle yet"
    for slot, (value, quality, received_ns) in enumerate(signals):
        made.values[slot], made.quality[slot], made.received_ns[slot] = value, quality, received_ns
    table.publish(77)
    found = reader.read()
    assert found is not None
    assert reader.names == tuple(f"s{n}" for n in range(len(signals)))
    assert list(zip(found.values, found.quality, found.received_ns, strict=True)) == signals
    assert found.now_ns == table.now_ns == 77
    reader.close()
    table.close()


def test_a_reader_never_sees_halves_of_two_cycles_while_the_writer_hammers() -> None:
    writer = subprocess.Popen([sys.executable, "-c", HAMMER], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    try:
        reader = LatestReader(writer.stdout.readline().strip())
        seen: list[int] = []
        cycles: set[int] = set()
        met_odd, until = 0, time.monotonic() + 90
        while (len(seen) < 20_000 or len(cycles) < 200 or met_odd < 10) and time.monotonic() < until:
            met_odd += reader.sequence & 1
            found = reader.read()
            if found is None:
                continue
            cycle = found.now_ns
            assert found.values == tuple(map(float, range(cycle, cycle + 64)))
            assert found.received_ns == tuple(range(cycle, cycle + 64))
            assert found.quality == bytes([cycle % 251] * 64)
            seen.append(cycle)
            cycles.add(cycle)
    finally:
        writer.kill()
        writer.communicate()
    assert seen == sorted(seen)
    assert len(cycles) > 50, "the writer went on meanwhile"
    assert met_odd > 0, "the reader came while the writer was writing"
    reader.close()


def test_a_writer_ended_while_writing_leaves_no_value_and_no_waiting_reader() -> None:
    made = image(3)
    table = LatestTable(made)
    reader = LatestReader(table.path)
    table.publish(1)
    assert reader.read() is not None
    table._words[1] += 1  # as far as a writer gets that is killed right after its first step
    assert reader.read() is None
    reader.close()
    table.close()


def test_the_table_is_gone_with_its_writer_and_other_memory_is_refused(tmp_path: Path) -> None:
    table = LatestTable(image(1))
    path = table.path
    table.close()
    with pytest.raises((OSError, ValueError)):
        LatestReader(path)
    (tmp_path / "junk").write_bytes(json.dumps(list(range(100))).encode())
    with pytest.raises(ValueError, match="not a table"):
        LatestReader(tmp_path / "junk")
