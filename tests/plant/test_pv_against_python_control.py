"""The stepped PV plant, its system in python-control and its linear models are one physics."""

import control
import numpy as np
import pytest

from plant_models import (
    LinearModelError,
    NoEquilibriumError,
    PlantSettingError,
    Port,
    PvPlant,
    PvSettings,
    WanDelay,
    linear_kinks,
    linearize,
    synthetic_year,
)

NOON_S = (172 * 24 + 12) * 3600.0
LIMIT, REACTIVE = "active_power_limit_percent", "reactive_power_command_mvar"
FREQUENCY, VOLTAGE = "grid_frequency_hz", "grid_voltage_pu"
POINT = {LIMIT: 50.0, REACTIVE: 8.0, VOLTAGE: 0.97}
NAMES_IN = [port.name for port in PvPlant.input_ports]
NAMES_OUT = [port.name for port in PvPlant.output_ports]


def at_noon(**inputs) -> PvPlant:
    """A plant of four stations that stands within its limit on a clear day."""
    plant = PvPlant(synthetic_year("tozeur", 1), PvSettings(stations=4), seed=1, start_s=NOON_S)
    plant.start_at({**POINT, **inputs})
    plant.step(list(plant.inputs.values()), 5.0)  # the lag of the reactive power runs from the start
    for _ in range(3):
        plant.step(list(plant.inputs.values()), 20.0)
    return plant


@pytest.fixture
def plant() -> PvPlant:
    return at_noon()


def each_second(plant: PvPlant, inputs: dict[str, float]) -> np.ndarray:
    """Outputs at 1 … 20 s, in steps so short that one lag behind another is followed to 1 %."""  # (n_y, 20)
    values = list(inputs.values())
    return np.array([[plant.step(values, 0.01) for _ in range(100)][-1] for _ in range(20)]).T


def outputs_of(plant: PvPlant) -> dict[str, float]:
    return dict(zip(NAMES_OUT, plant.step(list(plant.inputs.values()), 0.0), strict=True))


def test_the_system_has_the_plants_names_and_outputs_and_rests_where_it_does(plant):
    system = plant.to_control()
    assert isinstance(system, control.NonlinearIOSystem)
    assert system.input_labels == NAMES_IN
    assert system.output_labels == NAMES_OUT
    assert system.state_labels == [port.name for port in plant.state_ports]
    assert "station_4_cell_temp_degc" in system.state_labels
    state, u = np.array(plant.state), np.array(list(plant.inputs.values()))
    assert system.output(0.0, state, u) == pytest.approx(list(outputs_of(plant).values()), rel=1e-9, abs=1e-9)
    rest = plant.steady_state({})
    rates = dict(zip(rest, system.dynamics(0.0, np.array(list(rest.values())), u), strict=True))
    assert rates.pop("exported_energy_mwh") == pytest.approx(outputs_of(plant)["poi_power_mw"] / 3600.0)
    assert list(rates.values()) == pytest.approx([0.0] * len(rates), abs=1e-9)


@pytest.mark.parametrize(
    ("name", "step"), [(LIMIT, 0.05), (LIMIT, -0.05), (REACTIVE, 0.02), (FREQUENCY, 0.1), (VOLTAGE, 0.002)]
)
def test_the_linear_models_step_response_is_the_plants(plant, name, step):
    system = linearize(plant)
    assert (system.input_labels, system.output_labels) == (NAMES_IN, NAMES_OUT)
    assert system.state_labels == [port.name for port in plant.state_ports]
    t_s = np.arange(0.0, 21.0)
    u = np.zeros((len(NAMES_IN), t_s.size))
    u[NAMES_IN.index(name)] = step
    linear = np.asarray(control.forced_response(system, t_s, u).outputs)[:, 1:]
    start, held = plant.snapshot(), plant.inputs
    # The sky goes on under both: what differs is the step's.
    rest = each_second(plant, held)
    plant.restore(start)
    moved = each_second(plant, {**held, name: held[name] + step})
    answered = 0
    for output, expected in zip(NAMES_OUT, linear, strict=True):
        largest = float(np.abs(expected).max())
        if largest > 1e-6:
            answered += 1
            row = NAMES_OUT.index(output)
            assert moved[row] - rest[row] == pytest.approx(expected, abs=0.01 * largest), output
    assert answered >= (1 if name == FREQUENCY else 5)


