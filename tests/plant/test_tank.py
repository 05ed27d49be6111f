"""Stratified tanks: where they settle, their linear models, and what buoyancy leaves of an inversion."""

from itertools import pairwise
from pathlib import Path

import control
import numpy as np
import pytest
from ruamel.yaml import YAML

from plant_models import Composition, SystemPlant, linear_kinks, linearize
from plant_models.components.cdu import cdu
from plant_models.components.dry_cooler import dry_cooler
from plant_models.components.header import HeaderSettings, header
from plant_models.components.tank import tank
from plant_models.system.plan import Plan, compose

WATER = {"density_kg_m3": 995.0, "cp_j_kgk": 4180.0}
LOAD, LOAD_RETURN = "tank_load_flow_kg_s", "tank_load_return_temp_degc"
SOURCE, SOURCE_RETURN = "tank_source_flow_kg_s", "tank_source_return_temp_degc"
POINT = {LOAD: 33.0, LOAD_RETURN: 50.0, SOURCE: 32.0, SOURCE_RETURN: 30.0}
FANS, COOLER_FLOW = "fans_percent", "cooler_flow_kg_s"


@pytest.fixture(scope="module")
def alone() -> SystemPlant:
    whole = Composition()
    whole.add("tank", tank(20_000.0, flow_kg_s=33.0, temp_degc=40.0, **WATER))
    return whole.build()


@pytest.fixture(scope="module")
def site() -> SystemPlant:
    """Two CDUs, a tank between their header and the cooler's own loop."""
    units = [cdu("deschutes_2mw", pumps=2, initial_rack_heat_kw=600.0 + 100.0 * i) for i in (1, 2)]
    cp = units[0].heat_capacity_j_kgk["fws_return_temp_degc"]
    whole = Composition()
    settings = HeaderSettings(flow_kg_s=64.6, head_kpa=320.0)
    whole.add("fws", header(2, pumps=2, settings=settings, cp_j_kgk=cp))
    for i, unit in enumerate(units, start=1):
        whole.add(f"cdu_{i}", unit)
        whole.wire(f"cdu_{i}.fws_conductance_kg_s_kpa05", f"fws.branch_{i}_conductance_kg_s_kpa05")
        whole.wire(f"fws.branch_{i}_differential_pressure_kpa", f"cdu_{i}.fws_differential_pressure_kpa")
        whole.wire("fws.supply_temp_degc", f"cdu_{i}.fws_supply_temp_degc")
        whole.wire(f"cdu_{i}.fws_return_temp_degc", f"fws.branch_{i}_return_temp_degc")
    whole.share("pumps_percent", *(f"fws.pump_{j}_speed_command_percent" for j in (1, 2)))
    whole.add("tank", tank(20_000.0, flow_kg_s=64.6, density_kg_m3=995.0, cp_j_kgk=cp, temp_degc=35.0))
    whole.add("cooler", dry_cooler("bac_tdfs1238n", cp_j_kgk=cp))
    whole.wire("fws.flow_kg_s", "tank.load_flow_kg_s")
    whole.wire("fws.return_temp_degc", "tank.load_return_temp_degc")
    whole.wire("tank.bottom_temp_degc", "fws.source_supply_temp_degc")
    whole.wire("tank.top_temp_degc", "cooler.inlet_temp_degc")
    whole.wire("cooler.outlet_temp_degc", "tank.source_return_temp_degc")
    whole.share(COOLER_FLOW, "cooler.flow_kg_s", "tank.source_flow_kg_s")
    whole.share(FANS, "cooler.fan_1_speed_command_percent", "cooler.fan_2_speed_command_percent")
    return whole.build()


def moved(plant: SystemPlant, seconds: int, **inputs: float) -> np.ndarray:
    """How far the states have come in that time."""
    start = plant.snapshot()
    before = np.array(plant.state)
    held = list({**plant.inputs, **inputs}.values())
    for _ in range(seconds):
        plant.step(held, 1.0)
    after = np.array(plant.state)
    plant.restore(start)
    return after - before


def linear(system: control.StateSpace, seconds: int, name: str, step: float) -> np.ndarray:
    inputs = np.zeros((system.ninputs, seconds + 1))
    inputs[system.input_labels.index(name)] = step
    return np.asarray(control.forced_response(system, np.arange(seconds + 1.0), inputs).states)[:, -1]


@pytest.mark.parametrize(
    ("name", "step"), [(LOAD_RETURN, 1.0), (SOURCE_RETURN, 1.0), (SOURCE_RETURN, -1.0), (LOAD, 0.01)]
)
def test_the_linear_model_is_the_tank_where_no_layer_is_turned_over(alone, name, step):
    assert alone.start_at(POINT)
    system = linearize(alone, POINT)
    for seconds in (300, 600, 1200):
        expected = moved(alone, seconds, **{name: POINT[name] + step})
        assert linear(system, seconds, name, step) == pytest.approx(expected, abs=0.01 * abs(expected).max())


