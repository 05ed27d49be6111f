"""The facility's scenarios have their physics: what is lost, what takes over, and how long that lasts.

The pump trip runs as a user runs it, rig and report; the others the same faults on the same plant under the same
loops, shortened.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from facility_loops import FacilityLoops

from hil.rig import Wishes, load_rig, run_rig
from plant_models import FacilitySpec, facility_plant, size_facility

NUMBERS = range(1, 13)
FULL = {f"cdu_{i}_rack_heat_kw": 10_000.0 / 12 for i in NUMBERS}
SIROCCO = {"dry_bulb_temp_degc": 42.0, "wet_bulb_temp_degc": 25.0}
MILD = {"dry_bulb_temp_degc": 20.0, "wet_bulb_temp_degc": 16.0}


@pytest.fixture(scope="module")
def hot_day():
    """The plant on a 42 °C day at full load: changeover done, chillers at work."""
    plant = facility_plant(FacilitySpec())
    loops = FacilityLoops(plant, len(NUMBERS))
    run(loops, 2600, SIROCCO)
    assert loops.changeover.stage == 1
    return loops, plant.snapshot()


@pytest.fixture
def loops(hot_day):
    """As it is then, for each test anew."""
    loops, snapshot = hot_day
    loops.plant.restore(snapshot)
    return copy.deepcopy(loops, {id(loops.plant): loops.plant})


def run(loops: FacilityLoops, seconds: int, air: dict[str, float]) -> list[dict[str, float]]:
    return [loops.step({**FULL, **air}) for _ in range(seconds)]


def test_without_primary_pumps_the_supply_goes_to_the_return_and_both_on(tmp_path: Path) -> None:
    """As a user runs it. What comes back from the racks, 12 K warmer, leaves uncooled: past 45 °C in seconds.

    From there the whole loop warms: 0.83 MW on 700 L of PG20 is 0.29 K/s (PLANT.md §4: 0.25 for 1 MW on 1000 L).
    """
    configs = Path(__file__).resolve().parents[2] / "configs"
    scenario = configs / "scenarios" / "facility_pump_trip.yaml"
    rig = load_rig(configs / "rigs" / "facility_10mw.yaml", Wishes(scenario=scenario, duration_s=1700))
    result = run_rig(rig, tmp_path)
    figures = json.loads((result.run_dir / "kpis.json").read_text())["kpis"]
    assert 2.0 < figures["time_to"]["supply_45_degc_s"] < 15.0
    supply = pq.read_table(result.run_dir / "trend.parquet")["cdu_1_tcs_supply_temp_degc"].to_numpy()
    assert (supply[1555] - supply[1525]) / 30.0 == pytest.approx(833.3 / (0.7 * 1006.7 * 4.014), rel=0.15)
    assert figures["time_to"]["case_70_degc_s"] > figures["time_to"]["supply_45_degc_s"]
    assert figures["signals"]["power_it_power_kw"]["last"] < 9000.0, "the IT throttles as its cases get hot"
    page = (result.run_dir / "report.html").read_text()
    assert "cdu_1_tcs_supply_temp_degc" in page
    assert "supply_45_degc" in page


def test_it_without_any_flow_switches_off(loops: FacilityLoops) -> None:
    """All pumps of the racks out for an hour at full load: cases stay where the devices switch off."""
    for i in NUMBERS:
        for j in (1, 2):
            loops.plant.set_fault(f"cdu_{i}_pump_{j}_trip", True)
    seen = run(loops, 3600, SIROCCO)
    assert 95.0 < max(y["site_hottest_case_temp_degc"] for y in seen) < 110.0
    assert seen[-1]["power_it_power_kw"] < 1000.0
    assert max(abs(y["energy_residual_kw"]) for y in seen) < 1e-3


def test_one_primary_pump_less_is_not_missed(loops: FacilityLoops) -> None:
    loops.plant.set_fault("fws_pump_1_trip", True)
    seen = run(loops, 300, SIROCCO)
    assert seen[-1]["fws_differential_pressure_kpa"] == pytest.approx(104.0, abs=3.0)
    assert max(max(y[f"cdu_{i}_tcs_supply_temp_degc"] for i in NUMBERS) for y in seen) < 38.0


def test_lost_cooler_fans_leave_their_heat_to_the_chillers(loops: FacilityLoops) -> None:
    before = loops.outputs
    for group in (1, 2, 3):
        loops.plant.set_fault(f"coolers_fan_{group}_trip", True)
    seen = run(loops, 600, SIROCCO)
    after = seen[-1]
    assert after["coolers_fan_power_kw"] == pytest.approx(0.4 * before["coolers_fan_power_kw"], rel=0.01)
    assert after["free_cooling_supply_temp_degc"] > before["free_cooling_supply_temp_degc"] + 1.0
    assert after["chillers_cooling_kw"] > before["chillers_cooling_kw"] + 700.0
    assert after["coolers_heat_kw"] + after["chillers_cooling_kw"] == pytest.approx(10_270.0, rel=0.02)
    assert max(y["fws_supply_temp_degc"] for y in seen) < 32.5, "the spare machine makes up for it"


def test_chillers_that_refuse_leave_their_heat_to_the_pads_and_the_supply(loops: FacilityLoops) -> None:
    for machine in (4, 5):
        loops.plant.set_fault(f"chillers_machine_{machine}_fails_to_start", True)
        loops.plant.set_fault(f"chillers_machine_{machine}_trip", True)
    run(loops, 5, SIROCCO)
    for machine in (4, 5):
        loops.plant.set_fault(f"chillers_machine_{machine}_trip", False)
    seen = run(loops, 1500, SIROCCO)
    assert seen[-1]["chillers_machines_running"] == 3.0
    most = 3 * size_facility(FacilitySpec()).rejection.machine_kw
    assert seen[-1]["chillers_cooling_kw"] == pytest.approx(most, rel=0.01)
    assert seen[-1]["coolers_water_use_kg_s"] > 0.1
    assert 32.5 < seen[-1]["fws_supply_temp_degc"] < 36.0
    assert (
        loops.plant.state[[p.name for p in loops.plant.state_ports].index("chillers_machine_4_mode")] != 2.0
    )


def test_the_ups_on_bypass_saves_losses_and_has_no_battery(loops: FacilityLoops) -> None:
    before = loops.outputs
    loops.plant.set_fault("power_ups_fault", True)
    on_bypass = run(loops, 30, SIROCCO)[-1]
    assert (before["power_on_bypass"], on_bypass["power_on_bypass"]) == (0.0, 1.0)
    assert on_bypass["power_ups_loss_kw"] < 0.5 * before["power_ups_loss_kw"]
    assert on_bypass["site_pue"] < before["site_pue"] - 0.01
    assert on_bypass["power_battery_minutes"] == 0.0
    loops.plant.set_fault("power_grid_outage", True)
    assert run(loops, 5, SIROCCO)[-1]["power_it_power_kw"] == 0.0, "no battery behind a bypass"
    loops.plant.set_fault("power_grid_outage", False)
    again = run(loops, 330, SIROCCO)
    assert again[200]["power_it_power_kw"] == 0.0, "IT takes 5 min to come back"
    assert again[-1]["power_it_power_kw"] == pytest.approx(10_000.0, rel=0.01)


def test_an_outage_of_the_grid_stops_what_has_no_battery_and_it_comes_back(loops: FacilityLoops) -> None:
    """Pumps, fans and compressors hang on the grid: nothing that moves air or water runs on without a supply."""
    before = run(loops, 1, SIROCCO)[-1]
    loops.plant.set_fault("power_grid_outage", True)
    dark = run(loops, 60, SIROCCO)[-1]
    assert dark["power_facility_power_kw"] == 0.0
    assert dark["fws_flow_kg_s"] < 0.01 * before["fws_flow_kg_s"]
    assert max(dark["fws_pump_power_kw"], dark["coolers_fan_power_kw"], dark["chillers_power_kw"]) < 1.0
    assert dark["chillers_machines_running"] == 0.0
    assert dark["power_it_power_kw"] > 0.0, "the racks live on the battery"
    loops.plant.set_fault("power_grid_outage", False)
    back = run(loops, 900, SIROCCO)[-1]
    assert back["fws_flow_kg_s"] > 0.9 * before["fws_flow_kg_s"]
    assert back["chillers_machines_running"] >= 1.0, "after their restart delay"
