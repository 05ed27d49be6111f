import math
from dataclasses import replace

import numpy as np
import pytest

from plant_models.errors import PlantSettingError, SnapshotError
from plant_models.ports import UNITS
from plant_models.pv import layout
from plant_models.pv.clouds import cloud_pattern, station_points
from plant_models.pv.grid import poi_voltage_pu
from plant_models.pv.plant import PvPlant
from plant_models.pv.settings import PACKED, PvSettings, packed
from plant_models.weather.year import synthetic_year

NOON_OF_JUNE_9 = 86_400.0 * 159 + 3600.0 * 12.5
MIDNIGHT_OF_JUNE_9 = 86_400.0 * 159
NAMES = [port.name for port in PvPlant.output_ports]
INPUTS = [port.name for port in PvPlant.input_ports]


@pytest.fixture(scope="module")
def weather():
    return synthetic_year("tozeur", 1)


@pytest.fixture(scope="module")
def cloudless(weather):
    return replace(weather, cloud_cover_percent=np.zeros(8760))


@pytest.fixture(scope="module")
def half_covered(weather):
    """Kasten and Czeplak's 1 - 0.75 N^3.4 with N = 0.8: clouds hide half of the sky."""
    return replace(weather, cloud_cover_percent=np.full(8760, 81.6))


def stepped(plant: PvPlant, dt_s: float, times: int = 1, **inputs: float) -> dict[str, float]:
    asked = list({**plant.default_inputs, **inputs}.values())
    for _ in range(times):
        outputs = plant.step(asked, dt_s)
    return dict(zip(NAMES, outputs, strict=True))


def at_noon(cloudless, **settings) -> PvPlant:
    return PvPlant(cloudless, PvSettings(**settings), start_s=NOON_OF_JUNE_9)


def test_ports_have_units_of_the_package_and_inputs_may_stay_unwired(cloudless):
    plant = at_noon(cloudless)
    assert {port.unit for port in (*plant.input_ports, *plant.output_ports)} <= set(UNITS)
    assert list(plant.default_inputs) == INPUTS
    assert len(set(NAMES)) == len(NAMES)


def test_the_kernels_find_each_setting_in_its_place():
    settings = PvSettings(reactive_priority="reactive", night_reactive=True)
    figures = packed(settings)
    for name in PACKED:
        expected = 1.0 if name == "reactive_first" else getattr(settings, name)
        assert figures[getattr(layout, f"P_{name.upper()}")] == expected


def test_noon_without_clouds_in_balance(cloudless):
    told = stepped(at_noon(cloudless), 1.0)
    assert 40.0 < told["poi_power_mw"] < told["available_power_mw"] <= 60.0
    share = told["available_power_mw"] ** 2 / 60.0
    assert told["available_power_mw"] - told["poi_power_mw"] == pytest.approx(0.06 + 0.015 * share, rel=0.02)
    assert told["poi_reactive_power_mvar"] == pytest.approx(-0.08 * share, rel=0.02)
    assert told["clearness_index"] == 1.0
    assert told["cell_temp_degc"] > told["dry_bulb_temp_degc"] + 10.0
    assert (told["stations_running"], told["stations_throttled"]) == (20.0, 0.0)
    assert told["metered_power_mw"] == pytest.approx(told["poi_power_mw"], abs=0.01)


def test_night_takes_the_auxiliaries_power_and_nothing_else(cloudless):
    told = stepped(PvPlant(cloudless, start_s=MIDNIGHT_OF_JUNE_9), 60.0, 60, reactive_power_command_mvar=10.0)
    assert told["poi_power_mw"] == -0.06
    assert told["exported_energy_mwh"] == pytest.approx(-0.06)
    assert (
        told["available_power_mw"]
        == told["effective_irradiance_w_m2"]
        == told["poi_reactive_power_mvar"]
        == 0
    )
    assert told["stations_standby"] == 20.0
    assert told["cell_temp_degc"] == pytest.approx(told["dry_bulb_temp_degc"], abs=0.5)
    night = PvPlant(cloudless, PvSettings(night_reactive=True), start_s=MIDNIGHT_OF_JUNE_9)
    told = stepped(night, 60.0, reactive_power_command_mvar=10.0)
    assert told["poi_reactive_power_mvar"] == pytest.approx(10.0 - 0.08 * 100.0 / 60.0, abs=0.01)
    assert told["poi_voltage_pu"] > 1.01


