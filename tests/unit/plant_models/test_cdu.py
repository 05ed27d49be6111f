import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plant_models import CduPlant, NoEquilibriumError, PlantSettingError, linearize

OUT = {port.name: slot for slot, port in enumerate(CduPlant.output_ports)}
DUTY_KW = 2000.0


@pytest.fixture(scope="module")
def sized() -> CduPlant:
    return CduPlant.from_datasheet("deschutes_2mw")


@pytest.fixture
def plant(sized) -> CduPlant:
    """The sized plant, back in its initial state."""
    fresh = CduPlant.from_datasheet("deschutes_2mw")
    sized.restore(fresh.snapshot())
    return sized


def held(plant: CduPlant, **changes: float) -> list[float]:
    return list({**plant.inputs, **changes}.values())


def test_the_interface_is_as_agreed(plant):
    assert [port.name for port in plant.input_ports] == [
        "rack_heat_kw", "fws_supply_temp_degc", "fws_differential_pressure_kpa",
        "fws_valve_command_percent", "tcs_pump_speed_command_percent",
    ]  # fmt: skip
    assert [port.name for port in plant.output_ports] == [
        "tcs_supply_temp_degc", "tcs_return_temp_degc", "tcs_flow_kg_s", "tcs_flow_l_min",
        "rack_differential_pressure_kpa", "fws_return_temp_degc", "fws_flow_kg_s", "fws_valve_position_percent",
        "tcs_pump_speed_percent", "cold_plate_case_temp_degc", "pump_power_kw", "fws_heat_kw", "tcs_heat_kw",
        "energy_residual_kw",
    ]  # fmt: skip
    assert plant.default_inputs == {"fws_supply_temp_degc": 26.8, "fws_differential_pressure_kpa": 160.0}
    outputs = plant.step(held(plant), 0.0)
    assert type(outputs) is list
    assert {type(value) for value in outputs} == {float}


def test_it_starts_in_equilibrium_and_stays_there(plant):
    before = plant.step(held(plant), 0.0)
    for _ in range(600):
        after = plant.step(held(plant), 1.0)
    assert after == pytest.approx(before, abs=1e-8)
    assert before[OUT["tcs_supply_temp_degc"]] == pytest.approx(29.8)


def test_a_step_of_no_time_changes_nothing(plant):
    plant.step(held(plant, rack_heat_kw=1800.0), 7.0)
    state = plant.state
    plant.step(held(plant, rack_heat_kw=1800.0), 0.0)
    assert plant.state == state


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("slot", range(5))
def test_an_input_that_is_no_number_holds_the_last_good_one(plant, bad, slot):
    inputs = held(plant)
    snapshot = plant.snapshot()
    good = plant.step(inputs, 1.0)
    plant.restore(snapshot)
    inputs[slot] = bad
    assert plant.step(inputs, 1.0) == good
    assert plant.rejected_inputs == snapshot.counters[0] + 1


def test_an_input_outside_the_domain_is_clamped_and_counted(plant):
    outputs = plant.step(held(plant, fws_valve_command_percent=150.0, rack_heat_kw=-5.0), 120.0)
    assert plant.clamped_inputs == 2
    assert outputs[OUT["fws_valve_position_percent"]] == pytest.approx(100.0)


finite_or_not = st.floats(allow_nan=True, allow_infinity=True)
likely = st.tuples(
    st.floats(0.0, 1.2 * DUTY_KW), st.floats(5.0, 60.0), st.sampled_from([0.0, 1e-9, 20.0, 160.0, 2000.0]),
    st.sampled_from([0.0, 1e-9, 3.0, 50.0, 100.0]), st.sampled_from([0.0, 1e-7, 1.0, 40.0, 100.0]),
)  # fmt: skip
wild = st.tuples(*([finite_or_not] * 5))
events = st.tuples(
    st.one_of(likely, wild),
    st.sampled_from([0.0, 0.001, 0.1, 1.0, 7.3, 60.0]),
    st.sampled_from(
        [None, ("pump_trip", True), ("pump_trip", False), ("valve_stuck", True), ("valve_stuck", False)]
    ),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(events, min_size=1, max_size=12))
