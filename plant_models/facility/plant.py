"""The facility as one plant, in equilibrium at its start."""

from __future__ import annotations

from collections.abc import Iterable

from plant_models.errors import NoEquilibriumError
from plant_models.facility.assembly import add_cdus, add_meters, add_power, add_rejection, add_water
from plant_models.facility.sizes import FacilitySizes
from plant_models.facility.sizing import size_facility
from plant_models.facility.spec import FacilitySpec
from plant_models.system.composition import Composition
from plant_models.system.plant import SystemPlant

OF_EACH_CDU = ("tcs_supply_temp_degc", "rack_differential_pressure_kpa", "cold_plate_case_temp_degc")
OF_THE_WHOLE = (
    "fws.flow_kg_s", "fws.differential_pressure_kpa", "fws.supply_temp_degc", "fws.return_temp_degc",
    "fws.pump_power_kw", "free_cooling.supply_temp_degc", "free_cooling.valve_position_percent",
    "free_cooling.cooler_flow_kg_s", "coolers.outlet_temp_degc", "coolers.heat_kw", "coolers.entering_air_temp_degc",
    "coolers.fan_power_kw", "coolers.water_use_kg_s", "chillers.outlet_temp_degc", "chillers.cooling_kw",
    "chillers.power_kw", "chillers.machines_running", "buffer.outlet_temp_degc", "power.it_power_kw",
    "power.mechanical_power_kw", "power.facility_power_kw", "power.ups_loss_kw", "power.on_bypass",
    "power.battery_minutes", "site.hottest_case_temp_degc", "site.pue", "site.wue_l_kwh", "site.pue_since_start",
    "site.wue_since_start_l_kwh",
)  # fmt: skip
"""Outputs by default: what controllers, key figures and the report's picture take."""
_COOLER_THAN_LIMIT_K, _DEPRESSION_K = 12.0, 4.0
"""Of the air at the start: dry bulb below the free-cooling limit, wet bulb below that."""


def composition(spec: FacilitySpec, sizes: FacilitySizes) -> Composition:
    """Components of ``sizes``, wired; for those who add to it or look at it before it is built."""
    whole = Composition()
    add_water(whole, spec, sizes)
    add_cdus(whole, spec, sizes)
    add_rejection(whole, spec, sizes)
    add_power(whole, spec, sizes)
    add_meters(whole, sizes)
    return whole


def default_outputs(sizes: FacilitySizes) -> tuple[str, ...]:
    """Give the outputs of a facility where none are chosen, as ``instance.port``."""
    cdus = range(1, sizes.cdus.installed + 1)
    missing = () if sizes.rejection.machines else ("chillers",)
    whole = [port for port in OF_THE_WHOLE if not port.startswith(missing)]
    return (*(f"cdu_{i}.{name}" for i in cdus for name in OF_EACH_CDU), *whole)


def start_inputs(sizes: FacilitySizes) -> dict[str, float]:
    """Give the inputs at the start: the IT's load shared evenly, mild air, free cooling, about its set-points."""
    air = sizes.rejection.free_cooling_dry_bulb_degc - _COOLER_THAN_LIMIT_K
    whole = {
        "dry_bulb_temp_degc": air,
        "wet_bulb_temp_degc": air - _DEPRESSION_K,
        "fws_pump_speed_command_percent": 75.0,
        "fws_standby_pump_speed_command_percent": 0.0,
        "free_cooling_valve_command_percent": 100.0,
        "cooler_fan_speed_command_percent": 35.0,
        "pad_command_percent": 0.0,
        "chiller_enable_command_percent": 0.0,
        "chiller_supply_setpoint_temp_degc": sizes.water.supply_temp_degc,
        "ups_bypass_command_percent": 0.0,
        "breaker_reset_command_percent": 0.0,
    }
    for i in range(1, sizes.cdus.installed + 1):
        whole[f"cdu_{i}_rack_heat_kw"] = sizes.cdus.load_kw
        whole[f"cdu_{i}_fws_valve_command_percent"] = 75.0
        whole[f"cdu_{i}_tcs_pump_speed_command_percent"] = 80.0
    return whole


def facility_plant(
    spec: FacilitySpec, outputs: Iterable[str] | None = None, longest_substep_s: float = 0.5
) -> SystemPlant:
    """Size a facility and compose it, at rest under its start's commands and loads (:func:`start_inputs`).

    Parameters
    ----------
    spec : FacilitySpec
    outputs : iterable of str, optional
        As ``instance.port`` (instances: fws, return_pipe, free_cooling, coolers, chillers, buffer, supply_pipe,
        cdu_1 …, power, site); :func:`default_outputs` by default.
    longest_substep_s : float
        As for :meth:`plant_models.Composition.build`.

    Raises
    ------
    DatasheetError, PlantSettingError
        As :func:`plant_models.facility.sizing.size_facility`; also no such output.
    NoEquilibriumError
        It does not settle under its start's commands and loads.
    """
    sizes = size_facility(spec)
    chosen = default_outputs(sizes) if outputs is None else outputs
    plant = composition(spec, sizes).build(chosen, longest_substep_s=longest_substep_s)
    start = {name: value for name, value in start_inputs(sizes).items() if name in plant.inputs}
    if not plant.start_at(start):
        raise NoEquilibriumError("the facility does not settle under its start's commands and loads")
    return plant
