"""Rigs with serial buses: what is refused, what is worth a warning, how old a slow point may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import ConfigError
from hil.loop.events import EventLog
from hil.rig import load_rig
from hil.rig.delay import Latency, delay_of

POINTS = """signal,table,address_zero_based,type,unit,access,write
position_percent,holding_register,4,uint16,%,r,never
flow_l_min,holding_register,10,uint16,L/min,r,never
serial_number,holding_register,100,uint16,1,r,never
setpoint_percent,holding_register,0,uint16,%,rw,on_change
"""
RIG = """rig: valves
clock: wall
period_s: 0.1
duration_s: 3
signals:
  a_position_percent: {{unit: "%", range: [0, 100]}}
  a_flow_l_min: {{unit: L/min, range: [0, 1000]}}
  a_serial_number: {{unit: "1", range: [0, 65535]}}
  a_setpoint_percent: {{unit: "%", range: [0, 100], failsafe: 100}}
  b_position_percent: {{unit: "%", range: [0, 100]}}
sources:
  a_setpoint_percent: 40
buses:
  cabinet: {{port: {port}, baud: {baud}, scan_s: {scan_s}}}
devices:
  valve_a:
    type: modbus_rtu
    bus: {bus}
    points: points.csv
    prefix: a_
    unit_id: 1
    read: [a_position_percent, a_flow_l_min, a_serial_number]
    write: [a_setpoint_percent]
    poll: {{{poll}}}
  valve_b:
    {{type: modbus_rtu, bus: cabinet, points: points.csv, prefix: b_, unit_id: {unit_b}, read: [b_position_percent]}}
