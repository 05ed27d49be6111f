"""Compositions in a rig: a module in a few lines, its start, its faults, and its mistakes at their lines."""

from __future__ import annotations

import cmath
import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from hil.errors import ConfigError
from hil.rig import Wishes, load_rig, run_rig
from hil.rig.delay import Latency
from hil.rig.margins import lost_margins
from plant_models import linearize

RIG = """\
rig: module
clock: virtual
period_s: 1
duration_s: 120
signals:
  heat_{1..2}_kw: {unit: kW, range: [0, 2000]}
  supply_{1..2}_degc: {unit: degC, range: [0, 95]}
  valve_percent: {unit: "%", range: [0, 100], failsafe: 100, initial: 60}
  setpoint_degc: {unit: degC, range: [15, 45]}
  air_degc: {unit: degC, range: [-20, 60]}
  flow_kg_s: {unit: kg/s, range: [0, 500]}
  residual_kw: {unit: kW, range: [-100, 100]}
sources:
  heat_{1..2}_kw: 1000
  air_degc: 25
  setpoint_degc: 42
plants:
  module:
    type: system
    components:
      cdu_{1..2}: {kind: cdu, datasheet: xdu1350, pumps: 2}
      fws: {kind: header, branches: 2, pumps: 1, flow_kg_s: 41.2, head_kpa: 250, duty_pumps: 1}
      hot: {kind: pipe, volume_l: 2000, flow_kg_s: 41.2, cells: 3}
      cooler: {kind: dry_cooler, count: 2}
    wires:
      cdu_{1..2}.fws_conductance_kg_s_kpa05: fws.branch_{n}_conductance_kg_s_kpa05
      fws.branch_{1..2}_differential_pressure_kpa: cdu_{n}.fws_differential_pressure_kpa
      fws.supply_temp_degc: cdu_{1..2}.fws_supply_temp_degc
      cdu_{1..2}.fws_return_temp_degc: fws.branch_{n}_return_temp_degc
      fws.return_temp_degc: hot.inlet_temp_degc
      fws.flow_kg_s: [hot.flow_kg_s, cooler.flow_kg_s]
      hot.outlet_temp_degc: cooler.inlet_temp_degc
      cooler.outlet_temp_degc: fws.source_supply_temp_degc
    share:
      pumps: ["cdu_{1..2}.tcs_pump_1_speed_command_percent", "cdu_{1..2}.tcs_pump_2_speed_command_percent"]
      fans: cooler.fan_{1..2}_speed_command_percent
      valves: cdu_{1..2}.fws_valve_command_percent
    hold: {cdu_1.filter_fouling_ratio: 1.5}
    longest_substep_s: 0.5
    inputs:
      cdu_{1..2}.rack_heat_kw: heat_{n}_kw
      valves: valve_percent
      pumps: 85
      cooler.dry_bulb_temp_degc: air_degc
      fans: 90
      fws.pump_1_speed_command_percent: 80
      fws.bypass_valve_command_percent: 0
    outputs:
      cdu_{1..2}.tcs_supply_temp_degc: supply_{n}_degc
      fws.flow_kg_s: flow_kg_s
      energy_residual_kw: residual_kw
controllers:
  supply:
    setpoint: setpoint_degc
    measured: supply_1_degc
    output: valve_percent
    action: direct
    gain: 0.03
    gain_unit: 1/K
    integral_time_s: 20
"""
SCENARIO = "scenario: trip\nevents:\n  - {type: equipment, at_s: 30, plant: module, fault: fws_pump_1_trip}\n"
LINES = {text.strip(): number for number, text in enumerate(RIG.splitlines(), 1)}


def write(folder: Path, *changes: tuple[str, str]) -> Path:
    text = RIG
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "module.yaml"
    path.write_text(text)
    return path


