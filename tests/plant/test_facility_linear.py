"""The linear model of a facility at its start: commands on their limits, twelve equal CDUs."""

import numpy as np
import pytest
from scipy.linalg import expm

from plant_models import FacilitySpec, facility_plant, linear_kinks, linearize

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
