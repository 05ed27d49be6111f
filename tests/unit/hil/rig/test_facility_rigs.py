"""A facility in a rig by a few figures: its inputs at rest where they are not wired, and mistakes at their figure."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hil.errors import ConfigError
from hil.rig import load_rig, run_rig

RIG = """\
rig: small
clock: virtual
period_s: 1
duration_s: 60
signals:
  heat_{1..2}_kw: {unit: kW, range: [0, 2000]}
  air_degc: {unit: degC, range: [-20, 60]}
  pue: {unit: "1", range: [0, 100]}
  supply_degc: {unit: degC, range: [0, 95]}
sources:
  heat_{1..2}_kw: 500
  air_degc: 15
plants:
  site:
    type: facility
    spec:
      it_power_mw: 1.2
      module_mw: 1.2
      cdu: {datasheet: xdu1350, approach_k: 4}
    inputs:
      cdu_{1..2}.rack_heat_kw: heat_{n}_kw
      dry_bulb_temp_degc: air_degc
    outputs:
      site.pue: pue
      fws.supply_temp_degc: supply_degc
"""


def write(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in RIG
    path = folder / "small.yaml"
    path.write_text(RIG.replace(old, new, 1) if old else RIG)
    return path


def test_it_is_sized_from_its_figures_and_starts_settled(tmp_path: Path) -> None:
    rig = load_rig(write(tmp_path))
    wired = rig.wired_plants["site"]
    result = run_rig(rig, tmp_path)
    trend = pq.read_table(result.run_dir / "trend.parquet").to_pydict()
    ports = [port.name for port in wired.plant.input_ports]
    assert wired.inputs[ports.index("cdu_2_rack_heat_kw")] == "heat_2_kw"
    assert isinstance(wired.inputs[ports.index("fws_pump_speed_command_percent")], float), (
        "as the design starts it"
    )
    assert "cdu_3_rack_heat_kw" not in ports, "one on duty, one spare"
    assert trend["supply_degc"][-1] == pytest.approx(trend["supply_degc"][1], abs=0.1)
    assert 1.0 < trend["pue"][-1] < 1.5


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("it_power_mw: 1.2", "it_power: 1.2", 17, "did you mean 'it_power_mw'"),
        ("it_power_mw: 1.2", "it_power_mw: 400", 17, "outside 0.1 … 100"),
        ("it_power_mw: 1.2", "it_power_mw: a", 17, "is no number"),
        ("it_power_mw: 1.2", "pumps_per_cdu: 1.5", 17, "pumps_per_cdu = 1.5 is not a whole number"),
        ("it_power_mw: 1.2", "climate: tunis", 17, "no climate 'tunis'"),
        ("datasheet: xdu1350, ", "datasheet: xdu, ", 19, "no datasheet 'xdu'"),
        ("approach_k: 4", "approach: 4", 19, "did you mean 'approach_k'"),
        ("site.pue: pue", "site.pu: pue", 24, 'did you mean "site.pue"'),
        ("dry_bulb_temp_degc: air", "dry_bulb_temp: air", 22, 'did you mean "dry_bulb_temp_degc"'),
    ],
)
def test_what_is_wrong_is_told_at_its_figure(
    tmp_path: Path, old: str, new: str, line: int, told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_rig(write(tmp_path, old, new))
    found = [problem.line for problem in caught.value.problems if told in f"{problem.what} {problem.hint}"]
    assert found == [line], caught.value