def test_a_limit_is_followed_at_the_station_s_ramp_and_shows_as_throttled(cloudless):
    plant = at_noon(cloudless, ramp_down_percent_per_s=2.0, ramp_up_percent_per_s=1.0)
    before = sum(plant.station_power_mw)
    stepped(plant, 1.0, 5, active_power_limit_percent=40.0)
    assert before - sum(plant.station_power_mw) == pytest.approx(0.02 * 60.0 * 5, rel=1e-3)
    told = stepped(plant, 1.0, 60, active_power_limit_percent=40.0)
    assert sum(plant.station_power_mw) == pytest.approx(24.0)
    assert told["stations_throttled"] == 20.0
    assert set(plant.station_states) == {"throttled"}
    assert told["available_power_mw"] > 40.0
    stepped(plant, 1.0, 10, active_power_limit_percent=80.0)
    assert sum(plant.station_power_mw) == pytest.approx(24.0 + 6.0, rel=1e-3)


def test_limit_0_is_standby_and_coming_back_takes_the_restart_time(cloudless):
    plant = at_noon(cloudless)
    told = stepped(plant, 1.0, active_power_limit_percent=0.0)
    assert (told["poi_power_mw"], told["stations_standby"]) == (-0.06, 20.0)
    told = stepped(plant, 1.0, 59)
    assert told["poi_power_mw"] == -0.06
    told = stepped(plant, 1.0, 30)
    assert told["poi_power_mw"] > 40.0
    # 1 % is not standby: that is why a controller never asks for less.
    assert stepped(plant, 1.0, 30, active_power_limit_percent=1.0)["stations_throttled"] == 20.0
    assert sum(plant.station_power_mw) == pytest.approx(0.6)


def test_a_limit_that_is_not_refreshed_reverts(cloudless):
    plant = at_noon(cloudless, reversion_time_s=30.0, reversion_limit_percent=90.0)
    for count in range(1, 7):
        told = stepped(plant, 10.0, active_power_limit_percent=50.0, limit_refresh_count=count)
        assert told["limit_in_force_percent"] == 50.0
    told = stepped(plant, 1.0, 29, active_power_limit_percent=50.0, limit_refresh_count=6)
    assert told["limit_in_force_percent"] == 50.0
    told = stepped(plant, 1.0, 1, active_power_limit_percent=50.0, limit_refresh_count=6)
    assert told["limit_in_force_percent"] == 90.0
    told = stepped(plant, 1.0, active_power_limit_percent=50.0, limit_refresh_count=7)
    assert told["limit_in_force_percent"] == 50.0
    forever = at_noon(cloudless)
    assert stepped(forever, 60.0, 60, active_power_limit_percent=50.0)["limit_in_force_percent"] == 50.0


@pytest.mark.parametrize("priority", ["active", "reactive"])
def test_reactive_power_stays_in_the_circle_and_one_of_the_two_has_priority(cloudless, priority):
    plant = at_noon(cloudless, reactive_priority=priority, apparent_power_mva=60.0)
    free = stepped(plant, 1.0, 30)
    told = stepped(plant, 1.0, 30, reactive_power_command_mvar=100.0)
    snapshot_p, snapshot_q = sum(plant.station_power_mw), told["poi_reactive_power_mvar"]
    gross = math.hypot(snapshot_p, snapshot_q + 0.08 * 60.0)
    assert gross == pytest.approx(60.0, rel=0.01) or gross < 60.0
    if priority == "active":
        assert snapshot_p == pytest.approx(free["available_power_mw"], rel=1e-3)
        assert told["reactive_capability_mvar"] == pytest.approx(
            min(math.sqrt(3600.0 - snapshot_p**2), 26.4), rel=0.01
        )
    else:
        taken = 0.08 * (snapshot_p**2 + 26.4**2) / 60.0 / told["poi_voltage_pu"] ** 2
        assert snapshot_q == pytest.approx(26.4 - taken, abs=0.01)
        assert snapshot_p <= math.sqrt(3600.0 - 26.4**2) + 1e-6
    assert told["poi_voltage_pu"] > free["poi_voltage_pu"]


