"""What a sheet says must come out of the plant made from it: issue 2, "it must show" 6."""

from dataclasses import replace

import numpy as np
import pytest

from plant_models import DESCHUTES_2MW, XDU1350, CduPlant
from plant_models import cdu_entries as entries
from plant_models import cdu_physics as physics
from plant_models.cold_plate import OCP_1KW_OAM_PG25

OUT = {port.name: slot for slot, port in enumerate(CduPlant.output_ports)}
SHEETS = pytest.mark.parametrize("sheet", [DESCHUTES_2MW, XDU1350], ids=["deschutes", "xdu1350"])


def settled(plant: CduPlant, **inputs: float) -> dict[str, float]:
    """Outputs after ten minutes from another state, so that it is the dynamics that find the design point."""
    held = [{**plant.inputs, **inputs}[port.name] for port in plant.input_ports]
    for _ in range(1200):
        outputs = plant.step(held, 1.0)
    return {name: outputs[slot] for name, slot in OUT.items()}


def at_design(sheet) -> dict[str, float]:
    plant = CduPlant.from_datasheet(sheet)
    return settled(
        plant,
        rack_heat_kw=sheet.duty_kw,
        fws_supply_temp_degc=sheet.fws_supply_temp_degc,
        fws_differential_pressure_kpa=sheet.fws_drop_kpa,
        fws_valve_command_percent=100.0,
        tcs_pump_speed_command_percent=100.0,
    )


@SHEETS
def test_the_design_point_comes_back(sheet):
    outputs = at_design(sheet)
    approach_k = outputs["tcs_supply_temp_degc"] - sheet.fws_supply_temp_degc
    assert approach_k == pytest.approx(sheet.approach_k, abs=0.05)
    assert outputs["tcs_flow_kg_s"] == pytest.approx(sheet.tcs_flow_kg_s, rel=0.001)
    assert outputs["fws_flow_kg_s"] == pytest.approx(sheet.fws_flow_kg_s, rel=0.001)
    assert outputs["rack_differential_pressure_kpa"] == pytest.approx(sheet.rack_drop_kpa, rel=0.001)
    assert outputs["tcs_heat_kw"] == pytest.approx(sheet.duty_kw, rel=0.001)
    assert abs(outputs["energy_residual_kw"]) < 1e-3 * sheet.duty_kw


def test_deschutes_electrical_power_and_return_temperature():
    outputs = at_design(DESCHUTES_2MW)
    assert outputs["pump_power_kw"] == pytest.approx(74.0, rel=0.02)
    # 45 °C in LBNL's record; duty, flow and cp of the same record make 45.9 °C.
    assert outputs["tcs_return_temp_degc"] == pytest.approx(45.0, abs=1.0)
    # Nine tenths of the power end in the coolant, and so at the facility.
    assert outputs["fws_heat_kw"] == pytest.approx(2000.0 + 0.9 * 74.0, rel=0.001)


def test_xdu1350_power_without_a_figure_is_hydraulic_over_seven_tenths():
    outputs = at_design(XDU1350)
    hydraulic_kw = 20.6 / XDU1350.tcs_properties.density_kg_m3 * (500.0 + 84.0 + 65.0)
    assert outputs["pump_power_kw"] == pytest.approx(hydraulic_kw / 0.7, rel=0.001)
    assert outputs["tcs_supply_temp_degc"] == pytest.approx(32.0, abs=0.05)


@SHEETS
def test_the_rule_of_thumb_for_pg25_flow(sheet):
    """15.0/dT L/min/kW (PLANT.md §3)."""
    outputs = at_design(sheet)
    rise_k = outputs["tcs_return_temp_degc"] - outputs["tcs_supply_temp_degc"]
    assert outputs["tcs_flow_l_min"] / sheet.duty_kw == pytest.approx(15.0 / rise_k, rel=0.02)


def test_a_thousand_litres_with_a_megawatt_and_no_facility_water_heat_a_quarter_kelvin_a_second():
    """PLANT.md §4. Without the pump's heat and with light cold plates, so that coolant is all that is heated."""
    plant = CduPlant.from_datasheet(
        "deschutes_2mw",
        plate=replace(OCP_1KW_OAM_PG25, heat_capacity_j_k=10.0),
        pump_heat_to_coolant_fraction=0.0,
    )
    held = [1000.0, 26.8, 0.0, 0.0, 100.0]
    plant.step(held, 60.0)
    before = np.array(plant.state[:4])
    plant.step(held, 40.0)
    after = np.array(plant.state[:4])
    assert (after - before) / 40.0 == pytest.approx([0.25] * 4, rel=0.01)
    assert (after - before) == pytest.approx([10.0] * 4, rel=0.01)


def test_affinity_on_the_whole_plant_where_the_system_is_nearly_quadratic():
    plant = CduPlant.from_datasheet("deschutes_2mw")
    full = settled(plant, tcs_pump_speed_command_percent=100.0)
    part = settled(plant, tcs_pump_speed_command_percent=60.0)
    # Racks and filter follow 1.85 and 1.76 rather than 2: a little less flow and head than n and n^2 would give.
    assert 0.95 * 0.6 < part["tcs_flow_kg_s"] / full["tcs_flow_kg_s"] < 0.6
    assert part["pump_power_kw"] / full["pump_power_kw"] == pytest.approx(0.6**3, rel=0.05)


@pytest.mark.parametrize("speed_percent", [100.0, 50.0, 10.0])
def test_the_rack_lags_by_its_volume_over_flow(speed_percent):
    """Time constant 2 s at design flow; it grows as flow falls (PLANT.md §4)."""
    plant = CduPlant.from_datasheet("deschutes_2mw", pump_ramp_time_s=0.0)
    plant.start_at({"tcs_pump_speed_command_percent": speed_percent, "rack_heat_kw": 0.0})
    u = np.array(list(plant.inputs.values()))
    flow_kg_s = plant.step(u.tolist(), 0.0)[OUT["tcs_flow_kg_s"]]
    x = np.array(plant.state)
    warmer = x.copy()
    warmer[physics.RACK_IN] += 1.0
    params = plant.packed_parameters
    change = entries.derivative(0.0, warmer, u, params) - entries.derivative(0.0, x, u, params)
    # A warmer inlet also takes less from the plates, which warm up by that: what is left came with the flow.
    parameters = plant.parameters
    of_plates = parameters.plate_capacity_j_k / (parameters.rack_mass_kg * parameters.tcs_cp_j_kgk)
    rate_per_s = change[physics.RACK_OUT] + change[physics.CASE] * of_plates
    assert 1.0 / rate_per_s == pytest.approx(2.0 * 31.48 / flow_kg_s, rel=1e-9)