"""


def rig_file(folder: Path, **changed: object) -> Path:
    settings = {
        "port": "/dev/ttyUSB0",
        "baud": 9600,
        "scan_s": 0.5,
        "bus": "cabinet",
        "unit_b": 2,
        "poll": "a_flow_l_min: 5, a_serial_number: background",
    }
    (folder / "points.csv").write_text(POINTS)
    path = folder / "rig.yaml"
    path.write_text(RIG.format(**(settings | changed)))
    return path


def refused(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_rig(path)
    return str(caught.value)


def test_a_good_rig_has_no_warning_and_values_may_be_as_old_as_their_pace_allows(tmp_path: Path) -> None:
    rig = load_rig(rig_file(tmp_path))
    assert rig.warnings == ()
    ages_s = {signal.name: signal.max_age_ns / 1e9 for signal in rig.signals()}
    assert ages_s["a_position_percent"] == pytest.approx(1.5)
    assert ages_s["a_flow_l_min"] == pytest.approx(7.5)
    assert ages_s["a_serial_number"] == pytest.approx(180.0)
    assert ages_s["a_setpoint_percent"] == 0.0
    parts, bus = rig.build(EventLog(), lambda: 0)
    assert bus is not None
    assert parts.devices == (bus,)
    assert bus.counters()["cabinet.requests"] == 0
    bus.close()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"bus": "cabinett"}, "device valve_a is on the bus 'cabinett', which is not there"),
        ({"bus": "cabinett"}, 'did you mean "cabinet"?'),
        ({"unit_b": 1}, "device valve_b is unit 1, and so is device valve_a on the same bus"),
        ({"unit_b": 0}, "device valve_b reads from, or beats to, unit 0"),
        ({"unit_b": 248}, "247"),
        ({"port": "tcp://gateway"}, '"tcp://gateway" is not tcp://host:port'),
        ({"port": "udp://10.0.0.7:22"}, '"udp://10.0.0.7:22" is neither a serial port nor a gateway'),
        ({"port": "10.0.0.7:22"}, "tcp://10.0.0.7:22"),
        ({"scan_s": 0.02}, "bus cabinet: a scan of 20 ms takes 6"),
        ({"scan_s": 0.02}, "more than there is"),
        ({"poll": "b_position_percent: 2"}, "b_position_percent is not under read"),
        ({"poll": "a_flow_l_min: 0"}, "poll"),
    ],
)
def test_what_does_not_fit_is_refused_with_figures(
    tmp_path: Path, changed: dict[str, object], told: str
) -> None:
    assert told in refused(rig_file(tmp_path, **changed))


def test_a_full_line_is_worth_a_warning(tmp_path: Path) -> None:
    rig = load_rig(rig_file(tmp_path, scan_s=0.1))
    (warning,) = [each for each in rig.warnings if each.what.startswith("bus")]
    assert "a scan of 100 ms takes" in warning.what
    assert "of writes on change" in warning.what
    assert "scan_s:" in warning.hint


def test_one_port_has_one_bus_also_by_another_name_of_it(tmp_path: Path) -> None:
    (tmp_path / "line").write_text("")
    (tmp_path / "by-id").symlink_to(tmp_path / "line")
    path = rig_file(tmp_path, port=tmp_path / "line", bus="other")
    path.write_text(
        path.read_text().replace("buses:\n", f"buses:\n  other: {{port: {tmp_path / 'by-id'}}}\n")
    )
    told = refused(path)
    assert (
        f"rig.yaml:15: bus cabinet is on {tmp_path / 'line'}, and so is bus other: a line has one master"
        in told
    )


@pytest.mark.parametrize(("age", "is_warned"), [("max_age_s: 0.47", False), ("max_age_s: 0.46", True)])
def test_an_age_that_one_lost_reply_outlasts_is_warned_of_with_the_figures(
    tmp_path: Path, age: str, is_warned: bool
) -> None:
    """The unit is held for 1 s (late_reply_s) and read every 0.5 s: BAD comes at three maximum ages."""
    path = rig_file(tmp_path)
    text = path.read_text().replace(
        'b_position_percent: {unit: "%", range: [0, 100]',
        "b_position_percent: {unit: '%', range: [0, 100], " + age,
    )
    path.write_text(text.replace("scan_s: 0.5", "scan_s: 0.4"))
    told = [str(warning) for warning in load_rig(path).warnings]
    assert bool(told) == is_warned
    if told:
        assert "device valve_b: one lost reply keeps its unit in quarantine for up to 1 s" in told[0]
        assert "b_position_percent is 1.4 s old before it is read again, and is BAD after 1.38 s" in told[0]


def test_an_age_shorter_than_the_pace_is_refused(tmp_path: Path) -> None:
    path = rig_file(tmp_path)
    path.write_text(path.read_text().replace("range: [0, 1000]", "range: [0, 1000], max_age_s: 1"))
    assert "max_age_s 1 s is shorter than the 2.5 s from one read to the next" in refused(path)


def test_a_serial_port_that_is_written_is_a_danger_and_a_pseudo_terminal_is_none(tmp_path: Path) -> None:
    (danger,) = load_rig(rig_file(tmp_path)).dangers
    assert "device valve_a on /dev/ttyUSB0 will be written: a_setpoint_percent" in danger.what
    assert load_rig(rig_file(tmp_path, port="/dev/pts/9")).dangers == []
    assert load_rig(rig_file(tmp_path, port="tcp://127.0.0.1:4001")).dangers == []
    assert len(load_rig(rig_file(tmp_path, port="tcp://192.0.2.7:4001")).dangers) == 1


def test_a_latency_that_no_serial_line_can_show_is_refused(tmp_path: Path) -> None:
    path = rig_file(tmp_path)
    path.write_text(
        path.read_text() + "latency: {sensor_to_actuator_p99_us: 50000, data_age_p99_us: 1000000}\n"
    )
    told = refused(path)
    assert "latency.sensor_to_actuator_p99_us: no device of this rig reads and writes" in told
    assert "data_age" not in told


def test_how_much_of_a_scan_is_taken_is_told(tmp_path: Path) -> None:
    (told,) = load_rig(rig_file(tmp_path)).bus_loads
    assert told.startswith("bus cabinet: a scan of 500 ms takes 6")
    assert "ms of the line at 9600 baud (1" in told


LOOP_RIG = """rig: vessel
clock: wall
period_s: 0.1
duration_s: 3
signals:
  setpoint_temp_degc: {{unit: degC, range: [0, 100]}}
  measured_temp_degc: {{unit: degC, range: [0, 100], mirrors: vessel_temp_degc}}
  vessel_temp_degc: {{unit: degC, range: [0, 100]}}
  position_percent: {{unit: "%", range: [0, 100], failsafe: 0, mirrors: setpoint_percent}}
  setpoint_percent: {{unit: "%", range: [0, 100], failsafe: 0}}
sources: {{setpoint_temp_degc: 30}}
plants:
  vessel:
    {{type: transfer_function, numerator: [0.5], denominator: [60, 1], inputs: [position_percent],
      outputs: [vessel_temp_degc]}}
controllers:
  temp: {{setpoint: setpoint_temp_degc, measured: measured_temp_degc, output: setpoint_percent, action: reverse,
    gain: 10, gain_unit: "%/K", integral_time_s: 40}}
buses:
  cabinet: {{port: /dev/ttyUSB0, baud: 19200, scan_s: 0.4}}
devices:
  valve:
    type: modbus_rtu
    bus: cabinet
    points: points.csv
    read: [position_percent, measured_temp_degc]
    write: [setpoint_percent]
    poll: {{measured_temp_degc: {every}}}
"""


@pytest.mark.parametrize(("every", "hold_s"), [(1, 0.2), (5, 1.0)])
def test_the_pace_of_a_line_delays_the_loop_it_feeds(tmp_path: Path, every: int, hold_s: float) -> None:
    (tmp_path / "points.csv").write_text(POINTS + "measured_temp_degc,input_register,3,int16,degC,r,never\n")
    path = tmp_path / "rig.yaml"
    path.write_text(LOOP_RIG.format(every=every))
    assert delay_of(load_rig(path), "temp", Latency(0.0, is_measured=False)).hold_s == pytest.approx(hold_s)
