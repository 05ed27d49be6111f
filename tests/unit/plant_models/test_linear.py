import math

import control
import numpy as np
import pytest
from scipy.signal import cont2discrete

from plant_models import LinearModelError, LinearPlant, PlantSettingError, Port

U, Y = [Port("valve_percent", "%")], [Port("temp_degc", "degC")]


def first_order(**options) -> LinearPlant:
    return LinearPlant.from_transfer_function(
        [2.0], [10.0, 1.0], **{"period_s": 0.5, "inputs": U, "outputs": Y} | options
    )


def response(plant: LinearPlant, inputs: np.ndarray, dt_s: float) -> np.ndarray:
    return np.array([plant.step([float(u)], dt_s)[0] for u in inputs])


def test_a_step_response_is_the_analytic_one_between_samples_too():
    t_s = np.arange(1, 41) * 0.5
    assert response(first_order(), np.ones(40), 0.5) == pytest.approx(
        2.0 * (1.0 - np.exp(-t_s / 10.0)), abs=1e-12
    )


@pytest.mark.parametrize("dead_time_s", [0.0, 0.5, 3.0, 10.0])
def test_whole_samples_of_dead_time_shift_scipys_discretisation(dead_time_s):
    rng = np.random.default_rng(7)
    inputs = rng.normal(size=200)
    numerator, denominator = [1.0, 3.0], [2.0, 3.0, 4.0, 1.0]
    plant = LinearPlant.from_transfer_function(
        numerator, denominator, period_s=0.5, inputs=U, outputs=Y, dead_time_s=dead_time_s
    )
    system = control.tf(numerator, denominator)
    discrete = control.ss(*cont2discrete(_matrices(system), 0.5)[:4], 0.5)
    shift = round(dead_time_s / 0.5)
    late = np.concatenate([np.zeros(shift), inputs])[:200]
    # python-control gives the output at the start of each period, we give that at its end.
    expected = control.forced_response(discrete, np.arange(201) * 0.5, np.append(late, 0.0)).outputs[1:]
    assert response(plant, inputs, 0.5) == pytest.approx(expected, abs=1e-9)


def _matrices(system):
    state_space = control.ss(system)
    return state_space.A, state_space.B, state_space.C, state_space.D


@pytest.mark.parametrize("dead_time_s", [0.2, 0.7, 3.35])
def test_a_fraction_of_a_sample_is_the_same_as_a_finer_grid(dead_time_s):
    inputs = np.random.default_rng(3).normal(size=100)
    coarse = response(first_order(dead_time_s=dead_time_s), inputs, 0.5)
    fine = response(first_order(dead_time_s=dead_time_s, period_s=0.05), np.repeat(inputs, 10), 0.05)[9::10]
    assert coarse == pytest.approx(fine, abs=1e-12)


def test_skipped_cycles_are_made_up_for():
    inputs = np.random.default_rng(5).normal(size=30)
    each = response(first_order(dead_time_s=1.2), np.repeat(inputs, 3), 0.5)[2::3]
    at_once = response(first_order(dead_time_s=1.2), inputs, 1.5)
    assert at_once.tolist() == each.tolist()


def test_what_does_not_fit_the_grid_is_carried_and_counted():
    plant, reference = first_order(), first_order()
    for _ in range(5):
        outputs = plant.step([1.0], 0.7)
    assert plant.off_grid_steps == 4
    assert outputs == pytest.approx([response(reference, np.ones(7), 0.5)[-1]], abs=1e-12)


def test_levels_move_the_point_of_rest():
    plant = first_order(input_levels=[50.0], output_levels=[25.0])
    assert plant.step([50.0], 10.0) == [25.0]
    for _ in range(500):
        outputs = plant.step([51.0], 0.5)
    assert outputs == pytest.approx([27.0])


def test_matrices_and_a_direct_path():
    plant = LinearPlant.from_state_space(
        [[-0.1, 0.0], [0.0, -0.2]], [[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]], [[0.0, 3.0]], period_s=1.0,
        inputs=[Port("a", "1"), Port("b", "1")], outputs=Y,
    )  # fmt: skip
    assert plant.step([0.0, 1.0], 0.0) == [3.0]
    for _ in range(300):
        outputs = plant.step([1.0, 1.0], 1.0)
    assert outputs == pytest.approx([10.0 + 5.0 + 3.0])
    assert plant.effects == {("a", "temp_degc"): 1, ("b", "temp_degc"): 1}


def test_a_python_control_system_continuous_or_sampled():
    system = control.tf([2.0], [10.0, 1.0])
    system.input_labels, system.output_labels = ["u"], ["y"]
    reference = response(first_order(), np.ones(20), 0.5)
    plant = LinearPlant.from_lti(system, period_s=0.5)
    assert [port.name for port in (*plant.input_ports, *plant.output_ports)] == ["u", "y"]
    assert response(plant, np.ones(20), 0.5) == pytest.approx(reference, abs=1e-12)
    sampled = LinearPlant.from_lti(control.sample_system(system, 0.5), period_s=0.5, inputs=U, outputs=Y)
    assert response(sampled, np.ones(20), 0.5) == pytest.approx(reference, abs=1e-12)
    assert dict(sampled.effects) == {("valve_percent", "temp_degc"): 1}
    with pytest.raises(LinearModelError, match=r"sampled at 0\.5 s"):
        LinearPlant.from_lti(control.sample_system(system, 0.5), period_s=1.0)


