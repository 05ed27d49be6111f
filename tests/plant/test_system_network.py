"""Compositions with a network: against analytic solutions, scipy, python-control and their own heat balance."""

import math
from dataclasses import replace
from itertools import pairwise

import control
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from plant_models import Composition, Fluid, NoEquilibriumError, fluid_properties, linearize
from plant_models.components.cdu import cdu
from plant_models.components.header import HeaderSettings, header
from plant_models.components.pipe import pipe
from plant_models.components.tank import tank
from plant_models.components.three_way import three_way
from plant_models.datasheets import DESCHUTES_2MW

WATER = fluid_properties(Fluid(), 30.0)
SHEET = replace(DESCHUTES_2MW, fws_properties=WATER)
CP = WATER.heat_capacity_j_kgk
OF_PIPE = {"density_kg_m3": WATER.density_kg_m3, "cp_j_kgk": CP}
DESIGN_KG_S = 32.3


def network(cdus: int = 2, *, duty_pumps: int = 2, pumps: int = 2, bypass_kg_s: float = 0.0) -> Composition:
    """``cdus`` on a header, a three-way valve past a cooler that holds its outlet, and a pipe each way."""
    flow = cdus * DESIGN_KG_S
    settings = HeaderSettings(
        flow_kg_s=flow, head_kpa=320.0, duty_pumps=duty_pumps, bypass_flow_kg_s=bypass_kg_s, temp_degc=27.0
    )
    whole = Composition()
    whole.add("fws", header(cdus, pumps=pumps, settings=settings, cp_j_kgk=CP))
    for i in range(1, cdus + 1):
        whole.add(f"cdu_{i}", cdu(SHEET, pumps=2, initial_rack_heat_kw=600.0 + 200.0 * i))
        whole.wire(f"cdu_{i}.fws_conductance_kg_s_kpa05", f"fws.branch_{i}_conductance_kg_s_kpa05")
        whole.wire(f"fws.branch_{i}_differential_pressure_kpa", f"cdu_{i}.fws_differential_pressure_kpa")
        whole.wire("fws.supply_temp_degc", f"cdu_{i}.fws_supply_temp_degc")
        whole.wire(f"cdu_{i}.fws_return_temp_degc", f"fws.branch_{i}_return_temp_degc")
        whole.expose(f"fws.branch_{i}_valve_command_percent")
        whole.share(
            f"cdu_{i}_pumps_percent", *(f"cdu_{i}.tcs_pump_{j}_speed_command_percent" for j in (1, 2))
        )
    whole.share("fws_pumps_percent", *(f"fws.pump_{j + 1}_speed_command_percent" for j in range(pumps)))
    if bypass_kg_s:
        whole.expose("fws.bypass_valve_command_percent")
    whole.add("valve", three_way(flow, cooler_drop_kpa=60.0, cp_j_kgk=CP))
    for name in ("warm", "cool"):
        whole.add(name, pipe(4000.0, flow_kg_s=flow, cells=3, loss_w_k=500.0, temp_degc=27.0, **OF_PIPE))
    whole.wire("valve.conductance_kg_s_kpa05", "fws.common_conductance_kg_s_kpa05")
    whole.wire("fws.flow_kg_s", "valve.flow_kg_s", "warm.flow_kg_s", "cool.flow_kg_s")
    whole.wire("fws.return_temp_degc", "warm.inlet_temp_degc")
    whole.wire("warm.outlet_temp_degc", "valve.return_temp_degc")
    whole.wire("valve.supply_temp_degc", "cool.inlet_temp_degc")
    whole.wire("cool.outlet_temp_degc", "fws.source_supply_temp_degc")
    whole.hold("valve.cooled_temp_degc", 24.0)
    whole.expose("valve.cooled_temp_degc")
    return whole


