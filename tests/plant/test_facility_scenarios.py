"""Faults of a facility at full load on a hot day: what is lost, what takes over, and how long that lasts.

The four with a scenario of their own are in ``test_facility_fault_reports.py``.
"""

from __future__ import annotations

import copy

import pytest
from facility_loops import FacilityLoops

from plant_models import FacilitySpec, facility_plant

NUMBERS = range(1, 13)
FULL = {f"cdu_{i}_rack_heat_kw": 10_000.0 / 12 for i in NUMBERS}
SIROCCO = {"dry_bulb_temp_degc": 42.0, "wet_bulb_temp_degc": 25.0}


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


def test_one_pump_of_a_cdu_less_is_hardly_felt_by_its_racks(loops: FacilityLoops) -> None:
    before = loops.outputs
    loops.plant.set_fault("cdu_1_pump_1_trip", True)
    after = run(loops, 300, SIROCCO)[-1]
    assert after["cdu_1_tcs_supply_temp_degc"] == pytest.approx(36.0, abs=0.2)
    rise_k = after["cdu_1_cold_plate_case_temp_degc"] - before["cdu_1_cold_plate_case_temp_degc"]
    assert 0.1 < rise_k < 1.0


def test_a_module_with_one_cdu_out_carries_its_load_on_the_others_once_it_is_moved(
    loops: FacilityLoops,
) -> None:
    """What N+1 means for CDUs: two of 1368 kW have the size for 2.5 MW. Racks of one out get nothing."""
    for pump in (1, 2):
        loops.plant.set_fault(f"cdu_1_pump_{pump}_trip", True)
    stranded = run(loops, 300, SIROCCO)
    assert stranded[-1]["cdu_1_cold_plate_case_temp_degc"] > 85.0
    assert stranded[-1]["power_it_power_kw"] < 10_000.0 - 0.8 * 833.3
    moved = {**FULL, "cdu_1_rack_heat_kw": 0.0, "cdu_2_rack_heat_kw": 1250.0, "cdu_3_rack_heat_kw": 1250.0}
    after = [loops.step({**moved, **SIROCCO}) for _ in range(900)][-1]
    for i in (2, 3):
        assert after[f"cdu_{i}_tcs_supply_temp_degc"] == pytest.approx(36.0, abs=0.3)
        assert after[f"cdu_{i}_cold_plate_case_temp_degc"] < 65.0
    assert after["power_it_power_kw"] == pytest.approx(10_000.0, rel=1e-3)
    assert after["fws_supply_temp_degc"] < 32.5


def test_pumps_ride_through_an_outage_of_the_grid_and_fans_wait_for_the_generators(
    loops: FacilityLoops,
) -> None:
    before = run(loops, 1, SIROCCO)[-1]
    loops.plant.set_fault("power_grid_outage", True)
    on_battery = run(loops, 11, SIROCCO)[-1]
    assert on_battery["power_facility_power_kw"] == 0.0
    assert on_battery["fws_flow_kg_s"] > 0.99 * before["fws_flow_kg_s"], "the pumps are on the UPS"
    assert on_battery["coolers_fan_power_kw"] < 0.5 * before["coolers_fan_power_kw"]
    assert on_battery["chillers_machines_running"] == 0.0
    on_generators = run(loops, 900, SIROCCO)
    assert on_generators[5]["power_facility_power_kw"] > before["power_it_power_kw"]
    assert on_generators[-1]["coolers_fan_power_kw"] > 0.9 * before["coolers_fan_power_kw"]
    assert on_generators[-1]["chillers_machines_running"] >= 1.0, "after their restart delay"
    assert all(y["power_it_power_kw"] > 0.99 * before["power_it_power_kw"] for y in on_generators)
    assert max(y["site_hottest_case_temp_degc"] for y in on_generators) < 70.0
    loops.plant.set_fault("power_grid_outage", False)
    assert run(loops, 5, SIROCCO)[-1]["power_facility_power_kw"] > before["power_it_power_kw"]


def test_with_neither_generators_nor_pumps_on_the_ups_an_outage_stops_all_that_has_no_battery() -> None:
    """Nothing that moves air or water runs on without a supply, and IT switches off when it is hot."""
    of = FacilitySpec(it_power_mw=2.5, generator_kw=0.0, pumps_on_ups=False)
    plant = facility_plant(of, outputs=("fws.flow_kg_s", "coolers.fan_power_kw", "power.it_power_kw"))
    plant.set_fault("power_grid_outage", True)
    inputs = list(plant.inputs.values())
    seen = [plant.step(inputs, 1.0)[:3] for _ in range(180)]
    assert seen[2][2] == pytest.approx(2500.0, rel=0.01), "the racks live on the battery"
    assert seen[60][0] < 1.0
    assert seen[60][1] < 1.0
    assert seen[-1][2] < 1.0
