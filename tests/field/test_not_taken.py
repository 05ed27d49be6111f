"""Commands that a PLC does not take: the run that gave them is not met, and says which, for how often.

What is asserted holds however often the machine keeps one side from its processor.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from misbehaving_server import MisbehavingServer

from hil.config.points import Point
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.modbus.tcp import ModbusTcpDevice
from hil.errors import ConfigError
from hil.loop.clock import NS_PER_S
from hil.loop.events import EventLog
from hil.loop.image import Image, Signal
from hil.rig import Wishes, load_rig, run_rig
from hil.rig.devices import FieldBus
from hil.rig.latency import FieldTiming
from hil.rig.session import RunResult

TEMP, VALVE, PUMP, BEAT = 0, 12, 14, 13
POINTS = """\
signal,table,address_zero_based,type,scale,unit,access,write
temp_degc,input_register,0,int16,0.1,degC,r,
valve_percent,holding_register,12,uint16,0.01,%,w,every_cycle
beat,holding_register,13,uint16,1,1,w,every_cycle
pump_percent,holding_register,14,uint16,0.01,%,w,on_change
"""
RIG = """\
rig: not_taken
clock: wall
period_s: 0.05
duration_s: 1.5
{latency}
signals:
  temp_degc: {{unit: degC, range: [-10, 90]}}
  valve_percent: {{unit: "%", range: [0, 100], failsafe: 77, initial: 10}}
  pump_percent: {{unit: "%", range: [0, 100], failsafe: 50, initial: 10}}
sources:
  valve_percent: {{type: ramp, start_level: 0, end_level: 90, start_s: 0, end_s: 90}}
  pump_percent: 40
devices:
  plc:
    type: modbus_tcp
    host: 127.0.0.1
    port: {port}
    points: plc.csv
    read: [temp_degc]
    write: [valve_percent, pump_percent]
    {beat}
requirements:
  - {{kpi: signals.temp_degc.max, max: 90}}
