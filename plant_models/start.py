"""Where a CDU starts: in equilibrium at given set-points and load."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from plant_models.datasheets import CduDatasheet
from plant_models.equilibrium import trim
from plant_models.errors import PlantSettingError
from plant_models.nearest import hint
from plant_models.parameters import CduParameters

START_PREFIX = "initial_"
"""What the names of the figures of a start begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CduStart:
    """Figures at which a CDU starts; valve and pump start where they hold them. None: the design point's.

    Attributes
    ----------
    initial_rack_heat_kw : float or None
        None: half of the duty.
    initial_tcs_supply_temp_degc, initial_rack_differential_pressure_kpa : float or None
        What valve and pump hold, as far as they can.
    initial_fws_supply_temp_degc, initial_fws_differential_pressure_kpa : float or None
        Facility water; also what the plant takes where these inputs are not wired.
    """

    initial_rack_heat_kw: float | None = None
    initial_tcs_supply_temp_degc: float | None = None
    initial_rack_differential_pressure_kpa: float | None = None
    initial_fws_supply_temp_degc: float | None = None
    initial_fws_differential_pressure_kpa: float | None = None

    def inputs(
        self, sheet: CduDatasheet, parameters: CduParameters, packed: npt.NDArray[np.float64]
    ) -> dict[str, float]:
        """Give the inputs that settle there, by the names of the ports."""
        heat_kw = _or(self.initial_rack_heat_kw, 0.5 * sheet.duty_kw)
        fws_degc = _or(self.initial_fws_supply_temp_degc, sheet.fws_supply_temp_degc)
        fws_kpa = _or(self.initial_fws_differential_pressure_kpa, available_drop_kpa(sheet, parameters))
        valve, pump = trim(
            parameters,
            packed,
            np.array([heat_kw, fws_degc, fws_kpa, 0.0, 0.0]),
            _or(self.initial_tcs_supply_temp_degc, sheet.fws_supply_temp_degc + sheet.approach_k),
            _or(self.initial_rack_differential_pressure_kpa, sheet.rack_drop_kpa),
        )
        return {
            "rack_heat_kw": heat_kw,
            "fws_supply_temp_degc": fws_degc,
            "fws_differential_pressure_kpa": fws_kpa,
            "fws_valve_command_percent": valve,
            "tcs_pump_speed_command_percent": pump,
        }


def start_from(**figures: float) -> CduStart:
    """Make a start by name.

    Raises
    ------
    PlantSettingError
        No such figure; the message has the nearest.
    """
    known = [field.name for field in fields(CduStart)]
    for name in figures:
        if name not in known:
            raise PlantSettingError(f"a CDU has no starting figure {name!r}; {hint(name, known)}")
    return CduStart(**figures)


def available_drop_kpa(sheet: CduDatasheet, parameters: CduParameters) -> float:
    """Pressure difference that the facility offers; of a flow, what drives it with the valve open."""
    if sheet.fws_available_flow_kg_s is None:
        return _or(sheet.fws_available_drop_kpa, sheet.fws_drop_kpa)
    widest = parameters.valve_design_opening
    resistance = sheet.valve_authority * widest * widest + 1.0 - sheet.valve_authority
    return sheet.fws_drop_kpa * resistance * (sheet.fws_available_flow_kg_s / sheet.fws_flow_kg_s) ** 2


def _or(given: float | None, otherwise: float) -> float:
    return otherwise if given is None else given