def test_a_snapshot_of_another_plant_or_sky_is_refused(cloudless, weather):
    plant = at_noon(cloudless)
    plant.restore(at_noon(cloudless).snapshot())
    for other in (
        at_noon(cloudless, apparent_power_mva=60.0),
        at_noon(weather),
        at_noon(cloudless, stations=5),
    ):
        with pytest.raises(SnapshotError, match=f"a PV plant of {len(other.station_power_mw)} stations"):
            plant.restore(other.snapshot())


def test_a_low_voltage_takes_the_current_limit_down(cloudless):
    plant = at_noon(cloudless, apparent_power_mva=60.0)
    told = stepped(plant, 1.0, 30, grid_voltage_pu=0.87)
    assert 0.86 < told["poi_voltage_pu"] < 0.89
    # The circle limits where it is smaller than the sun.
    assert sum(plant.station_power_mw) <= 60.0 * told["poi_voltage_pu"] + 1e-6


@pytest.mark.parametrize(
    "grid", [{"grid_frequency_hz": 47.0}, {"grid_frequency_hz": 52.0}, {"grid_voltage_pu": 0.7},
             {"grid_voltage_pu": 1.25}, {"grid_voltage_pu": 0.0}]
)  # fmt: skip
def test_a_grid_outside_its_band_trips_all_and_they_reconnect(cloudless, grid):
    plant = at_noon(cloudless, trip_delay_s=0.5, reconnect_time_s=60.0)
    assert stepped(plant, 0.4, **grid)["stations_tripped"] == (
        20.0 if grid.get("grid_voltage_pu") == 0.0 else 0.0
    )
    told = stepped(plant, 0.2, 2, **grid)
    assert told["stations_tripped"] == 20.0
    assert told["poi_power_mw"] == (0.0 if grid.get("grid_voltage_pu") == 0.0 else -0.06)
    told = stepped(plant, 1.0, 50)
    assert (told["stations_standby"], told["poi_power_mw"]) == (20.0, -0.06)
    assert stepped(plant, 1.0, 40)["poi_power_mw"] > 40.0


def test_faults_of_stations_breaker_and_meter(cloudless):
    plant = at_noon(cloudless)
    whole = stepped(plant, 1.0)
    plant.set_fault("station_3_trip", True)
    told = stepped(plant, 1.0)
    assert told["stations_tripped"] == 1.0
    assert plant.station_states[2] == "tripped"
    assert told["poi_power_mw"] == pytest.approx(whole["poi_power_mw"] * 0.95, rel=0.005)
    plant.set_fault("poi_meter_lost", True)
    held = stepped(plant, 1.0)
    for fault in plant.faults[2:]:
        plant.set_fault(fault, True)
    told = stepped(plant, 60.0)
    assert (told["poi_power_mw"], told["stations_tripped"]) == (-0.06, 20.0)
    assert told["metered_power_mw"] == held["metered_power_mw"] > 40.0
    assert told["poi_meter_valid"] == 0.0
    plant.set_fault("poi_breaker_open", True)
    assert stepped(plant, 1.0)["poi_power_mw"] == 0.0
    for fault in plant.faults:
        plant.set_fault(fault, False)
    told = stepped(plant, 60.0, 3)
    assert told["poi_power_mw"] > 40.0
    assert told["metered_power_mw"] == pytest.approx(told["poi_power_mw"])
    with pytest.raises(PlantSettingError, match="no fault 'fire'"):
        plant.set_fault("fire", True)


def test_the_meter_lags(cloudless):
    plant = at_noon(cloudless, meter_time_constant_s=2.0, ramp_down_percent_per_s=1000.0)
    before = stepped(plant, 1.0, 10)["metered_power_mw"]
    told = stepped(plant, 2.0, active_power_limit_percent=50.0)
    left = (told["metered_power_mw"] - told["poi_power_mw"]) / (before - told["poi_power_mw"])
    assert left == pytest.approx(math.exp(-1.0), rel=1e-3)


def test_bad_inputs_are_held_or_clamped_and_counted(cloudless):
    plant = at_noon(cloudless)
    stepped(plant, 1.0, 60, active_power_limit_percent=50.0)
    told = stepped(plant, 1.0, active_power_limit_percent=math.nan)
    assert told["limit_in_force_percent"] == 50.0
    assert plant.rejected_inputs == 1
    # A negative limit never lifts the limit.
    told = stepped(plant, 1.0, active_power_limit_percent=-1.0)
    assert (told["limit_in_force_percent"], plant.clamped_inputs) == (0.0, 1)
    assert all(math.isfinite(value) for value in told.values())