def test_whatever_comes_outputs_are_numbers_and_energy_closes(sequence):
    plant = CduPlant.from_datasheet("deschutes_2mw", valve_stroke_time_s=5.0)
    for inputs, dt_s, fault in sequence:
        if fault is not None:
            plant.set_fault(*fault)
        outputs = plant.step(inputs, dt_s)
        assert all(math.isfinite(value) for value in outputs)
        assert abs(outputs[OUT["energy_residual_kw"]]) < 1e-3 * DUTY_KW
        assert 0.0 <= outputs[OUT["fws_valve_position_percent"]] <= 100.0
        assert -1e-9 <= outputs[OUT["tcs_pump_speed_percent"]] <= 100.0
        assert outputs[OUT["tcs_flow_kg_s"]] >= 0.0
        assert outputs[OUT["fws_flow_kg_s"]] >= 0.0


@pytest.mark.parametrize(
    "extreme",
    [
        {"pump_design_speed_percent": 30.0, "pump_mixing_time_s": 0.5, "rack_transit_time_s": 0.5},
        {"valve_design_position_percent": 10.0, "fws_mixing_time_s": 0.5},
        {"cold_plate_heat_capacity_j_k": 1.0},
    ],
)
def test_fast_volumes_get_short_substeps(extreme):
    plant = CduPlant.from_datasheet("xdu1350", **extreme)
    inputs = held(
        plant, fws_valve_command_percent=100.0, tcs_pump_speed_command_percent=100.0,
        fws_differential_pressure_kpa=2000.0, rack_heat_kw=1368.0,
    )  # fmt: skip
    for _ in range(300):
        outputs = plant.step(inputs, 1.0)
        assert abs(outputs[OUT["energy_residual_kw"]]) < 1e-3 * 1368.0
    settled = plant.steady_state({})
    assert outputs[OUT["tcs_supply_temp_degc"]] == pytest.approx(settled["tcs_supply_temp_degc"], abs=1e-3)
    assert outputs[OUT["cold_plate_case_temp_degc"]] == pytest.approx(
        settled["cold_plate_case_temp_degc"], abs=1e-3
    )


@pytest.mark.parametrize("dt_s", [0.001, 0.1, 0.25, 0.3, 1.0, 7.3, 60.0])
def test_the_period_hardly_matters(plant, dt_s):
    """Steps of any length end where short ones do."""
    snapshot = plant.snapshot()
    inputs = held(
        plant, rack_heat_kw=2000.0, fws_valve_command_percent=60.0, tcs_pump_speed_command_percent=70.0
    )
    span_s = 60.0 if dt_s >= 0.1 else 0.3
    whole = math.floor(span_s / dt_s + 1e-9)
    for _ in range(whole):
        coarse = plant.step(inputs, dt_s)
    if span_s - whole * dt_s > 1e-6:
        coarse = plant.step(inputs, span_s - whole * dt_s)
    plant.restore(snapshot)
    for _ in range(round(span_s / 0.02)):
        fine = plant.step(inputs, 0.02)
    assert coarse[0] == pytest.approx(fine[0], abs=5e-3)
    assert coarse[1] == pytest.approx(fine[1], abs=5e-3)


def test_equal_runs_are_equal_to_the_bit_and_a_snapshot_goes_back(plant):
    def run() -> list[list[float]]:
        rows = []
        for n in range(50):
            plant.set_fault("pump_trip", 20 <= n < 30)
            rows.append(plant.step(held(plant, rack_heat_kw=1000.0 + 13.7 * n), 0.7))
        return rows

    snapshot = plant.snapshot()
    first = run()
    plant.restore(snapshot)
    assert run() == first


