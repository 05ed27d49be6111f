"""What is on a bus or behind a host, found by reading alone: units, SunSpec models, lists that fit, registers."""

from hil.devices.discovery.drafts import draft_list, left_out, list_as_csv
from hil.devices.discovery.fit import Fit, fits
from hil.devices.discovery.registers import Run, runs_that_answer
from hil.devices.discovery.units import Asker, FoundUnit, find_unit

__all__ = [
    "Asker",
    "Fit",
    "FoundUnit",
    "Run",
    "draft_list",
    "find_unit",
    "fits",
    "left_out",
    "list_as_csv",
    "runs_that_answer",
]
