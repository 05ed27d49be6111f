"""Adiabatic pre-cooling of air by wetted pads, as building blocks of the compiled kernels.

Air that takes up water without heat from elsewhere keeps its wet-bulb temperature, and ends the pad's
effectiveness of the way from dry bulb to wet bulb further down: ASHRAE Handbook *HVAC Systems and Equipment*,
evaporative air-cooling equipment. The water taken up is the difference of the humidity ratios that
ASHRAE Handbook *Fundamentals* 2017, ch. 1, eq. (33), gives at the two dry bulbs and the one wet bulb.
"""

from __future__ import annotations

import math

from plant_models._jit import inner

_NO_WATER_DEGC, _ALL_WATER_DEGC = 0.0, 2.0
"""Wet bulbs between which pads are let run: where they would ice up, their frost protection drains them."""


@inner
def saturation_kpa(temp_degc: float) -> float:
    """Saturation pressure over water, ASHRAE *Fundamentals* 2017, ch. 1, eq. (6) (Hyland and Wexler)."""
    temp_k = temp_degc + 273.15
    powers = -5.8002206e3 / temp_k + 1.3914993
    powers += temp_k * (-4.8640239e-2 + temp_k * (4.1764768e-5 + temp_k * -1.4452093e-8))
    return math.exp(powers + 6.5459673 * math.log(temp_k)) / 1000.0


@inner
def humidity_at(dry_bulb_degc: float, wet_bulb_degc: float, pressure_kpa: float) -> float:
    """Water by dry air (1) from both temperatures, eq. (33); not below 0."""
    vapour = saturation_kpa(wet_bulb_degc)
    saturated = 0.621945 * vapour / (pressure_kpa - vapour)
    excess = (2501.0 - 2.326 * wet_bulb_degc) * saturated - 1.006 * (dry_bulb_degc - wet_bulb_degc)
    return max(excess / (2501.0 + 1.86 * dry_bulb_degc - 4.186 * wet_bulb_degc), 0.0)


@inner
def after_pads_degc(dry_bulb_degc: float, wet_bulb_degc: float, effectiveness: float, wetted: float) -> float:
    """Temperature behind pads of which the share ``wetted`` (0 … 1) is wet; no wet bulb is above its dry bulb."""
    depression = max(dry_bulb_degc - wet_bulb_degc, 0.0)
    frost = (wet_bulb_degc - _NO_WATER_DEGC) / (_ALL_WATER_DEGC - _NO_WATER_DEGC)
    running = min(max(frost, 0.0), 1.0) * min(max(wetted, 0.0), 1.0)
    return dry_bulb_degc - effectiveness * running * depression


@inner
def water_taken_up(
    dry_bulb_degc: float, wet_bulb_degc: float, cooled_degc: float, pressure_kpa: float
) -> float:
    """Water by dry air (1) that air takes up on its way from dry bulb to ``cooled_degc`` at one wet bulb."""
    if cooled_degc >= dry_bulb_degc:
        return 0.0
    wetter = humidity_at(cooled_degc, wet_bulb_degc, pressure_kpa)
    return max(wetter - humidity_at(dry_bulb_degc, wet_bulb_degc, pressure_kpa), 0.0)
