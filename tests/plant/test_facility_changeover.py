"""The facility's changeover: through all three modes and back, without hunting, and with something left in the last."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from controller import Condition, Stages
from hil.rig import Wishes, load_rig, run_rig
from plant_models.weather.year import synthetic_year

RIG = Path(__file__).resolve().parents[2] / "configs" / "rigs" / "facility_10mw.yaml"
SOONER = (
    "controllers.changeover.minimum_time_s=300",
    "controllers.changeover.delay_s=30",
    "sources.dry_bulb_temp_degc=24",
    "sources.wet_bulb_temp_degc=18",
)
DAY = """\
scenario: sirocco
events:
  - {type: set, at_s: 1, signal: "cdu_{1..12}_rack_heat_kw", to: 833.3, ramp_s: 300}
  - {type: set, at_s: 1, signal: dry_bulb_temp_degc, to: 45.5, ramp_s: 1500}
  - {type: set, at_s: 3300, signal: dry_bulb_temp_degc, to: 20, ramp_s: 1200}
  - {type: equipment, at_s: 2300, for_s: 1000, plant: facility, fault: "chillers_machine_{2..3}_trip"}
"""


def test_a_sirocco_day_goes_through_all_modes_and_back_and_chillers_lost_in_the_last_have_the_coolers_back(
    tmp_path: Path,
) -> None:
    """A day in 80 minutes, at full load.

    With the coolers past, five machines carry all that there is, 10.2 MW; three lack a third of it. The return warms
    until the coolers, in air of 45.5 °C, are given it again, and the racks stay below 45 °C.
    """
    scenario = tmp_path / "sirocco.yaml"
    scenario.write_text(DAY)
    rig = load_rig(RIG, Wishes(scenario=scenario, duration_s=4600, overrides=SOONER))
    folder = run_rig(rig, tmp_path / "runs").run_dir
    table = pq.read_table(folder / "trend.parquet")
    trend = {name: table[name].to_numpy() for name in table.column_names}
    mode, air = trend["cooling_mode"], trend["dry_bulb_temp_degc"]
    changes = 1 + np.flatnonzero(np.diff(mode))
    assert [0.0, *mode[changes]] == [0.0, 1.0, 2.0, 1.0, 0.0]
    assert np.diff(changes).min() >= 300
    for change, low, high in zip(changes, (27.5, 44.0, 40.0, 24.0), (31.0, 45.5, 42.0, 26.5), strict=True):
        assert low < air[change] < high
    kpis = json.loads((folder / "kpis.json").read_text())["kpis"]["facility"]
    assert (kpis["mode_changes"], kpis["mechanical_h"] > 0.3) == (4, True)
    assert mode[2299] == mode[3300] == 2.0
    assert abs(trend["coolers_heat_kw"][2299]) < 100.0, "they are past"
    assert trend["coolers_fan_power_kw"][2299] < 1.0
    assert trend["chillers_cooling_kw"][2299] == pytest.approx(10_200.0, rel=0.02)
    assert trend["fws_supply_temp_degc"][2299] < 32.5
    assert trend["coolers_heat_kw"][3299] > 500.0
    assert trend["free_cooling_valve_command_percent"][2700:3300].max() > 0.5
    assert 49.5 < trend["fws_return_temp_degc"].max() < 54.0
    assert trend["cdu_1_tcs_supply_temp_degc"].max() < 45.0
    assert trend["fws_supply_temp_degc"][-1] < 32.5, "and all is well in the evening"


def test_on_summers_of_sirocco_days_it_changes_over_at_most_twice_up_and_down_a_day() -> None:
    """June to September at Tozeur by the minute; the coolers' outlet follows the air by their approach."""
    config = load_rig(RIG).config.controllers["changeover"]
    levels = tuple(config.up_if[0].above)
    stages = Stages(config.up_at, config.down_at, up_if=[Condition(levels, is_above=True)])
    hours = synthetic_year("tozeur", 1, typical=False).rows("dry_bulb_temp_degc")[151 * 24 : 273 * 24]
    assert hours.max() > 45.0, "a sirocco day"
    air = np.interp(np.arange(0.0, 121 * 24, 1.0 / 60.0), np.arange(hours.size), hours)
    mode = np.array([stages.step(t, 60.0, [max(t + 0.6, 31.0)]) for t in air.tolist()])
    changes = 1 + np.flatnonzero(np.diff(mode))
    assert np.diff(changes).min() >= 20, "20 min in each (ASHRAE Guideline 36-2021, 5.20.3)"
    assert np.bincount(changes // 1440).max() <= 4
    assert (np.abs(np.diff(mode)) <= 1).all()
    assert set(mode.tolist()) == {0, 1, 2}
