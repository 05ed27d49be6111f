"""Figures of components: counts and settings by name."""

from __future__ import annotations

import math

import pytest

from plant_models.components.checks import checked_settings, whole_number
from plant_models.components.chiller_settings import RANGES, ChillerSettings
from plant_models.errors import PlantSettingError


@pytest.mark.parametrize("count", [math.nan, math.inf, -math.inf, 2.5, 0, 9])
def test_a_count_that_is_none_is_refused_by_name(count: float) -> None:
    with pytest.raises(PlantSettingError, match=r"chiller: machines = .* is not a whole number of 1 … 8"):
        whole_number("chiller", machines=(count, 1, 8))


def test_a_setting_that_is_unknown_and_like_none_is_told_with_what_there_is() -> None:
    with pytest.raises(PlantSettingError, match="no setting 'xyzzy'; there are nominal_cop, "):
        checked_settings("chiller", ChillerSettings, {"xyzzy": 1.0}, RANGES)
    with pytest.raises(PlantSettingError, match="did you mean 'nominal_cop'"):
        checked_settings("chiller", ChillerSettings, {"nominal_copp": 1.0}, RANGES)
