"""``hil points lint`` as a user meets it: exit codes, streams, JSON, never a traceback."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from hil.cli import app

HEADER = "signal,table,address_zero_based,type,scale,unit,access,min,max,accepted\n"
COARSE = HEADER + "\n# a comment\nflow_l_min,input_register,3,int16,5,L/min,r,0,100\n"


def hil(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["hil", *arguments])
    with pytest.raises(SystemExit) as ended:
        app.main()
    code = ended.value.code
    return code if isinstance(code, int) else 0


def as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> dict[str, Any]:
    code = hil(monkeypatch, "points", "lint", *arguments, "--json")
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert (report["exit_code"], err) == (code, "")
    assert isinstance(report, dict)
    return report


def test_every_shipped_list_is_clean_alone_and_with_the_rigs_that_use_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], root: Path
) -> None:
    lists = sorted((root / "configs" / "points").glob("*.csv"))
    assert lists
    for path in lists:
        report = as_json(monkeypatch, capsys, str(path))
        assert report["findings"] == []
        assert report["points"] > 0
        for rig in (root / "configs" / "rigs").glob("*.yaml"):
            if f"/{path.name}" in rig.read_text():
                assert as_json(monkeypatch, capsys, str(path), "--rig", str(rig))["findings"] == [], rig


def test_a_finding_is_a_row_with_place_figures_and_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "plc.csv"
    path.write_text(COARSE)
    assert hil(monkeypatch, "points", "lint", str(path)) == 1
    out, err = capsys.readouterr()
    (row,) = [line for line in out.splitlines() if f"{path}:4" in line]
    cells = [cell.strip() for cell in row.split("│")]
    assert cells[1:6] == ["flow_l_min", "coarse", "5", "1", "L/min"]
    assert cells[7] == "a scale of 1 or finer"
    assert f"{path}: 1 finding: 1 points" in out
    assert err == ""


def test_the_same_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "plc.csv"
    path.write_text(COARSE)
    report = as_json(monkeypatch, capsys, str(path))
    (finding,) = report["findings"]
    assert finding == {
        "code": "coarse", "file": str(path), "line": 4, "signal": "flow_l_min",
        "what": "one count is 5 L/min, 5 % of the range 0 to 100", "value": 5.0, "unit": "L/min", "limit": 1.0,
        "hint": "a scale of 1 or finer",
    }  # fmt: skip
    assert (report["exit_code"], report["accepted"], report["live"]) == (1, [], None)
    path.write_text(COARSE.replace("0,100\n", "0,100,coarse\n"))
    report = as_json(monkeypatch, capsys, str(path))
    assert (report["exit_code"], report["findings"], len(report["accepted"])) == (0, [], 1)


def test_rows_that_cannot_be_read_do_not_hide_what_is_wrong_with_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "plc.csv"
    path.write_text(COARSE + "b,input_register,9,int61,1,L/min,r\n")
    assert hil(monkeypatch, "points", "lint", str(path)) == 2
    out, err = capsys.readouterr()
    assert f'{path}:5: "b": unknown type "int61"' in err
    assert f"{path}:4" in out
    assert f"{path}: not usable: 1 problem in its rows; of the others: 1 finding: 1 points" in out
    report = as_json(monkeypatch, capsys, str(path))
    assert (report["exit_code"], report["problems"][0]["line"]) == (2, 5)
    assert [(each["code"], each["line"]) for each in report["findings"]] == [("coarse", 4)]


def test_a_file_that_is_no_list_is_unusable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "plc.csv"
    path.write_text(HEADER + "b,input_register,9,int61,1,L/min,r\n")
    report = as_json(monkeypatch, capsys, str(path))
    assert (report["exit_code"], report["problems"][0]["line"]) == (2, 2)
    assert as_json(monkeypatch, capsys, str(tmp_path / "plx.csv"))["exit_code"] == 2


def test_a_rig_brings_the_ranges(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, root: Path
) -> None:
    configs = Path(shutil.copytree(root / "configs", tmp_path / "configs"))
    rig, points = configs / "rigs" / "cdu_plc_io.yaml", configs / "points" / "cdu_plc.csv"
    row = "tcs_flow_l_min,1,input_register,4,uint16,,high_first,big,0.1,0,L/min"
    text = points.read_text()
    assert row in text
    points.write_text(text.replace(row, row.replace(",0.1,", ",0.01,")))
    assert as_json(monkeypatch, capsys, str(points))["findings"] == [], "without a rig nobody knows the range"
    (finding,) = as_json(monkeypatch, capsys, str(points), "--rig", str(rig))["findings"]
    assert (finding["code"], finding["signal"], finding["unit"]) == ("saturation", "tcs_flow_l_min", "L/min")
    assert finding["limit"] == pytest.approx(655.35)
    assert finding["line"] == next(n for n, line in enumerate(text.splitlines(), 1) if row in line)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--live", "plc:99999"], "port '99999' is outside 1 to 65535"),
        (["--live", "127.0.0.1:1"], "nothing listens on 127.0.0.1:1"),
        (["--rig", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_what_cannot_be_looked_at_is_exit_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, options: list[str], what: str
) -> None:  # fmt: skip
    path = tmp_path / "plc.csv"
    path.write_text(HEADER + "flow_l_min,input_register,3,int16,0.1,L/min,r,0,100\n")
    assert hil(monkeypatch, "points", "lint", str(path), *options) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert what in err


def test_a_rig_that_has_nothing_to_do_with_the_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, root: Path
) -> None:
    path = tmp_path / "plc.csv"
    path.write_text(HEADER + "x_l_min,input_register,3,int16,0.1,L/min,r,0,100\n")
    rig = root / "configs" / "rigs" / "cdu_sil.yaml"
    assert hil(monkeypatch, "points", "lint", str(path), "--rig", str(rig)) == 2
    assert "has no device with" in capsys.readouterr().err


def test_a_list_that_several_devices_share_by_prefix_is_held_against_the_signals_of_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "drive.csv"
    path.write_text(
        HEADER + "speed_hz,input_register,0,int16,0.001,Hz,r\nload_percent,input_register,2,int16,1,%,r\n"
    )
    rig = tmp_path / "rig.yaml"
    rig.write_text(
        "rig: r\nperiod_s: 0.1\nduration_s: 1\nclock: wall\nsignals:\n"
        "  pump_1_speed_hz: {unit: Hz, range: [0, 60]}\n  pump_1_load_percent: {unit: '%', range: [0, 100]}\n"
        "buses:\n  line: {port: /dev/ttyUSB0}\n"
        "devices:\n  pump_1: {type: modbus_rtu, bus: line, points: drive.csv, prefix: pump_1_, unit_id: 3,\n"
        "    read: [pump_1_speed_hz, pump_1_load_percent]}\n"
    )
    report = as_json(monkeypatch, capsys, str(path), "--rig", str(rig))
    found = [(each["code"], each["signal"], each["value"]) for each in report["findings"]]
    assert found == [("saturation", "speed_hz", 60.0), ("requests", "load_percent", 2)]
