"""The PV plant on clear days against pvlib itself, called minute by minute with no table between."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pvlib import iam, inverter, irradiance, location, pvsystem, temperature, tracking

from plant_models.pv.plant import PvPlant
from plant_models.pv.settings import PvSettings
from plant_models.weather.year import synthetic_year

CLEAR = {"cell_time_constant_s": 0.0, "ramp_up_percent_per_s": 1000.0}
DAYS = (20, 100, 171, 264, 354)
"""Winter, spring, solstice, equinox, solstice; counted from 0."""


@pytest.fixture(scope="module")
def cloudless():
    return replace(synthetic_year("tozeur", 1), cloud_cover_percent=np.zeros(8760))


def ours(weather, day: int, settings: PvSettings) -> tuple[np.ndarray, np.ndarray]:
    """Irradiance (W/m2) and available AC power (MW) at each minute of a day."""  # (1440,), (1440,)
    plant = PvPlant(weather, settings, start_s=86_400.0 * day)
    places = [[port.name for port in plant.output_ports].index(name) for name in (
        "effective_irradiance_w_m2", "available_power_mw"
    )]  # fmt: skip
    inputs = list(plant.default_inputs.values())
    rows = [plant.step(inputs, 0.0 if minute == 0 else 60.0) for minute in range(1440)]
    return tuple(np.array([[row[place] for row in rows] for place in places]))


def theirs(weather, day: int, settings: PvSettings) -> tuple[np.ndarray, np.ndarray]:
    site = location.Location(weather.latitude_deg, weather.longitude_deg, "Etc/GMT-1", weather.altitude_m)
    times = pd.date_range(
        pd.Timestamp("2025-01-01", tz="Etc/GMT-1") + pd.Timedelta(days=day), periods=1440, freq="1min"
    )
    sun = site.get_solarposition(times)
    sky = site.get_clearsky(times, model="ineichen")
    if settings.mounting == "tracking":
        turned = tracking.singleaxis(sun["apparent_zenith"], sun["azimuth"], max_angle=55.0, gcr=0.35).fillna(
            0.0
        )
        tilt, facing = turned["surface_tilt"], turned["surface_azimuth"]
    else:
        tilt, facing = 30.0, 180.0
    plane = irradiance.get_total_irradiance(
        tilt, facing, sun["apparent_zenith"], sun["azimuth"], sky["dni"], sky["ghi"], sky["dhi"],
        dni_extra=irradiance.get_extra_radiation(times), model="haydavies", albedo=0.25,
    )  # fmt: skip
    aoi = irradiance.aoi(tilt, facing, sun["apparent_zenith"], sun["azimuth"])
    effective = (plane["poa_direct"] * iam.physical(aoi) + plane["poa_diffuse"]).fillna(0.0)
    hours = np.arange(1440) / 60.0 + 24.0 * day
    row = np.arange(8760)
    air = np.interp(hours, row, weather.dry_bulb_temp_degc, period=8760)
    wind = np.interp(hours, row, weather.wind_speed_m_s, period=8760)
    cell = temperature.faiman(effective, air, wind)
    dc_mw = pvsystem.pvwatts_dc(effective, cell, 72.0 * 0.94, -0.0035)
    return effective.to_numpy(), np.asarray(inverter.pvwatts(dc_mw.to_numpy(), 60.0 / 0.96, 0.96))


@pytest.mark.parametrize("mounting", ["fixed", "tracking"])
def test_clear_days(cloudless, mounting):
    settings = PvSettings(mounting=mounting, **CLEAR)
    worst_w_m2 = worst_mw = worst_energy = 0.0
    for day in DAYS:
        irradiance_w_m2, power_mw = ours(cloudless, day, settings)
        expected_w_m2, expected_mw = theirs(cloudless, day, settings)
        assert expected_mw.max() > 30.0
        worst_w_m2 = max(worst_w_m2, np.abs(irradiance_w_m2 - expected_w_m2).max())
        worst_mw = max(worst_mw, np.abs(power_mw - expected_mw).max())
        worst_energy = max(worst_energy, abs(power_mw.sum() / expected_mw.sum() - 1.0))
    told = f"{worst_w_m2:.2f} W/m2, {worst_mw:.3f} MW, energy {worst_energy:.2e}"
    # The table is straight between 5 min; sunrise, backtracking's end and clipping have corners inside it.
    assert worst_w_m2 < 8.0, told
    assert worst_mw < 0.5, told
    assert worst_energy < 5e-4, told


def test_the_modules_own_time_constant_changes_little_on_a_clear_day(cloudless):
    lagging = PvSettings(ramp_up_percent_per_s=1000.0)
    power_mw = ours(cloudless, 171, lagging)[1]
    expected_mw = theirs(cloudless, 171, lagging)[1]
    assert power_mw.sum() == pytest.approx(expected_mw.sum(), rel=2e-3)
    assert np.abs(power_mw - expected_mw).max() < 0.6


def test_a_file_s_radiation_gives_its_energy(cloudless):
    """Hourly GHI of 60 % of the clear sky: the field of clouds must take 40 % of it away, on average."""
    site = location.Location(
        cloudless.latitude_deg, cloudless.longitude_deg, "Etc/GMT-1", cloudless.altitude_m
    )
    times = pd.date_range(pd.Timestamp("2025-01-01", tz="Etc/GMT-1"), periods=8760 * 12, freq="5min")
    clear = site.get_clearsky(times)["ghi"].to_numpy().reshape(8760, 12).mean(axis=1)
    plant = PvPlant(replace(cloudless, ghi_w_m2=0.6 * clear), seed=3)
    inputs = list(plant.default_inputs.values())
    place = [port.name for port in plant.output_ports].index("clearness_index")
    irradiated = place - 1
    rows = np.array([plant.step(inputs, 300.0) for _ in range(12 * 24 * 60)])
    by_day = rows[rows[:, irradiated] > 50.0][:, place]
    assert by_day.mean() == pytest.approx(0.6, abs=0.03)
    assert by_day.std() > 0.1
