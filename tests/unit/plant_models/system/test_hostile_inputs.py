"""Every kind of component alone under whatever comes: finite, bounded by what physics bounds it with, heat closed."""

import math

import numpy as np
import pytest

from plant_models import CduPlant, Composition, SystemPlant
from plant_models._jit import plain
from plant_models.catalogue import kinds, make
from plant_models.components.cdu import cdu
from plant_models.components.header import HeaderSettings, header, in_series

NOT_NUMBERS = (math.nan, math.inf, -math.inf)
ODD = (*NOT_NUMBERS, 0.0, -1.0, 1e308, -1e308, 1e-320)
PERIODS_S = (0.0, 0.01, 1.0, 60.0)
SEVERAL = {
    "cdu": {"pumps": 2, "racks": 2},
    "chiller": {"machines": 2},
    "dry_cooler": {"count": 2},
    "power_chain": {"it_feeds": 2},
}


def alone(kind: str) -> SystemPlant:
    whole = Composition()
    whole.add("x", make(kind, {**kinds()[kind].example, **SEVERAL.get(kind, {})}))
    whole.expose(*(name for name, port in whole.free_inputs.items() if port.optional))
    return whole.build()


def hostile(random: np.random.Generator, low: np.ndarray, high: np.ndarray, now: np.ndarray) -> list[float]:
    """Inputs anywhere in their domain, at its ends, beside them, or no numbers at all."""
    drawn = random.uniform(low, high)
    drawn = np.where(random.random(low.size) < 0.3, np.where(random.random(low.size) < 0.5, low, high), drawn)
    drawn = np.where(random.random(low.size) < 0.4, now, drawn)
    return np.where(random.random(low.size) < 0.15, random.choice(ODD, low.size), drawn).tolist()


@pytest.mark.parametrize("kind", kinds())
def test_any_component_stays_finite_and_closes_its_heat(kind: str) -> None:
    plant = alone(kind)
    # A flow of 100 t/s turns a pipe's cells over a thousand times a second: in the domain, and slow to integrate.
    low, high = plant.continuous().low, plant.continuous().high.clip(max=1e4)
    random, largest = np.random.default_rng(5), np.full(len(plant.output_ports), -math.inf)
    start = plant.snapshot()
    for step in range(120):
        if step % 15 == 0:
            plant.restore(start)
        for fault in plant.faults:
            plant.set_fault(fault, bool(step % 30 == 7 or random.random() < 0.1))
        inputs = hostile(random, low, high, np.array([*plant.inputs.values()]))
        out = np.array(plant.step(inputs, float(random.choice(PERIODS_S))))
        assert np.isfinite(out).all(), (kind, step, inputs)
        assert abs(out[-1]) < 1e-3, (kind, step, inputs)
        assert all(math.isfinite(value) for value in plant.state)
        largest = np.maximum(largest, out)
    hottest = {
        port.name: value
        for port, value in zip(plant.output_ports, largest, strict=True)
        if port.unit == "degC"
    }
    assert all(value <= 500.0 for value in hottest.values()), hottest


def test_values_that_are_no_numbers_are_counted_and_the_last_good_one_holds() -> None:
    plant = alone("pipe")
    before = plant.inputs
    plant.step([math.nan] * len(plant.input_ports), 1.0)
    assert plant.inputs == before
    assert plant.rejected_inputs == len(plant.input_ports)
    plant.step([1e308] * len(plant.input_ports), 0.0)
    assert plant.clamped_inputs == len(plant.input_ports)


LONG_S = 28_800.0


@pytest.mark.parametrize(
    ("change", "least_degc", "most_degc"),
    [
        ({"tcs_pump_speed_command_percent": 0.0}, 110.0, 121.0),
        ({"fws_valve_command_percent": 0.0}, 110.0, 137.0),
        ({"rack_heat_kw": 20_000.0, "fws_differential_pressure_kpa": 0.0}, 110.0, 137.0),
        ({"fws_supply_temp_degc": 120.0}, 120.0, 121.0),
        ({"fws_supply_temp_degc": -20.0, "rack_heat_kw": 0.0}, -20.0, -15.0),
    ],
)  # fmt: skip
def test_hours_without_cooling_end_at_the_devices_limit_or_where_the_pump_boils(
    change: dict[str, float], least_degc: float, most_degc: float
) -> None:
    plant = CduPlant.from_datasheet("deschutes_2mw")
    out = plant.step([*{**plant.inputs, **change}.values()], LONG_S)
    case = out[[port.name for port in plant.output_ports].index("cold_plate_case_temp_degc")]
    assert least_degc < case < most_degc
    assert abs(out[-1]) < 1e-6
    if case > 120.0:
        assert plant.throttled_heat_kw == plant.inputs["rack_heat_kw"]


