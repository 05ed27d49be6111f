"""Behaviour that takes hours or exact ticks; what both implementations share is in the contract test."""

import math
from pathlib import Path

import pytest

from hil.config.points import PointList, load_points
from hil.devices.stand_in import CduPlcProgram, CduPlcSettings
from hil.devices.stand_in.cdu_plc import FAULT_RESET, START, STOP, Mode, Status
from hil.devices.wire.codec import Request

POINTS_FILE = Path(__file__).parents[5] / "configs" / "points" / "cdu_plc.csv"
TICK_S = 0.05


@pytest.fixture(scope="module")
def points() -> PointList:
    return load_points(POINTS_FILE)


class Bench:
    """A CDU in four lines: the valve's cooling through one lag, the pump's pressure on a quadratic system."""

    def __init__(self, program: CduPlcProgram, heat_k: float = 20.0) -> None:
        self.program = program
        self.supply_degc = 30.0
        self.heat_k = heat_k
        self.system_kpa = 586.0  # at full speed, PLANT.md 3
        self.beat = 0

    def write(self, signal: str, value: float) -> None:
        point = self.program.store._points[signal]
        raw = round((value - point.offset) / point.scale) & 0xFFFF
        code, _ = self.program.store.answer(Request(1, 6, point.address, 1, (raw,)))
        assert code == 0, (signal, value)

    def get(self, signal: str) -> float:
        return self.program.store.get(signal)

    def status(self) -> Status:
        return Status(int(self.get("plc_status_word")))

    def tick(self, seconds: float = TICK_S) -> None:
        for _ in range(round(seconds / TICK_S)):
            steady = 26.8 + self.heat_k * (1.0 - self.get("fws_valve_position_percent") / 100.0)
            self.supply_degc += (1.0 - math.exp(-TICK_S / 5.0)) * (steady - self.supply_degc)
            self.write("bench_tcs_supply_temp_degc", self.supply_degc)
            pressure = self.system_kpa * (self.get("tcs_pump_speed_percent") / 100.0) ** 2
            self.write("bench_rack_differential_pressure_kpa", pressure)
            self.program.tick(TICK_S)

    def remote(self, valve: float, pump: float, seconds: float = TICK_S) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.beat += 1
            self.write("plc_mode_command", 1)
            self.write("fws_valve_command_percent", valve)
            self.write("tcs_pump_speed_command_percent", pump)
            self.write("plc_heartbeat", self.beat % 65536)
            self.tick()


@pytest.fixture
def bench(points: PointList) -> Bench:
    return Bench(CduPlcProgram(points))


class TestLocal:
    def test_holds_both_set_points_and_rejects_a_load_step(self, bench: Bench) -> None:
        bench.tick(1200.0)
        assert bench.supply_degc == pytest.approx(30.0, abs=0.05)
        assert bench.get("rack_differential_pressure_kpa") == 300.0
        assert bench.get("tcs_pump_speed_percent") == pytest.approx(71.55, abs=0.1)
        before = bench.get("fws_valve_position_percent")
        bench.heat_k, bench.system_kpa = 30.0, 450.0
        bench.tick(900.0)
        assert bench.supply_degc == pytest.approx(30.0, abs=0.05)
        assert bench.get("rack_differential_pressure_kpa") == 300.0
        assert bench.get("fws_valve_position_percent") > before + 3.0
        assert bench.get("tcs_pump_speed_percent") == pytest.approx(81.65, abs=0.1)

    def test_follows_set_points_without_much_overshoot(self, bench: Bench) -> None:
        bench.tick(600.0)
        bench.write("rack_differential_pressure_setpoint_kpa", 450.0)
        highest = 0.0
        for _ in range(120):
            bench.tick(0.5)
            highest = max(highest, bench.get("rack_differential_pressure_kpa"))
        assert bench.get("rack_differential_pressure_kpa") == pytest.approx(450.0, abs=1.0)
        assert highest < 450.0 + 0.1 * 150.0  # a pump ramp of 30 s must not wind the loop up

    def test_unreachable_set_point_sits_at_the_limit_and_comes_back_at_once(self, bench: Bench) -> None:
        bench.tick(60.0)
        bench.write("rack_differential_pressure_setpoint_kpa", 650.0)
        bench.tick(600.0)
        assert bench.get("tcs_pump_speed_percent") == 100.0
        assert bench.status() & Status.LIMIT_ACTIVE
        bench.write("rack_differential_pressure_setpoint_kpa", 500.0)
        bench.tick(2.0)
        assert bench.get("tcs_pump_speed_percent") < 97.0
        assert not bench.status() & Status.LIMIT_ACTIVE

    def test_pump_minimum_while_running(self, bench: Bench) -> None:
        bench.system_kpa = 5000.0  # 50 kPa at 10 % speed, but 20 % is the least
        bench.write("rack_differential_pressure_setpoint_kpa", 50)
        bench.tick(300.0)
        assert bench.get("tcs_pump_speed_percent") == 20.0


