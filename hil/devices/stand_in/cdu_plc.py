"""The CDU PLC's program: modes, loops, actuators and alarms on a register store. No socket, no clock.

The same rules as ``firmware_stubs/cdu_plc/plc.c``, told in ``firmware_stubs/README.md``; one contract test
runs against both.
"""

from __future__ import annotations

import math
from enum import IntEnum, IntFlag

from hil.config.points import PointList
from hil.devices.stand_in.parts import Actuator, PiLoop, Sensor, Watchdog
from hil.devices.stand_in.registers import RegisterStore
from hil.devices.stand_in.settings import CduPlcSettings

START, STOP, FAULT_RESET = 2321, 2322, 2323
MAGIC_WORDS = (0, START, STOP, FAULT_RESET)

TEMP_FILTER_S, DP_FILTER_S = 0.5, 0.2
DEFAULT_TCS_SUPPLY_TEMP_DEGC = 30.0
DEFAULT_RACK_DIFFERENTIAL_PRESSURE_KPA = 300.0
"""About 70 % of the design flow of the Deschutes 2 MW unit: 586 kPa x 0.7^1.85."""


class Status(IntFlag):
    """Bits of ``plc_status_word``."""

    RUNNING = 1 << 0
    REMOTE = 1 << 1
    FAILSAFE = 1 << 2
    LEAK = 1 << 3
    PUMP_FAULT = 1 << 4
    VALVE_FAULT = 1 << 5
    LIMIT_ACTIVE = 1 << 6
    SENSOR_FAULT = 1 << 7
    REMOTE_LOCKED = 1 << 8
    HEARTBEAT_ALIVE = 1 << 9


class Mode(IntEnum):
    """Who drives the actuators."""

    LOCAL = 0
    REMOTE = 1
    FAILSAFE = 2


BENCH_SENSORS = {
    "bench_tcs_supply_temp_degc": "tcs_supply_temp_degc",
    "bench_tcs_return_temp_degc": "tcs_return_temp_degc",
    "bench_rack_differential_pressure_kpa": "rack_differential_pressure_kpa",
    "bench_tcs_flow_l_min": "tcs_flow_l_min",
}
_SETPOINTS = {
    "tcs_supply_temp_setpoint_degc": DEFAULT_TCS_SUPPLY_TEMP_DEGC,
    "rack_differential_pressure_setpoint_kpa": DEFAULT_RACK_DIFFERENTIAL_PRESSURE_KPA,
}
_COMMANDS = ("fws_valve_command_percent", "tcs_pump_speed_command_percent")
_BENCH_SWITCHES = ("bench_leak", "bench_valve_stuck", "bench_pump_trip")
SIGNALS = frozenset(
    {
        "plc_status_word", "plc_remote", "plc_failsafe", "leak_alarm", "plc_heartbeat_echo",
        "fws_valve_position_percent", "tcs_pump_speed_percent", "plc_mode_command",
        "plc_start_command", "plc_heartbeat",
        *BENCH_SENSORS, *BENCH_SENSORS.values(), *_SETPOINTS, *_COMMANDS, *_BENCH_SWITCHES,
    }
)  # fmt: skip
"""A point list with all of these is a CDU PLC."""


