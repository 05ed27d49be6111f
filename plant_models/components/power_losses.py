"""Loss curves of a power chain: transformer, UPS, distribution, battery; and how long a UPS stands an overload.

Transformer: no-load loss while it has voltage, load loss with the square of the current, hence of the power behind it
(IEC 60076-1). UPS: losses that are constant, proportional and quadratic in the load (Schneider Electric White Paper
108, *Making Large UPS Systems More Efficient*). Distribution: resistive. Battery: Peukert's law in power.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from plant_models._jit import inner
from plant_models.errors import PlantSettingError

LONGEST_MINUTES = 1440.0
"""What ``battery_minutes`` is held to: a battery that hardly loses anything would last for ever."""
OVERLOAD_AT_RATIO = 1.25
_TENFOLD = 0.25
"""Load over rated at which the settable time holds; that much more load and it is a tenth of it."""
_SHORTEST_OVERLOAD_S = 0.1
_LARGEST_MISFIT = 0.005


@inner
def curve_loss_kw(load_kw: float, rated_kw: float, constant: float, linear: float, quadratic: float) -> float:
    """``rated (constant + linear r + quadratic r²)`` with ``r`` = load over rated; shares of the rating."""
    ratio = load_kw / rated_kw
    return rated_kw * (constant + (linear + quadratic * ratio) * ratio)


@inner
def battery_drain_kw(power_kw: float, efficiency: float, rated_kw: float, exponent: float) -> float:
    """Rate at which stored energy falls while the battery gives ``power_kw``.

    ``power/efficiency`` up to ``rated_kw``, the power at which its energy is rated; above it Peukert's law: the time
    that it lasts falls with the power to the ``exponent``.
    """
    drawn = power_kw / efficiency
    if drawn <= rated_kw:
        return drawn
    return float(drawn * (drawn / rated_kw) ** (exponent - 1.0))


@inner
def overload_time_s(ratio: float, time_s: float) -> float:
    """How long an inverter stands ``ratio`` of its rating, above 1: ``time_s`` at 1.25, a tenth at each 0.25 more."""
    return float(max(time_s * 10.0 ** ((OVERLOAD_AT_RATIO - ratio) / _TENFOLD), _SHORTEST_OVERLOAD_S))


def ups_curve(efficiency_at_load: Mapping[float, float]) -> tuple[float, float, float]:
    """Fit the loss curve of a UPS to its datasheet: constant, linear and quadratic share of its rating.

    Parameters
    ----------
    efficiency_at_load : mapping of float to float
        Efficiency (0 … 1) at each load over rated, three or more; by least squares where there are more.

    Raises
    ------
    PlantSettingError
        Fewer than three points, a point out of range, a curve with a negative part (an efficiency that rises or falls
        faster than such losses can), or one that misses a point by more than 0.5 % of the rating.
    """
    if len(efficiency_at_load) < 3:
        raise PlantSettingError(f"UPS: {len(efficiency_at_load)} points of efficiency: a curve takes three")
    for load, efficiency in efficiency_at_load.items():
        if not 0.0 < load <= 2.0 or not 0.5 <= efficiency < 1.0:
            raise PlantSettingError(
                f"UPS: efficiency {efficiency!r} at load {load!r}: load is 0 … 2 of the rating, efficiency 0.5 … 1"
            )
    loads = np.array(list(efficiency_at_load))  # (n,)
    losses = loads * (1.0 / np.array(list(efficiency_at_load.values())) - 1.0)  # (n,)
    powers = np.vander(loads, 3, increasing=True)  # (n, 3)
    parts = np.linalg.lstsq(powers, losses, rcond=None)[0]  # (3,)
    misfit = float(np.abs(powers @ parts - losses).max())
    constant, linear, quadratic = (float(part) for part in parts)
    if min(constant, linear, quadratic) < -1e-9 or misfit > _LARGEST_MISFIT:
        raise PlantSettingError(
            f"UPS: no curve of losses goes through these efficiencies: constant {constant:.4g}, linear {linear:.4g}, "
            f"quadratic {quadratic:.4g} of the rating, off by up to {misfit:.2g}"
        )
    return max(constant, 0.0), max(linear, 0.0), max(quadratic, 0.0)