def test_it_starts_settled_and_a_scenario_s_fault_reaches_a_component(tmp_path: Path) -> None:
    (tmp_path / "trip.yaml").write_text(SCENARIO)
    rig = load_rig(write(tmp_path), Wishes(scenario=tmp_path / "trip.yaml"))
    result = run_rig(rig, tmp_path)
    trend = pq.read_table(result.run_dir / "trend.parquet").to_pydict()
    assert rig.warnings == ()
    assert trend["supply_2_degc"][3] == pytest.approx(trend["supply_2_degc"][0], abs=0.5)
    assert trend["flow_kg_s"][29] > 15.0
    assert trend["flow_kg_s"][60] < 1.0
    assert trend["supply_1_degc"][-1] > trend["supply_1_degc"][29] + 5.0, "no facility water: it heats up"
    assert max(abs(residual) for residual in trend["residual_kw"]) < 1e-6


def test_ports_may_be_written_as_the_plant_has_them(tmp_path: Path) -> None:
    one = load_rig(write(tmp_path)).wired_plants["module"]
    two = load_rig(
        write(tmp_path, ("fws.flow_kg_s: flow_kg_s", "fws_flow_kg_s: flow_kg_s"),
              ("cooler.dry_bulb_temp_degc: air", "cooler_dry_bulb_temp_degc: air"))
    ).wired_plants["module"]  # fmt: skip
    assert (one.inputs, one.outputs) == (two.inputs, two.outputs)


def test_an_optional_input_that_is_named_is_one_of_the_plant(tmp_path: Path) -> None:
    wired = load_rig(write(tmp_path)).wired_plants["module"]
    ports = [port.name for port in wired.plant.input_ports]
    assert wired.inputs[ports.index("fws_bypass_valve_command_percent")] == 0.0
    assert "cdu_1_filter_fouling_ratio" not in ports


def test_its_loop_has_a_phase_margin(tmp_path: Path) -> None:
    (found,) = lost_margins(load_rig(write(tmp_path)), Latency(0.0, is_measured=False))
    assert found.note == ""
    assert found.remaining_deg is not None
    assert 20.0 < found.remaining_deg < 130.0


def test_a_large_one_has_the_margin_of_python_controls_own_answer(tmp_path: Path) -> None:
    rig = load_rig(write(tmp_path, ("cells: 3", "cells: 45")))
    (found,) = lost_margins(rig, Latency(0.0, is_measured=False))
    wired = rig.wired_plants["module"]
    model = linearize(wired.plant)
    assert model.nstates > 80
    assert found.crossover_rad_s is not None
    s = 1j * found.crossover_rad_s
    gains = rig.pids["supply"].gains
    answer = model(s)[wired.outputs.index("supply_1_degc"), wired.inputs.index("valve_percent")]
    opened = -(gains.kp + gains.ki / s + gains.kd * s / (1.0 + gains.filter_time_s * s)) * answer
    assert abs(opened) == pytest.approx(1.0, rel=1e-6)
    assert found.nominal_deg == pytest.approx(180.0 + math.degrees(cmath.phase(opened)), abs=1e-3)


def test_each_of_many_loops_is_opened_with_the_others_closed(root: Path) -> None:
    """Six loops on one plant: the others put into python-control's answer by hand, with the delay of their holds."""
    rig = load_rig(root / "configs" / "rigs" / "composed_module.yaml")
    margins = {margin.loop: margin for margin in lost_margins(rig, Latency(0.0, is_measured=False))}
    (wired,) = rig.wired_plants.values()
    model = linearize(wired.plant)
    loops = rig.config.pids
    rows = [wired.outputs.index(loop.measured) for loop in loops.values()]
    columns = [wired.inputs.index(loop.output) for loop in loops.values()]
    for number, (name, margin) in enumerate(margins.items()):
        assert margin.crossover_rad_s is not None
        s = 1j * margin.crossover_rad_s
        laws = np.array([
            (1.0 if loop.action == "reverse" else -1.0)
            * (rig.pids[other].gains.kp + rig.pids[other].gains.ki / s)
            for other, loop in loops.items()
        ])  # fmt: skip
        answers = model(s)[np.ix_(rows, columns)]
        others = laws * np.exp(-s * np.array([other.delay_s for other in margins.values()]))
        others[number] = 0.0
        outputs = np.linalg.solve(np.eye(len(rows)) + answers * others, answers[:, number])
        opened = laws[number] * outputs[number]
        assert abs(opened) == pytest.approx(1.0, rel=1e-6), name
        assert margin.nominal_deg == pytest.approx(180.0 + math.degrees(cmath.phase(opened)), abs=1e-3), name


