"""A plant's equations as functions of state and inputs: what the bridge to python-control works on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plant_models.ports import Port

Array = npt.NDArray[np.float64]

PERTURBATION = {
    "degC": 1e-3, "K": 1e-3, "kPa": 1e-2, "%": 1e-2, "kW": 1e-1, "kg/s": 1e-3, "L/min": 1e-2, "kg/s/kPa0.5": 1e-4,
    "1": 1e-5, "s": 1e-3, "min": 1e-3, "kWh": 1e-3, "kg": 1e-3, "L/kWh": 1e-5,
    "MW": 1e-4, "Mvar": 1e-4, "MWh": 1e-4, "Hz": 1e-4, "pu": 1e-5,
}  # fmt: skip
"""Step of a numerical derivative by unit: small against any curvature, large against rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Continuous:
    """Equations of a plant from one moment on, parameters and faults as they are then.

    Attributes
    ----------
    name : str
    rates, outputs : callable
        Of the time since then (s), states (n_x,) and inputs (n_u,), inside the domain: d/dt of the states; outputs, the
        residual 0. Time matters where something outside moves the plant: the sky of a PV plant.
    input_ports, output_ports, state_ports : tuple of Port
    low, high : array
        Domain of the inputs.  # (n_u,)
    """

    name: str
    rates: Callable[[float, Array, Array], Array]
    outputs: Callable[[float, Array, Array], Array]
    input_ports: tuple[Port, ...]
    output_ports: tuple[Port, ...]
    state_ports: tuple[Port, ...]
    low: Array
    high: Array


def perturbations(ports: tuple[Port, ...]) -> Array:
    """Step of a numerical derivative for each of ``ports``."""  # (n,)
    return np.array([PERTURBATION[port.unit] for port in ports])


def jacobian(function: Callable[[Array], Array], at: Array, steps: Array) -> Array:
    """Central differences of ``function`` at ``at``."""  # (n_out, n_in)
    columns = []
    for slot, step in enumerate(steps):
        above, below = at.copy(), at.copy()
        above[slot] += step
        below[slot] -= step
        columns.append((function(above) - function(below)) / (above[slot] - below[slot]))
    return np.column_stack(columns)
