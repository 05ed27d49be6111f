"""The CDU PLC in Structured Text: syntax, types, registers, and the same trajectory as the reference program."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import lark
import pytest
import structured_text as st

from hil.config.points import PointList, load_points
from hil.devices.stand_in import CduPlcProgram, CduPlcSettings
from hil.devices.stand_in.cdu_plc import Status
from hil.devices.wire.codec import Request

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "firmware_stubs" / "iec61131" / "cdu_plc.st"
CYCLE_S = 0.02
NONE_SINCE = 65535
START, STOP, FAULT_RESET = 2321, 2322, 2323
OUTPUTS = (
    "plc_status_word",
    "tcs_supply_temp_degc",
    "tcs_return_temp_degc",
    "rack_differential_pressure_kpa",
    "tcs_flow_l_min",
    "fws_valve_position_percent",
    "tcs_pump_speed_percent",
    "plc_heartbeat_echo",
)
SLACK = {"plc_heartbeat_echo": 0, "fws_valve_position_percent": 15, "tcs_pump_speed_percent": 15}
"""Counts: an actuator moves 7 in one cycle, and a cycle apart two may move against each other."""
CONFIGURATION = lark.Lark(
    r"""
    start: "CONFIGURATION" NAME "RESOURCE" NAME "ON" NAME task program "END_RESOURCE" "END_CONFIGURATION"
    task: "TASK" NAME "(" "INTERVAL" ":=" TIME "," "PRIORITY" ":=" INT ")" ";"
    program: "PROGRAM" NAME "WITH" NAME ":" NAME ";"
    NAME: /[A-Za-z]\w*/
    TIME: /T#\d+ms/
    %import common.INT
    %import common.WS
    %ignore WS
    """
)
"""The part of IEC 61131-3's production rules for configurations (annex B.1.7) that is used; blark has none of it."""


def split_source() -> tuple[str, str]:
    text = SOURCE.read_text(encoding="ascii")
    at = text.index("\nCONFIGURATION")
    return text[:at], text[at:]


@pytest.fixture(scope="module")
def compiled() -> st.Plc:
    return st.Plc(split_source()[0], "cdu_plc")


@pytest.fixture
def plc(compiled: st.Plc) -> st.Plc:
    compiled.power_up()
    return compiled


@pytest.fixture(scope="module")
def points() -> PointList:
    return load_points(ROOT / "configs" / "points" / "cdu_plc.csv")


def location(table: str, address: int) -> str:
    return {
        "input_register": f"IW{address}",
        "holding_register": f"QW{address}",
        "discrete_input": f"IX{address // 8}.{address % 8}",
    }[table]


