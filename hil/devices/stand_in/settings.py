"""What the CDU PLC is set up for: the options of the C stub, by the same names and limits."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from hil.errors import ConfigError, Problem

_S, _PERCENT = (0.1, 600.0, "s"), (0.0, 100.0, "%")
LIMITS = {
    "watchdog_s": _S,
    "failsafe_valve": _PERCENT,
    "failsafe_pump": _PERCENT,
    "stroke_s": _S,
    "ramp_s": _S,
    "valve_min": _PERCENT,
    "valve_max": _PERCENT,
    "pump_min": _PERCENT,
    "pump_max": _PERCENT,
}
"""Lowest and highest value of each numeric option, and its unit."""

START_MODES = ("remote-allowed", "local")


@dataclass(frozen=True, slots=True)
class CduPlcSettings:
    """Settings of the CDU PLC.

    Attributes
    ----------
    watchdog_s : float
        The heartbeat must change, and the bench's sensors be written, within this time, s.
    failsafe_valve, failsafe_pump : float
        Where valve and pump go in failsafe, and stand at power-up, %.
    stroke_s, ramp_s : float
        Time of valve and pump from 0 to 100 %, s.
    valve_min, valve_max, pump_min, pump_max : float
        Limits of the commands while running, %.
    start_mode : str
        ``local``: the key on the panel forbids REMOTE; a request is acknowledged and ignored.

    Raises
    ------
    ConfigError
        A value outside :data:`LIMITS`, or a failsafe outside the limits of its actuator.
    """

    watchdog_s: float = 3.0
    failsafe_valve: float = 100.0
    failsafe_pump: float = 70.0
    stroke_s: float = 30.0
    ramp_s: float = 30.0
    valve_min: float = 0.0
    valve_max: float = 100.0
    pump_min: float = 20.0
    pump_max: float = 100.0
    start_mode: Literal["remote-allowed", "local"] = "remote-allowed"

    def __post_init__(self) -> None:
        problems = [
            Problem(
                "", None, f"{option_name(name)} {getattr(self, name):g}: expected {low:g} to {high:g} {unit}"
            )
            for name, (low, high, unit) in LIMITS.items()
            if not low <= getattr(self, name) <= high
        ]
        if self.start_mode not in START_MODES:
            problems.append(
                Problem("", None, f"--start-mode {self.start_mode}: expected {' or '.join(START_MODES)}")
            )
        for part in ("valve", "pump"):
            low, high, at = (
                getattr(self, name) for name in (f"{part}_min", f"{part}_max", f"failsafe_{part}")
            )
            if not problems and not low <= at <= high:
                what = f"--failsafe-{part} {at:g} is outside --{part}-min {low:g} to --{part}-max {high:g}"
                problems.append(Problem("", None, what))
        if problems:
            raise ConfigError(problems)

    def arguments(self) -> list[str]:
        """Give the settings as command-line options, for the C stub and the stand-in alike."""
        return [
            word
            for field in fields(self)
            for word in (option_name(field.name), f"{getattr(self, field.name)}")
        ]


def option_name(name: str) -> str:
    """Give the command-line option of a setting: ``watchdog_s`` is ``--watchdog-s``."""
    return "--" + name.replace("_", "-")
