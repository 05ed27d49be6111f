"""Cross-flow exchanger, both streams unmixed, by effectiveness and number of transfer units.

``eps = 1 - exp(NTU^0.22 / Z (exp(-Z NTU^0.78) - 1))``, Z the ratio of the capacity rates: Incropera, *Fundamentals of
Heat and Mass Transfer*, eq. 11.32, as LBNL's Modelica Buildings library has it. Against the exact integral it is
off by at most 0.020 in effectiveness for NTU up to 10 (``tests/plant``).
"""

from __future__ import annotations

import math

from plant_models._jit import inner, plain
from plant_models.errors import DatasheetError

_ONE_STREAM = 1e-9
"""Below this capacity ratio the exchanger is one with a stream of constant temperature."""
_MOST_NTU = 30.0
"""No coil is built beyond it: the last per cent of effectiveness would take most of the surface."""
_HALVINGS = 60


@inner
def cross_flow_effectiveness(ntu: float, capacity_ratio: float) -> float:
    """Effectiveness (0 … 1); ``capacity_ratio`` is C_min/C_max, 0 … 1."""
    if ntu <= 0.0:
        return 0.0
    if capacity_ratio < _ONE_STREAM:
        return -math.expm1(-ntu)
    reach = math.expm1(-capacity_ratio * ntu**0.78)
    return -math.expm1(ntu**0.22 / capacity_ratio * reach)


@inner
def film_in_series_w_k(first: float, second: float) -> float:
    """UA (W/K) of two films in series."""
    if first <= 0.0 or second <= 0.0:
        return 0.0
    return first * second / (first + second)


@inner
def cooled_share(coolant_c_w_k: float, air_c_w_k: float, ua_w_k: float) -> float:
    """Share of the way from its inlet to the entering air's temperature that the coolant goes, 0 … 1.

    Heat is this times the coolant's capacity rate times the inlets' difference; a coolant that stands goes all the
    way, in still air none of it.
    """
    if air_c_w_k <= 0.0 or ua_w_k <= 0.0:
        return 0.0
    if coolant_c_w_k <= 0.0:
        return 1.0
    least, most = min(coolant_c_w_k, air_c_w_k), max(coolant_c_w_k, air_c_w_k)
    return cross_flow_effectiveness(ua_w_k / least, least / most) * (least / coolant_c_w_k)


def cross_flow_ntu(effectiveness: float, capacity_ratio: float) -> float:
    """Invert :func:`cross_flow_effectiveness`, by bisection.

    Raises
    ------
    DatasheetError
        No such coil, however large, is that effective.
    """
    relation = plain(cross_flow_effectiveness)
    limit = relation(_MOST_NTU, capacity_ratio)
    if not 0.0 < effectiveness < limit:
        raise DatasheetError(
            f"an effectiveness of {effectiveness:.4g} is not between 0 and {limit:.4g}, the most that a cross-flow "
            f"coil of {_MOST_NTU:g} transfer units has at a ratio of capacity rates of {capacity_ratio:.3g}"
        )
    low, high = 0.0, _MOST_NTU
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if relation(middle, capacity_ratio) < effectiveness:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
