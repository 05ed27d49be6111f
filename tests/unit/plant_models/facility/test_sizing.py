"""Sizes of a facility: each step against its own equation, PLANT.md's rules and what a designer would refuse."""

import math
from dataclasses import replace

import pytest
from scipy.special import gammainc

from plant_models.components.cooler_sheet import BAC_TDFS1238N, cooler_sheet
from plant_models.datasheets import XDU1350
from plant_models.errors import DatasheetError, PlantSettingError
from plant_models.facility.rejection_sizing import BUFFER_CELLS, CoolerBank, design_wet_bulb_degc
from plant_models.facility.sizing import size_facility
from plant_models.facility.spec import FacilitySpec, spec_from
from plant_models.weather.climate import BIZERTE


@pytest.fixture(scope="module")
def phase_1():
    return size_facility(FacilitySpec())


def test_ten_megawatts_are_four_modules_of_two_cdus_and_a_spare(phase_1):
    cdus = phase_1.cdus
    assert (cdus.modules, cdus.duty_per_module, cdus.per_module, cdus.installed) == (4, 2, 3, 12)
    assert size_facility(FacilitySpec(it_power_mw=20.0)).cdus.installed == 24


def test_with_the_spares_out_no_cdu_is_over_its_duty(phase_1):
    assert phase_1.cdus.load_kw == pytest.approx(10_000.0 / 12)
    assert phase_1.cdus.worst_load_kw == pytest.approx(1250.0)
    assert phase_1.cdus.worst_load_kw <= XDU1350.duty_kw


def test_the_water_carries_the_heat_at_the_flow_of_the_duty_cdus(phase_1):
    water = phase_1.water
    assert water.flow_kg_s == pytest.approx(8 * XDU1350.fws_flow_kg_s)
    carried = water.flow_kg_s * water.cp_j_kgk * (water.return_temp_degc - water.supply_temp_degc) / 1000.0
    # The primary pumps' heat comes in between what cools the water and the CDUs.
    assert carried + 0.9 * water.pump_power_kw == pytest.approx(water.heat_kw, rel=1e-12)
    # IT, and 0.9 of the pumps' 0.23 + 0.07 MW.
    assert 10_200.0 < water.heat_kw < 10_350.0


def test_the_pumps_head_is_the_sum_of_the_drops_and_one_may_be_out(phase_1):
    water = phase_1.water
    assert water.header_drop_kpa == pytest.approx(84.0 + 20.0)
    assert water.head_kpa == pytest.approx(104.0 + 60.0 / 0.5 + 60.0 + 24.0)
    assert (water.duty_pumps, water.pumps) == (2, 3)
    assert water.flow_kg_s / water.duty_pumps <= 100.0
    hydraulic = water.flow_kg_s / water.density_kg_m3 * water.head_kpa
    assert water.pump_power_kw == pytest.approx(hydraulic / 0.7)


def test_pipes_hold_their_section_times_their_length(phase_1):
    water = phase_1.water
    section = math.pi / 4.0 * water.pipe_diameter_m**2
    assert water.pipe_volume_l == pytest.approx(1000.0 * section * 120.0)
    assert water.flow_kg_s / water.density_kg_m3 / section == pytest.approx(2.0)


def test_one_cooler_carries_its_datasheets_duty():
    bank = CoolerBank.of(BAC_TDFS1238N, BAC_TDFS1238N.properties.heat_capacity_j_kgk)
    flow = bank.design.coolant_flow_kg_s
    assert bank.heat_kw(1, flow, 46.11, 35.0) == pytest.approx(2931.0, rel=1e-9)
    assert bank.heat_kw(3, 3 * flow, 46.11, 35.0) == pytest.approx(3 * 2931.0, rel=1e-9)
    assert bank.heat_kw(1, flow, 30.0, 35.0) == 0.0


