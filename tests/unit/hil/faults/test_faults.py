"""Sensor faults on values in the image, equipment faults and set-points as actions, each told as an event."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import pytest

from controller import Limiter
from hil.faults import EquipmentSwitch, SensorFalsifier, SetPoint
from hil.loop.cycle import Falsifier
from hil.loop.events import EventLog
from hil.loop.image import BAD, GOOD, STALE, Image, Signal
from hil.loop.output import OutputStage
from hil.loop.source import SourceBlock
from plant_models import workload

S = 1_000_000_000


class Bench:
    """One signal that a device or a plant keeps writing, and the faults laid over it."""

    def __init__(self, max_age_ns: int = 3 * S) -> None:
        self.image = Image([Signal("supply_degc", "degC", 0.0, 60.0, 20.0, max_age_ns)])
        self.active: list[Falsifier] = []
        self.events = EventLog()

    def fault(
        self, *, bias: float = 0.0, noise_std: float = 0.0, frozen: bool = False, number: int = 0
    ) -> SensorFalsifier:
        return SensorFalsifier(
            self.image, 0, self.active, self.events, bias=bias, noise_std=noise_std, frozen=frozen, seed=(1, number)
        )  # fmt: skip

    def cycle(self, now_s: int, true_value: float | None) -> float:
        """Receive (or not), then run the faults as often as the cycle does: after devices and after plants."""
        if true_value is not None:
            self.image.accept(0, true_value, now_s * S)
        self.image.age(now_s * S)
        for _ in range(2):
            for fault in self.active:
                fault.apply(now_s * S)
        return self.image.values[0]


def test_a_bias_is_laid_once_on_each_received_value_and_ends() -> None:
    bench = Bench()
    fault = bench.fault(bias=2.5)
    bench.cycle(1, 30.0)
    fault.on(2 * S)
    assert bench.cycle(2, 31.0) == 33.5
    assert bench.cycle(3, None) == 33.5, "an old value is not biased again"
    assert bench.cycle(4, 32.0) == 34.5
    fault.off(5 * S)
    assert bench.cycle(5, 32.0) == 32.0
    told = [(event.t_s, event.kind, event.source, event.text) for event in bench.events.take()]
    assert told == [
        (2.0, "fault_start", "supply_degc", "sensor: bias +2.5 degC"),
        (5.0, "fault_end", "supply_degc", "sensor: bias +2.5 degC"),
    ]


def test_a_fault_from_the_start_falsifies_the_very_first_value() -> None:
    bench = Bench()
    bench.fault(bias=2.5).on(0)
    assert bench.cycle(0, 31.0) == 33.5


def test_a_bias_out_of_range_turns_the_signal_bad() -> None:
    bench = Bench()
    bench.fault(bias=50.0).on(0)
    bench.cycle(1, 30.0)
    assert bench.image.quality[0] == BAD
    assert math.isfinite(bench.image.values[0])
    assert bench.image.rejected[0] == 1


def test_a_frozen_sensor_keeps_the_value_of_its_moment_and_stays_good() -> None:
    bench = Bench()
    bench.cycle(1, 30.0)
    fault = bench.fault(frozen=True)
    fault.on(2 * S)
    assert [bench.cycle(now_s, 30.0 + now_s) for now_s in range(2, 6)] == [30.0] * 4
    assert bench.image.quality[0] == GOOD
    fault.off(6 * S)
    assert bench.cycle(6, 36.0) == 36.0


def test_a_frozen_sensor_behind_a_dead_wire_grows_old_like_any_other() -> None:
    bench = Bench()
    bench.cycle(1, 30.0)
    bench.fault(frozen=True).on(2 * S)
    bench.cycle(2, 30.0)
    bench.cycle(6, None)
    assert bench.image.quality[0] == STALE


def test_noise_has_its_size_no_mean_and_is_the_same_each_time() -> None:
    def noisy(number: int) -> list[float]:
        bench = Bench()
        bench.fault(noise_std=0.5, number=number).on(0)
        return [bench.cycle(now_s, 30.0) for now_s in range(1, 2001)]

    values = noisy(0)
    assert statistics.fmean(values) == pytest.approx(30.0, abs=0.05)
    assert statistics.stdev(values) == pytest.approx(0.5, rel=0.05)
    assert values == noisy(0)
    assert values != noisy(1)


def test_two_faults_of_one_sensor_add_up() -> None:
    bench = Bench()
    bench.fault(bias=1.0).on(0)
    bench.fault(bias=2.0, number=1).on(0)
    assert bench.cycle(1, 30.0) == 33.0
    assert bench.cycle(2, 30.0) == 33.0


class Pump:
    """Coasts down when tripped."""

    def __init__(self) -> None:
        self.speed_percent = 80.0
        self.tripped = False

    def step(self, inputs: Sequence[float], dt_s: float) -> Sequence[float]:
        target = 0.0 if self.tripped else inputs[0]
        self.speed_percent += (target - self.speed_percent) * (1 - math.exp(-dt_s / 2.0))
        return (self.speed_percent,)

    def set_fault(self, fault: str, active: bool) -> None:
        assert fault == "pump_trip"
        self.tripped = active


def test_an_equipment_fault_is_switched_on_and_off_and_told() -> None:
    pump, events = Pump(), EventLog()
    switch = EquipmentSwitch("cdu", pump, "pump_trip", events)
    switch.on(10 * S)
    assert pump.step([80.0], 10.0)[0] < 1.0
    switch.off(20 * S)
    assert pump.step([80.0], 10.0)[0] > 79.0
    told = [(event.t_s, event.kind, event.source, event.text) for event in events.take()]
    assert told == [(10.0, "fault_start", "cdu", "pump_trip"), (20.0, "fault_end", "cdu", "pump_trip")]


def test_a_fault_of_two_events_lasts_until_both_are_over() -> None:
    pump, events = Pump(), EventLog()
    holders: set[EquipmentSwitch] = set()
    first, second = (EquipmentSwitch("cdu", pump, "pump_trip", events, holders) for _ in range(2))
    for switch, now_s, tripped in (
        (first.on, 10, True), (second.on, 20, True), (first.off, 30, True), (second.off, 40, False),
        # One follows on the other, and its beginning is told before the other's end.
        (first.on, 50, True), (second.on, 60, True), (first.off, 60, True), (second.off, 70, False),
    ):  # fmt: skip
        switch(now_s * S)
        assert pump.tripped is tripped, now_s
    assert [(event.t_s, event.kind) for event in events.take()] == [
        (10.0, "fault_start"), (40.0, "fault_end"), (50.0, "fault_start"), (70.0, "fault_end"),
    ]  # fmt: skip


def source() -> tuple[Image, SourceBlock, EventLog]:
    image = Image([Signal("setpoint_degc", "degC", 0, 60, 30)])
    stage = OutputStage(image, 0, Limiter(0, 60, 30))
    return image, SourceBlock(stage, workload.Constant(30.0)), EventLog()


def test_a_set_point_steps_at_its_time() -> None:
    image, block, events = source()
    block.run(0, 0.0)
    block.run(4 * S, 4.0)
    SetPoint("setpoint_degc", block, 34.0, 0.0, events)(5 * S)
    block.run(5 * S, 1.0)
    assert image.values[0] == 34.0
    assert [event.text for event in events.take()] == ["to 34"]


def test_a_set_point_ramps_from_where_it_is() -> None:
    image, block, events = source()
    block.run(4 * S, 4.0)
    SetPoint("setpoint_degc", block, 34.0, 4.0, events)(5 * S)
    seen = []
    for now_s in range(5, 12):
        block.run(now_s * S, 1.0)
        seen.append(image.values[0])
    assert seen == pytest.approx([30.0, 30.5, 31.5, 32.5, 33.5, 34.0, 34.0])
    assert [event.text for event in events.take()] == ["to 34 over 4 s"]
