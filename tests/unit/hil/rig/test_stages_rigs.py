"""Changeovers in a rig: run to the trend and the events, in cascades, slower than the cycle; every mistake told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from hil.errors import ConfigError
from hil.rig import load_rig, run_rig

RIG = """\
rig: cooling
clock: virtual
period_s: 1.0
duration_s: 400
signals:
  supply_temp_degc: {unit: degC, range: [0, 60]}
  dry_bulb_temp_degc: {unit: degC, range: [-20, 60]}
  cooling_mode: {unit: "1", range: [0, 2], failsafe: 2, initial: 0}
  chiller_enable_percent: {unit: "%", range: [0, 100], failsafe: 100, initial: 0}
  water_setpoint_degc: {unit: degC, range: [10, 40], failsafe: 20, initial: 30}
  water_temp_degc: {unit: degC, range: [0, 60]}
  valve_percent: {unit: "%", range: [0, 100], failsafe: 100}
sources:
  supply_temp_degc: {type: ramp, start_level: 20, end_level: 40, start_s: 100, end_s: 300}
  dry_bulb_temp_degc: 30
plants:
  vessel: {type: transfer_function, numerator: [-0.4], denominator: [30, 1], inputs: [valve_percent],
           outputs: [water_temp_degc], output_levels: [30], input_levels: [50]}
controllers:
  water:
    setpoint: water_setpoint_degc
    measured: water_temp_degc
    output: valve_percent
    action: direct
    gain: 5
    gain_unit: "%/K"
    integral_time_s: 30
  cooling:
    type: stages
    measured: supply_temp_degc
    output: cooling_mode
    names: [free, partly mechanical, mechanical]
    up_at: [26, 28]
    down_at: [24, 25]
    delay_s: 10
    minimum_time_s: 50
    up_if: [{signal: dry_bulb_temp_degc, above: 18}]
    outputs:
      chiller_enable_percent: [0, 100, 100]
      water_setpoint_degc: [30, 25, 20]
