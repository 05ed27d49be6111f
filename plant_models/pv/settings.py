"""What a PV plant is made of, in the field's figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from plant_models.errors import PlantSettingError


@dataclass(frozen=True, slots=True, kw_only=True)
class PvSettings:
    """Settings of a PV plant; those without a source in PLANT.md §7 are usual figures, ours to assume.

    Attributes
    ----------
    stations : int
        Inverter stations, equal, on a grid over the area.
    dc_capacity_mw, ac_capacity_mw, area_ha : float
        72 MWdc, 60 MWac on 100 ha (PLANT.md §1, §7).
    mounting : {"fixed", "tracking"}
        Rows fixed at ``tilt_deg`` towards ``azimuth_deg`` (180 is south), or horizontal north-south axes that
        follow the sun up to ``max_tracking_deg`` with backtracking for ``ground_coverage``.
    albedo, dc_loss_share, temperature_coefficient_per_k, inverter_efficiency : float
        Of the ground; soiling, mismatch and wiring; power per kelvin; nominal (PVWatts).
    cell_time_constant_s : float
        Of the modules' temperature; 0: at once.
    cloud_transmission : float
        Clear-sky index under the middle of a cloud; 0.25 is Kasten and Czeplak's overcast sky (1980).
    ramp_up_percent_per_s, ramp_down_percent_per_s : float
        Of a station's rating; what the sun takes away is not ramped.
    standby_below_percent, restart_time_s : float
        Below this limit a station drops to standby, and takes this long to come back, as after a trip.
    reversion_time_s, reversion_limit_percent : float
        Without a refresh for this long the limit goes back to that; 0: never.
    apparent_power_mva, reactive_limit_share : float
        Current limit of all stations at nominal voltage; largest reactive power, of the AC capacity.
    reactive_priority : {"active", "reactive"}
        Which of the two keeps its value at the current limit.
    reactive_time_constant_s, night_reactive : float, bool
        Response to a command; whether stations give reactive power without sun.
    collector_loss_share, collector_reactance_pu, auxiliary_power_mw : float
        Series loss and reactance between stations and POI at rated power; constant load, at night too.
    grid_short_circuit_mva, grid_x_to_r : float
        Of the grid behind the POI.
    frequency_low_hz, frequency_high_hz, voltage_low_pu, voltage_high_pu, trip_delay_s, reconnect_time_s : float
        Outside for longer than the delay all stations trip; they come back after that time inside.
    meter_time_constant_s : float
        Lag of the power meter at the POI.
    longest_substep_s : float
        Clouds, cells and inverters are followed in steps no longer than this.
    """

    stations: int = 20
    dc_capacity_mw: float = 72.0
    ac_capacity_mw: float = 60.0
    area_ha: float = 100.0
    mounting: Literal["fixed", "tracking"] = "fixed"
    tilt_deg: float = 30.0
    azimuth_deg: float = 180.0
    max_tracking_deg: float = 55.0
    ground_coverage: float = 0.35
    albedo: float = 0.25
    dc_loss_share: float = 0.06
    temperature_coefficient_per_k: float = -0.0035
    inverter_efficiency: float = 0.96
    cell_time_constant_s: float = 420.0
    cloud_transmission: float = 0.25
    ramp_up_percent_per_s: float = 5.0
    ramp_down_percent_per_s: float = 20.0
    standby_below_percent: float = 1.0
    restart_time_s: float = 60.0
    reversion_time_s: float = 0.0
    reversion_limit_percent: float = 100.0
    apparent_power_mva: float = 66.0
    reactive_limit_share: float = 0.44
    reactive_priority: Literal["active", "reactive"] = "active"
    reactive_time_constant_s: float = 1.0
    night_reactive: bool = False
    collector_loss_share: float = 0.015
    collector_reactance_pu: float = 0.08
    auxiliary_power_mw: float = 0.06
    grid_short_circuit_mva: float = 600.0
    grid_x_to_r: float = 8.0
    frequency_low_hz: float = 47.5
    frequency_high_hz: float = 51.5
    voltage_low_pu: float = 0.85
    voltage_high_pu: float = 1.15
    trip_delay_s: float = 0.5
    reconnect_time_s: float = 60.0
    meter_time_constant_s: float = 0.5
    longest_substep_s: float = 20.0

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise PlantSettingError(f"{name} is {value}; it must be {low:g} … {high:g}")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise PlantSettingError(f"{name} is {getattr(self, name)!r}; it is {' or '.join(choices)}")
        for low_name, high_name in _PAIRS:
            if not getattr(self, low_name) < getattr(self, high_name):
                raise PlantSettingError(f"{low_name} must be below {high_name}")
        if self.apparent_power_mva < self.ac_capacity_mw:
            raise PlantSettingError(
                f"apparent_power_mva {self.apparent_power_mva:g} cannot carry ac_capacity_mw {self.ac_capacity_mw:g}"
            )
        if self.stations != int(self.stations):
            raise PlantSettingError(f"stations is {self.stations}; it must be a whole number")


RANGES = {
    "stations": (1, 200),
    "dc_capacity_mw": (0.001, 10_000.0),
    "ac_capacity_mw": (0.001, 10_000.0),
    "area_ha": (0.01, 2_000.0),
    "tilt_deg": (0.0, 90.0),
    "azimuth_deg": (0.0, 360.0),
    "max_tracking_deg": (1.0, 90.0),
    "ground_coverage": (0.05, 0.95),
    "albedo": (0.0, 1.0),
    "dc_loss_share": (0.0, 0.5),
    "temperature_coefficient_per_k": (-0.01, 0.0),
    "inverter_efficiency": (0.8, 0.999),
    "cell_time_constant_s": (0.0, 3600.0),
    "cloud_transmission": (0.05, 0.9),
    "ramp_up_percent_per_s": (0.001, 1000.0),
    "ramp_down_percent_per_s": (0.001, 1000.0),
    "standby_below_percent": (0.0, 50.0),
    "restart_time_s": (0.0, 3600.0),
    "reversion_time_s": (0.0, 86_400.0),
    "reversion_limit_percent": (0.0, 100.0),
    "apparent_power_mva": (0.001, 20_000.0),
    "reactive_limit_share": (0.0, 1.0),
    "reactive_time_constant_s": (0.0, 60.0),
    "collector_loss_share": (0.0, 0.1),
    "collector_reactance_pu": (0.0, 0.3),
    "auxiliary_power_mw": (0.0, 10.0),
    "grid_short_circuit_mva": (10.0, 1e6),
    "grid_x_to_r": (0.1, 100.0),
    "frequency_low_hz": (40.0, 65.0),
    "frequency_high_hz": (45.0, 70.0),
    "voltage_low_pu": (0.0, 1.0),
    "voltage_high_pu": (1.0, 2.0),
    "trip_delay_s": (0.0, 60.0),
    "reconnect_time_s": (0.0, 3600.0),
    "meter_time_constant_s": (0.0, 60.0),
    "longest_substep_s": (0.1, 60.0),
}
_CHOICES = {"mounting": ("fixed", "tracking"), "reactive_priority": ("active", "reactive")}
_PAIRS = (("frequency_low_hz", "frequency_high_hz"), ("voltage_low_pu", "voltage_high_pu"))

PACKED = (
    "dc_capacity_mw", "ac_capacity_mw", "dc_loss_share", "temperature_coefficient_per_k", "inverter_efficiency",
    "cell_time_constant_s", "cloud_transmission", "ramp_up_percent_per_s", "ramp_down_percent_per_s",
    "standby_below_percent", "restart_time_s", "reversion_time_s", "reversion_limit_percent",
    "apparent_power_mva", "reactive_limit_share", "reactive_first", "reactive_time_constant_s", "night_reactive",
    "collector_loss_share", "collector_reactance_pu", "auxiliary_power_mw", "grid_short_circuit_mva",
    "grid_x_to_r", "frequency_low_hz", "frequency_high_hz", "voltage_low_pu", "voltage_high_pu", "trip_delay_s",
    "reconnect_time_s", "meter_time_constant_s", "longest_substep_s",
)  # fmt: skip
"""Figures that the kernels take, in the order of their array."""


def packed(settings: PvSettings) -> npt.NDArray[np.float64]:
    """Put the settings into the kernels' array; choices become 0 or 1."""  # (31,)
    chosen = {"reactive_first": settings.reactive_priority == "reactive"}
    return np.array([float(chosen.get(name, getattr(settings, name, 0.0))) for name in PACKED])
