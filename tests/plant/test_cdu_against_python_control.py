"""The stepped plant, the python-control system and its linear models are one physics."""

import control
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from plant_models import CduPlant, NoEquilibriumError, PlantSettingError, linearize

NAMES_IN = [port.name for port in CduPlant.input_ports]
NAMES_OUT = [port.name for port in CduPlant.output_ports]
POINT = {
    "rack_heat_kw": 1200.0, "fws_supply_temp_degc": 26.8, "fws_differential_pressure_kpa": 150.0,
    "fws_valve_command_percent": 70.0, "tcs_pump_speed_command_percent": 80.0,
}  # fmt: skip


@pytest.fixture
def plant() -> CduPlant:
    made = CduPlant.from_datasheet("deschutes_2mw")
    made.start_at(POINT)
    return made


@pytest.mark.parametrize(
    "change",
    [
        {"rack_heat_kw": 2400.0},
        {"rack_heat_kw": 0.0},
        {"fws_valve_command_percent": 10.0},
        {"tcs_pump_speed_command_percent": 0.0},
        {"tcs_pump_speed_command_percent": 20.0, "fws_valve_command_percent": 100.0, "rack_heat_kw": 500.0},
        {"fws_supply_temp_degc": 45.0, "fws_differential_pressure_kpa": 20.0},
    ],
)
def test_stepping_follows_scipys_integration_of_the_same_equations(plant, change):
    system = plant.to_control()
    u = np.array([{**POINT, **change}[name] for name in NAMES_IN])
    reference = solve_ivp(
        lambda t, x: system.dynamics(t, x, u), (0.0, 60.0), plant.state, method="LSODA", rtol=1e-9, atol=1e-9,
        t_eval=np.arange(1.0, 61.0), max_step=0.5,
    )  # fmt: skip
    for second in range(60):
        outputs = plant.step(u.tolist(), 1.0)
        assert plant.state == pytest.approx(reference.y[:, second], abs=0.01)
    assert outputs[:-1] == pytest.approx(system.output(60.0, np.array(plant.state), u)[:-1], abs=1e-12)


@pytest.mark.parametrize("method", ["LSODA", "Radau"])
def test_a_solver_gets_over_the_standstill_of_a_pump_that_has_tripped(plant, method):
    plant.set_fault("pump_trip", True)
    system, u = plant.to_control(), np.array([POINT[name] for name in NAMES_IN])
    reference = solve_ivp(
        lambda t, x: system.dynamics(t, x, u), (0.0, 60.0), plant.state, method=method, rtol=1e-8, atol=1e-8
    )
    assert reference.success
    assert reference.nfev < 20_000
    for _ in range(60):
        plant.step(u.tolist(), 1.0)
    assert plant.state == pytest.approx(reference.y[:, -1], abs=0.01)
    assert abs(plant.state[-1]) < 1e-6


def test_the_control_system_has_the_plants_names_and_its_faults(plant):
    system = plant.to_control()
    assert isinstance(system, control.NonlinearIOSystem)
    assert system.input_labels == NAMES_IN
    assert system.output_labels == NAMES_OUT
    assert system.state_labels == [port.name for port in plant.state_ports]
    u = np.array(list(POINT.values()))
    assert system.dynamics(0.0, np.array(plant.state), u) == pytest.approx(np.zeros(8), abs=1e-9)
    plant.set_fault("pump_trip", True)
    assert plant.to_control().dynamics(0.0, np.array(plant.state), u)[7] < -10.0
    assert system.dynamics(0.0, np.array(plant.state), u)[7] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "step"),
    [("rack_heat_kw", 12.0), ("fws_supply_temp_degc", 0.2), ("fws_differential_pressure_kpa", 0.5),
     ("fws_valve_command_percent", 0.2), ("tcs_pump_speed_command_percent", 0.2)],
)  # fmt: skip
def test_the_linear_models_step_response_is_the_plants(plant, name, step):
    system = linearize(plant, POINT)
    assert isinstance(system, control.StateSpace)
    assert system.input_labels == NAMES_IN
    assert system.state_labels == [port.name for port in plant.state_ports]
    slot = NAMES_IN.index(name)
    t_s = np.arange(0.0, 301.0)
    u = np.zeros((5, t_s.size))
    u[slot] = step
    linear = np.asarray(control.forced_response(system, t_s, u).outputs)
    inputs = {**POINT, name: POINT[name] + step}
    rest = np.array(plant.step(list(POINT.values()), 0.0))
    moved = np.array([plant.step(list(inputs.values()), 1.0) for _ in t_s[1:]])
    for output in range(13):
        expected = linear[output, 1:]
        largest = float(np.abs(expected).max())
        if largest > 1e-9:
            assert (moved[:, output] - rest[output]) == pytest.approx(expected, abs=0.01 * largest), (
                NAMES_OUT[output]
            )


def test_python_controls_own_linearisation_agrees(plant):
    ours = linearize(plant, POINT)
    theirs = plant.to_control().linearize(np.array(plant.state), np.array(list(POINT.values())))
    for matrix in "ABCD":
        assert getattr(ours, matrix) == pytest.approx(getattr(theirs, matrix), rel=2e-3, abs=2e-4)


@pytest.mark.parametrize("sheet", ["deschutes_2mw", "xdu1350"])
@pytest.mark.parametrize("load", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("valve", [15.0, 50.0, 95.0])
@pytest.mark.parametrize("pump", [25.0, 60.0, 98.0])
def test_the_declared_effects_are_the_signs_of_the_steady_gains(sheet, load, valve, pump):
    plant = CduPlant.from_datasheet(sheet)
    point = {
        "rack_heat_kw": load * plant.parameters.plates,
        "fws_valve_command_percent": valve, "tcs_pump_speed_command_percent": pump,
    }  # fmt: skip
    # Devices that switch off as they get hot turn signs round (warmer water, less heat): as much as keeps all on.
    while not plant.start_at(point) or plant.throttled_heat_kw > 0.0:
        point["rack_heat_kw"] *= 0.7
    gains = linearize(plant, point).dcgain()
    for (source, target), sign in plant.effects.items():
        gain = gains[NAMES_OUT.index(target), NAMES_IN.index(source)]
        assert np.sign(gain) == sign, (source, target, gain)
        assert abs(gain) > 1e-6


@pytest.mark.parametrize(("valve", "beside"), [(100.0, 99.9), (10.0, 10.1)])
def test_on_its_limit_a_command_has_the_slope_away_from_it(plant, valve, beside):
    on_limit = linearize(plant, {"fws_valve_command_percent": valve})
    near = linearize(plant, {"fws_valve_command_percent": beside})
    for matrix in "ABCD":
        assert getattr(on_limit, matrix) == pytest.approx(getattr(near, matrix), rel=0.02, abs=1e-4)


def test_an_operating_point_without_equilibrium_is_refused(plant):
    with pytest.raises(NoEquilibriumError):
        linearize(plant, {"fws_differential_pressure_kpa": 0.0})
    with pytest.raises(PlantSettingError, match="no input"):
        linearize(plant, {"valve": 1.0})


def test_linearising_leaves_the_plant_alone(plant):
    before = plant.snapshot()
    linearize(plant, {"rack_heat_kw": 300.0})
    assert plant.snapshot() == before
