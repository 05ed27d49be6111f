"""Cooler and chillers in a row under whatever comes: finite, closed, the same again."""

import math

import numpy as np
import pytest

from plant_models import Composition
from plant_models.components.chiller import chiller
from plant_models.components.dry_cooler import dry_cooler

CP = 4179.365


def built():
    whole = Composition()
    whole.add("cooler", dry_cooler("bac_tdfs1238n"))
    whole.add("bank", chiller(1500.0, machines=2, flow_kg_s=126.0, cp_j_kgk=CP, least_on_time_s=60.0))
    whole.wire("cooler.outlet_temp_degc", "bank.inlet_temp_degc")
    whole.share("flow_kg_s", "cooler.flow_kg_s", "bank.flow_kg_s")
    whole.share("air_degc", "cooler.dry_bulb_temp_degc", "bank.condenser_air_temp_degc")
    whole.expose("cooler.wet_bulb_temp_degc", "cooler.pressure_kpa", "cooler.pad_command_percent")
    whole.expose("bank.upstream_conductance_kg_s_kpa05")
    return whole.build()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_comes_outputs_are_finite_and_heat_closes(seed):
    plant = built()
    random = np.random.default_rng(seed)
    low, high = plant.continuous().low, plant.continuous().high
    for k in range(150):
        values = random.uniform(low, high)
        ends = random.random(low.size)
        values = np.where(ends < 0.15, low, np.where(ends > 0.85, high, values))
        # Flows of 100 t/s are in the domain; most steps are at what pumps give.
        values[0] = min(values[0], 300.0) if k % 10 else values[0]
        values[random.integers(low.size)] = random.choice([math.nan, math.inf, 1e9, values[0]])
        plant.set_fault(str(random.choice(plant.faults)), bool(random.random() < 0.5))
        out = plant.step(values.tolist(), float(random.choice([0.0, 0.1, 1.0, 30.0])))
        assert np.isfinite(out).all()
        # Of what the flow carries over 0 °C: rounding.
        assert abs(out[-1]) < 1e-9 * max(1e6, plant.inputs["flow_kg_s"] * CP / 10.0)
    assert plant.rejected_inputs > 0
    assert plant.clamped_inputs > 0


def test_the_same_inputs_give_the_same_to_the_bit():
    trails = []
    for plant in (built(), built()):
        values = [126.0, 40.0, 38.0, 22.0, 101.0, 30.0, 70.0, 45.0, 90.0, 24.0, 100.0]
        trails.append([plant.step(values[: len(plant.input_ports)], 1.0) for _ in range(300)])
    assert trails[0] == trails[1]


def test_a_hot_day_is_taken_by_cooler_and_chillers_together():
    plant = built()
    names = [port.name for port in plant.output_ports]
    day = {
        "flow_kg_s": 126.0,
        "cooler_inlet_temp_degc": 40.0,
        "air_degc": 42.0,
        "cooler_fan_1_speed_command_percent": 100.0,
        "cooler_fan_2_speed_command_percent": 100.0,
        "bank_enable_command_percent": 90.0,
        "bank_supply_setpoint_temp_degc": 36.0,
    }
    for pads, less in ((0.0, 1.0), (90.0, 0.0)):
        plant.start_at(day | {"cooler_pad_command_percent": pads})
        for _ in range(60):
            out = dict(zip(names, plant.step(list(plant.inputs.values()), 60.0), strict=True))
        given = out["cooler_heat_kw"] + out["bank_cooling_kw"]
        assert given == pytest.approx(126.0 * CP / 1000.0 * (40.0 - out["bank_outlet_temp_degc"]), rel=1e-3)
        if less:
            # Air warmer than the water heats it, and the chillers take that too.
            assert out["cooler_heat_kw"] < 0.0 < out["bank_cooling_kw"]
            assert out["bank_outlet_temp_degc"] == pytest.approx(36.0, abs=0.1)
        else:
            assert out["cooler_entering_air_temp_degc"] < 30.0
            assert out["cooler_heat_kw"] > 2000.0
            assert out["bank_machines_running"] == 0.0
