"""What a rig says of its facility as a whole: the signals of PUE, WUE and cooling mode; limits to be timed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from hil.config.strict import Finite, Name, Strict, WrongKeyError

WATER_DIMENSIONS = ("mass flow", "volume flow")
"""What a water use may be given in: 1 kg of make-up water counts as 1 L."""


class FacilityConfig(Strict):
    """Signals from which the facility's key figures are integrated.

    ``it_power`` and ``facility_power`` are in W, kW or MW; ``water_use`` in kg/s, kg/h or a volume flow;
    ``cooling_mode`` has the unit 1 (0 free, 1 partly mechanical, 2 mechanical); case temperatures are in degC or degF.
    """

    it_power: str
    """What the IT equipment draws, at the boundary of ISO/IEC 30134-2 that the rig's author chose."""
    facility_power: str
    """What the whole facility draws at its utility meter."""
    water_use: str | None = None
    cooling_mode: str | None = None
    hottest_case_temp: str | None = None
    case_temps: Annotated[tuple[str, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _one_way_of_cases(self) -> FacilityConfig:
        if self.hottest_case_temp is not None and self.case_temps:
            what = "hottest_case_temp and case_temps are two ways to say the same"
            raise WrongKeyError(
                "case_temps", what, "give the one signal, or the list of those to take it from"
            )
        return self

    @property
    def cases(self) -> dict[tuple[str | int, ...], str]:
        """Signals of case temperatures, by their place under ``facility``."""
        listed: dict[tuple[str | int, ...], str] = {
            ("case_temps", number): name for number, name in enumerate(self.case_temps)
        }
        return listed if self.hottest_case_temp is None else {("hottest_case_temp",): self.hottest_case_temp}


class LimitConfig(Strict):
    """A limit of a signal, in its unit; the report gives the time from a fault until it is passed: the run's first."""

    name: Name
    signal: str
    above: Finite | None = None
    below: Finite | None = None

    @model_validator(mode="after")
    def _has_one_side(self) -> LimitConfig:
        if (self.above is None) == (self.below is None):
            raise WrongKeyError("name", f"{self.name}: give above or below, one of the two", "above: 45")
        return self


class ScenarioLimitConfig(LimitConfig):
    """A limit of a scenario, which may say from which of its faults the time counts."""

    from_fault: str | None = None
    """An equipment fault, a sensor fault's signal or a bus fault's device; None: whichever is the run's first."""