"""


Run = tuple[dict[str, np.ndarray], list[dict[str, object]], dict[str, object]]
"""Trend, events, counters."""


def written(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    text = RIG
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = tmp_path / "rig.yaml"
    path.write_text(text)
    return path


def run(path: Path, out: Path) -> Run:
    folder = run_rig(load_rig(path), out).run_dir
    table = pq.read_table(folder / "trend.parquet")
    told = [json.loads(row) for row in (folder / "events.jsonl").read_text().splitlines()]
    counters = json.loads((folder / "run.json").read_text())["counters"]
    return {name: table[name].to_numpy() for name in table.column_names}, told, counters


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("usual")
    return run(written(folder), folder)


def test_a_run_goes_through_the_stages_and_tells_each_change(usual: Run) -> None:
    trend, told, counters = usual
    mode = trend["cooling_mode"]
    (ups,) = np.nonzero(np.diff(mode))
    # 26 degC is passed at 160 s, seen above in the cycle after the next (means over the cycle), 10 s of delay.
    assert list(ups + 1) == [171, 221], "the second change waits for its 50 s"
    np.testing.assert_array_equal(trend["chiller_enable_percent"], np.where(mode > 0, 100.0, 0.0))
    np.testing.assert_array_equal(
        trend["water_setpoint_degc"], np.array([30.0, 25.0, 20.0])[mode.astype(int)]
    )
    changes = [event for event in told if event["kind"] == "stage"]
    assert [(event["t_s"], event["source"]) for event in changes] == [(171.0, "cooling"), (221.0, "cooling")]
    assert str(changes[0]["text"]).startswith(
        "stage 0 (free) -> stage 1 (partly mechanical): supply_temp_degc 27."
    )
    assert counters["controllers.cooling"] == {  # type: ignore[index]
        "changes": 2, "waits": 30, "rejected": 0, "fallbacks": 0, "fallback_cycles": 0,
    }  # fmt: skip
    assert trend["water_temp_degc"][-1] == pytest.approx(20.0, abs=0.5), "the inner loop follows the table"


def test_the_inner_loop_follows_the_table_in_the_same_cycle(usual: Run) -> None:
    trend, _, _ = usual
    # At 171 s the set-point falls by 5 K: a proportional answer of 25 %.
    assert trend["valve_percent"][171] - trend["valve_percent"][170] > 24.0


def test_slower_than_the_cycle_it_changes_on_its_own_points(tmp_path: Path) -> None:
    path = written(tmp_path, ("    type: stages", "    type: stages\n    every: 30\n    offset: 5"))
    trend, told, _ = run(path, tmp_path)
    changes = [event["t_s"] for event in told if event["kind"] == "stage"]
    assert changes == [215.0, 275.0], "on 30 n + 5, 50 s in the stage are over at the second point"
    assert set(np.flatnonzero(np.diff(trend["cooling_mode"])) + 1) == {215, 275}


def test_the_same_rig_runs_the_same_twice(usual: Run, tmp_path: Path) -> None:
    again = run(written(tmp_path), tmp_path)
    for name, column in usual[0].items():
        np.testing.assert_array_equal(column, again[0][name])
    assert usual[1:] == again[1:], "events and counters too"


def test_a_sensor_fault_out_of_range_takes_the_failsafe_stage(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        ("measured: supply_temp_degc", "measured: water_temp_degc"),
        ("delay_s: 10", "delay_s: 1000"),
        ("rig: cooling", "rig: cooling\nscenario: bad.yaml"),
        ("  supply_temp_degc: {type: ramp, start_level: 20, end_level: 40, start_s: 100, end_s: 300}\n", ""),
        ("  supply_temp_degc: {unit: degC, range: [0, 60]}\n", ""),
    )
    (tmp_path / "bad.yaml").write_text(
        "scenario: bad\nevents:\n  - {type: sensor, at_s: 30, for_s: 20, signal: water_temp_degc, bias: 500}\n"
    )
    trend, told, counters = run(path, tmp_path)
    np.testing.assert_array_equal(trend["cooling_mode"][:30], 0)
    np.testing.assert_array_equal(trend["cooling_mode"][30:50], 2)
    assert counters["controllers.cooling"]["fallback_cycles"] == 20  # type: ignore[index]
    assert any("failsafe" in str(event["text"]) for event in told if event["kind"] == "stage")


CASES = [
    ("    type: stages", "    type: stagse #!", "unknown type 'stagse'", 'did you mean "stages"?'),
    ("    up_at: [26, 28]", "    upat: [26, 28] #!", "unknown key 'upat'", 'did you mean "up_at"?'),
    ("    down_at: [24, 25]", "    down_at: [24] #!", "down_at: 1 entries where 2 are needed", "up_at"),
    ("    down_at: [24, 25]", "    down_at: [26, 26] #!", "down_at[0] is 26 and must be below up_at[0]", ""),
    ("    up_at: [26, 28]", "    up_at: [28, 26] #!", "up_at[1] is 26, below up_at[0], which is 28", ""),
    ("    up_at: [26, 28]", "    up_at: [26, 70] #!", "the threshold 70 degC is not inside the range [0, 60]", ""),
    ("above: 18}", "above: 80} #!\n           ", "threshold 80 degC is not inside the range", ""),
    ("above: 18}]", "above: 18, below: 20}] #!", "needs above or below", "one of both"),
    ("above: 18}]", "above: [18, 19, 20]}] #!", "dry_bulb_temp_degc has 3 entries where 2 are needed", "one level"),
    ("    names: [free, partly mechanical, mechanical]", "    names: [free] #!", "1 entries where 3 are needed", ""),
    ("    minimum_time_s: 50", "    minimum_time_s: -5 #!", "minimum_time_s: must be at least 0, not -5", ""),
    ("    minimum_time_s: 50", "    minimum_time_s: [1, 2] #!", "minimum_time_s: 2 entries where 3 are needed", ""),
    ("range: [0, 2], failsafe: 2", "range: [0, 1], failsafe: 1", "cooling_mode ranges from 0 to 1, the", "[0, 2]"),
    ("failsafe: 2,", "failsafe: 1.5, #!\n   ", "failsafe 1.5 is no stage of controller cooling", "of 0, 1, 2"),
    ("failsafe: 2,", "rate_up_per_s: 1, failsafe: 2, #!\n   ", "a rate limit would give stages between", "table"),
    ("failsafe: 2,", "", "signal cooling_mode has no failsafe, and controllers.cooling needs one", "failsafe"),
    ('  cooling_mode: {unit: "1"', '  cooling_mode: {unit: kPa', "controllers.cooling writes cooling_mode in 1", ""),
    ("_percent: [0, 100, 100]", "_percent: [0, 100, 110] #!", "is 110 % in stage 2, outside", "100"),
    ("_percent: [0, 100, 100]", "_percent: [0, 100] #!", "has 2 values for 3 stages", ""),
    ("    outputs:\n", "    outputs:\n      valve_percent: [0, 0, 0] #!\n", "two writers: controllers.cooling", ""),
    ("      water_setpoint_degc: [30", "      supply_temp_degc: [30", "is both followed and written", ""),
    ("      chiller_enable_percent: [", "      chiler_enable_percent: [", "the rig does not declare", "chiller_en"),
    ("    measured: supply_temp_degc", "    measured: suply_temp_degc #!", "'suply_temp_degc'", '"supply_temp_degc"'),
    ("    measured: supply_temp_degc", "    measured: valve_percent", "depend on each other in a ring", ""),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "what", "hint"), CASES)
def test_every_mistake_is_told_at_its_line(tmp_path: Path, old: str, new: str, what: str, hint: str) -> None:
    path = written(tmp_path, (old, new))
    with pytest.raises(ConfigError) as caught:
        load_rig(path)
    problems = caught.value.problems
    lines = [n for n, row in enumerate(path.read_text().splitlines(), start=1) if "#!" in row]
    assert any(
        what in each.what and hint in each.hint and (not lines or each.line == lines[0]) for each in problems
    ), "\n".join(map(str, problems))


def test_a_table_that_disagrees_with_its_failsafe_is_worth_a_warning(tmp_path: Path) -> None:
    path = written(tmp_path, ("failsafe: 100, initial: 0}", "failsafe: 50, initial: 0}"))
    (warning,) = [each for each in load_rig(path).warnings if "failsafe" in each.what]
    assert "chiller_enable_percent has the failsafe 50 %, and 100 in the failsafe stage 2" in warning.what


def test_a_controller_without_a_type_is_a_pid_still(tmp_path: Path) -> None:
    rig = load_rig(written(tmp_path))
    assert rig.config.controllers["water"].type == "pid"
    assert set(rig.pids) == {"water"}
    assert rig.writer_of("water_setpoint_degc") == "controllers.cooling"
