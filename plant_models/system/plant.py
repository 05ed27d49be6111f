"""A composition as one plant that is stepped."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from plant_models.continuous import Continuous
from plant_models.errors import NoEquilibriumError, PlantSettingError
from plant_models.identity import Identity, refuse_foreign
from plant_models.nearest import hint
from plant_models.ports import Port
from plant_models.system import executor
from plant_models.system.equilibrium import settled
from plant_models.system.layout import RESIDUAL_PORT, Array, Layout

if TYPE_CHECKING:
    from control import NonlinearIOSystem


@dataclass(frozen=True, slots=True)
class SystemSnapshot:
    """Everything a :class:`SystemPlant` remembers, to the bit."""

    of: Identity
    state: tuple[float, ...]
    inputs: tuple[float, ...]
    faults: tuple[float, ...]
    totals_j: tuple[float, ...]
    residual_kw: float
    counters: tuple[int, int]


class SystemPlant:
    """Components that are integrated as one. Satisfies ``hil.loop.protocols.Plant``.

    Made by :meth:`plant_models.system.composition.Composition.build`. Names of inputs, outputs, states,
    energies and faults have their instance's name before them; the last output is ``energy_residual_kw``: of the
    heat balances of every component and of the whole over the step, the worst.

    Attributes
    ----------
    input_ports, output_ports, state_ports : tuple of Port
        In the order of ``step`` and of ``state``.
    default_inputs : dict of str to float
        For the inputs that may stay unwired.
    faults : tuple of str
    diagram : Diagram
        Components and wires as plain data, for drawings.
    effects : mapping
        Empty: what an input does to an output of a whole is :func:`plant_models.linearize`'s to say.
    """

    def __init__(self, layout: Layout, longest_substep_s: float = executor.LONGEST_SUBSTEP_S) -> None:
        self._layout = layout
        self._identity = layout.identity
        self._longest_s = longest_substep_s
        self._t = layout.tables
        self.input_ports = tuple(Port(port.name, port.unit) for port in layout.inputs)
        self.output_ports = (*layout.outputs, RESIDUAL_PORT)
        self.state_ports = layout.states
        self.default_inputs = {port.name: port.start for port in layout.inputs if port.optional}
        self.faults = tuple(layout.faults)
        self.diagram = layout.diagram
        self.effects: Mapping[tuple[str, str], int] = {}
        self._z, self._u, self._p = layout.z.copy(), layout.u.copy(), layout.p.copy()
        self._y = np.zeros(layout.outputs_size)
        self._values = np.zeros(len(layout.inputs))
        # Packs a list into an array's memory in less than half the time that numpy takes to convert it.
        self._pack_into = struct.Struct(f"{len(layout.inputs)}d").pack_into
        self._held = np.array([port.start for port in layout.inputs], dtype=float)
        self._out = np.zeros(len(self.output_ports))
        self._totals = np.zeros(self._z.size)
        self._counters = np.zeros(2, dtype=np.int64)
        self._work = np.zeros((executor.WORK_ROWS, self._z.size))
        self._fault_places = np.array(list(layout.faults.values()), dtype=np.int64)
        # Now rather than in the first cycle: loading the compiled executor takes as long as thousands of steps.
        self.step(self._held.tolist(), 0.0)

    def step(self, inputs: Sequence[float], dt_s: float) -> list[float]:
        """Advance by ``dt_s`` (s) with ``inputs`` held; gives the outputs at the end, in the ports' order.

        A value that is not finite holds the last good one, a value outside the domain is clamped; both are counted.
        ``dt_s`` = 0 gives the outputs of the present state.

        Raises
        ------
        ValueError
            Not as many inputs as ports.
        """
        if len(inputs) != self._held.size:
            raise ValueError(f"{len(inputs)} inputs for {self._held.size} ports")
        self._pack_into(self._values.data, 0, *inputs)
        executor.advance(
            self._values, self._z, self._u, self._y, self._p, *self._t, float(dt_s), self._longest_s, self._held,
            self._out, self._totals, self._counters, self._work,
        )  # fmt: skip
        return self._out.tolist()

    @property
    def rejected_inputs(self) -> int:
        """How many input values were not finite; the last good one was held."""
        return int(self._counters[0])

    @property
    def clamped_inputs(self) -> int:
        """How many input values were outside the model's domain."""
        return int(self._counters[1])

    @property
    def inputs(self) -> dict[str, float]:
        """Inputs as last held."""
        return dict(zip((port.name for port in self.input_ports), self._held.tolist(), strict=True))

    @property
    def state(self) -> tuple[float, ...]:
        """State in the order of :attr:`state_ports`."""
        return tuple(self._z[self._layout.state_places].tolist())

    @property
    def settling(self) -> npt.NDArray[np.bool_]:
        """Which states may come to rest; the others only add up since the start."""  # (n_x,)
        return self._layout.settling

    def energies_j(self) -> dict[str, float]:
        """Energies that crossed the components' boundaries since the start, J, by ``instance_energy``."""
        return dict(
            zip(self._layout.energies, self._totals[self._layout.energy_places].tolist(), strict=True)
        )

    def balance_j(self) -> tuple[float, float]:
        """Heat that crossed the boundary of the whole since the start, J: in, out (stored is the difference)."""
        crossing = self._totals * self._t.boundary
        return float(crossing[crossing > 0.0].sum()), float(-crossing[crossing < 0.0].sum())

    def stored_j(self) -> float:
        """Heat that the whole holds over 0 °C, J."""
        return float(self._t.capacity @ self._z)

    def set_fault(self, fault: str, active: bool) -> None:
        """Switch one of :attr:`faults` on or off.

        Raises
        ------
        PlantSettingError
            The plant has no such fault.
        """
        if fault not in self._layout.faults:
            raise PlantSettingError(f"no fault {fault!r}; {hint(fault, self.faults)}")
        self._p[self._layout.faults[fault]] = float(active)

    def snapshot(self) -> SystemSnapshot:
        """Everything that later outputs depend on."""
        return SystemSnapshot(
            of=self._identity,
            state=self.state,
            inputs=tuple(self._held.tolist()),
            faults=tuple(self._p[self._fault_places].tolist()),
            totals_j=tuple(self._totals.tolist()),
            residual_kw=float(self._out[-1]),
            counters=(self.rejected_inputs, self.clamped_inputs),
        )

    def restore(self, snapshot: SystemSnapshot) -> None:
        """Go back to ``snapshot`` of this plant or one made alike; every later output is the same, to the bit.

        Raises
        ------
        SnapshotError
            It was taken of another plant.
        """
        refuse_foreign(self._identity, snapshot.of)
        self._z[self._layout.state_places] = snapshot.state
        self._held[:] = snapshot.inputs
        self._p[self._fault_places] = snapshot.faults
        self._totals[:] = snapshot.totals_j
        self._out[-1] = snapshot.residual_kw
        self._counters[:] = snapshot.counters

    def steady_state(self, inputs: Mapping[str, float]) -> dict[str, float]:
        """State in which the plant settles at ``inputs``, faults as they are; what is missing is as last held.

        Raises
        ------
        NoEquilibriumError
            It does not settle: heat, and nothing to carry it away.
        PlantSettingError
            No such input, or a value outside the domain.
        """
        held = self._input_array({**self.inputs, **inputs})
        kept = self.snapshot()
        try:
            found = settled(self, held)
        finally:
            self.restore(kept)
        return dict(zip((port.name for port in self.state_ports), found.tolist(), strict=True))

    def start_at(self, inputs: Mapping[str, float]) -> bool:
        """Put the plant into equilibrium at ``inputs``; gives whether there is one, and stays as it was where not.

        Raises
        ------
        PlantSettingError
            No such input, or a value outside the domain.
        """
        held = self._input_array({**self.inputs, **inputs})
        try:
            found = self.steady_state(inputs)
        except NoEquilibriumError:
            return False
        self._held[:] = held
        self._z[self._layout.state_places] = list(found.values())
        return True

    def continuous(self) -> Continuous:
        """Equations of this moment (parameters and faults included) as functions of state and inputs."""
        p, t = self._p.copy(), self._t
        u, y, z, dz = self._u.copy(), self._y.copy(), self._z.copy(), self._z.copy()
        places = self._layout.state_places

        def rates(_: float, x: Array, values: Array) -> Array:
            executor.derivative(x, values, z, u, y, p, *t, dz)
            return dz[places]

        def outputs(_: float, x: Array, values: Array) -> Array:
            executor.derivative(x, values, z, u, y, p, *t, dz)
            return np.append(y[t.chosen], 0.0)

        return Continuous(
            name="system",
            rates=rates,
            outputs=outputs,
            input_ports=self.input_ports,
            output_ports=self.output_ports,
            state_ports=self.state_ports,
            low=t.low,
            high=t.high,
        )

    def to_control(self) -> NonlinearIOSystem:
        """Give the same physics as a ``control.NonlinearIOSystem`` with named inputs, outputs and states."""
        from plant_models.io_system import to_control  # noqa: PLC0415 - python-control takes a second to import

        return to_control(self)

    def _input_array(self, inputs: Mapping[str, float]) -> Array:
        known = {port.name: slot for slot, port in enumerate(self._layout.inputs)}
        held = self._held.copy()
        for name, value in inputs.items():
            if name not in known:
                raise PlantSettingError(f"no input {name!r}; {hint(name, known)}")
            port = self._layout.inputs[known[name]]
            if not port.low <= value <= port.high:
                raise PlantSettingError(f"{name} = {value!r} is outside {port.low:g} … {port.high:g}")
            held[known[name]] = value
        return held