class TestModes:
    def test_starts_local_at_failsafe_positions_with_broken_wires(self, points: PointList) -> None:
        program = CduPlcProgram(points, CduPlcSettings(failsafe_valve=80.0, failsafe_pump=60.0))
        program.tick(TICK_S)
        assert program.store.get("fws_valve_position_percent") == 80.0
        assert program.store.get("tcs_pump_speed_percent") == 60.0
        assert Status(int(program.store.get("plc_status_word"))) == Status.RUNNING | Status.SENSOR_FAULT
        assert program.store.get("tcs_supply_temp_degc") == pytest.approx(-3276.8)
        assert program.store.get("tcs_flow_l_min") == pytest.approx(6553.5)

    def test_watchdog_trips_after_three_seconds_and_no_sooner(self, bench: Bench) -> None:
        bench.remote(40.0, 50.0, 60.0)
        assert bench.program.mode == Mode.REMOTE
        bench.tick(2.95)
        assert bench.program.mode == Mode.REMOTE
        bench.tick(0.1)
        assert bench.program.mode == Mode.FAILSAFE
        assert (bench.get("plc_remote"), bench.get("plc_failsafe")) == (0.0, 1.0)
        bench.tick(15.0)
        assert bench.get("fws_valve_position_percent") == pytest.approx(90.0, abs=0.5)  # 50 % in 15 s
        assert bench.get("tcs_pump_speed_percent") == 70.0
        bench.tick(600.0)
        assert bench.program.mode == Mode.FAILSAFE  # latched

    def test_one_master_cycle_brings_remote_back_where_the_actuators_are(self, bench: Bench) -> None:
        bench.remote(40.0, 50.0, 60.0)
        bench.tick(60.0)
        bench.remote(100.0, 70.0)
        assert bench.program.mode == Mode.REMOTE
        assert bench.get("fws_valve_position_percent") == 100.0
        assert bench.get("tcs_pump_speed_percent") == 70.0

    def test_stale_commands_are_never_taken_up(self, bench: Bench) -> None:
        bench.remote(40.0, 50.0, 60.0)
        bench.tick(60.0)
        bench.write("plc_mode_command", 1)
        bench.write("plc_heartbeat", 1)
        bench.write("fws_valve_command_percent", 100.0)
        bench.tick(0.1)
        assert bench.program.mode == Mode.FAILSAFE  # the pump's command is from before the break
        bench.write("tcs_pump_speed_command_percent", 70.0)
        bench.tick(0.1)
        assert bench.program.mode == Mode.REMOTE

    def test_sensor_fault_leaves_remote_alone(self, points: PointList) -> None:
        program = CduPlcProgram(points)
        bench = Bench(program)
        bench.remote(40.0, 50.0, 60.0)
        for _ in range(120):
            bench.beat += 1
            bench.write("plc_heartbeat", bench.beat % 65536)
            program.tick(TICK_S)  # no bench values
        assert bench.status() & (Status.REMOTE | Status.SENSOR_FAULT) == Status.REMOTE | Status.SENSOR_FAULT
        assert bench.get("fws_valve_position_percent") == 40.0

    def test_stop_outranks_the_failsafe(self, bench: Bench) -> None:
        bench.remote(40.0, 50.0, 60.0)
        bench.write("plc_start_command", STOP)
        bench.tick(60.0)
        assert bench.program.mode == Mode.FAILSAFE
        assert bench.get("tcs_pump_speed_percent") == 0.0
        assert bench.get("fws_valve_position_percent") == 0.0
        bench.write("plc_start_command", START)
        bench.tick(60.0)
        assert bench.get("tcs_pump_speed_percent") == 70.0

    def test_a_long_pause_counts_for_the_watchdog(self, bench: Bench) -> None:
        bench.remote(40.0, 50.0, 60.0)
        bench.program.tick(5.0)  # the process was suspended
        assert bench.program.mode == Mode.FAILSAFE


class TestFaults:
    def test_pump_trip_in_local_recovers_without_windup(self, bench: Bench) -> None:
        bench.tick(600.0)
        bench.write("bench_pump_trip", 1)
        bench.tick(120.0)
        assert bench.get("tcs_pump_speed_percent") == 0.0
        assert bench.status() & Status.PUMP_FAULT
        bench.write("bench_pump_trip", 0)
        bench.tick(1.0)
        assert bench.get("tcs_pump_speed_percent") == 0.0
        bench.write("plc_start_command", FAULT_RESET)
        highest = 0.0
        for _ in range(120):
            bench.tick(1.0)
            highest = max(highest, bench.get("rack_differential_pressure_kpa"))
        assert bench.get("rack_differential_pressure_kpa") == pytest.approx(300.0, abs=1.0)
        assert highest < 330.0

    def test_reset_while_the_cause_lasts_does_not_clear(self, bench: Bench) -> None:
        bench.write("bench_pump_trip", 1)
        bench.tick(1.0)
        bench.write("plc_start_command", FAULT_RESET)
        bench.tick(0.1)
        assert bench.status() & Status.PUMP_FAULT
