"""Mathematics of control: no I/O, clock, thread or logger."""

from controller.errors import ControllerError, GainError, LimitError
from controller.limits import Limit, Limiter
from controller.pid import PID, PidOptions
from controller.pid_gains import PidGains

__all__ = [
    "PID",
    "ControllerError",
    "GainError",
    "Limit",
    "LimitError",
    "Limiter",
    "PidGains",
    "PidOptions",
]