class TestText:
    def test_every_point_is_a_located_variable_of_its_name_type_and_register(
        self, compiled: st.Plc, points: PointList
    ) -> None:
        located = {v.name: v for v in compiled.program.variables.values() if v.location is not None}
        types = {"int16": ("INT",), "uint16": ("UINT", "WORD"), "bool": ("BOOL",)}
        named = set()
        for point in points.points:
            # Two bits of one register have one variable.
            name = point.signal if point.bit is None else "plc_mode_word"
            named.add(name)
            assert located[name].location == location(point.table, point.address), name
            assert located[name].type in (("WORD",) if point.bit is not None else types[point.type]), name
        assert set(located) == named

    def test_settings_are_those_of_the_stub(self, compiled: st.Plc) -> None:
        constants = {v.name: v.initial for v in compiled.program.variables.values() if v.role == "constant"}
        settings = CduPlcSettings()
        assert constants["WATCHDOG_S"] == settings.watchdog_s
        assert constants["FAILSAFE_VALVE_PERCENT"] == settings.failsafe_valve
        assert constants["FAILSAFE_PUMP_PERCENT"] == settings.failsafe_pump
        assert (constants["VALVE_STROKE_S"], constants["PUMP_RAMP_S"]) == (settings.stroke_s, settings.ramp_s)
        assert (constants["VALVE_MIN_PERCENT"], constants["VALVE_MAX_PERCENT"]) == (
            settings.valve_min,
            settings.valve_max,
        )
        assert (constants["PUMP_MIN_PERCENT"], constants["PUMP_MAX_PERCENT"]) == (
            settings.pump_min,
            settings.pump_max,
        )

    def test_the_configuration_runs_the_program_at_its_cycle(self, compiled: st.Plc) -> None:
        parsed = CONFIGURATION.parse(split_source()[1])
        # OpenPLC 3 compiles Config0.c and Res0.c by name.
        assert [str(name) for name in parsed.children[:2]] == ["Config0", "Res0"]
        task, program = parsed.find_data("task"), parsed.find_data("program")
        task_name, interval, _ = next(task).children
        _, with_task, of_type = next(program).children
        assert (str(with_task), str(of_type)) == (str(task_name), compiled.program.name)
        cycle_s = compiled.program.variables["cycle_s"].initial
        assert float(re.sub(r"\D", "", str(interval))) / 1000.0 == pytest.approx(cycle_s) == CYCLE_S

    def test_only_plain_ascii_and_old_comments(self) -> None:
        """Older compilers know neither // comments nor other characters."""
        text = SOURCE.read_bytes()
        assert text.isascii()
        assert b"//" not in text
        assert b"\t" not in text

    @pytest.mark.parametrize(
        ("found", "put", "complaint"),
        [
            ("END_IF;", "", "Expected"),
            ("most : REAL;", "most : INT;", "- of INT"),
            ("target - start_value", "target - start_valve", "start_valve is not declared"),
            (":= start_value +", ":= start_value AND", "AND of REAL"),
            ("CDU_BIT := weight", "weight := weight", "assignment to the input weight"),
            ("WORD#16#0000", "0", "integer literal where a WORD belongs"),
            ("WORD#16#0000", "flag", "a BOOL where a WORD belongs"),
        ],
    )
    def test_what_a_compiler_would_refuse_is_refused_here(self, found: str, put: str, complaint: str) -> None:
        functions = split_source()[0].partition("(* Alive")[0]
        program = "PROGRAM p VAR x : REAL; END_VAR x := CDU_TOWARD(x, 1.0, 0.5); END_PROGRAM"
        assert found in functions
        st.Plc(functions + program, "p").cycle()
        with pytest.raises(st.StError, match=complaint):
            st.Plc(functions.replace(found, put, 1) + program, "p")

    def test_the_evaluator_by_hand(self) -> None:
        source = """
            PROGRAM p
              VAR a : REAL; b : BOOL; n AT %QW3 : INT; u AT %QW4 : UINT := 7; w : WORD; END_VAR
              a := 10.0 - 3.0 - 2.0 * 2.0 / 8.0;
              b := NOT (a > 6.5) OR (a = 6.5) AND (u <> 7);
              n := REAL_TO_INT(LIMIT(-2.5, -a, 2.0));
              CASE u OF 6: w := WORD#16#0001; 7: w := WORD#16#0002 OR WORD#16#0004; END_CASE;
              IF b THEN u := 1; ELSIF n = 5 THEN u := 2; ELSE u := 8; END_IF;
            END_PROGRAM"""
        plc = st.Plc(source, "p")
        plc.cycle()
        assert [plc.get(name) for name in "abnuw"] == [6.5, True, -2, 1, 6]


