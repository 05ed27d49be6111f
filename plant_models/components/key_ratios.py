"""PUE and WUE from what meters say, with an answer at any reading.

PUE (ISO/IEC 30134-2) is the energy that the data centre takes over the energy that its IT takes; WUE (ISO/IEC
30134-9, category 1: water used on site) is litres over kWh of IT. Both standards mean a year; the same quotients of
powers, or of a shorter time, are what an operator watches.
"""

from __future__ import annotations

from plant_models._jit import inner

PUE_BOUND = 100.0
WUE_BOUND_L_KWH = 100.0
"""A quotient never shows more: at hardly any IT power it says nothing, and must not grow without end."""
WATER_KG_L = 1.0
"""Density of make-up water; 0.998 at 20 °C."""


@inner
def bounded_ratio(part: float, whole: float, bound: float) -> float:
    """``part / whole``, at most ``bound``; with nothing below the line ``bound``, or 0 with nothing above it either."""
    if part <= 0.0:
        return 0.0
    if whole <= part / bound:
        return bound
    return part / whole
