"""The bridge to python-control: the same kernels as a non-linear system, and its linear models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import control
import numpy as np
import numpy.typing as npt

from plant_models import cdu_physics as physics
from plant_models.errors import PlantSettingError
from plant_models.ports import names

if TYPE_CHECKING:
    from plant_models.cdu import CduPlant

Array = npt.NDArray[np.float64]

_STATE_STEPS = np.array([1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-2, 1e-2])
"""Perturbation of each state, K and %: small against any curvature, large against rounding."""
_INPUT_STEPS = np.array([1e-1, 1e-3, 1e-2, 1e-2, 1e-2])
"""Perturbation of each input, in the units of the ports."""


def to_control(plant: CduPlant) -> control.NonlinearIOSystem:
    """``plant`` as a continuous ``control.NonlinearIOSystem`` with named inputs, outputs and states.

    Parameters and faults are those of this moment. ``energy_residual_kw`` belongs to a step of the plant's
    own integrator and is 0 here.
    """
    params = plant.packed_parameters

    def update(t: float, x: Array, u: Array, _: Mapping[str, float]) -> Array:
        return physics.derivative(float(t), np.ascontiguousarray(x, float), _inside(u), params)

    def output(t: float, x: Array, u: Array, _: Mapping[str, float]) -> Array:
        return physics.outputs(float(t), np.ascontiguousarray(x, float), _inside(u), params)

    return control.NonlinearIOSystem(
        update,
        output,
        name="cdu",
        inputs=names(plant.input_ports),
        outputs=names(plant.output_ports),
        states=names(plant.state_ports),
    )


def linearize(plant: CduPlant, operating_point: Mapping[str, float] | None = None) -> control.StateSpace:
    """Linear model of ``plant`` about its equilibrium at ``operating_point``, by central differences.

    Parameters
    ----------
    plant : CduPlant
        Its own state is not touched.
    operating_point : mapping of str to float, optional
        Inputs by name; the others are as last held.

    Returns
    -------
    control.StateSpace
        Of deviations from the equilibrium, with the plant's names of inputs, outputs and states.

    Raises
    ------
    PlantSettingError
        A command on its limit, where the plant answers in one direction only, or an unknown input.
    NoEquilibriumError
        The plant does not settle at these inputs.
    """
    point = {**plant.inputs, **(operating_point or {})}
    x = np.array(list(plant.steady_state(point).values()))  # (n_x,)
    u = np.array([point[name] for name in names(plant.input_ports)])  # (n_u,)
    _refuse_limits(plant, u)
    params = plant.packed_parameters

    def rates(x: Array, u: Array) -> Array:
        return physics.derivative(0.0, x, u, params)

    def outputs(x: Array, u: Array) -> Array:
        return physics.outputs(0.0, x, u, params)

    a = _jacobian(lambda v: rates(v, u), x, _STATE_STEPS)  # (n_x, n_x)
    b = _jacobian(lambda v: rates(x, v), u, _INPUT_STEPS)  # (n_x, n_u)
    c = _jacobian(lambda v: outputs(v, u), x, _STATE_STEPS)  # (n_y, n_x)
    d = _jacobian(lambda v: outputs(x, v), u, _INPUT_STEPS)  # (n_y, n_u)
    return control.ss(
        a, b, c, d,
        name="cdu_linear",
        inputs=names(plant.input_ports),
        outputs=names(plant.output_ports),
        states=names(plant.state_ports),
    )  # fmt: skip


def _inside(u: Array) -> Array:
    """Clamp inputs to the model's domain, as ``step`` does."""
    return np.clip(u, physics.INPUT_LOW, physics.INPUT_HIGH)


def _refuse_limits(plant: CduPlant, u: Array) -> None:
    for slot, port in enumerate(plant.input_ports):
        step = _INPUT_STEPS[slot]
        low, high = physics.INPUT_LOW[slot], physics.INPUT_HIGH[slot]
        # Heat may be none at all: the equations are linear in it on both sides of zero.
        if slot != physics.HEAT and not low + step <= u[slot] <= high - step:
            raise PlantSettingError(
                f"cannot linearise with {port.name} = {u[slot]:g} on its limit ({low:g} … {high:g})"
            )


def _jacobian(function: Callable[[Array], Array], at: Array, steps: Array) -> Array:
    """Central differences of ``function`` at ``at``."""  # (n_out, n_in)
    columns = []
    for slot, step in enumerate(steps):
        above, below = at.copy(), at.copy()
        above[slot] += step
        below[slot] -= step
        columns.append((function(above) - function(below)) / (above[slot] - below[slot]))
    return np.column_stack(columns)