def test_heat_that_nothing_carries_away_is_a_warning(tmp_path: Path) -> None:
    rig = load_rig(
        write(tmp_path, ("fws.pump_1_speed_command_percent: 80", "fws.pump_1_speed_command_percent: 0"))
    )
    assert ["does not settle" in problem.what for problem in rig.warnings] == [True]


CDU, HEADER = (text for text in LINES if text.startswith(("cdu_{1..2}: {kind", "fws: {kind")))


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("kind: cdu", "kind: cdus", CDU, 'component cdu_2: no kind of component \'cdus\' did you mean "cdu"?'),
        ("datasheet: xdu1350", "datasheet: xdu", CDU, 'component cdu_2: datasheet is \'xdu\'; did you mean "xdu1350"'),
        ("pumps: 2}", "pmps: 2}", CDU, 'component cdu_2: a cdu has no setting \'pmps\' did you mean "pumps"?'),
        ("pumps: 2}", "pumps: 9}", CDU, "component cdu_2: pumps = 9 is outside 1 … 3"),
        ("head_kpa: 250", "head_kpa: wide", HEADER, "head_kpa must be a number, not 'wide'"),
        ("head_kpa: 250, ", "", HEADER, "a header needs head_kpa"),
        ("fws.return_temp_degc: hot.inlet_temp_degc", "fws.return_temp: hot.inlet_temp_degc",
         "fws.return_temp_degc: hot.inlet_temp_degc", "fws has no output 'return_temp'; did you mean"),
        ("fws.return_temp_degc: hot.inlet_temp_degc", "fws.return_temp_degc: hot.flow_kg_s",
         "fws.return_temp_degc: hot.inlet_temp_degc", "fws.return_temp_degc is in degC, hot.flow_kg_s in kg/s"),
        ("fws.supply_temp_degc: cdu_{1..2}", "fws.supply_temp_degc: cdu_{1..3}",
         "fws.supply_temp_degc: cdu_{1..2}.fws_supply_temp_degc", "no component 'cdu_3'"),
        ("hold: {cdu_1.filter", "hold: {cdu_1.filtr", "hold: {cdu_1.filter_fouling_ratio: 1.5}", "no input 'filtr"),
        ("valves: valve_percent", "valvs: valve_percent", "valves: valve_percent", 'did you mean "valves"?'),
        ("fans: 90", "fans: air_degc", "fans: 90", "unit mismatch"),
        ("pumps: 85", "pumps: 850", "pumps: 85", "pumps = 850 is outside 0 … 100"),
        ("cdu_{1..2}.tcs_supply_temp_degc: ", "cdu_{1..2}.tcs_suply_temp_degc: ",
         "cdu_{1..2}.tcs_supply_temp_degc: supply_{n}_degc", 'did you mean "cdu_2.tcs_supply_temp_degc"?'),
        ("fws.flow_kg_s: flow_kg_s", "fws.flow_kg_s: air_degc", "fws.flow_kg_s: flow_kg_s", "unit mismatch"),
        ("longest_substep_s: 0.5", "longest_substep_s: 2", "longest_substep_s: 0.5", "must be at most 0.5"),
        ("      cdu_{1..2}.rack_heat_kw: heat_{n}_kw\n", "", "inputs:", "input cdu_2_rack_heat_kw [kW] is not wired"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_line(tmp_path: Path, old: str, new: str, line: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_rig(write(tmp_path, (old, new)))
    found = [problem for problem in caught.value.problems if told in f"{problem.what} {problem.hint}"]
    assert [problem.line for problem in found] == [LINES[line]], caught.value


def test_the_report_draws_the_components_with_the_means_of_their_signals(tmp_path: Path) -> None:
    report = run_rig(load_rig(write(tmp_path), Wishes(duration_s=20.0)), tmp_path / "runs").report
    assert report is not None
    page = report.path.read_text(encoding="utf-8")
    picture = page[page.index('<svg role="img"') :].split("</svg>")[0]
    for name in ("cdu_1", "cdu_2", "hot", "cooler"):
        assert f">{name}</text>" in picture
    mean = report.kpis["signals"]["flow_kg_s"]["mean"]
    assert f">{mean:.1f} kg/s</text>" in picture