POINT = {
    "fws_pumps_percent": 85.0, "valve_cooled_temp_degc": 24.0, "valve_valve_command_percent": 80.0,
    "cdu_1_rack_heat_kw": 900.0, "cdu_1_fws_valve_command_percent": 70.0, "cdu_1_pumps_percent": 80.0,
    "cdu_2_rack_heat_kw": 1500.0, "cdu_2_fws_valve_command_percent": 85.0, "cdu_2_pumps_percent": 90.0,
    "fws_branch_1_valve_command_percent": 90.0, "fws_branch_2_valve_command_percent": 95.0,
}  # fmt: skip


def ordered_point(plant):
    return {name: POINT[name] for name in plant.inputs}


def stepped(plant, dt_s=1.0, **inputs):
    names = [port.name for port in plant.output_ports]
    return dict(zip(names, plant.step(list({**plant.inputs, **inputs}.values()), dt_s), strict=True))


@pytest.fixture(scope="module")
def built():
    plant = network().build()
    assert plant.start_at(POINT)
    return plant, plant.snapshot()


@pytest.fixture
def plant(built):
    made, start = built
    made.restore(start)
    return made


def test_two_unequal_branches_share_the_flow_as_parallel_conductances_do(plant):
    out = stepped(plant, 0.0)
    settings = HeaderSettings(flow_kg_s=2 * DESIGN_KG_S, head_kpa=320.0)
    own = DESIGN_KG_S / math.sqrt(settings.branch_drop_kpa)
    branches = []
    for i, percent in ((1, 90.0), (2, 95.0)):
        valve = own * settings.valve_rangeability ** (percent / 100.0 - 1.0)
        branches.append((valve**-2 + out[f"cdu_{i}_fws_conductance_kg_s_kpa05"] ** -2) ** -0.5)
    flow, drop = out["fws_flow_kg_s"], out["fws_differential_pressure_kpa"]
    assert flow == pytest.approx(sum(branches) * math.sqrt(drop), rel=1e-12)
    assert out["fws_branch_1_flow_kg_s"] / flow == pytest.approx(branches[0] / sum(branches), rel=1e-12)
    for i in (1, 2):
        assert out[f"cdu_{i}_fws_flow_kg_s"] == pytest.approx(out[f"fws_branch_{i}_flow_kg_s"], rel=1e-12)
    # The pumps' curve: 1.25 x 320 kPa x n^2 at no flow, 320 kPa at n = 1 and half of the design flow each.
    head = 1.25 * 320.0 * 0.85**2 - 0.25 * 320.0 * (flow / 2 / DESIGN_KG_S) ** 2
    assert head == pytest.approx(drop + (flow / out["valve_conductance_kg_s_kpa05"]) ** 2, rel=1e-12)


@pytest.mark.parametrize("longest_substep_s", [0.25, 0.5])
def test_it_follows_scipys_stiff_integration_of_the_same_equations(built, longest_substep_s):
    plant = network().build(longest_substep_s=longest_substep_s)
    plant.restore(built[1])
    system = plant.to_control()
    steps = {
        "cdu_1_rack_heat_kw": 1900.0, "cdu_2_fws_valve_command_percent": 40.0, "fws_pumps_percent": 60.0,
        "valve_valve_command_percent": 30.0, "fws_branch_1_valve_command_percent": 40.0,
    }  # fmt: skip
    u = np.array(list({**ordered_point(plant), **steps}.values()))
    start = np.array(plant.state)
    times = np.array([10.0, 30.0, 60.0, 120.0])
    reference = solve_ivp(
        lambda t, x: system.dynamics(t, x, u), (0.0, 120.0), start, method="LSODA", rtol=1e-9, atol=1e-9,
        t_eval=times, max_step=1.0,
    )  # fmt: skip
    for second in range(1, 121):
        plant.step(u.tolist(), 1.0)
        if second in times:
            expected = reference.y[:, list(times).index(second)]
            for port, value, wanted in zip(plant.state_ports, plant.state, expected, strict=True):
                assert value == pytest.approx(wanted, rel=1e-4, abs=1e-6), port.name


