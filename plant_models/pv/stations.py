"""From the sky to the AC terminals of each inverter station, as compiled kernels.

Each first-order lag and ramp is stepped by its exact solution with inputs held, so that any step is stable.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from plant_models._jit import inner
from plant_models.pv.clouds import CELL_M, CELLS, station_clearness
from plant_models.pv.grid import decay
from plant_models.pv.layout import (
    AVAILABLE,
    BREAKER_OPEN,
    CELL,
    CLEARNESS_INDEX,
    CLOUD_X,
    CLOUD_Y,
    COMMAND,
    EAST,
    FREQUENCY,
    HIDDEN,
    IN_FORCE,
    IRRADIANCE,
    LAST_REFRESH,
    LIMIT,
    NORTH,
    OUTSIDE_S,
    P_AC_CAPACITY_MW,
    P_APPARENT_POWER_MVA,
    P_CELL_TIME_CONSTANT_S,
    P_CLOUD_TRANSMISSION,
    P_DC_CAPACITY_MW,
    P_DC_LOSS_SHARE,
    P_FREQUENCY_HIGH_HZ,
    P_FREQUENCY_LOW_HZ,
    P_INVERTER_EFFICIENCY,
    P_NIGHT_REACTIVE,
    P_RAMP_DOWN_PERCENT_PER_S,
    P_RAMP_UP_PERCENT_PER_S,
    P_REACTIVE_FIRST,
    P_REACTIVE_LIMIT_SHARE,
    P_REACTIVE_TIME_CONSTANT_S,
    P_RECONNECT_TIME_S,
    P_RESTART_TIME_S,
    P_REVERSION_LIMIT_PERCENT,
    P_REVERSION_TIME_S,
    P_STANDBY_BELOW_PERCENT,
    P_TEMPERATURE_COEFFICIENT_PER_K,
    P_TRIP_DELAY_S,
    P_VOLTAGE_HIGH_PU,
    P_VOLTAGE_LOW_PU,
    POI_V,
    Q_COMMAND,
    REFRESH,
    RESTART,
    RUNNING,
    SINCE_REFRESH,
    STANDBY,
    STATE,
    TEMP,
    THROTTLED,
    TIME,
    TRIPPED,
    TRIPS,
    WIND,
    P,
    Q,
)
from plant_models.pv.sun import SLOT_S, SLOTS
from plant_models.weather.series import HOUR_S, HOURS

Array = npt.NDArray[np.float64]

_STC_W_M2, _STC_DEGC = 1000.0, 25.0
_FAIMAN_U0, _FAIMAN_U1 = 25.0, 6.84
_THROTTLED_SHARE = 1e-3
TORUS_M = CELLS * CELL_M


@inner
def inverter_mw(dc_mw: float, dc_rating_mw: float, efficiency: float) -> float:
    """AC power of an inverter at its best point: PVWatts version 5 (Dobos 2014, NREL/TP-6A20-62641), section 11.

    ``eta = eta_nom / 0.9637 (-0.0162 z - 0.0059 / z + 0.9858)``, z the share of the DC rating; never negative.
    """
    if dc_mw <= 0.0:
        return 0.0
    load = dc_mw / dc_rating_mw
    power = efficiency / 0.9637 * (-0.0162 * load - 0.0059 / load + 0.9858) * dc_mw
    return float(min(max(power, 0.0), efficiency * dc_rating_mw))


@inner
def settled_cell_degc(irradiance_w_m2: float, air_degc: float, wind_m_s: float) -> float:
    """Give the cell temperature at rest: Faiman 2008, ``T_a + G / (25 + 6.84 v)``, the constants of pvlib."""
    return float(air_degc + irradiance_w_m2 / (_FAIMAN_U0 + _FAIMAN_U1 * wind_m_s))


@inner
def at_hour(hours: Array, t_s: float, column: int) -> float:
    """Straight line between the rows of the hourly table."""
    place = t_s / HOUR_S
    row = int(place)
    share = place - row
    return float(hours[row % HOURS, column] * (1.0 - share) + hours[(row + 1) % HOURS, column] * share)


@inner
def effective_w_m2(sun: Array, t_s: float, clearness: float) -> float:
    """Irradiance behind the glass, between the table's times and clear-sky indices."""
    place = t_s / SLOT_S
    slot = int(place)
    share = place - slot
    first, second = slot % SLOTS, (slot + 1) % SLOTS
    at = min(max(clearness, 0.0), 1.0) * (sun.shape[1] - 1)
    column = min(int(at), sun.shape[1] - 2)
    right = at - column
    before = sun[first, column] * (1.0 - right) + sun[first, column + 1] * right
    after = sun[second, column] * (1.0 - right) + sun[second, column + 1] * right
    return float(before * (1.0 - share) + after * share)


