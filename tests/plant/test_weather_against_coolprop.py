"""Psychrometrics against CoolProp's moist air (its own equations of state, not ASHRAE's fits)."""

import numpy as np
import pytest
from CoolProp.HumidAirProp import HAPropsSI

from plant_models.weather.air import dew_point_degc, saturation_pressure_kpa, wet_bulb_degc
from plant_models.weather.year import synthetic_year


def wet_bulb_of_coolprop(temp_degc: float, humidity_percent: float, pressure_kpa: float) -> float:
    return (
        HAPropsSI("B", "T", temp_degc + 273.15, "R", humidity_percent / 100.0, "P", 1000.0 * pressure_kpa)
        - 273.15
    )


def test_wet_bulb_over_the_range_of_weather():
    temps, humidities, pressures = (
        grid.ravel()
        for grid in np.meshgrid(
            [5.0, 15.0, 25.0, 35.0, 45.0, 49.0], [5.0, 15.0, 30.0, 60.0, 90.0], [95.0, 101.3]
        )
    )
    ours = wet_bulb_degc(temps, humidities, pressures)
    warm = ours > 1.0  # below, whether water or ice covers the bulb is a convention
    theirs = np.array(
        [
            wet_bulb_of_coolprop(*point)
            for point in zip(temps[warm], humidities[warm], pressures[warm], strict=True)
        ]
    )
    error_k = np.abs(ours[warm] - theirs).max()
    assert warm.sum() > 50
    assert error_k < 0.06


def test_wet_bulb_of_a_synthetic_year():
    year = synthetic_year("tozeur", 2)
    rows = range(0, 8760, 97)
    theirs = [
        wet_bulb_of_coolprop(
            year.dry_bulb_temp_degc[n], max(year.relative_humidity_percent[n], 0.1), year.pressure_kpa[n]
        )
        for n in rows
    ]
    ours = [year.wet_bulb_temp_degc[n] for n in rows]
    assert ours == pytest.approx(theirs, abs=0.1)


def test_dew_point_and_saturation_pressure():
    for temp_degc in (2.0, 20.0, 45.0):
        theirs_kpa = HAPropsSI("P_w", "T", temp_degc + 273.15, "R", 1.0, "P", 101_325.0) / 1000.0
        # CoolProp's has the enhancement by air in it, which ASHRAE's does not: 0.4 to 0.5 %.
        assert saturation_pressure_kpa(np.array([temp_degc]))[0] == pytest.approx(theirs_kpa, rel=0.006)
        vapour_kpa = saturation_pressure_kpa(np.array([temp_degc]))
        assert dew_point_degc(vapour_kpa)[0] == pytest.approx(temp_degc, abs=1e-7)
