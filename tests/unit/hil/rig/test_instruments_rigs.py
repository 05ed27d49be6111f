"""Sensors and actuators in a rig: what the trend shows, seeds, faults on top, and every mistake told at its line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from hil.errors import ConfigError
from hil.rig import Wishes, load_rig, run_rig
from hil.rig.delay import planned_latency
from hil.rig.instruments import instrument_of
from hil.rig.margins import lost_margins

WriteRig = Callable[..., Path]


def run(path: Path, out: Path, scenario: str = "") -> tuple[dict[str, np.ndarray], dict[str, dict[str, int]]]:
    wishes = Wishes()
    if scenario:
        path.with_name("faults.yaml").write_text(f"scenario: faults\nevents:\n{scenario}")
        wishes = Wishes(scenario=path.with_name("faults.yaml"))
    folder = run_rig(load_rig(path, wishes), out).run_dir
    table = pq.read_table(folder / "trend.parquet")
    counters = json.loads((folder / "run.json").read_text())["counters"]
    return {name: table[name].to_numpy() for name in table.column_names}, counters


def open_loop(write_rig: WriteRig, sections: str, *, seed: int = 1) -> Path:
    """Write the bench without its controllers, with ``sections`` added."""
    path = write_rig(
        "sil",
        ("rig: bench", f"rig: bench\nseed: {seed}"),
        ("duration_s: 60", "duration_s: 120"),
        ("  drop_kpa: {", "  true_degc: {unit: degC, range: [0, 95]}\n  drop_kpa: {"),
        ("  drop_kpa: {", '  stem_percent: {unit: "%", range: [0, 100]}\n  drop_kpa: {'),
        ("heat_kw: 1000", "heat_kw: {type: step, before: 800, steps: [{at_s: 30, level: 1600}]}"),
    )  # fmt: skip
    text = path.read_text().split("controllers:")[0]
    held = "  drop_setpoint_kpa: 400"
    valve = "{type: step, before: 55, steps: [{at_s: 60, level: 65}]}"
    path.write_text(text.replace(held, f"{held}\n  valve_percent: {valve}\n  pump_percent: 75") + sections)
    return path


def test_the_trend_shows_what_is_measured_and_the_truth_beside_it(
    write_rig: WriteRig, tmp_path: Path
) -> None:
    plain, _ = run(open_loop(write_rig, ""), tmp_path)
    figures = "lag_s: 5, noise_std: 0.05, bias: 0.4, resolution: 0.01, drift_per_day: 1.0, truth: true_degc"
    trend, counters = run(open_loop(write_rig, f"sensors:\n  supply_temp_degc: {{{figures}}}\n"), tmp_path)
    np.testing.assert_array_equal(trend["true_degc"], plain["supply_temp_degc"])
    np.testing.assert_array_equal(trend["drop_kpa"], plain["drop_kpa"])
    measured = trend["supply_temp_degc"]
    np.testing.assert_allclose(measured, np.round(measured, 2), atol=1e-9)
    error = measured - trend["true_degc"]
    assert error[:30].mean() == pytest.approx(0.4, abs=0.05)
    assert error[:30].std() == pytest.approx(0.05, rel=0.5)
    assert error[31:60].min() < -0.2, "it lags behind a load step"
    assert counters["sensors.supply_temp_degc"] == {"saturated": 0, "rejected": 0}


def test_the_same_rig_is_the_same_to_the_bit_and_sensors_know_nothing_of_each_other(
    write_rig: WriteRig, tmp_path: Path
) -> None:
    one = "sensors:\n  supply_temp_degc: {noise_std: 0.1}\n"
    first, _ = run(open_loop(write_rig, one), tmp_path)
    again, _ = run(open_loop(write_rig, one), tmp_path)
    both, _ = run(open_loop(write_rig, one.replace("\n  s", "\n  drop_kpa: {noise_std: 1}\n  s")), tmp_path)
    other, _ = run(open_loop(write_rig, one, seed=2), tmp_path)
    for name, column in first.items():
        np.testing.assert_array_equal(column, again[name])
    np.testing.assert_array_equal(first["supply_temp_degc"], both["supply_temp_degc"])
    assert (both["drop_kpa"] != first["drop_kpa"]).all()
    assert (other["supply_temp_degc"] != first["supply_temp_degc"]).all()
    noises = [both[name] - base for name, base in (("drop_kpa", first["drop_kpa"]),)]
    noises.append(10 * (first["supply_temp_degc"] - other["supply_temp_degc"]))
    assert abs(np.corrcoef(noises[0], noises[1])[0, 1]) < 0.3


def test_a_sensor_on_a_source_does_not_touch_what_the_plant_gets(write_rig: WriteRig, tmp_path: Path) -> None:
    plain, _ = run(open_loop(write_rig, ""), tmp_path)
    trend, _ = run(open_loop(write_rig, "sensors:\n  heat_kw: {bias: 50}\n"), tmp_path)
    np.testing.assert_allclose(trend["heat_kw"] - plain["heat_kw"], 50.0)
    np.testing.assert_array_equal(trend["supply_temp_degc"], plain["supply_temp_degc"])


def test_an_actuator_moves_the_plant_and_not_the_command(write_rig: WriteRig, tmp_path: Path) -> None:
    plain, _ = run(open_loop(write_rig, ""), tmp_path)
    sections = "actuators:\n  valve_percent: {stroke_time_s: 200, backlash: 4, position: stem_percent}\n"
    trend, counters = run(open_loop(write_rig, sections), tmp_path)
    np.testing.assert_array_equal(trend["valve_percent"], plain["valve_percent"])
    stem = trend["stem_percent"]
    np.testing.assert_array_equal(stem[:60], 55.0)
    # The step is seen at 61 s; 0.5 % a second, the first 2 % of it play; the drive is there after 20 s.
    np.testing.assert_allclose(stem[60:81], np.maximum(55.0, 55.0 - 2.0 + 0.5 * np.arange(21)).clip(max=63.0))
    assert stem[-1] == 63.0
    assert counters["actuators.valve_percent"]["limited"] == 19
    assert trend["supply_temp_degc"][70] > plain["supply_temp_degc"][70] + 0.1, "less water, a warmer supply"


def test_faults_of_a_scenario_come_on_top_and_on_sensed_sources_too(
    write_rig: WriteRig, tmp_path: Path
) -> None:
    sections = "sensors:\n  supply_temp_degc: {noise_std: 0.05}\n  heat_kw: {bias: 50}\n"
    path = open_loop(write_rig, sections)
    whole, _ = run(path, tmp_path)
    events = (
        "  - {type: sensor, at_s: 10, for_s: 20, signal: supply_temp_degc, bias: 2}\n"
        "  - {type: sensor, at_s: 40, for_s: 10, signal: heat_kw, bias: -100}\n"
    )
    trend, _ = run(path, tmp_path, events)
    expected = np.zeros(120)
    expected[10:30] = 2.0
    np.testing.assert_allclose(trend["supply_temp_degc"] - whole["supply_temp_degc"], expected, atol=1e-9)
    heat = np.zeros(120)
    heat[40:50] = -100.0
    np.testing.assert_allclose(trend["heat_kw"] - whole["heat_kw"], heat, atol=1e-9)


def test_a_sensor_at_the_end_of_its_range_saturates_and_stays_good(
    write_rig: WriteRig, tmp_path: Path
) -> None:
    path = open_loop(write_rig, "sensors:\n  supply_temp_degc: {bias: 80}\n")
    trend, counters = run(path, tmp_path)
    assert set(trend["supply_temp_degc"]) == {95.0}
    assert counters["sensors.supply_temp_degc"]["saturated"] == 120
    assert counters["values_rejected"] == {}


def test_the_margin_counts_the_sensors_lag(write_rig: WriteRig) -> None:
    left = {}
    for lag_s in (0.0, 10.0):
        change = [("controllers:", f"sensors:\n  temp_degc: {{lag_s: {lag_s}, bias: 0.1}}\ncontrollers:")]
        rig = load_rig(write_rig("linear", *change))
        (margin,) = lost_margins(rig, planned_latency(rig.config))
        assert margin.crossover_rad_s is not None
        left[lag_s] = margin
    lost = left[0.0].remaining_deg - left[10.0].remaining_deg
    assert lost > 15.0, "a lag of 10 s at a crossover of 0.08 rad/s turns it by some 30 degrees"
    assert left[10.0].crossover_rad_s < left[0.0].crossover_rad_s


CASES = [
    ("sensors:\n  suply_temp_degc: {bias: 1} #!", "the signal 'suply_temp_degc', which", '"supply_temp_degc"'),
    ("sensors:\n  valve_percent: {bias: 1} #!", "controllers.supply writes it, so there is nothing to", "goes"),
    ("sensors:\n  supply_temp_degc: {resolution: 200} #!", "supply_temp_degc [degC]: resolution is 200", "smaller"),
    ("sensors:\n  supply_temp_degc: {noise_std: -1} #!", "noise_std: must be at least 0, not -1", ""),
    ("sensors:\n  supply_temp_degc: {bias: .nan} #!", "bias: must be", ""),
    ("sensors:\n  supply_temp_degc: {lag: 1} #!", "unknown key 'lag'", 'did you mean "lag_s"?'),
    ("sensors:\n  supply_temp_degc: {lag_s: 0} #!", "a sensor without lag, noise, bias, resolution or drift", "leave"),
    ("sensors:\n  supply_temp_degc: {bias: 1, truth: drop_kpa} #!", "two writers: sensors.supply_temp_degc writes", ""),
    ("sensors:\n  supply_temp_degc: {bias: 1, truth: nowhere} #!", "'nowhere', which the rig does not declare", ""),
    ("actuators:\n  valv_percent: {backlash: 1} #!", "actuator on the signal 'valv_percent', which", '"valve_percent"'),
    ("actuators:\n  supply_setpoint_degc: {backlash: 1} #!", "no plant takes it as an input", "plants take heat_kw"),
    ("actuators:\n  supply_temp_degc: {backlash: 1} #!", "plants.cdu.tcs_supply_temp_degc writes it, which is no", ""),
    ("actuators:\n  valve_percent: {backlash: 70, stiction: 40} #!", "stiction + backlash is 110, and the span", ""),
    ("actuators:\n  valve_percent: {stroke_time_s: -4} #!", "stroke_time_s: must be at least 0, not -4", ""),
    ("actuators:\n  valve_percent: {} #!", "an actuator without stiction, backlash or stroke time", "leave"),
    ("actuators:\n  valve_percent: {strok_time_s: 4} #!", "unknown key 'strok_time_s'", '"stroke_time_s"'),
]  # fmt: skip


@pytest.mark.parametrize(("section", "what", "hint"), CASES)
def test_every_mistake_is_told_at_its_line(write_rig: WriteRig, section: str, what: str, hint: str) -> None:
    path = write_rig("sil", ("loops:", f"{section}\nloops:"))
    with pytest.raises(ConfigError) as caught:
        load_rig(path)
    problems = caught.value.problems
    (line,) = [n for n, row in enumerate(path.read_text().splitlines(), start=1) if "#!" in row]
    found = any(what in each.what and hint in each.hint and each.line == line for each in problems)
    assert found, "\n".join(map(str, problems))


def test_a_state_has_no_sensor(write_rig: WriteRig) -> None:
    path = write_rig(
        "sil",
        ("  drop_kpa: {", "  door_open: {unit: bool, range: [0, 1]}\n  drop_kpa: {"),
        ("sources:", "sources:\n  door_open: 0"),
        ("loops:", "sensors:\n  door_open: {bias: 0.1}\nloops:"),
    )
    with pytest.raises(ConfigError) as caught:
        load_rig(path)
    assert any("it is a state (bool)" in each.what for each in caught.value.problems)


def test_instruments_are_told_in_words(write_rig: WriteRig) -> None:
    path = write_rig("sil", ("loops:", "sensors:\n  drop_kpa: {lag_s: 2, noise_std: 0.5}\nloops:"))
    config = load_rig(path).config
    assert instrument_of(config, "drop_kpa") == "sensor: lag_s 2, noise_std 0.5"
    assert instrument_of(config, "heat_kw") == ""


def test_a_link_that_sends_the_truth_is_warned_of(write_rig: WriteRig) -> None:
    ends = "inputs: {temp: supply_temp_degc}, outputs: {received_temp: far_degc}"
    link = f"plants:\n  link: {{type: wan, delay_s: 2, {ends}}}\n"
    path = write_rig(
        "sil",
        ("  drop_kpa: {", "  far_degc: {unit: degC, range: [0, 95]}\n  drop_kpa: {"),
        ("plants:\n", link),
        ("loops:", "sensors:\n  supply_temp_degc: {bias: 0.1}\nloops:"),
    )
    (warning,) = load_rig(path).warnings
    assert "the link plants.link carries the true value of it" in warning.what
    path.write_text(path.read_text().replace("  supply_temp_degc: {bias", "  far_degc: {bias"))
    assert load_rig(path).warnings == ()
