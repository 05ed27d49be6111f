"""A CDU of several racks: against scipy's stiff integrators, python-control, `ht` and the cold plates' table."""

import control
import numpy as np
import pytest
from ht import effectiveness_from_NTU
from scipy.integrate import solve_ivp

from plant_models import Composition, linearize
from plant_models.cold_plate import OCP_1KW_OAM_PG25
from plant_models.components.cdu import cdu
from plant_models.heat_exchanger import effectiveness

RACKS = 3
SHARES = {"rack_flow_shares": [2.0, 1.0, 1.5], "rack_heat_shares": [1.5, 1.0, 1.0]}
POINT = {
    "cdu_rack_1_heat_kw": 700.0, "cdu_rack_2_heat_kw": 500.0, "cdu_rack_3_heat_kw": 400.0,
    "cdu_fws_valve_command_percent": 75.0, "cdu_tcs_pump_1_speed_command_percent": 85.0,
    "cdu_tcs_pump_2_speed_command_percent": 75.0, "cdu_fws_supply_temp_degc": 27.0,
    "cdu_fws_differential_pressure_kpa": 150.0, "cdu_it_supply_ratio": 0.95,  # off its limit
}  # fmt: skip


def built(longest_substep_s=0.25, **settings):
    whole = Composition()
    whole.add("cdu", cdu("deschutes_2mw", pumps=2, racks=RACKS, **SHARES, **settings))
    whole.expose("cdu.fws_supply_temp_degc", "cdu.fws_differential_pressure_kpa", "cdu.it_supply_ratio")
    return whole.build(longest_substep_s=longest_substep_s)


def ordered(plant, **changes):
    values = {**POINT, **changes}
    return {name: values[name] for name in plant.inputs}


@pytest.mark.parametrize("method", ["Radau", "LSODA"])
@pytest.mark.parametrize("longest_substep_s", [0.25, 0.5])
def test_it_follows_scipys_stiff_integration_of_the_same_equations(method, longest_substep_s):
    """A load's edge, pumps that part, a leak; pipes in cells, throttling."""
    plant = built(longest_substep_s, pipe_cells=4, throttle_case_temp_degc=55.0, leak_flow_kg_s=0.1)
    assert plant.start_at(POINT)
    plant.set_fault("cdu_leak", True)
    u = np.array(
        list(ordered(plant, cdu_rack_2_heat_kw=1000.0, cdu_tcs_pump_1_speed_command_percent=50.0).values())
    )
    system = plant.to_control()
    times = np.array([5.0, 20.0, 60.0, 120.0])
    reference = solve_ivp(
        lambda t, x: system.dynamics(t, x, u), (0.0, 120.0), np.array(plant.state), method=method, rtol=1e-9, atol=1e-9,
        t_eval=times, max_step=1.0,
    )  # fmt: skip
    for second in range(1, 121):
        out = plant.step(u.tolist(), 1.0)
        if second in times:
            expected = reference.y[:, list(times).index(second)]
            for port, value, wanted in zip(plant.state_ports, plant.state, expected, strict=True):
                assert value == pytest.approx(wanted, rel=1e-4, abs=1e-6), (second, port.name)
    names = [port.name for port in plant.output_ports]
    assert out[names.index("cdu_throttled_heat_kw")] > 0.0
    assert out[names.index("cdu_lost_coolant_kg")] > 10.0


@pytest.mark.parametrize(
    ("name", "step"),
    [("cdu_rack_2_heat_kw", 5.0), ("cdu_fws_supply_temp_degc", 0.2), ("cdu_fws_valve_command_percent", 0.2),
     ("cdu_tcs_pump_1_speed_command_percent", 0.2), ("cdu_it_supply_ratio", 0.004)],
)  # fmt: skip
def test_step_responses_of_the_linear_model_are_the_plants_within_one_percent(name, step):
    plant = built(pipe_cells=3)
    assert plant.start_at(POINT)
    system = linearize(plant, ordered(plant))
    t_s = np.arange(0.0, 181.0)
    u = np.zeros((len(plant.inputs), t_s.size))
    u[list(plant.inputs).index(name)] = step
    linear = np.asarray(control.forced_response(system, t_s, u).outputs)
    rest = np.array(plant.step(list(plant.inputs.values()), 0.0))
    held = list({**plant.inputs, name: plant.inputs[name] + step}.values())
    stepped = np.array([plant.step(held, 1.0) for _ in t_s[1:]]).T - rest[:, None]
    for port, expected, found in zip(plant.output_ports, linear[:, 1:], stepped, strict=True):
        largest = float(np.abs(expected).max())
        if port.name == "energy_residual_kw" or largest < 1e-7:
            continue
        assert np.abs(found - expected).max() <= 0.01 * largest, port.name


@pytest.mark.parametrize("ratio", [0.05, 0.3, 0.62, 0.9, 0.999, 1.0])
def test_the_exchanger_is_ht_s_counter_flow(ratio):
    for ntu in (0.01, 0.2, 0.9, 2.5, 6.0, 15.0):
        expected = effectiveness_from_NTU(ntu, ratio, subtype="counterflow")
        assert effectiveness(ntu, ratio) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("speed", [60.0, 100.0])
def test_each_rack_has_the_tables_resistance_at_its_own_flow(speed):
    """OCP OAI liquid cooling guideline 2023, case to inlet; between its points a straight line."""
    plant = built()
    pumps = {f"cdu_tcs_pump_{j}_speed_command_percent": speed for j in (1, 2)}
    assert plant.start_at({**POINT, **pumps})
    names = [port.name for port in plant.output_ports]
    out = dict(zip(names, plant.step(list(plant.inputs.values()), 1.0), strict=True))
    heats = [POINT[f"cdu_rack_{i}_heat_kw"] for i in (1, 2, 3)]
    for i in range(RACKS):
        flow = SHARES["rack_flow_shares"][i] / sum(SHARES["rack_flow_shares"])
        plates = 2000.0 * SHARES["rack_heat_shares"][i] / sum(SHARES["rack_heat_shares"])
        l_min = out["cdu_tcs_flow_l_min"] * flow / plates
        expected = np.interp(l_min, OCP_1KW_OAM_PG25.flow_l_min, OCP_1KW_OAM_PG25.resistance_k_w)
        rise = out[f"cdu_rack_{i + 1}_case_temp_degc"] - out["cdu_tcs_supply_temp_degc"]
        assert 0.4 <= l_min <= 2.4
        assert rise / (950.0 * heats[i] / plates) == pytest.approx(expected, rel=1e-6)


def test_the_pressure_is_boyles_and_the_boiling_point_coolprops():
    """Water at the pressures of a loop: Antoine's equation against IAPWS-95."""
    from CoolProp.CoolProp import PropsSI

    from plant_models._jit import plain
    from plant_models.pump import ATMOSPHERE_KPA, boiling_degc

    for gauge in (-90.0, -50.0, 0.0, 100.0, 300.0, 600.0):
        expected = PropsSI("T", "P", 1000.0 * (gauge + ATMOSPHERE_KPA), "Q", 0, "Water") - 273.15
        assert plain(boiling_degc)(gauge, 1.0) == pytest.approx(expected, abs=0.1)