def test_the_coolers_are_the_fewest_that_carry_the_duty_at_the_approach(phase_1):
    spec, water, of = FacilitySpec(), phase_1.water, phase_1.rejection
    bank = CoolerBank.of(cooler_sheet(spec.cooler), water.cp_j_kgk)
    air = spec.free_cooling_dry_bulb_degc
    assert air == 32.0 - 4.0
    enough = bank.heat_kw(of.duty_coolers, water.flow_kg_s, water.return_temp_degc, air)
    assert enough >= water.heat_kw
    assert bank.heat_kw(of.duty_coolers - 1, water.flow_kg_s, water.return_temp_degc, air) < water.heat_kw
    assert of.coolers == of.duty_coolers + 1
    at_limit = bank.heat_kw(
        of.duty_coolers, water.flow_kg_s, water.return_temp_degc, of.free_cooling_dry_bulb_degc
    )
    assert at_limit == pytest.approx(water.heat_kw, rel=1e-9)
    assert of.free_cooling_dry_bulb_degc >= air


def test_a_smaller_approach_takes_more_coolers_and_cools_freely_for_longer():
    found = [size_facility(FacilitySpec(free_cooling_approach_k=k)).rejection for k in (10.0, 6.0, 4.0, 3.0)]
    counts = [of.duty_coolers for of in found]
    limits = [of.free_cooling_dry_bulb_degc for of in found]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]
    assert limits == sorted(limits)


def test_on_the_hottest_day_chillers_take_what_the_coolers_leave(phase_1):
    of, water = phase_1.rejection, phase_1.water
    assert of.design_dry_bulb_degc == BIZERTE.sirocco_peak_degc[1] > 40.0
    assert of.chiller_kw + of.cooler_heat_on_hottest_day_kw == pytest.approx(water.heat_kw)
    assert 0.0 < of.cooler_heat_on_hottest_day_kw < 0.3 * water.heat_kw
    assert of.duty_machines * of.machine_kw == pytest.approx(1.05 * of.chiller_kw)
    assert of.machine_kw <= 2500.0
    assert of.machines == of.duty_machines + 1
    # Wet pads help, yet not down to the class: that is why there are chillers.
    assert 32.0 < of.supply_on_hottest_day_with_pads_degc < of.design_dry_bulb_degc


def test_a_warm_class_in_a_cool_place_needs_no_chiller():
    cool = replace(BIZERTE, name="cool", sirocco_days=(0.0,) * 12)
    of = size_facility(FacilitySpec(supply_class="W45", climate=cool)).rejection
    assert of.design_dry_bulb_degc == pytest.approx(31.8 + 5.4)
    assert (of.chiller_kw, of.machines, of.chiller_power_kw) == (0.0, 0, 0.0)


def test_the_design_wet_bulb_is_of_humid_air_and_below_the_dry_bulb(phase_1):
    # 65–70 % at 25–26 °C is 2.2 kPa, with which 44 °C has 26 °C wet (psychrometric chart).
    assert design_wet_bulb_degc(BIZERTE, 44.0) == pytest.approx(26.2, abs=0.5)
    assert phase_1.rejection.design_wet_bulb_degc < 30.0


def test_the_buffer_lets_through_the_permitted_rise_and_no_more(phase_1):
    spec, water, of = FacilitySpec(), phase_1.water, phase_1.rejection
    transit_s = of.buffer_l / 1000.0 * water.density_kg_m3 / water.flow_kg_s
    step_k = 1000.0 * of.chiller_kw / (water.flow_kg_s * water.cp_j_kgk)
    passed = gammainc(BUFFER_CELLS, BUFFER_CELLS * of.restart_s / transit_s)
    assert passed * step_k == pytest.approx(spec.ride_through_rise_k, rel=1e-9)


def test_duty_machines_start_one_after_the_other(phase_1):
    of = phase_1.rejection
    half_loaded = [10.0 + 60.0 + 15.0 + k * (60.0 + 30.0 + 10.0) for k in range(of.duty_machines)]
    assert of.restart_s == pytest.approx(sum(half_loaded) / of.duty_machines)