def test_python_controls_own_linearisation_agrees(plant):
    ours = linearize(plant)
    rest = np.array(list(plant.steady_state({}).values()))
    theirs = control.linearize(plant.to_control(), rest, np.array(list(plant.inputs.values())))
    for matrix in "ABCD":
        assert getattr(ours, matrix) == pytest.approx(getattr(theirs, matrix), rel=2e-3, abs=2e-4), matrix


def test_the_declared_effects_are_the_signs_of_the_steady_gains(plant):
    system = linearize(plant)
    settling = [place for place, name in enumerate(system.state_labels) if name != "exported_energy_mwh"]
    inside = system.A[np.ix_(settling, settling)]
    gains = system.D - system.C[:, settling] @ np.linalg.solve(inside, system.B[settling])
    for (source, target), sign in plant.effects.items():
        gain = gains[NAMES_OUT.index(target), NAMES_IN.index(source)]
        assert np.sign(gain) == sign, (source, target, gain)
        assert abs(gain) > 1e-6
    # 1 % of 60 MW, less 1.5 % series loss at rated power: 2 x 0.015 x P / S of each further MW at half of it.
    gain = gains[NAMES_OUT.index("poi_power_mw"), NAMES_IN.index(LIMIT)]
    assert gain == pytest.approx(0.6 * (1.0 - 2.0 * 0.015 * 30.0 / 60.0 / 0.97**2), rel=2e-3)


def test_where_the_sun_gives_less_than_the_limit_the_limit_moves_nothing():
    system = linearize(at_noon(**{LIMIT: 100.0}))
    column = NAMES_IN.index(LIMIT)
    others = [row for row, name in enumerate(NAMES_OUT) if name != "limit_in_force_percent"]
    assert np.abs(system.B[:, column]).max() == 0.0
    assert np.abs(system.D[others, column]).max() == 0.0
    # Then warmer cells cost power: -0.35 %/K of what there is at 25 °C, here of 13.9 MW a station and less.
    row = system.state_labels.index("station_1_power_mw")
    cell = system.state_labels.index("station_1_cell_temp_degc")
    per_k = -system.A[row, cell] / system.A[row, row]
    assert -0.0045 < per_k / at_noon(**{LIMIT: 100.0}).station_power_mw[0] < -0.003


def test_on_its_current_limit_the_slope_is_told_to_be_one_of_two():
    plant = at_noon(**{LIMIT: 100.0, REACTIVE: 26.4, VOLTAGE: 0.9})
    assert any(cause == REACTIVE or "power" in cause for _, cause in linear_kinks(plant, {REACTIVE: 26.4}))


def test_commands_and_faults_along_the_way_are_those_of_the_stepped_plant(plant):
    """A limit halved, reactive power reversed, one station lost: LSODA on the same equations."""
    plant.set_fault("station_2_trip", True)
    plant.step(list(plant.inputs.values()), 1.0)
    system = plant.to_control()
    u = np.array(list({**plant.inputs, LIMIT: 25.0, REACTIVE: -10.0}.values()))
    t_s = np.arange(0.0, 41.0)
    response = control.input_output_response(
        system, t_s, np.tile(u[:, None], (1, t_s.size)), list(plant.state), solve_ivp_method="LSODA",
        solve_ivp_kwargs={"rtol": 1e-7, "atol": 1e-7},
    )  # fmt: skip
    for second in range(1, 41):
        values = plant.step(u.tolist(), 1.0)
        theirs = dict(zip(NAMES_OUT, response.outputs[:, second], strict=True))
        told = dict(zip(NAMES_OUT, values, strict=True))
        assert told["poi_power_mw"] == pytest.approx(theirs["poi_power_mw"], abs=0.02)
        assert told["poi_reactive_power_mvar"] == pytest.approx(theirs["poi_reactive_power_mvar"], abs=0.02)
        assert told["stations_tripped"] == theirs["stations_tripped"] == 1.0
    assert told["poi_power_mw"] < 0.3 * 60.0


