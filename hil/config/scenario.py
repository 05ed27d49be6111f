"""The scenario file: what happens when. Set-point changes, equipment faults, sensor faults, another load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from hil.config.profiles import ProfileConfig
from hil.config.strict import Finite, Instant, NotNegative, Span, Strict, WrongKeyError, validate
from hil.config.yaml_lines import Document, read_yaml


class SetEvent(Strict):
    """Take a source's signal to ``to`` (in the signal's unit), at once or over ``ramp_s``."""

    type: Literal["set"]
    at_s: Instant
    signal: str
    to: Finite
    ramp_s: Instant = 0.0


class EquipmentFault(Strict):
    """Switch one of a plant's faults on at ``at_s``, and off after ``for_s`` where that is given."""

    type: Literal["equipment"]
    at_s: Instant
    for_s: Span | None = None
    plant: str
    fault: str


class SensorFault(Strict):
    """Falsify a received or modelled signal: ``bias`` and ``noise_std`` in its unit, or frozen at its last value."""

    type: Literal["sensor"]
    at_s: Instant
    for_s: Span | None = None
    signal: str
    bias: Finite = 0.0
    noise_std: NotNegative = 0.0
    frozen: bool = False

    @model_validator(mode="after")
    def _does_something(self) -> SensorFault:
        if not (self.bias or self.noise_std or self.frozen):
            raise WrongKeyError(
                "signal", "the sensor fault does nothing", "give bias, noise_std or frozen: true"
            )
        if self.frozen and (self.bias or self.noise_std):
            what = "a frozen sensor holds its last value: bias and noise_std have no effect beside it"
            raise WrongKeyError("frozen", what, "take frozen out, or the other two")
        return self


Event = Annotated[SetEvent | EquipmentFault | SensorFault, Field(discriminator="type")]


class ScenarioConfig(Strict):
    """A whole scenario."""

    scenario: str
    description: str = ""
    duration_s: Span | None = None
    load: ProfileConfig | None = None
    events: tuple[Event, ...] = Field(default=(), strict=False)


def load_scenario(path: Path) -> tuple[ScenarioConfig, Document]:
    """Read a scenario; ``ConfigError`` names file, line and what."""
    document = read_yaml(path)
    return validate(ScenarioConfig, document), document
