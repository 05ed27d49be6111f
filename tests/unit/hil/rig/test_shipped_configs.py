"""Every file in configs/ is used here: rigs run or load, loads drive a CDU, scenarios happen."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hil.rig import Wishes, load_rig, run_rig

CONFIGS = Path(__file__).resolve().parents[4] / "configs"
RIGS = sorted((CONFIGS / "rigs").glob("*.yaml"))
LOADS = sorted((CONFIGS / "loads").glob("*.yaml"))
SCENARIOS = sorted((CONFIGS / "scenarios").glob("*.yaml"))
SIL = CONFIGS / "rigs" / "cdu_sil.yaml"
PLC_IO = CONFIGS / "rigs" / "cdu_plc_io.yaml"
FACILITY = CONFIGS / "rigs" / "facility_10mw.yaml"


def by_name(path: Path) -> str:
    return path.stem


def test_the_folders_are_not_empty() -> None:
    assert len(RIGS) >= 6
    assert len(LOADS) >= 3
    assert SCENARIOS


@pytest.mark.parametrize("path", RIGS, ids=by_name)
def test_rig(path: Path, tmp_path: Path) -> None:
    rig = load_rig(path)
    assert rig.warnings == (), "a shipped rig is an example: nothing in it deserves a warning"
    assert rig.config.rig == path.stem
    if rig.config.devices:
        assert rig.dangers == [], "nobody's plant is written to by an example"
        return
    whole = rig.config.duration_s is not None and rig.config.duration_s <= 3600
    result = run_rig(rig if whole else load_rig(path, Wishes(duration_s=1800)), tmp_path)
    assert result.end.stop == "end"
    assert result.report is not None
    if whole:
        assert result.exit_code == 0, result.report.reasons


@pytest.mark.parametrize("path", LOADS, ids=by_name)
def test_load(path: Path, tmp_path: Path) -> None:
    rig = load_rig(SIL, Wishes(load=str(path), duration_s=1800))
    assert rig.warnings == ()
    result = run_rig(rig, tmp_path)
    heat_kw = pq.read_table(result.run_dir / "trend.parquet")["rack_heat_kw"].to_numpy()
    assert heat_kw.min() >= 0
    assert heat_kw.max() - heat_kw.min() > 100, "a load that does not move tests nothing"


@pytest.mark.parametrize("path", SCENARIOS, ids=by_name)
def test_scenario(path: Path, tmp_path: Path) -> None:
    if "type: bus" in path.read_text():
        # It needs a wire, and so the wall clock: tests/field/test_proxy_rig.py runs one like it.
        assert load_rig(PLC_IO, Wishes(scenario=path)).warnings == ()
        return
    if "plant: facility" in path.read_text():
        # tests/plant/test_facility_fault_reports.py lets them happen.
        assert load_rig(FACILITY, Wishes(scenario=path)).warnings == ()
        return
    rig = load_rig(SIL, Wishes(scenario=path))
    assert rig.warnings == ()
    result = run_rig(rig, tmp_path)
    assert result.end.stop == "end"
    events = [json.loads(row) for row in (result.run_dir / "events.jsonl").read_text().splitlines()]
    kinds = [event["kind"] for event in events]
    asked = rig._scenario.config.events if rig._scenario is not None else ()
    assert kinds.count("setpoint") == sum(event.type == "set" for event in asked)
    assert kinds.count("fault_start") == kinds.count("fault_end") == sum(e.type != "set" for e in asked)
