"""A rig of twelve alike in a few lines: what comes of it, and where its mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import ConfigError
from hil.rig import Wishes, load_rig

RIG = """\
rig: twelve
clock: virtual
period_s: 1
duration_s: 60
signals:
  heater_{1..12}_kw: {unit: kW, range: [0, 100], failsafe: 0, initial: 20}
  temp_{1..12}_degc: {unit: degC, range: [-50, 150]}
  setpoint_degc: {unit: degC, range: [0, 100]}
sources:
  setpoint_degc: 35
plants:
  vessel_{1..12}:
    type: transfer_function
    numerator: [0.5]
    denominator: [60, 1]
    inputs: ["heater_{n}_kw"]
    outputs: ["temp_{n}_degc"]
    input_levels: [20]
    output_levels: [30]
controllers:
  temp_{1..12}:
    setpoint: setpoint_degc
    measured: temp_{n}_degc
    output: heater_{n}_kw
    action: reverse
    gain: 10
    gain_unit: kW/K
    integral_time_s: 40
loops:
  temp_{1..12}: {setpoint: setpoint_degc, measured: "temp_{n}_degc", output: "heater_{n}_kw", band: 1}
requirements:
  - {kpi: "loops.temp_{1..12}.within_band_percent", min: 5}
"""


def write(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in RIG
    path = folder / "twelve.yaml"
    path.write_text(RIG.replace(old, new, 1) if old else RIG)
    return path


def test_twelve_of_each_and_the_resolved_rig_shows_them(tmp_path: Path) -> None:
    rig = load_rig(write(tmp_path))
    assert rig.warnings == ()
    assert [list(getattr(rig.config, key)) for key in ("plants", "controllers", "loops")] == [
        [f"vessel_{n}" for n in range(1, 13)],
        [f"temp_{n}" for n in range(1, 13)],
        [f"temp_{n}" for n in range(1, 13)],
    ]
    assert rig.resolved["plants"]["vessel_7"]["inputs"] == ["heater_7_kw"]
    assert [need["kpi"] for need in rig.resolved["requirements"]][6] == "loops.temp_7.within_band_percent"
    assert "{" not in str(rig.resolved["signals"].keys())


def test_one_of_twelve_can_be_changed_from_the_command_line(tmp_path: Path) -> None:
    rig = load_rig(write(tmp_path), Wishes(overrides=("controllers.temp_7.gain=4",)))
    assert [rig.config.pids[f"temp_{n}"].gain for n in (6, 7, 8)] == [10, 4, 10]


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("    inputs: [\"heater_{n}_kw\"]", "    inputs: [\"heatr_{n}_kw\"]", 16, 'did you mean "heater_7_kw"'),
        ("    gain: 10", "    gian: 10", 26, "controllers.temp_7: unknown key 'gian'"),
        ("denominator: [60, 1]", "denominator: [60, x]", 15, "plants.vessel_7.denominator.1: must be a number"),
        ("output: heater_{n}_kw\n    action", "output: heater_1_kw\n    action", 24, "two writers: controllers.temp_7"),
        ("temp_{1..12}_degc: {unit: degC", "temp_{1..12}_degc: {unit: degc", 7, "signal temp_7_degc: unknown unit"),
    ],
)  # fmt: skip
def test_a_mistake_of_the_seventh_is_told_with_its_name_at_the_range_s_line(
    tmp_path: Path, old: str, new: str, line: int, told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_rig(write(tmp_path, old, new))
    found = [p for p in caught.value.problems if told in f"{p.what} {p.hint}"]
    assert [problem.line for problem in found] == [line]
