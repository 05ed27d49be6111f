"""Writes against the C stubs over real sockets: taken, ignored, fallen back, overwritten by others, worn, told.

The stubs' time stands still and goes on by command, and the device's loop time is moved on by the test: nothing here
depends on how fast the machine is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace

import firmware_bench as fb
import pytest

from hil.config.point_rules import WriteRules
from hil.config.points import Point
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.modbus.tcp import ModbusTcpDevice
from hil.loop.image import GOOD, Image, Signal
from hil.loop.machine_time import machine_ns

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.needs("libmodbus")]

S = 1_000_000_000
PHASE_NS = 10 * S
VERIFIED = WriteRules(verify="readback", verify_delay_s=1.0, verify_every_s=5.0)


class Loop:
    """A device on a stub, cycle by cycle, as much loop time apart as the test says."""

    def __init__(self, stub: fb.Stub, written: list[Point], heartbeat: Point | None = None) -> None:
        self.skipped_ns = 0
        self._start_ns = machine_ns()
        self.image = Image([Signal(p.signal, p.unit, -1000.0, 70000.0, 0.0) for p in written])
        self.image.quality[:] = bytes([GOOD] * len(written))
        pairs = [(point, slot) for slot, point in enumerate(written)]
        settings = ModbusTcpSettings("127.0.0.1", stub.port)
        self.device = ModbusTcpDevice("valve", settings, self.image, [], pairs, self.now_ns, heartbeat)
        self.device.prove(fb.GENEROUS_S)
        self.told: list[str] = []

    def now_ns(self) -> int:
        return machine_ns() - self._start_ns + self.skipped_ns

    def cycle(self, seconds: float = 1.0) -> None:
        self.skipped_ns += round(seconds * S)
        now_ns = self.now_ns()
        self.device.read(now_ns, now_ns + PHASE_NS)
        self.device.write(self.now_ns(), self.now_ns() + PHASE_NS)
        self.told += [text for _, text in self.device.drain_events() if not text.startswith("connected")]

    def put(self, value: float, slot: int = 0) -> None:
        self.image.values[slot] = value

    def counts(self, *names: str) -> tuple[int, ...]:
        found = self.device.counters()
        return tuple(found[name] for name in names)


@pytest.fixture
def stub() -> Iterator[fb.Stub]:
    with fb.Stub(fb.build("valve_actuator"), "--time-scale", "0", "--backlash", "0") as stub:
        yield stub


def setpoint(rules: WriteRules, **more: object) -> Point:
    point = Point("valve_percent", 1, "holding_register", 0, "uint16", scale=0.01, unit="%", access="rw")
    return replace(point, write="on_change", rules=rules, low=0.0, high=100.0, **more)


def test_taken_then_ignored_then_taken_again(stub: fb.Stub) -> None:
    loop = Loop(stub, [setpoint(VERIFIED)])
    loop.put(40.0)
    loop.cycle()
    loop.cycle()
    assert stub.word(0) == 4000
    assert loop.counts("writes_verified", "writes_ignored") == (1, 0)
    assert loop.told == []
    stub.ok("misbehave 1 ignore-write count=1")
    loop.put(55.0)
    loop.cycle()
    loop.cycle()
    assert stub.word(0) == 4000
    assert loop.counts("writes_acknowledged", "writes_verified", "writes_ignored") == (2, 1, 1)
    (event,) = loop.told
    assert event.startswith(
        "valve_percent: wrote 55 % (raw 5500), found 40 % (raw 4000) at unit 1 holding_register 0: acknowledged but"
    )
    loop.put(60.0)
    loop.cycle()
    loop.cycle()
    assert stub.word(0) == 6000
    assert loop.counts("writes_recovered", "writes_ignored") == (1, 1)
    loop.device.close()


def test_taken_and_fallen_back_is_written_again_within_its_rate(stub: fb.Stub) -> None:
    rules = replace(VERIFIED, on_mismatch="rewrite", rewrites_per_min=1)
    loop = Loop(stub, [setpoint(rules)])
    stub.ok("misbehave 1 revert count=2 parameter=500")
    loop.put(70.0)
    loop.cycle()
    loop.cycle()
    assert loop.counts("writes_verified") == (1,)
    stub.step(1.0)
    before = stub.word(0)
    assert before != 7000, "it has fallen back"
    loop.cycle(5)
    assert loop.counts("writes_reverted", "writes_rewritten") == (1, 1)
    assert "reverted: it was taken, then fell back" in loop.told[0]
    stub.step(1.0)
    loop.cycle(5)
    assert stub.word(0) == before, "it fell back again, and the minute's one rewrite is spent"
    loop.cycle(5)
    assert loop.counts("writes_rewritten") == (1,)
    for _ in range(4):
        loop.cycle(20)
    assert stub.word(0) == 7000
    assert loop.counts("writes_rewritten", "writes_recovered") == (2, 1)
    loop.device.close()


def test_another_client_writes_it(stub: fb.Stub) -> None:
    loop = Loop(stub, [setpoint(replace(VERIFIED, on_mismatch="rewrite"))])
    loop.put(30.0)
    loop.cycle()
    loop.cycle()
    other = fb.Tcp(stub.port)
    assert other.ask(struct.pack(">BHH", 6, 0, 8000)) == struct.pack(">BHH", 6, 0, 8000)
    loop.cycle(5)
    assert loop.counts("writes_foreign", "writes_reverted", "writes_ignored") == (1, 0, 0)
    assert "found 80 % (raw 8000)" in loop.told[0]
    assert "somebody else writes it" in loop.told[0]
    assert stub.word(0) == 3000, "written again in the same cycle"
    loop.cycle(1)
    assert loop.counts("writes_recovered") == (1,)
    other.close()
    loop.device.close()


def test_a_motor_that_does_not_move_is_found_by_its_position(stub: fb.Stub) -> None:
    position = Point("position_percent", 1, "holding_register", 4, "uint16", scale=0.01, unit="%")
    rules = WriteRules(
        verify="readback", verify_point="position_percent", verify_tolerance=20.0, verify_delay_s=100.0,
        verify_every_s=100.0,
    )  # fmt: skip
    loop = Loop(stub, [setpoint(rules, feedback=position)])
    loop.put(50.0)
    loop.cycle()
    stub.step(95.0)
    loop.cycle(100)
    assert loop.counts("writes_verified", "writes_ignored") == (1, 0)
    stub.put(61001, 1)
    loop.put(90.0)
    loop.cycle()
    stub.step(95.0)
    loop.cycle(100)
    assert stub.word(0) == 9000, "the register took it, the valve did not"
    assert loop.counts("writes_verified", "writes_ignored") == (1, 1)
    assert "found 50 % (raw 5000) at position_percent, unit 1 holding_register 4" in loop.told[0]
    loop.device.close()


def test_a_register_is_written_no_more_than_its_budget_and_every_value_is_accounted_for(
    stub: fb.Stub,
) -> None:
    loop = Loop(stub, [setpoint(WriteRules(min_interval_s=2.0, writes_per_day=20))])
    arrived = [stub.word(0)]
    cycles = 400
    for number in range(cycles):
        loop.put(1.0 + number / 10.0)
        loop.cycle(1)
        if stub.word(0) != arrived[-1]:
            arrived.append(stub.word(0))
    sent, interval, budget = loop.counts("writes_sent", "writes_held_by_interval", "writes_held_by_budget")
    assert len(arrived) - 1 == sent == 20
    assert sent + interval + budget == cycles, "each of the values went out or was counted"
    assert [text for text in loop.told if "the budget is used up" in text] == loop.told
    assert len(loop.told) == 1
    loop.put(0.0)
    loop.device.force_writes()
    loop.cycle(0)
    assert stub.word(0) == 0, "the last write of a run goes through"
    assert loop.counts("writes_exempted") == (1,)
    loop.device.close()


def test_a_plc_that_does_not_follow_loses_our_heartbeat_and_takes_its_failsafe() -> None:
    rules = replace(VERIFIED, on_mismatch="bad", verify_every_s=1.0)
    degc = Point("setpoint_degc", 1, "holding_register", 120, "int16", scale=0.1, unit="degC", access="rw")
    mode, valve, pump, beat = (
        Point(name, 1, "holding_register", 100 + place, "uint16", access="w", write="every_cycle")
        for place, name in enumerate(("mode", "valve", "pump", "beat"))
    )
    with fb.Stub(fb.build("cdu_plc"), "--time-scale", "0", "--watchdog-s", "5") as plc:
        reader = fb.Tcp(plc.port)

        def failsafe() -> bool:
            plc.step(0.02)
            return bool(reader.ask(struct.pack(">BHH", 4, 8, 1))[-1] & 2)

        loop = Loop(plc, [replace(degc, write="on_change", rules=rules), mode, valve, pump], beat)
        for slot, value in enumerate((31.0, 1.0, 4000.0, 5000.0)):
            loop.put(value, slot)
        for _ in range(4):
            loop.cycle()
            plc.step(1.0)
        assert loop.counts("writes_verified", "heartbeats_withheld") == (1, 0)
        assert not failsafe()
        plc.ok("misbehave 1 ignore-write count=1 skip=1")
        loop.put(35.0, 0)
        for _ in range(10):
            loop.cycle()
            plc.step(1.0)
        assert plc.word(120) == 310
        assert loop.counts("writes_ignored") == (1,)
        assert loop.counts("heartbeats_withheld")[0] >= 8
        assert failsafe(), "its own watchdog has acted"
        loop.put(36.0, 0)
        for _ in range(4):
            loop.cycle()
            plc.step(1.0)
        assert plc.word(120) == 360
        assert loop.counts("writes_recovered") == (1,)
        assert not failsafe()
        reader.close()
        loop.device.close()
