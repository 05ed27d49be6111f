"""Stratified buffer tank with four connections: a load at one side, a source at the other.

The load draws from the bottom and returns warm to the top; the source draws from the top and returns cold to the
bottom. What they do not exchange with each other moves the layers up or down (multi-layer tank, as in
Duffie and Beckman, *Solar Engineering of Thermal Processes*, ch. 8). Layers conduct a little; where a lower one is the
warmer, buoyancy mixes the two, from nothing and ever faster as the inversion grows, up to a fastest exchange:
``Q = K d^2 / (d + D)`` with ``d`` its kelvins (the Modelica Buildings library has ``K d^2 / (1 K)``, without an end).
So the law has a slope everywhere: none where layers are equal, as most of a tank at rest is.
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

MOST_LAYERS = 40
_CP, _LAYER_KG, _BETWEEN_W_K, _MIXING_W_K, _MOST_KG_S = range(5)
_LOAD_FLOW, _LOAD_RETURN, _SOURCE_FLOW, _SOURCE_RETURN = range(4)
_TEMPS = ("load_return_temp_degc", "source_return_temp_degc", "bottom_temp_degc", "top_temp_degc")
_STAGES = (
    Stage((), tuple(Port(name, "degC") for name in ("bottom_temp_degc", "top_temp_degc", "mean_temp_degc"))),
)
_ENERGIES = (
    Energy("load_heat", True, "load_return_temp_degc"),
    Energy("source_heat", False, "source_return_temp_degc"),
)
_MIXING_TIME_S = 10.0
"""Fastest exchange between two layers, of a large inversion: short against charging, long against a substep."""
_HALF_MIXING_K = 0.5
"""Inversion that exchanges at half of the fastest. So 1 K takes 15 s and 0.1 K 60 s, as does convection over a metre of
water at 30 to 50 °C: height over ``sqrt(g beta d height)``, 16 to 18 s and 50 to 57 s."""
_CONDUCTION_TIME_S = 20.0 * 3600.0
"""Time constant of conduction between two layers, wall and inner currents included."""


@inner
def tank_outputs(x: Array, y: Array) -> None:
    """Stage 0: bottom (to the load), top (to the source), mean."""
    y[0] = x[x.size - 1]
    y[1] = x[0]
    mean = 0.0
    for layer in x:
        mean += layer
    y[2] = mean / x.size


@inner
def tank_rates(x: Array, u: Array, p: Array, dx: Array) -> None:
    """Rates of the layers, the first on top; heat from the load, and to the source (W)."""
    layers, cp = x.size, p[_CP]
    load, source = max(u[_LOAD_FLOW], 0.0), max(u[_SOURCE_FLOW], 0.0)
    down = load - source
    for i in range(layers):
        dx[i] = 0.0
    dx[0] += load * (u[_LOAD_RETURN] - x[0])
    dx[layers - 1] += source * (u[_SOURCE_RETURN] - x[layers - 1])
    for i in range(layers - 1):
        inversion = max(x[i + 1] - x[i], 0.0)
        between = p[_BETWEEN_W_K] + p[_MIXING_W_K] * inversion / (inversion + _HALF_MIXING_K)
        moved = between / cp * (x[i] - x[i + 1])
        # Each layer keeps its mass, so what crosses between two brings its excess over where it arrives.
        dx[i] -= moved + min(down, 0.0) * (x[i + 1] - x[i])
        dx[i + 1] += moved + max(down, 0.0) * (x[i] - x[i + 1])
    for i in range(layers):
        dx[i] /= p[_LAYER_KG]
    dx[layers] = load * cp * (u[_LOAD_RETURN] - x[layers - 1])
    dx[layers + 1] = source * cp * (x[0] - u[_SOURCE_RETURN])


@inner
def tank_rate_per_s(u: Array, p: Array) -> float:
    """Fastest exchange of a layer, 1/s."""
    flow = max(p[_MOST_KG_S], u[_LOAD_FLOW], u[_SOURCE_FLOW])
    return float((flow + 2.0 * (p[_BETWEEN_W_K] + p[_MIXING_W_K]) / p[_CP]) / p[_LAYER_KG])


def tank(
    volume_l: float,
    *,
    flow_kg_s: float,
    density_kg_m3: float,
    cp_j_kgk: float,
    layers: int = 8,
    temp_degc: float = 25.0,
) -> Component:
    """Make a buffer tank of ``volume_l`` for flows up to about ``flow_kg_s``, all at ``temp_degc`` to start with.

    Raises
    ------
    PlantSettingError
        A figure out of range, or layers that turn over in less than a second.
    """
    in_range(
        "tank",
        volume_l=(volume_l, 10.0, 1e7),
        flow_kg_s=(flow_kg_s, 1e-3, 1e5),
        layers=(layers, 2, MOST_LAYERS),
        density_kg_m3=(density_kg_m3, 500.0, 2000.0),
        cp_j_kgk=(cp_j_kgk, 1000.0, 6000.0),
        temp_degc=(temp_degc, -20.0, 120.0),
    )
    layer_kg = volume_l / 1000.0 * density_kg_m3 / layers
    if layer_kg < flow_kg_s:
        raise PlantSettingError(
            f"tank: {layers} layers of {layer_kg:.3g} kg at {flow_kg_s:g} kg/s; take fewer"
        )
    capacity = layer_kg * cp_j_kgk
    return Component(
        kind="tank",
        code=codes.TANK,
        inputs=(
            InputPort("load_flow_kg_s", "kg/s", 0.0, 1e5, flow_kg_s),
            InputPort("load_return_temp_degc", "degC", -20.0, 120.0, temp_degc),
            InputPort("source_flow_kg_s", "kg/s", 0.0, 1e5, flow_kg_s),
            InputPort("source_return_temp_degc", "degC", -20.0, 120.0, temp_degc),
        ),
        states=tuple(Port(f"layer_{i + 1}_temp_degc", "degC") for i in range(layers)),
        stages=_STAGES,
        energies=_ENERGIES,
        parameters=np.array(
            [cp_j_kgk, layer_kg, capacity / _CONDUCTION_TIME_S, capacity / _MIXING_TIME_S, flow_kg_s]
        ),
        capacity_j_k=np.full(layers, capacity),
        start=np.full(layers, temp_degc),
        heat_capacity_j_kgk=dict.fromkeys(_TEMPS, cp_j_kgk),
    )
