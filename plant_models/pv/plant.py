"""A PV plant up to its point of interconnection, as a plant that is stepped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from plant_models._jit import plain
from plant_models.continuous import Continuous
from plant_models.errors import PlantSettingError
from plant_models.identity import Identity, identity, refuse_foreign
from plant_models.inputs import admit
from plant_models.ports import Port
from plant_models.pv import layout, physics
from plant_models.pv.clouds import CELL_M, CELLS, cloud_hours, cloud_pattern, station_points
from plant_models.pv.continuous import Moment, state_of, state_ports
from plant_models.pv.settings import PvSettings, packed
from plant_models.pv.stations import settled_cell_degc
from plant_models.pv.sun import Plane, sun_table
from plant_models.weather.series import HOUR_S, YEAR_S, Weather

if TYPE_CHECKING:
    from control import NonlinearIOSystem

EFFECTS: Mapping[tuple[str, str], int] = MappingProxyType({
    ("active_power_limit_percent", "poi_power_mw"): +1,
    ("active_power_limit_percent", "metered_power_mw"): +1,
    ("reactive_power_command_mvar", "poi_reactive_power_mvar"): +1,
    ("reactive_power_command_mvar", "metered_reactive_power_mvar"): +1,
    ("reactive_power_command_mvar", "metered_voltage_pu"): +1,
    ("grid_frequency_hz", "metered_frequency_hz"): +1,
})  # fmt: skip
"""Sign of the steady effect of an input on an output; none while there is no sun, or less than the limit."""

STATION_STATES: Mapping[float, str] = MappingProxyType({
    layout.RUNNING: "running",
    layout.THROTTLED: "throttled",
    layout.STANDBY: "standby",
    layout.TRIPPED: "tripped",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class PvSnapshot:
    """Everything a :class:`PvPlant` remembers, to the bit."""

    of: Identity
    plant: bytes
    stations: bytes
    inputs: tuple[float, ...]
    faults: tuple[float, ...]
    counters: tuple[int, int]


class PvPlant:
    """A PV plant under a weather, from the sun to the meter. Satisfies ``hil.loop.protocols.Plant``.

    Sun, clouds and weather are drawn at set-up and run by themselves; the same weather, settings, seed and
    start give the same outputs to the bit. The year repeats.

    Parameters
    ----------
    weather : Weather
        Temperature, wind and cover (or, from a file, radiation).
    settings : PvSettings, optional
        See there; without, the plant of Tozeur with fixed rows.
    seed : int
        Of the clouds.
    start_s : float
        Time in the year at the plant's start, s from 1 January, 0 h local standard time.

    Attributes
    ----------
    input_ports, output_ports, state_ports : tuple of Port
        In the order of ``step`` and of ``state``.
    default_inputs : dict of str to float
        All inputs may stay unwired: no limit, no reactive power, a grid at 50 Hz and 1 pu.
    faults : tuple of str
        ``station_1_trip`` …; ``poi_meter_lost``: the meter's last values stay and ``poi_meter_valid`` is 0;
        ``poi_breaker_open``: all stations trip.
    rejected_inputs, clamped_inputs : int
        How many input values were not finite (the last good one was held) or outside the domain.

    Raises
    ------
    PlantSettingError
        A negative seed, or a start outside the year.
    """

    input_ports: tuple[Port, ...] = layout.INPUT_PORTS
    output_ports: tuple[Port, ...] = layout.OUTPUT_PORTS
    effects: Mapping[tuple[str, str], int] = EFFECTS

    def __init__(
        self, weather: Weather, settings: PvSettings | None = None, *, seed: int = 0, start_s: float = 0.0
    ) -> None:
        self.settings = settings if settings is not None else PvSettings()
        if seed < 0 or not 0.0 <= start_s < YEAR_S:
            raise PlantSettingError(
                f"seed {seed} must be 0 or more, start_s {start_s} within 0 … {YEAR_S:.0f}"
            )
        names = zip((port.name for port in self.input_ports), layout.INPUT_DEFAULTS, strict=True)
        self.default_inputs = dict(names)
        stations = self.settings.stations
        self.state_ports = state_ports(stations)
        trips = (f"station_{n + 1}_trip" for n in range(stations))
        self.faults: tuple[str, ...] = ("poi_meter_lost", "poi_breaker_open", *trips)
        self._p = packed(self.settings)
        sun = sun_table(Plane.of(weather, self.settings))
        air = np.column_stack([weather.dry_bulb_temp_degc, weather.wind_speed_m_s])
        clouds = cloud_hours(weather, sun, self.settings.cloud_transmission, seed)
        self._tables = (
            sun.effective_w_m2,
            np.ascontiguousarray(np.hstack([air, clouds])),
            np.ascontiguousarray(station_points(self.settings)),
            cloud_pattern(seed),
        )
        self._identity = identity(f"a PV plant of {stations} stations", self._p, *self._tables)
        self._fault_switches = np.zeros(len(self.faults))
        self._u = np.array(layout.INPUT_DEFAULTS)
        self._y = np.zeros(layout.HEAD)
        self._s = np.zeros((layout.STATION_ROWS, stations))
        self._out = np.zeros(len(self.output_ports))
        self._bounds = [*zip(layout.INPUT_LOW, layout.INPUT_HIGH, strict=True)]
        self.rejected_inputs = 0
        self.clamped_inputs = 0
        self._at = start_s, seed
        self._start(start_s, seed)

    def domain(self, name: str) -> tuple[float, float]:
        """Least and greatest value of the input ``name``.

        Raises
        ------
        PlantSettingError
            No such input.
        """
        known = [port.name for port in self.input_ports]
        if name not in known:
            raise PlantSettingError(f"a PV plant has no input {name!r}; there are {', '.join(known)}")
        return self._bounds[known.index(name)]

    def start_at(self, inputs: Mapping[str, float]) -> None:
        """Begin again at the plant's start, as it stands there with ``inputs``; the others are the default ones.

        Raises
        ------
        PlantSettingError
            No such input, or a value outside its domain.
        """
        self._u[:] = self._values(inputs, layout.INPUT_DEFAULTS)
        self._y[:], self._s[:] = 0.0, 0.0
        self._start(*self._at)

    def _values(self, inputs: Mapping[str, float], others: Sequence[float]) -> list[float]:
        slots = {port.name: slot for slot, port in enumerate(self.input_ports)}
        values = list(others)
        for name, value in inputs.items():
            low, high = self.domain(name)
            if not low <= value <= high:
                raise PlantSettingError(f"{name} = {value!r} is outside {low:g} … {high:g}")
            values[slots[name]] = value
        return values

    def _start(self, start_s: float, seed: int) -> None:
        y = self._y
        y[layout.TIME] = start_s
        place = np.random.default_rng([seed, 22]).random(2) * CELLS * CELL_M
        y[layout.CLOUD_X], y[layout.CLOUD_Y] = place
        y[layout.COMMAND] = y[layout.IN_FORCE] = self._u[layout.LIMIT]
        y[layout.LAST_REFRESH] = self._u[layout.REFRESH]
        # Steps without time: first irradiance, then what settled cells give, then what the POI sees of it. They also
        # load the compiled kernel now, not in the first cycle, where it would take as long as thousands of steps.
        self.step(self._u.tolist(), 0.0)
        air_degc, wind_m_s = (self._tables[1][int(start_s // HOUR_S)][[layout.TEMP, layout.WIND]]).tolist()
        settled = plain(settled_cell_degc)
        s = self._s
        s[layout.CELL] = [settled(sun, air_degc, wind_m_s) for sun in s[layout.IRRADIANCE].tolist()]
        self.step(self._u.tolist(), 0.0)
        limit_mw = y[layout.IN_FORCE] / 100.0 * self.settings.ac_capacity_mw / self.settings.stations
        s[layout.P] = np.minimum(s[layout.AVAILABLE], limit_mw)
        self.step(self._u.tolist(), 0.0)
        y[layout.METER_P : layout.METER_V + 1] = y[layout.POI_P : layout.POI_V + 1]
        y[layout.METER_F] = self._u[layout.FREQUENCY]
        self.step(self._u.tolist(), 0.0)

    def step(self, inputs: Sequence[float], dt_s: float) -> list[float]:
        """Advance by ``dt_s`` (s) with ``inputs`` held; gives the outputs at the end, in the ports' order.

        A value that is not finite holds the last good one, a value outside the domain is clamped; both are
        counted. ``dt_s`` = 0 gives the outputs of the present state.
        """
        u = self._u
        rejected, clamped = admit(inputs, self._bounds, u)
        self.rejected_inputs += rejected
        self.clamped_inputs += clamped
        physics.advance(
            self._y, self._s, u, self._p, self._fault_switches, *self._tables, float(dt_s), self._out
        )
        return self._out.tolist()

    def set_fault(self, fault: str, active: bool) -> None:
        """Switch one of :attr:`faults` on or off.

        Raises
        ------
        PlantSettingError
            The plant has no such fault.
        """
        if fault not in self.faults:
            raise PlantSettingError(f"a PV plant has no fault {fault!r}; there are {', '.join(self.faults)}")
        self._fault_switches[self.faults.index(fault)] = float(active)

    @property
    def inputs(self) -> dict[str, float]:
        """Inputs as last held."""
        return dict(zip((port.name for port in self.input_ports), self._u.tolist(), strict=True))

    @property
    def state(self) -> tuple[float, ...]:
        """State of :meth:`continuous` as it is now, in the order of :attr:`state_ports`."""
        return tuple(state_of(self._y, self._s).tolist())

    def steady_state(self, inputs: Mapping[str, float]) -> dict[str, float]:
        """State in which the plant settles at ``inputs`` under the sky of this moment, were it to stand still.

        Faults and which stations are in service as they are; inputs that are missing as last held.

        Raises
        ------
        NoEquilibriumError
            The stations trip at these inputs, or the grid is too weak for their power.
        PlantSettingError
            As :meth:`continuous`; no such input, or a value outside its domain.
        """
        values = np.array(self._values(inputs, self._u.tolist()), dtype=float)
        found = self._moment().settled(np.array(self.state), values)
        return dict(zip((port.name for port in self.state_ports), found.tolist(), strict=True))

    def continuous(self) -> Continuous:
        """Equations from this moment on as functions of time, state and inputs; see :mod:`plant_models.pv.continuous`.

        Raises
        ------
        PlantSettingError
            The limit in force is not the one last sent, for it has reverted: a new one would be an event.
        """
        return self._moment().continuous()

    def _moment(self) -> Moment:
        before = self.snapshot()
        self.step(self._u.tolist(), 0.0)  # faults that were switched since the last step
        made = Moment(self._y, self._s, self._p, self._fault_switches, self._tables)
        in_force = float(self._y[layout.IN_FORCE])
        self.restore(before)
        if in_force != self._u[layout.LIMIT]:
            raise PlantSettingError(
                f"active_power_limit_percent {self._u[layout.LIMIT]:g} has reverted to {in_force:g}: no equations of "
                "one moment have that; send a limit first"
            )
        return made

    def to_control(self) -> NonlinearIOSystem:
        """Give the same physics as a ``control.NonlinearIOSystem`` with named inputs, outputs and states.

        Its time 0 is now: the sky goes on as it does over the stepped plant. Converters take 20 ms, so choose a stiff
        solver. Errors as :meth:`continuous`.
        """
        from plant_models.io_system import to_control  # noqa: PLC0415 - python-control takes a second to import

        return to_control(self)

    @property
    def time_of_year_s(self) -> float:
        """Time since 1 January, 0 h local standard time, s."""
        return float(self._y[layout.TIME])

    @property
    def station_states(self) -> tuple[str, ...]:
        """``running``, ``throttled``, ``standby`` or ``tripped``, by station."""
        return tuple(STATION_STATES[state] for state in self._s[layout.STATE].tolist())

    @property
    def station_power_mw(self) -> tuple[float, ...]:
        """AC power of each station."""
        return tuple(self._s[layout.P].tolist())

    def snapshot(self) -> PvSnapshot:
        """Everything that later outputs depend on."""
        return PvSnapshot(
            of=self._identity,
            plant=self._y.tobytes(),
            stations=self._s.tobytes(),
            inputs=tuple(self._u.tolist()),
            faults=tuple(self._fault_switches.tolist()),
            counters=(self.rejected_inputs, self.clamped_inputs),
        )

    def restore(self, snapshot: PvSnapshot) -> None:
        """Go back to ``snapshot`` of this plant or one made alike; every later output is the same, to the bit.

        Raises
        ------
        SnapshotError
            It was taken of another plant.
        """
        refuse_foreign(self._identity, snapshot.of)
        self._y[:] = np.frombuffer(snapshot.plant)
        self._s[:] = np.frombuffer(snapshot.stations).reshape(self._s.shape)
        self._u[:] = snapshot.inputs
        self._fault_switches[:] = snapshot.faults
        self.rejected_inputs, self.clamped_inputs = snapshot.counters