@inner
def follow_limit(y: Array, u: Array, p: Array, h: float) -> None:
    """Take the limit that arrived, or go back to the reversion limit where none did for too long."""
    if u[REFRESH] != y[LAST_REFRESH] or u[LIMIT] != y[COMMAND]:
        y[LAST_REFRESH] = u[REFRESH]
        y[COMMAND] = u[LIMIT]
        y[SINCE_REFRESH] = 0.0
        y[IN_FORCE] = u[LIMIT]
    else:
        y[SINCE_REFRESH] += h
    if 0.0 < p[P_REVERSION_TIME_S] <= y[SINCE_REFRESH]:
        y[IN_FORCE] = p[P_REVERSION_LIMIT_PERCENT]


@inner
def watch_grid(y: Array, u: Array, p: Array, h: float) -> bool:
    """Give whether the grid lets the stations run; outside frequency or voltage for too long, it does not."""
    voltage = y[POI_V]
    inside = p[P_FREQUENCY_LOW_HZ] <= u[FREQUENCY] <= p[P_FREQUENCY_HIGH_HZ]
    inside = inside and p[P_VOLTAGE_LOW_PU] <= voltage <= p[P_VOLTAGE_HIGH_PU]
    y[OUTSIDE_S] = 0.0 if inside else y[OUTSIDE_S] + h
    return bool(inside or (y[OUTSIDE_S] <= p[P_TRIP_DELAY_S] and voltage > 0.0))


@inner
def sky_and_cells(
    y: Array, s: Array, p: Array, sun: Array, hours: Array, points: Array, pattern: Array, h: float
) -> None:
    """Move the clouds; irradiance, cell temperature and available power of each station."""
    t_s = y[TIME]
    y[CLOUD_X] = (y[CLOUD_X] + h * at_hour(hours, t_s, EAST)) % TORUS_M
    y[CLOUD_Y] = (y[CLOUD_Y] + h * at_hour(hours, t_s, NORTH)) % TORUS_M
    hidden, air_degc, wind = at_hour(hours, t_s, HIDDEN), at_hour(hours, t_s, TEMP), at_hour(hours, t_s, WIND)
    stays = decay(h, p[P_CELL_TIME_CONSTANT_S])
    stations = s.shape[1]
    rating = p[P_DC_CAPACITY_MW] * (1.0 - p[P_DC_LOSS_SHARE]) / stations
    efficiency = p[P_INVERTER_EFFICIENCY]
    dc_limit = p[P_AC_CAPACITY_MW] / stations / efficiency
    night = effective_w_m2(sun, t_s, 1.0) <= 0.0
    for n in range(stations):
        s[CLEARNESS_INDEX, n] = (
            1.0
            if night
            else station_clearness(
                n, y[CLOUD_X], y[CLOUD_Y], hidden, p[P_CLOUD_TRANSMISSION], points, pattern
            )
        )
        irradiance = 0.0 if night else effective_w_m2(sun, t_s, s[CLEARNESS_INDEX, n])
        s[IRRADIANCE, n] = irradiance
        settled = settled_cell_degc(irradiance, air_degc, wind)
        s[CELL, n] = settled + (s[CELL, n] - settled) * stays
        warm = 1.0 + p[P_TEMPERATURE_COEFFICIENT_PER_K] * (s[CELL, n] - _STC_DEGC)
        s[AVAILABLE, n] = inverter_mw(rating * irradiance / _STC_W_M2 * max(warm, 0.0), dc_limit, efficiency)


