"""Where a composition settles: time until its actuators have arrived, then Newton's method for the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from plant_models.continuous import jacobian, perturbations
from plant_models.errors import NoEquilibriumError

if TYPE_CHECKING:
    from plant_models.system.plant import SystemPlant

Array = npt.NDArray[np.float64]

_ROUNDS = 40
_ROUND_S = 120.0
_NEWTON_STEPS, _MOST_NEWTON_STEPS = 8, 40
"""Any, and while each at least halves the fastest change: where a law bends sharply they gain a digit in two."""
_SETTLED_PER_S = 1e-9
"""K/s or %/s: a hundredth of a kelvin in four months."""
_FARTHEST = 500.0
_ROUNDING = 1e-9
_BOUNDED = ("degC", "%")
"""Units of states of which none is that large: beyond it the search has run away."""


def settled(plant: SystemPlant, inputs: Array) -> Array:
    """States at which nothing changes under ``inputs``; ``plant`` is stepped on the way.

    An actuator far from its command moves at its top speed, which no derivative sees; so the plant first runs, and
    Newton's method is tried again and again. States that nothing moves (a loop without flow) stay as they are, and so
    do totals, which never come to rest.

    Raises
    ------
    NoEquilibriumError
        Not found.
    """
    equations = plant.continuous()
    values = inputs.tolist()
    settling, at_first = plant.settling, np.array(plant.state)
    bounded = settling & np.array([port.unit in _BOUNDED for port in equations.state_ports])

    def rates(x: Array) -> Array:
        return np.where(settling, equations.rates(0.0, x, inputs), 0.0)

    for _ in range(_ROUNDS):
        plant.step(values, _ROUND_S)
        reached = np.where(settling, np.array(plant.state), at_first)
        found = _newton(rates, reached, perturbations(equations.state_ports), bounded)
        if found is not None:
            # What was nothing and has moved by rounding alone is nothing: a pad that was never wet, coolant not lost.
            return np.where((reached == 0.0) & (np.abs(found) < _ROUNDING), 0.0, found)
    changing = np.abs(rates(np.array(plant.state)))
    worst = int(changing.argmax())
    port = equations.state_ports[worst]
    raise NoEquilibriumError(
        f"no equilibrium: after {_ROUNDS * _ROUND_S / 60.0:g} minutes {port.name} still changes by "
        f"{changing[worst] * 60.0:.2g} {port.unit} a minute"
    )


def _newton(
    rates: Callable[[Array], Array], x: Array, steps: Array, bounded: npt.NDArray[np.bool_]
) -> Array | None:
    """Root of the rates near ``x``, or None; least squares, for some states may be free."""
    last = np.inf
    for count in range(_MOST_NEWTON_STEPS):
        f = rates(x)
        fastest = float(np.abs(f).max())
        if fastest <= _SETTLED_PER_S:
            return x
        if count >= _NEWTON_STEPS and not fastest <= 0.5 * last:
            return None
        last = fastest
        slope = jacobian(rates, x, steps)  # (n_x, n_x)
        if not np.isfinite(slope).all():
            return None
        x = x - np.linalg.lstsq(slope, f, rcond=1e-12)[0]
        if not np.isfinite(x).all() or float(np.abs(x[bounded]).max(initial=0.0)) > _FARTHEST:
            return None
    return None