def test_snapshot_and_restore_to_the_bit_and_step_0_changes_nothing(half_covered):
    plant = PvPlant(half_covered, seed=4, start_s=NOON_OF_JUNE_9)
    stepped(plant, 7.0, 50, active_power_limit_percent=70.0)
    plant.set_fault("station_2_trip", True)
    kept = plant.snapshot()
    later = [stepped(plant, 3.0, active_power_limit_percent=60.0) for _ in range(200)]
    other = PvPlant(half_covered, seed=4, start_s=0.0)
    other.restore(kept)
    once = stepped(other, 0.0, active_power_limit_percent=70.0)
    assert stepped(other, 0.0, active_power_limit_percent=70.0) == once
    other.restore(kept)
    assert [stepped(other, 3.0, active_power_limit_percent=60.0) for _ in range(200)] == later
    assert other.snapshot() == plant.snapshot()


def test_seeds_decide_the_clouds(half_covered):
    def hour(seed: int) -> list[float]:
        plant = PvPlant(half_covered, seed=seed, start_s=NOON_OF_JUNE_9)
        return [stepped(plant, 30.0)["poi_power_mw"] for _ in range(120)]

    assert hour(1) == hour(1)
    assert hour(1) != hour(2)


def test_the_pattern_is_uniform_so_that_a_threshold_is_a_share_of_the_sky():
    pattern = cloud_pattern(3)
    assert np.sort(pattern, axis=None) == pytest.approx((np.arange(pattern.size) + 0.5) / pattern.size)
    # Neighbours are alike, and less so the farther apart.
    near, middle, far = (
        float(np.corrcoef(pattern.ravel(), np.roll(pattern, cells, axis=1).ravel())[0, 1])
        for cells in (1, 8, 64)
    )
    assert near > 0.9 > middle > 0.2 > far


def test_ramps_reach_half_of_the_capacity_a_minute_and_are_rare(half_covered):
    """doi 10.1002/pip.2302 (PLANT.md §7): about 0.5 of the capacity per minute for a 60 MW plant."""
    plant = PvPlant(half_covered, PvSettings(longest_substep_s=60.0), seed=2)
    inputs = list(plant.default_inputs.values())
    power = np.array([plant.step(inputs, 60.0)[0] for _ in range(1440 * 60)])
    ramps = np.abs(np.diff(power)) / 60.0
    by_day = ramps[power[1:] > 3.0]
    assert np.percentile(by_day, 50) < 0.06
    assert 0.2 < np.percentile(by_day, 99) < 0.5
    assert 0.4 < by_day.max() < 0.75


def test_a_large_plant_ramps_more_slowly_than_a_small_one(half_covered):
    def steep(area_ha: float) -> float:
        settings = PvSettings(area_ha=area_ha)
        plant = PvPlant(half_covered, settings, seed=2, start_s=NOON_OF_JUNE_9 - 7200.0)
        inputs = list(plant.default_inputs.values())
        power = np.array([plant.step(inputs, 10.0)[8] for _ in range(1440)])
        return float(np.percentile(np.abs(np.diff(power)), 95))

    assert steep(1.0) > 1.5 * steep(100.0)


def test_one_station_shades_before_another(half_covered):
    plant = PvPlant(half_covered, seed=2, start_s=NOON_OF_JUNE_9)
    spread = []
    for _ in range(200):
        stepped(plant, 30.0)
        spread.append(np.ptp(plant.station_power_mw))
    assert max(spread) > 1.0
    assert min(spread) < 0.2


@pytest.mark.parametrize("stations", [1, 7, 20])
def test_stations_of_any_number_cover_the_area(cloudless, stations):
    points = station_points(PvSettings(stations=stations))
    assert points.shape == (stations, 4, 2)
    assert 0.0 < points.min() < points.max() < 1000.0
    plant = at_noon(cloudless, stations=stations)
    assert stepped(plant, 1.0)["stations_running"] == stations


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"stations": 0}, "stations is 0"),
        ({"stations": 2.5}, "whole number"),
        ({"mounting": "roof"}, "fixed or tracking"),
        ({"reactive_priority": "both"}, "active or reactive"),
        ({"dc_capacity_mw": float("nan")}, "dc_capacity_mw is nan"),
        ({"apparent_power_mva": 50.0}, "cannot carry"),
        ({"frequency_low_hz": 52.0}, "must be below"),
    ],
)  # fmt: skip
def test_settings_that_make_no_plant_are_refused(settings, told):
    with pytest.raises(PlantSettingError, match=told):
        PvSettings(**settings)


