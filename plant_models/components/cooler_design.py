"""Design point of a dry cooler's coil from its datasheet: capacity rates, transfer units, films, natural draught.

Film split and the share of free convection are those of the dry cooler in LBNL's Modelica Buildings library
(``Fluid.HeatExchangers.CoolingTowers``, record ``UACorrection``): ``hA_air / hA_coolant = 0.5`` at design.
"""

from __future__ import annotations

from dataclasses import dataclass

from plant_models._jit import plain
from plant_models.components.cooler_sheet import CoolerDatasheet
from plant_models.cross_flow import cross_flow_effectiveness, cross_flow_ntu, film_in_series_w_k
from plant_models.errors import DatasheetError

AIR_CP_J_KGK = 1006.0
"""Of dry air at 30 °C."""
_AGREE = 0.02
"""Figures that say the same thing twice may differ by this share: sheets are rounded."""


@dataclass(frozen=True, slots=True)
class CoolerDesign:
    """What the sheet's figures make of the coil.

    Attributes
    ----------
    coolant_flow_kg_s : float
    air_c_w_k : float
        Capacity rate of the air with all fans at full speed.
    coolant_ha_w_k, air_ha_w_k : float
        Conductances of the two films at design.
    free_air_ratio : float
        Natural draught over the design air flow, fans off, at design temperatures.
    """

    coolant_flow_kg_s: float
    air_c_w_k: float
    coolant_ha_w_k: float
    air_ha_w_k: float
    free_air_ratio: float


def cooler_design(
    sheet: CoolerDatasheet,
    *,
    cp_j_kgk: float,
    air_to_coolant_ha: float,
    air_exponent: float,
    free_share: float,
) -> CoolerDesign:
    """Size the coil: capacity rates, transfer units, films, natural draught.

    Raises
    ------
    DatasheetError
        A coil against the second law, or figures that disagree; all are named.
    """
    warm, air = sheet.fluid_in_temp_degc, sheet.air_temp_degc
    coolant_c = 1000.0 * sheet.duty_kw / (warm - sheet.fluid_out_temp_degc)
    flow = coolant_c / cp_j_kgk
    if sheet.coolant_flow_kg_s is not None and abs(flow / sheet.coolant_flow_kg_s - 1.0) > _AGREE:
        carried = sheet.coolant_flow_kg_s * cp_j_kgk * (warm - sheet.fluid_out_temp_degc) / 1000.0
        raise DatasheetError(
            f"{sheet.name}: coolant_flow_kg_s = {sheet.coolant_flow_kg_s:g} from {warm:g} to "
            f"{sheet.fluid_out_temp_degc:g} °C at {cp_j_kgk:.0f} J/kgK gives off {carried:.1f} kW, duty_kw is "
            f"{sheet.duty_kw:g}"
        )
    air_c = _air_capacity_w_k(sheet, coolant_c)
    least, ratio = min(coolant_c, air_c), min(coolant_c, air_c) / max(coolant_c, air_c)
    effectiveness = 1000.0 * sheet.duty_kw / (least * (warm - air))
    try:
        ua = cross_flow_ntu(effectiveness, ratio) * least
    except DatasheetError as error:
        raise DatasheetError(
            f"{sheet.name}: duty_kw = {sheet.duty_kw:g} between {warm:g} °C and air of {air:g} °C: {error}"
        ) from error
    coolant_ha = ua * (1.0 + 1.0 / air_to_coolant_ha)
    air_ha = air_to_coolant_ha * coolant_ha
    free = _free_air_ratio(
        free_share * effectiveness * least, coolant_c, air_c, coolant_ha, air_ha, air_exponent
    )
    return CoolerDesign(flow, air_c, coolant_ha, air_ha, free)


def _air_capacity_w_k(sheet: CoolerDatasheet, coolant_c_w_k: float) -> float:
    """Capacity rate of the air from whichever figure the sheet has."""
    by_flow = None if sheet.air_flow_kg_s is None else sheet.air_flow_kg_s * AIR_CP_J_KGK
    if sheet.air_outlet_temp_degc is None:
        air_c = coolant_c_w_k if by_flow is None else by_flow
        leaving = sheet.air_temp_degc + 1000.0 * sheet.duty_kw / air_c
        figure = f"air_flow_kg_s = {air_c / AIR_CP_J_KGK:.4g} would leave at {leaving:.4g} °C"
    else:
        leaving = sheet.air_outlet_temp_degc
        figure = f"air_outlet_temp_degc = {leaving:g}"
        if not leaving > sheet.air_temp_degc:
            raise DatasheetError(
                f"{sheet.name}: {figure} is not above air_temp_degc = {sheet.air_temp_degc:g}"
            )
        air_c = 1000.0 * sheet.duty_kw / (leaving - sheet.air_temp_degc)
        if by_flow is not None and abs(by_flow / air_c - 1.0) > _AGREE:
            heated = by_flow * (leaving - sheet.air_temp_degc) / 1000.0
            raise DatasheetError(
                f"{sheet.name}: air_flow_kg_s = {sheet.air_flow_kg_s:g} from {sheet.air_temp_degc:g} to {leaving:g} "
                f"°C takes up {heated:.1f} kW, duty_kw is {sheet.duty_kw:g}"
            )
    if not leaving < sheet.fluid_in_temp_degc:
        raise DatasheetError(
            f"{sheet.name}: {figure}, not below fluid_in_temp_degc = {sheet.fluid_in_temp_degc:g}: against the "
            f"second law"
        )
    return air_c


def _free_air_ratio(
    heat_w_k: float, coolant_c: float, air_c: float, coolant_ha: float, air_ha: float, air_exponent: float
) -> float:
    """Air over design at which the coil gives off ``heat_w_k`` per kelvin between the inlets, by bisection."""
    low, high = 0.0, 1.0
    relation, series = plain(cross_flow_effectiveness), plain(film_in_series_w_k)
    for _ in range(60):
        middle = 0.5 * (low + high)
        least, most = sorted((coolant_c, air_c * middle))
        ua = series(coolant_ha, air_ha * middle**air_exponent)
        if relation(ua / least, least / most) * least < heat_w_k:
            low = middle
        else:
            high = middle
    return high if heat_w_k > 0.0 else 0.0
