"""Places in the arrays of a CDU component: what its kernels share.

Parameters: those of :class:`plant_models.parameters.CduParameters`, packed; two shares a rack; then ``EXTRA``, counted
from the end. States: the core's with one speed a pump, five of the loop's inventory, two for each rack after the
first, the pipes' cells after the first.
"""

from __future__ import annotations

from plant_models import cdu_physics as physics

MOST_PUMPS, MOST_RACKS, MOST_CELLS = 3, 16, 10

EXTRA = (
    "pumps", "pump_share", "racks", "pipe_cells",
    "throttle_degc", "throttle_per_k", "throttle_least",
    "vessel_m3", "gas_m3", "gas_kpa", "fill_kg", "m3_kg", "expansion_m3_kg_k", "fill_degc", "void_m3",
    "leak_kg_s_kpa05", "leak_rate_per_s", "relief_kpa", "relief_kg_s_kpa",
    "fill_start_kpa", "fill_stop_kpa", "fill_delay_s", "fill_kg_s",
    "suction_kpa", "npsh_kpa", "water_share", "tcs_freezing_degc", "fws_freezing_degc", "fws_boiling_degc",
    "leak", "trip_1", "trip_2", "trip_3",
)  # fmt: skip
(
    PUMPS, PUMP_SHARE, RACKS, CELLS,
    THROTTLE, THROTTLE_PER_K, THROTTLE_LEAST,
    VESSEL, GAS, GAS_KPA, FILL_KG, M3_KG, EXPANSION, FILL_DEGC, VOID,
    LEAK_K, LEAK_RATE, RELIEF, RELIEF_K,
    FILL_START, FILL_STOP, FILL_DELAY, FILL_FLOW,
    SUCTION, NPSH, WATER_SHARE, TCS_FREEZING, FWS_FREEZING, FWS_BOILING,
    LEAK, TRIPS, _, _,
) = range(-len(EXTRA), 0)  # fmt: skip
"""Each is a place from the end."""

INVENTORY = 5
MASS, RESERVOIR, LOST, DELAY, FILLING = range(INVENTORY)
"""States of the loop's inventory, after the pumps'."""

FOULING, IT_SUPPLY, PUMP_SUPPLY, MORE_HEAT = 0, 1, 2, 3
"""Inputs after the pumps' commands; from ``MORE_HEAT`` the heat of each rack after the first."""

(
    CONDUCTANCE, TCS_RATIO, FWS_RATIO, TCS_KG_S, FWS_KG_S, FWS_RETURN, PUMP_KW, FASTEST_PUMP, PRESSURE, DETAIL,
) = range(10)  # fmt: skip
"""Outputs; from ``DETAIL`` each pump's speed, then its flow, then IT, then what is only reported."""

FIRST_PUMP = physics.PUMP
FIRST_COMMAND = physics.PUMP_COMMAND
