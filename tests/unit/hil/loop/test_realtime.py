"""Real-time set-up without a system: order of asking and giving back; wishes of the rig; cyclictest's histogram."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from hil.config.realtime import RealTimeConfig
from hil.loop import realtime
from hil.loop.cyclictest import parse
from hil.loop.realtime import Grant, RealTime, RealTimeSettings, Step


class System:
    """A system that grants what it is told to and notes what it holds."""

    def __init__(self, *refused: str, lost: str = "") -> None:
        self.refused, self.lost = refused, lost
        self.held: list[str] = []
        self.returned: list[str] = []

    def _step(self, name: str) -> Step:
        if name in self.refused:
            return Grant(name, granted=False, line=f"{name}: refused"), None
        self.held.append(name)
        return Grant(name, granted=True, line=f"{name}: held"), self._give_back(name)

    def _give_back(self, name: str) -> Callable[[], None]:
        def undo() -> None:
            if name == self.lost:
                raise OSError("taken away meanwhile")
            self.returned.append(name)

        return undo

    def raise_priority(self, priority: int) -> Step:
        return self._step(f"priority {priority}")

    def pin(self, cpu: int) -> Step:
        return self._step(f"cpu {cpu}")

    def lock_memory(self) -> Step:
        return self._step("memory")

    def keep_awake(self) -> Step:
        return self._step("awake")

    def sharp_timers(self) -> Step:
        return self._step("timers")

    def be_ordinary(self) -> None:
        self.held.clear()


ALL = RealTimeSettings(priority=80, cpu=1, lock_memory=True)


def on(monkeypatch: pytest.MonkeyPatch, system: System) -> System:
    monkeypatch.setattr(realtime, "_system", lambda: system)
    return system


def test_nothing_is_asked_by_default_but_sharp_timers(monkeypatch: pytest.MonkeyPatch) -> None:
    system = on(monkeypatch, System())
    with RealTime(RealTimeSettings(), 1_000_000) as asked:
        assert [grant.asked for grant in asked.grants] == ["timers"]
        assert asked.spin_ns == 0
    assert system.returned == ["timers"]


def test_memory_comes_before_the_priority_and_all_goes_back_in_reverse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Locking takes a tenth of a second, in which nothing else is to be kept from the processor."""
    system = on(monkeypatch, System())
    with RealTime(ALL, 1_000_000):
        assert system.held == ["memory", "cpu 1", "priority 80", "awake", "timers"]
        assert system.returned == []
    assert system.returned == system.held[::-1]


def test_a_refusal_stops_neither_the_others_nor_the_giving_back(monkeypatch: pytest.MonkeyPatch) -> None:
    system = on(monkeypatch, System("cpu 1", "awake", lost="priority 80"))
    with RealTime(ALL, 1_000_000) as asked:
        refused = [grant.asked for grant in asked.grants if not grant.granted]
    assert refused == ["cpu 1", "awake"]
    assert system.returned == ["timers", "memory"]


def test_an_error_inside_gives_everything_back_too(monkeypatch: pytest.MonkeyPatch) -> None:
    system = on(monkeypatch, System())
    with pytest.raises(ZeroDivisionError), RealTime(ALL, 1_000_000):
        _ = 1 // 0
    assert system.returned == system.held[::-1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"priority": 0},
        {"priority": 100},
        {"cpu": -1},
        {"wait": "busy"},
        {"wait": "spin", "spin_margin_us": 0.0},
        {"wait": "spin", "spin_margin_us": 6000.0},
        {"spin_margin_us": 50.0},
        {"lock_memory": 1},
    ],
)
def test_wishes_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RealTimeConfig.model_validate(wrong)


def test_what_cyclictest_prints_becomes_a_histogram() -> None:
    printed = """\
# /dev/cpu_dma_latency set to 0us
# Histogram
000000 000000
000012 000098
000040 000001
# Total: 000000099
# Min Latencies: 00012
# Histogram Overflows: 00001
# Thread 0: 00326
"""
    late = parse(printed)
    assert late.count == 100
    assert late.percentile(0.5) == pytest.approx(12_500, rel=0.035)
    assert late.percentile(0.99) == pytest.approx(40_500, rel=0.035)
    assert late.max_ns == 20_000_000