@pytest.mark.parametrize(
    ("numerator", "denominator", "sign"),
    [([2.0], [10.0, 1.0], 1), ([-2.0], [10.0, 1.0], -1), ([3.0], [1.0, 0.0], 1), ([-3.0], [1.0, 1.0, 0.0], -1),
     ([-1.0, 1.0], [4.0, 4.0, 1.0], 1), ([5.0], [1.0], 1),
     # Unstable: 0.5/(60 s - 1) is held by a gain above 2, as 0.5/(60 s + 1) is; one pair of poles turns nothing.
     ([0.5], [60.0, -1.0], 1), ([-0.5], [60.0, -1.0], -1), ([1.0], [1.0, -0.2, 1.0], 1), ([1.0], [1.0, -1.0, 0.0], 1)],
)  # fmt: skip
def test_effects_are_signs_of_the_steady_gain_or_of_an_integrators_slope(numerator, denominator, sign):
    plant = LinearPlant.from_transfer_function(numerator, denominator, period_s=1.0, inputs=U, outputs=Y)
    assert dict(plant.effects) == {("valve_percent", "temp_degc"): sign}


def test_the_sign_for_an_unstable_plant_is_that_of_the_gain_that_holds_it():
    unstable = control.tf([0.5], [60.0, -1.0])
    assert (
        control.feedback(4.0 * unstable).poles().real.max()
        < 0
        < control.feedback(-4.0 * unstable).poles().real.max()
    )
    sampled = LinearPlant.from_lti(control.sample_system(unstable, 1.0), period_s=1.0, inputs=U, outputs=Y)
    assert dict(sampled.effects) == {("valve_percent", "temp_degc"): 1}


def test_of_an_unstable_plant_with_two_inputs_no_sign_is_known():
    plant = LinearPlant.from_state_space(
        [[0.1, 0.0], [0.0, -0.2]], [[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]], 0, period_s=1.0,
        inputs=[Port("a", "1"), Port("b", "1")], outputs=Y,
    )  # fmt: skip
    assert dict(plant.effects) == {}


def test_a_washout_has_no_steady_effect():
    plant = LinearPlant.from_transfer_function([1.0, 0.0], [10.0, 1.0], period_s=1.0, inputs=U, outputs=Y)
    assert dict(plant.effects) == {}


@pytest.mark.parametrize(
    ("numerator", "denominator", "named"),
    [
        ([1.0, 0.0, 0.0], [1.0, 1.0], "improper"),
        ([1.0], [0.0, 0.0], "denominator is zero"),
        ([1.0], [], "denominator"),
        ([math.nan], [1.0, 1.0], "numerator"),
        (["a"], [1.0, 1.0], "numerator"),
    ],
)
def test_a_transfer_function_that_cannot_be_is_refused(numerator, denominator, named):
    with pytest.raises(LinearModelError, match=named):
        LinearPlant.from_transfer_function(numerator, denominator, period_s=1.0, inputs=U, outputs=Y)


@pytest.mark.parametrize(
    ("a", "b", "c", "d", "named"),
    [
        ([[1.0, 2.0]], [[1.0]], [[1.0]], 0.0, "A is 1 x 2"),
        ([[-1.0]], [[1.0], [1.0]], [[1.0]], 0.0, "B is 2 x 1"),
        ([[-1.0]], [[1.0]], [[1.0, 1.0]], 0.0, "C is 1 x 2"),
        ([[-1.0]], [[1.0]], [[1.0]], [[0.0, 0.0]], "D is 1 x 2"),
        ([[math.inf]], [[1.0]], [[1.0]], 0.0, "A has values"),
        ([[-1.0], [1.0, 2.0]], [[1.0]], [[1.0]], 0.0, "A has rows of 1, 2 numbers"),
        ([["x"]], [[1.0]], [[1.0]], 0.0, "A is not a matrix"),
        ([[[1.0]]], [[1.0]], [[1.0]], 0.0, "A has 3 dimensions"),
        ([[-1.0]], [[1.0, 1.0]], [[1.0]], 0.0, "1 inputs .valve_percent. are named, the model has 2"),
    ],
)
def test_matrices_that_do_not_fit_are_refused_by_name(a, b, c, d, named):
    with pytest.raises(LinearModelError, match=named):
        LinearPlant.from_state_space(a, b, c, d, period_s=1.0, inputs=U, outputs=Y)


@pytest.mark.parametrize(
    "options",
    [{"period_s": 0.0}, {"period_s": math.nan}, {"dead_time_s": -1.0}, {"input_levels": [1.0, 2.0]}],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(LinearModelError):
        first_order(**options)


def test_a_number_that_is_none_holds_the_last_and_an_unstable_plant_stays_finite():
    plant = LinearPlant.from_transfer_function([1.0], [1.0, -1.0], period_s=1.0, inputs=U, outputs=Y)
    plant.step([1.0], 1.0)
    for _ in range(2000):
        outputs = plant.step([math.nan], 1.0)
    assert math.isfinite(outputs[0])
    assert plant.rejected_inputs == 2000
    assert plant.limited_steps > 0


def test_a_snapshot_goes_back_to_the_bit():
    plant = first_order(dead_time_s=1.3)
    response(plant, np.arange(10.0), 0.5)
    snapshot = plant.snapshot()
    first = response(plant, np.arange(10.0), 0.7).tolist()
    plant.restore(snapshot)
    assert response(plant, np.arange(10.0), 0.7).tolist() == first


def test_it_has_no_faults():
    assert first_order().faults == ()
    with pytest.raises(PlantSettingError, match="no faults"):
        first_order().set_fault("pump_trip", True)


def test_a_bare_name_is_no_port():
    with pytest.raises(LinearModelError, match=r"'u' is no port: give Port\(name, unit\)"):
        LinearPlant.from_transfer_function(
            [1.0], [1.0, 1.0], period_s=0.1, inputs=["u"], outputs=[Port("y", "1")]
        )
