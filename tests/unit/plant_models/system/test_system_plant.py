"""A composed plant as the loop sees it: restores to the bit, counts what it does not take, never NaN."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plant_models import (
    Composition,
    FacilitySpec,
    NoEquilibriumError,
    PlantSettingError,
    SystemPlant,
    facility_plant,
    linearize,
)
from plant_models.components.cdu import cdu
from plant_models.components.header import HeaderSettings, header


def made() -> Composition:
    units = [cdu("deschutes_2mw", pumps=2), cdu("deschutes_2mw", pumps=3, pump_share=0.5)]
    cp = units[0].heat_capacity_j_kgk["fws_return_temp_degc"]
    whole = Composition()
    head = HeaderSettings(flow_kg_s=64.6, head_kpa=250.0, duty_pumps=1, bypass_flow_kg_s=10.0)
    whole.add("fws", header(2, pumps=2, settings=head, cp_j_kgk=cp))
    for i, unit in enumerate(units, start=1):
        whole.add(f"cdu_{i}", unit)
        whole.wire(f"cdu_{i}.fws_conductance_kg_s_kpa05", f"fws.branch_{i}_conductance_kg_s_kpa05")
        whole.wire(f"fws.branch_{i}_differential_pressure_kpa", f"cdu_{i}.fws_differential_pressure_kpa")
        whole.wire("fws.supply_temp_degc", f"cdu_{i}.fws_supply_temp_degc")
        whole.wire(f"cdu_{i}.fws_return_temp_degc", f"fws.branch_{i}_return_temp_degc")
        whole.expose(f"fws.branch_{i}_valve_command_percent", f"cdu_{i}.filter_fouling_ratio")
    whole.expose("fws.bypass_valve_command_percent", "fws.common_conductance_kg_s_kpa05")
    return whole


@pytest.fixture(scope="module")
def built():
    plant = made().build()
    return plant, plant.snapshot()


@pytest.fixture
def plant(built):
    whole, start = built
    whole.restore(start)
    return whole


def changed(plant, **inputs):
    return list({**plant.inputs, **inputs}.values())


def test_a_restored_plant_goes_on_to_the_bit(plant):
    for second in range(50):
        plant.step(changed(plant, cdu_1_rack_heat_kw=100.0 * second), 1.0)
    plant.set_fault("fws_pump_1_trip", True)
    plant.set_fault("cdu_2_pump_3_trip", True)
    plant.step(changed(plant, cdu_1_rack_heat_kw=math.nan), 1.0)
    kept = plant.snapshot()
    other = made().build()
    other.restore(kept)
    assert other.snapshot() == kept
    for second in range(50):
        inputs = changed(
            plant, cdu_2_rack_heat_kw=50.0 * second, cdu_2_tcs_pump_2_speed_command_percent=float(second)
        )
        assert plant.step(inputs, 0.7) == other.step(inputs, 0.7)
    assert plant.snapshot() == other.snapshot()


def test_what_is_not_finite_or_outside_is_counted(plant):
    before = plant.inputs
    plant.step(changed(plant, cdu_1_rack_heat_kw=math.inf, cdu_2_rack_heat_kw=math.nan), 1.0)
    assert plant.inputs == before
    assert (plant.rejected_inputs, plant.clamped_inputs) == (2, 0)
    plant.step(changed(plant, cdu_1_rack_heat_kw=-5.0, fws_source_supply_temp_degc=500.0), 1.0)
    assert plant.inputs["cdu_1_rack_heat_kw"] == 0.0
    assert plant.inputs["fws_source_supply_temp_degc"] == 120.0
    assert (plant.rejected_inputs, plant.clamped_inputs) == (2, 2)
    with pytest.raises(ValueError, match="1 inputs for"):
        plant.step([1.0], 1.0)


def test_a_step_of_no_time_changes_nothing(plant):
    first = plant.step(changed(plant), 3.0)
    state, energies = plant.state, plant.energies_j()
    assert plant.step(changed(plant), 0.0) == first
    assert (plant.state, plant.energies_j()) == (state, energies)


def test_faults_are_by_name(plant):
    assert {"fws_pump_2_trip", "cdu_1_valve_stuck", "cdu_2_pump_3_trip", "fws_branch_1_valve_stuck"} <= set(
        plant.faults
    )
    with pytest.raises(PlantSettingError, match="did you mean 'fws_pump_2_trip'"):
        plant.set_fault("fws_pump2_trip", True)
    plant.set_fault("fws_branch_1_valve_stuck", True)
    place = [port.name for port in plant.state_ports].index("fws_branch_1_valve_position_percent")
    plant.step(changed(plant, fws_branch_1_valve_command_percent=0.0), 60.0)
    assert plant.state[place] == 100.0


def test_it_settles_where_it_says_it_will(plant):
    point = {
        "cdu_1_rack_heat_kw": 800.0,
        "cdu_2_rack_heat_kw": 400.0,
        "fws_pump_2_speed_command_percent": 60.0,
    }
    expected = plant.steady_state(point)
    for _ in range(900):
        plant.step(changed(plant, **point), 2.0)
    assert plant.state == pytest.approx(list(expected.values()), abs=1e-3)
    assert plant.start_at(point)
    assert plant.state == pytest.approx(list(expected.values()), abs=1e-6)
    with pytest.raises(PlantSettingError, match="no input"):
        plant.steady_state({"heat": 3.0})


def test_what_was_nothing_is_nothing_at_rest(plant):
    """Rounding of the search is no coolant lost and no pad wetted."""
    at_rest = plant.steady_state({})
    for name, value in at_rest.items():
        assert value == 0.0 or abs(value) > 1e-9, name


def test_a_plant_that_cannot_settle_stays_as_it_was(plant):
    before = plant.snapshot()
    valves_shut = {name: 0.0 for name in plant.inputs if "fws_valve" in name}
    assert not plant.start_at(valves_shut)
    assert plant.snapshot() == before


def test_without_coolant_flow_it_settles_with_the_devices_off(plant):
    pumps_off = {name: 0.0 for name in plant.inputs if name.startswith("cdu_") and "pump" in name}
    assert plant.start_at(pumps_off)
    state = dict(zip((port.name for port in plant.state_ports), plant.state, strict=True))
    assert state["cdu_1_cold_plate_case_temp_degc"] == pytest.approx(120.0, abs=0.01)


def test_a_facility_that_does_not_settle_is_refused(monkeypatch):
    monkeypatch.setattr(SystemPlant, "start_at", lambda *_: False)
    with pytest.raises(NoEquilibriumError, match="does not settle"):
        facility_plant(FacilitySpec())


def test_linearising_with_a_command_on_its_limit_leaves_the_plant_alone(plant):
    before = plant.snapshot()
    assert 0.0 in plant.inputs.values()
    system = linearize(plant)
    assert all(np.isfinite(matrix).all() for matrix in (system.A, system.B, system.C, system.D))
    assert plant.snapshot() == before


def test_an_input_without_room_on_either_side_is_refused(plant, monkeypatch):
    of = plant.continuous()
    high = of.high.copy()
    high[0] = of.low[0] = plant.inputs[of.input_ports[0].name]
    monkeypatch.setattr(plant, "continuous", lambda: dataclasses.replace(of, low=high, high=high))
    with pytest.raises(PlantSettingError, match="no room"):
        linearize(plant)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_comes_outputs_are_finite_and_heat_closes(built, data):
    plant, start = built
    plant.restore(start)
    for fault in plant.faults:
        plant.set_fault(fault, data.draw(st.booleans()))
    low, high = plant.continuous().low, plant.continuous().high
    for _ in range(3):
        values = [
            data.draw(st.sampled_from([a, b, a + 0.3 * (b - a)]) | st.floats(a, b))
            for a, b in zip(low, high, strict=True)
        ]
        outputs = plant.step(values, data.draw(st.sampled_from([0.1, 1.0, 30.0])))
        assert all(math.isfinite(value) for value in outputs)
        named = dict(zip((port.name for port in plant.output_ports), outputs, strict=True))
        flows = [value for name, value in named.items() if name.endswith("flow_kg_s")]
        assert min(flows) >= 0.0
        assert abs(outputs[-1]) < 1e-3
