"""A set-point that was asked for from outside: the road it takes in the loop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controller import Limiter
from hil.devices.northbound.settings import SETPOINT
from hil.faults import SetPoint
from hil.loop.clock import NS_PER_S
from hil.loop.events import EventLog
from hil.loop.image import Image, Signal
from hil.loop.mailbox import Mailbox
from hil.loop.output import OutputStage
from hil.rig.northbound import RequestedSource, make_source, setpoints_taken
from hil.rig.profiles import BuiltProfile
from plant_models import workload


class Bench:
    """One source from 30 degC on, at most 2 K/s, and a box for what is asked of it."""

    def __init__(self) -> None:
        self.memory = memoryview(bytearray(Mailbox.room(SETPOINT)))
        self.box = Mailbox(self.memory, SETPOINT)
        self.events = EventLog()
        self.image = Image([Signal("wanted_degc", "degC", 15.0, 45.0, 20.0, initial=30.0)])
        stage = OutputStage(self.image, 0, Limiter(15.0, 45.0, 20.0, 2.0, 2.0, initial=30.0))
        built = BuiltProfile(workload.Constant(30.0), 1.0, 0.0, 30.0, 30.0)
        self.source = make_source("wanted_degc", stage, built, {"wanted_degc": self.box}, self.events)
        self.now_s = 0

    def cycles(self, count: int) -> float:
        for _ in range(count):
            self.source.run(self.now_s * NS_PER_S, 1.0)
            self.now_s += 1
        return self.image.values[0]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.box.close()


def test_nothing_asked_is_the_profile(bench: Bench) -> None:
    assert isinstance(bench.source, RequestedSource)
    assert bench.cycles(5) == 30.0
    assert setpoints_taken([bench.source]) == 0
    assert bench.events.take() == []


def test_what_is_asked_passes_the_rates_and_stays(bench: Bench) -> None:
    bench.cycles(2)
    bench.box.put(1, 40.0)
    assert bench.cycles(1) == 32.0
    assert bench.cycles(3) == 38.0
    assert bench.cycles(10) == 40.0
    assert setpoints_taken([bench.source]) == 1
    (event,) = bench.events.take()
    assert (event.kind, event.source, event.text) == (
        "setpoint",
        "wanted_degc",
        "to 40, asked from northbound",
    )


def test_no_request_gets_past_the_limits(bench: Bench) -> None:
    bench.box.put(1, 99.0)
    assert bench.cycles(30) == 45.0


def test_the_last_to_speak_counts(bench: Bench) -> None:
    bench.box.put(1, 40.0)
    bench.cycles(20)
    SetPoint("wanted_degc", bench.source, 25.0, 0.0, bench.events)(bench.now_s * NS_PER_S)
    assert bench.cycles(20) == 25.0
    bench.box.put(2, 40.0)
    assert bench.cycles(20) == 40.0


def test_a_request_repeated_every_moment_is_counted_and_told_now_and_then(bench: Bench) -> None:
    for number in range(1, 101):
        bench.box.put(number, 30.0 + number % 2)
        bench.source.run(number * NS_PER_S // 100, 0.01)
    assert setpoints_taken([bench.source]) == 100
    assert 1 <= len(bench.events.take()) <= 2
