"""A CDU's loop: expansion, leak, fill pump, dry pump, limits of the coolant."""

import math

import pytest

from plant_models import Composition, PlantSettingError
from plant_models.components.cdu import cdu

DENSITY, EXPANSION, LOOP_KG = 1011.555, 5.157740e-4, 1011.555
VESSEL_M3 = 0.056


def built(sheet="deschutes_2mw", **settings):
    whole = Composition()
    whole.add("cdu", cdu(sheet, **settings))
    whole.expose("cdu.fws_supply_temp_degc", "cdu.fws_differential_pressure_kpa", "cdu.filter_fouling_ratio")
    return whole.build()


def run(plant, seconds, **changes):
    names = [port.name.removeprefix("cdu_") for port in plant.output_ports]
    held = list({**plant.inputs, **{f"cdu_{k}": v for k, v in changes.items()}}.values())
    for _ in range(seconds):
        out = plant.step(held, 1.0)
        assert all(math.isfinite(value) for value in out)
    return dict(zip(names, out, strict=True))


def filled_kg(out):
    return out["coolant_mass_kg"] + out["fill_reservoir_kg"] + out["lost_coolant_kg"]


def test_the_pressure_is_that_of_the_cushion_the_warm_coolant_compresses():
    plant = built(fill_temp_degc=20.0)
    for fws in (10.0, 40.0):
        out = run(
            plant, 1200, rack_heat_kw=0.0, fws_supply_temp_degc=fws, tcs_pump_speed_command_percent=30.0
        )
        warm = out["tcs_supply_temp_degc"] - 20.0  # all of the loop, without heat, but for the pump's
        gas = 0.8 * VESSEL_M3 - LOOP_KG / DENSITY * EXPANSION * warm
        assert out["tcs_pressure_kpa"] == pytest.approx(301.325 * 0.8 * VESSEL_M3 / gas - 101.325, rel=1e-3)


def test_a_leak_goes_as_the_root_of_the_pressure_and_no_coolant_is_created():
    plant = built(leak_flow_kg_s=0.2)
    before = run(plant, 1)
    plant.set_fault("cdu_leak", True)
    after = run(plant, 1)
    lost = after["lost_coolant_kg"] - before["lost_coolant_kg"]
    assert lost == pytest.approx(0.2 * math.sqrt(before["tcs_pressure_kpa"] / 200.0), rel=0.01)
    out = after
    for _ in range(20):
        out = run(plant, 30)
        assert filled_kg(out) == pytest.approx(filled_kg(before), rel=1e-12)


def test_the_fill_pump_waits_its_delay_holds_the_pressure_and_ends_with_its_reservoir():
    plant = built(leak_flow_kg_s=0.3, fill_flow_kg_s=1.0, fill_reservoir_kg=30.0)
    plant.set_fault("cdu_leak", True)
    low_s, started, highest = None, None, 0.0
    for second in range(900):
        out = run(plant, 1)
        if low_s is None and out["tcs_pressure_kpa"] <= 30.0:
            low_s = second
        if started is None and out["fill_pump_running"]:
            started = second
        if started is not None:
            highest = max(highest, out["tcs_pressure_kpa"])
    assert 9 <= started - low_s <= 12
    assert highest > 150.0
    assert 0.0 <= out["fill_reservoir_kg"] < 0.1
    assert out["fill_pump_running"] == 0.0
    # Without make-up the loop ran empty: no pressure, no flow, though the pump turns.
    assert out["tcs_pressure_kpa"] < 1.0
    assert out["tcs_flow_kg_s"] < 0.3 * 31.48
    assert out["tcs_pump_speed_percent"] > 40.0


def test_a_dry_pump_gives_no_flow_takes_little_power_and_comes_back_when_filled():
    plant = built(leak_flow_kg_s=20.0, fill_flow_kg_s=5.0, fill_reservoir_kg=500.0, fill_delay_s=60.0)
    before = run(plant, 1, rack_heat_kw=200.0)
    plant.set_fault("cdu_leak", True)
    dry = run(plant, 30)
    assert dry["tcs_flow_kg_s"] < 0.1 * before["tcs_flow_kg_s"]
    assert dry["pump_power_kw"] < 0.1 * before["pump_power_kw"]
    plant.set_fault("cdu_leak", False)
    full = run(plant, 300)
    assert full["tcs_flow_kg_s"] == pytest.approx(before["tcs_flow_kg_s"], rel=1e-9)
    assert filled_kg(full) == pytest.approx(filled_kg(before), rel=1e-12)


def test_what_the_vessel_cannot_take_leaves_by_the_relief_valve():
    plant = built(expansion_vessel_l=8.0, relief_pressure_kpa=400.0)
    out = run(plant, 1200, rack_heat_kw=0.0, fws_supply_temp_degc=75.0, tcs_pump_speed_command_percent=40.0)
    assert 399.0 < out["tcs_pressure_kpa"] < 410.0
    assert out["lost_coolant_kg"] > 1.0


