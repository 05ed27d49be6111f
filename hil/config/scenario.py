"""The scenario file: what happens when. Set-point changes, equipment, sensor and bus faults, another load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from hil.config.expansion import expand
from hil.config.facility import ScenarioLimitConfig
from hil.config.file_kinds import read_kind
from hil.config.profiles import ProfileConfig
from hil.config.strict import Finite, Instant, NotNegative, Span, Strict, WrongKeyError, validate
from hil.config.yaml_lines import Document


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


_BUS_KEYS = {
    "delay_s": ("delay", "late"),
    "jitter_s": ("jitter",),
    "gap_s": ("byte_at_a_time",),
    "bits": ("corrupt",),
    "part": ("corrupt",),
    "code": ("exception",),
}
"""Which faults of a bus take which key."""
_LONGEST_HOLD_S = 3600.0


class BusFaultEvent(Strict):
    """Disturb the connection to a Modbus TCP device from ``at_s`` on, for ``for_s`` where that is given.

    It befalls each frame of its ``direction`` with ``probability``; which ones, the rig's seed decides. A ``late``
    reply is held for ``delay_s`` while others pass it: 1.5 periods where it is not given, which is beyond any time-out
    of the loop. ``part: data`` of ``corrupt`` is what no Modbus TCP client can notice.
    """

    type: Literal["bus"]
    at_s: Instant
    for_s: Span | None = None
    device: str
    fault: Literal[
        "delay", "jitter", "drop", "late", "duplicate", "truncate", "corrupt", "wrong_transaction", "byte_at_a_time",
        "exception", "half_open", "reset",
    ]  # fmt: skip
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0
    direction: Literal["request", "reply"] = "reply"
    delay_s: Annotated[float, Field(gt=0, le=_LONGEST_HOLD_S)] | None = None
    jitter_s: Annotated[float, Field(gt=0, le=_LONGEST_HOLD_S)] | None = None
    gap_s: Annotated[float, Field(gt=0, le=60)] | None = None
    """From byte to byte; 0.2 ms where it is not given."""
    bits: Annotated[int, Field(ge=1, le=2080)] = 1
    part: Literal["header", "data", "any"] = "header"
    code: Annotated[int, Field(ge=1, le=255)] = 6
    """Exception code; 6 is: device busy."""

    @model_validator(mode="after")
    def _keys_of_the_fault(self) -> BusFaultEvent:
        for key, faults in _BUS_KEYS.items():
            if key in self.model_fields_set and self.fault not in faults:
                raise WrongKeyError(
                    key, f"the bus fault {self.fault} has no {key}", f"it is of {', '.join(faults)}"
                )
        if self.fault == "exception" and "direction" in self.model_fields_set:
            what = "an exception answers a request in the device's place: it has no direction"
            raise WrongKeyError("direction", what, "take it out")
        for fault, key in (("delay", "delay_s"), ("jitter", "jitter_s")):
            if self.fault == fault and getattr(self, key) is None:
                raise WrongKeyError("fault", f"the bus fault {fault} needs {key}", f"{key}: 0.05")
        return self


Event = Annotated[SetEvent | EquipmentFault | SensorFault | BusFaultEvent, Field(discriminator="type")]


class ScenarioConfig(Strict):
    """A whole scenario."""

    scenario: str
    description: str = ""
    duration_s: Span | None = None
    load: ProfileConfig | None = None
    events: tuple[Event, ...] = Field(default=(), strict=False)
    limits: tuple[ScenarioLimitConfig, ...] = Field(default=(), strict=False)
    """Limits that the report gives the time to, from a fault on; beside those of the rig."""
    trend: tuple[str, ...] = Field(default=(), strict=False)
    """Signals that the report draws about the faults, beside those of the limits."""

    @property
    def faults(self) -> tuple[str, ...]:
        """What a limit's ``from_fault`` may name."""
        names = (
            event.fault if isinstance(event, EquipmentFault)
            else event.signal if isinstance(event, SensorFault)
            else event.device
            for event in self.events if not isinstance(event, SetEvent)
        )  # fmt: skip
        return tuple(dict.fromkeys(names))


def load_scenario(path: Path) -> tuple[ScenarioConfig, Document]:
    """Read a scenario; ``ConfigError`` names file, line and what."""
    document = expand(read_kind(path, "scenario"))
    return validate(ScenarioConfig, document), document
