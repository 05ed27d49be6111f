"""The linear models of a facility: at its start, with commands on limits and equal CDUs, and near other points."""

import control
import numpy as np
import pytest
from scipy.linalg import expm

from plant_models import FacilitySpec, SystemPlant, facility_plant, linear_kinks, linearize

FAN = "cooler_fan_speed_command_percent"
HOTTEST, ONE_CASE = "site_hottest_case_temp_degc", "cdu_12_cold_plate_case_temp_degc"


@pytest.fixture(scope="module")
def plant():
    return facility_plant(FacilitySpec())


def test_the_hottest_of_equal_cases_answers_as_one_case_does(plant):
    system = linearize(plant)
    size, fan = len(system.state_labels), system.input_labels.index(FAN)
    driven = np.zeros((size + 1, size + 1))
    driven[:size, :size], driven[:size, size] = system.A, system.B[:, fan]
    moved = expm(3600.0 * driven)[:size, size]
    answers = dict(zip(system.output_labels, system.C @ moved + system.D[:, fan], strict=True))
    assert answers[ONE_CASE] < -0.1
    assert answers[HOTTEST] == pytest.approx(answers[ONE_CASE], rel=1e-3)


def test_its_kinks_are_told(plant):
    kinks = linear_kinks(plant)
    assert {cause for effect, cause in kinks if effect == HOTTEST} == {
        f"cdu_{i}_cold_plate_case_temp_degc" for i in range(1, 13)
    }


SECONDS = 120
SETPOINT = "chiller_supply_setpoint_temp_degc"
UNEQUAL = {f"cdu_{i}_rack_heat_kw": 700.0 + 10.0 * i for i in range(1, 13)}
FREE = {
    **UNEQUAL,
    FAN: 60.0,
    "fws_pump_speed_command_percent": 80.0,
    "free_cooling_valve_command_percent": 70.0,
}
MECHANICAL = {
    **FREE, "dry_bulb_temp_degc": 34.0, "wet_bulb_temp_degc": 24.0, "chiller_enable_command_percent": 100.0,
    SETPOINT: 30.0, "free_cooling_valve_command_percent": 100.0,
}  # fmt: skip
STEPS = {
    "cdu_3_rack_heat_kw": 5.0, "dry_bulb_temp_degc": 0.1, FAN: 0.1, "fws_pump_speed_command_percent": 0.1,
    "free_cooling_valve_command_percent": -0.1, "cdu_7_fws_valve_command_percent": -0.1,
    "cdu_7_tcs_pump_speed_command_percent": -0.1, SETPOINT: -0.05,
}  # fmt: skip


def linear_steps(system: control.StateSpace) -> dict[str, np.ndarray]:
    """Answers of all outputs to each of :data:`STEPS` as python-control samples the model, 1 … 120 s."""  # (n_y, 120)
    sampled = control.sample_system(system, 1.0, method="zoh")
    columns = [system.input_labels.index(name) for name in STEPS]
    u = np.array(list(STEPS.values()))
    x, answers = np.zeros((system.nstates, len(STEPS))), []
    for _ in range(SECONDS):
        x = sampled.A @ x + sampled.B[:, columns] * u
        answers.append(sampled.C @ x + sampled.D[:, columns] * u)
    return {name: np.array(answers)[:, :, slot].T for slot, name in enumerate(STEPS)}


def plants_steps(plant: SystemPlant, name: str) -> np.ndarray:
    """Answers of the plant to the same step."""  # (n_y, 120)
    start, rest = plant.snapshot(), np.array(plant.step(list(plant.inputs.values()), 0.0))
    moved = list({**plant.inputs, name: plant.inputs[name] + STEPS[name]}.values())
    answers = np.array([plant.step(moved, 1.0) for _ in range(SECONDS)]) - rest
    plant.restore(start)
    return answers.T


@pytest.mark.parametrize(
    ("point", "longest_substep_s"),
    [(FREE, 0.25), (MECHANICAL, 0.5)],
    ids=["free cooling", "chillers, in long substeps"],
)
def test_step_responses_of_the_whole_facility_are_the_plants(point, longest_substep_s):
    """Within 1 %, every output that moves by a thousandth of its unit; not the quotients of totals, which grow."""
    plant = facility_plant(FacilitySpec(), longest_substep_s=longest_substep_s)
    assert plant.start_at(point)
    system = linearize(plant)
    assert system.input_labels == list(plant.inputs)
    assert system.output_labels == [port.name for port in plant.output_ports]
    assert system.state_labels == [port.name for port in plant.state_ports]
    answered = set()
    for name, expected in linear_steps(system).items():
        found = plants_steps(plant, name)
        for port, ours, linear in zip(plant.output_ports, found, expected, strict=True):
            largest = np.abs(linear).max()
            if largest > 1e-3 and "_since_start" not in port.name:
                answered.add((name, port.name))
                assert np.abs(ours - linear).max() < 0.01 * largest, (name, port.name)
    assert {name for name, _ in answered} == set(STEPS) - ({SETPOINT} if point is FREE else set())
    assert len(answered) > 100
