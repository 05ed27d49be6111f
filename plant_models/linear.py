"""Any linear system as a plant: a transfer function, matrices, or a python-control system."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from plant_models.discretize import DiscreteSystem, StateSpace, checked, gain_signs, realize, zero_order_hold
from plant_models.errors import LinearModelError, PlantSettingError
from plant_models.identity import Identity, identity, port_names, refuse_foreign
from plant_models.ports import Port

if TYPE_CHECKING:
    from control.lti import LTI

Array = npt.NDArray[np.float64]

_ON_GRID = 1e-6
"""Part of a period by which a step may miss the grid and still be on it: clocks count in ns."""
_LARGEST = 1e15
"""An unstable system is held here, where its numbers still are numbers."""


@dataclass(frozen=True, slots=True)
class LinearSnapshot:
    """Everything a :class:`LinearPlant` remembers, to the bit."""

    of: Identity
    state: tuple[float, ...]
    inputs: tuple[float, ...]
    queue: tuple[tuple[float, ...], ...]
    carried_s: float
    counters: tuple[int, int, int]


class LinearPlant:
    """A linear plant, discretised at its making. Satisfies ``hil.loop.protocols.Plant``.

    It works on deviations: at rest with ``input_levels`` it gives ``output_levels``; there it starts.
    Make one by :meth:`from_transfer_function`, :meth:`from_state_space` or :meth:`from_lti`.

    Attributes
    ----------
    input_ports, output_ports : tuple of Port
        As the caller gave them.
    default_inputs : mapping of str to float
        None: every input is to be wired.
    faults : tuple of str
        None.
    effects : mapping of (input, output) to int
        Signs of the steady gains, of an integrator's slope, or of the gain that holds an unstable plant; nothing
        where there is no steady effect.
    period_s : float
        Base period.
    rejected_inputs : int
        How many input values were not finite; the last good one was held.
    off_grid_steps : int
        How many steps were no whole multiple of the base period; what is left is carried to the next step.
    limited_steps : int
        How many base periods an unstable state was held at 1e15.
    """

    faults: tuple[str, ...] = ()
    default_inputs: Mapping[str, float] = MappingProxyType({})

    def __init__(
        self,
        system: DiscreteSystem,
        *,
        period_s: float,
        inputs: Sequence[Port],
        outputs: Sequence[Port],
        effects: Mapping[tuple[str, str], int],
        input_levels: Sequence[float] | None = None,
        output_levels: Sequence[float] | None = None,
    ) -> None:
        self.input_ports = _ports(inputs, system.b_new.shape[1], "input")
        self.output_ports = _ports(outputs, system.c.shape[0], "output")
        self.period_s = period_s
        self.effects = effects
        self._system = system
        self._u0 = _operating(input_levels, len(self.input_ports), "input_levels")
        self._y0 = _operating(output_levels, len(self.output_ports), "output_levels")
        self._identity = identity(
            f"a linear plant of order {system.a.shape[0]}",
            port_names(self.input_ports, self.output_ports),
            *(system.a, system.b_new, system.b_old, system.c, system.d, self._u0, self._y0),
            np.array([system.delay, period_s], dtype=float),
        )
        self._x = np.zeros(system.a.shape[0])
        self._u = np.zeros(len(self.input_ports))
        # Newest last; the queue holds the inputs of this period and of delay + 1 before it.
        self._queue = deque([np.zeros_like(self._u)] * (system.delay + 2), maxlen=system.delay + 2)
        self._carried_s = 0.0
        self.rejected_inputs = 0
        self.off_grid_steps = 0
        self.limited_steps = 0

    @classmethod
    def from_transfer_function(
        cls,
        numerator: Sequence[float],
        denominator: Sequence[float],
        *,
        period_s: float,
        inputs: Sequence[Port],
        outputs: Sequence[Port],
        dead_time_s: float = 0.0,
        input_levels: Sequence[float] | None = None,
        output_levels: Sequence[float] | None = None,
    ) -> LinearPlant:
        """Make a plant of ``numerator(s)/denominator(s) exp(-s dead_time_s)``, highest powers first.

        Raises
        ------
        LinearModelError
            Improper, not finite, or a period or dead time out of range.
        """
        return cls._from_continuous(
            realize(numerator, denominator),
            period_s,
            dead_time_s,
            inputs,
            outputs,
            input_levels,
            output_levels,
        )

    @classmethod
    def from_state_space(
        cls,
        a: object,
        b: object,
        c: object,
        d: object = 0.0,
        *,
        period_s: float,
        inputs: Sequence[Port],
        outputs: Sequence[Port],
        dead_time_s: float = 0.0,
        input_levels: Sequence[float] | None = None,
        output_levels: Sequence[float] | None = None,
    ) -> LinearPlant:
        """Make a plant of continuous matrices, as nested lists or arrays; ``dead_time_s`` is every input's.

        Raises
        ------
        LinearModelError
            Shapes that do not fit each other or the ports, or values that are not finite.
        """
        return cls._from_continuous(
            checked(a, b, c, d), period_s, dead_time_s, inputs, outputs, input_levels, output_levels
        )

    @classmethod
    def from_lti(
        cls,
        system: LTI,
        *,
        period_s: float,
        inputs: Sequence[Port] | None = None,
        outputs: Sequence[Port] | None = None,
        dead_time_s: float = 0.0,
        input_levels: Sequence[float] | None = None,
        output_levels: Sequence[float] | None = None,
    ) -> LinearPlant:
        """Make a plant of a python-control system, continuous or sampled at this very period.

        Ports default to the system's own names, in unit 1.

        Raises
        ------
        LinearModelError
            Another sampling period, improper, or a dead time that a discrete system cannot have.
        """
        import control  # noqa: PLC0415 - takes a second to import, and only its own objects need it

        try:
            found = control.ss(system)
        except (TypeError, ValueError, NotImplementedError, control.ControlMIMONotImplemented) as error:
            raise LinearModelError(f"python-control has no state-space form of it: {error}") from error
        inputs = [Port(name, "1") for name in found.input_labels] if inputs is None else inputs
        outputs = [Port(name, "1") for name in found.output_labels] if outputs is None else outputs
        matrices = checked(found.A.reshape(found.nstates, found.nstates), found.B, found.C, found.D)
        if not found.isdtime(strict=True):
            return cls._from_continuous(
                matrices, period_s, dead_time_s, inputs, outputs, input_levels, output_levels
            )
        return cls(
            _sampled(matrices, found.dt, period_s, dead_time_s),
            period_s=period_s,
            inputs=inputs,
            outputs=outputs,
            # z = 1 is s = 0: the sign of the gain there is that of x' = (A - 1) x + B u.
            effects=_effects(
                StateSpace(matrices.a - np.eye(found.nstates), matrices.b, matrices.c, matrices.d),
                inputs,
                outputs,
            ),
            input_levels=input_levels,
            output_levels=output_levels,
        )

    @classmethod
    def _from_continuous(
        cls,
        system: StateSpace,
        period_s: float,
        dead_time_s: float,
        inputs: Sequence[Port],
        outputs: Sequence[Port],
        input_levels: Sequence[float] | None,
        output_levels: Sequence[float] | None,
    ) -> LinearPlant:
        return cls(
            zero_order_hold(system, period_s, dead_time_s),
            period_s=period_s,
            inputs=inputs,
            outputs=outputs,
            effects=_effects(system, inputs, outputs),
            input_levels=input_levels,
            output_levels=output_levels,
        )

    def step(self, inputs: Sequence[float], dt_s: float) -> list[float]:
        """Advance by the whole base periods in ``dt_s`` (s) with ``inputs`` held; carry the rest over."""
        for slot, value in enumerate(inputs):
            if math.isfinite(value):
                self._u[slot] = value - self._u0[slot]
            else:
                self.rejected_inputs += 1
        due_s = self._carried_s + dt_s
        periods = math.floor(due_s / self.period_s + _ON_GRID)
        left_s = due_s - periods * self.period_s
        if abs(left_s) > _ON_GRID * self.period_s:
            self.off_grid_steps += 1
        else:
            left_s = 0.0
        self._carried_s = left_s
        for _ in range(periods):
            self._advance()
        system = self._system
        outputs: list[float] = (self._y0 + system.c @ self._x + system.d @ self._acting(periods)).tolist()
        return outputs

    def set_fault(self, fault: str, active: bool) -> None:
        """Refuse: a linear plant has no faults.

        Raises
        ------
        PlantSettingError
            Always.
        """
        raise PlantSettingError(f"a linear plant has no faults, so it cannot have {fault!r} set to {active}")

    @property
    def state(self) -> tuple[float, ...]:
        """State, as a deviation from rest."""
        return tuple(self._x.tolist())

    def snapshot(self) -> LinearSnapshot:
        """Everything that later outputs depend on."""
        return LinearSnapshot(
            of=self._identity,
            state=self.state,
            inputs=tuple(self._u.tolist()),
            queue=tuple(tuple(past.tolist()) for past in self._queue),
            carried_s=self._carried_s,
            counters=(self.rejected_inputs, self.off_grid_steps, self.limited_steps),
        )

    def restore(self, snapshot: LinearSnapshot) -> None:
        """Go back to ``snapshot`` of this plant or one made alike; every later output is the same, to the bit.

        Raises
        ------
        SnapshotError
            It was taken of another plant.
        """
        refuse_foreign(self._identity, snapshot.of)
        self._x = np.array(snapshot.state, dtype=float)
        self._u = np.array(snapshot.inputs, dtype=float)
        self._queue.extend(np.array(past, dtype=float) for past in snapshot.queue)
        self._carried_s = snapshot.carried_s
        self.rejected_inputs, self.off_grid_steps, self.limited_steps = snapshot.counters

    def _advance(self) -> None:
        """One base period with the inputs now held."""
        self._queue.append(self._u.copy())
        older, acting = self._queue[0], self._queue[1]
        system = self._system
        state = system.a @ self._x + system.b_new @ acting + system.b_old @ older
        if not np.abs(state).max(initial=0.0) <= _LARGEST:
            self.limited_steps += 1
            state = np.clip(np.nan_to_num(state, nan=0.0), -_LARGEST, _LARGEST)
        self._x = state

    def _acting(self, periods: int) -> Array:
        """Input that passes straight through: without dead time that now held, even if no period passed."""
        return self._u if periods == 0 and self._system.delay == 0 else self._queue[1]


def _sampled(matrices: StateSpace, sampled_s: object, period_s: float, dead_time_s: float) -> DiscreteSystem:
    """Take a system that is discrete already."""
    # python-control writes True for "discrete, of whatever period".
    if sampled_s is not True and not math.isclose(float(str(sampled_s)), period_s, rel_tol=1e-9):
        raise LinearModelError(
            f"the system is sampled at {sampled_s} s, the loop runs at {period_s:g} s; resample it"
        )
    delay = round(dead_time_s / period_s)
    if not math.isclose(delay * period_s, dead_time_s, rel_tol=1e-9, abs_tol=1e-12):
        raise LinearModelError(
            f"dead_time_s = {dead_time_s:g} of a discrete system must be a multiple of {period_s:g} s"
        )
    return DiscreteSystem(matrices.a, matrices.b, np.zeros_like(matrices.b), matrices.c, matrices.d, delay)


def _effects(
    system: StateSpace, input_ports: Sequence[Port], output_ports: Sequence[Port]
) -> Mapping[tuple[str, str], int]:
    signs = gain_signs(system)
    inputs = _ports(input_ports, signs.shape[1], "input")
    outputs = _ports(output_ports, signs.shape[0], "output")
    return MappingProxyType({
        (source.name, target.name): int(signs[row, column])
        for row, target in enumerate(outputs)
        for column, source in enumerate(inputs)
        if signs[row, column] != 0
    })  # fmt: skip


def _ports(ports: Sequence[Port], count: int, kind: str) -> tuple[Port, ...]:
    strangers = [port for port in ports if not isinstance(port, Port)]
    if strangers:
        raise LinearModelError(f"{kind} {strangers[0]!r} is no port: give Port(name, unit)")
    if len(ports) != count:
        raise LinearModelError(
            f"{len(ports)} {kind}s ({', '.join(p.name for p in ports)}) are named, the model has {count}"
        )
    return tuple(ports)


def _operating(values: Sequence[float] | None, count: int, name: str) -> Array:
    found = np.zeros(count) if values is None else np.asarray(values, float)
    if found.shape != (count,) or not np.isfinite(found).all():
        raise LinearModelError(f"{name} must be {count} finite numbers")
    return found
