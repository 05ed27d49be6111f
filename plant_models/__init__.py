"""Physics of the plant: no I/O, clock, thread or logger.

The names below load their modules when first used, so that a process pays for what it takes: numba
comes with :class:`CduPlant`, python-control only with :func:`to_control` and :func:`linearize`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plant_models.cdu import CduPlant
    from plant_models.cold_plate import ColdPlate
    from plant_models.datasheets import (
        DATASHEETS,
        DESCHUTES_2MW,
        XDU1350,
        CduDatasheet,
        datasheet,
        datasheet_from,
    )
    from plant_models.errors import (
        DatasheetError,
        LinearModelError,
        NoEquilibriumError,
        PlantError,
        PlantSettingError,
        SnapshotError,
        WeatherError,
    )
    from plant_models.facility.plant import facility_plant
    from plant_models.facility.sizes import FacilitySizes
    from plant_models.facility.sizing import size_facility
    from plant_models.facility.spec import FacilitySpec
    from plant_models.fluid import Fluid, FluidProperties, fluid_properties
    from plant_models.io_system import linear_kinks, linearize, to_control
    from plant_models.linear import LinearPlant
    from plant_models.ports import Port
    from plant_models.pv.plant import PvPlant
    from plant_models.pv.settings import PvSettings
    from plant_models.pv.wan import WanDelay
    from plant_models.sizing import CduSettings
    from plant_models.system.composition import Composition
    from plant_models.system.plant import SystemPlant
    from plant_models.weather.climate import Climate, climate
    from plant_models.weather.file import read_epw, read_tmy3
    from plant_models.weather.series import Weather
    from plant_models.weather.year import synthetic_year

_HOMES = {
    "CduPlant": "cdu",
    "ColdPlate": "cold_plate",
    "DATASHEETS": "datasheets",
    "DESCHUTES_2MW": "datasheets",
    "XDU1350": "datasheets",
    "CduDatasheet": "datasheets",
    "datasheet_from": "datasheets",
    "DatasheetError": "errors",
    "LinearModelError": "errors",
    "NoEquilibriumError": "errors",
    "SnapshotError": "errors",
    "PlantError": "errors",
    "PlantSettingError": "errors",
    "WeatherError": "errors",
    "FacilitySizes": "facility.sizes",
    "FacilitySpec": "facility.spec",
    "facility_plant": "facility.plant",
    "size_facility": "facility.sizing",
    "Fluid": "fluid",
    "FluidProperties": "fluid",
    "fluid_properties": "fluid",
    "linear_kinks": "io_system",
    "linearize": "io_system",
    "to_control": "io_system",
    "LinearPlant": "linear",
    "Port": "ports",
    "PvPlant": "pv.plant",
    "PvSettings": "pv.settings",
    "WanDelay": "pv.wan",
    "CduSettings": "sizing",
    "datasheet": "datasheets",
    "Composition": "system.composition",
    "SystemPlant": "system.plant",
    "Weather": "weather.series",
    "Climate": "weather.climate",
    "climate": "weather.climate",
    "read_epw": "weather.file",
    "read_tmy3": "weather.file",
    "synthetic_year": "weather.year",
}
__all__ = [
    "DATASHEETS",
    "DESCHUTES_2MW",
    "XDU1350",
    "CduDatasheet",
    "CduPlant",
    "CduSettings",
    "Climate",
    "ColdPlate",
    "Composition",
    "DatasheetError",
    "FacilitySizes",
    "FacilitySpec",
    "Fluid",
    "FluidProperties",
    "LinearModelError",
    "LinearPlant",
    "NoEquilibriumError",
    "PlantError",
    "PlantSettingError",
    "Port",
    "PvPlant",
    "PvSettings",
    "SnapshotError",
    "SystemPlant",
    "WanDelay",
    "Weather",
    "WeatherError",
    "climate",
    "datasheet",
    "datasheet_from",
    "facility_plant",
    "fluid_properties",
    "linear_kinks",
    "linearize",
    "read_epw",
    "read_tmy3",
    "size_facility",
    "synthetic_year",
    "to_control",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """Load the module of a public name."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
