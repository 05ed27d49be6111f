"""Instruments in the image: plants see truth and position, the rest what is measured and commanded; faults on top."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hil.faults import SensorFalsifier
from hil.loop.events import EventLog
from hil.loop.image import BAD, GOOD, STALE, SUBSTITUTED, Image, Signal
from hil.loop.instruments import ActuatorBlock, Instruments, SensorBlock
from hil.loop.plant import PlantBlock

COMMAND, LEVEL, OTHER, TRUTH, POSITION = range(5)
SECOND_NS = 10**9


class Adds:
    """An instrument, or a plant, that adds a figure; it keeps what it was given."""

    def __init__(self, figure: float) -> None:
        self.figure = figure
        self.given: list[tuple[float, float]] = []

    def step(self, value: float, dt_s: float) -> float:
        self.given.append((value, dt_s))
        return value + self.figure


class Vessel:
    """Gives the first input as its output."""

    def __init__(self) -> None:
        self.given: list[list[float]] = []

    def step(self, inputs: Sequence[float], dt_s: float) -> list[float]:
        self.given.append(list(inputs))
        return [inputs[0]]

    def set_fault(self, fault: str, active: bool) -> None:
        raise AssertionError("not here")


class Bench:
    """A command to a vessel whose level a second one reads; the second runs before the first."""

    def __init__(self, *, max_age_ns: int = 0) -> None:
        self.image = Image(
            [
                Signal("command", "%", 0, 100, 7),
                Signal("level", "%", 0, 100, 0, max_age_ns=max_age_ns),
                Signal("other", "%", 0, 100, 0),
                Signal("truth", "%", 0, 100, 0),
                Signal("position", "%", 0, 100, 0),
            ]
        )
        self.first, self.second = Vessel(), Vessel()
        self.plants = [
            PlantBlock(self.image, self.second, [LEVEL], [OTHER]),
            PlantBlock(self.image, self.first, [COMMAND], [LEVEL]),
        ]
        self.sensor, self.actuator = Adds(3.0), Adds(10.0)
        self.instruments = Instruments(
            [SensorBlock(self.image, LEVEL, self.sensor, TRUTH)],
            [ActuatorBlock(self.image, COMMAND, self.actuator, POSITION)],
        )
        self.now_ns = -SECOND_NS

    def cycle(self, command: float = 50.0, *, quality: int = GOOD, plants: bool = True) -> list[float]:
        self.now_ns += SECOND_NS
        image = self.image
        image.values[COMMAND], image.quality[COMMAND] = command, quality
        self.instruments.before_plants(self.now_ns, 1.0)
        for plant in self.plants if plants else ():
            plant.run(self.now_ns, 1.0)
        self.instruments.after_plants(self.now_ns)
        return list(image.values)


def test_the_plant_is_moved_by_the_position_and_measured_by_the_sensor() -> None:
    bench = Bench()
    values = bench.cycle(50.0)
    assert bench.first.given == [[60.0]]
    assert values[LEVEL] == 63.0
    assert values[COMMAND] == 50.0, "the image goes on holding the command"
    assert (values[TRUTH], values[POSITION]) == (60.0, 60.0)


def test_another_plant_reads_the_truth_though_it_runs_first() -> None:
    bench = Bench()
    bench.cycle(50.0)
    values = bench.cycle(20.0)
    assert bench.second.given[1] == [60.0], "not the 63 that was measured"
    assert values[OTHER] == 60.0


def test_no_new_value_no_new_sample_and_the_elapsed_time_is_that_between_samples() -> None:
    bench = Bench()
    bench.cycle(50.0)
    for _ in range(3):
        assert bench.cycle(70.0, plants=False)[LEVEL] == 63.0
    bench.cycle(70.0)
    assert bench.sensor.given == [(60.0, 0.0), (80.0, 4.0)]
    assert len(bench.actuator.given) == 5, "an actuator moves in every cycle"


def test_a_bad_command_takes_the_actuator_to_the_failsafe_and_stays_bad() -> None:
    bench = Bench()
    bench.cycle(50.0, quality=BAD)
    assert bench.first.given == [[17.0]]
    assert bench.image.quality[COMMAND] == BAD
    assert bench.instruments.actuators[0].substituted == 1
    assert bench.plants[1].inputs_substituted == 0, "the substitute went through the actuator"


def test_an_output_out_of_range_is_bad_and_the_last_measured_value_stays() -> None:
    bench = Bench()
    bench.cycle(50.0)
    values = bench.cycle(95.0)
    assert (values[LEVEL], bench.image.quality[LEVEL]) == (63.0, BAD)
    values = bench.cycle(95.0)
    assert bench.plants[0].inputs_substituted == 1, (
        "and the other plant takes its failsafe, as without a sensor"
    )
    assert bench.cycle(30.0)[LEVEL] == 43.0
    assert bench.image.quality[LEVEL] == GOOD


def faulty(bench: Bench, **figures: float | bool) -> SensorFalsifier:
    options = {"bias": 0.0, "noise_std": 0.0, "frozen": False} | figures
    return SensorFalsifier(
        bench.image, LEVEL, bench.instruments.falsifiers, EventLog(), seed=(1, 0), **options
    )  # type: ignore[arg-type]


def test_a_scenarios_fault_comes_on_top_and_no_plant_sees_it() -> None:
    bench = Bench()
    bench.cycle(50.0)
    fault = faulty(bench, bias=20.0)
    fault.on(bench.now_ns)
    assert bench.cycle(50.0)[LEVEL] == 83.0
    assert bench.cycle(50.0, plants=False)[LEVEL] == 83.0, "once a sample"
    bench.cycle(50.0)
    assert [given for (given,) in bench.second.given] == [0.0, 60.0, 60.0]
    fault.off(bench.now_ns)
    assert bench.cycle(50.0)[LEVEL] == 63.0


def test_a_fault_out_of_range_is_bad_for_control_and_good_for_plants() -> None:
    bench = Bench()
    bench.cycle(50.0)
    faulty(bench, bias=500.0).on(bench.now_ns)
    for _ in range(3):
        bench.cycle(50.0)
        assert bench.image.quality[LEVEL] == BAD
    assert bench.plants[0].inputs_substituted == 0
    assert bench.second.given[-1] == [60.0]


def test_a_frozen_one_keeps_what_was_measured() -> None:
    bench = Bench()
    bench.cycle(50.0)
    faulty(bench, frozen=True).on(bench.now_ns)
    assert [bench.cycle(value)[LEVEL] for value in (60.0, 70.0)] == [63.0, 63.0]
    assert bench.image.values[TRUTH] == 80.0


def test_a_received_value_is_measured_when_it_comes_and_ages_as_before() -> None:
    bench = Bench(max_age_ns=2 * SECOND_NS)
    image = bench.image
    bench.plants = [bench.plants[0]]
    bench.cycle()
    assert bench.sensor.given == [], "nothing was received yet"
    assert image.quality[LEVEL] == SUBSTITUTED
    image.accept(LEVEL, 40.0, bench.now_ns + SECOND_NS)
    assert bench.cycle()[LEVEL] == 43.0
    for quality in (GOOD, GOOD, STALE):
        image.age(bench.now_ns + SECOND_NS)
        assert bench.cycle()[LEVEL] == 43.0
        assert image.quality[LEVEL] == quality
    assert bench.second.given[-1] == [40.0]


@pytest.mark.parametrize("count", [1, 5])
def test_the_order_of_sensors_does_not_matter(count: int) -> None:
    bench = Bench()
    bench.instruments = Instruments(
        [SensorBlock(bench.image, slot, Adds(1.0)) for slot in (OTHER, LEVEL)], bench.instruments.actuators
    )
    for _ in range(count):
        values = bench.cycle(50.0)
    assert values[LEVEL] == 61.0
    assert values[OTHER] == (1.0 if count == 1 else 61.0)
