"""What a component is to a composition: ports, states, stages, energies, packed parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from plant_models.errors import PlantSettingError
from plant_models.ports import UNITS, Port

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class InputPort:
    """One input of a component.

    Attributes
    ----------
    name, unit : str
        As :class:`plant_models.ports.Port`.
    low, high : float
        Domain of the model; outside, a value from outside the composition is clamped and counted.
    start : float
        Value before the first step.
    optional : bool
        Whether it may stay unwired, and then holds ``start``; else it becomes an input of the whole.
    """

    name: str
    unit: str
    low: float
    high: float
    start: float
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """Outputs that are computed together.

    Stages of a component run in their order, each as soon as what it ``reads`` is there: so one component
    may say how far its valve is open before another can say what pressure that leaves it.

    Attributes
    ----------
    reads : tuple of str
        Inputs on which these outputs depend at once (direct feedthrough).
    outputs : tuple of Port
        In the order in which the kernel fills them, after those of the stages before.
    reported : bool
        Whether the component's own rates do without them: unless wired they are computed once a step, at its end.
    """

    reads: tuple[str, ...]
    outputs: tuple[Port, ...]
    reported: bool = False


@dataclass(frozen=True, slots=True)
class Energy:
    """A stream of heat or work across a component's boundary, integrated beside the states.

    Attributes
    ----------
    name : str
        For example ``rack_heat``.
    into : bool
        Whether it counts as flowing in.
    port : str or None
        Input or output that it flows through: while that is wired to another component the stream stays
        inside the whole. None: always across the boundary of the whole.
    """

    name: str
    into: bool
    port: str | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Component:
    """A component: the kind of physics and its figures, without a name.

    Attributes
    ----------
    kind : str
        Name of the kind, for messages.
    code : int
        Number of the kind in :mod:`plant_models.system.dispatch`.
    inputs : tuple of InputPort
    states : tuple of Port
    stages : tuple of Stage
    energies : tuple of Energy
        In the order in which the kernel puts their powers (W) after the rates of the states.
    parameters : array
        What the kernels take, fault switches included.  # (n_p,)
    capacity_j_k : array
        Stored energy is the sum of capacity times state.  # (n_x,)
    start : array
        Initial state.  # (n_x,)
    faults : mapping of str to int
        Place of each fault's switch in ``parameters``.
    heat_capacity_j_kgk : mapping of str to float
        Of the coolant behind a temperature port: the two ends of a wire must agree, or energy is lost in it.
    totals : set of str
        States that only add something up since the start, on which no rate depends: they settle nowhere, and an
        equilibrium leaves them as they are.
    """

    kind: str
    code: int
    inputs: tuple[InputPort, ...]
    states: tuple[Port, ...]
    stages: tuple[Stage, ...]
    energies: tuple[Energy, ...]
    parameters: Array
    capacity_j_k: Array
    start: Array
    faults: Mapping[str, int] = field(default_factory=dict)
    heat_capacity_j_kgk: Mapping[str, float] = field(default_factory=dict)
    totals: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        inputs = [port.name for port in self.inputs]
        outputs = [port.name for port in self.outputs]
        ports = [*inputs, *outputs]
        read = [name for stage in self.stages for name in stage.reads]
        carried = [energy.port for energy in self.energies if energy.port is not None]
        units = {port.unit for port in self.inputs} | {port.unit for port in (*self.outputs, *self.states)}
        sizes = {len(self.states), self.capacity_j_k.size, self.start.size}
        for wrong, what in (
            (len(set(ports)) != len(ports), "two ports of the same name"),
            (not set(read) <= set(inputs), "a stage that reads what is no input"),
            (
                not {*carried, *self.heat_capacity_j_kgk} <= set(ports),
                "an energy or a coolant without its port",
            ),
            (not units <= set(UNITS), f"a unit other than {', '.join(UNITS)}"),
            (not self.totals <= {port.name for port in self.states}, "a total that is no state"),
            (len(sizes) != 1, "not one capacity and one initial value for each state"),
            (not np.isfinite(self.parameters).all(), "a parameter that is not a number"),
        ):
            if wrong:
                raise PlantSettingError(f"component {self.kind}: {what}")

    @property
    def outputs(self) -> tuple[Port, ...]:
        """Outputs of all stages, in the order of the kernel's array."""
        return tuple(port for stage in self.stages for port in stage.outputs)