class Pair:
    """The program in Structured Text and the reference, on the same wires: one cycle each of 20 ms."""

    def __init__(self, plc: st.Plc, points: PointList) -> None:
        self.plc = plc
        self.reference = CduPlcProgram(points)
        self.supply_degc, self.beat = 31.0, 0
        self.master: dict[str, int] = {}
        self.compared = self.apart = 0

    def write(self, signal: str, raw: int) -> None:
        self.plc.put(signal, raw)
        point = self.reference.store._points[signal]
        code, _ = self.reference.store.answer(Request(1, 6, point.address, 1, (raw & 0xFFFF,)))
        assert code == 0, (signal, raw)

    def raw(self, signal: str) -> int:
        point = self.reference.store._points[signal]
        return round((self.reference.store.get(signal) - point.offset) / point.scale)

    def status(self) -> Status:
        return Status(self.plc.get("plc_status_word"))

    def cycle(self) -> None:
        """A pump on a quadratic system, a valve that cools through one lag; then both programs, and compare."""
        valve, pump = self.raw("fws_valve_position_percent") / 1e4, self.raw("tcs_pump_speed_percent") / 1e4
        self.supply_degc += (1.0 - math.exp(-CYCLE_S / 5.0)) * (
            26.8 + 20.0 * (1.0 - valve) - self.supply_degc
        )
        self.write("bench_tcs_supply_temp_degc", round(100 * self.supply_degc))
        self.write("bench_tcs_return_temp_degc", 4004)
        self.write("bench_rack_differential_pressure_kpa", round(5860 * pump**2))
        self.write("bench_tcs_flow_l_min", round(18000 * pump))
        for signal, raw in self.master.items():
            self.write(signal, raw)
        self.plc.cycle()
        self.reference.tick(CYCLE_S)
        self._compare()

    def _compare(self) -> None:
        for signal in OUTPUTS[1:]:
            slack = SLACK.get(signal, 1)
            assert abs(self.plc.get(signal) - self.raw(signal)) <= slack, (signal, self.compared)
        assert self.plc.get("leak_alarm") != bool(self.reference.store.get("leak_alarm"))
        word = self.plc.get("plc_mode_word")
        same = self.status() == self.raw("plc_status_word")
        same &= (word & 1, word >> 1 & 1) == (self.raw("plc_remote"), self.raw("plc_failsafe"))
        # A time-out counted in REAL may end a cycle before or after the reference's.
        self.apart = 0 if same else self.apart + 1
        assert self.apart <= 1, (self.status(), self.raw("plc_status_word"))
        self.compared += 1

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / CYCLE_S)):
            self.cycle()

    def remote(self, valve: float, pump: float, seconds: float) -> None:
        for _ in range(round(seconds / CYCLE_S)):
            self.beat = self.beat % 60000 + 1
            self.master = {
                "plc_mode_command": 1,
                "fws_valve_command_percent": round(100 * valve),
                "tcs_pump_speed_command_percent": round(100 * pump),
                "plc_heartbeat": self.beat,
            }
            self.cycle()
        self.master = {}


@pytest.fixture
def pair(plc: st.Plc, points: PointList) -> Iterator[Pair]:
    pair = Pair(plc, points)
    yield pair
    assert pair.compared > 0


class TestAgainstTheReference:
    def test_local_loops_through_set_point_steps(self, pair: Pair) -> None:
        pair.run(4.0)
        pair.write("tcs_supply_temp_setpoint_degc", 285)
        pair.write("rack_differential_pressure_setpoint_kpa", 420)
        before = pair.raw("tcs_pump_speed_percent")
        pair.run(8.0)
        assert pair.raw("tcs_pump_speed_percent") > before + 200

    def test_remote_with_limits_and_back_to_local(self, pair: Pair) -> None:
        pair.run(1.0)
        pair.remote(30.0, 90.0, 3.0)
        assert pair.status() & Status.REMOTE
        pair.remote(90.0, 5.0, 3.0)
        assert pair.status() & Status.LIMIT_ACTIVE
        pair.write("plc_mode_command", 0)
        pair.run(2.0)
        assert not pair.status() & Status.REMOTE

    def test_heartbeat_lost_failsafe_latched_and_remote_again(self, pair: Pair) -> None:
        pair.run(0.5)
        pair.remote(40.0, 40.0, 2.0)
        pair.run(3.5)
        assert pair.status() & (Status.REMOTE | Status.FAILSAFE) == Status.FAILSAFE
        pair.write("plc_heartbeat", 60001)
        pair.run(1.0)
        assert pair.status() & Status.FAILSAFE  # a heartbeat alone does not end it
        pair.remote(80.0, 60.0, 2.0)
        assert pair.status() & (Status.REMOTE | Status.FAILSAFE) == Status.REMOTE

    def test_faults_stop_and_start(self, pair: Pair) -> None:
        pair.run(0.5)
        for signal, seconds in (("bench_valve_stuck", 7.0), ("bench_pump_trip", 2.0), ("bench_leak", 0.5)):
            pair.write(signal, 1)
            pair.remote(20.0, 80.0, seconds)
            pair.write(signal, 0)
            pair.remote(20.0, 80.0, 0.5)
        assert (
            pair.status() & (Status.PUMP_FAULT | Status.VALVE_FAULT) == Status.PUMP_FAULT | Status.VALVE_FAULT
        )
        for word, running in ((FAULT_RESET, True), (STOP, False), (START, True)):
            pair.write("plc_start_command", word)
            pair.remote(20.0, 80.0, 2.0)
            assert bool(pair.status() & Status.RUNNING) == running
            assert pair.plc.get("plc_start_command") == 0  # taken up once
        assert not pair.status() & (Status.PUMP_FAULT | Status.VALVE_FAULT)


