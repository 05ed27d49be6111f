"""Figures of a bank of chillers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from plant_models.components.checks import checked_settings
from plant_models.errors import DatasheetError


@dataclass(frozen=True, slots=True, kw_only=True)
class ChillerSettings:
    """One machine's figures, its times and its controller; shares are of the nominal capacity.

    Attributes
    ----------
    nominal_cop : float
        Cooling over electrical power, condenser fans included, at full load and the two temperatures below. The
        default with them is the least that ASHRAE 90.1-2019, table 6.8.1-3, allows an air-cooled machine (EER 10.1).
    nominal_supply_temp_degc, nominal_air_temp_degc : float
        Leaving water and condenser air at which capacity and COP are stated; AHRI 550/590 has 6.7 and 35 °C.
    evaporator_approach_k, condenser_approach_k : float
        Leaving water over evaporating, condensing over condenser air temperature, both at full load.
    least_lift_k : float
        Condensing over evaporating temperature that the head-pressure control keeps up on cool days.
    no_load_power_share : float
        Part of the full-load power that a running machine draws at no load. With the least lift it puts the part-load
        figure of the default machine (IPLV, AHRI 550/590) at EER 14.5, where the table above asks for 14.0.
    capacity_by_air_per_k, capacity_by_water_per_k, most_capacity_ratio : float
        Capacity lost per kelvin of warmer air, gained per kelvin of warmer leaving water, and its limit over nominal
        (the drive's). The defaults are about the middle of makers' tables: assumptions.
    least_load : float
        Below it a machine cannot unload.
    hot_gas_bypass : float
        1: below the least load hot gas takes up the rest, at the power of the least load; 0: the machine cycles.
    start_time_s, load_ramp_time_s : float
        Pre-lubrication and proof of flow; 0 to 100 % load.
    least_on_time_s, least_off_time_s, start_to_start_time_s, restart_delay_s : float
        Minimum times; the last after a trip.
    lead_delay_s, lag_delay_s, stage_down_delay_s, cycle_off_delay_s : float
        For which a condition must hold before the first, a further, one fewer, no machine is wanted.
    stage_up_load, stage_down_load : float
        Mean load at which another machine is wanted; that at which the others could do without the last.
    start_difference_k, stage_up_difference_k, cycle_off_difference_k : float
        Outlet over set-point for the first and for further machines; under it to switch the last one off.
    least_flow_share, flow_proof_time_s : float
        Of the bank's design flow; a flow below it for that time trips.
    freeze_trip_temp_degc, high_air_trip_temp_degc : float
        Outlet and condenser air; trips are reset 1 K and 3 K on the safe side.
    controller_gain, controller_integral_time_s : float
        Full load over the bank's design range; reset time.
    drop_kpa, transit_time_s : float
        Of the evaporators at design flow; their contents over it.
    temp_degc : float
        Of the evaporators' water, to start with.
    """

    nominal_cop: float = 2.96
    nominal_supply_temp_degc: float = 6.7
    nominal_air_temp_degc: float = 35.0
    evaporator_approach_k: float = 4.0
    condenser_approach_k: float = 14.0
    least_lift_k: float = 26.0
    no_load_power_share: float = 0.12
    capacity_by_air_per_k: float = 0.008
    capacity_by_water_per_k: float = 0.03
    most_capacity_ratio: float = 1.15
    least_load: float = 0.2
    hot_gas_bypass: float = 0.0
    start_time_s: float = 60.0
    load_ramp_time_s: float = 120.0
    least_on_time_s: float = 300.0
    least_off_time_s: float = 180.0
    start_to_start_time_s: float = 900.0
    restart_delay_s: float = 300.0
    lead_delay_s: float = 10.0
    lag_delay_s: float = 120.0
    stage_down_delay_s: float = 300.0
    cycle_off_delay_s: float = 30.0
    stage_up_load: float = 0.95
    stage_down_load: float = 0.8
    start_difference_k: float = 1.0
    stage_up_difference_k: float = 0.3
    cycle_off_difference_k: float = 1.0
    least_flow_share: float = 0.4
    flow_proof_time_s: float = 5.0
    freeze_trip_temp_degc: float = 3.0
    high_air_trip_temp_degc: float = 52.0
    controller_gain: float = 1.0
    controller_integral_time_s: float = 40.0
    drop_kpa: float = 60.0
    transit_time_s: float = 20.0
    temp_degc: float = 25.0


_HOTTEST_RETURN_DEGC = 100.0
_TIME = (0.0, 7200.0)
RANGES = {
    "nominal_cop": (0.5, 30.0), "nominal_supply_temp_degc": (-20.0, 60.0), "nominal_air_temp_degc": (-20.0, 60.0),
    "evaporator_approach_k": (0.1, 30.0), "condenser_approach_k": (0.1, 50.0), "least_lift_k": (1.0, 60.0),
    "no_load_power_share": (0.0, 0.5), "capacity_by_air_per_k": (0.0, 0.03), "capacity_by_water_per_k": (0.0, 0.06),
    "most_capacity_ratio": (1.0, 2.0), "least_load": (0.02, 0.9), "hot_gas_bypass": (0.0, 1.0),
    "start_time_s": (1.0, 7200.0), "load_ramp_time_s": (1.0, 7200.0), "least_on_time_s": _TIME,
    "least_off_time_s": _TIME, "start_to_start_time_s": _TIME, "restart_delay_s": _TIME, "lead_delay_s": _TIME,
    "lag_delay_s": _TIME, "stage_down_delay_s": _TIME, "cycle_off_delay_s": _TIME, "stage_up_load": (0.3, 0.99),
    "stage_down_load": (0.1, 0.95), "start_difference_k": (0.05, 20.0), "stage_up_difference_k": (0.05, 20.0),
    "cycle_off_difference_k": (0.05, 20.0), "least_flow_share": (0.01, 0.95), "flow_proof_time_s": (0.0, 600.0),
    "freeze_trip_temp_degc": (-40.0, 40.0), "high_air_trip_temp_degc": (20.0, 70.0), "controller_gain": (0.01, 20.0),
    "controller_integral_time_s": (5.0, 3600.0), "drop_kpa": (0.1, 500.0), "transit_time_s": (2.0, 600.0),
    "temp_degc": (-20.0, 100.0),
}  # fmt: skip


def settings_from(figures: Mapping[str, float]) -> ChillerSettings:
    """Check ``figures``.

    Raises
    ------
    PlantSettingError
        No such figure, or one out of range.
    DatasheetError
        A nominal COP that the second law does not allow; a freeze trip that the nominal supply would set off.
    """
    settings = checked_settings("chiller", ChillerSettings, figures, RANGES)
    carnot_share(settings)
    if settings.freeze_trip_temp_degc >= settings.nominal_supply_temp_degc:
        raise DatasheetError(
            f"chiller: freeze_trip_temp_degc = {settings.freeze_trip_temp_degc:g} is not below "
            f"nominal_supply_temp_degc = {settings.nominal_supply_temp_degc:g}: it would trip at its nominal point"
        )
    return settings


def check_range(s: ChillerSettings, capacity_kw: float, flow_kg_s: float, cp_j_kgk: float) -> None:
    """Refuse a capacity (kW, of the whole bank) and a flow between which no water could be.

    Raises
    ------
    DatasheetError
        At both, water would have to come hotter than it boils.
    """
    range_k = 1000.0 * capacity_kw / (flow_kg_s * cp_j_kgk)
    if s.nominal_supply_temp_degc + range_k > _HOTTEST_RETURN_DEGC:
        raise DatasheetError(
            f"chiller: capacity_kw = {capacity_kw:g} of all machines and flow_kg_s = {flow_kg_s:g} disagree: water "
            f"that leaves at nominal_supply_temp_degc = {s.nominal_supply_temp_degc:g} would come {range_k:.0f} K "
            f"warmer, above {_HOTTEST_RETURN_DEGC:g} °C"
        )


def carnot_share(s: ChillerSettings) -> float:
    """Nominal COP over Carnot's between evaporating and condensing temperature.

    Raises
    ------
    DatasheetError
        It is not below 1.
    """
    evaporating_k = s.nominal_supply_temp_degc - s.evaporator_approach_k + 273.15
    condensing_k = s.nominal_air_temp_degc + s.condenser_approach_k + 273.15
    lift_k = max(condensing_k - evaporating_k, s.least_lift_k)
    most = evaporating_k / lift_k
    if s.nominal_cop >= most:
        raise DatasheetError(
            f"chiller: nominal_cop = {s.nominal_cop:g} at a lift of {lift_k:.4g} K from "
            f"{evaporating_k - 273.15:.4g} °C is against the second law: Carnot's is {most:.4g}"
        )
    return s.nominal_cop / most