"""


@pytest.fixture
def server() -> Iterator[MisbehavingServer]:
    with MisbehavingServer() as running:
        yield running


def ran(folder: Path, port: int, latency: str = "", beat: str = "heartbeat: beat") -> RunResult:
    (folder / "plc.csv").write_text(POINTS)
    rig = folder / "rig.yaml"
    rig.write_text(RIG.format(port=port, latency=latency, beat=beat))
    return run_rig(load_rig(rig, Wishes()), folder / "runs")


def test_a_plc_that_takes_everything_meets(server: MisbehavingServer, tmp_path: Path) -> None:
    result = ran(tmp_path, server.port)
    assert result.report is not None
    assert result.not_taken == ()
    assert (result.report.verdict, result.exit_code) == ("met", 0)
    assert server.registers[VALVE] == 7700


@pytest.mark.parametrize(
    ("missing", "named"), [(VALVE, "valve_percent"), (PUMP, "pump_percent"), (BEAT, "beat")]
)
def test_a_command_that_is_refused_in_every_cycle_is_not_met(
    server: MisbehavingServer, tmp_path: Path, missing: int, named: str
) -> None:
    server.missing = {missing}
    result = ran(tmp_path, server.port)
    assert result.report is not None
    assert (result.report.verdict, result.exit_code) == ("not met", 1)
    assert all(requirement.met for requirement in result.report.requirements)
    told = [line for line in result.report.reasons if named in line]
    assert len(told) == 1, result.report.reasons
    assert told[0].startswith(f"device plc: {named}")
    assert "never acknowledged in any cycle" in told[0]
    counters = json.loads((result.run_dir / "run.json").read_text())["counters"]["devices"]
    assert f"writes_refused_by_peer {counters['plc.writes_refused_by_peer']}" in told[0]
    assert told[0] in result.losses, "told on stderr too, whatever the output"
    assert result.as_json()["writes_not_taken"] == list(result.report.reasons)


def test_a_heartbeat_withheld_because_of_a_refused_value_is_named_too(
    server: MisbehavingServer, tmp_path: Path
) -> None:
    server.missing = {VALVE}
    reasons = " ".join(ran(tmp_path, server.port).losses)
    assert "valve_percent never acknowledged in any cycle, illegal data address" in reasons
    assert "beat never acknowledged" in reasons
    assert "heartbeats_withheld" in reasons


def test_a_limit_of_the_whole_period_fails_where_nothing_is_acknowledged(
    server: MisbehavingServer, tmp_path: Path
) -> None:
    """Of 0.05 s the budgets are 70 %: by acknowledged cycles alone, 36 ms could never be exceeded."""
    server.missing = {VALVE}
    result = ran(tmp_path, server.port, "latency: {sensor_to_actuator_p99_us: 50000}")
    assert result.report is not None
    (limit,) = result.report.latency.limits
    assert not limit.met
    assert limit.value is not None
    assert limit.value > 1e6, "to the end of the run"
    phases = json.loads((result.run_dir / "timing.json").read_text())["phases"]
    assert phases["sensor_to_actuator"]["count"] >= result.end.cycles - 1


def test_a_period_shorter_than_the_devices_take_to_be_read_is_refused(
    server: MisbehavingServer, tmp_path: Path
) -> None:
    server.mode, server.delay_s = "late", 0.06
    with pytest.raises(ConfigError, match="shorter than the devices take to be read") as raised:
        ran(tmp_path, server.port)
    (problem,) = raised.value.problems
    assert problem.line == 3
    assert "median of 5" in problem.what
    assert len(server.seen) == 5
    assert not (tmp_path / "runs").exists()


class Loop:
    """A field bus on one device at a real server, on a clock that goes only when told."""

    def __init__(self, server: MisbehavingServer) -> None:
        self.now_ns = 0
        self.period_ns = NS_PER_S
        self.image = Image(
            [Signal("temp", "1", 0, 70000, 0, max_age_ns=NS_PER_S), Signal("valve", "1", 0, 70000, 0)]
        )
        read = Point("temp", 1, "holding_register", 0, "uint16", file="plc.csv", line=2)
        write = Point("valve", 1, "holding_register", 12, "uint16", access="w", write="every_cycle",
                      file="plc.csv", line=3)  # fmt: skip
        self.device = ModbusTcpDevice(
            "plc", ModbusTcpSettings("127.0.0.1", server.port, max_timeouts=1000), self.image, [(read, 0)],
            [(write, 1)], self.tick,
        )  # fmt: skip
        self.timing = FieldTiming(self.image, [0], self.period_ns)
        self.bus = FieldBus([self.device], self.tick, EventLog(), self.timing)
        self.bus.prove(30.0)

    def tick(self) -> int:
        self.now_ns += 1000
        return self.now_ns

    def cycle(self, number: int, *, force: bool = False) -> None:
        """One cycle of the grid; the clock stands while the server thinks, so it has all the time it wants."""
        self.now_ns = max(self.now_ns, number * self.period_ns)
        stamp_ns, patience_ns = self.now_ns, 60 * NS_PER_S
        if not force:
            self.bus.read(stamp_ns, stamp_ns + patience_ns)
        self.bus.write(stamp_ns, self.now_ns + patience_ns, force=force)


@pytest.fixture
def loop(server: MisbehavingServer) -> Iterator[Loop]:
    made = Loop(server)
    yield made
    made.bus.close()


def test_lost_and_back_is_taken_and_counts_as_long_as_it_was_lost(
    server: MisbehavingServer, loop: Loop
) -> None:
    for number in range(1, 21):
        # Refused for ten seconds in the middle: as a PLC does that is in program mode.
        server.missing = {VALVE} if 6 <= number < 16 else set()
        loop.cycle(number)
    loop.cycle(21, force=True)
    assert loop.bus.not_taken() == []
    reaction = loop.timing.sensor_to_actuator
    assert reaction.count == 20, "each cycle once"
    assert 10 * NS_PER_S <= reaction.max_ns < 11 * NS_PER_S
    assert reaction.percentile(0.55) > NS_PER_S / 2


def test_refused_at_the_end_is_not_taken(server: MisbehavingServer, loop: Loop) -> None:
    for number in range(1, 11):
        server.missing = {VALVE} if number >= 9 else set()
        loop.cycle(number)
    server.missing = set()
    loop.cycle(11, force=True)
    (found,) = loop.bus.not_taken()
    assert (found.device, found.points) == ("plc", ("valve",))
    assert found.why.startswith("refused to the end, illegal data address")
    assert loop.timing.sensor_to_actuator.max_ns > 1.9 * NS_PER_S


def test_a_failsafe_that_is_not_taken_is_told(server: MisbehavingServer, loop: Loop) -> None:
    for number in range(1, 6):
        loop.cycle(number)
    server.missing = {VALVE}
    loop.cycle(6, force=True)
    (found,) = loop.bus.not_taken()
    assert "at the last write of the run, which is the failsafe" in found.why
    assert found.counts["writes_refused_by_peer"] == 1


def test_a_cycle_that_never_came_to_write_counts(loop: Loop) -> None:
    loop.cycle(1)
    loop.bus.read(2 * NS_PER_S, 62 * NS_PER_S)
    loop.cycle(4)
    assert loop.timing.sensor_to_actuator.count == 4, "cycles 1 and 2, the period that fell out, and cycle 4"
    assert 2 * NS_PER_S <= loop.timing.sensor_to_actuator.max_ns < 3 * NS_PER_S


def test_a_connection_that_is_lost_and_made_anew_is_acknowledged_again(
    server: MisbehavingServer, loop: Loop
) -> None:
    for number in range(1, 11):
        server.mode = "reset" if number in (4, 5) else "good"
        loop.cycle(number)
    number, before = 10, loop.device.counters()["writes_acknowledged"]
    while loop.device.counters()["writes_acknowledged"] < before + 2:
        number += 1
        assert number < 10_000, "the connection is not made anew"
        loop.cycle(number)
    assert loop.device.counters()["connections_lost"] >= 1
    assert not loop.timing.is_open
    loop.cycle(number + 1, force=True)
    assert loop.bus.not_taken() == []