@inner
def run_stations(y: Array, s: Array, u: Array, p: Array, faults: Array, grid_ok: bool, h: float) -> None:
    """Give each station its state, and its power within sun, limit, ramps and current."""
    stations = s.shape[1]
    rating = p[P_AC_CAPACITY_MW] / stations
    limit = y[IN_FORCE] / 100.0 * rating
    may_run = grid_ok and faults[BREAKER_OPEN] == 0.0
    connected = 0
    stays = decay(h, p[P_REACTIVE_TIME_CONSTANT_S])
    for n in range(stations):
        tripped = faults[TRIPS + n] != 0.0 or not may_run
        standby = y[IN_FORCE] < p[P_STANDBY_BELOW_PERCENT]
        if tripped and faults[TRIPS + n] == 0.0 and faults[BREAKER_OPEN] == 0.0:
            s[RESTART, n] = p[P_RECONNECT_TIME_S]
        elif tripped or standby:
            s[RESTART, n] = p[P_RESTART_TIME_S]
        elif s[RESTART, n] > 0.0:
            s[RESTART, n] = max(s[RESTART, n] - h, 0.0)
        dark = s[AVAILABLE, n] <= 0.0 and p[P_NIGHT_REACTIVE] == 0.0
        s[STATE, n] = TRIPPED if tripped else RUNNING
        if not tripped and (standby or s[RESTART, n] > 0.0 or dark):
            s[STATE, n] = STANDBY
        if s[STATE, n] == RUNNING:
            connected += 1
    for n in range(stations):
        if s[STATE, n] != RUNNING:
            s[P, n] = 0.0
            s[Q, n] = 0.0
        else:
            run_station(s, n, limit, rating, u[Q_COMMAND] / connected, y[POI_V], stays, p, h)


@inner
def station_goals(
    available: float, limit: float, rating: float, stations: int, q_command: float, voltage: float, p: Array
) -> tuple[float, float, float, float]:
    """Active power wanted of a running station, the most its current allows, reactive power wanted, circle of current.

    MW, MW, Mvar, MVA. The circle is the stations' apparent power at nominal voltage and above, and smaller below.
    """
    circle = p[P_APPARENT_POWER_MVA] / stations * min(voltage, 1.0)
    wanted = min(available, limit)
    q_wanted = min(max(q_command, -p[P_REACTIVE_LIMIT_SHARE] * rating), p[P_REACTIVE_LIMIT_SHARE] * rating)
    if p[P_REACTIVE_FIRST] != 0.0:
        q_wanted = min(max(q_wanted, -circle), circle)
        circle_p = math.sqrt(max(circle * circle - q_wanted * q_wanted, 0.0))
    else:
        circle_p = circle
    return float(min(wanted, circle_p)), float(circle_p), float(q_wanted), float(circle)


@inner
def running_state(power: float, available: float, rating: float) -> float:
    """State of a station that runs: throttled where it gives clearly less than the sun would."""
    return THROTTLED if power < available - _THROTTLED_SHARE * rating else RUNNING


@inner
def run_station(
    s: Array,
    n: int,
    limit: float,
    rating: float,
    q_command: float,
    voltage: float,
    stays: float,
    p: Array,
    h: float,
) -> None:
    """Active and reactive power of a running station: one circle of current, one of the two first."""
    wanted, circle_p, q_wanted, circle = station_goals(
        s[AVAILABLE, n], limit, rating, s.shape[1], q_command, voltage, p
    )
    power = s[P, n]
    if wanted > power:
        power = min(wanted, power + p[P_RAMP_UP_PERCENT_PER_S] / 100.0 * rating * h)
    else:
        power = max(wanted, power - p[P_RAMP_DOWN_PERCENT_PER_S] / 100.0 * rating * h)
    # What the sun or the current does not give is gone at once, whatever the ramp.
    s[P, n] = min(power, s[AVAILABLE, n], circle_p)
    room = math.sqrt(max(circle * circle - s[P, n] * s[P, n], 0.0))
    q_wanted = min(max(q_wanted, -room), room)
    reactive = q_wanted + (s[Q, n] - q_wanted) * stays
    s[Q, n] = min(max(reactive, -room), room)
    s[STATE, n] = running_state(s[P, n], s[AVAILABLE, n], rating)
