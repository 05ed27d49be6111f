"""A pipe as N stirred cells in a row: transport delay with some spread, exact in energy at any flow.

The mean transit is mass over flow, its relative spread ``1/sqrt(N)``: the tanks-in-series model of
residence times (Levenspiel, *Chemical Reaction Engineering*, ch. 14). Plug flow would have to hold a history at flows
that change, which no ordinary differential equation does; cells store, stand still and linearise.
One cell is a stirred buffer tank.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plant_models._jit import inner
from plant_models.components import codes
from plant_models.components.checks import in_range
from plant_models.errors import PlantSettingError
from plant_models.ports import Port
from plant_models.system.component import Component, Energy, InputPort, Stage

Array = npt.NDArray[np.float64]

MOST_CELLS = 50
_CP, _CELL_KG, _LOSS_W_K, _MOST_KG_S = range(4)
_FLOW, _INLET, _AMBIENT = range(3)
_STAGES = (Stage((), (Port("outlet_temp_degc", "degC"),)),)
_ENERGIES = (
    Energy("inlet_heat", True, "inlet_temp_degc"),
    Energy("outlet_heat", False, "outlet_temp_degc"),
    Energy("lost_heat", False, None),
)


@inner
def pipe_outputs(x: Array, y: Array) -> None:
    """Stage 0: what leaves is what the last cell holds."""
    y[0] = x[x.size - 1]


@inner
def pipe_rates(x: Array, u: Array, p: Array, dx: Array) -> None:
    """Rates of the cells; heat in with the coolant, out with it, and lost to the surroundings (W)."""
    cells = x.size
    flow, cp = max(u[_FLOW], 0.0), p[_CP]
    before, lost = u[_INLET], 0.0
    for i in range(cells):
        leak = p[_LOSS_W_K] / cells * (x[i] - u[_AMBIENT])
        dx[i] = (flow * (before - x[i]) - leak / cp) / p[_CELL_KG]
        lost += leak
        before = x[i]
    dx[cells] = flow * cp * u[_INLET]
    dx[cells + 1] = flow * cp * before
    dx[cells + 2] = lost


@inner
def pipe_rate_per_s(u: Array, p: Array) -> float:
    """Rate of one cell (1/s) at twice the design flow, or at what flows now where that is more."""
    return float((max(p[_MOST_KG_S], u[_FLOW]) + p[_LOSS_W_K] / p[_CP]) / p[_CELL_KG])


def pipe(
    volume_l: float,
    *,
    flow_kg_s: float,
    density_kg_m3: float,
    cp_j_kgk: float,
    cells: int = 6,
    loss_w_k: float = 0.0,
    temp_degc: float = 30.0,
) -> Component:
    """Make a pipe that holds ``volume_l`` and is meant for ``flow_kg_s``, at ``temp_degc`` to start with.

    ``loss_w_k`` is the conductance of all of its wall to the surroundings.

    Raises
    ------
    PlantSettingError
        A figure out of range, or cells so small that they would take substeps below 50 ms.
    """
    in_range(
        "pipe",
        volume_l=(volume_l, 0.1, 1e7),
        flow_kg_s=(flow_kg_s, 1e-3, 1e5),
        cells=(cells, 1, MOST_CELLS),
        density_kg_m3=(density_kg_m3, 500.0, 2000.0),
        cp_j_kgk=(cp_j_kgk, 1000.0, 6000.0),
        loss_w_k=(loss_w_k, 0.0, 1e6),
        temp_degc=(temp_degc, -20.0, 120.0),
    )
    cell_kg = volume_l / 1000.0 * density_kg_m3 / cells
    if 2.0 * flow_kg_s / cell_kg > 20.0:
        raise PlantSettingError(
            f"pipe: {cells} cells of {cell_kg:.3g} kg at {flow_kg_s:g} kg/s turn over in "
            f"{cell_kg / flow_kg_s:.2g} s; take fewer cells"
        )
    return Component(
        kind="pipe",
        code=codes.PIPE,
        inputs=(
            InputPort("flow_kg_s", "kg/s", 0.0, 1e5, flow_kg_s),
            InputPort("inlet_temp_degc", "degC", -20.0, 120.0, temp_degc),
            InputPort("ambient_temp_degc", "degC", -60.0, 70.0, 20.0, optional=True),
        ),
        states=tuple(Port(f"cell_{i + 1}_temp_degc", "degC") for i in range(cells)),
        stages=_STAGES,
        energies=_ENERGIES,
        parameters=np.array([cp_j_kgk, cell_kg, loss_w_k, 2.0 * flow_kg_s]),
        capacity_j_k=np.full(cells, cell_kg * cp_j_kgk),
        start=np.full(cells, temp_degc),
        heat_capacity_j_kgk=dict.fromkeys(("inlet_temp_degc", "outlet_temp_degc"), cp_j_kgk),
    )
