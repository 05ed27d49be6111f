"""What can go wrong in :mod:`controller`, as a tree.

::

    ControllerError (a ValueError)
    ├── GainError      gains, times, weights or options of a controller that cannot be used
    ├── LimitError     a range, failsafe or rate that cannot be used
    └── StageError     thresholds, times or stages of a changeover that cannot be used

All are raised when something is made or set. A step raises nothing: it holds, and counts.
"""

from __future__ import annotations


class ControllerError(ValueError):
    """Base of all errors of this package."""


class GainError(ControllerError):
    """Gains, times, weights or options of a controller that cannot be used."""


class LimitError(ControllerError):
    """A range, failsafe or rate that cannot be used."""


class StageError(ControllerError):
    """Thresholds, times or stages of a changeover that cannot be used."""
