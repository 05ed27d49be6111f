"""A run leaves behind what its plants are and which signals their ports have, and the report draws it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from hil.report.numbers import figure_text
from hil.rig import Wishes, load_rig, run_rig

WriteRig = Callable[..., Path]


def test_a_rig_with_a_cdu_has_its_picture(write_rig: WriteRig, tmp_path: Path) -> None:
    result = run_rig(load_rig(write_rig("sil"), Wishes(duration_s=20.0)), tmp_path / "runs")
    written = json.loads((result.run_dir / "plants.json").read_text())
    assert written["cdu"]["type"] == "cdu"
    assert written["cdu"]["inputs"]["rack_heat_kw"] == "heat_kw"
    assert written["cdu"]["inputs"]["fws_supply_temp_degc"] == 26.8, "not wired: held"
    assert written["cdu"]["outputs"] == {
        "tcs_supply_temp_degc": "supply_temp_degc", "rack_differential_pressure_kpa": "drop_kpa",
    }  # fmt: skip
    assert result.report is not None
    page = result.report.path.read_text(encoding="utf-8")
    picture = page[page.index('<svg role="img"') :].split("</svg>")[0]
    mean = result.report.kpis["signals"]["supply_temp_degc"]["mean"]
    assert f">{mean:.1f}</text>" in picture
    assert f"tcs_supply_temp_degc: {figure_text(mean, '°C')} [supply_temp_degc]" in picture
    assert ">cdu</text>" in picture


def test_a_rig_of_linear_plants_has_nothing_to_draw(write_rig: WriteRig, tmp_path: Path) -> None:
    result = run_rig(load_rig(write_rig("linear"), Wishes(duration_s=20.0)), tmp_path / "runs")
    assert json.loads((result.run_dir / "plants.json").read_text())["vessel"]["diagram"] is None
    assert result.report is not None
    assert '<svg role="img"' not in result.report.path.read_text(encoding="utf-8")
