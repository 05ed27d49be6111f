"""The latency contract in runs on the wall clock: met, not met and its exit code, in every place that tells it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import small_rig

from hil.devices.stand_in import launch_cdu_plc
from hil.rig import Wishes, load_rig, run_rig

LOOSE = "{overruns: 1000, cycle_p99_us: 1e7, lateness_max_us: 1e9}"
TIGHT = "{overruns: 1000, cycle_max_us: 0.001}"


def contracted(folder: Path, contract: str, clock: str = "wall") -> Path:
    path = small_rig.write_rig(folder, clock=clock, duration_s=1.0)
    text = path.read_text().replace("signals:\n", f"latency: {contract}\nsignals:\n", 1)
    path.write_text(text.replace("min: 50", "min: 0"))
    return path


def ran(folder: Path, contract: str, clock: str = "wall") -> tuple[int, dict[str, Any]]:
    done = small_rig.run("run", contracted(folder, contract, clock), "--out", folder / "runs", "--json")
    return done.returncode, json.loads(done.stdout)


def test_a_contract_that_is_met(tmp_path: Path) -> None:
    code, told = ran(tmp_path, LOOSE)
    assert (code, told["verdict"], told["latency"]["word"]) == (0, "met", "met")
    limits = {limit["kpi"]: limit for limit in told["latency"]["limits"]}
    assert set(limits) == {"run.overruns", "timing.cycle.p99_us", "timing.lateness.max_us"}
    assert all(limit["met"] and 0 <= limit["value"] <= limit["high"] for limit in limits.values())
    timing = json.loads((Path(told["run_dir"]) / "timing.json").read_text())
    for name in ("cycle", "lateness"):
        assert sum(count for _, count in timing["phases"][name]["buckets"]) >= timing["cycles"]
    (margin,) = told["latency"]["margins"]
    late_us = sum(timing["phases"][name]["p99_us"] for name in ("cycle", "lateness"))
    assert margin["loop"] == "supply_temp"
    assert margin["delay_s"] == pytest.approx(0.5 * 0.02 + 1e-6 * late_us)
    assert told["kpis"]["margins"]["supply_temp"]["remaining_deg"] == margin["remaining_deg"]


def test_a_contract_that_is_not_met_ends_with_1(tmp_path: Path) -> None:
    code, told = ran(tmp_path, TIGHT)
    assert (code, told["verdict"], told["latency"]["word"]) == (1, "not met", "not met")
    assert "timing.cycle.max_us" in told["reasons"][0]
    again = small_rig.run("report", told["run_dir"])
    assert again.returncode == 1
    assert "latency contract: not met" in again.stdout
    assert "phase margins" in again.stdout
    page = (Path(told["run_dir"]) / "report.html").read_text()
    assert "The latency contract is not met." in page
    assert "Phase margins" in page


def test_on_the_virtual_clock_there_is_nothing_to_keep(tmp_path: Path) -> None:
    code, told = ran(tmp_path, TIGHT, clock="virtual")
    assert (code, told["verdict"]) == (0, "met")
    assert told["latency"] == {"word": "virtual clock", "limits": [], "margins": []}


def test_check_shows_the_margins(tmp_path: Path) -> None:
    done = small_rig.run("check", contracted(tmp_path, LOOSE))
    assert done.returncode == 0
    assert "phase margins" in done.stdout
    assert "10 ms" in done.stdout  # half the period


def test_check_refuses_a_period_shorter_than_the_cycle(tmp_path: Path) -> None:
    path = contracted(tmp_path, LOOSE)
    text = (
        path.read_text()
        .replace("period_s: 0.02", "period_s: 0.000003")
        .replace("dead_time_s: 0.1", "dead_time_s: 0")
    )
    path.write_text(text)
    done = small_rig.run("check", path)
    assert done.returncode == 2
    line = text.splitlines().index("period_s: 0.000003") + 1
    assert f"{path}:{line}" in done.stderr.replace("\n", "")
    assert "shorter than a cycle takes on this machine" in done.stderr


def test_from_sensor_to_actuator_through_a_plc(root: Path, tmp_path: Path) -> None:
    with launch_cdu_plc() as plc:
        overrides = (f"devices.plc.port={plc.port}", "latency.data_age_p99_us=1.0")
        rig = load_rig(
            root / "configs" / "rigs" / "cdu_plc_io.yaml", Wishes(duration_s=2.0, overrides=overrides)
        )
        result = run_rig(rig, tmp_path)
    assert result.report is not None
    phases = json.loads((result.run_dir / "timing.json").read_text())["phases"]
    counts = {name: phases[name]["count"] for name in ("sensor_to_actuator", "data_age")}
    assert counts["data_age"] == result.end.cycles
    # All but the first cycles, and those in which a busy machine let a phase run out.
    assert 0.5 * result.end.cycles <= counts["sensor_to_actuator"] <= result.end.cycles + 1
    # A sample is used before the actuator has its answer, and both lie within a cycle.
    assert (
        0 < phases["data_age"]["p50_us"] < phases["sensor_to_actuator"]["p50_us"] < phases["cycle"]["p50_us"]
    )
    limits = {limit.kpi: limit for limit in result.report.latency.limits}
    assert not limits["timing.data_age.p99_us"].met
    assert limits["timing.sensor_to_actuator.p99_us"].value == phases["sensor_to_actuator"]["p99_us"]
    assert result.exit_code == 1
    assert {margin["loop"] for margin in result.report.latency.margins} == {"supply_temp", "rack_pressure"}
