"""A PV plant's equations from one moment on, as compiled kernels: what the bridge to python-control works on.

The building blocks are those of the stepped plant. What is an event there does not happen here: stations stay tripped,
in standby or in service as they are at that moment, and no limit reverts. Sun, weather and clouds go on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from plant_models._jit import entry, inner, physics_stamp
from plant_models.continuous import Continuous
from plant_models.errors import NoEquilibriumError
from plant_models.ports import Port
from plant_models.pv import layout
from plant_models.pv.layout import (
    AVAILABLE,
    CELL,
    CLOUD_X,
    CLOUD_Y,
    EAST,
    ENERGY,
    FREQUENCY,
    IN_FORCE,
    IRRADIANCE,
    LIMIT,
    METER_F,
    METER_LOST,
    METER_P,
    NORTH,
    P_AC_CAPACITY_MW,
    P_CELL_TIME_CONSTANT_S,
    P_METER_TIME_CONSTANT_S,
    P_NIGHT_REACTIVE,
    P_RAMP_DOWN_PERCENT_PER_S,
    P_RAMP_UP_PERCENT_PER_S,
    P_REACTIVE_TIME_CONSTANT_S,
    P_STANDBY_BELOW_PERCENT,
    POI_P,
    POI_V,
    Q_COMMAND,
    RUNNING,
    STANDBY,
    STATE,
    TEMP,
    THROTTLED,
    TIME,
    WIND,
    P,
    Q,
)
from plant_models.pv.physics import at_poi, feed, tell
from plant_models.pv.stations import (
    TORUS_M,
    at_hour,
    running_state,
    settled_cell_degc,
    sky_and_cells,
    station_goals,
)
from plant_models.weather.series import HOUR_S, HOURS, YEAR_S

Array = npt.NDArray[np.float64]
Tables = tuple[Array, Array, Array, Array]
"""Sun, hours, points and pattern, as :func:`plant_models.pv.physics.advance` takes them."""

CONVERTER_TIME_S = 0.02
"""With which a station's power closes in on its goal, the time of an inverter's current control (Tg of WECC's REGC_A).

The stepped plant is there at once. Without it a ramp would have a corner at its end, which has no slope; lags whose own
time is shorter have this one.
"""
_STATION_STATES = (("power_mw", "MW"), ("reactive_power_mvar", "Mvar"), ("cell_temp_degc", "degC"))
_PASSES = 200
_SETTLED = 1e-12


def state_ports(stations: int) -> tuple[Port, ...]:
    """Power, reactive power and cell temperature of each station, what the meter shows, and the energy."""
    of_stations = [
        Port(f"station_{n + 1}_{name}", unit) for name, unit in _STATION_STATES for n in range(stations)
    ]
    metered = [port for port in layout.OUTPUT_PORTS if port.name.startswith("metered_")]
    return (*of_stations, *metered, Port("exported_energy_mwh", "MWh"))


def state_of(y: Array, s: Array) -> Array:
    """State of the stepped plant's arrays, in the order of :func:`state_ports`."""  # (16,), (8, n) -> (3 n + 5,)
    return np.concatenate([s[P], s[Q], s[CELL], y[METER_P : METER_F + 1], y[ENERGY : ENERGY + 1]])


def travelled_m(hours: Array) -> Array:
    """How far clouds have come to the east and to the north since 1 January, at each hour; the wind runs straight."""
    wind = np.vstack([hours, hours[:1]])[:, [EAST, NORTH]]
    way = np.cumsum(0.5 * HOUR_S * (wind[1:] + wind[:-1]), axis=0)
    return np.vstack([np.zeros((1, 2)), way])  # (8761, 2)


@inner
def way_m(t_s: float, hours: Array, travelled: Array, column: int) -> float:
    """Way of the clouds from 1 January up to ``t_s``, m."""
    place = t_s / HOUR_S
    row = math.floor(place)
    share = place - row
    first = hours[row % HOURS, EAST + column]
    second = hours[(row + 1) % HOURS, EAST + column]
    within = HOUR_S * share * (first + 0.5 * share * (second - first))
    return float((row // HOURS) * travelled[HOURS, column] + travelled[row % HOURS, column] + within)


@inner
def set_scene(
    t_s: float,
    x: Array,
    u: Array,
    now: Array,
    y: Array,
    s: Array,
    p: Array,
    tables: Tables,
    travelled: Array,
) -> None:
    """Put state and inputs into the arrays of the stepped plant, and let the sky be that of ``t_s`` after ``now``."""
    sun, hours, points, pattern = tables
    n = s.shape[1]
    s[P], s[Q], s[CELL] = x[:n], x[n : 2 * n], x[2 * n : 3 * n]
    y[METER_P : METER_F + 1] = x[3 * n : 3 * n + 4]
    y[ENERGY] = x[3 * n + 4]
    y[IN_FORCE] = u[LIMIT]
    start_s = now[TIME]
    y[TIME] = (start_s + t_s) % YEAR_S
    for column, place in ((0, CLOUD_X), (1, CLOUD_Y)):
        way = way_m(start_s + t_s, hours, travelled, column) - way_m(start_s, hours, travelled, column)
        y[place] = (now[place] + way) % TORUS_M
    sky_and_cells(y, s, p, sun, hours, points, pattern, 0.0)


@inner
def set_states(u: Array, s: Array, p: Array, modes: Array) -> int:
    """State of each station, and how many run: those in service, with sun and a limit that does not stop them."""
    connected = 0
    for n in range(s.shape[1]):
        dark = s[AVAILABLE, n] <= 0.0 and p[P_NIGHT_REACTIVE] == 0.0
        s[STATE, n] = modes[n]
        if modes[n] == RUNNING and (dark or u[LIMIT] < p[P_STANDBY_BELOW_PERCENT]):
            s[STATE, n] = STANDBY
        if s[STATE, n] == RUNNING:
            connected += 1
    return connected


@inner
def station_rates(
    n: int, u: Array, s: Array, p: Array, connected: int, voltage: float, rate: Array, goal: Array
) -> None:
    """Rates and goals of the power and the reactive power of station ``n``."""
    stations = s.shape[1]
    rating = p[P_AC_CAPACITY_MW] / stations
    power, reactive = s[P, n], s[Q, n]
    if s[STATE, n] != RUNNING:
        goal[n], goal[stations + n] = 0.0, 0.0
        rate[n], rate[stations + n] = -power / CONVERTER_TIME_S, -reactive / CONVERTER_TIME_S
        return
    wanted, circle_p, q_wanted, circle = station_goals(
        s[AVAILABLE, n], u[LIMIT] / 100.0 * rating, rating, stations, u[Q_COMMAND] / connected, voltage, p
    )
    up, down = p[P_RAMP_UP_PERCENT_PER_S] / 100.0 * rating, p[P_RAMP_DOWN_PERCENT_PER_S] / 100.0 * rating
    ramped = min(max((wanted - power) / CONVERTER_TIME_S, -down), up)
    # What the sun or the current does not give is gone, whatever the ramp.
    gone = (min(s[AVAILABLE, n], circle_p) - power) / CONVERTER_TIME_S
    goal[n], rate[n] = wanted, min(ramped, gone)
    room = math.sqrt(max(circle * circle - power * power, 0.0))
    goal[stations + n] = min(max(q_wanted, -room), room)
    time_s = max(p[P_REACTIVE_TIME_CONSTANT_S], CONVERTER_TIME_S)
    if abs(reactive) > room:
        time_s = CONVERTER_TIME_S
    rate[stations + n] = (goal[stations + n] - reactive) / time_s
    s[STATE, n] = running_state(power, s[AVAILABLE, n], rating)


@inner
def other_rates(
    u: Array, y: Array, s: Array, p: Array, faults: Array, hours: Array, rate: Array, goal: Array
) -> None:
    """Rates and goals of the cells' temperatures and of the meter, and the rate of the energy."""
    stations = s.shape[1]
    air_degc, wind_m_s = at_hour(hours, y[TIME], TEMP), at_hour(hours, y[TIME], WIND)
    time_s = max(p[P_CELL_TIME_CONSTANT_S], CONVERTER_TIME_S)
    for n in range(stations):
        place = 2 * stations + n
        goal[place] = settled_cell_degc(s[IRRADIANCE, n], air_degc, wind_m_s)
        rate[place] = (goal[place] - s[CELL, n]) / time_s
    time_s = max(p[P_METER_TIME_CONSTANT_S], CONVERTER_TIME_S)
    for k in range(4):
        place = 3 * stations + k
        true = y[POI_P + k] if k < 3 else u[FREQUENCY]
        goal[place] = true if faults[METER_LOST] == 0.0 else y[METER_P + k]
        rate[place] = (goal[place] - y[METER_P + k]) / time_s
    goal[3 * stations + 4] = y[ENERGY]
    rate[3 * stations + 4] = y[POI_P] / 3600.0


def _equations(stamp: int) -> Callable[..., None]:
    """Make what Python calls; it closes over ``stamp`` as :func:`plant_models.pv.physics.advance` does."""

    @entry
    def equations(
        t_s: float,
        x: Array,
        u: Array,
        now: Array,
        modes: Array,
        y: Array,
        s: Array,
        p: Array,
        faults: Array,
        tables: Tables,
        travelled: Array,
        rate: Array,
        goal: Array,
        out: Array,
    ) -> None:
        """Fill ``rate`` with d/dt of ``x``, ``goal`` with where each state is heading, ``out`` with the outputs.

        ``now`` is the plant at the moment from which ``t_s`` counts; ``y`` and ``s`` are worked on.
        """  # (), (n_x,), (5,), (16,), (n,), (16,), (8, n), (31,), (2 + n,), …, (8761, 2), (n_x,), (n_x,), (21,)
        set_scene(t_s, x, u, now, y, s, p, tables, travelled)
        connected = set_states(u, s, p, modes)
        voltage = feed(s, u, p)[2]
        for n in range(s.shape[1]):
            station_rates(n, u, s, p, connected, voltage, rate, goal)
        y[POI_P], y[POI_P + 1], y[POI_V] = at_poi(s, u, p, faults)
        other_rates(u, y, s, p, faults, tables[1], rate, goal)
        tell(y, s, p, tables[1], faults, out)
        # Read, so that it is closed over.
        _ = stamp

    return equations


equations = _equations(physics_stamp(__name__))


class Moment:
    """Equations of a PV plant from one moment on.

    Parameters
    ----------
    y, s : array
        The stepped plant's own arrays at that moment; copied.  # (16,), (8, n)
    p, faults : array
        Settings and fault switches; copied.  # (31,), (2 + n,)
    tables : tuple of array
        See :data:`Tables`.
    """

    def __init__(self, y: Array, s: Array, p: Array, faults: Array, tables: Tables) -> None:
        self._now, self._y, self._s = y.copy(), y.copy(), s.copy()
        self._p, self._faults, self._tables = p.copy(), faults.copy(), tables
        # A station without a countdown that only waits for the sun is in service.
        waits = (s[STATE] == STANDBY) & (s[layout.RESTART] == 0.0)
        self._modes = np.where((s[STATE] <= THROTTLED) | waits, RUNNING, s[STATE])
        self._travelled = travelled_m(tables[1])
        self._ports = state_ports(s.shape[1])
        size = len(self._ports)
        self._rate, self._goal, self._out = np.zeros(size), np.zeros(size), np.zeros(len(layout.OUTPUT_PORTS))

    def _evaluate(self, t_s: float, x: Array, u: Array) -> None:
        equations(
            t_s, x, u, self._now, self._modes, self._y, self._s, self._p, self._faults, self._tables,
            self._travelled, self._rate, self._goal, self._out,
        )  # fmt: skip

    def continuous(self) -> Continuous:
        """Equations as functions of time since then (s), state and inputs."""

        def rates(t_s: float, x: Array, u: Array) -> Array:
            self._evaluate(t_s, x, u)
            return self._rate.copy()

        def outputs(t_s: float, x: Array, u: Array) -> Array:
            self._evaluate(t_s, x, u)
            return self._out.copy()

        return Continuous(
            name="pv_plant",
            rates=rates,
            outputs=outputs,
            input_ports=layout.INPUT_PORTS,
            output_ports=layout.OUTPUT_PORTS,
            state_ports=self._ports,
            low=np.array(layout.INPUT_LOW),
            high=np.array(layout.INPUT_HIGH),
        )

    def settled(self, x: Array, u: Array) -> Array:
        """State in which the plant settles from ``x`` under ``u``, were the sky to stand still; the energy stays.

        Raises
        ------
        NoEquilibriumError
            The grid's protection trips stations at these inputs, or the grid is too weak for their power.
        """
        for _ in range(_PASSES):
            self._evaluate(0.0, x, u)
            if np.abs(self._goal - x).max() <= _SETTLED * (1.0 + np.abs(x).max()):
                self._refuse_a_trip(u)
                return x
            x = self._goal.copy()
        raise NoEquilibriumError("the PV plant's power and the voltage it makes do not settle on this grid")

    def _refuse_a_trip(self, u: Array) -> None:
        p = self._p
        watched: Sequence[tuple[str, float, float, float]] = (
            ("grid_frequency_hz", u[FREQUENCY], p[layout.P_FREQUENCY_LOW_HZ], p[layout.P_FREQUENCY_HIGH_HZ]),
            ("poi_voltage_pu", self._y[POI_V], p[layout.P_VOLTAGE_LOW_PU], p[layout.P_VOLTAGE_HIGH_PU]),
        )
        for name, value, low, high in watched:
            if not low <= value <= high and (self._modes == RUNNING).any():
                raise NoEquilibriumError(
                    f"stations trip: {name} would be {value:g}, outside {low:g} … {high:g}"
                )
