"""A composition of one CDU is the CDU; with several pumps it obeys their curves."""

import numpy as np
import pytest

from plant_models import CduPlant, Composition
from plant_models.components.cdu import cdu

SHARED = [port.name for port in CduPlant.output_ports if port.name != "energy_residual_kw"]


def composed(pumps: int = 1, **settings):
    whole = Composition()
    whole.add("cdu", cdu("deschutes_2mw", pumps=pumps, **settings))
    whole.expose("cdu.fws_supply_temp_degc", "cdu.fws_differential_pressure_kpa", "cdu.filter_fouling_ratio")
    return whole.build()


def outputs_of(plant, inputs, dt_s):
    names = [port.name for port in plant.output_ports]
    return dict(zip(names, plant.step(inputs, dt_s), strict=True))


@pytest.mark.parametrize("actuators", [{}, {"valve_stroke_time_s": 0.0, "pump_ramp_time_s": 0.0}])
def test_a_composition_of_one_cdu_follows_the_cdu_step_by_step(actuators):
    alone, whole = CduPlant.from_datasheet("deschutes_2mw", **actuators), composed(**actuators)
    random = np.random.default_rng(5)
    inputs = list(alone.inputs.values())
    for second in range(600):
        if second % 30 == 0:
            low, high = np.array([[0.0, 15.0, 0.0, 0.0, 0.0], [2500.0, 40.0, 250.0, 100.0, 100.0]])
            inputs = random.uniform(low, high).tolist()
        if second in (200, 280):
            for plant, prefix in ((alone, ""), (whole, "cdu_")):
                plant.set_fault(f"{prefix}pump_trip", second == 200)
                plant.set_fault(f"{prefix}valve_stuck", second == 200)
        dt_s = (1.0, 0.1, 2.5)[second % 3]
        one, other = outputs_of(alone, inputs, dt_s), outputs_of(whole, [*inputs, 1.0], dt_s)
        assert [other[f"cdu_{name}"] for name in SHARED] == pytest.approx(
            [one[name] for name in SHARED], rel=1e-11, abs=1e-11
        )
        assert abs(other["energy_residual_kw"]) < 1e-6
    assert whole.state[: len(alone.state)] == pytest.approx(alone.state, rel=1e-11, abs=1e-11)


def at(plant, **changes):
    return outputs_of(
        plant, list({**plant.inputs, **{f"cdu_{k}": v for k, v in changes.items()}}.values()), 1.0
    )


def speeds(*percent):
    return {f"tcs_pump_{j + 1}_speed_command_percent": value for j, value in enumerate(percent)}


def run(plant, seconds, **changes):
    for _ in range(seconds):
        outputs = at(plant, **changes)
    return outputs


def test_two_pumps_of_half_the_flow_are_one_pump():
    one = run(composed(), 120, tcs_pump_speed_command_percent=70.0, rack_heat_kw=1000.0)
    two = run(composed(2), 120, **speeds(70.0, 70.0), rack_heat_kw=1000.0)
    for name in ("tcs_flow_kg_s", "pump_power_kw", "rack_differential_pressure_kpa", "tcs_supply_temp_degc"):
        assert two[f"cdu_{name}"] == pytest.approx(one[f"cdu_{name}"], rel=1e-9)
    assert two["cdu_pump_1_flow_kg_s"] == pytest.approx(0.5 * one["cdu_tcs_flow_kg_s"], rel=1e-9)


def test_pumps_at_unequal_speeds_meet_at_one_head_and_the_weak_one_is_shut_off():
    plant = composed(3)
    out = run(plant, 120, **speeds(90.0, 80.0, 40.0), rack_heat_kw=500.0)
    flows = [out[f"cdu_pump_{j}_flow_kg_s"] for j in (1, 2, 3)]
    assert sum(flows) == pytest.approx(out["cdu_tcs_flow_kg_s"], rel=1e-9)
    assert flows[0] > flows[1] > 0.0 == flows[2]
    # Heads from each pump's own curve, h0 n^2 - (h0 - 1)(q/s)^2, must be one, and above the third's shut-off.
    share, shutoff, design = (
        1.0 / 3.0,
        1.25,
        CduPlant.from_datasheet("deschutes_2mw").parameters.tcs_flow_kg_s,
    )
    heads = [
        shutoff * n**2 - (shutoff - 1.0) * (q / design / share) ** 2
        for n, q in zip((0.9, 0.8), flows, strict=False)
    ]
    assert heads[0] == pytest.approx(heads[1], rel=1e-9)
    assert heads[0] > shutoff * 0.4**2


def test_flow_and_power_follow_the_affinity_laws_on_a_quadratic_system():
    """A fouled filter and the racks have other exponents; the limits of 1.76 … 2 bound the departure."""
    plant = composed(2)
    full, half = (run(plant, 90, **speeds(n, n)) for n in (100.0, 50.0))
    ratio = half["cdu_tcs_flow_kg_s"] / full["cdu_tcs_flow_kg_s"]
    assert 0.5 ** (2.0 / 1.76) < ratio < 0.5
    assert half["cdu_pump_power_kw"] / full["cdu_pump_power_kw"] == pytest.approx(0.125, rel=0.06)


def test_one_of_two_pumps_trips_and_its_check_valve_keeps_the_other_from_short_circuiting():
    plant = composed(2)
    before = run(plant, 90, **speeds(80.0, 80.0), rack_heat_kw=1200.0)
    plant.set_fault("cdu_pump_1_trip", True)
    after = run(plant, 60, **speeds(80.0, 80.0), rack_heat_kw=1200.0)
    assert after["cdu_pump_1_flow_kg_s"] == 0.0
    assert after["cdu_pump_1_speed_percent"] < 5.0
    assert after["cdu_pump_2_flow_kg_s"] == pytest.approx(after["cdu_tcs_flow_kg_s"], rel=1e-12)
    # One of two equal pumps alone gives more than half: the system asks less head for less flow.
    assert 0.5 < after["cdu_tcs_flow_kg_s"] / before["cdu_tcs_flow_kg_s"] < 0.95


def test_a_fouled_filter_takes_flow():
    plant = composed()
    flows = [run(plant, 5, filter_fouling_ratio=ratio)["cdu_tcs_flow_kg_s"] for ratio in (1.0, 2.0, 8.0)]
    assert flows[0] > flows[1] > flows[2] > 0.3 * flows[0]