def test_a_tripped_pump_coasts_down_and_the_racks_heat_up(plant):
    plant.set_fault("pump_trip", True)
    speeds, flows, cases = [], [], []
    for _ in range(600):
        outputs = plant.step(held(plant), 0.1)
        speeds.append(outputs[OUT["tcs_pump_speed_percent"]])
        flows.append(outputs[OUT["tcs_flow_kg_s"]])
        cases.append(outputs[OUT["cold_plate_case_temp_degc"]])
    assert 95.0 < speeds[0] < 100.0
    assert all(a >= b for a, b in pairwise(speeds))
    assert speeds[19] == pytest.approx(50.0, abs=3.0)
    assert 0.0 <= speeds[-1] < 1e-12
    assert flows[-1] == 0.0
    assert cases[-1] - cases[0] > 70.0
    # Devices are off 10 K over the limit; what the coolant in the rack had taken up comes back to the cases.
    assert 110.0 < max(cases) < 125.0
    assert plant.throttled_heat_kw > 0.9 * plant.inputs["rack_heat_kw"]
    plant.set_fault("pump_trip", False)
    for _ in range(1200):
        outputs = plant.step(held(plant), 0.1)
    assert outputs[OUT["tcs_pump_speed_percent"]] == pytest.approx(100.0, abs=0.1)
    assert outputs[OUT["cold_plate_case_temp_degc"]] < cases[-1] - 70.0
    assert plant.throttled_heat_kw == 0.0


def test_a_stuck_valve_stays_where_it_is(plant):
    plant.step(held(plant, fws_valve_command_percent=20.0), 5.0)
    plant.set_fault("valve_stuck", True)
    stuck = plant.step(held(plant), 0.0)[OUT["fws_valve_position_percent"]]
    assert 20.0 < stuck < 90.0
    assert (
        plant.step(held(plant, fws_valve_command_percent=0.0), 60.0)[OUT["fws_valve_position_percent"]]
        == stuck
    )
    plant.set_fault("valve_stuck", False)
    assert (
        plant.step(held(plant, fws_valve_command_percent=0.0), 60.0)[OUT["fws_valve_position_percent"]] < 0.01
    )


def test_an_actuator_outside_the_model_is_at_once_where_it_is_told():
    plant = CduPlant.from_datasheet("deschutes_2mw", valve_stroke_time_s=0.0, pump_ramp_time_s=0.0)
    inputs = held(plant, fws_valve_command_percent=37.0, tcs_pump_speed_command_percent=61.0)
    outputs = plant.step(inputs, 0.0)
    assert outputs[OUT["fws_valve_position_percent"]] == 37.0
    assert outputs[OUT["tcs_pump_speed_percent"]] == 61.0
    plant.set_fault("valve_stuck", True)
    plant.set_fault("pump_trip", True)
    inputs = held(plant, fws_valve_command_percent=90.0, tcs_pump_speed_command_percent=90.0)
    outputs = plant.step(inputs, 1.0)
    assert outputs[OUT["fws_valve_position_percent"]] == 37.0
    assert 30.0 < outputs[OUT["tcs_pump_speed_percent"]] < 61.0
    plant.set_fault("valve_stuck", False)
    plant.set_fault("pump_trip", False)
    outputs = plant.step(inputs, 0.1)
    assert outputs[OUT["fws_valve_position_percent"]] == 90.0
    assert outputs[OUT["tcs_pump_speed_percent"]] == 90.0


def test_the_stroke_takes_its_time():
    plant = CduPlant.from_datasheet("deschutes_2mw", valve_stroke_time_s=120.0)
    plant.start_at({"fws_valve_command_percent": 10.0})
    outputs = plant.step(held(plant, fws_valve_command_percent=90.0), 60.0)
    assert outputs[OUT["fws_valve_position_percent"]] == pytest.approx(60.0, abs=0.01)


