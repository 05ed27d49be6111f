"""What saves time changes nothing: the quick blocks leave the image that the plain ones leave, to the bit."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable, Sequence

import pytest
from plain_blocks import PlainLimiter, PlainPlant, PlainSource, PlainStage

from controller import Limiter
from hil.loop.image import Image, Signal
from hil.loop.output import FAILSAFE, HOLD, NORMAL, OutputStage
from hil.loop.plant import PlantBlock
from hil.loop.source import SourceBlock
from plant_models import workload

CYCLES = 400
SECOND_NS = 1_000_000_000
ODD = (math.nan, math.inf, -math.inf, -0.0, 0.0, 1e300, -5.0, 105.0)


def bits(image: Image) -> bytes:
    """All that a row, the ageing and the table of latest values are made of."""
    values = struct.pack(f"<{len(image.values)}d", *image.values)
    return (
        values
        + bytes(image.quality)
        + bytes(image.limited)
        + repr((image.received_ns, image.rejected)).encode()
    )


def image_of(count: int) -> Image:
    return Image([Signal(f"s_{n}", "%", 0.0, 100.0, 50.0, initial=20.0 + n) for n in range(count)])


def random_value(rng: random.Random) -> float:
    return rng.choice(ODD) if rng.random() < 0.2 else rng.uniform(-20.0, 120.0)


@pytest.mark.parametrize("rate_per_s", [None, 3.0, 40.0])
def test_an_output_stage(rate_per_s: float | None) -> None:
    rng = random.Random(7)
    images = image_of(1), image_of(1)
    limits = 0.0, 100.0, 50.0, rate_per_s, rate_per_s, 20.0
    quick = OutputStage(images[0], 0, Limiter(*limits))
    plain = PlainStage(images[1], 0, PlainLimiter(*limits))
    for cycle in range(CYCLES):
        request, mode = random_value(rng), rng.choice((NORMAL, NORMAL, NORMAL, HOLD, FAILSAFE))
        dt_s = rng.choice((0.0, 0.1, 1.0, 1.0, -1.0, math.nan, math.inf))
        for stage in (quick, plain):
            stage.request, stage.mode = request, mode
            stage.run(cycle, dt_s)
        assert bits(images[0]) == bits(images[1])
    assert quick.limiter.counters() == plain.limiter.counters()
    assert quick.limiter.counters()["rate"] > 0 or rate_per_s is None


PROFILES: dict[str, Callable[[], workload.Profile]] = {
    "constant": lambda: workload.Constant(40.0),
    "out of range": lambda: workload.Constant(140.0),
    "step": lambda: workload.Step(10.0, ((20.0, 60.0), (33.3, 61.0))),
    "ramp": lambda: workload.Ramp(10.0, 90.0, 5.0, 55.5),
    "held samples": lambda: workload.Sampled((0.0, 15.0, 30.0), (7.0, 80.1, 80.1), "hold", repeat=True),
    "lines": lambda: workload.Sampled((3.0, 15.0, 31.0), (7.0, 80.1, 30.0), repeat=True),
    "pulse": lambda: workload.SquarePulse(5.0, 95.0, 13.7, 0.4, 0.2, 2.0),
}


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("rate_per_s", [None, 1.7])
@pytest.mark.parametrize("period_s", [1.0, 0.1])
def test_a_source_through_falsified_images_skips_and_other_profiles(
    name: str, rate_per_s: float | None, period_s: float
) -> None:
    rng = random.Random(11)
    images = image_of(1), image_of(1)
    limits = 0.0, 100.0, 50.0, rate_per_s, rate_per_s, 20.0
    limiters = Limiter(*limits), PlainLimiter(*limits)
    quick = SourceBlock(OutputStage(images[0], 0, limiters[0]), PROFILES[name](), 1.03, -0.7)
    plain = PlainSource(PlainStage(images[1], 0, limiters[1]), PROFILES[name](), 1.03, -0.7)
    step, last = 0, 0
    for cycle in range(CYCLES):
        now_ns = round(step * period_s * SECOND_NS)
        for source in (quick, plain):
            if cycle == CYCLES // 2:
                source.follow(workload.Step(33.0, ((250.0, 44.0),)), now_ns)
            source.run(now_ns, (step - last) * period_s)
        assert bits(images[0]) == bits(images[1])
        if rng.random() < 0.1:
            for image in images:  # somebody else writes there, as a sensor's fault does
                image.accept(0, 99.0 + cycle, now_ns)
        last, step = step, step + rng.choice((1, 1, 1, 1, 2, 17))
    assert limiters[0].counters() == limiters[1].counters()


class Answers:
    """A plant that keeps what it is asked and gives odd answers now and then."""

    def __init__(self, ports: int, seed: int) -> None:
        self._rng, self._ports = random.Random(seed), ports
        self.seen: list[tuple[float, ...]] = []

    def step(self, inputs: Sequence[float], dt_s: float) -> Sequence[float]:
        self.seen.append(tuple(inputs))
        return [random_value(self._rng) for _ in range(self._ports)]

    def set_fault(self, fault: str, active: bool) -> None:
        raise KeyError(fault)


@pytest.mark.parametrize("outputs", [(2, None, 1, 3), (None, 2), (None,), ()])
def test_a_plant(outputs: tuple[int | None, ...]) -> None:
    images = image_of(4), image_of(4)
    plants = Answers(len(outputs), 3), Answers(len(outputs), 3)
    inputs = (0, 2.5, 2, 1)
    quick = PlantBlock(images[0], plants[0], inputs, outputs)
    plain = PlainPlant(images[1], plants[1], inputs, outputs)
    for cycle in range(CYCLES):
        quick.run(cycle, 1.0)
        plain.run(cycle, 1.0)
        assert bits(images[0]) == bits(images[1])
    assert plants[0].seen == plants[1].seen
    assert not outputs or sum(images[0].rejected) > 0 or outputs == (None,)
