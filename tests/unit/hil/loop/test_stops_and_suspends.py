"""Stops of the process or the machine on a scripted clock: in the sleep, in mid-cycle; a slow write; a full ring."""

from __future__ import annotations

import scripted as sc

from controller import PID, Limiter
from hil.loop.control import PidBlock
from hil.loop.cycle import Cycle, CycleParts, CycleSettings
from hil.loop.image import BAD, GOOD, STALE, SUBSTITUTED, Image, Signal
from hil.loop.output import OutputStage
from hil.record.ring import Ring
from hil.record.rows import RowLayout, RowSink

HOUR = 36_000  # periods
SENSOR, SETPOINT, VALVE = range(3)


class Controlled(sc.Bench):
    """A PI loop over a station: the sensor is read, the valve written; the spender takes time before the loop."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.image = Image(
            [
                Signal("temp_degc", "degC", 0, 100, 20, max_age_ns=3 * sc.PERIOD_NS, initial=40.0),
                Signal("setpoint_degc", "degC", 0, 100, 30, initial=30.0),
                Signal("valve_percent", "%", 0, 100, 77, initial=10.0),
            ]
        )
        self.image.quality[SETPOINT] = GOOD
        self.rows = sc.Rows(self.image)
        self.station = sc.Station(self.image, self.clock, [SENSOR], [VALVE])
        stage = OutputStage(self.image, VALVE, Limiter(0, 100, 77, initial=10.0))
        pid = PID.ideal(1.0, 5.0, action="direct", output_low=0, output_high=100, initial_output=10.0)
        self.control = PidBlock("temp", self.image, pid, stage, setpoint=SETPOINT, measured=SENSOR)
        self.stage = stage

    def run(self, **_: object) -> object:
        parts = CycleParts(
            self.image,
            devices=(self.station,),
            controllers=(self.spender, self.control),
            outputs=(self.stage,),
        )
        settings = CycleSettings(sc.PERIOD_NS, self.duration_ns, 40_000_000, 30_000_000, is_virtual=False)
        self.cycle = Cycle(parts, self.clock, settings, self.overrun, self.rows, self.events, self.stop)
        return self.cycle.run()

    def writes_at(self) -> list[float]:
        """Stamps of the cycles that wrote, in periods, without the last act."""
        return [
            now_ns / sc.PERIOD_NS
            for what, now_ns, _, force in self.station.log
            if what == "write" and not force
        ]


def test_an_hour_asleep_is_an_hour_of_skipped_periods_and_no_burst() -> None:
    bench = sc.Bench(cycles=HOUR + 20, asleep=[0] * 5 + [HOUR - 0.5])
    end = bench.run()
    assert bench.grid[:8] == [0, 1, 2, 3, 4, 5 + HOUR - 0.5, 5 + HOUR, 6 + HOUR]
    assert bench.overrun.skipped_periods == HOUR - 1
    assert bench.overrun.overruns == 1
    assert end.cycles + bench.overrun.skipped_periods == HOUR + 20
    assert sum(bench.elapsed) == HOUR + 19, "plants and controllers are told of all of the time"


def test_what_was_received_before_the_sleep_is_bad_after_it_and_the_output_goes_to_its_failsafe() -> None:
    bench = Controlled(cycles=60, asleep=[0] * 10 + [20.25])
    answer = bench.station.read

    def read(now_ns: int, deadline_ns: int) -> None:
        # Cut off by the stop, back ten periods after it.
        bench.station.answers = not 10 <= now_ns / sc.PERIOD_NS < 40
        answer(now_ns, deadline_ns)

    bench.station.read = read  # type: ignore[method-assign]
    bench.run()
    first = next(row for row in bench.rows.rows if row[0] > 10 * sc.PERIOD_NS)
    assert first[2][SENSOR] == BAD
    assert (first[1][VALVE], first[2][VALVE]) == (77.0, SUBSTITUTED)
    back = next(row for row in bench.rows.rows if row[0] >= 40 * sc.PERIOD_NS)
    assert (back[2][SENSOR], back[2][VALVE]) == (GOOD, GOOD)
    assert bench.control.fallbacks == 1


def test_stopped_between_read_and_write_nothing_made_of_old_values_is_sent() -> None:
    bench = Controlled(cycles=40, costs=[0] * 10 + [20.5])
    bench.run()
    assert bench.cycle.writes_withheld == 1
    assert 10 not in bench.writes_at()
    assert bench.writes_at()[9:12] == [9, 31, 32], "the next point of the grid reads anew and writes"
    told = [event.text for event in bench.events.take() if event.source == "write"]
    assert len(told) == 1
    assert "2050.0 ms since the stamp" in told[0]
    assert bench.overrun.skipped_periods == 20
    stopped = next(row for row in bench.rows.rows if row[0] == 10 * sc.PERIOD_NS)
    assert stopped[2][SENSOR] == BAD


def test_a_cycle_that_is_late_and_whose_values_are_still_young_enough_writes() -> None:
    bench = Controlled(cycles=40, costs=[1.5] * 6)
    bench.run()
    assert bench.cycle.writes_withheld == 0
    assert bench.writes_at()[:6] == [0, 2, 4, 6, 8, 10]
    assert bench.overrun.overruns == 6


def test_a_cycle_too_slow_for_its_values_never_sends_what_is_stale() -> None:
    bench = Controlled(cycles=40, costs=[3.5] * 20)
    bench.run()
    assert bench.writes_at() == []
    assert bench.cycle.writes_withheld == bench.cycle.cycles == 10
    assert {row[2][SENSOR] for row in bench.rows.rows[:-1]} == {STALE}


def test_a_write_that_takes_three_periods_is_an_overrun_and_the_grid_is_kept() -> None:
    bench = Controlled(cycles=30)
    plain = bench.station.write

    def slow(now_ns: int, deadline_ns: int, *, force: bool = False) -> None:
        plain(now_ns, deadline_ns, force=force)
        if now_ns == 5 * sc.PERIOD_NS:
            bench.clock.spend(3 * sc.PERIOD_NS + 1)

    bench.station.write = slow  # type: ignore[method-assign]
    bench.run()
    assert bench.grid[4:8] == [4, 5, 9, 10]
    assert (bench.overrun.overruns, bench.overrun.skipped_periods) == (1, 3)


def test_a_full_ring_costs_rows_that_are_counted_and_never_a_cycle() -> None:
    bench = Controlled(cycles=50)
    layout = RowLayout(("temp_degc", "setpoint_degc", "valve_percent"), ())
    ring = Ring.private(layout.packer.size, 8)
    bench.rows = RowSink(bench.image, ring, layout)  # type: ignore[assignment]
    end = bench.run()
    assert (end.cycles, bench.overrun.overruns) == (50, 0)
    assert bench.grid == bench.writes_at() == list(range(50)), "each cycle on its point, each with its write"
    # The last act, in failsafe, is a row too.
    assert (ring.waiting, ring.dropped) == (8, 43)
    ring.close()
