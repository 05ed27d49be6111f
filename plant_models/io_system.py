"""The bridge to python-control: the same kernels as a non-linear system, and its linear models."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import control
import numpy as np
import numpy.typing as npt

from plant_models import cdu_entries as entries
from plant_models import cdu_physics as physics
from plant_models.cdu import CduPlant
from plant_models.continuous import Continuous, perturbations
from plant_models.discretize import realize
from plant_models.errors import LinearModelError, PlantSettingError
from plant_models.ports import Port, names
from plant_models.slopes import Slopes, Variables, slopes

if TYPE_CHECKING:
    from plant_models.pv.plant import PvPlant
    from plant_models.system.plant import SystemPlant

Array = npt.NDArray[np.float64]
AnyPlant: TypeAlias = "CduPlant | SystemPlant | PvPlant"


def to_control(plant: AnyPlant) -> control.NonlinearIOSystem:
    """``plant`` as a continuous ``control.NonlinearIOSystem`` with named inputs, outputs and states.

    Parameters and faults are those of this moment, which is the system's time 0. ``energy_residual_kw`` belongs to a
    step of the plant's own integrator and is 0 here.
    """
    of = _continuous(plant)

    def update(t: float, x: Array, u: Array, _: Mapping[str, float]) -> Array:
        return of.rates(float(t), np.ascontiguousarray(x, float), np.clip(u, of.low, of.high))

    def output(t: float, x: Array, u: Array, _: Mapping[str, float]) -> Array:
        return of.outputs(float(t), np.ascontiguousarray(x, float), np.clip(u, of.low, of.high))

    return control.NonlinearIOSystem(
        update,
        output,
        name=of.name,
        inputs=names(of.input_ports),
        outputs=names(of.output_ports),
        states=names(of.state_ports),
    )


def linearize(
    plant: AnyPlant,
    operating_point: Mapping[str, float] | None = None,
    held: Collection[str] = (),
) -> control.StateSpace:
    """Linear model of ``plant`` about its equilibrium at ``operating_point``; of a PV plant, under the sky of now.

    Slopes are central differences. An input or a state in % that stands on a limit has the slope away from the limit.
    At a kink (:func:`linear_kinks`) the slope is that of a rise, and of equals under a maximum one alone has it: the
    model is right for all of them rising alike.

    Parameters
    ----------
    plant : CduPlant, SystemPlant or PvPlant
        Its own state is not touched.
    operating_point : mapping of str to float, optional
        Inputs by name; the others are as last held.
    held : collection of str
        Inputs that nothing moves: the model answers to them with 0.

    Returns
    -------
    control.StateSpace
        Of deviations from the equilibrium, with the plant's names of inputs, outputs and states.

    Raises
    ------
    PlantSettingError
        An input whose domain has no room to move on either side, or an unknown input.
    NoEquilibriumError
        The plant does not settle at these inputs.
    """
    of = _continuous(plant)
    a, b, c, d = (part.matrix for part in _parts(plant, of, operating_point, held))
    return control.ss(
        a, b, c, d,
        name=f"{of.name}_linear",
        inputs=names(of.input_ports),
        outputs=names(of.output_ports),
        states=names(of.state_ports),
    )  # fmt: skip


def linear_kinks(
    plant: AnyPlant,
    operating_point: Mapping[str, float] | None = None,
    held: Collection[str] = (),
) -> tuple[tuple[str, str], ...]:
    """Where :func:`linearize` (same parameters) stands on a kink, or a step from one, and so holds on one side only.

    On a kink it takes the slope of a rise. Where one side breaks or bends away within the step of a derivative (equal
    layers of a tank: buoyancy mixes them when the lower one is the warmer), the slope is that of the point itself.

    Pairs of what answers (a state for its rate, or an output) and what moves it (a state or an input).
    """
    of = _continuous(plant)
    states, inputs, outputs = names(of.state_ports), names(of.input_ports), names(of.output_ports)
    sides = ((states, states), (states, inputs), (outputs, states), (outputs, inputs))
    return tuple(
        (answering[row], moving[column])
        for part, (answering, moving) in zip(_parts(plant, of, operating_point, held), sides, strict=True)
        for row, column in np.argwhere(part.kinks).tolist()
    )


def delay_to_control(
    delay_s: float, pade_order: int | None, input_ports: Sequence[Port], output_ports: Sequence[Port]
) -> control.StateSpace:
    """Give a link on which each input comes out ``delay_s`` later; further outputs answer to nothing.

    Raises
    ------
    LinearModelError
        A delay without the order of Padé's approximation, or an order below 1.
    """
    if delay_s > 0.0 and pade_order is None:
        raise LinearModelError(
            f"a delay of {delay_s:g} s has no state-space form: give pade_order for an approximation"
        )
    if pade_order is not None and pade_order < 1:
        raise LinearModelError(f"pade_order is {pade_order}; it must be 1 or more")
    one = realize(*(control.pade(delay_s, pade_order) if delay_s > 0.0 else ([1.0], [1.0])))
    channels = np.eye(len(input_ports))
    states = [f"{port.name}_pade_{n + 1}" for port in input_ports for n in range(len(one.a))]
    rows = (len(output_ports) - len(input_ports), len(input_ports))
    answers_to_nothing = np.zeros((rows[0], len(states)))
    return control.ss(
        np.kron(channels, one.a), np.kron(channels, one.b),
        np.vstack([np.kron(channels, one.c), answers_to_nothing]),
        np.vstack([np.kron(channels, one.d), np.zeros(rows)]),
        dt=0, name="wan", inputs=names(input_ports), outputs=names(output_ports), states=states,
    )  # fmt: skip


def _parts(
    plant: AnyPlant,
    of: Continuous,
    operating_point: Mapping[str, float] | None,
    held: Collection[str],
) -> tuple[Slopes, Slopes, Slopes, Slopes]:
    """Give A, B, C and D."""
    point = {**plant.inputs, **(operating_point or {})}
    x = np.array(list(plant.steady_state(point).values()), dtype=float)  # (n_x,)
    # Whole numbers would make an array of integers, to which a step below 1 adds nothing.
    u = np.array([point[name] for name in names(plant.input_ports)], dtype=float)  # (n_u,)
    moving = np.array([port.name not in held for port in of.input_ports])  # (n_u,)
    percent = np.array([port.unit == "%" for port in of.state_ports])  # (n_x,)
    states = Variables(
        x, perturbations(of.state_ports), np.where(percent, 0.0, -np.inf), np.where(percent, 100.0, np.inf)
    )
    inputs = Variables(u[moving], perturbations(of.input_ports)[moving], of.low[moving], of.high[moving])
    if inputs.stuck.any():
        stuck = [port.name for port in of.input_ports if port.name not in held][int(inputs.stuck.argmax())]
        raise PlantSettingError(
            f"cannot linearise with {stuck}: its domain has no room for a step on either side"
        )

    def moved(some: Array) -> Array:
        every = u.copy()
        every[moving] = some
        return every

    def widened(part: Slopes) -> Slopes:
        matrix, kinks = np.zeros((len(part.matrix), u.size)), np.zeros((len(part.matrix), u.size), bool)
        matrix[:, moving], kinks[:, moving] = part.matrix, part.kinks
        return Slopes(matrix, kinks)

    return (
        slopes(lambda v: of.rates(0.0, v, u), states),
        widened(slopes(lambda v: of.rates(0.0, x, moved(v)), inputs)),
        slopes(lambda v: of.outputs(0.0, v, u), states),
        widened(slopes(lambda v: of.outputs(0.0, x, moved(v)), inputs)),
    )


def _continuous(plant: AnyPlant) -> Continuous:
    """Equations of any kind of plant."""
    if not isinstance(plant, CduPlant):
        return plant.continuous()
    params = plant.packed_parameters
    return Continuous(
        name="cdu",
        rates=lambda _, x, u: entries.derivative(0.0, x, u, params),
        outputs=lambda _, x, u: entries.outputs(0.0, x, u, params),
        input_ports=plant.input_ports,
        output_ports=plant.output_ports,
        state_ports=plant.state_ports,
        low=physics.INPUT_LOW,
        high=physics.INPUT_HIGH,
    )