def test_a_start_outside_the_year_is_refused(cloudless):
    with pytest.raises(PlantSettingError, match="start_s"):
        PvPlant(cloudless, start_s=366 * 86_400.0)
    with pytest.raises(PlantSettingError, match="seed"):
        PvPlant(cloudless, seed=-1)


def test_the_year_goes_round(cloudless):
    plant = PvPlant(cloudless, start_s=365 * 86_400.0 - 30.0)
    told = stepped(plant, 60.0)
    assert plant.time_of_year_s == pytest.approx(30.0)
    assert told["poi_power_mw"] == -0.06


@pytest.mark.parametrize(("p_mw", "q_mvar"), [(60.0, 0.0), (50.0, 26.4), (50.0, -26.4), (-5.0, 0.0)])
def test_the_voltage_at_the_poi_solves_the_power_flow(p_mw, q_mvar):
    """Against the phasors: V = E + Z conj(S / V), iterated."""
    impedance = complex(1.0, 3.0) / abs(complex(1.0, 3.0)) / 300.0
    voltage = complex(0.98, 0.0)
    for _ in range(200):
        voltage = 0.98 + impedance * (complex(p_mw, q_mvar) / voltage).conjugate()
    assert poi_voltage_pu(p_mw, q_mvar, 0.98, 300.0, 3.0) == pytest.approx(abs(voltage), rel=1e-9)


@pytest.mark.parametrize("start_s", [NOON_OF_JUNE_9, MIDNIGHT_OF_JUNE_9, MIDNIGHT_OF_JUNE_9 + 5.0 * 3600.0])
def test_whatever_comes_in_every_output_is_finite_and_inside_what_is_physical(half_covered, start_s):
    rng = np.random.default_rng(1)
    plant = PvPlant(half_covered, PvSettings(reversion_time_s=20.0, night_reactive=True), start_s=start_s)
    odd = (math.nan, math.inf, -math.inf, -1.0, 0.0, 1e-9, 1.0, 50.0, 100.0, 1e300)
    for _ in range(3000):
        inputs = list(plant.default_inputs.values())
        slot = rng.integers(5)
        inputs[slot] = odd[rng.integers(len(odd))] if rng.random() < 0.5 else inputs[slot] * 2 * rng.random()
        plant.set_fault(plant.faults[rng.integers(len(plant.faults))], bool(rng.random() < 0.3))
        told = dict(zip(NAMES, plant.step(inputs, float(rng.choice([0.0, 0.1, 1.0, 60.0]))), strict=True))
        assert all(math.isfinite(value) for value in told.values())
        assert -0.06 - 0.015 * 66.0**2 / 60.0 - 1e-9 <= told["poi_power_mw"] <= 60.0
        assert 0.0 <= told["available_power_mw"] <= 60.0 + 1e-9
        assert 0.0 <= min(plant.station_power_mw) <= max(plant.station_power_mw) <= 3.0 + 1e-9
        states = [told[f"stations_{state}"] for state in ("running", "tripped", "standby")]
        assert sum(states) == 20.0
    assert plant.rejected_inputs > 0 < plant.clamped_inputs


def test_exported_energy_is_the_power_over_time(half_covered):
    plant = PvPlant(half_covered, seed=2, start_s=NOON_OF_JUNE_9)
    power = [stepped(plant, 0.0)["poi_power_mw"]]
    for _ in range(900):
        told = stepped(plant, 2.0)
        power.append(told["poi_power_mw"])
    assert told["exported_energy_mwh"] == pytest.approx(np.trapezoid(power, dx=2.0) / 3600.0, rel=1e-12)
    assert np.ptp(power) > 5.0
    # One step of half an hour is divided, and takes the same energy.
    long = PvPlant(half_covered, seed=2, start_s=NOON_OF_JUNE_9)
    assert stepped(long, 1800.0)["exported_energy_mwh"] == pytest.approx(
        told["exported_energy_mwh"], rel=0.02
    )
