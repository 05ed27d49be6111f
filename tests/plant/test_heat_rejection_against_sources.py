"""Dry coolers and chillers against sources that are not this project.

BAC's sheet through LBNL's record; the ``ht`` package's cross-flow relations; the fans' affinity laws; CoolProp's
moist air; Carnot; the least efficiencies of ASHRAE 90.1-2019, table 6.8.1-3, for air-cooled chillers.
"""

import numpy as np
import pytest
from CoolProp.HumidAirProp import HAPropsSI
from ht import effectiveness_from_NTU

from plant_models import Composition
from plant_models._jit import plain
from plant_models.components import moist_air
from plant_models.components.chiller import capacity_w, chiller, machine_power_w
from plant_models.components.dry_cooler import dry_cooler
from plant_models.cross_flow import cross_flow_effectiveness, cross_flow_ntu

BAC = {"flow_kw": 2931.0, "in_degc": 46.11, "out_degc": 40.55, "air_degc": 35.0, "fan_kw": 117.7}
FANS = ("cooler_fan_1_speed_command_percent", "cooler_fan_2_speed_command_percent")


def stepped(plant, dt_s=1.0, **inputs):
    names = [port.name for port in plant.output_ports]
    return dict(zip(names, plant.step(list({**plant.inputs, **inputs}.values()), dt_s), strict=True))


@pytest.fixture(scope="module")
def cooler():
    whole = Composition()
    whole.add("cooler", dry_cooler("bac_tdfs1238n"))
    whole.expose("cooler.wet_bulb_temp_degc", "cooler.pressure_kpa", "cooler.pad_command_percent")
    plant = whole.build()
    at_design = {
        "cooler_inlet_temp_degc": 46.11,
        "cooler_dry_bulb_temp_degc": 35.0,
        **dict.fromkeys(FANS, 100.0),
    }
    assert plant.start_at(at_design)
    return plant


@pytest.fixture
def design(cooler):
    kept = cooler.snapshot()
    yield cooler
    cooler.restore(kept)


def test_bac_sheet_at_its_design_point(design):
    out = stepped(design, 0.0)
    assert round(out["cooler_outlet_temp_degc"], 2) == 40.55
    assert round(out["cooler_heat_kw"]) == 2931
    assert round(out["cooler_fan_power_kw"], 1) == 117.7
    # Water of CoolProp at the mean temperature carries that heat over 5.56 K.
    assert design.inputs["cooler_flow_kg_s"] == pytest.approx(2.931e6 / 4179.365 / 5.56, rel=1e-6)


def test_cross_flow_is_the_ht_packages_relation():
    ours = plain(cross_flow_effectiveness)
    off_exact = 0.0
    for ntu in (0.01, 0.1, 0.3, 1.0, 2.0, 4.0, 7.0, 10.0):
        for ratio in (0.05, 0.25, 0.5, 0.75, 1.0):
            same = effectiveness_from_NTU(ntu, ratio, subtype="crossflow approximate")
            exact = effectiveness_from_NTU(ntu, ratio, subtype="crossflow")
            assert ours(ntu, ratio) == pytest.approx(same, abs=1e-13)
            off_exact = max(off_exact, abs(ours(ntu, ratio) - exact))
            if same < ours(29.9, ratio):
                assert cross_flow_ntu(same, ratio) == pytest.approx(ntu, rel=1e-9)
        assert ours(ntu, 0.0) == pytest.approx(effectiveness_from_NTU(ntu, 1e-9, subtype="boiler"), abs=1e-9)
    assert 1e-4 < off_exact < 0.02


def test_fans_follow_the_affinity_laws(design):
    """Flow ~ n, power ~ n^3, on top of the drive's 3 %: what is left of the air's warming says the flow."""
    for percent in (30.0, 60.0, 90.0):
        design.start_at(dict.fromkeys(FANS, percent))
        out = stepped(design, 0.0)
        n = percent / 100.0
        assert out["cooler_fan_power_kw"] == pytest.approx(117.7 * (0.97 * n**3 + 0.03 * n), rel=1e-9)
        ua_ratio = 3.0 / (1.0 + 2.0 * n**-0.8)
        ntu = cross_flow_ntu(0.5005, 1.0) * ua_ratio / n  # 5.56 K of 11.11 K at equal capacity rates
        share = effectiveness_from_NTU(ntu, n, subtype="crossflow approximate") * n
        assert out["cooler_heat_kw"] == pytest.approx(2931.0 * share / (5.56 / 11.11), rel=1e-3)


def test_water_taken_up_by_pads_is_coolprops():
    worst = 0.0
    for dry in (15.0, 30.0, 45.0):
        for humidity in (0.08, 0.3, 0.6, 0.9):
            for kpa in (90.0, 101.325):
                air = ("T", dry + 273.15, "P", 1000.0 * kpa)
                wet = HAPropsSI("B", *air, "R", humidity) - 273.15
                if wet < 2.0:
                    continue
                cooled = moist_air.after_pads_degc(dry, wet, 0.85, 1.0)
                before = HAPropsSI("W", *air, "R", humidity)
                after = HAPropsSI("W", "T", cooled + 273.15, "P", 1000.0 * kpa, "B", wet + 273.15)
                ours = moist_air.water_taken_up(dry, wet, cooled, kpa)
                worst = max(worst, abs(ours / (after - before) - 1.0))
    assert worst < 0.01


