"""Building blocks against sources outside: CoolProp's table, the exchanger's differential equations, OCP's table."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_bvp

from plant_models import CduPlant, Fluid, fluid_properties
from plant_models.cold_plate import OCP_1KW_OAM_PG25
from plant_models.heat_exchanger import effectiveness

OUT = {port.name: slot for slot, port in enumerate(CduPlant.output_ports)}


@pytest.mark.parametrize(
    ("temp_degc", "density", "heat_capacity", "viscosity_mpas", "conductivity", "prandtl"),
    [
        (20.0, 1019.3, 3920.0, 2.445, 0.4679, 20.5),
        (30.0, 1014.9, 3945.0, 1.776, 0.4769, 14.7),
        (40.0, 1009.9, 3969.0, 1.353, 0.4858, 11.1),
        (50.0, 1004.4, 3992.0, 1.073, 0.4946, 8.7),
    ],
)
def test_pg25_by_mass(temp_degc, density, heat_capacity, viscosity_mpas, conductivity, prandtl):
    """PLANT.md §2."""
    found = fluid_properties(Fluid("propylene_glycol", 0.25, "mass"), temp_degc)
    assert found.density_kg_m3 == pytest.approx(density, abs=0.06)
    assert found.heat_capacity_j_kgk == pytest.approx(heat_capacity, abs=1.0)
    assert found.viscosity_pa_s * 1e3 == pytest.approx(viscosity_mpas, abs=1e-3)
    assert found.conductivity_w_mk == pytest.approx(conductivity, abs=1e-4)
    assert found.prandtl == pytest.approx(prandtl, abs=0.06)


def test_water_against_the_steam_tables():
    """IAPWS-95 at 25 °C: density 997.05 kg/m3 (at 1 bar), cp 4181 J/kgK, viscosity 0.890 mPa s."""
    found = fluid_properties(Fluid(), 25.0)
    assert found.density_kg_m3 == pytest.approx(997.1, abs=0.2)
    assert found.heat_capacity_j_kgk == pytest.approx(4181.0, abs=2.0)
    assert found.viscosity_pa_s == pytest.approx(0.890e-3, rel=2e-3)


@pytest.mark.parametrize("ntu", [0.3, 1.0, 3.0, 6.0])
@pytest.mark.parametrize("ratio", [0.2, 0.7, 0.95, 1.0])
def test_effectiveness_against_the_counter_flow_equations(ntu, ratio):
    """dTh/dx = -NTU (Th - Tc), dTc/dx = -Z NTU (Th - Tc), with Th(0) = 1 and Tc(1) = 0; hot is the lesser stream."""
    x = np.linspace(0.0, 1.0, 41)
    solution = solve_bvp(
        lambda _, t: np.vstack([-ntu * (t[0] - t[1]), -ratio * ntu * (t[0] - t[1])]),
        lambda start, end: np.array([start[0] - 1.0, end[1]]),
        x,
        np.vstack([1.0 - 0.5 * x, 0.5 * (1.0 - x)]),
        tol=1e-10,
        max_nodes=20_000,
    )
    assert solution.success
    assert effectiveness(ntu, ratio) == pytest.approx(1.0 - solution.y[0, -1], abs=1e-7)


@pytest.mark.parametrize(("flow_l_min", "resistance_k_w"), [*zip(OCP_1KW_OAM_PG25.flow_l_min, (
    0.0389, 0.0300, 0.0265, 0.0245, 0.0230, 0.0214, 0.0204, 0.0197), strict=True)])  # fmt: skip
def test_the_cold_plate_table_comes_out_of_the_plant(flow_l_min, resistance_k_w):
    """OCP OAI liquid cooling guideline 2023: case to inlet, each plate at its 1 kW."""
    plant = CduPlant.from_datasheet("deschutes_2mw")
    parameters = plant.parameters
    # As many kilowatts as give each of the 2000 plates that flow, at whatever speed there is to give it.
    wanted_l_min = flow_l_min * parameters.plates
    most_l_min = parameters.tcs_flow_kg_s / parameters.tcs_density_kg_m3 * 60_000.0
    if wanted_l_min > most_l_min:
        plant = CduPlant.from_datasheet("deschutes_2mw", pump_design_speed_percent=30.0)
    speed_percent = _speed_for(plant, wanted_l_min)
    settled = plant.steady_state({
        "rack_heat_kw": parameters.plates, "tcs_pump_speed_command_percent": speed_percent,
        "fws_valve_command_percent": 100.0,
    })  # fmt: skip
    rise_k = settled["cold_plate_case_temp_degc"] - settled["rack_inlet_temp_degc"]
    assert rise_k == pytest.approx(1000.0 * resistance_k_w, rel=1e-6)
    # The dynamics agree with the explicit equilibrium.
    plant.start_at({**plant.inputs, "rack_heat_kw": parameters.plates, "fws_valve_command_percent": 100.0,
                    "tcs_pump_speed_command_percent": speed_percent})  # fmt: skip
    held = list(plant.inputs.values())
    outputs = plant.step(held, 600.0)
    assert outputs[OUT["cold_plate_case_temp_degc"]] == pytest.approx(
        settled["cold_plate_case_temp_degc"], abs=1e-6
    )
    assert outputs[OUT["tcs_flow_l_min"]] == pytest.approx(wanted_l_min, rel=1e-9)


def _speed_for(plant: CduPlant, wanted_l_min: float) -> float:
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        plant.start_at({"tcs_pump_speed_command_percent": middle, "fws_valve_command_percent": 100.0})
        flow = plant.step(list(plant.inputs.values()), 0.0)[OUT["tcs_flow_l_min"]]
        low, high = (middle, high) if flow < wanted_l_min else (low, middle)
    return high


def test_a_cold_plate_without_flow_heats_up_by_its_own_mass_and_the_coolant_in_it():
    plant = CduPlant.from_datasheet("deschutes_2mw", pump_ramp_time_s=0.0)
    plant.start_at({"rack_heat_kw": 0.0, "tcs_pump_speed_command_percent": 0.0})
    held = [100.0, 26.8, 160.0, 50.0, 0.0]
    plant.step(held, 60.0)
    before = plant.state
    plant.step(held, 60.0)
    parameters = plant.parameters
    capacity = parameters.plate_capacity_j_k + parameters.rack_mass_kg * parameters.tcs_cp_j_kgk
    rate = 100e3 / capacity
    assert (plant.state[5] - before[5]) / 60.0 == pytest.approx(rate, rel=1e-6)
    assert (plant.state[2] - before[2]) / 60.0 == pytest.approx(rate, rel=1e-6)
    assert math.isfinite(plant.state[5])
