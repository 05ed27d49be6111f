"""Rounds put together, and the far end of the benchmark of many devices."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.bench.many import REGISTERS, Device
from hil.bench.page import bench_page
from hil.bench.result import Bench, merged
from hil.loop.histogram import Histogram

DURATIONS = st.lists(st.integers(0, 10**9), min_size=1, max_size=200)


def histogram(durations: list[int]) -> Histogram:
    made = Histogram()
    for duration_ns in durations:
        made.record(duration_ns)
    return made


@given(st.lists(DURATIONS, min_size=1, max_size=4))
def test_rounds_together_are_one_histogram_of_all(rounds: list[list[int]]) -> None:
    whole = histogram([duration for each in rounds for duration in each]).summary()
    parts = merged([histogram(each).summary() for each in rounds])
    assert parts.keys() == whole.keys()
    assert parts["count"] == whole["count"]
    assert parts["buckets"] == whole["buckets"]
    for name in ("p50_us", "p90_us", "p99_us", "p99_9_us", "max_us", "mean_us"):
        assert parts[name] == pytest.approx(whole[name])


def frame(transaction: int, pdu: bytes) -> bytes:
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, 1) + pdu


def test_a_device_keeps_what_is_written_and_answers_in_pieces() -> None:
    device = Device()
    write = frame(1, struct.pack(">BHHB3H", 16, 5, 3, 6, 7, 8, 9))
    assert device.answer(write) == frame(1, struct.pack(">BHH", 16, 5, 3))
    read = frame(2, struct.pack(">BHH", 3, 4, 4))
    replies = b"".join(device.answer(read[n : n + 1]) for n in range(len(read)))
    assert replies == frame(2, struct.pack(">BB4H", 3, 8, 0, 7, 8, 9))
    both = device.answer(read + frame(3, struct.pack(">BHH", 3, REGISTERS - 1, 1)))
    assert both == replies + frame(3, struct.pack(">BBH", 3, 2, 0))


def test_a_device_refuses_what_it_does_not_have() -> None:
    device = Device()
    assert device.answer(frame(1, struct.pack(">BHH", 3, REGISTERS - 1, 2))) == frame(1, bytes([0x83, 2]))
    assert device.answer(frame(2, struct.pack(">BHH", 4, 0, 1))) == frame(2, bytes([0x84, 1]))


def test_the_page_shows_every_histogram_and_asks_no_host() -> None:
    bench = Bench(told={"machine": "<here>", "field.server": "C stub"}, figures={"wake_up.period_us": 1000.0})
    bench.keep("wake_up.block", histogram([20_000, 30_000]), histogram([40_000]))
    bench.keep("devices.100.cycle", histogram([5_000_000]))
    page = bench_page(bench, "2026-01-01")
    assert "&lt;here&gt;" in page
    assert "<here>" not in page
    for name in ("wake_up.block", "devices.100.cycle", "wake_up.period_us"):
        assert name in page
    assert "default-src 'none'" in page
    assert '"type":"log"' in page
