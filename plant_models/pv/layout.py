"""Ports of a PV plant and the places of its figures in the kernels' arrays."""

from __future__ import annotations

from plant_models.ports import Port
from plant_models.pv.settings import PACKED

INPUT_PORTS = (
    Port("active_power_limit_percent", "%"),
    Port("limit_refresh_count", "1"),
    Port("reactive_power_command_mvar", "Mvar"),
    Port("grid_frequency_hz", "Hz"),
    Port("grid_voltage_pu", "pu"),
)
INPUT_LOW = (0.0, 0.0, -1e4, 0.0, 0.0)
INPUT_HIGH = (100.0, 1e15, 1e4, 100.0, 2.0)
"""Domain of the model; a value outside is clamped and counted."""
INPUT_DEFAULTS = (100.0, 0.0, 0.0, 50.0, 1.0)

OUTPUT_PORTS = (
    Port("poi_power_mw", "MW"),
    Port("poi_reactive_power_mvar", "Mvar"),
    Port("poi_voltage_pu", "pu"),
    Port("metered_power_mw", "MW"),
    Port("metered_reactive_power_mvar", "Mvar"),
    Port("metered_voltage_pu", "pu"),
    Port("metered_frequency_hz", "Hz"),
    Port("poi_meter_valid", "1"),
    Port("available_power_mw", "MW"),
    Port("limit_in_force_percent", "%"),
    Port("reactive_capability_mvar", "Mvar"),
    Port("exported_energy_mwh", "MWh"),
    Port("effective_irradiance_w_m2", "W/m2"),
    Port("clearness_index", "1"),
    Port("cell_temp_degc", "degC"),
    Port("dry_bulb_temp_degc", "degC"),
    Port("wind_speed_m_s", "m/s"),
    Port("stations_running", "1"),
    Port("stations_throttled", "1"),
    Port("stations_tripped", "1"),
    Port("stations_standby", "1"),
)

LIMIT, REFRESH, Q_COMMAND, FREQUENCY, VOLTAGE = range(len(INPUT_PORTS))
# Of the plant as a whole, then rows of one value for each station.
(
    TIME, CLOUD_X, CLOUD_Y, COMMAND, IN_FORCE, SINCE_REFRESH, LAST_REFRESH, OUTSIDE_S, POI_P, POI_Q, POI_V,
    METER_P, METER_Q, METER_V, METER_F, ENERGY,
) = range(16)  # fmt: skip
HEAD = 16
P, Q, CELL, RESTART, AVAILABLE, IRRADIANCE, CLEARNESS_INDEX, STATE = range(8)
STATION_ROWS = 8
RUNNING, THROTTLED, STANDBY, TRIPPED = 1.0, 2.0, 3.0, 4.0
METER_LOST, BREAKER_OPEN, TRIPS = 0, 1, 2
"""Places among the fault switches; the stations' follow."""
TEMP, WIND, HIDDEN, EAST, NORTH = range(5)
"""Columns of the hourly table."""

(
    P_DC_CAPACITY_MW, P_AC_CAPACITY_MW, P_DC_LOSS_SHARE, P_TEMPERATURE_COEFFICIENT_PER_K,
    P_INVERTER_EFFICIENCY, P_CELL_TIME_CONSTANT_S, P_CLOUD_TRANSMISSION, P_RAMP_UP_PERCENT_PER_S,
    P_RAMP_DOWN_PERCENT_PER_S, P_STANDBY_BELOW_PERCENT, P_RESTART_TIME_S, P_REVERSION_TIME_S,
    P_REVERSION_LIMIT_PERCENT, P_APPARENT_POWER_MVA, P_REACTIVE_LIMIT_SHARE, P_REACTIVE_FIRST,
    P_REACTIVE_TIME_CONSTANT_S, P_NIGHT_REACTIVE, P_COLLECTOR_LOSS_SHARE, P_COLLECTOR_REACTANCE_PU,
    P_AUXILIARY_POWER_MW, P_GRID_SHORT_CIRCUIT_MVA, P_GRID_X_TO_R, P_FREQUENCY_LOW_HZ,
    P_FREQUENCY_HIGH_HZ, P_VOLTAGE_LOW_PU, P_VOLTAGE_HIGH_PU, P_TRIP_DELAY_S,
    P_RECONNECT_TIME_S, P_METER_TIME_CONSTANT_S, P_LONGEST_SUBSTEP_S,
) = range(len(PACKED))  # fmt: skip
"""Places of the settings."""
