"""Small rigs that tests write, spoil and load: one in simulation, one with a PLC, one with a linear plant."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

SIL = """\
rig: bench
clock: virtual
period_s: 1.0
duration_s: 60
signals:
  heat_kw: {unit: kW, range: [0, 2400]}
  supply_setpoint_degc: {unit: degC, range: [15, 45]}
  drop_setpoint_kpa: {unit: kPa, range: [50, 650]}
  valve_percent: {unit: "%", range: [0, 100], failsafe: 100, initial: 60}
  pump_percent: {unit: "%", range: [0, 100], failsafe: 70, initial: 80}
  supply_temp_degc: {unit: degC, range: [0, 95]}
  drop_kpa: {unit: kPa, range: [0, 1000]}
load: heat_kw
sources:
  heat_kw: 1000
  supply_setpoint_degc: 32
  drop_setpoint_kpa: 400
plants:
  cdu:
    type: cdu
    datasheet: deschutes_2mw
    parameters: {valve_stroke_time_s: 30}
    inputs:
      rack_heat_kw: heat_kw
      fws_valve_command_percent: valve_percent
      tcs_pump_speed_command_percent: pump_percent
    outputs:
      tcs_supply_temp_degc: supply_temp_degc
      rack_differential_pressure_kpa: drop_kpa
controllers:
  supply:
    setpoint: supply_setpoint_degc
    measured: supply_temp_degc
    output: valve_percent
    action: direct
    gain: 0.03
    gain_unit: 1/K
    integral_time_s: 20
  drop:
    setpoint: drop_setpoint_kpa
    measured: drop_kpa
    output: pump_percent
    action: reverse
    gain: 0.05
    gain_unit: "%/kPa"
    integral_time_s: 3
loops:
  supply:
    setpoint: supply_setpoint_degc
    measured: supply_temp_degc
    output: valve_percent
    band: 1
requirements:
  - {kpi: loops.supply.within_band_percent, min: 50}
"""

PLC = """\
rig: bench
clock: wall
period_s: 0.1
duration_s: 60
signals:
  heat_kw: {unit: kW, range: [0, 2400]}
  supply_setpoint_degc: {unit: degC, range: [15, 45]}
  bench_temp_degc: {unit: degC, range: [0, 95]}
  supply_temp_degc: {unit: degC, range: [0, 95], mirrors: bench_temp_degc}
  valve_percent: {unit: "%", range: [0, 100], failsafe: 100}
  position_percent: {unit: "%", range: [0, 100], failsafe: 100, mirrors: valve_percent}
sources:
  heat_kw: 1000
  supply_setpoint_degc: 32
plants:
  cdu:
    type: cdu
    inputs:
      rack_heat_kw: heat_kw
      fws_valve_command_percent: position_percent
      tcs_pump_speed_command_percent: 80
    outputs: {tcs_supply_temp_degc: bench_temp_degc}
controllers:
  supply:
    setpoint: supply_setpoint_degc
    measured: supply_temp_degc
    output: valve_percent
    action: direct
    gain: 0.03
    gain_unit: 1/K
    integral_time_s: 20
devices:
  plc:
    type: modbus_tcp
    host: 127.0.0.1
    port: 1502
    points: plc.csv
    read: [supply_temp_degc, position_percent]
    write: [valve_percent, bench_temp_degc]
    heartbeat: beat
"""

POINTS = """\
signal,table,address_zero_based,type,scale,unit,access
supply_temp_degc,input_register,1,int16,0.1,degC,r
position_percent,input_register,5,uint16,0.01,%,r
valve_percent,holding_register,101,uint16,0.01,%,w
beat,holding_register,103,uint16,1,1,w
bench_temp_degc,holding_register,200,int16,0.01,degC,rw
alarm,discrete_input,0,,1,bool,r
"""

LINEAR = """\
rig: bench
clock: virtual
period_s: 0.5
duration_s: 60
signals:
  setpoint_degc: {unit: degC, range: [0, 100]}
  heater_kw: {unit: kW, range: [0, 100], failsafe: 0, initial: 20}
  temp_degc: {unit: degC, range: [-50, 150]}
sources:
  setpoint_degc: 35
plants:
  vessel:
    type: transfer_function
    numerator: [0.5]
    denominator: [60, 1]
    inputs: [heater_kw]
    outputs: [temp_degc]
    dead_time_s: 5
    input_levels: [20]
    output_levels: [30]
controllers:
  temp:
    setpoint: setpoint_degc
    measured: temp_degc
    output: heater_kw
    action: reverse
    gain: 10
    gain_unit: kW/K
    integral_time_s: 40
"""

TEXTS = {"sil": SIL, "plc": PLC, "linear": LINEAR}
WriteRig = Callable[..., Path]


@pytest.fixture
def write_rig(tmp_path: Path, root: Path) -> WriteRig:
    """Write a rig by name, with pieces of its text replaced; every piece must be there."""

    def write(name: str, *changes: tuple[str, str], points: str = POINTS) -> Path:
        text = TEXTS[name]
        for old, new in changes:
            assert text.count(old) >= 1, f"{old!r} is not in the rig {name}"
            text = text.replace(old, new, 1)
        (tmp_path / "plc.csv").write_text(points)
        path = tmp_path / "rig.yaml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def shipped_copy(tmp_path: Path, root: Path) -> Path:
    """Copy of configs/, to spoil."""
    return Path(shutil.copytree(root / "configs", tmp_path / "configs"))
