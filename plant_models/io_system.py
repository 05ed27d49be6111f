"""The bridge to python-control: the same kernels as a non-linear system, and its linear models."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import control
import numpy as np
import numpy.typing as npt

from plant_models import cdu_physics as physics
from plant_models.cdu import CduPlant
from plant_models.continuous import Continuous, jacobian, perturbations
from plant_models.errors import PlantSettingError
from plant_models.ports import names

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
    """Linear model of ``plant`` about its equilibrium at ``operating_point``, by central differences.

    Parameters
    ----------
    plant : CduPlant or SystemPlant
        Its own state is not touched.
    operating_point : mapping of str to float, optional
        Inputs by name; the others are as last held.
    held : collection of str
        Inputs that nothing moves: they may be on a limit, and the model answers to them with 0.

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
    of = _continuous(plant)
    moving = np.array([port.name not in held for port in of.input_ports])  # (n_u,)
    _refuse_limits(of, u, moving)
    state_steps, input_steps = perturbations(of.state_ports), perturbations(of.input_ports)
    a = jacobian(lambda v: of.rates(v, u), x, state_steps)  # (n_x, n_x)

    def moved(some: Array) -> Array:
        every = u.copy()
        every[moving] = some
        return every

    b, d = np.zeros((x.size, u.size)), np.zeros((len(of.output_ports), u.size))  # (n_x, n_u), (n_y, n_u)
    b[:, moving] = jacobian(lambda v: of.rates(x, moved(v)), u[moving], input_steps[moving])
    c = jacobian(lambda v: of.outputs(v, u), x, state_steps)  # (n_y, n_x)
    d[:, moving] = jacobian(lambda v: of.outputs(x, moved(v)), u[moving], input_steps[moving])
    return control.ss(
        a, b, c, d,
        name=f"{of.name}_linear",
        inputs=names(of.input_ports),
        outputs=names(of.output_ports),
        states=names(of.state_ports),
    )  # fmt: skip


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


def _refuse_limits(of: Continuous, u: Array, moving: npt.NDArray[np.bool_]) -> None:
    for slot, (port, step) in enumerate(zip(of.input_ports, perturbations(of.input_ports), strict=True)):
        if not moving[slot]:
            continue
        # Heat may be none at all: the equations are linear in it on both sides of zero.
        if port.unit != "kW" and not of.low[slot] + step <= u[slot] <= of.high[slot] - step:
            raise PlantSettingError(
                f"cannot linearise with {port.name} = {u[slot]:g} on its limit ({of.low[slot]:g} … {of.high[slot]:g})"
            )