def test_power_is_carried_with_one_of_each_out(phase_1):
    of = phase_1.power
    pumps = phase_1.cdus.installed * phase_1.cdus.pump_power_kw + phase_1.water.pump_power_kw
    behind_ups = 1.01 * 10_000.0 + pumps
    assert (
        (of.ups_modules - 1) * of.ups_module_kw >= behind_ups > (of.duty_ups_modules - 1) * of.ups_module_kw
    )
    assert (of.transformers - 1) * of.transformer_kva >= (of.peak_kw - 200.0) / 0.95
    assert of.mechanical_kw > phase_1.rejection.fan_power_kw + phase_1.water.pump_power_kw
    # Losses of UPS and transformers: a few per cent.
    asked_kw = behind_ups - pumps + of.mechanical_kw
    assert 1.01 < of.peak_kw / asked_kw < 1.07
    # Generators carry all but the transformers' losses.
    assert (
        (of.generators - 1) * of.generator_kw >= 1.01 * asked_kw > (of.duty_generators - 1) * of.generator_kw
    )


def test_without_generators_and_with_pumps_on_the_board_the_ups_is_no_larger_than_it_asks(phase_1):
    of = size_facility(FacilitySpec(generator_kw=0.0, pumps_on_ups=False)).power
    assert (of.duty_generators, of.generators) == (0, 0)
    assert of.duty_ups_modules * of.ups_module_kw >= 1.01 * 10_000.0
    assert of.mechanical_kw == phase_1.power.mechanical_kw
    assert of.peak_kw < phase_1.power.peak_kw


def test_rules_of_thumb_are_told_with_their_figures(phase_1):
    flow, dew, case, frost = phase_1.checks
    assert flow.value == pytest.approx(15.0, rel=0.1)
    assert dew.value > 3.0
    # 36 °C at the racks; 0.0255 K/W at 0.9 L/min (OCP), 1250 of 1368 W on a plate.
    assert case.value == pytest.approx(36.0 + 0.0255 * 914.0, abs=0.1)
    assert frost.value == pytest.approx(6.7)


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ({"it_power_mw": 0.0}, "it_power_mw = 0.0 is outside 0.1 … 100"),
        ({"module_mw": 12.0}, "module_mw = 12 is more than it_power_mw = 10"),
        ({"supply_class": "W30"}, "supply_class = 'W30'; there are W17, W27, W32"),
        ({"cdu": "xdu1351"}, "cdu = 'xdu1351'; there are deschutes_2mw, xdu1350"),
        ({"climate": "tunis"}, "no climate 'tunis'"),
        ({"it_power_mw": float("nan")}, "it_power_mw = nan"),
        ({"it_power_mw": 60.0}, "72 on one header; it has at most 40"),
        ({"largest_pump_kg_s": 20.0}, r"largest_pump_kg_s = 20 takes 9 \+ 1 primary pumps for 165 kg/s"),
        ({"free_cooling_aproach_k": 4.0}, "did you mean 'free_cooling_approach_k'"),
        ({"it_power_mw": "ten"}, "it_power_mw = 'ten' is no number"),
        ({"pumps_per_cdu": 1.5}, "facility: pumps_per_cdu = 1.5 is not a whole number of 1 … 3"),
        ({"spare_units": 0.5}, "facility: spare_units = 0.5 is not a whole number of 0 … 3"),
        ({"spare_cdus_per_module": float("nan")}, "spare_cdus_per_module = nan"),
        ({"spare_units": None}, "spare_units = None is no number"),
        ({"shutdown_case_temp_degc": 88.0}, "shutdown_case_temp_degc = 88 is less than 5 K over"),
        ({"supply_class": "W17"}, "TCS supply over outdoor dew point = 1.7 K is outside 2"),
    ],
)
def test_a_bad_spec_is_refused_with_its_figures(figures, message):
    with pytest.raises(PlantSettingError, match=message):
        size_facility(spec_from(**figures))


def test_a_count_may_be_written_with_a_point():
    assert size_facility(FacilitySpec(pumps_per_cdu=2.0, spare_units=1.0)) == size_facility(FacilitySpec())


def test_a_sheet_against_its_own_balance_is_refused():
    with pytest.raises(DatasheetError, match="fws_flow_kg_s"):
        size_facility(FacilitySpec(cdu=replace(XDU1350, fws_flow_kg_s=10.0, fws_properties=None)))