class CduPlcProgram:
    """The program. Build it, answer requests on :attr:`store`, and :meth:`tick` it.

    Attributes
    ----------
    store : RegisterStore
        Its registers.
    mode : Mode
        Who drives the actuators.
    """

    def __init__(self, points: PointList, settings: CduPlcSettings | None = None) -> None:
        self.settings = s = settings or CduPlcSettings()
        self.store = RegisterStore(points, accepts=_accepts, on_write=self._written)
        self.mode = Mode.LOCAL
        self._remote_locked = s.start_mode == "local"
        self._remote_requested = False
        self._running = True
        self._pump_fault = self._valve_fault = self._limit_active = self._loops_in_charge = False
        self._heartbeat = Watchdog(s.watchdog_s)
        self._commands = dict.fromkeys(_COMMANDS, 0.0)
        self._command_age_s = dict.fromkeys(_COMMANDS, math.inf)
        self._setpoints = dict(_SETPOINTS)
        self._switches = dict.fromkeys(_BENCH_SWITCHES, False)
        self._sensors = {
            name: Sensor(TEMP_FILTER_S if "temp" in name else DP_FILTER_S) for name in BENCH_SENSORS
        }
        # Supply temperature: 0.1 of the stroke per K, 120 s. Pressure: see plc.c.
        self._temp_loop = PiLoop(10.0, 120.0, 1.0, s.valve_min, s.valve_max)
        self._dp_loop = PiLoop(0.04, 2.0, -1.0, s.pump_min, s.pump_max)
        # Without a PLC, valve and drive have gone to their own failsafe: there it finds them.
        self._valve = Actuator(s.failsafe_valve, s.stroke_s)
        self._pump = Actuator(s.failsafe_pump, s.ramp_s)
        for signal, value in _SETPOINTS.items():
            self.store.set(signal, value)
        self._publish()

    def tick(self, dt_s: float) -> None:
        """Advance the program and its actuators by ``dt_s`` (s), and refresh the registers."""
        for sensor in self._sensors.values():
            sensor.tick(dt_s, self.settings.watchdog_s)
        self._heartbeat.tick(dt_s)
        for name in _COMMANDS:
            self._command_age_s[name] += dt_s
        self._choose_mode()
        self._move(*self._demand_percent(dt_s), dt_s)
        self._publish()

    def _written(self, signal: str, value: float) -> None:
        if signal in BENCH_SENSORS:
            self._sensors[signal].write(value)
        elif signal in self._commands:
            self._commands[signal] = value
            self._command_age_s[signal] = 0.0
        elif signal in self._setpoints:
            self._setpoints[signal] = value
        elif signal in self._switches:
            self._switches[signal] = value != 0.0
        elif signal == "plc_heartbeat":
            self._heartbeat.beat(int(value))
        elif signal == "plc_mode_command":
            self._request_mode(remote=value == Mode.REMOTE)
        elif signal == "plc_start_command":
            self._obey(int(value))

    def _request_mode(self, *, remote: bool) -> None:
        # With the key at LOCAL the request is acknowledged and ignored, as real panels do.
        self._remote_requested = remote and not self._remote_locked
        if not remote:
            self.mode = Mode.LOCAL

    def _obey(self, word: int) -> None:
        if word in (START, STOP):
            self._running = word == START
        elif word == FAULT_RESET:
            self._pump_fault = self._valve_fault = False
            self._valve.reset_mismatch()

    def _choose_mode(self) -> None:
        """Leave REMOTE when the heartbeat stops; enter it never on commands from before the break."""
        if self.mode == Mode.REMOTE and not self._heartbeat.alive:
            self.mode = Mode.FAILSAFE
            self._remote_requested = False
            self._command_age_s = dict.fromkeys(_COMMANDS, math.inf)
        fresh = max(self._command_age_s.values()) <= self.settings.watchdog_s
        if self._remote_requested and self._heartbeat.alive and fresh:
            self.mode = Mode.REMOTE

    @property
    def _sensor_fault(self) -> bool:
        needed = ("bench_tcs_supply_temp_degc", "bench_rack_differential_pressure_kpa")
        return not all(self._sensors[name].valid for name in needed)

    def _demand_percent(self, dt_s: float) -> tuple[float, float]:
        """Give the demand of valve and pump, %."""
        local = self._running and self.mode == Mode.LOCAL and not self._sensor_fault
        self._limit_active = False
        self._track_loops(local=local)
        if not self._running:
            return 0.0, 0.0  # a deliberate stop outranks the failsafe
        if self.mode == Mode.REMOTE:
            return self._remote_demand_percent()
        if not local:
            return self.settings.failsafe_valve, self.settings.failsafe_pump
        valve = self._temp_loop.step(*self._temp_inputs(), self._valve.position_percent, dt_s)
        pump = self._dp_loop.step(*self._dp_inputs(), self._pump.position_percent, dt_s)
        self._limit_active = self._temp_loop.limited or self._dp_loop.limited
        return valve, pump

    def _remote_demand_percent(self) -> tuple[float, float]:
        s = self.settings
        asked = self._commands["fws_valve_command_percent"], self._commands["tcs_pump_speed_command_percent"]
        given = min(max(asked[0], s.valve_min), s.valve_max), min(max(asked[1], s.pump_min), s.pump_max)
        self._limit_active = given != asked
        return given

    def _temp_inputs(self) -> tuple[float, float]:
        """Give set-point and measured supply temperature, °C."""
        return (
            self._setpoints["tcs_supply_temp_setpoint_degc"],
            self._sensors["bench_tcs_supply_temp_degc"].filtered,
        )

    def _dp_inputs(self) -> tuple[float, float]:
        """Give set-point and measured differential pressure, kPa."""
        return (
            self._setpoints["rack_differential_pressure_setpoint_kpa"],
            self._sensors["bench_rack_differential_pressure_kpa"].filtered,
        )

    def _track_loops(self, *, local: bool) -> None:
        """Let a loop that does not drive its actuator follow it, so that it takes over without a bump.

        The first step in charge follows too: the measured value may have come back in this very tick.
        """
        in_charge = local and self._loops_in_charge
        self._loops_in_charge = local
        if not in_charge:
            self._temp_loop.track(*self._temp_inputs(), self._valve.position_percent)
        if not in_charge or self._pump_fault:
            self._dp_loop.track(*self._dp_inputs(), self._pump.position_percent)

    def _move(self, valve_percent: float, pump_percent: float, dt_s: float) -> None:
        self._pump_fault = self._pump_fault or self._switches["bench_pump_trip"]
        self._valve.move(valve_percent, dt_s, stuck=self._switches["bench_valve_stuck"])
        if self._pump_fault:
            self._pump.coast(dt_s)
        else:
            self._pump.move(pump_percent, dt_s)
        self._valve_fault = self._valve_fault or self._valve.mismatch

    def _status(self) -> Status:
        bits = {
            Status.RUNNING: self._running,
            Status.REMOTE: self.mode == Mode.REMOTE,
            Status.FAILSAFE: self.mode == Mode.FAILSAFE,
            Status.LEAK: self._switches["bench_leak"],
            Status.PUMP_FAULT: self._pump_fault,
            Status.VALVE_FAULT: self._valve_fault,
            Status.LIMIT_ACTIVE: self._limit_active,
            Status.SENSOR_FAULT: self._sensor_fault,
            Status.REMOTE_LOCKED: self._remote_locked,
            Status.HEARTBEAT_ALIVE: self._heartbeat.alive,
        }
        return Status(sum(bit for bit, on in bits.items() if on))

    def _publish(self) -> None:
        put = self.store.set
        for bench, signal in BENCH_SENSORS.items():
            put(signal, self._sensors[bench].reading)
        put("plc_status_word", self._status())
        put("plc_remote", self.mode == Mode.REMOTE)
        put("plc_failsafe", self.mode == Mode.FAILSAFE)
        put("leak_alarm", self._switches["bench_leak"])
        put("fws_valve_position_percent", self._valve.position_percent)
        put("tcs_pump_speed_percent", self._pump.position_percent)
        put("plc_heartbeat_echo", self._heartbeat.last)


def _accepts(signal: str, value: float) -> bool:
    return signal != "plc_start_command" or round(value) in MAGIC_WORDS
