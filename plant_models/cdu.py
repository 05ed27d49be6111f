"""A coolant distribution unit with its racks, as a plant that is stepped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from plant_models import cdu_entries as entries
from plant_models import cdu_physics as physics
from plant_models._jit import plain
from plant_models.cold_plate import OCP_1KW_OAM_PG25, ColdPlate
from plant_models.datasheets import CduDatasheet
from plant_models.datasheets import datasheet as ready_datasheet
from plant_models.equilibrium import steady_state, trim
from plant_models.errors import NoEquilibriumError, PlantSettingError
from plant_models.identity import Identity, identity, refuse_foreign
from plant_models.inputs import admit
from plant_models.parameters import PUMP_TRIPPED, VALVE_STUCK, CduParameters
from plant_models.ports import Port
from plant_models.sizing import settings_from, size
from plant_models.start import START_PREFIX, start_from

if TYPE_CHECKING:
    from control import NonlinearIOSystem

_FAULT_PLACES = {"pump_trip": PUMP_TRIPPED, "valve_stuck": VALVE_STUCK}

EFFECTS: Mapping[tuple[str, str], int] = MappingProxyType({
    ("rack_heat_kw", "tcs_supply_temp_degc"): +1,
    ("rack_heat_kw", "tcs_return_temp_degc"): +1,
    ("rack_heat_kw", "fws_return_temp_degc"): +1,
    ("rack_heat_kw", "cold_plate_case_temp_degc"): +1,
    ("rack_heat_kw", "fws_heat_kw"): +1,
    ("rack_heat_kw", "tcs_heat_kw"): +1,
    ("fws_supply_temp_degc", "tcs_supply_temp_degc"): +1,
    ("fws_supply_temp_degc", "tcs_return_temp_degc"): +1,
    ("fws_supply_temp_degc", "fws_return_temp_degc"): +1,
    ("fws_supply_temp_degc", "cold_plate_case_temp_degc"): +1,
    ("fws_differential_pressure_kpa", "tcs_supply_temp_degc"): -1,
    ("fws_differential_pressure_kpa", "tcs_return_temp_degc"): -1,
    ("fws_differential_pressure_kpa", "fws_return_temp_degc"): -1,
    ("fws_differential_pressure_kpa", "fws_flow_kg_s"): +1,
    ("fws_differential_pressure_kpa", "cold_plate_case_temp_degc"): -1,
    ("fws_valve_command_percent", "tcs_supply_temp_degc"): -1,
    ("fws_valve_command_percent", "tcs_return_temp_degc"): -1,
    ("fws_valve_command_percent", "fws_return_temp_degc"): -1,
    ("fws_valve_command_percent", "fws_flow_kg_s"): +1,
    ("fws_valve_command_percent", "fws_valve_position_percent"): +1,
    ("fws_valve_command_percent", "cold_plate_case_temp_degc"): -1,
    ("tcs_pump_speed_command_percent", "rack_differential_pressure_kpa"): +1,
    ("tcs_pump_speed_command_percent", "tcs_flow_kg_s"): +1,
    ("tcs_pump_speed_command_percent", "tcs_flow_l_min"): +1,
    ("tcs_pump_speed_command_percent", "tcs_pump_speed_percent"): +1,
    ("tcs_pump_speed_command_percent", "pump_power_kw"): +1,
})  # fmt: skip
"""Sign of the steady effect of an input on an output, where that is the same over the whole range, all devices on."""


@dataclass(frozen=True, slots=True)
class CduSnapshot:
    """Everything a :class:`CduPlant` remembers, to the bit."""

    of: Identity
    state: tuple[float, ...]
    inputs: tuple[float, ...]
    faults: tuple[float, ...]
    residual_kw: float
    counters: tuple[int, int]


class CduPlant:
    """A CDU with its racks. Satisfies ``hil.loop.protocols.Plant``.

    Attributes
    ----------
    input_ports, output_ports, state_ports : tuple of Port
        In the order of ``step`` and of ``state``.
    default_inputs : dict of str to float
        For the inputs that may stay unwired: the facility water at its design point.
    faults : tuple of str
        ``pump_trip``: the pump coasts to a stop; ``valve_stuck``: the FWS valve stays where it is.
    effects : mapping of (input, output) to int
        See :data:`EFFECTS`.
    parameters : CduParameters
        What the plant is made of.
    plate : ColdPlate
        What its racks are cooled by.
    rejected_inputs, clamped_inputs : int
        How many input values were not finite (the last good one was held) or outside the model's domain.
    """

    input_ports: tuple[Port, ...] = physics.INPUT_PORTS
    output_ports: tuple[Port, ...] = physics.OUTPUT_PORTS
    state_ports: tuple[Port, ...] = physics.STATE_PORTS
    faults: tuple[str, ...] = tuple(_FAULT_PLACES)
    effects: Mapping[tuple[str, str], int] = EFFECTS

    def __init__(
        self,
        parameters: CduParameters,
        plate: ColdPlate,
        inputs: Mapping[str, float],
        default_inputs: Mapping[str, float],
    ) -> None:
        """Start in equilibrium at ``inputs`` (one for each port); most want :meth:`from_datasheet`."""
        self.parameters = parameters
        self.plate = plate
        self.default_inputs = dict(default_inputs)
        self._p = parameters.packed(plate)
        self._identity = identity("a CDU", self._p)
        self._u = np.zeros(len(self.input_ports))
        self._y = np.zeros(physics.STATES + physics.ENERGIES)
        self.start_at(inputs)
        self._out = np.zeros(len(self.output_ports))
        self._work = np.zeros((entries.WORK_ROWS, self._y.size))
        self._bounds = [*zip(physics.INPUT_LOW.tolist(), physics.INPUT_HIGH.tolist(), strict=True)]
        self.rejected_inputs = 0
        self.clamped_inputs = 0
        # Now rather than in the first cycle: loading the compiled kernel takes as long as thousands of steps.
        self.step(self._u.tolist(), 0.0)

    @classmethod
    def from_datasheet(
        cls,
        sheet: CduDatasheet | str,
        *,
        plate: ColdPlate = OCP_1KW_OAM_PG25,
        cold_plate_power_kw: float | None = None,
        cold_plate_heat_capacity_j_k: float | None = None,
        **settings: float,
    ) -> CduPlant:
        """Size a CDU from ``sheet`` (or the name of a ready one) and start it in equilibrium.

        ``settings`` are the fields of :class:`plant_models.sizing.CduSettings` and, for the start, those of
        :class:`plant_models.start.CduStart`; ``cold_plate_*`` replace figures of ``plate``, which holds the
        resistance over flow.

        Raises
        ------
        DatasheetError
            Figures of the sheet that disagree.
        PlantSettingError
            An unknown setting (the message has the nearest one) or a value outside its range.
        """
        sheet = ready_datasheet(sheet) if isinstance(sheet, str) else sheet
        plate = replace(
            plate,
            power_kw=plate.power_kw if cold_plate_power_kw is None else cold_plate_power_kw,
            heat_capacity_j_k=(
                plate.heat_capacity_j_k
                if cold_plate_heat_capacity_j_k is None
                else cold_plate_heat_capacity_j_k
            ),
        )
        figures = {name: settings.pop(name) for name in tuple(settings) if name.startswith(START_PREFIX)}
        parameters = size(sheet, settings_from(**settings), plate)
        inputs = start_from(**figures).inputs(sheet, parameters, parameters.packed(plate))
        facility = ("fws_supply_temp_degc", "fws_differential_pressure_kpa")
        return cls(parameters, plate, inputs, {name: inputs[name] for name in facility})

    def step(self, inputs: Sequence[float], dt_s: float) -> list[float]:
        """Advance by ``dt_s`` (s) with ``inputs`` held; gives the outputs at the end, in the ports' order.

        A value that is not finite holds the last good one, a value outside the domain is clamped; both are
        counted.
        ``dt_s`` = 0 gives the outputs of the present state.
        """
        u = self._u
        rejected, clamped = admit(inputs, self._bounds, u)
        self.rejected_inputs += rejected
        self.clamped_inputs += clamped
        entries.advance(self._y, u, self._p, float(dt_s), self._out, self._work)
        return self._out.tolist()

    def set_fault(self, fault: str, active: bool) -> None:
        """Switch one of :attr:`faults` on or off.

        Raises
        ------
        PlantSettingError
            The plant has no such fault.
        """
        if fault not in _FAULT_PLACES:
            raise PlantSettingError(f"a CDU has no fault {fault!r}; there are {', '.join(self.faults)}")
        self._p[_FAULT_PLACES[fault]] = float(active)

    @property
    def state(self) -> tuple[float, ...]:
        """State in the order of :attr:`state_ports`."""
        return tuple(self._y[: physics.STATES].tolist())

    @property
    def inputs(self) -> dict[str, float]:
        """Inputs as last held."""
        return dict(zip((port.name for port in self.input_ports), self._u.tolist(), strict=True))

    @property
    def throttled_heat_kw(self) -> float:
        """Heat that devices do not draw now, having switched themselves off above the plate's limit."""
        drawn_w = plain(physics.drawn_heat_w)(self._y, self._u, self._p)
        return float(self._u[physics.HEAT]) - drawn_w / 1000.0

    def snapshot(self) -> CduSnapshot:
        """Everything that later outputs depend on."""
        return CduSnapshot(
            of=self._identity,
            state=self.state,
            inputs=tuple(self._u.tolist()),
            faults=tuple(float(self._p[place]) for place in _FAULT_PLACES.values()),
            residual_kw=float(self._out[physics.RESIDUAL]),
            counters=(self.rejected_inputs, self.clamped_inputs),
        )

    def restore(self, snapshot: CduSnapshot) -> None:
        """Go back to ``snapshot`` of this plant or one made alike; every later output is the same, to the bit.

        Raises
        ------
        SnapshotError
            It was taken of another plant.
        """
        refuse_foreign(self._identity, snapshot.of)
        self._y[: physics.STATES] = snapshot.state
        self._u[:] = snapshot.inputs
        for place, value in zip(_FAULT_PLACES.values(), snapshot.faults, strict=True):
            self._p[place] = value
        self._out[physics.RESIDUAL] = snapshot.residual_kw
        self.rejected_inputs, self.clamped_inputs = snapshot.counters

    def steady_state(self, inputs: Mapping[str, float]) -> dict[str, float]:
        """State in which the plant, without faults, settles at ``inputs``; what is missing is as last held.

        Raises
        ------
        NoEquilibriumError
            Heat, and no flow to carry it away.
        PlantSettingError
            No such input, or a value outside the domain.
        """
        held = self._input_array({**self.inputs, **inputs})
        found = steady_state(self.parameters, self._p, held).tolist()
        return dict(zip((port.name for port in self.state_ports), found, strict=True))

    def start_at(self, inputs: Mapping[str, float]) -> bool:
        """Put the plant into equilibrium at ``inputs``; gives whether there is one.

        Where there is none (heat, and no flow to carry it away) it starts as after a long stop: all of
        it as warm as the facility water, valve and pump where their commands are.

        Raises
        ------
        PlantSettingError
            No such input, or a value outside the domain.
        """
        self._u[:] = self._input_array({**self.inputs, **inputs})
        try:
            state = steady_state(self.parameters, self._p, self._u)
        except NoEquilibriumError:
            state = np.full(physics.STATES, self._u[physics.FWS_TEMP])
            state[physics.VALVE] = self._u[physics.VALVE_COMMAND]
            state[physics.PUMP] = self._u[physics.PUMP_COMMAND]
            self._y[: physics.STATES] = state
            return False
        self._y[: physics.STATES] = state
        return True

    def trim(self, supply_temp_degc: float, rack_differential_pressure_kpa: float) -> dict[str, float]:
        """Commands that settle at these set-points under the inputs last held, or at the nearest limit."""
        valve, pump = trim(
            self.parameters, self._p, self._u, supply_temp_degc, rack_differential_pressure_kpa
        )
        return {"fws_valve_command_percent": valve, "tcs_pump_speed_command_percent": pump}

    @property
    def packed_parameters(self) -> npt.NDArray[np.float64]:
        """Copy of what the kernels take as ``params``, faults as they are now."""  # (n_p,)
        return self._p.copy()

    def to_control(self) -> NonlinearIOSystem:
        """Give the same physics as a ``control.NonlinearIOSystem`` with named inputs, outputs and states."""
        from plant_models.io_system import to_control  # noqa: PLC0415 - python-control takes a second to import

        return to_control(self)

    def _input_array(self, inputs: Mapping[str, float]) -> npt.NDArray[np.float64]:
        held = np.zeros(len(self.input_ports))
        known = {port.name: slot for slot, port in enumerate(self.input_ports)}
        for name, value in inputs.items():
            if name not in known:
                raise PlantSettingError(f"a CDU has no input {name!r}; there are {', '.join(known)}")
            low, high = physics.INPUT_LOW[known[name]], physics.INPUT_HIGH[known[name]]
            if not low <= value <= high:
                raise PlantSettingError(f"{name} = {value!r} is outside {low:g} … {high:g}")
            held[known[name]] = value
        return held