class TestOnItsOwn:
    """Where OpenPLC gives a program less than the stub has: values in registers, no writes."""

    def cycles(self, plc: st.Plc, seconds: float) -> None:
        for _ in range(round(seconds / CYCLE_S)):
            plc.cycle()

    def remote(self, plc: st.Plc, seconds: float) -> None:
        for beat in range(1, round(seconds / CYCLE_S) + 1):
            for signal, raw in (
                ("plc_mode_command", 1),
                ("fws_valve_command_percent", 2500),
                ("tcs_pump_speed_command_percent", 5000),
                ("plc_heartbeat", beat),
            ):
                plc.put(signal, raw)
            plc.cycle()

    def test_power_up_holds_the_failsafe_positions_without_sensors(self, plc: st.Plc) -> None:
        self.cycles(plc, 5.0)
        assert plc.get("plc_status_word") == Status.RUNNING | Status.SENSOR_FAULT
        assert (plc.get("fws_valve_position_percent"), plc.get("tcs_pump_speed_percent")) == (10000, 7000)
        assert plc.get("tcs_supply_temp_degc") == -32768

    def test_what_was_taken_up_is_marked_when_remote_is_lost(self, plc: st.Plc) -> None:
        self.remote(plc, 1.0)
        self.cycles(plc, 4.0)
        assert [
            plc.get(name)
            for name in ("plc_mode_command", "fws_valve_command_percent", "tcs_pump_speed_command_percent")
        ] == [NONE_SINCE] * 3
        # A request and a heartbeat without new commands are not enough.
        for beat in range(100, 150):
            plc.put("plc_mode_command", 1)
            plc.put("plc_heartbeat", beat)
            plc.cycle()
        assert plc.get("plc_mode_word") & 3 == 2
        self.remote(plc, 0.1)
        assert plc.get("plc_mode_word") & 3 == 1

    def test_values_outside_their_range_are_not_taken_up(self, plc: st.Plc) -> None:
        self.remote(plc, 40.0)
        assert plc.get("fws_valve_position_percent") == 2500
        plc.put("fws_valve_command_percent", 20000)
        plc.put("tcs_supply_temp_setpoint_degc", 900)
        plc.put("plc_start_command", 1234)
        plc.cycle()
        assert plc.get("fws_valve_position_percent") == 2500
        assert plc.env["supply_setpoint_degc"] == 30.0
        assert plc.get("plc_status_word") & Status.RUNNING

    def test_the_key_at_local_forbids_remote(self, plc: st.Plc) -> None:
        plc.env["key_at_local"] = True
        self.remote(plc, 1.0)
        assert plc.get("plc_status_word") & (Status.REMOTE | Status.REMOTE_LOCKED) == Status.REMOTE_LOCKED