def test_a_solver_follows_the_trips_of_pumps_to_their_standstill(plant):
    plant.set_fault("fws_pump_1_trip", True)
    plant.set_fault("cdu_1_pump_2_trip", True)
    system, u = plant.to_control(), np.array(list(ordered_point(plant).values()))
    reference = solve_ivp(
        lambda t, x: system.dynamics(t, x, u), (0.0, 60.0), plant.state, method="LSODA", rtol=1e-7, atol=1e-7
    )
    assert reference.success
    for _ in range(60):
        plant.step(u.tolist(), 1.0)
    assert plant.state == pytest.approx(reference.y[:, -1], rel=1e-4, abs=1e-3)


@pytest.mark.parametrize("step_s", [10.0, 600.0])
def test_flow_that_rises_within_a_long_step_gets_shorter_substeps(step_s):
    """A pipe beside the others for two fifths of what flows with the pumps up: at rest it asks for no short ones."""
    whole = network(1)
    whole.add("thin", pipe(20.0, flow_kg_s=5.0, cells=20, temp_degc=27.0, **OF_PIPE))
    whole.wire("fws.flow_kg_s", "thin.flow_kg_s")
    whole.wire("fws.return_temp_degc", "thin.inlet_temp_degc")
    plant = whole.build()
    names = [port.name for port in plant.output_ports]
    u = {name: POINT[name] for name in plant.inputs}
    plant.step(list({**u, "fws_pumps_percent": 0.0}.values()), 300.0)
    for _ in range(2):
        out = dict(zip(names, plant.step(list(u.values()), step_s), strict=True))
        assert 20.0 < out["thin_outlet_temp_degc"] < 100.0
    assert out["fws_flow_kg_s"] > 2.5 * 5.0


@pytest.mark.parametrize(
    ("name", "step"),
    [("cdu_1_rack_heat_kw", 10.0), ("valve_cooled_temp_degc", 0.2), ("cdu_2_fws_valve_command_percent", 0.2),
     ("fws_pumps_percent", 0.2), ("valve_valve_command_percent", 0.2)],
)  # fmt: skip
def test_the_linear_models_step_responses_are_the_plants(plant, name, step):
    system = linearize(plant, POINT)
    assert system.input_labels == list(plant.inputs)
    assert system.state_labels == [port.name for port in plant.state_ports]
    t_s = np.arange(0.0, 201.0)
    u = np.zeros((len(POINT), t_s.size))
    u[list(plant.inputs).index(name)] = step
    linear = np.asarray(control.forced_response(system, t_s, u).outputs)
    rest = np.array(plant.step(list(plant.inputs.values()), 0.0))
    inputs = list({**plant.inputs, name: POINT[name] + step}.values())
    moved = np.array([plant.step(inputs, 1.0) for _ in t_s[1:]]) - rest
    for k, port in enumerate(plant.output_ports[:-1]):
        largest = float(np.abs(linear[k]).max())
        if largest > 1e-6:
            assert moved[:, k] == pytest.approx(linear[k, 1:], abs=0.01 * largest), port.name


def ai_load(second: int) -> tuple[float, float]:
    """Training: crest 20 s, trough 2 s (rencewise.com), on one CDU; bursts out of step on the other."""
    return (1800.0 if second % 22 < 20 else 700.0), (1400.0 if second % 13 < 11 else 500.0)


def test_heat_closes_over_an_hour_of_ai_load(plant):
    stored, (came, left) = plant.stored_j(), plant.balance_j()
    worst = 0.0
    for second in range(3600):
        one, two = ai_load(second)
        out = stepped(
            plant,
            cdu_1_rack_heat_kw=one,
            cdu_2_rack_heat_kw=two,
            fws_pumps_percent=70.0 + 15.0 * (second % 900 > 450),
        )
        worst = max(worst, abs(out["energy_residual_kw"]))
    after_came, after_left = plant.balance_j()
    throughput = after_came - came
    assert throughput > 3600 * 2.0e6
    gap = throughput - (after_left - left) - (plant.stored_j() - stored)
    assert abs(gap) < 1e-3 * throughput
    assert abs(gap) < 1e-6 * throughput  # what the integrator in fact does
    assert worst < 1e-3
    racks = sum(1000.0 * sum(ai_load(second)) for second in range(3600))
    energies = plant.energies_j()
    assert energies["cdu_1_rack_heat"] + energies["cdu_2_rack_heat"] == pytest.approx(racks, rel=1e-9)


