"""Where a composition settles: time until its actuators have arrived, then Newton's method for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from plant_models.continuous import Continuous, jacobian, perturbations
from plant_models.errors import NoEquilibriumError

if TYPE_CHECKING:
    from plant_models.system.plant import SystemPlant

Array = npt.NDArray[np.float64]

_ROUNDS = 40
_ROUND_S = 120.0
_NEWTON_STEPS = 8
_SETTLED_PER_S = 1e-9
"""K/s or %/s: a hundredth of a kelvin in four months."""
_FARTHEST_DEGC = 500.0


def settled(plant: SystemPlant, inputs: Array) -> Array:
    """States at which nothing changes under ``inputs``; ``plant`` is stepped on the way.

    An actuator far from its command moves at its top speed, which no derivative sees; so the plant first runs,
    and Newton's method is tried again and again. States that nothing moves (a loop without flow) stay as they are.

    Raises
    ------
    NoEquilibriumError
        Not found.
    """
    equations = plant.continuous()
    values = inputs.tolist()
    for _ in range(_ROUNDS):
        plant.step(values, _ROUND_S)
        found = _newton(equations, np.array(plant.state), inputs)
        if found is not None:
            return found
    rates = np.abs(equations.rates(np.array(plant.state), inputs))
    worst = int(rates.argmax())
    port = equations.state_ports[worst]
    raise NoEquilibriumError(
        f"no equilibrium: after {_ROUNDS * _ROUND_S / 60.0:g} minutes {port.name} still changes by "
        f"{rates[worst] * 60.0:.2g} {port.unit} a minute"
    )


def _newton(equations: Continuous, x: Array, u: Array) -> Array | None:
    """Root of the rates near ``x``, or None; least squares, for some states may be free."""
    steps = perturbations(equations.state_ports)
    for _ in range(_NEWTON_STEPS):
        f = equations.rates(x, u)
        if float(np.abs(f).max()) <= _SETTLED_PER_S:
            return x
        slope = jacobian(lambda v: equations.rates(v, u), x, steps)  # (n_x, n_x)
        if not np.isfinite(slope).all():
            return None
        x = x - np.linalg.lstsq(slope, f, rcond=1e-12)[0]
        if not np.isfinite(x).all() or float(np.abs(x).max()) > _FARTHEST_DEGC:
            return None
    return None
