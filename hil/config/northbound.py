"""What a rig shows of itself to a building's or datacentre's management (DCIM, BMS): the section ``northbound``."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Annotated, Literal

from pydantic import Field, model_validator

from hil.config.strict import Instant, Name, Positive, Span, Strict, WrongKeyError

ServedType = Literal["float32", "int16"]


class NorthboundConfig(Strict):
    """The rig's signals as a Modbus TCP server; read-only but for the signals under ``setpoints``."""

    port: Annotated[int, Field(ge=0, le=65535)]
    """0 picks a free one, which the run's events tell."""
    bind: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """IPv4 address. Any other than this machine's own lets others in, which is asked for before a run."""
    unit_id: Annotated[int, Field(ge=1, le=247)] = 1
    signals: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None
    """All of the rig's where it is not given."""
    type: ServedType = "float32"
    types: dict[Name, ServedType] = Field(default_factory=dict)
    """By signal, where it differs from ``type``."""
    scales: dict[Name, Positive] = Field(default_factory=dict)
    """Of int16, by signal: value = register x scale. Else the finest power of ten that holds the signal's range."""
    word_order: Literal["high_first", "low_first"] = "high_first"
    setpoints: tuple[str, ...] = Field(default=(), strict=False)
    """Signals of sources that may be written, within their range."""
    when_silent: Literal["exception_11", "exception_4", "bad"] = "exception_11"
    """What a read gets while the loop is dead: an exception, or registers whose quality is BAD."""
    silent_after_s: Span | None = None
    """Time without a cycle after which the loop is dead; three periods and at least 1 s where it is not given."""
    linger_s: Instant = 60.0
    """How long the server stays, and says that the loop is dead, when the loop was killed."""

    @model_validator(mode="after")
    def _is_an_address(self) -> NorthboundConfig:
        try:
            IPv4Address("127.0.0.1" if self.bind == "localhost" else self.bind)
        except ValueError:
            hint = "127.0.0.1 for this machine alone, 0.0.0.0 for all its networks"
            raise WrongKeyError("bind", f"{self.bind!r} is not an IPv4 address", hint) from None
        return self

    @model_validator(mode="after")
    def _named_once(self) -> NorthboundConfig:
        for key in ("signals", "setpoints"):
            names = getattr(self, key) or ()
            for name in names:
                if names.count(name) > 1:
                    raise WrongKeyError(key, f"{name} stands there {names.count(name)} times", "keep one")
        return self
