"""A rehearsal runs a whole cycle, of its own, and leaves the system and its surroundings as they were."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest

from hil.config.points import Point
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.modbus.tcp import ModbusTcpDevice
from hil.devices.rehearsal import Rehearsal
from hil.devices.scan import Scan
from hil.loop import clock as clock_module
from hil.loop.clock import WallClock
from hil.loop.image import GOOD, Image, Signal


def test_each_run_is_a_whole_cycle_read_controlled_and_written() -> None:
    rehearsal = Rehearsal()
    before = rehearsal.counters
    for _ in range(200):
        rehearsal.run()
    gained = {name: count - before[name] for name, count in rehearsal.counters.items()}
    assert gained == {
        "requests": 600, "replies": 600, "writes_sent": 200, "writes_acknowledged": 200, "heartbeats_sent": 200,
    }  # fmt: skip
    image, outputs = rehearsal.image, [f"out_{n}" for n in range(2)]
    assert set(image.quality) == {GOOD}
    # The measured values stay at 0 and the set-point at 50, so that both controllers drive up to the limit.
    assert [image.values[image.index[name]] for name in outputs] == [100.0, 100.0]


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files as Linux shows them")
def test_it_opens_nothing_and_leaves_no_rings_of_references() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    rehearsal = Rehearsal()
    gc.collect()
    gc.disable()
    try:
        for _ in range(1000):
            rehearsal.run()
        assert gc.collect() == 0
    finally:
        gc.enable()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


class ScriptedTime:
    """A machine whose sleeps end ``late_ns`` after what was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = self.late_ns = 0
        monkeypatch.setattr(clock_module, "machine_ns", lambda: self.now_ns)
        monkeypatch.setattr(clock_module, "sleep_until", self.sleep_until)

    def sleep_until(self, at_ns: int) -> None:
        self.now_ns = at_ns + self.late_ns


@pytest.mark.parametrize(("late_ns", "rehearsed_at_ns"), [(0, [600]), (199, [799]), (200, []), (500, [])])
def test_the_clock_rehearses_before_a_deadline_unless_half_of_the_time_is_gone(
    monkeypatch: pytest.MonkeyPatch, late_ns: int, rehearsed_at_ns: list[int]
) -> None:
    machine = ScriptedTime(monkeypatch)
    clock, found = WallClock(), []
    clock.rehearse, clock.rehearse_ns = lambda: found.append(machine.now_ns), 400
    machine.late_ns = late_ns
    assert clock.wait_until(1000) >= 1000
    assert found == rehearsed_at_ns


def test_no_rehearsal_for_a_deadline_that_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = ScriptedTime(monkeypatch)
    clock, found = WallClock(), []
    clock.rehearse, clock.rehearse_ns = lambda: found.append(1), 400
    machine.now_ns = 5000
    assert clock.wait_until(1000) == 5000
    assert found == []


def test_a_scan_rehearses_once_a_read_phase_when_its_requests_are_out() -> None:
    image = Image([Signal("a", "1", 0.0, 1.0, 0.0)])
    clock = WallClock()
    device = ModbusTcpDevice(
        "d", ModbusTcpSettings("127.0.0.1", 1), image, [(Point("a", 1, "coil", 0, "bool"), 0)], [], clock.now_ns
    )  # fmt: skip
    scan = Scan([device], clock.now_ns)
    calls: list[str] = []
    scan.while_waiting = lambda: calls.append("rehearsed")
    device.begin_read = lambda _now_ns: calls.append("asked")  # type: ignore[method-assign]  # only the order is looked at
    scan.read(clock.now_ns(), clock.now_ns() + 1_000_000_000)
    scan.write(clock.now_ns(), clock.now_ns() + 1_000_000_000)
    scan.close()
    assert calls == ["asked", "rehearsed"]
