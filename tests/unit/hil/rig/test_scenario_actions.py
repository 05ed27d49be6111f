"""What a scenario does, to the number, in the trend."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from hil.rig import Wishes, load_rig, run_rig

WriteRig = Callable[..., Path]


def run(path: Path, out: Path, events: str = "") -> tuple[dict[str, np.ndarray], list[dict[str, object]]]:
    wishes = Wishes()
    if events:
        scenario = path.with_name("scenario.yaml")
        scenario.write_text(f"scenario: s\nevents:\n{events}")
        wishes = Wishes(scenario=scenario)
    folder = run_rig(load_rig(path, wishes), out).run_dir
    table = pq.read_table(folder / "trend.parquet")
    told = [json.loads(row) for row in (folder / "events.jsonl").read_text().splitlines()]
    return {name: table[name].to_numpy() for name in table.column_names}, told


def open_loop(write_rig: WriteRig, duration_s: int = 60) -> Path:
    """Write the bench without its controllers: what a sensor says moves nothing there."""
    path = write_rig("sil", ("duration_s: 60", f"duration_s: {duration_s}"))
    text = path.read_text().split("controllers:")[0]
    held = "  drop_setpoint_kpa: 400"
    path.write_text(text.replace(held, f"{held}\n  valve_percent: 55\n  pump_percent: 75"))
    return path


def test_set_at_once_and_along_a_ramp(write_rig: WriteRig, tmp_path: Path) -> None:
    trend, told = run(
        write_rig("sil"), tmp_path / "runs",
        "  - {type: set, at_s: 10, signal: supply_setpoint_degc, to: 34}\n"
        "  - {type: set, at_s: 20, signal: supply_setpoint_degc, to: 30, ramp_s: 20}\n",
    )  # fmt: skip
    setpoint = trend["supply_setpoint_degc"]
    assert setpoint[9] == 32.0
    np.testing.assert_array_equal(setpoint[10:21], 34.0)
    # A source gives the mean over the cycle: half a period behind the ramp.
    np.testing.assert_allclose(setpoint[21:41], 34.0 - 4.0 / 20.0 * (np.arange(21, 41) - 20 - 0.5), atol=1e-9)
    np.testing.assert_allclose(setpoint[41:], 30.0, atol=1e-9)
    assert [(e["t_s"], e["text"]) for e in told if e["kind"] == "setpoint"] == [
        (10.0, "to 34"),
        (20.0, "to 30 over 20 s"),
    ]


def test_a_ramp_starts_where_the_one_before_has_come_to(write_rig: WriteRig, tmp_path: Path) -> None:
    trend, _ = run(
        write_rig("sil"), tmp_path / "runs",
        "  - {type: set, at_s: 10, signal: heat_kw, to: 2000, ramp_s: 20}\n"
        "  - {type: set, at_s: 20, signal: heat_kw, to: 1000, ramp_s: 10}\n",
    )  # fmt: skip
    assert np.abs(np.diff(trend["heat_kw"])).max() < 101, "no jump where one ramp takes over from the other"
    assert trend["heat_kw"][-1] == 1000.0


def test_pump_trip_on_and_off(write_rig: WriteRig, tmp_path: Path) -> None:
    path = write_rig("sil", ("duration_s: 60", "duration_s: 200"))
    whole, _ = run(path, tmp_path / "runs")
    trend, told = run(
        path, tmp_path / "runs", "  - {type: equipment, at_s: 50, for_s: 20, plant: cdu, fault: pump_trip}\n"
    )
    np.testing.assert_array_equal(trend["drop_kpa"][:50], whole["drop_kpa"][:50])
    assert trend["drop_kpa"][50] == whole["drop_kpa"][50], "it acts from its time on, not a period before"
    assert trend["drop_kpa"][51] < 0.95 * whole["drop_kpa"][51]
    assert trend["drop_kpa"][70] < 0.05 * whole["drop_kpa"][70], "and to its end"
    assert trend["drop_kpa"][69] < 0.05 * whole["drop_kpa"][69], "the pump has coasted down"
    assert trend["drop_kpa"][-1] == pytest.approx(400.0, rel=0.02), "and is back at its set-point"
    assert [(e["t_s"], e["kind"]) for e in told if "fault" in str(e["kind"])] == [
        (50.0, "fault_start"),
        (70.0, "fault_end"),
    ]


def test_a_pump_that_is_tripped_twice_starts_after_the_later_end(write_rig: WriteRig, tmp_path: Path) -> None:
    trend, told = run(
        write_rig("sil"), tmp_path / "runs",
        "  - {type: equipment, at_s: 20, for_s: 30, plant: cdu, fault: pump_trip}\n"
        "  - {type: equipment, at_s: 10, for_s: 10, plant: cdu, fault: pump_trip}\n",
    )  # fmt: skip
    assert trend["drop_kpa"][49] < 0.05 * trend["drop_kpa"][9]
    assert (np.diff(trend["drop_kpa"][11:50]) <= 0).all(), "it never started in between"
    assert trend["drop_kpa"][-1] > trend["drop_kpa"][50]
    assert [(e["t_s"], e["kind"]) for e in told if "fault" in str(e["kind"])] == [
        (10.0, "fault_start"),
        (50.0, "fault_end"),
    ]


def test_bias_shifts_by_exactly_that(write_rig: WriteRig, tmp_path: Path) -> None:
    path = open_loop(write_rig)
    whole, _ = run(path, tmp_path / "runs")
    events = "  - {type: sensor, at_s: 10, for_s: 20, signal: supply_temp_degc, bias: 0.75}\n"
    trend, told = run(path, tmp_path / "runs", events)
    difference = trend["supply_temp_degc"] - whole["supply_temp_degc"]
    np.testing.assert_allclose(difference[10:30], 0.75, atol=1e-12)
    np.testing.assert_array_equal(np.delete(difference, np.arange(10, 30)), 0.0)
    assert "bias +0.75 degC" in str(told)


def test_frozen_holds_the_value_of_the_moment(write_rig: WriteRig, tmp_path: Path) -> None:
    path = write_rig(
        "sil", ("heat_kw: 1000", "heat_kw: {type: step, before: 800, steps: [{at_s: 15, level: 1600}]}")
    )
    events = "  - {type: sensor, at_s: 10, for_s: 30, signal: supply_temp_degc, frozen: true}\n"
    trend, _ = run(path, tmp_path / "runs", events)
    np.testing.assert_array_equal(trend["supply_temp_degc"][10:40], trend["supply_temp_degc"][9])
    assert abs(trend["supply_temp_degc"][40] - trend["supply_temp_degc"][39]) > 0.1, "the truth has moved on"


def test_noise_has_its_size_and_repeats_with_the_seed(write_rig: WriteRig, tmp_path: Path) -> None:
    path = open_loop(write_rig, 2000)
    whole, _ = run(path, tmp_path / "runs")
    events = "  - {type: sensor, at_s: 0, signal: drop_kpa, noise_std: 2.0}\n"
    first, _ = run(path, tmp_path / "runs", events)
    second, _ = run(path, tmp_path / "runs", events)
    for name, column in first.items():
        np.testing.assert_array_equal(column, second[name])
    noise = first["drop_kpa"] - whole["drop_kpa"]
    assert noise.std() == pytest.approx(2.0, rel=0.1)
    assert abs(noise.mean()) < 0.2
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.1, "one sample does not know of the next"
    path.write_text(path.read_text().replace("rig: bench", "rig: bench\nseed: 2"))
    other, _ = run(path, tmp_path / "runs", events)
    assert (other["drop_kpa"] != first["drop_kpa"]).any()


def test_a_false_value_out_of_range_is_bad(write_rig: WriteRig, tmp_path: Path) -> None:
    events = "  - {type: sensor, at_s: 10, for_s: 5, signal: supply_temp_degc, bias: 90}\n"
    trend, told = run(write_rig("sil"), tmp_path / "runs", events)
    np.testing.assert_array_equal(trend["supply_temp_degc.quality"][10:15], 2)
    np.testing.assert_array_equal(trend["supply_temp_degc.quality"][15:], 0)
    np.testing.assert_array_equal(trend["valve_percent.quality"][10:15], 3)
    assert sum(e["kind"] == "quality" for e in told) == 4, "BAD and back, for the sensor and for the valve"