def test_where_a_rise_and_a_fall_differ_it_is_told(alone):
    """A colder return sinks through layers that are equal at rest; no linear model has that and the warmer one."""
    assert alone.start_at(POINT)
    fall, rise = (moved(alone, 300, **{LOAD_RETURN: 50.0 + step}) for step in (-1.0, 1.0))
    assert np.abs(fall + rise).max() > 0.3
    kinks = linear_kinks(alone, POINT)
    assert ("tank_layer_1_temp_degc", "tank_layer_2_temp_degc") in kinks
    assert ("tank_layer_7_temp_degc", "tank_layer_8_temp_degc") not in kinks


def test_inversions_mix_to_rest_and_no_heat_is_lost(alone):
    assert alone.start_at({**POINT, LOAD: 32.0})
    first = moved(alone, 1, **{SOURCE_RETURN: 60.0})
    alone.step([0.0, 50.0, 33.0, 60.0], 600.0)
    held = alone.stored_j()
    for _ in range(60):
        residual_kw = alone.step([0.0, 50.0, 0.0, 60.0], 60.0)[-1]
        assert abs(residual_kw) < 1e-3
    assert first[-1] > 0.0
    assert alone.stored_j() == pytest.approx(held, rel=1e-12)
    assert all(below <= above + 0.1 for above, below in pairwise(alone.state))


@pytest.mark.parametrize(
    "other",
    [
        {LOAD: 32.0, SOURCE: 33.0, LOAD_RETURN: 49.0},
        {LOAD: 33.0, SOURCE: 33.0, LOAD_RETURN: 49.0},
        {LOAD_RETURN: 20.0},
        {LOAD_RETURN: 30.0},
    ],
)
def test_beside_an_equilibrium_the_next_is_found(alone, other):
    """Where layers turn over or level out too."""
    for point in (POINT, {**POINT, **other}):
        assert alone.start_at(point)
        assert np.abs(moved(alone, 3600)).max() < 1e-4


def test_a_site_with_a_tank_settles_at_every_fan_speed_and_linearises(site):
    point = {"cooler_dry_bulb_temp_degc": 20.0, COOLER_FLOW: 70.0}
    for speed in (70.0, 70.5, 71.0, 75.0, 90.0, 40.0):
        assert site.start_at({**point, FANS: speed})
    assert site.start_at({**point, FANS: 70.0})
    system = linearize(site)
    for step in (0.5, -0.5):
        supply = [port.name for port in site.state_ports].index("tank_layer_8_temp_degc")
        expected = moved(site, 300, **{FANS: 70.0 + step})[supply]
        assert linear(system, 300, FANS, step)[supply] == pytest.approx(expected, rel=0.01)


def test_the_readmes_unequal_coolers_share_flow_and_mix_as_told():
    readme = (Path(__file__).parents[2] / "plant_models" / "README.md").read_text(encoding="utf-8")
    told = YAML(typ="safe").load(readme.split("**Unequal coolers")[1].split("```yaml")[1].split("```")[0])
    refused: list[str] = []
    whole = compose(Plan(**told), lambda where, what, hint: refused.append(f"{where} {what} {hint}"))
    assert whole is not None, refused
    plant = whole.build()
    point = {"store_load_flow_kg_s": 150.0, "store_load_return_temp_degc": 40.0, "dry_bulb_temp_degc": 25.0}
    assert plant.start_at({**point, "large_fan_1_speed_command_percent": 90.0})
    held = list(plant.inputs.values())
    out = dict(zip([port.name for port in plant.output_ports], plant.step(held, 1.0), strict=True))
    flows = [out[f"coolers_branch_{i}_flow_kg_s"] for i in (1, 2)]
    outlets = [out[f"{name}_outlet_temp_degc"] for name in ("large", "small")]
    assert sum(flows) == pytest.approx(out["coolers_flow_kg_s"], rel=1e-9)
    assert flows[0] > 1.3 * flows[1]
    assert out["coolers_return_temp_degc"] == pytest.approx(np.average(outlets, weights=flows), abs=1e-3)
    taken_kw = out["large_heat_kw"] + out["small_heat_kw"] - out["coolers_pump_power_kw"] * 0.9
    brought_kw = 150.0 * 4.18 * (40.0 - out["store_bottom_temp_degc"])
    assert taken_kw == pytest.approx(brought_kw, rel=2e-3)
