"""Serial lines and the devices on them: the sections ``buses`` and, under ``devices``, ``type: modbus_rtu``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hil.config.strict import Name, Span, Strict, WrongKeyError

PollClass = Annotated[int, Field(ge=1, le=100_000)] | Literal["background"]


class SerialBusConfig(Strict):
    """One line with many units, or a gateway that passes RTU frames on over TCP. Served by a process of its own."""

    port: Annotated[str, Field(min_length=1)]
    """/dev/serial/by-id/..., /dev/ttyUSB0, COM3, or tcp://host:port for a gateway."""
    baud: Annotated[int, Field(ge=1200, le=4_000_000)] = 19_200
    """Of the line itself, behind a gateway too: the load is reckoned with it."""
    parity: Literal["even", "odd", "none"] = "even"
    stop_bits: Literal[1, 2] = 1
    scan_s: Span | None = None
    """Cycle of the bus; the rig's period where it is not given."""
    background_s: Span = 60.0
    """Longest time between two reads of a background point."""
    reply_timeout_s: Annotated[float, Field(gt=0, le=30)] = 0.3
    late_reply_s: Annotated[float, Field(gt=0, le=600)] | None = None
    """How long after its request a reply may still come; three reply time-outs, and 1 s at the least, if not given."""
    unit_delay_ms: Annotated[float, Field(ge=0, le=10_000)] = 5.0
    """How long a unit takes to begin its answer: for the reckoning of the load alone."""
    broadcast_turnaround_s: Annotated[float, Field(ge=0, le=10)] = 0.1
    local_echo: bool = False
    """Whether the adapter hears what it sends."""
    loop_timeout_s: Span | None = None
    """Silence of the loop after which the failsafe values are written; 1 s, and 5 periods at least, if not given."""


class ModbusRtuConfig(Strict):
    """A device on a serial bus: one unit or several. Only the signals under ``read`` and ``write`` are ever touched."""

    type: Literal["modbus_rtu"]
    bus: str
    points: str
    prefix: str = Field(default="", pattern=r"^[a-z0-9_]*$")
    """Put before every signal of the point list, so that one list serves several devices: pump_1_."""
    unit_id: Annotated[int, Field(ge=0, le=247)] | None = None
    """In place of the unit ids of the point list, for a list that several units share. 0 writes to all of them."""
    read: tuple[str, ...] = Field(default=(), strict=False)
    write: tuple[str, ...] = Field(default=(), strict=False)
    heartbeat: str | None = None
    """Point that gets a counter, written last in each cycle; the far end's watchdog watches it."""
    poll: dict[Name, PollClass] = Field(default_factory=dict)
    """Signals under ``read`` that are not needed in every scan: read in every n-th one, or in the background."""
    max_registers: Annotated[int, Field(ge=1, le=125)] = 125
    max_gap_registers: Annotated[int, Field(ge=0, le=100)] = 0
    gap_ms: Annotated[float, Field(ge=0, le=60_000)] = 0.0
    """Least pause from anything to or from a unit to its next request."""
    write_pause_ms: Annotated[float, Field(ge=0, le=60_000)] = 0.0
    """The same after a write."""
    single_write_functions: bool = False
    """Write by functions 05 and 06 alone, for devices that know no other."""

    @model_validator(mode="after")
    def _polls_what_is_read(self) -> ModbusRtuConfig:
        for name in self.poll:
            if name not in self.read:
                raise WrongKeyError(
                    "poll", f"{name} is not under read", f"read: {', '.join(self.read) or 'none'}"
                )
        return self

    def every(self, signal: str) -> int:
        """Give the scans from one read of a signal to the next; 0 in the background."""
        paced = self.poll.get(signal, 1)
        return 0 if paced == "background" else paced
