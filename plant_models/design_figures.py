"""Figures of a CDU that follow from others: approach from two supplies, a flow from its temperatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plant_models.errors import DatasheetError
from plant_models.fluid import WATER, Fluid, fluid_properties

_LOOP_L_KW = 0.5
"""A thousand litres for 2 MW (PLANT.md §4)."""
_LEAST_TURNOVER_S = 6.0


def completed(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Figures with what follows from them, for a sheet of figures alone; fluids are :class:`Fluid` by now.

    - ``approach_k`` or ``fws_supply_temp_degc`` from ``tcs_supply_temp_degc`` and the other;
    - ``tcs_flow_kg_s``, ``fws_flow_kg_s`` from duty, supply and return: ``Q = m cp (T_return - T_supply)``;
    - ``tcs_loop_volume_l``: half a litre a kilowatt, or six seconds' flow where that is more.

    Raises
    ------
    DatasheetError
        A return that is not warmer than its supply, or a TCS supply that is not warmer than the facility water's.
    """
    made: dict[str, Any] = {"name": "datasheet", **figures}
    supply, water = made.get("tcs_supply_temp_degc"), made.get("fws_supply_temp_degc")
    if "approach_k" not in made and supply is not None and water is not None:
        made["approach_k"] = supply - water
    elif water is None and supply is not None and "approach_k" in made:
        made["fws_supply_temp_degc"] = supply - made["approach_k"]
    water = made.get("fws_supply_temp_degc")
    if water is not None and supply is not None and not supply > water:
        raise DatasheetError(
            f"{made['name']}: tcs_supply_temp_degc = {supply:g} is not above fws_supply_temp_degc = {water:g}: against "
            "the second law"
        )
    if water is not None and "approach_k" in made:
        _add_flow(made, "tcs", water + made["approach_k"], made.get("tcs_fluid"))
    if water is not None:
        _add_flow(made, "fws", water, made.get("fws_fluid", WATER))
    flow = made.get("tcs_flow_kg_s")
    if "tcs_loop_volume_l" not in made and flow is not None and "duty_kw" in made:
        made["tcs_loop_volume_l"] = max(_LOOP_L_KW * made["duty_kw"], _LEAST_TURNOVER_S * flow)
    return made


def _add_flow(made: dict[str, Any], side: str, supply_degc: float, fluid: Fluid | None) -> None:
    """Add the flow of one side where it is missing and can be told."""
    returned = made.get(f"{side}_return_temp_degc")
    if f"{side}_flow_kg_s" in made or returned is None or fluid is None or "duty_kw" not in made:
        return
    if not returned > supply_degc:
        raise DatasheetError(
            f"{made['name']}: {side}_return_temp_degc = {returned:g} is not above its supply, {supply_degc:g} °C, so "
            f"no {side}_flow_kg_s carries duty_kw"
        )
    properties = fluid_properties(fluid, round(0.5 * (supply_degc + returned), 2))
    made[f"{side}_flow_kg_s"] = (
        1000.0 * made["duty_kw"] / properties.heat_capacity_j_kgk / (returned - supply_degc)
    )
