"""Meters of a site: PUE and WUE of this moment and since the start, and the hottest case.

``pue`` is facility power over IT power (ISO/IEC 30134-2; its wires decide of which category: IT power at the output of
the UPS, of the PDU, or at the equipment's input); ``wue_l_kwh`` is litres over kWh of IT (ISO/IEC 30134-9, category 1).
Since the start they are quotients of energies and water, as the standards mean them over a year. They are held at 100:
without IT power they say 100, or 0 where no power or water is used either. While a battery carries the IT, the meter
stands still and ``pue`` of this moment is 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plant_models._jit import inner
from plant_models.components import codes
from plant_models.components.checks import in_range
from plant_models.components.key_ratios import PUE_BOUND, WATER_KG_L, WUE_BOUND_L_KWH, bounded_ratio
from plant_models.ports import Port
from plant_models.system.component import Component, InputPort, Stage

Array = npt.NDArray[np.float64]

MOST_CASES = 1000
_IT, _FACILITY, _WATER = -3, -2, -1
"""Inputs, from the end."""
_IT_KWH, _FACILITY_KWH, _WATER_KG = range(3)
_STATES = (Port("it_energy_kwh", "kWh"), Port("facility_energy_kwh", "kWh"), Port("water_used_kg", "kg"))
_TOTALS = (*_STATES, Port("pue_since_start", "1"), Port("wue_since_start_l_kwh", "L/kWh"))
_NOW = (Port("hottest_case_temp_degc", "degC"), Port("pue", "1"), Port("wue_l_kwh", "L/kWh"))


@inner
def site_meter_outputs(stage: int, x: Array, u: Array, y: Array) -> None:
    """Stage 0: totals and their quotients; 1: those of this moment."""
    litres = x[_WATER_KG] / WATER_KG_L
    if stage == 0:
        for i in range(3):
            y[i] = x[i]
        y[3] = bounded_ratio(x[_FACILITY_KWH], x[_IT_KWH], PUE_BOUND)
        y[4] = bounded_ratio(litres, x[_IT_KWH], WUE_BOUND_L_KWH)
        return
    size = u.size
    hottest = u[0]
    for i in range(1, size - 3):
        hottest = max(hottest, u[i])
    y[5] = hottest
    y[6] = bounded_ratio(u[size + _FACILITY], u[size + _IT], PUE_BOUND)
    y[7] = bounded_ratio(3600.0 * u[size + _WATER] / WATER_KG_L, u[size + _IT], WUE_BOUND_L_KWH)


@inner
def site_meter_rates(u: Array, dx: Array) -> None:
    """Put the rates of what adds up: kWh of IT and facility, kg of water, per s."""
    size = u.size
    dx[_IT_KWH] = max(u[size + _IT], 0.0) / 3600.0
    dx[_FACILITY_KWH] = max(u[size + _FACILITY], 0.0) / 3600.0
    dx[_WATER_KG] = max(u[size + _WATER], 0.0)


def site_meter(cases: int = 1) -> Component:
    """Make the meters of a site with ``cases`` case temperatures (1 … 1000).

    Raises
    ------
    PlantSettingError
        A number of cases out of range.
    """
    in_range("site meter", cases=(cases, 1, MOST_CASES))
    inputs = (
        *(InputPort(f"case_{i}_temp_degc", "degC", -50.0, 500.0, 30.0) for i in range(1, cases + 1)),
        InputPort("it_power_kw", "kW", 0.0, 1e7, 0.0),
        InputPort("facility_power_kw", "kW", 0.0, 1e7, 0.0),
        InputPort("water_use_kg_s", "kg/s", 0.0, 1e5, 0.0, optional=True),
    )
    return Component(
        kind="site_meter",
        code=codes.SITE_METER,
        inputs=inputs,
        states=_STATES,
        stages=(
            Stage((), _TOTALS, reported=True),
            Stage(tuple(port.name for port in inputs), _NOW, reported=True),
        ),
        energies=(),
        parameters=np.zeros(1),
        capacity_j_k=np.zeros(len(_STATES)),
        start=np.zeros(len(_STATES)),
        totals=frozenset(port.name for port in _STATES),
    )