def test_heat_closes_over_hours_of_changing_weather(design):
    """Heat from the coolant goes to the air or stays in the coil, by what the flow brings, over 6 h."""
    stored = design.stored_j()
    before = design.energies_j()
    for k in range(72):
        hour = 2.0 * np.pi * k / 72.0
        out = stepped(
            design,
            300.0,
            cooler_flow_kg_s=126.0 * (0.6 + 0.4 * np.sin(5.0 * hour)),
            cooler_inlet_temp_degc=38.0 + 4.0 * np.sin(7.0 * hour),
            cooler_dry_bulb_temp_degc=25.0 - 10.0 * np.cos(hour),
            cooler_wet_bulb_temp_degc=15.0 - 4.0 * np.cos(hour),
            cooler_pad_command_percent=100.0 * (k % 50 > 25),
            **dict.fromkeys(FANS, 20.0 + 70.0 * (k % 20 > 10)),
        )
        assert abs(out["energy_residual_kw"]) < 1e-6 * 2931.0
    after = design.energies_j()
    brought = after["cooler_inlet_heat"] - before["cooler_inlet_heat"]
    brought -= after["cooler_outlet_heat"] - before["cooler_outlet_heat"]
    work = after["cooler_fan_work"] - before["cooler_fan_work"]
    gone = after["cooler_air_heat"] - before["cooler_air_heat"]
    assert brought > 21_600.0 * 1e6
    assert gone - work == pytest.approx(brought - (design.stored_j() - stored), rel=1e-9)


EER = 3.412142  # Btu/Wh
CODE = {"path A": (10.1, 14.0), "path B": (9.7, 16.1)}
"""Full load and IPLV, Btu/Wh, of machines of 150 tons and more."""


def one_machine(**figures):
    return chiller(1000.0, machines=1, flow_kg_s=40.0, cp_j_kgk=4186.0, **figures).parameters


def cop_at(load, air_degc, water_degc, parameters):
    """At a load over the nominal capacity, AHRI's way of counting."""
    own = load * 1e6 / plain(capacity_w)(water_degc, air_degc, parameters)
    return load * 1e6 / machine_power_w(own, True, water_degc, air_degc, parameters)


def test_chillers_part_load_figure_is_that_of_the_code():
    """IPLV = 0.01 A + 0.42 B + 0.45 C + 0.12 D (AHRI 550/590): 44 F water, air of 95, 80, 65, 55 F."""
    parameters = one_machine(nominal_cop=CODE["path A"][0] / EER)
    weights = {1.0: (0.01, 35.0), 0.75: (0.42, 26.7), 0.5: (0.45, 18.3), 0.25: (0.12, 12.8)}
    assert cop_at(1.0, 35.0, 6.7, parameters) * EER == pytest.approx(CODE["path A"][0], rel=1e-9)
    iplv = EER * sum(weight * cop_at(load, air, 6.7, parameters) for load, (weight, air) in weights.items())
    assert iplv == pytest.approx(CODE["path A"][1], rel=0.04)
    assert iplv < CODE["path B"][1]


def test_chillers_stay_below_carnot_everywhere():
    for figures in ({}, {"hot_gas_bypass": 1.0}, {"nominal_cop": 5.9}):
        parameters = one_machine(**figures)
        for water in (-5.0, 6.7, 20.0, 32.0):
            for air in (-10.0, 10.0, 25.0, 40.0, 52.0):
                carnot = (water + 273.15) / (air - water) if air > water else np.inf
                for load in (1e-6, 0.01, 0.2, 0.5, 1.0):
                    for running in (True, False):
                        cooling = load * capacity_w(water, air, parameters)
                        cop = cooling / machine_power_w(load, running, water, air, parameters)
                        assert 0.0 < cop < carnot


def test_chillers_heat_closes_over_starts_stops_and_trips():
    whole = Composition()
    whole.add("bank", chiller(800.0, machines=3, flow_kg_s=80.0, cp_j_kgk=4186.0))
    plant = whole.build()
    stored = plant.stored_j()
    for k in range(60):
        plant.set_fault("bank_machine_1_trip", 20 <= k < 30)
        out = stepped(
            plant,
            60.0,
            bank_flow_kg_s=80.0 if k % 25 else 10.0,
            bank_inlet_temp_degc=14.0 + 4.0 * np.sin(k / 4.0),
            bank_condenser_air_temp_degc=35.0 + k / 6.0,
            bank_enable_command_percent=100.0 * (k < 50),
            bank_supply_setpoint_temp_degc=8.0,
        )
        assert abs(out["energy_residual_kw"]) < 1e-6 * 2400.0
    j = plant.energies_j()
    taken = j["bank_inlet_heat"] - j["bank_outlet_heat"]
    gap = taken + j["bank_compressor_work"] - j["bank_air_heat"] - (plant.stored_j() - stored)
    assert j["bank_air_heat"] > 3e9
    assert abs(gap) < 1e-9 * j["bank_air_heat"]
