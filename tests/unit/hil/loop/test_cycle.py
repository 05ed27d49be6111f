"""Whole cycles on a scripted clock: order of the phases, the grid, overruns and their policies, and the end."""

from __future__ import annotations

import gc
import math
from collections.abc import Sequence

import pytest
import scripted as sc
from hypothesis import given, settings
from hypothesis import strategies as st

from controller import PID, Limiter
from hil.loop.clock import VirtualClock
from hil.loop.control import PidBlock
from hil.loop.cycle import Cycle, CycleParts, CycleSettings, StopFlag
from hil.loop.events import EventLog
from hil.loop.image import GOOD, SUBSTITUTED, Image, Signal
from hil.loop.output import OutputStage
from hil.loop.overrun import OverrunPolicy, OverrunSettings
from hil.loop.plant import PlantBlock
from hil.loop.schedule import Schedule
from hil.loop.source import SourceBlock
from plant_models import workload

PERIOD_NS, PERIOD_S = sc.PERIOD_NS, sc.PERIOD_S


class Telling:
    """Wraps the parts of a cycle so that each tells when it runs, with the stamp it is given."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def tell(self, what: str) -> None:
        self.told.append((what, -1))


class TellingPlant:
    def __init__(self, telling: Telling) -> None:
        self._telling = telling

    def step(self, inputs: Sequence[float], dt_s: float) -> Sequence[float]:
        self._telling.tell("plant")
        return (0.5,)

    def set_fault(self, fault: str, active: bool) -> None:
        raise KeyError(fault)


class TellingStage(OutputStage):
    __slots__ = ("telling", "what")

    def run(self, now_ns: int, dt_s: float) -> None:
        self.telling.told.append((self.what, now_ns))
        super().run(now_ns, dt_s)


def test_one_cycle_runs_its_phases_in_order_with_one_stamp() -> None:
    telling = Telling()
    bench = sc.Bench(cycles=2)
    image = bench.image = Image([Signal(name, "1", 0, 1, 0.5) for name in ("load", "measured", "valve")])
    bench.rows = sc.Rows(image)

    def stage(slot: int, what: str) -> TellingStage:
        made = TellingStage(image, slot, Limiter(0, 1, 0.5))
        made.telling, made.what = telling, what
        return made

    class Device(sc.Station):
        def read(self, now_ns: int, deadline_ns: int) -> None:
            telling.told.append(("read", now_ns))
            bench.clock.spend(7)
            super().read(now_ns, deadline_ns)

        def write(self, now_ns: int, deadline_ns: int, *, force: bool = False) -> None:
            telling.told.append(("forced write" if force else "write", now_ns))
            super().write(now_ns, deadline_ns, force=force)

    class Falsifier:
        def apply(self, now_ns: int) -> None:
            telling.told.append(("falsify", now_ns))

    device = Device(image, bench.clock, [], [2])
    bench.spender.then = lambda now_ns: telling.told.append(("control", now_ns))
    push = bench.rows.push
    bench.rows.push = lambda now_ns: (telling.told.append(("record", now_ns)), push(now_ns))[1]  # type: ignore[method-assign, assignment]
    bench.run(
        sources=(SourceBlock(stage(0, "source"), workload.Constant(0.2)),),
        devices=(device,),
        plants=(PlantBlock(image, TellingPlant(telling), [0], [1]),),
        outputs=(stage(2, "limits"),),
        falsifiers=[Falsifier()],
        schedule=Schedule([(PERIOD_NS, lambda now_ns: telling.told.append(("schedule", now_ns)))]),
    )
    one = ["source", "read", "falsify", "plant", "falsify", "control", "limits", "write", "record"]
    assert [what for what, _ in telling.told] == [*one, "schedule", *one, "forced write", "record"]
    second = telling.told[len(one) : 2 * len(one) + 1]
    assert {now_ns for _, now_ns in second if now_ns >= 0} == {PERIOD_NS}
    assert image.received_ns[1] == PERIOD_NS, "a plant's outputs carry the stamp too"


def test_budgets_of_devices_count_from_the_stamp_and_from_the_phase() -> None:
    bench = sc.Bench(cycles=2, costs=[0.0, 0.25])
    station = sc.Station(bench.image, bench.clock, [], [0])
    bench.run(devices=(station,))
    reads = [(now_ns, limit_ns) for what, now_ns, limit_ns, _ in station.log if what == "read"]
    assert [limit_ns - now_ns for now_ns, limit_ns in reads] == [40_000_000] * 2
    write_limits = [limit_ns for what, _, limit_ns, force in station.log if what == "write" and not force]
    assert write_limits == [30_000_000, PERIOD_NS + PERIOD_NS // 4 + 30_000_000]


def test_a_run_on_time_covers_its_duration_on_the_grid() -> None:
    bench = sc.Bench(cycles=20, costs=[0.9] * 20)
    end = bench.run()
    assert bench.grid == list(range(20))
    assert bench.elapsed == [0] + [1] * 19
    assert (end.stop, end.cycles, end.simulated_s) == ("end", 20, 2.0)
    assert bench.overrun.overruns == bench.overrun.skipped_periods == 0
    assert bench.rows.stamps == [n * PERIOD_NS for n in range(20)]
    assert bench.told("overrun") == []


@pytest.mark.parametrize(
    ("cost", "next_at", "missed"),
    [(1.0, 1, 0), (1.01, 2, 1), (1.99, 2, 1), (2.0, 2, 1), (2.01, 3, 2), (7.5, 8, 7)],
)
def test_a_long_cycle_skips_whole_periods_and_stays_on_the_grid(
    cost: float, next_at: int, missed: int
) -> None:
    bench = sc.Bench(cycles=20, costs=[0.1, 0.1, cost])
    bench.run()
    assert bench.grid[:3] == [0, 1, 2]
    assert bench.grid[3:] == list(range(2 + next_at, 20))
    assert bench.elapsed[3] == next_at
    assert bench.overrun.skipped_periods == missed
    assert bench.overrun.overruns == len(bench.told("overrun")) == (missed > 0)
    assert bench.cycle.timing.cycle.count == bench.cycle.cycles


def test_waking_late_by_less_than_a_period_is_late_and_costs_nothing_else() -> None:
    bench = sc.Bench(cycles=5, asleep=[0, 0.6, 0.3])
    bench.run()
    assert bench.grid == [0, 1.6, 2.3, 3, 4]
    assert bench.elapsed == [0, 1, 1, 1, 1]
    assert bench.overrun.overruns == 0
    assert bench.cycle.timing.lateness.max_ns == 60_000_000


def test_waking_whole_periods_late_skips_them_and_advances_the_plants_over_them() -> None:
    bench = sc.Bench(cycles=10, asleep=[0, 0, 3.2])
    end = bench.run()
    assert bench.grid == [0, 1, 5.2, 6, 7, 8, 9]
    assert bench.elapsed == [0, 1, 4, 1, 1, 1, 1]
    assert (bench.overrun.overruns, bench.overrun.skipped_periods) == (1, 3)
    assert (end.cycles, end.simulated_s) == (7, 1.0)
    assert bench.cycle.timing.lateness.count == 7 + 3


def test_waking_late_and_then_taking_too_long_is_one_overrun_and_every_period_once() -> None:
    bench = sc.Bench(cycles=12, asleep=[0, 2.5], costs=[0, 3.7])
    bench.run()
    # Woken at 3.5 as the cycle of 3, done at 7.2: 1, 2 asleep; 4, 5, 6, 7 at work.
    assert bench.grid == [0, 3.5, 8, 9, 10, 11]
    assert bench.elapsed == [0, 3, 5, 1, 1, 1]
    assert (bench.overrun.overruns, bench.overrun.skipped_periods) == (1, 6)
    assert len(bench.told("overrun")) == 2


def test_the_last_cycle_cannot_make_a_run_longer_than_its_duration() -> None:
    bench = sc.Bench(cycles=5, costs=[0, 0, 0, 0, 4.5])
    assert bench.run().simulated_s == 0.5
    assert bench.overrun.skipped_periods == 4


@given(
    costs=st.lists(st.floats(0, 4), max_size=15),
    asleep=st.lists(st.floats(0, 4), max_size=15),
    policy=st.sampled_from(["skip", "degrade"]),
)
def test_whatever_happens_the_grid_is_kept_and_every_period_is_accounted_for(
    costs: list[float], asleep: list[float], policy: str
) -> None:
    chosen = OverrunSettings(policy, degrade_after=2, degrade_limit=2, recover_after=3)  # type: ignore[arg-type]
    bench = sc.Bench(cycles=40, costs=costs, asleep=asleep, policy=chosen)
    bench.run()
    cycles = bench.cycle.cycles
    # The plants' time is the grid's: never ahead of the clock, never a period behind it.
    grid, wakes = 0, [woken for _, woken in bench.clock.wakes]
    for now_ns, dt_s in bench.spender.steps:
        grid += round(dt_s / PERIOD_S)
        assert 0 <= now_ns - grid * PERIOD_NS < PERIOD_NS
        assert now_ns in wakes
    assert all(dt_s > 0 for _, dt_s in bench.spender.steps[1:]), "never two cycles in one period: no burst"
    # Each period of the grid had a cycle, was skipped and counted, or was left out by a stretched period.
    left_out = bench.overrun.degraded_cycles if policy == "degrade" else 0
    next_deadline = cycles + bench.overrun.skipped_periods + left_out
    assert next_deadline >= 40
    assert grid + 1 <= next_deadline
    assert bench.overrun.overruns <= cycles


def test_degrading_stretches_the_period_while_cycles_do_not_fit_and_recovers() -> None:
    policy = OverrunSettings("degrade", degrade_after=2, degrade_limit=4, recover_after=3)
    bench = sc.Bench(cycles=60, costs=[0, 1.5, 1.5, *[1.5] * 3], policy=policy)
    end = bench.run()
    # 1 -> 3, 3 -> 5 overran: from then on two periods, in which 1.5 fits; after three on time, one again.
    assert bench.grid[:8] == [0, 1, 3, 5, 7, 9, 11, 12]
    assert bench.elapsed[:8] == [0, 1, 2, 2, 2, 2, 2, 1]
    assert bench.overrun.factor == 1
    assert (bench.overrun.overruns, bench.overrun.skipped_periods) == (2, 2)
    assert bench.overrun.degraded_cycles == 3
    assert end.simulated_s == pytest.approx(6.0)


@pytest.mark.parametrize(("limit", "greatest"), [(2, 2), (3, 2), (8, 8)])
def test_degrading_stops_at_its_limit_and_the_duration_still_holds(limit: int, greatest: int) -> None:
    policy = OverrunSettings("degrade", degrade_after=1, degrade_limit=limit, recover_after=50)
    bench = sc.Bench(cycles=100, costs=[9.5] * 100, policy=policy)
    end = bench.run()
    assert bench.overrun.factor == greatest
    assert end.simulated_s == 10.0
    assert bench.overrun.skipped_periods > 0


def test_policy_trip_ends_in_failsafe_after_so_many_missed_in_succession() -> None:
    policy = OverrunSettings("trip", trip_after=4)
    bench = sc.Bench(cycles=100, costs=[2.5, 0.0, *[1.5] * 10], policy=policy)
    end = bench.run()
    assert end.stop == "tripped"
    # Two missed, one cycle on time, then one a cycle: the fourth in succession trips.
    assert end.cycles == 6
    assert bench.overrun.skipped_periods == 6
    assert "6 periods skipped" in end.reason
    assert len(bench.told("trip")) == 1


def test_waking_a_period_late_every_time_trips_although_each_cycle_is_short() -> None:
    bench = sc.Bench(cycles=100, asleep=[1.2] * 100, policy=OverrunSettings("trip", trip_after=5))
    assert bench.run().stop == "tripped"
    assert bench.cycle.cycles == 5


def with_actuator(bench: sc.Bench) -> tuple[OutputStage, sc.Station]:
    bench.image = Image([Signal("valve_percent", "%", 0, 100, 100, initial=20)])
    bench.rows = sc.Rows(bench.image)
    stage = OutputStage(bench.image, 0, Limiter(0, 100, 100, 1.0, 1.0, initial=20))
    return stage, sc.Station(bench.image, bench.clock, [], [0])


@pytest.mark.parametrize("how", ["end", "interrupted", "tripped", "error"])
def test_however_a_run_ends_the_last_write_is_the_failsafe_by_force_and_a_row_of_its_own(how: str) -> None:
    policy = OverrunSettings("trip", trip_after=1)
    bench = sc.Bench(cycles=10, costs=[0, 0, 1.5] if how == "tripped" else (), policy=policy)
    stage, station = with_actuator(bench)

    def at_the_third(now_ns: int) -> None:
        if now_ns == 2 * PERIOD_NS and how == "interrupted":
            bench.stop.reason = "stopped by SIGINT"
        if now_ns == 2 * PERIOD_NS and how == "error":
            raise ZeroDivisionError

    bench.spender.then = at_the_third
    if how == "error":
        with pytest.raises(ZeroDivisionError):
            bench.run(outputs=(stage,), devices=(station,))
    else:
        end = bench.run(outputs=(stage,), devices=(station,))
        assert end.stop == how
        assert end.cycles == (10 if how == "end" else 3)
    what, now_ns, limit_ns, force = station.log[-1]
    assert (what, force) == ("write", True)
    assert sum(entry[3] for entry in station.log) == 1
    assert limit_ns - now_ns >= 500_000_000, "no cycle comes after it: a slow device gets its time"
    assert station.registers[0] == 100.0, "at once, not at the rate limit"
    assert bench.rows.rows[-1][1:] == ((100.0,), bytes([SUBSTITUTED]))
    assert bench.rows.stamps == sorted(set(bench.rows.stamps)), "no two rows share a stamp"
    assert gc.isenabled()


def test_a_source_that_is_sent_to_a_device_ends_in_failsafe_too() -> None:
    bench = sc.Bench(cycles=2)
    stage, station = with_actuator(bench)
    source = SourceBlock(stage, workload.Constant(21.0))
    bench.run(sources=(source,), source_outputs=(stage,), devices=(station,))
    assert station.registers[0] == 100.0


def test_a_stop_before_the_first_deadline_runs_no_cycle() -> None:
    bench = sc.Bench()
    bench.stop.reason = "stopped by SIGTERM"
    end = bench.run()
    assert (end.stop, end.cycles, end.simulated_s) == ("interrupted", 0, 0.0)
    assert bench.spender.steps == []


def test_a_stop_is_heard_within_a_quarter_of_a_second_of_a_long_period() -> None:
    bench = sc.Bench(cycles=None)
    stop_at = 30_000_000_000

    class Clock(sc.ScriptedClock):
        def wait_until(self, deadline_ns: int) -> int:
            if deadline_ns >= stop_at:
                bench.stop.reason = "stopped by SIGINT"
            return super().wait_until(deadline_ns)

    clock = Clock()
    settings_ = CycleSettings(60_000_000_000, None, 1, 1, is_virtual=False)
    parts = CycleParts(bench.image, controllers=(bench.spender,))
    cycle = Cycle(parts, clock, settings_, bench.overrun, bench.rows, bench.events, bench.stop)
    assert cycle.run().stop == "interrupted"
    assert clock.now <= stop_at + 250_000_000
    assert len(bench.spender.steps) == 1, "no cycle after the wish to stop"


def test_an_interrupted_virtual_run_gives_its_last_row_the_next_stamp() -> None:
    image = Image([Signal("a", "1", 0, 1, 0.5)])
    rows, stop, clock = sc.Rows(image), StopFlag(), VirtualClock()
    spender = sc.Spender(sc.ScriptedClock())
    spender.then = lambda now_ns: setattr(stop, "reason", "enough" if now_ns == 2 * PERIOD_NS else "")
    settings_ = CycleSettings(PERIOD_NS, 10 * PERIOD_NS, 1, 1, is_virtual=True)
    parts = CycleParts(image, controllers=(spender,))
    end = Cycle(parts, clock, settings_, OverrunPolicy(OverrunSettings()), rows, EventLog(), stop).run()
    assert (end.stop, end.cycles) == ("interrupted", 3)
    assert rows.stamps == [0, PERIOD_NS, 2 * PERIOD_NS, 3 * PERIOD_NS]


def test_changes_of_quality_are_told_once_and_what_is_bad_from_the_start_too() -> None:
    bench = sc.Bench(cycles=6)
    image = bench.image = Image([Signal(name, "1", 0, 1, 0.5) for name in ("good", "wrong")])
    bench.rows = sc.Rows(image)
    station = sc.Station(image, bench.clock, [0, 1], [])
    station.registers[1] = math.nan

    def heal(now_ns: int) -> None:
        station.registers[1] = 0.3 if now_ns >= 3 * PERIOD_NS else math.nan

    bench.spender.then = heal
    bench.run(devices=(station,))
    told = [(event.t_s, event.source, event.text) for event in bench.told("quality")]
    assert told == [
        (0.0, "wrong", "SUBSTITUTED -> BAD"),
        (pytest.approx(0.4), "wrong", "BAD -> GOOD"),
    ]


class Hostile:
    """A controller, a plant and a profile at once, each of which answers with the next wild number."""

    name = "hostile"

    def __init__(self, numbers: Sequence[float], stage: OutputStage) -> None:
        self._numbers = list(numbers)
        self._stage = stage

    def _next(self) -> float:
        return self._numbers.pop() if self._numbers else math.nan

    def run(self, now_ns: int, dt_s: float) -> None:
        self._stage.request = self._next()

    def step(self, inputs: Sequence[float], dt_s: float) -> Sequence[float]:
        return (self._next(),)

    def value(self, t_s: float) -> float:
        return self._next()

    def mean(self, t0_s: float, t1_s: float) -> float:
        return self._next()

    def set_fault(self, fault: str, active: bool) -> None:
        raise KeyError(fault)

    def counters(self) -> dict[str, int]:
        return {}


@settings(max_examples=60)
@given(st.lists(st.floats(), max_size=40))
def test_no_wild_number_reaches_the_image_a_row_or_a_device(numbers: list[float]) -> None:
    bench = sc.Bench(cycles=10)
    names = ("load", "measured", "received", "valve", "pump")
    image = bench.image = Image([Signal(name, "1", -10, 10, 1) for name in names])
    bench.rows = sc.Rows(image)
    load, valve, pump = (OutputStage(image, slot, Limiter(-10, 10, 1, 4.0, 4.0)) for slot in (0, 3, 4))
    hostile = Hostile(numbers, valve)
    pid = PID.ideal(1e300, 1e-3, output_low=-10, output_high=10)
    block = PidBlock("pid", image, pid, pump, setpoint=2, measured=1)
    station = sc.Station(image, bench.clock, [2], [0, 3, 4])

    class Sending(sc.Station):
        def read(self, now_ns: int, deadline_ns: int) -> None:
            self.registers[2] = hostile._next()
            super().read(now_ns, deadline_ns)

        def write(self, now_ns: int, deadline_ns: int, *, force: bool = False) -> None:
            super().write(now_ns, deadline_ns, force=force)
            assert all(-10 <= self.registers[slot] <= 10 for slot in (0, 3, 4))

    station = Sending(image, bench.clock, [2], [0, 3, 4])
    bench.spender.then = lambda now_ns: hostile.run(now_ns, 0.0)
    parts = CycleParts(
        image,
        sources=(SourceBlock(load, hostile),),
        devices=(station,),
        plants=(PlantBlock(image, hostile, [3], [1]),),
        controllers=(bench.spender, block),
        outputs=(valve, pump),
        source_outputs=(load,),
    )
    settings_ = CycleSettings(PERIOD_NS, bench.duration_ns, 1, 1, is_virtual=False)
    Cycle(parts, bench.clock, settings_, bench.overrun, bench.rows, bench.events, bench.stop).run()
    for _, values, _ in bench.rows.rows:
        assert all(-10 <= value <= 10 for value in values)


def test_ten_thousand_cycles_leave_nothing_for_a_collector_that_sleeps() -> None:
    """The collector is off for as long as a run lasts, so a cycle must not make rings of references."""

    def left_behind(cycles: int) -> int:
        bench = sc.Bench(cycles=cycles)
        image = bench.image = Image(
            [Signal("sp", "1", 0, 1, 0.5), Signal("pv", "1", 0, 1, 0.5), Signal("mv", "1", 0, 1, 0.5)]
        )
        bench.rows = sc.Rows(image)
        bench.rows.push = lambda now_ns: None  # type: ignore[method-assign]
        stage = OutputStage(image, 2, Limiter(0, 1, 0.5))
        block = PidBlock("pid", image, PID.ideal(1.0, 1.0), stage, setpoint=0, measured=1)
        bench.spender.steps = None  # type: ignore[assignment]
        parts = CycleParts(image, controllers=(block,), outputs=(stage,))
        settings_ = CycleSettings(PERIOD_NS, bench.duration_ns, 1, 1, is_virtual=True)
        Cycle(parts, VirtualClock(), settings_, bench.overrun, bench.rows, bench.events, bench.stop).run()
        return gc.collect()

    left_behind(10)
    assert left_behind(10_000) <= left_behind(10) + 10


def test_all_good_after_the_first_cycle_is_not_worth_an_event() -> None:
    bench = sc.Bench(cycles=3)
    bench.run(devices=(sc.Station(bench.image, bench.clock, [0], []),))
    assert bench.told("quality") == []
    assert bench.image.quality[0] == GOOD


def test_timing_has_every_phase_and_lateness_only_where_time_is_real() -> None:
    bench = sc.Bench(cycles=4)
    bench.run()
    summary = bench.cycle.timing.summary(with_lateness=True)
    assert list(summary) == [
        "wait",
        "read",
        "plant",
        "control",
        "limits",
        "write",
        "record",
        "cycle",
        "lateness",
    ]
    assert all(figures["count"] == 4 for figures in summary.values())
    assert "lateness" not in bench.cycle.timing.summary(with_lateness=False)
