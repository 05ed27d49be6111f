"""Power chain and site meter: modes change when and only when they should, and every answer is a number."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plant_models import Composition, PlantSettingError, linearize
from plant_models.components.power_chain import battery_kwh, power_chain
from plant_models.components.power_losses import ups_curve
from plant_models.components.power_settings import PowerSettings
from plant_models.components.site_meter import site_meter

RATED = {"ups_kw": 1000.0, "transformer_kva": 1600.0}
LOAD = {"power_it_power_1_kw": 500.0, "power_it_power_2_kw": 300.0, "power_mechanical_power_1_kw": 90.0}


def whole(**figures):
    made = Composition()
    chain = power_chain(it_feeds=2, mechanical_feeds=1, settings=PowerSettings(**{**RATED, **figures}))
    made.add("power", chain)
    made.add("meter", site_meter(2))
    made.wire("power.it_metered_power_kw", "meter.it_power_kw")
    made.wire("power.facility_power_kw", "meter.facility_power_kw")
    made.expose("power.other_power_kw", "power.ups_bypass_command_percent", "meter.water_use_kg_s")
    made.expose("power.breaker_reset_command_percent")
    return made.build()


class Site:
    """A plant with its inputs by name."""

    def __init__(self, **figures):
        self.plant = whole(**figures)
        self.inputs = {**self.plant.inputs, **LOAD}

    def run(self, seconds, dt_s=1.0):
        for _ in range(round(seconds / dt_s)):
            out = self.plant.step(list(self.inputs.values()), dt_s)
            assert abs(out[-1]) < 1e-6
        return dict(zip((port.name for port in self.plant.output_ports), out, strict=True))

    def fault(self, name, active=True):
        self.plant.set_fault(f"power_{name}", active)


def test_on_the_grid_the_powers_add_up():
    site = Site()
    out = site.run(1)
    losses = sum(out[f"power_{name}_loss_kw"] for name in ("ups", "transformer", "distribution"))
    assert out["power_facility_power_kw"] == pytest.approx(890.0 + losses, rel=1e-12)
    assert out["power_it_power_kw"] == 800.0
    assert out["power_pue"] == pytest.approx((890.0 + losses) / 800.0)
    assert (out["power_it_supply_ratio"], out["power_on_battery"], out["power_on_bypass"]) == (1.0, 0.0, 0.0)


def test_an_outage_takes_the_pumps_at_once_and_it_when_the_battery_is_empty():
    site = Site(battery_minutes=1.0, it_restart_delay_s=30.0)
    minutes = site.run(1)["power_battery_minutes"]
    site.fault("grid_outage")
    out = site.run(1)
    assert (out["power_mechanical_supply_ratio"], out["power_mechanical_power_kw"]) == (0.0, 0.0)
    assert (out["power_it_supply_ratio"], out["power_on_battery"], out["power_facility_power_kw"]) == (
        1,
        1,
        0,
    )
    assert site.run(math.floor(60.0 * minutes) - 3)["power_it_supply_ratio"] == 1.0
    out = site.run(4)
    assert (out["power_it_supply_ratio"], out["power_it_power_kw"], out["power_on_battery"]) == (0, 0, 0)
    assert 0.0 <= out["power_battery_energy_kwh"] < 0.1
    site.fault("grid_outage", False)
    assert site.run(29)["power_it_supply_ratio"] == 0.0
    out = site.run(2)
    assert (out["power_it_supply_ratio"], out["power_it_power_kw"]) == (1.0, 800.0)
    assert out["power_battery_power_kw"] < 0.0


def test_the_battery_charges_up_to_full_and_no_further():
    site = Site(initial_charge_percent=80.0, battery_minutes=3.0)
    first = site.run(1)["power_battery_power_kw"]
    out = site.run(5400, 10.0)
    assert first == -100.0
    assert -0.5 < out["power_battery_power_kw"] <= 0.0
    assert site.plant.state[0] == pytest.approx(100.0, abs=0.1)
    assert max(site.plant.state[0], 100.0) == 100.0


def test_an_open_battery_leaves_it_its_hold_up_time():
    site = Site(it_hold_up_time_s=1.0)
    site.fault("battery_open")
    assert site.run(1)["power_battery_minutes"] == 0.0
    site.fault("grid_outage")
    out = site.run(0.5, 0.25)
    assert (out["power_it_supply_ratio"], out["power_on_battery"], out["power_it_power_kw"]) == (
        1.0,
        0.0,
        0.0,
    )
    assert site.run(1.0, 0.25)["power_it_supply_ratio"] == 0.0


def test_it_rides_through_a_gap_shorter_than_its_hold_up_time():
    site = Site(it_hold_up_time_s=1.0)
    site.fault("battery_open")
    site.fault("grid_outage")
    site.run(0.75, 0.25)
    site.fault("grid_outage", False)
    assert site.run(5)["power_it_power_kw"] == 800.0


def test_a_generator_carries_all_after_its_start():
    site = Site(generator_kw=1500.0, generator_start_time_s=10.0)
    site.fault("grid_outage")
    out = site.run(9)
    assert (out["power_on_battery"], out["power_mechanical_supply_ratio"]) == (1.0, 0.0)
    out = site.run(2)
    assert (out["power_on_battery"], out["power_mechanical_supply_ratio"], out["power_power_source"]) == (
        0,
        1,
        2,
    )
    assert out["power_generator_power_kw"] == out["power_facility_power_kw"] > 890.0
    assert out["power_transformer_loss_kw"] == 0.0
    site.fault("grid_outage", False)
    assert site.run(1)["power_power_source"] == 1.0


def test_a_generator_too_small_trips_until_the_grid_is_back():
    site = Site(generator_kw=700.0, generator_start_time_s=2.0)
    site.fault("grid_outage")
    out = site.run(30)
    assert (out["power_power_source"], out["power_on_battery"]) == (3.0, 1.0)
    site.fault("grid_outage", False)
    assert site.run(1)["power_power_source"] == 1.0


def test_a_generator_charges_with_what_it_has_left():
    site = Site(generator_kw=940.0, generator_start_time_s=0.0, initial_charge_percent=50.0)
    site.fault("grid_outage")
    out = site.run(5)
    assert out["power_generator_power_kw"] == pytest.approx(940.0)
    assert -100.0 < out["power_battery_power_kw"] < 0.0


def test_a_broken_ups_is_bypassed_and_cannot_carry_an_outage():
    site = Site()
    before = site.run(1)["power_ups_loss_kw"]
    site.fault("ups_fault")
    out = site.run(1)
    assert (out["power_on_bypass"], out["power_it_supply_ratio"], out["power_battery_minutes"]) == (
        1.0,
        1.0,
        0.0,
    )
    assert out["power_ups_loss_kw"] < 0.4 * before
    site.fault("grid_outage")
    assert site.run(1)["power_it_supply_ratio"] == 0.0


def test_a_bypass_by_command_stands_by_for_an_outage():
    site = Site()
    site.inputs["power_ups_bypass_command_percent"] = 100.0
    assert site.run(1)["power_on_bypass"] == 1.0
    site.fault("grid_outage")
    out = site.run(1)
    assert (out["power_on_bypass"], out["power_on_battery"], out["power_it_supply_ratio"]) == (0.0, 1.0, 1.0)


def test_an_overload_goes_to_the_bypass_after_its_time_and_comes_back():
    site = Site(ups_overload_time_s=60.0, ups_overload_reset_s=100.0, distribution_loss=0.0)
    site.inputs["power_it_power_1_kw"] = 950.0
    assert site.run(59)["power_on_bypass"] == 0.0
    assert site.run(2)["power_on_bypass"] == 1.0
    site.inputs["power_it_power_1_kw"] = 500.0
    assert site.run(98)["power_on_bypass"] == 1.0
    assert site.run(5)["power_on_bypass"] == 0.0


def test_a_bypass_stands_an_overload_for_its_time_and_is_open_until_it_is_reset():
    """125 %: 600 s on the inverter, 120 s on the bypass (Staco FirstLine 003-2323), then nothing is left."""
    site = Site(distribution_loss=0.0, it_restart_delay_s=30.0, ups_overload_reset_s=100.0)
    site.inputs["power_it_power_1_kw"] = 950.0
    assert site.run(599)["power_on_bypass"] == 0.0
    assert site.run(118)["power_on_bypass"] == 1.0
    out = site.run(6)
    assert (out["power_bypass_tripped"], out["power_it_supply_ratio"], out["power_it_power_kw"]) == (
        1.0,
        0,
        0,
    )
    assert out["power_mechanical_supply_ratio"] == 1.0, "that side has its own feed"
    site.inputs |= LOAD
    site.inputs["power_breaker_reset_command_percent"] = 100.0
    assert site.run(80)["power_bypass_tripped"] == 1.0, "not while it is warm"
    site.inputs["power_breaker_reset_command_percent"] = 0.0
    assert site.run(600)["power_it_power_kw"] == 0.0, "and not by itself"
    site.inputs["power_breaker_reset_command_percent"] = 100.0
    assert site.run(2)["power_bypass_tripped"] == 0.0
    assert site.run(30)["power_it_power_kw"] == 800.0


def test_a_bypass_stands_a_tenth_more_than_its_rating_for_good():
    site = Site(distribution_loss=0.0, bypass_overload_time_s=1.0)
    site.fault("ups_fault")
    site.inputs["power_it_power_1_kw"] = 790.0
    assert site.run(3600)["power_bypass_tripped"] == 0.0
    site.inputs["power_it_power_1_kw"] = 820.0
    assert site.run(60)["power_it_supply_ratio"] == 0.0


def test_an_inverter_carries_what_a_tripped_bypass_dropped_and_one_that_fails_drops_it():
    site = Site(distribution_loss=0.0, bypass_overload_time_s=1.0)
    site.inputs |= {"power_it_power_1_kw": 900.0, "power_ups_bypass_command_percent": 100.0}
    out = site.run(60)
    assert (out["power_bypass_tripped"], out["power_on_bypass"], out["power_it_supply_ratio"]) == (
        1.0,
        0.0,
        1.0,
    )
    site.inputs |= LOAD
    site.fault("ups_fault")
    assert site.run(1)["power_it_supply_ratio"] == 0.0
    site.fault("ups_fault", False)
    assert site.run(301)["power_it_power_kw"] == 800.0


def test_overloaded_transformers_trip_by_their_warmth_and_are_reset_once_they_have_cooled():
    site = Site(transformer_time_constant_s=100.0, it_restart_delay_s=30.0, battery_minutes=0.1)
    rated_kw = 0.98 * 1600.0
    site.inputs["power_it_power_1_kw"] = 0.0
    site.inputs["power_other_power_kw"] = 1.1 * rated_kw - 800.0
    assert site.run(2000)["power_power_source"] == 1.0, "below 1.2 for good"
    site = Site(transformer_time_constant_s=100.0, it_restart_delay_s=30.0, battery_minutes=0.1)
    site.inputs["power_other_power_kw"] = 4000.0
    out = site.run(1)
    ratio = (out["power_facility_power_kw"] - out["power_transformer_loss_kw"]) / rated_kw
    trip_s = 100.0 * math.log(ratio**2 / (ratio**2 - 1.44))
    assert site.run(math.floor(trip_s) - 1)["power_power_source"] == 1.0
    out = site.run(12)
    assert (out["power_power_source"], out["power_mechanical_supply_ratio"]) == (4.0, 0.0)
    assert (out["power_it_supply_ratio"], out["power_facility_power_kw"]) == (0.0, 0.0)
    site.inputs |= {"power_other_power_kw": 0.0, "power_breaker_reset_command_percent": 100.0}
    cool_s = 100.0 * math.log(1.44)
    assert site.run(math.floor(cool_s) - 13)["power_power_source"] == 4.0
    out = site.run(8)
    assert (out["power_power_source"], out["power_it_supply_ratio"]) == (1.0, 0.0)
    assert site.run(30)["power_it_power_kw"] == 800.0


def test_transformers_that_have_tripped_stay_off_through_an_outage_until_they_are_reset():
    site = Site(transformer_time_constant_s=10.0)
    site.inputs["power_other_power_kw"] = 5000.0
    assert site.run(30)["power_power_source"] == 4.0
    site.inputs["power_other_power_kw"] = 0.0
    assert site.run(3600)["power_power_source"] == 4.0
    site.fault("grid_outage")
    assert site.run(2)["power_power_source"] == 0.0
    site.fault("grid_outage", False)
    assert site.run(2)["power_power_source"] == 4.0
    site.inputs["power_breaker_reset_command_percent"] = 100.0
    assert site.run(1)["power_power_source"] == 1.0


def test_an_outage_brings_the_generator_for_tripped_transformers_too():
    site = Site(transformer_time_constant_s=100.0, generator_kw=1500.0, generator_start_time_s=5.0)
    site.inputs["power_other_power_kw"] = 5000.0
    assert site.run(60)["power_power_source"] == 4.0
    site.inputs |= {"power_other_power_kw": 0.0}
    site.fault("grid_outage")
    assert site.run(7)["power_power_source"] == 2.0


def test_an_overload_on_battery_ends_in_the_dark():
    site = Site(ups_overload_time_s=60.0, battery_minutes=10.0)
    site.inputs["power_it_power_1_kw"] = 1200.0
    site.fault("grid_outage")
    out = site.run(30)
    assert out["power_it_supply_ratio"] == 0.0
    assert out["power_battery_energy_kwh"] > 100.0


def test_pumps_behind_the_ups_ride_through():
    site = Site(mechanical_feeds_on_ups=1)
    assert site.run(1)["power_ups_load_percent"] == pytest.approx(89.64)
    site.fault("grid_outage")
    out = site.run(1)
    assert (out["power_ups_supply_ratio"], out["power_mechanical_supply_ratio"]) == (1.0, 0.0)
    assert out["power_mechanical_power_kw"] == 90.0
    assert site.run(600)["power_ups_supply_ratio"] == 0.0  # with the battery


def test_fans_wait_for_the_generator_while_pumps_run_on():
    made = Composition()
    figures = {**RATED, "mechanical_feeds_on_ups": 1, "generator_kw": 1500.0, "generator_start_time_s": 12.0}
    made.add("power", power_chain(mechanical_feeds=2, settings=PowerSettings(**figures)))
    plant = made.build()
    asked = {
        "power_it_power_1_kw": 800.0,
        "power_mechanical_power_1_kw": 30.0,
        "power_mechanical_power_2_kw": 60.0,
    }
    inputs = list({**plant.inputs, **asked}.values())
    given = plant.output_ports.index(
        next(p for p in plant.output_ports if p.name == "power_mechanical_power_kw")
    )
    assert plant.step(inputs, 1.0)[given] == 90.0
    plant.set_fault("power_grid_outage", True)
    assert [plant.step(inputs, 1.0)[given] for _ in range(14)] == [30.0] * 12 + [90.0] * 2


def test_no_more_feeds_stand_behind_the_ups_than_there_are():
    with pytest.raises(PlantSettingError, match=r"mechanical_feeds_on_ups = 2 .* 0 … 1"):
        power_chain(settings=PowerSettings(**RATED, mechanical_feeds_on_ups=2))


@pytest.mark.parametrize(("category", "metered"), [(1, 806.4), (2, 801.28), (3, 800.0)])
def test_the_category_says_where_it_energy_is_measured(category, metered):
    out = Site(pue_category=category).run(1)
    assert out["power_it_metered_power_kw"] == pytest.approx(metered)
    assert out["power_pue"] == pytest.approx(out["power_facility_power_kw"] / metered)
    assert out["meter_pue"] == pytest.approx(out["power_pue"])


def test_without_it_power_the_ratios_are_held():
    site = Site()
    site.inputs |= dict.fromkeys(LOAD, 0.0) | {"meter_water_use_kg_s": 0.1}
    out = site.run(1)
    assert (out["power_pue"], out["meter_pue"], out["meter_pue_since_start"]) == (100.0, 100.0, 100.0)
    assert (out["meter_wue_l_kwh"], out["meter_wue_since_start_l_kwh"]) == (100.0, 100.0)
    site.fault("grid_outage")
    site.fault("battery_open")
    assert site.run(1)["meter_pue"] == 0.0


def test_the_hottest_case_is_told():
    site = Site()
    site.inputs |= {"meter_case_1_temp_degc": 61.0, "meter_case_2_temp_degc": 58.0}
    assert site.run(1)["meter_hottest_case_temp_degc"] == 61.0


def test_it_starts_settled_and_totals_do_not_keep_it_from_that():
    site = Site(initial_charge_percent=93.0, generator_kw=1500.0, it_restart_delay_s=900.0)
    site.run(60)
    totals = site.plant.state[-3:]
    assert min(totals[:2]) > 0.0
    assert site.plant.start_at(site.inputs)
    assert site.plant.state[-3:] == totals
    assert site.plant.state[0] == pytest.approx(100.0, abs=1e-6)


def test_it_linearises():
    plant = Site().plant
    assert plant.start_at(LOAD)
    made = Composition()
    made.add("power", power_chain(settings=PowerSettings(**RATED)))
    of = linearize(made.build(), {"power_it_power_1_kw": 800.0, "power_mechanical_power_1_kw": 50.0})
    row = of.output_labels.index("power_facility_power_kw")
    gain = of.D[row, of.input_labels.index("power_it_power_1_kw")]
    assert gain == pytest.approx(1.0 + 0.0075 + 2 * 0.8 * 0.0205 + 0.016 + 0.01, abs=0.01)


def test_a_restored_chain_goes_on_to_the_bit_within_an_outage():
    site, other = Site(battery_minutes=1.0), Site(battery_minutes=1.0)
    site.fault("grid_outage")
    site.run(20, 0.7)
    other.plant.restore(site.plant.snapshot())
    for _ in range(80):
        assert site.run(0.7, 0.7) == other.run(0.7, 0.7)
    assert site.run(0.7, 0.7)["power_it_supply_ratio"] == 0.0


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_whatever_comes_the_answers_are_numbers(data):
    site = Site(generator_kw=900.0, generator_start_time_s=1.0, battery_minutes=0.2, it_restart_delay_s=1.0)
    low, high = site.plant.continuous().low, site.plant.continuous().high
    largest_kw = 1e3
    for _ in range(6):
        for fault in site.plant.faults:
            site.plant.set_fault(fault, data.draw(st.booleans()))
        values = [
            data.draw(st.sampled_from([a, b, min(b, 300.0), math.nan]))
            for a, b in zip(low, high, strict=True)
        ]
        out = site.plant.step(values, data.draw(st.sampled_from([0.0, 0.1, 1.0, 20.0])))
        assert all(math.isfinite(value) for value in out)
        named = dict(zip((port.name for port in site.plant.output_ports), out, strict=True))
        assert 0.0 <= named["power_pue"] <= 100.0
        assert named["power_ups_loss_kw"] >= 0.0
        largest_kw = max(largest_kw, named["power_facility_power_kw"])
        assert abs(out[-1]) < 1e-9 * largest_kw


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        ({"ups_kw": 0.0}, "ups_kw = 0.0 is outside 1 … 1e"),
        ({"power_factor": math.nan}, "power_factor = nan"),
        ({"pue_category": 4}, "none of 1"),
        ({"charge_kw": 5000.0}, "charge_kw = 5000 is more than ups_kw"),
        ({"peukert_exponent": 0.9}, "peukert_exponent = 0.9 is outside 1 … 2"),
        ({"bypass_linear_loss": 0.1}, "more on bypass"),
    ],
)
def test_figures_out_of_range_are_refused(figures, told):
    with pytest.raises(PlantSettingError, match=told):
        PowerSettings(**{**RATED, **figures})


def test_numbers_of_feeds_and_cases_are_refused():
    with pytest.raises(PlantSettingError, match="it_feeds = 0"):
        power_chain(it_feeds=0, settings=PowerSettings(**RATED))
    with pytest.raises(PlantSettingError, match="cases = 0"):
        site_meter(0)


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ({0.5: 0.96, 1.0: 0.95}, "takes three"),
        ({0.25: 0.95, 0.5: 0.96, 1.0: 1.1}, "efficiency 1.1 at load 1.0"),
        ({0.25: 0.97, 0.5: 0.9, 1.0: 0.97}, "no curve of losses"),
    ],
)
def test_efficiencies_that_no_ups_has_are_refused(points, told):
    with pytest.raises(PlantSettingError, match=told):
        ups_curve(points)


def test_a_battery_of_long_discharge_is_rated_by_it():
    made = PowerSettings(**RATED, battery_minutes=120.0, battery_efficiency=1.0, inverter_loss_share=0.0)
    assert battery_kwh(made) == pytest.approx(2000.0)
