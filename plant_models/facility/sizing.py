"""Sizes of a facility from its spec: the steps in their order, and the rules of thumb they are held against."""

from __future__ import annotations

import numpy as np

from plant_models.cold_plate import OCP_1KW_OAM_PG25
from plant_models.errors import PlantSettingError
from plant_models.facility.power_sizing import size_power
from plant_models.facility.rejection_sizing import size_rejection
from plant_models.facility.sizes import CduSizes, FacilitySizes, SizingCheck
from plant_models.facility.spec import FacilitySpec
from plant_models.facility.water_sizing import design_of, size_cdus, size_water, tcs_flow_check
from plant_models.fluid import freezing_point_degc
from plant_models.sizing import DesignPoint
from plant_models.weather.air import dew_point_degc, saturation_pressure_kpa


def size_facility(spec: FacilitySpec) -> FacilitySizes:
    """Size all parts of a facility.

    The equations are in the modules of the steps: modules, CDUs and water in :mod:`.water_sizing`; coolers, chillers
    and buffer in :mod:`.rejection_sizing`; transformers and UPS in :mod:`.power_sizing`.

    Raises
    ------
    DatasheetError
        Figures of the CDU's sheet that disagree.
    PlantSettingError
        A spec that no facility can be made of, or one against a rule of thumb; the message names the figures.
    """
    point = design_of(spec)
    cdus = size_cdus(spec, point)
    water = size_water(spec, cdus, point)
    rejection = size_rejection(spec, water)
    checks = (
        tcs_flow_check(spec.sheet, point),
        _dew_point_check(spec),
        _case_check(spec, cdus, point),
        _freezing_check(spec),
    )
    for check in checks:
        if not check.low <= check.value <= check.high:
            raise PlantSettingError(
                f"facility: {check.figure} = {check.value:.3g} {check.unit} is outside {check.low:.3g} … "
                f"{check.high:.3g} ({check.source})"
            )
    return FacilitySizes(
        cdus=cdus,
        water=water,
        rejection=rejection,
        power=size_power(spec, cdus, water, rejection),
        checks=checks,
    )


def _case_check(spec: FacilitySpec, cdus: CduSizes, point: DesignPoint) -> SizingCheck:
    """Case temperature at full load with the spare CDUs out, to be below the one at which devices throttle."""
    plate, sheet = OCP_1KW_OAM_PG25, spec.sheet
    l_min = sheet.tcs_flow_kg_s / point.tcs.density_kg_m3 * 60_000.0 / (sheet.duty_kw / plate.power_kw)
    resistance = float(np.interp(l_min, plate.flow_l_min, plate.resistance_k_w))
    device_w = 1000.0 * plate.power_kw * cdus.worst_load_kw / sheet.duty_kw
    return SizingCheck(
        figure="case temperature at full load",
        value=spec.supply_temp_degc + sheet.approach_k + resistance * device_w,
        low=0.0,
        high=spec.throttle_case_temp_degc,
        unit="°C",
        source=f"throttle_case_temp_degc; {resistance:.4f} K/W at {l_min:.2f} L/min, OCP OAI guideline 2023",
    )


def _freezing_check(spec: FacilitySpec) -> SizingCheck:
    """Coldest month's mean daily minimum over the facility water's freezing point: it stands in coolers outdoors."""
    freezing = freezing_point_degc(spec.sheet.fws_fluid)
    return SizingCheck(
        figure="coldest month's mean daily minimum over the facility water's freezing point",
        value=min(spec.place.min_temp_degc) - freezing,
        low=0.0,
        high=200.0,
        unit="K",
        source=f"{spec.place.name}; it freezes at {freezing:.1f} °C: a cdu sheet with glycol as fws_fluid",
    )


def _dew_point_check(spec: FacilitySpec) -> SizingCheck:
    """TCS supply over the dew point of the most humid month's mean day."""
    place = spec.place
    mean = 0.5 * (np.array(place.min_temp_degc) + np.array(place.max_temp_degc))
    vapour = saturation_pressure_kpa(mean) * np.array(place.relative_humidity_percent) / 100.0
    dew = float(dew_point_degc(np.array([vapour.max()]))[0])
    return SizingCheck(
        figure="TCS supply over outdoor dew point",
        value=spec.supply_temp_degc + spec.sheet.approach_k - dew,
        low=2.0,
        high=100.0,
        unit="K",
        source=f"PLANT.md §3: 2–3 K at least; dew point {dew:.1f} °C",
    )
