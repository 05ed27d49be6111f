"""Where a CDU settles, and the commands that settle it at given set-points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from plant_models import cdu_entries as entries
from plant_models import cdu_physics as physics
from plant_models.errors import NoEquilibriumError
from plant_models.parameters import CduParameters

_BISECTIONS = 60


def steady_state(
    parameters: CduParameters, packed: npt.NDArray[np.float64], inputs: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """States (8,) at which nothing changes under ``inputs``: explicit, as flows do not depend on temperature.

    Raises
    ------
    NoEquilibriumError
        There is heat and nothing to carry it away.
    """
    heat_w = 1000.0 * inputs[physics.HEAT]
    position, speed = inputs[physics.VALVE_COMMAND], inputs[physics.PUMP_COMMAND]
    cold_degc = float(inputs[physics.FWS_TEMP])
    drop_kpa = float(inputs[physics.FWS_DROP])
    tcs_kg_s, _, fws_kg_s, power_w, exchanger_w_k, plate_k_w = entries.steady_flows(
        position / 100.0, speed / 100.0, drop_kpa, packed
    )
    pumped_w = parameters.pump_coolant_share * power_w
    moved_w = heat_w + pumped_w
    if moved_w > 0.0 and exchanger_w_k <= 0.0:
        still = "TCS" if tcs_kg_s <= 0.0 else "FWS"
        raise NoEquilibriumError(
            f"no equilibrium: {moved_w / 1000.0:.1f} kW of heat and no {still} flow to carry it away"
        )
    if exchanger_w_k > 0.0:
        heat_w = _drawn_w(heat_w, cold_degc, pumped_w, exchanger_w_k, tcs_kg_s, plate_k_w, parameters)
        moved_w = heat_w + pumped_w
    hot_degc = cold_degc + (moved_w / exchanger_w_k if moved_w > 0.0 else 0.0)
    supply_degc = hot_degc - (heat_w / (tcs_kg_s * parameters.tcs_cp_j_kgk) if heat_w > 0.0 else 0.0)
    fws_degc = cold_degc + (moved_w / (fws_kg_s * parameters.fws_cp_j_kgk) if moved_w > 0.0 else 0.0)
    if supply_degc > parameters.boiling_degc:
        raise NoEquilibriumError(
            f"no equilibrium: the coolant would boil, {supply_degc:.0f} °C against {parameters.boiling_degc:.0f} °C"
        )
    case_degc = supply_degc + (plate_k_w * heat_w / parameters.plates if heat_w > 0.0 else 0.0)
    return np.array([supply_degc, supply_degc, hot_degc, hot_degc, fws_degc, case_degc, position, speed])


def _drawn_w(
    heat_w: float, cold_degc: float, pumped_w: float, exchanger_w_k: float, tcs_kg_s: float, plate_k_w: float,
    parameters: CduParameters,
) -> float:  # fmt: skip
    """Heat (W) that devices draw at rest: their case is a line in it, and so is their share that runs."""
    if heat_w <= 0.0:
        return heat_w
    idle_degc = cold_degc + pumped_w / exchanger_w_k
    rise_k_w = (
        1.0 / exchanger_w_k - 1.0 / (tcs_kg_s * parameters.tcs_cp_j_kgk) + plate_k_w / parameters.plates
    )
    per_k = parameters.shutdown_per_k
    share = (1.0 - (idle_degc - parameters.shutdown_degc) * per_k) / (1.0 + heat_w * rise_k_w * per_k)
    return heat_w * min(max(share, 0.0), 1.0)


def trim(
    parameters: CduParameters,
    packed: npt.NDArray[np.float64],
    inputs: npt.NDArray[np.float64],
    supply_degc: float,
    rack_drop_kpa: float,
) -> tuple[float, float]:
    """Valve and pump commands (%) that settle at the set-points; the nearest limit where none does."""

    def drop_kpa(speed: float) -> float:
        return float(entries.steady_flows(0.0, speed / 100.0, 0.0, packed)[1])

    pump = _where_rising(drop_kpa, rack_drop_kpa)
    trial = inputs.copy()
    trial[physics.PUMP_COMMAND] = pump

    def colder(position: float) -> float:
        trial[physics.VALVE_COMMAND] = position
        try:
            return -float(steady_state(parameters, packed, trial)[physics.SUPPLY])
        except NoEquilibriumError:
            return -np.inf

    return _where_rising(colder, -supply_degc), pump


def _where_rising(function: Callable[[float], float], wanted: float) -> float:
    """Place in 0 … 100 where a rising ``function`` reaches ``wanted``, by bisection."""
    low, high = 0.0, 100.0
    if function(high) <= wanted:
        return high
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        if function(middle) < wanted:
            low = middle
        else:
            high = middle
    return high
