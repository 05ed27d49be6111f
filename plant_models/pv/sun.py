"""Sun over a year as a table, from pvlib: set-up only, and imported where it is needed.

For each 5 minutes of a year and each of eleven clear-sky indices, what reaches the cells of the plane:
solar position (SPA, Reda and Andreas 2004), clear sky (Ineichen and Perez 2002 with pvlib's Linke
turbidity), decomposition of what clouds leave (Erbs 1982), transposition (Hay and Davies 1980), reflection of the beam
(physical model, De Soto 2006), backtracking (Anderson and Mikofski 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from plant_models.errors import PlantSettingError
from plant_models.pv.settings import PvSettings
from plant_models.weather.air import station_pressure_kpa
from plant_models.weather.series import Weather

if TYPE_CHECKING:
    from pandas import DatetimeIndex

Array = npt.NDArray[np.float64]

SLOT_S = 300.0
SLOTS = 105_120
YEAR = 2025
"""Any common year: the sun's place at a time of the year moves by 0.2° between them."""
CLEARNESS = np.linspace(0.0, 1.0, 11)
"""Clear-sky indices of the table's columns. The last is the clear sky itself, with its own beam and diffuse parts."""


@dataclass(frozen=True, slots=True)
class Plane:
    """Place and orientation of the modules: what the table depends on, angles in degrees."""

    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    utc_offset_h: float
    mounting: str
    tilt_deg: float
    azimuth_deg: float
    max_tracking_deg: float
    ground_coverage: float
    albedo: float

    @classmethod
    def of(cls, weather: Weather, settings: PvSettings) -> Plane:
        """Take the place from the weather and the orientation from the settings."""
        return cls(
            weather.latitude_deg,
            weather.longitude_deg,
            weather.altitude_m,
            weather.utc_offset_h,
            settings.mounting,
            settings.tilt_deg,
            settings.azimuth_deg,
            settings.max_tracking_deg,
            settings.ground_coverage,
            settings.albedo,
        )


@dataclass(frozen=True, slots=True, eq=False)
class SunTable:
    """Irradiance at the starts of the slots of 5 min from 1 January, 0 h local standard time; read-only.

    Attributes
    ----------
    clear_ghi_w_m2 : array
        Global horizontal, without clouds.  # (105120,)
    effective_w_m2 : array
        In the plane, behind the glass, by :data:`CLEARNESS`.  # (105120, 11)
    """

    clear_ghi_w_m2: Array
    effective_w_m2: Array


def slot_times(utc_offset_h: float) -> DatetimeIndex:
    """Give the start of each slot."""  # (105120,)
    import pandas as pd  # noqa: PLC0415 - as pvlib

    first = pd.Timestamp(f"{YEAR}-01-01", tz="UTC") - pd.Timedelta(hours=utc_offset_h)
    return pd.date_range(first, periods=SLOTS, freq=f"{SLOT_S:.0f}s")


@lru_cache(maxsize=4)
def sun_table(plane: Plane) -> SunTable:
    """Compute the table, about two seconds; the last four are kept.

    Raises
    ------
    PlantSettingError
        A place that is not on the earth.
    """
    if not (abs(plane.latitude_deg) <= 90.0 and abs(plane.longitude_deg) <= 180.0):
        raise PlantSettingError(f"no place at latitude {plane.latitude_deg}, longitude {plane.longitude_deg}")
    from pvlib import clearsky, iam, irradiance, solarposition  # noqa: PLC0415 - seconds, for few processes

    times = slot_times(plane.utc_offset_h)
    pressure_pa = 1000.0 * station_pressure_kpa(plane.altitude_m)
    sun = solarposition.get_solarposition(
        times, plane.latitude_deg, plane.longitude_deg, plane.altitude_m, pressure_pa
    )
    day = (sun["apparent_zenith"] < 90.0).to_numpy()
    sun = sun[day]
    zenith, azimuth = sun["apparent_zenith"], sun["azimuth"]
    extra = irradiance.get_extra_radiation(sun.index)
    clear = clearsky.ineichen(
        zenith,
        _airmass(zenith, pressure_pa),
        clearsky.lookup_linke_turbidity(sun.index, plane.latitude_deg, plane.longitude_deg),
        plane.altitude_m,
        extra,
    ).fillna(0.0)
    tilt, facing = orientation(plane, zenith.to_numpy(), azimuth.to_numpy())
    glass = np.nan_to_num(iam.physical(irradiance.aoi(tilt, facing, zenith, azimuth)))
    effective = np.zeros((SLOTS, CLEARNESS.size))
    for column, clearness in enumerate(CLEARNESS):
        ghi = clear["ghi"] * clearness
        if clearness == 1.0:
            beam, diffuse = clear["dni"], clear["dhi"]
        else:
            parts = irradiance.erbs(ghi, zenith, sun.index)
            beam, diffuse = parts["dni"], parts["dhi"]
        plane_parts = irradiance.get_total_irradiance(
            tilt, facing, zenith, azimuth, beam, ghi, diffuse, extra, albedo=plane.albedo, model="haydavies"
        )
        total = np.asarray(plane_parts["poa_direct"]) * glass + np.asarray(plane_parts["poa_diffuse"])
        effective[day, column] = np.maximum(np.nan_to_num(total), 0.0)
    clear_ghi = np.zeros(SLOTS)
    clear_ghi[day] = clear["ghi"]
    for table in (clear_ghi, effective):
        table.flags.writeable = False
    return SunTable(clear_ghi, effective)


def _airmass(zenith: object, pressure_pa: float) -> object:
    from pvlib import atmosphere  # noqa: PLC0415 - as above

    return atmosphere.get_absolute_airmass(atmosphere.get_relative_airmass(zenith), pressure_pa)


def orientation(plane: Plane, zenith_deg: Array, azimuth_deg: Array) -> tuple[Array, Array]:
    """Tilt and azimuth of the modules, degrees; trackers lie flat where the sun is down."""  # (n,), (n,)
    if plane.mounting == "fixed":
        return np.full_like(zenith_deg, plane.tilt_deg), np.full_like(zenith_deg, plane.azimuth_deg)
    from pvlib import tracking  # noqa: PLC0415 - as above

    turned = tracking.singleaxis(
        zenith_deg, azimuth_deg, max_angle=plane.max_tracking_deg, gcr=plane.ground_coverage
    )
    return np.nan_to_num(turned["surface_tilt"]), np.nan_to_num(turned["surface_azimuth"], nan=180.0)
