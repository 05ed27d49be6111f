"""The bridge to python-control: the same kernels as a non-linear system, and its linear models."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import control
import numpy as np
import numpy.typing as npt

from plant_models import cdu_physics as physics
from plant_models.cdu import CduPlant
from plant_models.continuous import Continuous, perturbations
from plant_models.errors import PlantSettingError
from plant_models.ports import names
from plant_models.slopes import Slopes, Variables, slopes

if TYPE_CHECKING:
    from plant_models.system.plant import SystemPlant

Array = npt.NDArray[np.float64]


def to_control(plant: CduPlant | SystemPlant) -> control.NonlinearIOSystem:
    """``plant`` as a continuous ``control.NonlinearIOSystem`` with named inputs, outputs and states.

    Parameters and faults are those of this moment. ``energy_residual_kw`` belongs to a step of the plant's
    own integrator and is 0 here.
    """
    of = _continuous(plant)

    def update(_: float, x: Array, u: Array, __: Mapping[str, float]) -> Array:
        return of.rates(np.ascontiguousarray(x, float), np.clip(u, of.low, of.high))

    def output(_: float, x: Array, u: Array, __: Mapping[str, float]) -> Array:
        return of.outputs(np.ascontiguousarray(x, float), np.clip(u, of.low, of.high))

    return control.NonlinearIOSystem(
        update,
        output,
        name=of.name,
        inputs=names(of.input_ports),
        outputs=names(of.output_ports),
        states=names(of.state_ports),
    )


def linearize(
    plant: CduPlant | SystemPlant,
    operating_point: Mapping[str, float] | None = None,
    held: Collection[str] = (),
) -> control.StateSpace:
    """Linear model of ``plant`` about its equilibrium at ``operating_point``.

    Slopes are central differences. An input or a state in % that stands on a limit has the slope away from the limit.
    At a kink (:func:`linear_kinks`) the slope is that of a rise, and of equals under a maximum one alone has it: the
    model is right for all of them rising alike.

    Parameters
    ----------
    plant : CduPlant or SystemPlant
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
    plant: CduPlant | SystemPlant,
    operating_point: Mapping[str, float] | None = None,
    held: Collection[str] = (),
) -> tuple[tuple[str, str], ...]:
    """Where :func:`linearize` (same parameters) stands on a kink and takes the slope of a rise.

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


def _parts(
    plant: CduPlant | SystemPlant,
    of: Continuous,
    operating_point: Mapping[str, float] | None,
    held: Collection[str],
) -> tuple[Slopes, Slopes, Slopes, Slopes]:
    """Give A, B, C and D."""
    point = {**plant.inputs, **(operating_point or {})}
    x = np.array(list(plant.steady_state(point).values()))  # (n_x,)
    u = np.array([point[name] for name in names(plant.input_ports)])  # (n_u,)
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
        slopes(lambda v: of.rates(v, u), states),
        widened(slopes(lambda v: of.rates(x, moved(v)), inputs)),
        slopes(lambda v: of.outputs(v, u), states),
        widened(slopes(lambda v: of.outputs(x, moved(v)), inputs)),
    )


def _continuous(plant: CduPlant | SystemPlant) -> Continuous:
    """Equations of either kind of plant."""
    if not isinstance(plant, CduPlant):
        return plant.continuous()
    params = plant.packed_parameters
    return Continuous(
        name="cdu",
        rates=lambda x, u: physics.derivative(0.0, x, u, params),
        outputs=lambda x, u: physics.outputs(0.0, x, u, params),
        input_ports=plant.input_ports,
        output_ports=plant.output_ports,
        state_ports=plant.state_ports,
        low=physics.INPUT_LOW,
        high=physics.INPUT_HIGH,
    )
