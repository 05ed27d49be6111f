"""A changeover in the image: its number and table as requests, hold and failsafe by quality, changes in words."""

from __future__ import annotations

import pytest

from controller import Condition, Limiter, Stages
from hil.loop.image import BAD, GOOD, STALE, SUBSTITUTED, Image, Signal
from hil.loop.output import FAILSAFE, HOLD, OutputStage
from hil.loop.staged import StagesBlock

SUPPLY, AIR, MODE, CHILLER = range(4)


class Bench:
    """A changeover between free cooling and a chiller that is enabled at 10 % a second."""

    def __init__(self, **options: int) -> None:
        self.image = Image(
            [
                Signal("supply_temp_degc", "degC", 0, 60, 20),
                Signal("dry_bulb_temp_degc", "degC", -20, 60, 20),
                Signal("cooling_mode", "1", 0, 1, 1, initial=0),
                Signal("chiller_percent", "%", 0, 100, 90, initial=0),
            ]
        )
        self.mode = OutputStage(self.image, MODE, Limiter(0, 1, 1, initial=0))
        self.chiller = OutputStage(self.image, CHILLER, Limiter(0, 100, 90, 10.0, 10.0, initial=0))
        self.law = Stages(
            [26.0], [24.0], minimum_time_s=20.0, delay_s=2.0, up_if=[Condition((15.0,), is_above=True)]
        )
        self.told: list[tuple[int, str]] = []
        self.block = StagesBlock(
            "cooling", self.image, self.law, self.mode, {self.chiller: (0.0, 100.0)}, inputs=[SUPPLY, AIR],
            names=("free", "mechanical"), failsafe_stage=1, tell=lambda now_ns, text: self.told.append((now_ns, text)),
            **options,
        )  # fmt: skip
        self.now_ns = 0

    def cycle(
        self, supply_degc: float = 20.0, air_degc: float = 30.0, *, quality: int = GOOD
    ) -> tuple[float, float]:
        """One second; gives mode and chiller as applied."""
        self.now_ns += 10**9
        self.image.accept(SUPPLY, supply_degc, self.now_ns)
        self.image.accept(AIR, air_degc, self.now_ns)
        self.image.quality[SUPPLY] = quality
        self.block.run(self.now_ns, 1.0)
        for stage in self.block.output_stages:
            stage.run(self.now_ns, 1.0)
        return self.image.values[MODE], self.image.values[CHILLER]


def test_the_table_goes_through_its_signals_limits() -> None:
    bench = Bench()
    for _ in range(30):
        bench.cycle()
    seen = [bench.cycle(27.0) for _ in range(13)]
    assert seen[:4] == [(0, 0), (0, 0), (1, 10), (1, 20)]
    assert seen[-1] == (1, 100)
    ((at_ns, text),) = bench.told
    assert at_ns == 33 * 10**9
    assert (
        text == "stage 0 (free) -> stage 1 (mechanical): supply_temp_degc 27 degC, dry_bulb_temp_degc 30 degC"
    )


def test_the_second_condition_is_looked_at() -> None:
    bench = Bench()
    for _ in range(60):
        assert bench.cycle(27.0, air_degc=14.0) == (0, 0)


def test_stale_holds_bad_takes_the_failsafe_stage_and_each_signal_its_own_failsafe() -> None:
    bench = Bench()
    for _ in range(25):
        bench.cycle()
    for _ in range(5):
        assert bench.cycle(27.0, quality=STALE) == (0, 0)
    assert bench.image.quality[MODE] == SUBSTITUTED
    assert bench.mode.mode == HOLD
    seen = [bench.cycle(20.0, quality=BAD) for _ in range(12)]
    assert seen[0] == (1, 10)
    assert seen[-1] == (1, 90), "at its rate, to its own failsafe"
    assert bench.chiller.mode == FAILSAFE
    assert bench.block.counters() == {
        "changes": 0,
        "waits": 0,
        "rejected": 0,
        "fallbacks": 1,
        "fallback_cycles": 17,
    }
    assert "failsafe, supply_temp_degc 20 degC BAD" in bench.told[0][1]
    back = [bench.cycle(20.0)[0] for _ in range(9)]
    assert back == [1] * 8 + [0], "20 s in the stage, those in failsafe among them"
    assert bench.image.quality[MODE] == GOOD


@pytest.mark.parametrize(
    ("options", "quality", "mode"), [({"on_stale": FAILSAFE}, STALE, 1), ({"on_bad": HOLD}, BAD, 0)]
)
def test_fallbacks_are_what_the_rig_asks_for(options: dict[str, int], quality: int, mode: int) -> None:
    bench = Bench(**options)
    bench.cycle()
    assert bench.cycle(20.0, quality=quality)[0] == mode


def test_a_lost_condition_is_a_lost_input() -> None:
    bench = Bench()
    bench.cycle()
    bench.image.accept(SUPPLY, 20.0, bench.now_ns)
    bench.image.quality[AIR] = BAD
    bench.block.run(bench.now_ns, 1.0)
    assert bench.mode.mode == FAILSAFE


def test_by_hand_no_sensor_is_needed() -> None:
    bench = Bench()
    bench.cycle()
    bench.law.to_manual(1)
    for _ in range(15):
        seen = bench.cycle(20.0, quality=BAD)
    assert seen == (1, 100)
    assert bench.block.fallbacks == 0
    assert bench.told[0][1].endswith("by hand")