def test_a_primary_pump_trips_and_its_check_valve_shuts(plant):
    before = stepped(plant, 0.0)
    plant.set_fault("fws_pump_1_trip", True)
    trail = [stepped(plant) for _ in range(90)]
    after = trail[-1]
    assert 0.5 < after["fws_flow_kg_s"] / before["fws_flow_kg_s"] < 0.95
    assert plant.state[[port.name for port in plant.state_ports].index("fws_pump_1_speed_percent")] == 0.0
    assert all(a["fws_flow_kg_s"] >= b["fws_flow_kg_s"] - 1e-9 for a, b in pairwise(trail))
    assert after["fws_pump_power_kw"] < before["fws_pump_power_kw"]
    assert after["cdu_2_tcs_supply_temp_degc"] > before["cdu_2_tcs_supply_temp_degc"]


def test_without_any_flow_heat_stays_where_it_is_made(plant):
    off = {"fws_pumps_percent": 0.0, "cdu_1_rack_heat_kw": 100.0, "cdu_2_rack_heat_kw": 0.0}
    for _ in range(120):
        out = stepped(plant, **off)
    assert (
        out["fws_flow_kg_s"] == out["fws_differential_pressure_kpa"] == out["fws_branch_1_flow_kg_s"] == 0.0
    )
    before = out
    out = stepped(plant, 60.0, **off)
    assert all(math.isfinite(value) for value in out.values())
    assert out["cdu_1_tcs_supply_temp_degc"] > before["cdu_1_tcs_supply_temp_degc"]
    assert out["fws_return_temp_degc"] == before["fws_return_temp_degc"]
    with pytest.raises(NoEquilibriumError, match="cdu_"):
        plant.steady_state(off)
    assert abs(out["energy_residual_kw"]) < 1e-6


def test_a_closed_branch_leaves_its_flow_to_the_other(plant):
    before = stepped(plant, 0.0)
    for _ in range(60):
        out = stepped(plant, fws_branch_1_valve_command_percent=0.0)
    assert out["fws_branch_1_flow_kg_s"] == pytest.approx(0.0, abs=1e-6)
    assert out["fws_branch_2_flow_kg_s"] > before["fws_branch_2_flow_kg_s"]
    assert out["fws_differential_pressure_kpa"] > before["fws_differential_pressure_kpa"]
    assert abs(out["energy_residual_kw"]) < 1e-6


def test_facility_water_hotter_than_the_racks_heats_them(plant):
    heats = []
    for _ in range(900):
        out = stepped(plant, valve_cooled_temp_degc=60.0, cdu_1_rack_heat_kw=0.0, cdu_2_rack_heat_kw=0.0)
        heats.append(out["cdu_1_fws_heat_kw"])
    assert min(heats) < -200.0
    # Then only the heat of the TCS pumps is left, and goes the usual way.
    assert 0.0 < heats[-1] < 1.1 * out["cdu_1_pump_power_kw"]
    assert 30.0 < out["cdu_1_tcs_supply_temp_degc"] < 60.5
    assert all(math.isfinite(value) for value in out.values())
    assert abs(out["energy_residual_kw"]) < 1e-6


def test_the_bypass_carries_what_closed_branches_do_not():
    plant = network(1, duty_pumps=1, bypass_kg_s=20.0).build()
    out = stepped(plant, 60.0, fws_branch_1_valve_command_percent=0.0, fws_bypass_valve_command_percent=100.0)
    out = stepped(plant, 60.0)
    assert out["fws_bypass_flow_kg_s"] == pytest.approx(out["fws_flow_kg_s"], rel=1e-6)
    assert out["fws_bypass_flow_kg_s"] == pytest.approx(2.0 * math.sqrt(out["fws_differential_pressure_kpa"]))
    assert abs(out["energy_residual_kw"]) < 1e-6