def test_a_hot_start_recovers_once_there_is_cooling_again() -> None:
    plant = CduPlant.from_datasheet("deschutes_2mw")
    good = plant.inputs
    before = plant.step([*good.values()], 0.0)
    plant.step([*{**good, "fws_valve_command_percent": 0.0}.values()], LONG_S)
    assert plant.throttled_heat_kw > 0.0
    after = plant.step([*good.values()], 7200.0)
    assert after[:-1] == pytest.approx(before[:-1], rel=1e-6)


@pytest.mark.parametrize("first", [1e-320, 1e-170, 1e-9, 1.0, 1e6])
@pytest.mark.parametrize("second", [1e-320, 1e-170, 1e-9, 1.0, 1e6])
def test_conductances_in_series_are_less_than_either_and_never_nothing_by_nothing(
    first: float, second: float
) -> None:
    both = plain(in_series)(first, second)
    least, most = sorted((first, second))
    assert both == pytest.approx(least / math.hypot(1.0, least / most), rel=1e-12)
    assert 0.0 < both <= least
    assert plain(in_series)(first, 0.0) == 0.0


def closed_loop() -> SystemPlant:
    """One CDU on a header whose pump may run against closed valves."""
    unit = cdu("deschutes_2mw")
    whole = Composition()
    whole.add("cdu", unit)
    figures = HeaderSettings(flow_kg_s=32.3, head_kpa=250.0, duty_pumps=1)
    cp = unit.heat_capacity_j_kgk["fws_return_temp_degc"]
    whole.add("fws", header(1, pumps=1, settings=figures, cp_j_kgk=cp))
    whole.wire("cdu.fws_conductance_kg_s_kpa05", "fws.branch_1_conductance_kg_s_kpa05")
    whole.wire("fws.branch_1_differential_pressure_kpa", "cdu.fws_differential_pressure_kpa")
    whole.wire("fws.supply_temp_degc", "cdu.fws_supply_temp_degc")
    whole.wire("cdu.fws_return_temp_degc", "fws.branch_1_return_temp_degc")
    whole.expose("fws.branch_1_valve_command_percent")
    return whole.build()


def test_a_cdu_behind_two_closed_valves_heats_its_header_to_boiling_at_most_and_comes_back() -> None:
    plant = closed_loop()
    good = plant.inputs
    names = [port.name for port in plant.output_ports]
    shut = {**good, "cdu_fws_valve_command_percent": 0.0, "fws_branch_1_valve_command_percent": 0.0}
    hot = [dict(zip(names, plant.step([*shut.values()], 3600.0), strict=True)) for _ in range(8)]
    assert all(math.isfinite(value) for out in hot for value in out.values())
    # Water at 300 kPa over the atmosphere's boils at 143.7 °C.
    assert 130.0 < hot[-1]["fws_supply_temp_degc"] < 143.75
    assert hot[-1]["fws_pump_power_kw"] < 0.2 * hot[0]["fws_pump_power_kw"]
    # The loop's relief valve opens at 600 kPa: PG25 boils at 168 °C there, and the margin to it is used up.
    assert 160.0 < hot[-1]["cdu_cold_plate_case_temp_degc"] < 169.0
    assert 0.0 <= hot[-1]["cdu_coolant_margin_k"] < 0.1
    assert abs(hot[-1]["energy_residual_kw"]) < 1e-6
    cold = dict(zip(names, plant.step([*good.values()], 3600.0), strict=True))
    assert cold["fws_flow_kg_s"] > 20.0
    assert cold["cdu_tcs_supply_temp_degc"] < 40.0