def test_the_margin_is_to_freezing_of_either_coolant_and_to_boiling_at_the_loops_pressure():
    cold = run(
        built(), 900, rack_heat_kw=0.0, fws_supply_temp_degc=-15.0, tcs_pump_speed_command_percent=20.0
    )
    assert cold["coolant_margin_k"] == pytest.approx(-15.0, abs=0.1), "water at -15 °C, frozen at 0"
    plant = built(figures={"fws_fluid": "PG50 by volume"})
    cold = run(plant, 900, rack_heat_kw=0.0, fws_supply_temp_degc=-15.0, tcs_pump_speed_command_percent=20.0)
    assert cold["coolant_margin_k"] == pytest.approx(cold["fws_return_temp_degc"] + 10.18, abs=0.3)
    plant = built(shutdown_case_temp_degc=180.0)
    plant.set_fault("cdu_pump_trip", True)
    margins = [run(plant, 30, rack_heat_kw=1500.0)["coolant_margin_k"] for _ in range(20)]
    assert margins == sorted(margins, reverse=True)
    assert margins[-1] < 0.0, "a rack without flow boils"


def test_hot_coolant_at_low_pressure_cavitates():
    plant = built(fill_pressure_kpa=120.0, vessel_gas_share=0.7, required_npsh_kpa=60.0)
    full = run(plant, 120, tcs_pump_speed_command_percent=100.0)
    plant.set_fault("cdu_valve_stuck", True)
    hot = run(plant, 900, fws_supply_temp_degc=118.0, tcs_pump_speed_command_percent=100.0)
    assert hot["tcs_flow_kg_s"] <= full["tcs_flow_kg_s"]
    assert hot["coolant_margin_k"] < full["coolant_margin_k"]


@pytest.mark.parametrize("racks", [1, 3])
@pytest.mark.parametrize("extreme", [
    {"fws_valve_command_percent": 0.0}, {"fws_valve_command_percent": 100.0, "fws_differential_pressure_kpa": 2000.0},
    {"tcs_pump_speed_command_percent": 0.0}, {"fws_supply_temp_degc": 90.0}, {"fws_differential_pressure_kpa": 0.0},
    {"filter_fouling_ratio": 50.0}, {"tcs_pump_speed_command_percent": 1e-7},
])  # fmt: skip
def test_extremes_are_finite_and_close_their_balance(racks, extreme):
    plant = built(racks=racks, throttle_case_temp_degc=70.0, shutdown_case_temp_degc=95.0)
    heat = {"rack_heat_kw": 3000.0} if racks == 1 else {f"rack_{i}_heat_kw": 1500.0 * i for i in (1, 2, 3)}
    for _ in range(10):
        out = run(plant, 30, **heat, **extreme)
        assert abs(out["energy_residual_kw"]) < 1e-3 * 3000.0
        assert out["tcs_flow_kg_s"] >= 0.0
        assert out["fws_flow_kg_s"] >= 0.0
    if extreme.get("fws_supply_temp_degc"):
        assert out["fws_heat_kw"] < 3000.0
    assert out["cold_plate_case_temp_degc"] < 130.0


def test_facility_water_warmer_than_the_loop_heats_it():
    plant = built()
    out = run(plant, 5, rack_heat_kw=0.0, fws_supply_temp_degc=80.0, fws_valve_command_percent=100.0)
    assert out["fws_heat_kw"] < 0.0


def test_a_fouled_filter_takes_flow_and_the_power_that_goes_with_it():
    plant = built()
    speed = {"tcs_pump_speed_command_percent": 100.0}
    clean, fouled = run(plant, 60, **speed), run(plant, 60, filter_fouling_ratio=6.0, **speed)
    flow = fouled["tcs_flow_kg_s"] / clean["tcs_flow_kg_s"]
    assert 0.7 < flow < 0.95
    # At one speed the pump's power falls with the flow, from 1 to 0.4 of the design's at none.
    assert fouled["pump_power_kw"] == pytest.approx(74.0 * (0.4 + 0.6 * flow), rel=1e-9)
    assert fouled["rack_differential_pressure_kpa"] == pytest.approx(586.0 * flow**1.85, rel=1e-9)
    head = 731.0 * (1.25 - 0.25 * flow**2)
    drops = 80.0 * flow**2 + 6.0 * 65.0 * flow**1.76 + 586.0 * flow**1.85
    assert head == pytest.approx(drops, rel=1e-9)


def test_a_snapshot_holds_the_inventory_and_the_timer_to_the_bit():
    plant = built(leak_flow_kg_s=1.0)
    plant.set_fault("cdu_leak", True)
    run(plant, 25)
    kept = plant.snapshot()
    first = run(plant, 60)
    run(plant, 7)
    plant.restore(kept)
    assert run(plant, 60) == first


@pytest.mark.parametrize(("settings", "figure"), [
    ({"fill_pressure_kpa": 5000.0}, "fill_pressure_kpa"), ({"expansion_vessel_l": 0.0}, "expansion_vessel_l"),
    ({"vessel_gas_share": 0.31}, "fill_pressure_kpa"), ({"leak_flow_kg_s": 0.0}, "leak_flow_kg_s"),
])  # fmt: skip
def test_a_loop_that_cannot_be_is_refused(settings, figure):
    with pytest.raises(PlantSettingError, match=figure):
        cdu("deschutes_2mw", **settings)
