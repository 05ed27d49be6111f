"""PV plants and WAN links as plants of a rig: wiring, start, faults of a scenario, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hil.errors import ConfigError
from hil.rig import Wishes, load_rig, run_rig

RIG = """\
rig: pv
clock: virtual
period_s: 1
duration_s: 120
seed: 1
signals:
  asked_percent: {unit: "%", range: [0, 100]}
  limit_percent: {unit: "%", range: [0, 100]}
  age_s: {unit: s, range: [0, 1000]}
  power_mw: {unit: MW, range: [-5, 70]}
  in_force_percent: {unit: "%", range: [0, 100]}
  running: {unit: "1", range: [0, 20]}
sources:
  asked_percent: {type: step, before: 30, steps: [{at_s: 60, level: 50}]}
plants:
  wan:
    type: wan
    delay_s: 4
    inputs: {limit: asked_percent}
    outputs: {received_limit: limit_percent, wan_age_s: age_s}
  pv:
    type: pv_plant
    weather: {site: tozeur, start: "06-21 12:00"}
    parameters: {ramp_up_percent_per_s: 1}
    inputs: {active_power_limit_percent: limit_percent}
    outputs: {poi_power_mw: power_mw, limit_in_force_percent: in_force_percent, stations_running: running}
"""
SCENARIO = """\
scenario: cut
events:
  - {type: equipment, at_s: 10, plant: pv, fault: station_3_trip}
  - {type: equipment, at_s: 40, for_s: 40, plant: wan, fault: wan_cut}
"""


def write(folder: Path, *changes: tuple[str, str]) -> Path:
    text = RIG
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "pv.yaml"
    path.write_text(text)
    return path


def test_it_starts_at_its_limit_and_faults_of_a_scenario_reach_both(tmp_path: Path) -> None:
    (tmp_path / "cut.yaml").write_text(SCENARIO)
    rig = load_rig(write(tmp_path), Wishes(scenario=tmp_path / "cut.yaml"))
    result = run_rig(rig, tmp_path)
    trend = pq.read_table(result.run_dir / "trend.parquet").to_pydict()
    assert rig.warnings == ()
    # From the first row on: 30 % of 60 MW, less losses; no ramp down from full sun.
    assert trend["power_mw"][0] == pytest.approx(18.0, abs=0.3)
    assert trend["limit_percent"][0] == trend["limit_percent"][59] == 30.0
    assert trend["running"][5] == 20.0
    assert trend["running"][30] == 19.0
    # The new limit was sent while the link was cut: it comes when that is over, and takes 4 s.
    assert trend["limit_percent"][78] == 30.0
    assert trend["age_s"][78] == pytest.approx(39.0, abs=1.0)
    assert trend["limit_percent"][86] == 50.0
    assert trend["power_mw"][-1] == pytest.approx(0.95 * 30.0, abs=0.5)
    kinds = [json.loads(row)["kind"] for row in (result.run_dir / "events.jsonl").read_text().splitlines()]
    assert kinds.count("fault_start") == 2


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("ramp_up_percent_per_s: 1", "ramp_up_percent: 1", 24, 'did you mean "ramp_up_percent_per_s"?'),
        ("ramp_up_percent_per_s: 1", "stations: 2.5", 24, "stations must be a whole number, not 2.5"),
        ("ramp_up_percent_per_s: 1", "mounting: 1", 24, "mounting must be a text"),
        ("ramp_up_percent_per_s: 1", "night_reactive: 1", 24, "night_reactive must be true or false"),
        ("ramp_up_percent_per_s: 1", "albedo: 3", 24, "albedo is 3.0; it must be 0 … 1"),
        ("ramp_up_percent_per_s: 1", "mounting: flat", 24, "mounting is 'flat'; it is fixed or tracking"),
        ("site: tozeur", "site: tozeu", 23, 'did you mean "tozeur"?'),
        ("06-21 12:00", "06-31", 23, "month 6 has 30 days"),
        ("poi_power_mw: power_mw", "poi_power: power_mw", 26, 'did you mean "poi_power_mw"?'),
        ("poi_power_mw: power_mw", "poi_voltage_pu: power_mw", 26, "unit mismatch"),
        ("received_limit:", "recieved_limit:", 20, 'did you mean "received_limit"?'),
        ("limit: asked_percent", "limit: age_s", 20, "unit mismatch"),
        ("limit: asked_percent", "limit: asked", 19, "which the rig does not declare"),
        ("delay_s: 4", "delay_s: 4000000", 18, "together at most 100000 periods"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_line(tmp_path: Path, old: str, new: str, line: int, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_rig(write(tmp_path, (old, new)))
    assert any(
        problem.line == line and told in f"{problem.what} {problem.hint}" for problem in caught.value.problems
    )
