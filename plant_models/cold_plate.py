"""Cold plates: case temperature from coolant inlet, heat and flow, with the plate's own thermal mass.

A measured table gives the case-to-inlet resistance R(V). Most of it at low flow is the coolant's own warming,
so the resistance to the coolant itself, ``R(V) - (1 - w)/(m cp)``, is what the model carries: it hardly
depends on flow and stays finite at none, where the plate goes on warming the coolant in it. ``w`` is the
weight of the inlet in the coolant temperature the plate sees: half at any real flow, none at standstill.
In steady state the table holds to the digit at every flow inside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plant_models._jit import inner, plain
from plant_models.errors import PlantSettingError

_STANDING_L_MIN = 0.02
"""Flow a plate at which the inlet's weight has fallen to a quarter: 5 % of the least flow of the table."""

_SHUTDOWN_RANGES = {"shutdown_case_temp_degc": (20.0, 200.0), "shutdown_band_k": (0.5, 50.0)}
_LEAST_CAPACITY_J_K = 1.0
"""Lighter than any plate; below, the substeps would have to be ever shorter."""


@dataclass(frozen=True, slots=True)
class ColdPlate:
    """A cold plate and its case-to-inlet resistance.

    Attributes
    ----------
    power_kw : float
        Heat of the device at design.
    heat_capacity_j_k : float
        Of plate and device together.
    flow_l_min : tuple of float
        Ascending.  # (n,)
    resistance_k_w : tuple of float
        Case to inlet, at each flow.  # (n,)
    shutdown_case_temp_degc, shutdown_band_k : float
        Devices switch themselves off above this case temperature, all of them over the band. 110 °C and 10 K are
        assumptions: sheets of accelerators tell neither, and all have such a limit (NVML: shutdown temperature).
    """

    power_kw: float
    heat_capacity_j_k: float
    flow_l_min: tuple[float, ...]
    resistance_k_w: tuple[float, ...]
    shutdown_case_temp_degc: float = 110.0
    shutdown_band_k: float = 10.0

    def __post_init__(self) -> None:
        if len(self.flow_l_min) != len(self.resistance_k_w) or len(self.flow_l_min) < 2:
            raise PlantSettingError(
                f"cold plate table: {len(self.flow_l_min)} flows and {len(self.resistance_k_w)} resistances; "
                "as many of both, at least two"
            )
        rising = all(a < b for a, b in zip(self.flow_l_min, self.flow_l_min[1:], strict=False))
        if not rising or self.flow_l_min[0] <= 0.0:
            raise PlantSettingError("cold plate table: flows must be positive and ascending")
        if not self.power_kw > 0.0:
            raise PlantSettingError(f"cold plate: power_kw = {self.power_kw!r} must be positive")
        if not self.heat_capacity_j_k >= _LEAST_CAPACITY_J_K:
            raise PlantSettingError(
                f"cold plate: heat_capacity_j_k = {self.heat_capacity_j_k!r} is less than {_LEAST_CAPACITY_J_K:g}"
            )
        for name, (low, high) in _SHUTDOWN_RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise PlantSettingError(
                    f"cold plate: {name} = {getattr(self, name)!r} is outside {low:g} … {high:g}"
                )

    def least_film_resistance_k_w(self, volumetric_capacity_j_m3k: float) -> float:
        """Least resistance from case to coolant over the table, for ``rho cp`` in J/m3K."""
        weight = plain(inlet_weight)
        # Piecewise linear less a hyperbola: the least may lie between two points of the table.
        flows = [float(flow) for flow in np.linspace(self.flow_l_min[0], self.flow_l_min[-1], 500)]
        return min(
            float(np.interp(flow, self.flow_l_min, self.resistance_k_w))
            - (1.0 - weight(flow)) / (flow / 60_000.0 * volumetric_capacity_j_m3k)
            for flow in flows
        )

    def check_against(self, volumetric_capacity_j_m3k: float) -> None:
        """Refuse a table that has the case colder than the coolant it heats (``rho cp`` in J/m3K).

        Raises
        ------
        PlantSettingError
            The resistance to the coolant itself would vanish or be negative.
        """
        least = self.least_film_resistance_k_w(volumetric_capacity_j_m3k)
        if not least > 0.0:
            raise PlantSettingError(
                f"cold plate table: somewhere from {self.flow_l_min[0]:g} to {self.flow_l_min[-1]:g} L/min the "
                f"resistance is {-least:.2g} K/W below the coolant's own warming"
            )


OCP_1KW_OAM_PG25 = ColdPlate(
    power_kw=1.0,
    # Assumption: as 0.26 kg of copper has. It sets how fast cases warm without flow.
    heat_capacity_j_k=100.0,
    flow_l_min=(0.4, 0.6, 0.8, 1.0, 1.2, 1.6, 2.0, 2.4),
    resistance_k_w=(0.0389, 0.0300, 0.0265, 0.0245, 0.0230, 0.0214, 0.0204, 0.0197),
)
"""1 kW OAM cold plate on PG25, case to inlet (OCP OAI liquid cooling guideline, 2023)."""


@inner
def on_share(case_degc: float, shutdown_degc: float, shutdown_per_k: float) -> float:
    """Share of the devices that has not switched itself off at a case temperature, 0 … 1."""
    return min(max(1.0 - (case_degc - shutdown_degc) * shutdown_per_k, 0.0), 1.0)


@inner
def inlet_weight(flow_l_min: float) -> float:
    """Weight of the inlet in the coolant temperature the plate sees, 0 … 0.5."""
    return 0.5 * flow_l_min / (flow_l_min + _STANDING_L_MIN)


@inner
def film_resistance_k_w(
    flow_l_min: float,
    capacity_j_m3k: float,
    flows_l_min: npt.NDArray[np.float64],
    resistances_k_w: npt.NDArray[np.float64],
) -> float:
    """Case to coolant (K/W) at the flow of one plate, held at its last value beyond the table's ends.

    ``capacity_j_m3k`` is the coolant's rho cp; the table is piecewise linear in R(V).  # (n,), (n,)
    """
    last = flows_l_min.size - 1
    flow = min(max(flow_l_min, flows_l_min[0]), flows_l_min[last])
    i = 0
    while i < last - 1 and flow > flows_l_min[i + 1]:
        i += 1
    share = (flow - flows_l_min[i]) / (flows_l_min[i + 1] - flows_l_min[i])
    total = resistances_k_w[i] + share * (resistances_k_w[i + 1] - resistances_k_w[i])
    return float(total - (1.0 - inlet_weight(flow)) / (flow / 60_000.0 * capacity_j_m3k))
