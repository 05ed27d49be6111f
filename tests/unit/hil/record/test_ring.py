"""The ring: order, wrap-around, a full ring, two processes, and memory that is there or refused."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.loop import shared as shared_memory
from hil.record.ring import Ring, SharedRing

ROW = struct.Struct("<q")


def put(ring: Ring, number: int) -> bool:
    offset = ring.reserve()
    if offset < 0:
        return False
    ROW.pack_into(ring.rows, offset, number)
    ring.commit()
    return True


def take(ring: Ring) -> list[int]:
    data, count = ring.peek()
    assert len(data) == count * ROW.size
    ring.release(count)
    return [number for (number,) in ROW.iter_unpack(data)]


@given(st.integers(1, 7), st.lists(st.one_of(st.integers(0, 9), st.just(-1)), max_size=60))
def test_what_goes_in_comes_out_in_order_and_what_finds_it_full_is_counted(
    capacity: int, script: list[int]
) -> None:
    """Put as many rows as the number says; -1 takes all that wait."""
    ring = Ring.private(ROW.size, capacity)
    sent, kept, got, dropped = 0, [], [], 0
    for step in script:
        if step < 0:
            got += take(ring)
            continue
        for _ in range(step):
            if put(ring, sent):
                kept.append(sent)
            else:
                assert ring.waiting == capacity
                dropped += 1
            sent += 1
    got += take(ring)
    assert got == kept
    assert ring.dropped == dropped == sent - len(kept)
    assert ring.taken == len(got)
    ring.close()


def test_rows_stay_until_they_are_released() -> None:
    ring = Ring.private(ROW.size, 4)
    put(ring, 1)
    assert ring.peek() == ring.peek()
    put(ring, 2)
    ring.release(1)
    assert take(ring) == [2]


def test_another_process_maps_the_same_rows(tmp_path: Path) -> None:
    ring = SharedRing(ROW.size, 8)
    put(ring, 42)
    program = (
        "import sys; from hil.record.ring import SharedRing; ring = SharedRing.attach(sys.argv[1]);"
        "data, count = ring.peek(); ring.release(count); print(int.from_bytes(data, 'little'), ring.closed)"
    )
    command = [sys.executable, "-c", program, ring.shared.handle]
    inherited = [ring.shared.descriptor] if ring.shared.descriptor is not None else []
    done = subprocess.run(command, pass_fds=inherited, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["42", "False"]
    assert (ring.waiting, ring.taken) == (0, 1)
    ring.close()


@pytest.mark.skipif(os.name != "posix", reason="where files can be open without a name")
def test_a_shared_ring_has_no_name_to_leave_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shared_memory, "_SHARED", tmp_path)
    ring = SharedRing(ROW.size, 8)
    assert list(tmp_path.iterdir()) == []
    ring.close()


def test_where_shared_memory_has_no_room_the_ring_lies_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not hasattr(os, "posix_fallocate"):
        pytest.skip("needs posix_fallocate")
    allocate, tried = os.posix_fallocate, []

    def full_once(file: int, offset: int, size: int) -> None:
        tried.append(size)
        if len(tried) == 1:
            raise OSError(28, "No space left on device")
        allocate(file, offset, size)

    monkeypatch.setattr(shared_memory, "_SHARED", tmp_path)
    monkeypatch.setattr(os, "posix_fallocate", full_once)
    ring = SharedRing(ROW.size, 8)
    assert len(tried) == 2
    assert put(ring, 1)
    assert list(tmp_path.iterdir()) == []
    ring.close()


def test_memory_that_is_no_ring_is_refused(tmp_path: Path) -> None:
    (tmp_path / "junk").write_bytes(b"\0" * 256)
    with pytest.raises(ValueError, match="not a ring"):
        SharedRing.attach(str(tmp_path / "junk"))
