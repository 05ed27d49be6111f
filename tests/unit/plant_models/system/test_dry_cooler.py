"""Dry coolers: fan groups, free convection, pads, standing coil, refused sheets."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from plant_models import Composition, linearize
from plant_models.components.cooler_sheet import BAC_TDFS1238N, cooler_sheet
from plant_models.components.dry_cooler import dry_cooler
from plant_models.errors import DatasheetError, PlantSettingError

DESIGN = {
    "cooler_flow_kg_s": 2.931e6 / 4179.365 / 5.56,
    "cooler_inlet_temp_degc": 46.11,
    "cooler_dry_bulb_temp_degc": 35.0,
    "cooler_fan_1_speed_command_percent": 100.0,
    "cooler_fan_2_speed_command_percent": 100.0,
}
WARM_WATER = BAC_TDFS1238N.properties
OFF = {"cooler_fan_1_speed_command_percent": 0.0, "cooler_fan_2_speed_command_percent": 0.0}


def built(**figures):
    whole = Composition()
    whole.add("cooler", dry_cooler("bac_tdfs1238n", **figures))
    whole.expose("cooler.wet_bulb_temp_degc", "cooler.pressure_kpa", "cooler.pad_command_percent")
    return whole.build()


@pytest.fixture(scope="module")
def made():
    plant = built()
    assert plant.start_at(DESIGN)
    return plant, plant.snapshot()


@pytest.fixture
def plant(made):
    plant, start = made
    plant.restore(start)
    return plant


def stepped(plant, dt_s=1.0, **inputs):
    names = [port.name for port in plant.output_ports]
    return dict(zip(names, plant.step(list({**plant.inputs, **inputs}.values()), dt_s), strict=True))


def settled(plant, **inputs):
    assert plant.start_at(inputs)
    return stepped(plant, 0.0)


def test_a_tripped_group_runs_down_and_leaves_its_share_to_natural_draught(plant):
    before = stepped(plant, 0.0)
    plant.set_fault("cooler_fan_2_trip", True)
    powers = [stepped(plant)["cooler_fan_power_kw"] for _ in range(60)]
    assert all(later < earlier for earlier, later in pairwise(powers))
    after = stepped(plant, 600.0)
    half = before["cooler_heat_kw"] / 2.0
    assert after["cooler_fan_power_kw"] == pytest.approx(117.7 / 2.0, rel=1e-6)
    assert after["cooler_heat_kw"] == pytest.approx(1.125 * half, rel=1e-9)
    plant.set_fault("cooler_fan_2_trip", False)
    assert stepped(plant, 600.0)["cooler_heat_kw"] == pytest.approx(before["cooler_heat_kw"], rel=1e-9)


def test_fans_off_leave_an_eighth_of_the_design_capacity(plant):
    out = settled(plant, **DESIGN | OFF)
    assert out["cooler_heat_kw"] == pytest.approx(0.125 * 2931.0, rel=1e-9)
    assert out["cooler_fan_power_kw"] == 0.0
    cooler = settled(plant, **DESIGN | OFF | {"cooler_dry_bulb_temp_degc": 15.0})
    # Three times the difference draws more air as well: more than in proportion, less than to the power of 1.5.
    ratio = cooler["cooler_heat_kw"] / out["cooler_heat_kw"] / ((46.11 - 15.0) / (46.11 - 35.0))
    assert 1.2 < ratio < math.sqrt((46.11 - 15.0) / (46.11 - 35.0))


def test_groups_at_different_speeds_each_cool_their_own_share(plant):
    both = [settled(plant, **DESIGN | dict.fromkeys(OFF, n))["cooler_heat_kw"] for n in (100.0, 40.0)]
    mixed = settled(plant, **DESIGN | {"cooler_fan_2_speed_command_percent": 40.0})
    assert mixed["cooler_heat_kw"] == pytest.approx(sum(both) / 2.0, rel=1e-9)
    even = settled(plant, **DESIGN | dict.fromkeys(OFF, 70.0))
    assert even["cooler_heat_kw"] > mixed["cooler_heat_kw"]
    assert even["cooler_fan_power_kw"] < mixed["cooler_fan_power_kw"]


def test_a_standing_coil_goes_to_the_airs_temperature(plant):
    standing = {"cooler_flow_kg_s": 0.0, "cooler_dry_bulb_temp_degc": -10.0}
    temps = [
        stepped(plant, 60.0, **standing, cooler_inlet_temp_degc=60.0)["cooler_outlet_temp_degc"]
        for _ in range(60)
    ]
    assert temps == sorted(temps, reverse=True)
    assert temps[-1] == pytest.approx(-10.0, abs=0.01)
    out = stepped(plant, 0.0)
    # Water would be ice here: the model has one phase and says how far below its freezing point it is.
    assert out["cooler_freezing_margin_k"] == pytest.approx(-10.0, abs=0.01)
    assert abs(out["energy_residual_kw"]) < 1e-6
    assert settled(plant, **standing, **OFF)["cooler_outlet_temp_degc"] == pytest.approx(-10.0, abs=0.01)


def test_heat_is_continuous_down_to_no_flow(plant):
    heats = [
        settled(plant, **DESIGN | {"cooler_flow_kg_s": flow})["cooler_heat_kw"]
        for flow in (1.0, 0.1, 0.01, 1e-4)
    ]
    assert heats == pytest.approx([f * 4.179365 * 11.11 for f in (1.0, 0.1, 0.01, 1e-4)], rel=0.02, abs=1e-6)


def test_air_warmer_than_the_coolant_heats_it(plant):
    out = settled(plant, **DESIGN | {"cooler_inlet_temp_degc": 20.0, "cooler_dry_bulb_temp_degc": 48.0})
    assert 20.0 < out["cooler_outlet_temp_degc"] < 48.0
    assert out["cooler_heat_kw"] == pytest.approx(
        DESIGN["cooler_flow_kg_s"] * 4.179365 * (20.0 - out["cooler_outlet_temp_degc"]), rel=1e-9
    )


def test_pads_wet_and_dry_with_their_lag_and_use_water(plant):
    wet = {"cooler_wet_bulb_temp_degc": 22.0, "cooler_pad_command_percent": 100.0}
    first = stepped(plant, 60.0, **wet)
    assert 35.0 - first["cooler_entering_air_temp_degc"] == pytest.approx(
        0.85 * 13.0 * (1.0 - math.exp(-1.0)), rel=1e-4
    )
    soaked = stepped(plant, 1200.0)
    assert soaked["cooler_entering_air_temp_degc"] == pytest.approx(35.0 - 0.85 * 13.0, abs=1e-6)
    assert soaked["cooler_heat_kw"] > 1.8 * 2931.0
    assert soaked["cooler_water_use_kg_s"] > 2.0
    plant.set_fault("cooler_pads_dry", True)
    drying = stepped(plant, 300.0)
    assert 35.0 - drying["cooler_entering_air_temp_degc"] == pytest.approx(
        0.85 * 13.0 * math.exp(-1.0), rel=1e-3
    )
    dry = stepped(plant, 7200.0)
    assert dry["cooler_water_use_kg_s"] < 1e-6 * soaked["cooler_water_use_kg_s"]
    assert dry["cooler_entering_air_temp_degc"] == pytest.approx(35.0, abs=1e-6)


def test_pads_do_nothing_in_frost_or_where_the_wet_bulb_is_above_the_air(plant):
    wet = DESIGN | {"cooler_pad_command_percent": 100.0}
    for dry_bulb, wet_bulb in ((4.0, -1.0), (20.0, 25.0)):
        air = {"cooler_wet_bulb_temp_degc": wet_bulb, "cooler_dry_bulb_temp_degc": dry_bulb}
        out = settled(plant, **wet | air)
        assert out["cooler_entering_air_temp_degc"] == dry_bulb
        assert out["cooler_water_use_kg_s"] == 0.0


def test_a_bank_of_units_is_that_many_times_one(plant):
    one = settled(plant, **DESIGN)
    bank = built(count=3, fan_groups=3)
    fans = {f"cooler_fan_{g}_speed_command_percent": 100.0 for g in (1, 2, 3)}
    three = settled(bank, **DESIGN | fans | {"cooler_flow_kg_s": 3.0 * DESIGN["cooler_flow_kg_s"]})
    for name in ("cooler_heat_kw", "cooler_fan_power_kw"):
        assert three[name] == pytest.approx(3.0 * one[name], rel=1e-9)
    assert three["cooler_outlet_temp_degc"] == pytest.approx(one["cooler_outlet_temp_degc"], abs=1e-9)


def test_thin_air_carries_less_heat_for_less_power(plant):
    sea = settled(plant, **DESIGN)
    high = settled(plant, **DESIGN | {"cooler_pressure_kpa": 80.0})
    assert high["cooler_fan_power_kw"] == pytest.approx(117.7 * (0.97 * 80.0 / 101.325 + 0.03), rel=1e-9)
    assert 0.8 < high["cooler_heat_kw"] / sea["cooler_heat_kw"] < 0.95


def test_it_goes_on_from_a_snapshot_to_the_bit(plant):
    moving = {"cooler_fan_1_speed_command_percent": 20.0, "cooler_pad_command_percent": 60.0}
    stepped(plant, 7.0, **moving)
    kept = plant.snapshot()
    onward = [plant.step(list(plant.inputs.values()), 1.0) for _ in range(20)]
    plant.restore(kept)
    assert [plant.step(list(plant.inputs.values()), 1.0) for _ in range(20)] == onward


def test_its_linear_model_predicts_a_small_step(plant):
    point = DESIGN | dict.fromkeys(OFF, 60.0) | {"cooler_pad_command_percent": 50.0}
    system = linearize(plant, point)
    gain = system.C @ np.linalg.solve(-system.A, system.B) + system.D
    rest = settled(plant, **point)
    moved = settled(plant, **point | {"cooler_inlet_temp_degc": 46.31})
    row = system.output_labels.index("cooler_outlet_temp_degc")
    column = system.input_labels.index("cooler_inlet_temp_degc")
    expected = 0.2 * gain[row, column]
    change = moved["cooler_outlet_temp_degc"] - rest["cooler_outlet_temp_degc"]
    assert change == pytest.approx(expected, rel=0.01)
    assert system.poles().real.max() < 0.0


@pytest.mark.parametrize(
    ("figures", "named"),
    [
        ({"fluid_out_temp_degc": 34.0}, ["34", "35", "second law"]),
        ({"fluid_out_temp_degc": 47.0}, ["47", "46.11"]),
        ({"air_flow_kg_s": 200.0}, ["200", "46.11", "second law"]),
        ({"air_outlet_temp_degc": 50.0}, ["50", "46.11", "second law"]),
        ({"air_outlet_temp_degc": 46.0, "air_flow_kg_s": 100.0}, ["46", "100", "2931"]),
        ({"coolant_flow_kg_s": 100.0}, ["100", "2931", "46.11", "40.55"]),
        ({"fluid_out_temp_degc": 35.02, "air_flow_kg_s": 264.0}, ["effectiveness"]),
        ({"fan_kw": -1.0}, ["fan_kw"]),
        ({"fan_kw": 3000.0}, ["fan_kw = 3000", "duty_kw = 2931"]),
        ({"air_temp_degc": math.nan}, ["air_temp_degc"]),
        ({"fan_groups": 0}, ["fan_groups"]),
    ],
)
def test_a_sheet_that_cannot_be_is_refused_with_its_figures(figures, named):
    with pytest.raises(DatasheetError) as error:
        dry_cooler(cooler_sheet("bac_tdfs1238n", **{"coolant_properties": WARM_WATER} | figures))
    assert all(text in str(error.value) for text in named), str(error.value)


def test_unknown_or_absurd_settings_are_refused():
    for figures, named in (
        ({"pad_efectiveness": 0.8}, "pad_effectiveness"),
        ({"pad_effectiveness": 1.0}, "pad_effectiveness = 1.0"),
        ({"count": 1.5}, "count = 1.5"),
        ({"cp_j_kgk": 4.18}, "cp_j_kgk = 4.18"),
    ):
        with pytest.raises(PlantSettingError, match=named):
            dry_cooler("bac_tdfs1238n", **figures)
    with pytest.raises(DatasheetError, match="bac_tdfs1238n"):
        cooler_sheet("bac")
    with pytest.raises(DatasheetError, match="duty_kw"):
        cooler_sheet("bac_tdfs1238n", duty=3000.0)


def test_glycol_replaces_the_ready_sheets_water():
    glycol = cooler_sheet("bac_tdfs1238n", coolant="PG25 by volume")
    assert glycol.properties.heat_capacity_j_kgk < 4050.0
    assert replace(BAC_TDFS1238N, coolant_properties=None).properties.density_kg_m3 == pytest.approx(
        BAC_TDFS1238N.properties.density_kg_m3, rel=1e-5
    )
    whole = Composition()
    whole.add("cooler", dry_cooler(glycol))
    assert whole.build().step([100.0, 30.0, 10.0, 0.0, 0.0], 0.0)[1] == pytest.approx(30.0 + 10.2, abs=0.3)
