"""Counter-flow plate heat exchanger by effectiveness and number of transfer units.

Source: the equations of LBNL's Modelica Buildings library (``PlateHeatExchangerEffectivenessNTU``, as its
``CDU_epsNTU`` uses it); relations in Incropera, *Fundamentals of Heat and Mass Transfer*, ch. 11.
"""

from __future__ import annotations

import math

from plant_models._jit import inner
from plant_models.errors import DatasheetError
from plant_models.fluid import FluidProperties

FILM_EXPONENT = 0.8
"""Of the mass flow in a turbulent film conductance (Dittus–Boelter)."""

_EQUAL_STREAMS = 1e-12
"""Nearer than this to a capacity ratio of 1 the limit of equal streams is exact in double precision."""


@inner
def effectiveness(ntu: float, capacity_ratio: float) -> float:
    """Effectiveness (0 … 1) of a counter-flow exchanger; ``capacity_ratio`` is C_min/C_max, 0 … 1."""
    gap = 1.0 - capacity_ratio
    if gap < _EQUAL_STREAMS:
        return ntu / (1.0 + ntu)
    # The usual (1 - e)/(1 - Z e) written with 1 - e, which keeps its digits as the capacity ratio nears 1.
    filled = -math.expm1(-ntu * gap)
    return filled / (gap + capacity_ratio * filled)


@inner
def conductance_w_k(
    hot_flow_ratio: float, cold_flow_ratio: float, hot_ha_w_k: float, cold_ha_w_k: float
) -> float:
    """UA (W/K) from the films' design conductances (W/K) and each stream's flow over its design flow."""
    if hot_flow_ratio <= 0.0 or cold_flow_ratio <= 0.0:
        return 0.0
    hot = hot_ha_w_k * hot_flow_ratio**FILM_EXPONENT
    cold = cold_ha_w_k * cold_flow_ratio**FILM_EXPONENT
    return float(hot * cold / (hot + cold))


@inner
def heat_conductance_w_k(ua_w_k: float, hot_c_w_k: float, cold_c_w_k: float) -> float:
    """Heat per kelvin between the inlets, eps C_min (W/K); 0 where either stream stands still."""
    least = min(hot_c_w_k, cold_c_w_k)
    if least <= 0.0 or ua_w_k <= 0.0:
        return 0.0
    return float(effectiveness(ua_w_k / least, least / max(hot_c_w_k, cold_c_w_k)) * least)


def ntu_for(effectiveness_: float, capacity_ratio: float) -> float:
    """Invert :func:`effectiveness`: the number of transfer units that gives ``effectiveness_``.

    Raises
    ------
    DatasheetError
        No counter-flow exchanger, however large, is that effective.
    """
    if not 0.0 < effectiveness_ < 1.0:
        raise DatasheetError(f"an effectiveness of {effectiveness_:.4g} is not between 0 and 1")
    gap = 1.0 - capacity_ratio
    if gap < _EQUAL_STREAMS:
        return effectiveness_ / (1.0 - effectiveness_)
    # ln((1 - Z e)/(1 - e)) written with 1 - Z, which keeps its digits as the capacity ratio nears 1.
    return math.log1p(effectiveness_ * gap / (1.0 - effectiveness_)) / gap


def film_ratio(
    first: FluidProperties, first_flow_kg_s: float, second: FluidProperties, second_flow_kg_s: float
) -> float:
    """First film's conductance over the second's at design, each ~ k (m/mu)^0.8 Pr^(1/3) on like plates."""

    def film(fluid: FluidProperties, flow_kg_s: float) -> float:
        reynolds = flow_kg_s / fluid.viscosity_pa_s
        return float(fluid.conductivity_w_mk * reynolds**FILM_EXPONENT * fluid.prandtl ** (1.0 / 3.0))

    return film(first, first_flow_kg_s) / film(second, second_flow_kg_s)


def split_conductance(ua_w_k: float, ratio: float) -> tuple[float, float]:
    """Film conductances (W/K) of the first and second stream from UA (W/K) and their ``ratio``."""
    first = (1.0 + ratio) * ua_w_k
    return first, first / ratio