def test_what_has_no_equations_of_one_moment_is_refused_by_name():
    plant = at_noon()
    with pytest.raises(PlantSettingError, match="no input 'limit'"):
        linearize(plant, {"limit": 1.0})
    with pytest.raises(
        NoEquilibriumError, match=r"stations trip: grid_frequency_hz would be 53, outside 47\.5"
    ):
        linearize(plant, {FREQUENCY: 53.0})
    with pytest.raises(NoEquilibriumError, match="poi_voltage_pu"):
        linearize(plant, {VOLTAGE: 0.5})
    settings = PvSettings(stations=4, reversion_time_s=10.0, reversion_limit_percent=80.0)
    reverting = PvPlant(synthetic_year("tozeur", 1), settings, seed=1, start_s=NOON_S)
    for _ in range(20):
        reverting.step([50.0, 0.0, 0.0, 50.0, 1.0], 1.0)
    with pytest.raises(PlantSettingError, match="has reverted to 80"):
        reverting.to_control()
    reverting.step([60.0, 0.0, 0.0, 50.0, 1.0], 1.0)
    assert linearize(reverting).nstates == len(reverting.state_ports)


@pytest.mark.parametrize("fault", ["poi_breaker_open", "poi_meter_lost"])
def test_a_fault_switched_now_is_in_the_equations(plant, fault):
    plant.set_fault(fault, True)
    before = plant.snapshot()
    system = linearize(plant)
    assert plant.snapshot() == before
    gain = np.abs(system.B[:, NAMES_IN.index(LIMIT)]).max()
    metered = system.A[system.state_labels.index("metered_power_mw")]
    assert (gain == 0.0) == (fault == "poi_breaker_open")
    assert (np.abs(metered).max() == 0.0) == (fault == "poi_meter_lost")


def test_at_night_nothing_moves_and_everything_is_finite():
    plant = PvPlant(synthetic_year("tozeur", 1), PvSettings(stations=2), seed=1)
    system = linearize(plant)
    assert all(np.isfinite(matrix).all() for matrix in (system.A, system.B, system.C, system.D))
    assert np.abs(system.B[:, [NAMES_IN.index(LIMIT), NAMES_IN.index(REACTIVE)]]).max() == 0.0


def link(delay_s: float, jitter_s: float = 0.0) -> WanDelay:
    channels = [Port("limit_percent", "%"), Port("power_mw", "MW")]
    return WanDelay(channels, period_s=0.1, delay_s=delay_s, jitter_s=jitter_s)


def test_a_link_is_pades_approximation_of_its_delay():
    system = link(0.4, jitter_s=0.1).to_control(pade_order=4)
    assert system.input_labels == ["limit_percent", "power_mw"]
    assert system.output_labels == ["received_limit_percent", "received_power_mw", "wan_age_s"]
    assert system.state_labels[4:] == [f"power_mw_pade_{n}" for n in range(1, 5)]
    for omega in (0.1, 2.0, 8.0):
        answer = system(1j * omega)
        assert answer[0, 0] == pytest.approx(np.exp(-0.5j * omega), abs=0.01)
        assert answer[1, 1] == pytest.approx(answer[0, 0], abs=1e-12)
        assert abs(answer[0, 1]) == abs(answer[2, 0]) == 0.0


def test_a_link_without_delay_is_a_wire_and_one_with_it_needs_an_order():
    assert link(0.0).to_control().D.tolist() == [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    with pytest.raises(LinearModelError, match=r"a delay of 0\.4 s has no state-space form: give pade_order"):
        link(0.4).to_control()
    with pytest.raises(LinearModelError, match="pade_order is 0"):
        link(0.4).to_control(pade_order=0)
