"""SunSpec devices: under ``devices``, ``type: sunspec``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hil.config.host import Host
from hil.config.strict import Name, Strict, WrongKeyError

Percent = Annotated[float, Field(ge=0, le=100)]


class CurtailConfig(Strict):
    """Limiting the active power of an inverter. It gives the limit up by itself when it is not renewed."""

    signal: str
    """Limit, % of the rated power; its range and rate limits are those of the signal."""
    model: Literal[123, 704]
    reversion_s: Annotated[int, Field(ge=2, le=65_535)]
    """Time after which the inverter gives up a limit that is not renewed; renewed at half of it."""
    ramp_s: Annotated[int, Field(ge=0, le=65_535)] = 0
    """Time over which a new limit is approached; model 123 only, 0 for the inverter's own."""
    reverts_to_percent: Percent = 100.0
    """Limit that holds after the reversion; model 704 only."""
    least_percent: Annotated[float, Field(gt=0, le=100)] = 1.0
    """Lowest limit that is sent: many inverters disconnect at 0."""
    dead_band_percent: Annotated[float, Field(ge=0, lt=100)] = 0.0
    """Smaller changes wait for the next renewal."""
    least_interval_s: Annotated[float, Field(ge=0, le=3600)] = 1.0
    """Shortest time from one change to the next: some inverters keep each in a memory that wears out."""
    allow_zero: bool = False
    """Send 0 % too."""

    @model_validator(mode="after")
    def _fits_the_model(self) -> CurtailConfig:
        if self.model == 123 and self.reverts_to_percent != 100.0:
            what = "model 123 always reverts to no limit"
            raise WrongKeyError("reverts_to_percent", what, "leave it out, or model: 704")
        if self.reverts_to_percent < self.least_percent and not self.allow_zero:
            least = f"least_percent = {self.least_percent:g} %"
            what = f"{self.reverts_to_percent:g} % is below {least}: many inverters disconnect at 0"
            raise WrongKeyError("reverts_to_percent", what, "raise it, or allow_zero: true")
        if self.model == 704 and self.ramp_s:
            raise WrongKeyError("ramp_s", "model 704 has no ramp of its own for the limit", "leave it out")
        return self


class SunSpecConfig(Strict):
    """An inverter, meter or battery that says itself what lies where (Modbus TCP)."""

    type: Literal["sunspec"]
    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = 502
    unit_id: Annotated[int, Field(ge=0, le=255)] = 1
    read: dict[Name, str] = Field(default_factory=dict)
    """Signal and the point that it is read from: ``pv_power_kw: 701.W``."""
    curtail: CurtailConfig | None = None
    max_registers: Annotated[int, Field(ge=10, le=125)] = 125
    gap_ms: Annotated[float, Field(ge=0, le=60_000)] = 0.0
    connect_timeout_s: Annotated[float, Field(gt=0, le=60)] = 1.0

    @property
    def write(self) -> tuple[str, ...]:
        """Signals that the device is sent."""
        return () if self.curtail is None else (self.curtail.signal,)

    @property
    def heartbeat(self) -> None:
        """There is none: the reversion is the watchdog."""
        return
