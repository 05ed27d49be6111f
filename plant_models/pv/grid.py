"""Between the inverter stations and the grid: losses, and the voltage at the point of interconnection (POI)."""

from __future__ import annotations

import math

from plant_models._jit import inner

_PASSES = 4


@inner
def decay(h_s: float, time_constant_s: float) -> float:
    """Share of a first-order lag's distance that is left after ``h_s``; a lag of no time has none left."""
    if time_constant_s <= 0.0:
        return 0.0
    return math.exp(-h_s / time_constant_s)


@inner
def poi_voltage_pu(
    p_mw: float, q_mvar: float, grid_pu: float, short_circuit_mva: float, x_to_r: float
) -> float:
    """Voltage at the end of a Thevenin grid into which P and Q are fed.

    From ``U^4 - U^2 (E^2 + 2 (R P + X Q)) + (R^2 + X^2)(P^2 + Q^2) = 0``, the upper root: the power flow of two
    buses in per unit (for instance Kundur, Power System Stability and Control, 1994, section 14.1). Beyond the
    power that the grid can carry there is no root; the voltage at that limit stands for it.
    """
    impedance = 1.0 / short_circuit_mva
    resistance = impedance / math.sqrt(1.0 + x_to_r * x_to_r)
    reactance = resistance * x_to_r
    half = 0.5 * grid_pu * grid_pu + resistance * p_mw + reactance * q_mvar
    under = half * half - impedance * impedance * (p_mw * p_mw + q_mvar * q_mvar)
    return math.sqrt(max(half + math.sqrt(max(under, 0.0)), 0.0))


@inner
def poi(
    stations_mw: float,
    stations_mvar: float,
    grid_pu: float,
    rating_mw: float,
    loss_share: float,
    reactance_pu: float,
    auxiliary_mw: float,
    short_circuit_mva: float,
    x_to_r: float,
) -> tuple[float, float, float]:
    """Power, reactive power and voltage at the POI.

    Series loss and reactance of cables and transformers take ``k (P^2 + Q^2) / (S U^2)``; the voltage that
    this depends on is solved for, not taken from the step before.
    """
    if grid_pu <= 0.0:
        return 0.0, 0.0, 0.0
    voltage = grid_pu
    p_mw = stations_mw
    q_mvar = stations_mvar
    for _ in range(_PASSES):
        series = (stations_mw**2 + stations_mvar**2) / (rating_mw * max(voltage, 0.1) ** 2)
        p_mw = stations_mw - loss_share * series - auxiliary_mw
        q_mvar = stations_mvar - reactance_pu * series
        voltage = poi_voltage_pu(p_mw, q_mvar, grid_pu, short_circuit_mva, x_to_r)
    return p_mw, q_mvar, voltage