def test_a_pump_that_turns_backwards_starts_without_reverse_flow(plant):
    snapshot = plant.snapshot()
    backwards = (*snapshot.state[:-1], -60.0)
    plant.restore(replace(snapshot, state=backwards, residual_kw=0.0))
    speeds = []
    for _ in range(700):
        outputs = plant.step(held(plant), 0.1)
        speeds.append(outputs[OUT["tcs_pump_speed_percent"]])
        assert outputs[OUT["tcs_flow_kg_s"]] >= 0.0
        assert (outputs[OUT["tcs_flow_kg_s"]] > 0.0) == (speeds[-1] > 1e-4)
        assert abs(outputs[OUT["energy_residual_kw"]]) < 1e-3 * DUTY_KW
    assert speeds[0] < -59.0
    assert speeds[-1] == pytest.approx(100.0, abs=0.1)


def test_facility_water_warmer_than_the_loop_heats_it(plant):
    for _ in range(600):
        outputs = plant.step(held(plant, rack_heat_kw=0.0, fws_supply_temp_degc=60.0), 1.0)
    assert outputs[OUT["tcs_supply_temp_degc"]] > 55.0
    outputs = plant.step(held(plant, rack_heat_kw=0.0, fws_supply_temp_degc=90.0), 2.0)
    assert outputs[OUT["fws_heat_kw"]] < 0.0
    assert abs(outputs[OUT["energy_residual_kw"]]) < 1e-3 * DUTY_KW


def test_more_than_the_duty_saturates_the_valve_and_warms_the_supply(plant):
    plant.step(held(plant, rack_heat_kw=1.2 * DUTY_KW), 0.0)
    commands = plant.trim(29.8, 586.0)
    assert commands["fws_valve_command_percent"] == 100.0
    settled = plant.steady_state({"rack_heat_kw": 1.2 * DUTY_KW, **commands})
    assert 29.8 < settled["tcs_supply_temp_degc"] < 31.0


def test_trim_finds_the_commands_that_hold_the_setpoints(plant):
    plant.step(held(plant, rack_heat_kw=1500.0), 0.0)
    commands = plant.trim(32.0, 400.0)
    assert plant.start_at({"rack_heat_kw": 1500.0, **commands})
    outputs = plant.step(held(plant), 0.0)
    assert outputs[OUT["tcs_supply_temp_degc"]] == pytest.approx(32.0, abs=1e-6)
    assert outputs[OUT["rack_differential_pressure_kpa"]] == pytest.approx(400.0, abs=1e-6)


def test_without_flow_there_is_no_equilibrium_with_heat_and_a_start_from_rest_instead(plant):
    with pytest.raises(NoEquilibriumError, match="TCS"):
        plant.steady_state({"tcs_pump_speed_command_percent": 0.0})
    with pytest.raises(NoEquilibriumError, match="FWS"):
        plant.steady_state({"fws_valve_command_percent": 0.0})
    assert not plant.start_at({"tcs_pump_speed_command_percent": 0.0})
    assert plant.state[:6] == (26.8,) * 6
    assert plant.start_at({"rack_heat_kw": 0.0, "tcs_pump_speed_command_percent": 0.0})


def test_whole_numbers_make_the_same_linear_model(plant):
    """An array of integers would take no step of a hundredth."""
    point = {
        "rack_heat_kw": 1500,
        "fws_supply_temp_degc": 27,
        "fws_differential_pressure_kpa": 160,
        "fws_valve_command_percent": 80,
        "tcs_pump_speed_command_percent": 90,
    }
    whole, broken = linearize(plant, point), linearize(plant, {name: float(point[name]) for name in point})
    for matrix in "ABCD":
        assert (getattr(whole, matrix) == getattr(broken, matrix)).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda plant: plant.set_fault("leak", True),
        lambda plant: plant.start_at({"heat": 1.0}),
        lambda plant: plant.start_at({"rack_heat_kw": math.nan}),
        lambda plant: plant.steady_state({"fws_valve_command_percent": 101.0}),
    ],
)
def test_what_a_cdu_does_not_have_is_refused(plant, call):
    with pytest.raises(PlantSettingError):
        call(plant)
