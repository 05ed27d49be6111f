"""The power chain against pvlib's transformer, datasheet points, Peukert's closed form and integration by hand."""

import math

import numpy as np
import pytest
from pvlib.transformer import simple_efficiency

from plant_models import Composition
from plant_models.components.power_chain import battery_kwh, power_chain
from plant_models.components.power_losses import ups_curve
from plant_models.components.power_settings import PowerSettings
from plant_models.components.site_meter import site_meter
from plant_models.workload import AiWorkload

LOADS = (0.05, 0.25, 0.5, 0.75, 1.0)


def chain(**figures):
    made = Composition()
    made.add("power", power_chain(settings=PowerSettings(**figures)))
    return made.build()


def stepped(plant, dt_s=1.0, **inputs):
    out = plant.step(list({**plant.inputs, **inputs}.values()), dt_s)
    return dict(zip((port.name for port in plant.output_ports), out, strict=True))


def test_transformer_is_that_of_pvlib():
    plant = chain(ups_kw=1000.0, transformer_kva=2500.0, power_factor=1.0)
    for load in LOADS:
        # All of it straight from the main board: what the transformer gives is known beforehand but for the idle UPS.
        out = stepped(plant, power_mechanical_power_1_kw=2500.0 * load)
        given = simple_efficiency(out["power_facility_power_kw"], 0.00063, 0.0074, 2500.0)
        assert given == pytest.approx(2500.0 * load + 10.0, rel=1e-12)


def test_ups_goes_through_its_efficiencies():
    points = {0.25: 0.950, 0.5: 0.9635, 0.75: 0.965, 1.0: 0.963}
    constant, linear, quadratic = ups_curve(points)
    plant = chain(
        ups_kw=1000.0, transformer_kva=1600.0, distribution_loss=0.0,
        ups_constant_loss=constant, ups_linear_loss=linear, ups_quadratic_loss=quadratic,
    )  # fmt: skip
    for load, efficiency in points.items():
        out = stepped(plant, power_it_power_1_kw=1000.0 * load)
        found = 1000.0 * load / (1000.0 * load + out["power_ups_loss_kw"])
        assert found == pytest.approx(efficiency, abs=5e-4)


@pytest.mark.parametrize(("load", "exponent"), [(1.0, 1.0), (1.0, 1.25), (0.5, 1.25), (0.3, 1.05)])
def test_battery_lasts_as_long_as_peukert_says(load, exponent):
    figures = PowerSettings(ups_kw=1000.0, transformer_kva=1600.0, peukert_exponent=exponent, battery_minutes=2.0,
                            distribution_loss=0.0)  # fmt: skip
    made = Composition()
    made.add("power", power_chain(settings=figures))
    plant = made.build()
    first = stepped(plant, power_it_power_1_kw=1000.0 * load)
    plant.set_fault("power_grid_outage", True)
    seconds = 0.0
    while stepped(plant, 0.25, power_it_power_1_kw=1000.0 * load)["power_it_supply_ratio"] == 1.0:
        seconds += 0.25
    loss = 0.01 + 0.0075 * load + 0.0205 * load**2
    drawn = 1000.0 * (load + 0.5 * loss) / 0.96
    energy = battery_kwh(figures)
    expected = 60.0 * (energy / drawn) ** exponent  # hours, rated over 1 h: t = 1 h (P_1h / P)^k
    assert seconds / 60.0 == pytest.approx(expected, abs=0.02)
    assert first["power_battery_minutes"] == pytest.approx(expected, rel=1e-9)
    if load == 1.0:
        assert expected == pytest.approx(2.0, rel=1e-9)


def test_pue_and_wue_since_the_start_are_those_of_integration_by_hand():
    made = Composition()
    made.add("power", power_chain(settings=PowerSettings(ups_kw=2500.0, transformer_kva=3150.0)))
    made.add("meter", site_meter())
    made.wire("power.it_metered_power_kw", "meter.it_power_kw")
    made.wire("power.facility_power_kw", "meter.facility_power_kw")
    made.expose("meter.water_use_kg_s")
    plant = made.build()
    load = AiWorkload(seed=4, racks=14, rack_power=132.0, swing=(55.0, 95.0), duration_s=7200.0)
    it, facility, water, water_now = [], [], [], 0.0
    for second in range(7200):
        it_kw = load.mean(second, second + 1.0)
        water_now = 0.2 + 0.1 * math.sin(second / 500.0)
        out = stepped(plant, power_it_power_1_kw=it_kw, power_mechanical_power_1_kw=100.0 + 0.05 * it_kw,
                      meter_water_use_kg_s=water_now)  # fmt: skip
        it.append(it_kw)
        water.append(water_now)
        behind = it_kw + 0.01 * it_kw**2 / 2500.0
        board = behind + 2500.0 * np.polyval([0.0205, 0.0075, 0.01], behind / 2500.0) + 100.0 + 0.05 * it_kw
        facility.append(board + 3150.0 * (0.00063 + 0.0074 * (board / 0.98 / 3150.0) ** 2))
    assert out["meter_it_energy_kwh"] == pytest.approx(np.sum(it) / 3600.0, rel=1e-9)
    assert out["meter_pue_since_start"] == pytest.approx(np.sum(facility) / np.sum(it), rel=1e-9)
    assert out["meter_wue_since_start_l_kwh"] == pytest.approx(3600.0 * np.sum(water) / np.sum(it), rel=1e-9)
    assert out["meter_wue_l_kwh"] == pytest.approx(3600.0 * water_now / it[-1], rel=1e-9)