def test_a_row_that_is_open_at_both_ends_closes_too():
    """Warm water comes from outside, is mixed and pumped, and leaves by a pipe: no stream is counted once only."""
    whole = Composition()
    settings = HeaderSettings(flow_kg_s=40.0, head_kpa=200.0, temp_degc=27.0)
    whole.add("inlet", pipe(2000.0, flow_kg_s=40.0, temp_degc=27.0, **OF_PIPE))
    whole.add("valve", three_way(40.0, cooler_drop_kpa=60.0, cp_j_kgk=CP))
    whole.add("fws", header(1, pumps=2, settings=settings, cp_j_kgk=CP))
    whole.add("outlet", pipe(2000.0, flow_kg_s=40.0, temp_degc=27.0, **OF_PIPE))
    whole.wire("fws.flow_kg_s", "inlet.flow_kg_s", "valve.flow_kg_s", "outlet.flow_kg_s")
    whole.wire("inlet.outlet_temp_degc", "valve.return_temp_degc")
    whole.wire("valve.supply_temp_degc", "fws.source_supply_temp_degc")
    whole.wire("fws.return_temp_degc", "outlet.inlet_temp_degc")
    plant = whole.build()
    given = {
        "inlet_inlet_temp_degc": 40.0,
        "valve_cooled_temp_degc": 20.0,
        "fws_branch_1_return_temp_degc": 35.0,
    }
    for opened in (100.0, 40.0):
        out = stepped(plant, 60.0, valve_valve_command_percent=opened, **given)
        assert out["fws_flow_kg_s"] > 10.0


def test_a_pipes_residence_times_are_those_of_tanks_in_series():
    """Mean transit m/M and variance (m/M)^2/N of the response to a step (Levenspiel, ch. 14)."""
    whole = Composition()
    whole.add(
        "pipe", pipe(2000.0, flow_kg_s=20.0, cells=5, temp_degc=20.0, density_kg_m3=1000.0, cp_j_kgk=CP)
    )
    plant = whole.build(["pipe.outlet_temp_degc"])
    rising = np.array([plant.step([20.0, 30.0], 1.0)[0] for _ in range(600)])
    left = 1.0 - (rising - 20.0) / 10.0
    t_s = np.arange(1.0, 601.0)
    mean = 0.5 + left.sum()
    variance = 2.0 * float((t_s * left).sum()) - mean**2
    assert mean == pytest.approx(100.0, rel=1e-3)
    assert variance == pytest.approx(100.0**2 / 5, rel=0.01)


def test_a_tank_charges_and_discharges_in_layers_and_mixes_what_is_upside_down():
    whole = Composition()
    whole.add("tank", tank(20_000.0, flow_kg_s=20.0, layers=20, temp_degc=20.0, **OF_PIPE))
    plant = whole.build()
    warmed = stepped(
        plant, 500.0, tank_load_flow_kg_s=20.0, tank_load_return_temp_degc=40.0, tank_source_flow_kg_s=0.0
    )
    assert warmed["tank_top_temp_degc"] > 39.0
    assert warmed["tank_bottom_temp_degc"] < 21.0
    assert warmed["tank_mean_temp_degc"] == pytest.approx(
        20.0 + 20.0 * 500.0 * 20.0 / (20.0 * WATER.density_kg_m3), rel=0.01
    )
    assert abs(warmed["energy_residual_kw"]) < 1e-6
    upside_down = stepped(
        plant, 300.0, tank_load_flow_kg_s=0.0, tank_source_flow_kg_s=20.0, tank_source_return_temp_degc=60.0
    )
    temps = np.array(plant.state)
    assert upside_down["tank_top_temp_degc"] > 35.0
    # Water of 60 °C under water of 20 °C does not stay there.
    assert float(np.diff(temps)[:-1].max()) < 6.0
    resting = stepped(plant, 3600.0, tank_source_flow_kg_s=0.0)
    assert float(np.diff(plant.state).max()) < 0.1
    assert resting["tank_mean_temp_degc"] == pytest.approx(upside_down["tank_mean_temp_degc"], abs=1e-6)
