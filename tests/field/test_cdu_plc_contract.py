"""One contract for the CDU PLC, against the C stub and the Python stand-in, over real sockets and real time.

The client here is written with socket and struct alone, so that it shares no code with either side. Either may be held
up by the machine for some tenths of a second: what must come is waited for, bounds in time count from and to readings
of the clock that enclose what they bound, and where both sides must keep time, a few attempts are made.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil.config.points import PointList, load_points
from hil.devices.stand_in import CduPlcProgram, CduPlcSettings, RunningPlc, build_c_stub, launch_cdu_plc

POINTS_FILE = Path(__file__).parents[2] / "configs" / "points" / "cdu_plc.csv"
TRAVEL_S = 0.5  # of valve and pump alike, 0 to 100 %
WATCHDOG_S = 1.0
EVENTUALLY_S = 30.0
ATTEMPTS = 6
OPTIONS = {
    "watchdog_s": WATCHDOG_S,
    "stroke_s": TRAVEL_S,
    "ramp_s": TRAVEL_S,
    "pump_min": 20.0,
    "valve_max": 95.0,
}
FAILSAFE_VALVE, FAILSAFE_PUMP = 90.0, 70.0
START, STOP, FAULT_RESET = 2321, 2322, 2323
RUNNING, REMOTE, FAILSAFE, LEAK, PUMP_FAULT, VALVE_FAULT, LIMIT, SENSOR_FAULT, LOCKED, ALIVE = (
    1 << bit for bit in range(10)
)
BROKEN = -32768
READ = {"discrete_input": 2, "holding_register": 3, "input_register": 4}

KINDS = [
    pytest.param("c", marks=[pytest.mark.needs("gcc"), pytest.mark.needs("libmodbus")]),
    pytest.param("python"),
]


@pytest.fixture(scope="module")
def points() -> PointList:
    return load_points(POINTS_FILE)


class Wire:
    """A Modbus client on a bare socket: requests by PDU, points by name."""

    def __init__(self, plc: RunningPlc, points: PointList) -> None:
        self.points = points
        self.socket = socket.create_connection((plc.host, plc.port), timeout=EVENTUALLY_S)
        self._ids = itertools.count(1)

    def ask(self, pdu: bytes, unit_id: int = 1) -> bytes:
        number = next(self._ids)
        self.socket.sendall(struct.pack(">HHHB", number, 0, len(pdu) + 1, unit_id) + pdu)
        got, protocol, length, unit = struct.unpack(">HHHB", self._exactly(7))
        assert (got, protocol, unit) == (number, 0, unit_id)
        return self._exactly(length - 1)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            assert part, "connection closed"
            data += part
        return data

    def raw(self, signal: str) -> int:
        point = self.points.point(signal)
        assert point is not None
        reply = self.ask(struct.pack(">BHH", READ[point.table], point.address, 1))
        assert reply[0] == READ[point.table], f"{signal}: exception {reply[-1]}"
        if point.table == "discrete_input":
            return reply[2] & 1
        (word,) = struct.unpack(">h" if point.type == "int16" else ">H", reply[2:4])
        return word >> point.bit & 1 if point.bit is not None else word

    def get(self, signal: str) -> float:
        point = self.points.point(signal)
        assert point is not None
        return self.raw(signal) * point.scale + point.offset

    def put_raw(self, signal: str, raw: int) -> int:
        """Write by function 06; gives the exception code, 0 where it was taken."""
        point = self.points.point(signal)
        assert point is not None
        reply = self.ask(struct.pack(">BHH", 6, point.address, raw & 0xFFFF))
        return 0 if reply[0] == 6 else reply[1]

    def put(self, signal: str, value: float) -> None:
        point = self.points.point(signal)
        assert point is not None
        assert self.put_raw(signal, round((value - point.offset) / point.scale)) == 0, (signal, value)

    def put_block(self, address: int, *words: int) -> int:
        """Write by function 16; gives the exception code."""
        head = struct.pack(">BHHB", 16, address, len(words), 2 * len(words))
        reply = self.ask(head + struct.pack(f">{len(words)}H", *(word & 0xFFFF for word in words)))
        return 0 if reply[0] == 16 else reply[1]

    def status(self) -> int:
        return self.raw("plc_status_word")

    def command(self, valve: float, pump: float, heartbeat: int, mode: int = 1) -> None:
        """One cycle of a master: mode, both commands and the heartbeat in one block."""
        assert self.put_block(100, mode, round(100 * valve), round(100 * pump), heartbeat) == 0

    def bench(
        self, supply: float = 30.0, dp: float = 300.0, back: float = 40.0, flow: float = 1300.0
    ) -> None:
        words = (round(100 * supply), round(100 * back), round(10 * dp), round(10 * flow))
        assert self.put_block(200, *words) == 0

    def close(self) -> None:
        self.socket.close()


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait for it without sending anything but what it asks."""
    end_s = time.monotonic() + EVENTUALLY_S
    while not condition():
        assert time.monotonic() < end_s, f"not within {EVENTUALLY_S} s: {what}"
        time.sleep(0.01)


