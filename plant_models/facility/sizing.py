"""Sizes of a facility from its spec: the steps in their order, and the rules of thumb they are held against."""

from __future__ import annotations

import numpy as np

from plant_models.errors import PlantSettingError
from plant_models.facility.power_sizing import size_power
from plant_models.facility.rejection_sizing import size_rejection
from plant_models.facility.sizes import FacilitySizes, SizingCheck
from plant_models.facility.spec import FacilitySpec
from plant_models.facility.water_sizing import design_of, size_cdus, size_water, tcs_flow_check
from plant_models.weather_air import dew_point_degc, saturation_pressure_kpa


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
