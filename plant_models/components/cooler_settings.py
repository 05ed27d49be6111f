"""Settings of a dry cooler beside its datasheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from plant_models.components.checks import checked_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class DryCoolerSettings:
    """Figures that hardly any datasheet has.

    Attributes
    ----------
    coolant_exponent, air_exponent : float
        Of the films in their mass flow; LBNL's Modelica Buildings library has 0.85 and 0.8.
    air_to_coolant_ha : float
        Ratio of the films' conductances at design; 0.5 there.
    free_convection_share : float
        Capacity with the fans off over design, at design temperatures; 0.125 there.
    standing_film_ratio : float
        Coolant film at rest over design: natural convection in the tubes, about 0.1 of 4 kW/(m2 K).
    drive_loss_share : float
        Part of the fans' power at full speed that is the drive's loss, falling with the speed.
    fan_ramp_time_s : float
        0 to 100 %.
    fan_coast_time_s : float
        Time constant of a tripped group's run-down.
    pad_effectiveness : float
        Of the wetted pads, 0 … 0.95; 0.85 is usual for 200 mm of corrugated cellulose. 0: no pads.
    wetting_time_s, drying_time_s : float
        Time constants.
    cycles_of_concentration : float
        Salts of the pads' basin over the make-up's; make-up is c/(c - 1) of what evaporates, the rest bled off.
    coil_transit_time_s : float
        Coolant inside over design flow, where the sheet gives no volume.
    temp_degc : float
        Of the coil, to start with.
    """

    coolant_exponent: float = 0.85
    air_exponent: float = 0.8
    air_to_coolant_ha: float = 0.5
    free_convection_share: float = 0.125
    standing_film_ratio: float = 0.03
    drive_loss_share: float = 0.03
    fan_ramp_time_s: float = 30.0
    fan_coast_time_s: float = 5.0
    pad_effectiveness: float = 0.85
    wetting_time_s: float = 60.0
    drying_time_s: float = 300.0
    cycles_of_concentration: float = 4.0
    coil_transit_time_s: float = 15.0
    temp_degc: float = 30.0


RANGES = {
    "coolant_exponent": (0.3, 1.0), "air_exponent": (0.3, 1.0), "air_to_coolant_ha": (0.01, 100.0),
    "free_convection_share": (0.0, 0.5), "standing_film_ratio": (0.001, 0.5), "drive_loss_share": (0.0, 0.3),
    "fan_ramp_time_s": (0.5, 3600.0), "fan_coast_time_s": (0.5, 600.0), "pad_effectiveness": (0.0, 0.95),
    "wetting_time_s": (1.0, 3600.0), "drying_time_s": (1.0, 7200.0), "cycles_of_concentration": (1.05, 100.0),
    "coil_transit_time_s": (0.5, 600.0), "temp_degc": (-60.0, 120.0),
}  # fmt: skip


def settings_from(name: str, figures: Mapping[str, float]) -> DryCoolerSettings:
    """Check ``figures`` for the cooler called ``name``.

    Raises
    ------
    PlantSettingError
        No such figure, or one out of range.
    """
    return checked_settings(name, DryCoolerSettings, figures, RANGES)
