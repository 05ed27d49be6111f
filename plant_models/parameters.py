"""Parameters of the CDU's kernels: names for people, places in one array for the compiled code."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from plant_models.cold_plate import ColdPlate


@dataclass(frozen=True, slots=True, kw_only=True)
class CduParameters:
    """What the equations of a CDU need, in the units of the names (shares, ratios and exponents in 1).

    Attributes
    ----------
    tcs_flow_kg_s, fws_flow_kg_s : float
        Design flows.
    tcs_cp_j_kgk, fws_cp_j_kgk, tcs_density_kg_m3 : float
        Coolants at the design mean temperature.
    tcs_ha_w_k, fws_ha_w_k : float
        Film conductances at design.
    fws_drop_kpa, valve_authority, valve_rangeability, valve_design_opening : float
        The FWS circuit at design.
    valve_stroke_time_s, pump_ramp_time_s : float
        0: the actuator is outside this model.
    pump_design_speed : float
        Speed (0 … 1) that gives design flow.
    pump_shutoff_ratio, pump_idle_share, pump_power_w, pump_coolant_share : float
        Head at no flow over design head; power at no flow over design power; electrical power at design;
        share of it that heats the coolant.
    pump_coast_time_s, pump_friction : float
        See :func:`plant_models.pump.coasting_rate_per_s`.
    exchanger_share, filter_share, rack_share, rack_drop_kpa : float
        Shares of the TCS drop at design; the external circuit's drop.
    filter_exponent, rack_exponent : float
        Of these drops over the flow; the exchanger's is 2.
    pump_mass_kg, rack_mass_kg, supply_pipe_mass_kg, return_pipe_mass_kg, fws_mass_kg : float
        Coolant in each stirred volume.
    plates, plate_capacity_j_k : float
        Number of cold plates; heat capacity of all of them.
    shutdown_degc, shutdown_per_k : float
        Case temperature above which devices switch off, and which share of them for each kelvin.
    boiling_degc : float
        Of the TCS coolant in the pump.
    fastest_rate_per_s : float
        Of any volume at full speed of the pump, and of the plates: what the substeps must resolve.
    """

    tcs_flow_kg_s: float
    fws_flow_kg_s: float
    tcs_cp_j_kgk: float
    fws_cp_j_kgk: float
    tcs_density_kg_m3: float
    tcs_ha_w_k: float
    fws_ha_w_k: float
    fws_drop_kpa: float
    valve_authority: float
    valve_rangeability: float
    valve_design_opening: float
    valve_stroke_time_s: float
    pump_ramp_time_s: float
    pump_design_speed: float
    pump_shutoff_ratio: float
    pump_idle_share: float
    pump_power_w: float
    pump_coolant_share: float
    pump_coast_time_s: float
    pump_friction: float
    exchanger_share: float
    filter_share: float
    rack_share: float
    rack_drop_kpa: float
    filter_exponent: float
    rack_exponent: float
    pump_mass_kg: float
    rack_mass_kg: float
    supply_pipe_mass_kg: float
    return_pipe_mass_kg: float
    fws_mass_kg: float
    plates: float
    plate_capacity_j_k: float
    shutdown_degc: float
    shutdown_per_k: float
    boiling_degc: float
    fastest_rate_per_s: float
    pump_curve: tuple[float, ...] = ()
    """Flows, heads, slopes over the design point's, as :mod:`plant_models.pump_curve`; none: a parabola.  # (3 n,)"""

    def packed(self, plate: ColdPlate) -> npt.NDArray[np.float64]:
        """One array: numbers in their order, two fault switches (off), two lengths, pump curve, plate's table."""
        numbers = [getattr(self, name) for name in PLACE]
        lengths = [float(len(self.pump_curve)), float(len(plate.flow_l_min))]
        table = [*plate.flow_l_min, *plate.resistance_k_w]
        return np.array([*numbers, 0.0, 0.0, *lengths, *self.pump_curve, *table], dtype=np.float64)


PLACE = {field.name: place for place, field in enumerate(fields(CduParameters)) if field.name != "pump_curve"}
"""Place of each number in the array."""
PUMP_TRIPPED = len(PLACE)
VALVE_STUCK = PUMP_TRIPPED + 1
CURVE_SIZE = VALVE_STUCK + 1
TABLE_POINTS = CURVE_SIZE + 1
CURVE = TABLE_POINTS + 1
"""Where the pump curve begins, ``CURVE_SIZE`` numbers; then the cold plate's flows (L/min) and resistances (K/W)."""
