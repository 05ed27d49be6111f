import math

import pytest

from hil.devices.stand_in.parts import Actuator, PiLoop, Sensor, Watchdog


class TestSensor:
    def test_first_value_is_taken_whole_and_later_ones_filtered(self) -> None:
        sensor = Sensor(tau_s=0.5)
        assert math.isnan(sensor.reading)
        sensor.write(30.0)
        sensor.tick(0.01, 3.0)
        assert sensor.reading == 30.0
        sensor.write(40.0)
        for _ in range(50):
            sensor.tick(0.01, 3.0)
        assert sensor.reading == pytest.approx(40.0 - 10.0 / math.e, rel=1e-9)

    def test_filter_does_not_depend_on_the_tick(self) -> None:
        coarse, fine = Sensor(0.5), Sensor(0.5)
        for sensor in (coarse, fine):
            sensor.write(0.0)
            sensor.tick(0.01, 3.0)
            sensor.write(1.0)
        coarse.tick(0.4, 3.0)
        for _ in range(40):
            fine.tick(0.01, 3.0)
        assert coarse.reading == pytest.approx(fine.reading, rel=1e-12)

    def test_value_not_written_for_longer_than_the_limit_is_a_broken_wire(self) -> None:
        sensor = Sensor(0.5)
        sensor.write(30.0)
        for _ in range(4):
            sensor.tick(1.0, 3.0)
        assert sensor.valid
        sensor.tick(1.0, 3.0)
        assert math.isnan(sensor.reading)
        sensor.write(50.0)
        sensor.tick(0.01, 3.0)
        assert sensor.reading == 50.0


class TestActuator:
    def test_moves_at_its_rate_and_stops_at_the_demand(self) -> None:
        valve = Actuator(20.0, full_travel_s=30.0)
        valve.move(80.0, 3.0)
        assert valve.position_percent == pytest.approx(30.0)
        valve.move(32.0, 3.0)
        assert valve.position_percent == 32.0
        valve.move(0.0, 6.0)
        assert valve.position_percent == pytest.approx(12.0)

    def test_mismatch_needs_more_than_ten_percent_for_more_than_two_seconds(self) -> None:
        valve = Actuator(50.0, 30.0)
        for _ in range(1000):
            valve.move(60.0, 0.01, stuck=True)
        assert not valve.mismatch
        ticks = 0
        while not valve.mismatch:
            valve.move(100.0, 0.01, stuck=True)
            ticks += 1
        assert ticks == pytest.approx(200, abs=3)
        assert valve.position_percent == 50.0
        valve.reset_mismatch()
        assert not valve.mismatch

    def test_slow_travel_is_no_mismatch(self) -> None:
        valve = Actuator(0.0, 120.0)
        for _ in range(12000):
            valve.move(100.0, 0.01)
            assert not valve.mismatch
        assert valve.position_percent == pytest.approx(100.0)

    def test_coasts_from_full_speed_in_three_seconds(self) -> None:
        pump = Actuator(100.0, 30.0)
        pump.coast(1.5)
        assert pump.position_percent == pytest.approx(50.0)
        pump.coast(2.0)
        assert pump.position_percent == 0.0


class TestPiLoop:
    def test_gain_and_integral_time(self) -> None:
        loop = PiLoop(10.0, 120.0, 1.0, 0.0, 100.0)
        loop.track(30.0, 30.0, 40.0)
        output = 40.0
        for _ in range(12000):
            output = loop.step(30.0, 31.0, output, 0.01)
        # 1 K direct: 10 % at once, less the 2 % of travel that start the integral a tick late, and 10 % in Ti.
        assert output == pytest.approx(60.0, abs=0.01)

    def test_takes_over_where_it_was_tracked(self) -> None:
        loop = PiLoop(10.0, 120.0, 1.0, 0.0, 100.0)
        loop.track(30.0, 36.0, 25.0)
        assert loop.step(30.0, 36.0, 25.0, 0.01) == pytest.approx(25.0, abs=0.01)

    @pytest.mark.parametrize(("measured", "limit", "back"), [(45.0, 100.0, 29.9), (15.0, 0.0, 30.1)])
    def test_leaves_a_limit_as_soon_as_the_error_turns(
        self, measured: float, limit: float, back: float
    ) -> None:
        loop = PiLoop(10.0, 120.0, 1.0, 0.0, 100.0)
        loop.track(30.0, 30.0, 50.0)
        for _ in range(60000):  # ten minutes at the limit
            output = loop.step(30.0, measured, limit, 0.01)
        assert output == limit
        assert loop.limited
        output = loop.step(30.0, back, limit, 0.01)
        # Without windup the integral is still at 50 %.
        assert output == pytest.approx(50.0 + 10.0 * (back - 30.0), abs=0.2)
        assert not loop.limited

    def test_does_not_wind_up_behind_a_slow_actuator(self) -> None:
        loop = PiLoop(1.0, 1.0, -1.0, 0.0, 100.0)
        loop.track(400.0, 400.0, 50.0)
        first = loop.step(410.0, 400.0, 50.0, 0.01)
        for _ in range(500):
            output = loop.step(410.0, 400.0, 50.0, 0.01)
        assert output == first == pytest.approx(60.1)


class TestWatchdog:
    def test_only_a_changing_counter_is_a_sign_of_life(self) -> None:
        watchdog = Watchdog(3.0)
        assert not watchdog.alive
        watchdog.beat(0)  # the power-up value
        assert not watchdog.alive
        watchdog.beat(1)
        assert watchdog.alive
        for _ in range(4):
            watchdog.tick(1.0)
            watchdog.beat(1)
        assert not watchdog.alive
        watchdog.beat(0)  # wrapped
        assert watchdog.alive
        assert watchdog.last == 0
