"""Mathematics of control: no I/O, clock, thread or logger."""

from controller.errors import ControllerError, GainError, LimitError, StageError
from controller.limits import Limit, Limiter
from controller.pid import PID, PidOptions
from controller.pid_gains import PidGains
from controller.stages import Condition, Stages

__all__ = [
    "PID",
    "Condition",
    "ControllerError",
    "GainError",
    "Limit",
    "LimitError",
    "Limiter",
    "PidGains",
    "PidOptions",
    "StageError",
    "Stages",
]