class Master:
    """Drives a PLC as our loop does: bench, commands and heartbeat every 20 ms."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.beats = 0
        self.sent_s = 0.0  # before the last command went out
        self.valve, self.pump, self.mode = 50.0, 50.0, 1
        self.bench: dict[str, float] | None = {}

    def cycle(self) -> None:
        self.beats = self.beats % 60000 + 1
        if self.bench is not None:
            self.wire.bench(**self.bench)
        self.sent_s = time.monotonic()
        self.wire.command(self.valve, self.pump, self.beats, self.mode)
        time.sleep(0.02)

    def run(self, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self.cycle()

    def until(self, condition: Callable[[], bool], limit_s: float = EVENTUALLY_S) -> None:
        end_s = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < end_s, f"not within {limit_s} s; status {self.wire.status():#06x}"
            self.cycle()

    def settle(self, valve: float, pump: float) -> None:
        """Bring the actuators to a position in REMOTE."""
        self.valve, self.pump, self.mode = valve, pump, 1
        self.until(lambda: bool(self.wire.status() & REMOTE))
        self.until(lambda: abs(self.position() - valve) < 0.005 and abs(self.speed() - pump) < 0.005)

    def fresh_sensors(self, **bench: float) -> None:
        """Break the wires for a moment: the next values are taken whole, whatever earlier tests left."""
        self.bench = None
        self.until(lambda: self.wire.raw("tcs_supply_temp_degc") == BROKEN)
        self.bench = bench
        self.until(lambda: self.wire.raw("tcs_supply_temp_degc") != BROKEN)

    def position(self) -> float:
        return self.wire.get("fws_valve_position_percent")

    def speed(self) -> float:
        return self.wire.get("tcs_pump_speed_percent")


@pytest.fixture(scope="module", params=KINDS)
def plc(request: pytest.FixtureRequest) -> Iterator[RunningPlc]:
    with launch_cdu_plc(
        request.param, failsafe_valve=FAILSAFE_VALVE, failsafe_pump=FAILSAFE_PUMP, **OPTIONS
    ) as running:
        assert running.kind == request.param, running.why
        yield running


@pytest.fixture
def wire(plc: RunningPlc, points: PointList) -> Iterator[Wire]:
    """A connection to a PLC without faults, in LOCAL, started, its set-points at 30 °C and 300 kPa."""
    wire = Wire(plc, points)
    for signal in ("bench_leak", "bench_valve_stuck", "bench_pump_trip", "plc_mode_command"):
        wire.put(signal, 0)
    wire.put("plc_start_command", FAULT_RESET)
    wire.put("plc_start_command", START)
    wire.put("tcs_supply_temp_setpoint_degc", 30.0)
    wire.put("rack_differential_pressure_setpoint_kpa", 300.0)
    yield wire
    wire.close()


@pytest.fixture
def master(wire: Wire) -> Master:
    return Master(wire)


class TestCduPlcContract:
    def test_every_point_of_the_list_answers(self, wire: Wire, points: PointList) -> None:
        for point in points.points:
            raw = wire.raw(point.signal)
            if point.writable and point.signal not in ("plc_mode_command", "plc_start_command"):
                assert wire.put_raw(point.signal, raw) == 0, point.signal

    def test_unlisted_addresses_get_exception_2(self, wire: Wire) -> None:
        assert wire.ask(struct.pack(">BHH", 4, 0, 10)) == b"\x84\x02"
        assert wire.ask(struct.pack(">BHH", 2, 0, 2)) == b"\x82\x02"
        assert wire.ask(struct.pack(">BHH", 1, 0, 1)) == b"\x81\x02"
        assert wire.ask(struct.pack(">BHH", 5, 0, 0xFF00)) == b"\x85\x02"
        assert wire.ask(struct.pack(">BHH", 3, 99, 1)) == b"\x83\x02"
        assert wire.ask(struct.pack(">BHH", 3, 103, 2)) == b"\x83\x02"
        assert wire.ask(struct.pack(">BHH", 3, 65535, 2)) == b"\x83\x02"
        assert wire.ask(struct.pack(">BHH", 6, 104, 0)) == b"\x86\x02"
        assert wire.put_block(103, 5, 5) == 2
        assert wire.ask(struct.pack(">BHHB", 15, 0, 1, 1) + b"\x01") == b"\x8f\x02"

    def test_other_functions_get_exception_1(self, wire: Wire) -> None:
        for function in (7, 8, 22, 23, 43, 0x7F):
            assert wire.ask(bytes([function, 0, 0, 0, 0])) == bytes([function | 0x80, 1])

    def test_malformed_requests_get_exception_3(self, wire: Wire) -> None:
        assert wire.ask(struct.pack(">BHH", 4, 0, 0)) == b"\x84\x03"
        assert wire.ask(struct.pack(">BHH", 4, 0, 126)) == b"\x84\x03"
        assert wire.ask(b"\x03\x00") == b"\x83\x03"
        assert wire.ask(b"\x04") == b"\x84\x03"
        assert wire.ask(struct.pack(">BHHB", 16, 100, 2, 2) + bytes(2)) == b"\x90\x03"
        assert wire.ask(struct.pack(">BHHB", 16, 100, 2, 4) + bytes(3)) == b"\x90\x03"
        assert wire.raw("plc_status_word") & RUNNING  # and the stream is still in step

    @pytest.mark.parametrize("unit_id", [0, 2, 255])
    def test_other_unit_ids_get_exception_11(self, wire: Wire, unit_id: int) -> None:
        assert wire.ask(struct.pack(">BHH", 4, 0, 1), unit_id) == b"\x84\x0b"

    @pytest.mark.parametrize(
        ("signal", "taken", "refused"),
        [
            ("plc_mode_command", (0,), (2, 65535)),
            ("plc_start_command", (0, START, FAULT_RESET), (1, 2320, 2324, 65535)),
            ("fws_valve_command_percent", (0, 10000), (10001, -1)),
            ("tcs_pump_speed_command_percent", (0, 10000), (10001, -1)),
            ("tcs_supply_temp_setpoint_degc", (150, 450, 300), (149, 451, -1)),
            ("rack_differential_pressure_setpoint_kpa", (50, 650, 300), (49, 651)),
            ("bench_leak", (1, 0), (2,)),
            ("bench_tcs_supply_temp_degc", (-32768, 32767, 3000), ()),
        ],
    )
    def test_values_outside_the_declared_range_get_exception_3(
        self, wire: Wire, signal: str, taken: tuple[int, ...], refused: tuple[int, ...]
    ) -> None:
        for raw in taken:
            assert wire.put_raw(signal, raw) == 0
            assert wire.raw(signal) == raw
        for raw in refused:
            assert wire.put_raw(signal, raw) == 3
            assert wire.raw(signal) == taken[-1]  # unchanged

    def test_a_block_with_one_bad_value_is_refused_whole(self, wire: Wire) -> None:
        assert wire.put_block(101, 1234, 5678) == 0
        assert wire.put_block(101, 4321, 10001) == 3
        assert (wire.raw("fws_valve_command_percent"), wire.raw("tcs_pump_speed_command_percent")) == (
            1234,
            5678,
        )

    def test_bench_sensors_come_back_filtered_and_in_coarse_steps(self, master: Master) -> None:
        wire = master.wire
        master.fresh_sensors(supply=31.26, back=40.04, dp=287.6, flow=1234.5)
        assert wire.raw("tcs_supply_temp_degc") == 313  # 31.3 °C: a tenth is all the PLC shows
        assert wire.raw("tcs_return_temp_degc") == 400
        assert wire.raw("rack_differential_pressure_kpa") == 288
        assert wire.raw("tcs_flow_l_min") == 12345
        master.bench = {"supply": 41.26}
        started_s = time.monotonic()
        master.cycle()
        reading, read_s = wire.get("tcs_supply_temp_degc"), time.monotonic()
        most = 10.0 * (1.0 - math.exp(-(read_s - started_s) / 0.5))
        assert 31.2 <= reading <= 31.4 + most  # not at once

    def test_sensors_not_written_show_a_broken_wire_and_take_local_to_failsafe(self, master: Master) -> None:
        wire = master.wire
        master.settle(40.0, 40.0)
        master.mode = 0
        master.until(lambda: wire.status() & (RUNNING | REMOTE | SENSOR_FAULT) == RUNNING)
        eventually(lambda: wire.raw("tcs_supply_temp_degc") == BROKEN, "broken wire")
        assert wire.raw("rack_differential_pressure_kpa") == BROKEN
        assert wire.raw("tcs_flow_l_min") == 65535
        assert wire.status() & SENSOR_FAULT
        eventually(lambda: (master.position(), master.speed()) == (FAILSAFE_VALVE, FAILSAFE_PUMP), "failsafe")
        shown = {BROKEN}

        def is_back() -> bool:
            wire.bench(supply=33.3)
            shown.add(wire.raw("tcs_supply_temp_degc"))
            return not wire.status() & SENSOR_FAULT

        eventually(is_back, "no fault")
        assert shown <= {BROKEN, 333}  # taken whole, no ramp from the old value
        # The loops take over from where the actuators stand, not from where they left off.
        assert master.position() == pytest.approx(FAILSAFE_VALVE, abs=0.5)
        assert master.speed() == pytest.approx(FAILSAFE_PUMP, abs=0.5)

    def test_leak_alarm_is_inverted_on_the_wire(self, wire: Wire) -> None:
        for leak in (1, 0):
            wire.put("bench_leak", leak)
            eventually(lambda leak=leak: bool(wire.status() & LEAK) == bool(leak), "the leak in the status")
            assert wire.raw("leak_alarm") == 1 - leak
            assert wire.get("leak_alarm") == leak

    def test_remote_follows_the_commands_at_stroke_and_ramp(self, master: Master) -> None:
        """Never faster, in any attempt; as fast as that in one in which nothing was held up."""
        assert any(self._moves_as_fast_as_declared(master) for _ in range(ATTEMPTS))

    def _moves_as_fast_as_declared(self, master: Master) -> bool:
        master.settle(20.0, 80.0)
        kept_up = master.wire.raw("plc_remote") == 1
        master.valve, master.pump = 80.0, 30.0
        before_s = time.monotonic()
        master.cycle()
        sent_s = time.monotonic()
        for _ in range(8):
            master.cycle()
            asked_s = time.monotonic()
            position, speed = master.position(), master.speed()
            got_s = time.monotonic()
            # Two ticks of room: the registers hold the last tick's state, and the command waits for the next.
            least, most = asked_s - sent_s - 0.04, got_s - before_s + 0.02
            assert position <= 20.0 + 100.0 / TRAVEL_S * most
            assert speed >= 80.0 - 100.0 / TRAVEL_S * most
            kept_up &= min(position, 80.0) >= min(20.0 + 100.0 / TRAVEL_S * least, 80.0)
            kept_up &= max(speed, 30.0) <= max(80.0 - 100.0 / TRAVEL_S * least, 30.0)
        master.settle(80.0, 30.0)
        return kept_up

    def test_commands_beyond_the_limits_are_held_and_told(self, master: Master) -> None:
        master.settle(50.0, 50.0)
        master.until(lambda: not master.wire.status() & LIMIT)
        master.valve, master.pump = 100.0, 5.0
        limits = (OPTIONS["valve_max"], OPTIONS["pump_min"])
        master.until(lambda: (master.position(), master.speed()) == limits)
        master.run(0.2)
        assert (master.position(), master.speed()) == limits, "and there they stay"
        master.until(lambda: bool(master.wire.status() & LIMIT))
        master.settle(95.0, 20.0)
        master.until(lambda: not master.wire.status() & LIMIT)

    def test_watchdog_takes_the_failsafe_and_remote_comes_back_without_a_bump(self, master: Master) -> None:
        wire = master.wire
        master.settle(30.0, 40.0)

        def is_in_failsafe() -> bool:
            # The same counter again is no sign of life, however often it is written.
            wire.put_raw("plc_heartbeat", master.beats)
            return bool(wire.raw("plc_failsafe"))

        eventually(is_in_failsafe, "failsafe")
        assert time.monotonic() - master.sent_s > WATCHDOG_S - 0.03, "not before its time, to two ticks"
        assert wire.status() & (REMOTE | FAILSAFE | ALIVE) == FAILSAFE
        wire.bench()
        eventually(lambda: (master.position(), master.speed()) == (FAILSAFE_VALVE, FAILSAFE_PUMP), "failsafe")
        # A heartbeat alone is not enough: the failsafe is latched until REMOTE is asked for again.
        for beat in range(60001, 61000):
            wire.put("plc_heartbeat", beat)
            time.sleep(0.03)
            assert wire.status() & FAILSAFE
            if wire.status() & ALIVE:
                break
        assert beat < 60999
        # Nor the request, while the commands are those from before the break (30 and 40 %).
        wire.put("plc_mode_command", 1)
        time.sleep(0.05)
        assert wire.raw("plc_failsafe") == 1
        assert master.position() == FAILSAFE_VALVE
        # The master's next ordinary cycle is enough.
        master.valve, master.pump = FAILSAFE_VALVE, FAILSAFE_PUMP
        master.until(lambda: wire.status() & (REMOTE | FAILSAFE) == REMOTE)
        for _ in range(5):
            assert (master.position(), master.speed()) == (FAILSAFE_VALVE, FAILSAFE_PUMP)
            master.cycle()

    def test_leaving_failsafe_for_local(self, master: Master) -> None:
        wire = master.wire
        master.settle(60.0, 60.0)
        eventually(lambda: wire.raw("plc_failsafe") == 1, "failsafe")
        master.mode = 0
        master.until(lambda: wire.status() & (REMOTE | FAILSAFE) == 0)

    def test_remote_needs_a_live_heartbeat(self, wire: Wire) -> None:
        eventually(lambda: not wire.status() & ALIVE, "the last heartbeat forgotten")
        beat = wire.raw("plc_heartbeat")
        for _ in range(3):
            wire.command(50.0, 50.0, beat)
            time.sleep(0.03)
        assert wire.status() & (REMOTE | ALIVE) == 0

        def is_remote() -> bool:
            nonlocal beat
            beat = (beat + 1) % 65536
            wire.command(50.0, 50.0, beat)
            return wire.raw("plc_remote") == 1

        eventually(is_remote, "remote")
        eventually(lambda: wire.raw("plc_heartbeat_echo") == beat, "the echo")

    def test_magic_words_stop_and_start(self, master: Master) -> None:
        wire = master.wire
        master.settle(50.0, 50.0)
        wire.put("plc_start_command", STOP)
        master.until(lambda: (master.position(), master.speed()) == (0.0, 0.0))
        assert not wire.status() & RUNNING
        wire.put("plc_start_command", START)
        master.settle(50.0, 50.0)
        assert wire.status() & (RUNNING | REMOTE) == RUNNING | REMOTE

    def test_stuck_valve_is_a_latched_fault(self, master: Master) -> None:
        wire = master.wire
        master.settle(50.0, 50.0)
        wire.put("bench_valve_stuck", 1)
        master.valve = 80.0
        master.until(lambda: bool(wire.status() & VALVE_FAULT))
        assert master.position() == 50.0
        wire.put("bench_valve_stuck", 0)
        master.settle(80.0, 50.0)
        assert wire.status() & VALVE_FAULT
        wire.put("plc_start_command", FAULT_RESET)
        master.until(lambda: not wire.status() & VALVE_FAULT)

    def test_tripped_pump_coasts_and_stays_off_until_reset(self, master: Master) -> None:
        wire = master.wire
        master.settle(50.0, 40.0)
        wire.put("bench_pump_trip", 1)
        master.until(lambda: bool(wire.status() & PUMP_FAULT))
        master.until(lambda: master.speed() == 0.0)  # 40 % at 100 % in 3 s
        wire.put("bench_pump_trip", 0)
        master.run(0.1)
        assert master.speed() == 0.0
        wire.put("plc_start_command", FAULT_RESET)
        master.settle(50.0, 40.0)
        assert not wire.status() & PUMP_FAULT

    def test_local_takes_over_without_a_bump_and_hands_back(self, master: Master) -> None:
        wire = master.wire
        master.settle(45.0, 55.0)
        # 20 K and 100 kPa off: a loop with a fresh integral would jump by more than the whole stroke.
        master.bench = {"supply": 50.0, "dp": 200.0}
        # What is left of the sensor's filter moves the loops as well: 10 % a kelvin, so half a per cent at most.
        master.until(lambda: wire.get("tcs_supply_temp_degc") >= 49.99)
        master.mode, began_s = 0, time.monotonic()
        master.until(lambda: not wire.status() & REMOTE)
        # 20 K x 10 %/K / 120 s = 1.7 %/s; 100 kPa x .04 %/kPa / 2 s = 2 %/s: slowly from where they were.
        position, speed = master.position(), master.speed()
        crept = 1.0 + 2.0 * (time.monotonic() - began_s)
        assert 45.0 <= position <= 45.0 + crept
        assert 55.0 <= speed <= 55.0 + crept
        began_s = time.monotonic()
        master.valve, master.pump, master.mode = position, speed, 1
        master.until(lambda: wire.raw("plc_remote") == 1)
        found = master.position(), master.speed()
        crept = 1.0 + 2.0 * (time.monotonic() - began_s)
        assert found == (pytest.approx(position, abs=crept), pytest.approx(speed, abs=crept))

    def test_local_loops_follow_the_reference_program(self, master: Master, points: PointList) -> None:
        """Set-point steps in LOCAL against a pump curve: the trajectory of the program on a virtual clock.

        The program is given what the client sent, at the times at which it sent it; where either side is held up
        meanwhile, these are not the times at which the PLC got it, and the attempt says nothing.
        """
        apart = []
        while not apart or (apart[-1] > 0.6 and len(apart) < ATTEMPTS):
            apart.append(self._apart_from_the_reference(master, points))
        assert apart[-1] <= 0.6, apart

    def _apart_from_the_reference(self, master: Master, points: PointList) -> float:
        """Give how far valve or pump end from where the program has them, in %."""
        wire = master.wire
        wire.put("rack_differential_pressure_setpoint_kpa", 300.0)
        wire.put("tcs_supply_temp_setpoint_degc", 30.0)
        master.fresh_sensors(supply=31.0, dp=300.0)
        master.settle(40.0, 71.55)
        master.mode = 0
        master.until(lambda: not wire.status() & REMOTE)
        position, speed = master.position(), master.speed()
        reference = CduPlcProgram(
            points, CduPlcSettings(failsafe_valve=position, failsafe_pump=speed, **OPTIONS)
        )
        wire.put("rack_differential_pressure_setpoint_kpa", 400.0)
        wire.put("tcs_supply_temp_setpoint_degc", 29.5)
        steps = [{"supply": 31.0, "dp": 300.0}]
        stamps_s = [time.monotonic()]
        end_s = stamps_s[0] + 2.5
        while stamps_s[-1] < end_s:
            # One cycle old, as through any bus: dp of a pump on a quadratic system (PLANT.md, 3).
            master.bench = {"supply": 31.0, "dp": 586.0 * (master.speed() / 100.0) ** 2}
            master.cycle()
            steps.append(dict(master.bench))
            stamps_s.append(time.monotonic())
        _bench(reference, steps[0])
        reference.tick(0.01)
        for signal, value in (
            ("rack_differential_pressure_setpoint_kpa", 400.0),
            ("tcs_supply_temp_setpoint_degc", 29.5),
        ):
            reference._written(signal, value)
        for step, (start_s, stop_s) in zip(steps[1:], itertools.pairwise(stamps_s), strict=True):
            _bench(reference, step)
            reference.tick(stop_s - start_s)
        moved = master.position(), master.speed()
        assert moved[1] > speed + 5.0  # towards more pressure
        assert moved[0] > position + 4.5  # warmer than wanted: 0.5 K x 10 %/K at once, more with time
        assert steps[-1]["dp"] > 335.0
        return max(
            abs(moved[0] - reference.store.get("fws_valve_position_percent")),
            abs(moved[1] - reference.store.get("tcs_pump_speed_percent")),
        )

    def test_several_clients_at_once(self, plc: RunningPlc, points: PointList) -> None:
        wires = [Wire(plc, points) for _ in range(4)]
        for value, wire in enumerate(wires):
            wire.put("fws_valve_command_percent", 10.0 + value)
            assert all(other.get("fws_valve_command_percent") == 10.0 + value for other in wires)
        for wire in wires:
            wire.close()

    def test_clients_that_vanish_do_not_disturb_the_others(
        self, plc: RunningPlc, points: PointList, wire: Wire
    ) -> None:
        whole = struct.pack(">HHHB", 9, 0, 6, 1) + struct.pack(">BHH", 4, 0, 1)
        hung = []
        for cut in (0, 1, 6, 8, len(whole) - 1):
            half = socket.create_connection((plc.host, plc.port))
            half.sendall(whole[:cut])
            hung.append(half)
        for linger in (struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)):
            scan = socket.create_connection((plc.host, plc.port))
            scan.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            scan.close()
        took_s = []
        for _ in range(100):
            asked_s = time.monotonic()
            assert wire.status() & RUNNING
            took_s.append(time.monotonic() - asked_s)
        assert sorted(took_s)[90] < 0.1  # nobody waits for half a frame
        hung[-1].sendall(whole[-1:])
        hung[-1].settimeout(EVENTUALLY_S)
        assert hung[-1].recv(16)[7] == 4  # the slow one is answered when it is whole
        for half in hung:
            half.close()

    def test_one_frame_in_many_pieces_and_many_in_one(self, wire: Wire) -> None:
        whole = struct.pack(">HHHB", 9, 0, 6, 1) + struct.pack(">BHH", 4, 5, 1)
        for byte in whole:
            wire.socket.sendall(bytes([byte]))
            time.sleep(0.002)
        assert len(wire._exactly(11)) == 11
        wire.socket.sendall(whole * 20)
        replies = wire._exactly(11 * 20)
        assert {replies[at : at + 2] for at in range(0, len(replies), 11)} == {b"\x00\x09"}

    def test_what_is_no_modbus_is_disconnected(self, plc: RunningPlc, wire: Wire) -> None:
        with socket.create_connection((plc.host, plc.port), timeout=EVENTUALLY_S) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert stranger.recv(16) == b""
        assert wire.status() & RUNNING

    def test_a_newcomer_finds_room_among_dead_connections(
        self, plc: RunningPlc, points: PointList, wire: Wire
    ) -> None:
        assert wire.status() & RUNNING
        dead = [socket.create_connection((plc.host, plc.port)) for _ in range(12)]
        newcomer = Wire(plc, points)
        assert newcomer.status() & RUNNING
        newcomer.close()
        assert wire.status() & RUNNING  # one who asks is not put out by those who never did
        for connection in dead:
            connection.close()


def _bench(program: CduPlcProgram, values: dict[str, float]) -> None:
    program._written("bench_tcs_supply_temp_degc", values["supply"])
    program._written("bench_rack_differential_pressure_kpa", round(values["dp"], 1))


@pytest.mark.parametrize("kind", KINDS)
class TestCduPlcProcess:
    def test_powers_up_at_its_failsafe_positions_and_ends_cleanly(self, kind: str, points: PointList) -> None:
        with launch_cdu_plc(kind, failsafe_valve=88.0, failsafe_pump=66.0) as plc:
            wire = Wire(plc, points)
            assert wire.get("fws_valve_position_percent") == 88.0
            assert wire.get("tcs_pump_speed_percent") == 66.0
            assert wire.status() == RUNNING | SENSOR_FAULT
            assert wire.get("tcs_supply_temp_setpoint_degc") == 30.0
            assert wire.get("rack_differential_pressure_setpoint_kpa") == 300.0
            wire.close()
            said = plc.stop()
            assert plc.process.returncode == 0
            assert "connections" in said

    def test_key_at_local_acknowledges_and_ignores_a_request(self, kind: str, points: PointList) -> None:
        with launch_cdu_plc(kind, start_mode="local", stroke_s=1.0) as plc:
            wire = Wire(plc, points)
            beats = itertools.count(1)

            def is_told() -> bool:
                wire.command(10.0, 30.0, next(beats))
                return wire.status() & (REMOTE | LOCKED | ALIVE) == LOCKED | ALIVE

            eventually(is_told, "alive, and locked")
            assert wire.get("fws_valve_position_percent") == 100.0
            wire.close()

    def test_restarted_on_the_same_port_after_a_kill(self, kind: str, points: PointList) -> None:
        with launch_cdu_plc(kind) as plc:
            wire = Wire(plc, points)
            wire.status()
            plc.kill()
            wire.close()
        with launch_cdu_plc(kind, plc.port) as again:
            assert again.port == plc.port
            wire = Wire(again, points)
            assert wire.status() & RUNNING
            wire.close()


@pytest.mark.needs("gcc")
@pytest.mark.needs("libmodbus")
class TestCommandLine:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--stroke-s", "0"], "--stroke-s 0: expected a number from 0.1 to 600 s"),
            (["--port", "70000"], "--port 70000: expected a whole number from 0 to 65535"),
            (["--port", "12.5"], "--port 12.5: expected a whole number"),
            (["--failsafe-valve", "nan"], "--failsafe-valve nan: expected a number from 0 to 100 %"),
            (["--failsafe-pump", "10"], "--failsafe-pump 10 is outside --pump-min 20 to --pump-max 100"),
            (["--address", "localhost"], "--address localhost: expected an IPv4 address"),
            (["--start-mode", "remote"], "--start-mode remote: expected local or remote-allowed"),
            (["--sroke-s", "1"], "unknown option --sroke-s"),
            (["--bogus"], "unknown option --bogus"),
            (["--port"], "--port needs a value"),
        ],
    )
    def test_bad_options_are_named(self, arguments: list[str], message: str) -> None:
        stub = build_c_stub().executable
        assert stub is not None
        done = subprocess.run([stub, *arguments], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 2
        assert message in done.stderr

    def test_port_in_use(self, points: PointList) -> None:
        stub = build_c_stub().executable
        assert stub is not None
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            done = subprocess.run(
                [stub, "--port", port], capture_output=True, text=True, timeout=120, check=False
            )
        assert done.returncode == 1
        assert f"cannot listen on 127.0.0.1:{port}: {os.strerror(98)}" in done.stderr
