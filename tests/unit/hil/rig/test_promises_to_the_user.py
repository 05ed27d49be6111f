"""Promises that a review found broken once: limits are seen, bits left alone, short files told."""

from __future__ import annotations

import errno
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from controller import Limit
from hil.errors import ConfigError
from hil.rig import Wishes, load_rig, run_rig

POINTS = """\
signal,unit_id,table,address_zero_based,type,bit,access,write,unit
run_enable,1,holding_register,10,bool,0,rw,every_cycle,bool
alarm_ack,1,holding_register,10,bool,5,rw,every_cycle,bool
"""
BITS = """\
rig: bits
clock: wall
period_s: 0.1
duration_s: 1
signals:
  run_enable: {unit: bool, range: [0, 1], failsafe: 0}
  alarm_ack: {unit: bool, range: [0, 1], failsafe: 0}
sources: {SOURCES}
devices:
  plc:
    type: modbus_tcp
    host: 127.0.0.1
    points: points.csv
    read: [READ]
    write: [WRITE]
"""


def bit_rig(folder: Path, sources: str, read: str, write: str) -> Path:
    (folder / "points.csv").write_text(POINTS)
    rig = folder / "rig.yaml"
    rig.write_text(BITS.replace("SOURCES", sources).replace("READ", read).replace("WRITE", write))
    return rig


def test_a_written_bit_that_would_clear_one_left_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_rig(bit_rig(tmp_path, "run_enable: 1", "alarm_ack", "run_enable"))
    (problem,) = caught.value.problems
    assert problem.line == 15
    assert "run_enable is bit 0" in problem.what
    assert "would clear alarm_ack (bit 5, line 3)" in problem.what
    assert "write all listed bits" in problem.hint


def test_a_word_with_bits_that_nobody_lists_is_told(tmp_path: Path) -> None:
    rig = load_rig(bit_rig(tmp_path, "run_enable: 1, alarm_ack: 0", "", "run_enable, alarm_ack"))
    assert any("14 bits that are not listed are written 0" in warning.what for warning in rig.warnings)


def test_a_loop_at_its_limit_is_recorded_and_judged_as_saturated(root: Path, tmp_path: Path) -> None:
    """A set-point that full speed cannot reach: the pump stays at 100 %, and the report has to say so."""
    wishes = Wishes(
        duration_s=1200.0,
        overrides=("sources.rack_differential_pressure_setpoint_kpa=640", "loops.rack_pressure.warm_up_s=0"),
    )
    result = run_rig(load_rig(root / "configs" / "rigs" / "cdu_sil.yaml", wishes), tmp_path)
    trend = pq.read_table(result.run_dir / "trend.parquet")
    command = trend["tcs_pump_speed_command_percent"].to_numpy()
    bits = trend["tcs_pump_speed_command_percent.limit"].to_numpy()
    at_limit = command >= 100.0
    assert at_limit.sum() > 600
    assert (bits[at_limit] & Limit.HIGH).astype(bool).mean() > 0.99
    assert not (bits[~at_limit] & (Limit.HIGH | Limit.LOW)).any()
    assert result.report is not None
    assert result.report.kpis["loops"]["rack_pressure"]["saturation_s"] == pytest.approx(
        at_limit.sum(), abs=2
    )
    assert "at its limit" in (result.run_dir / "report.html").read_text(encoding="utf-8")


def test_a_saturated_loop_leaves_its_limit_at_once(root: Path, tmp_path: Path) -> None:
    """Anti-windup through the limits: after ten minutes at 100 % the pump follows a lower set-point without delay."""
    scenario = tmp_path / "back.yaml"
    scenario.write_text(
        "scenario: back\nduration_s: 900\nevents:\n"
        "  - {type: set, at_s: 1, signal: rack_differential_pressure_setpoint_kpa, to: 640}\n"
        "  - {type: set, at_s: 700, signal: rack_differential_pressure_setpoint_kpa, to: 350}\n"
    )
    result = run_rig(
        load_rig(root / "configs" / "rigs" / "cdu_sil.yaml", Wishes(scenario=scenario)), tmp_path
    )
    command = pq.read_table(result.run_dir / "trend.parquet")["tcs_pump_speed_command_percent"].to_numpy()
    assert command[699] == 100.0
    assert command[702] < 99.0


def test_a_file_shorter_than_the_run_is_told(root: Path, tmp_path: Path) -> None:
    (tmp_path / "short.csv").write_text("time_s,heat_kw\n" + "".join(f"{t},1000\n" for t in range(0, 60, 10)))
    wishes = Wishes(load=f"{tmp_path / 'short.csv'}:heat_kw", duration_s=100.0)
    warnings = [
        str(warning) for warning in load_rig(root / "configs" / "rigs" / "cdu_sil.yaml", wishes).warnings
    ]
    assert any("the file ends at 60 s, the run at 100 s" in warning for warning in warnings)
    assert any("loop supply_temp: its warm-up of 600 s" in warning for warning in warnings)


def test_the_resolved_rig_is_plain_yaml(root: Path, tmp_path: Path) -> None:
    result = run_rig(load_rig(root / "configs" / "rigs" / "cdu_sil.yaml", Wishes(duration_s=10.0)), tmp_path)
    resolved = YAML(typ="safe").load(result.run_dir / "rig.yaml")
    assert resolved["period_s"] == 1.0
    assert resolved["loops"]["supply_temp"]["band"] == 1.0


@pytest.mark.parametrize("lost", ["report.html", "kpis.json"])
def test_a_report_without_room_takes_no_figures_with_it(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    write_text = Path.write_text

    def fills_up(file: Path, text: str, encoding: str | None = None) -> int:
        if file.name == f"{lost}.part":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_text(file, text, encoding)

    monkeypatch.setattr(Path, "write_text", fills_up)
    result = run_rig(load_rig(root / "configs/rigs/thermal_tf.yaml"), tmp_path)
    told = result.as_json()
    assert told["verdict"] == "met"
    assert told["kpis"]["loops"]["vessel_temp"]["within_band_percent"] > 75
    assert told["requirements"][0]["met"]
    assert told["not_written"] == [f"{lost}: [Errno 28] No space left on device"]
    assert told["exit_code"] == 1
