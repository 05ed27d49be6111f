"""What can go wrong in :mod:`plant_models`, as a tree.

::

    PlantError
    ├── DatasheetError        figures that disagree with each other or with physics
    ├── PlantSettingError     a setting, fault or port that a plant has not, or a value out of range
    ├── LinearModelError      a transfer function or matrices that no plant can be made of
    ├── SnapshotError         a snapshot that was taken of another plant
    ├── NoEquilibriumError    inputs at which the plant never settles (heat and no flow to carry it away)
    ├── WeatherError          a climate, weather file or row that cannot be used
    └── WorkloadError         a load over time whose figures or samples cannot be used

All are raised while a plant is being made, analysed or restored, never by ``step``.
"""

from __future__ import annotations


class PlantError(Exception):
    """Base of all errors of this package."""


class DatasheetError(PlantError):
    """A datasheet whose figures disagree with each other or with physics; the message names the figures."""


class PlantSettingError(PlantError):
    """A setting, fault or port that the plant does not have, or a value outside its range."""


class LinearModelError(PlantError):
    """A transfer function or state-space model that no plant can be made of."""


class SnapshotError(PlantError):
    """A snapshot that was taken of another plant; the message names both."""


class NoEquilibriumError(PlantError):
    """Inputs at which the plant never settles."""


class WorkloadError(PlantError):
    """A load that cannot be used; the message names the figure, or the sample by index and time."""


class WeatherError(PlantError):
    """Weather that cannot be used; the message names the quantity and the row."""
