"""Proving a point list: what ``hil points lint`` finds, at the desk and on a live device."""

from hil.devices.lint.finding import CODES, Finding, Reach
from hil.devices.lint.prove import Wanted, findings_of

__all__ = ["CODES", "Finding", "Reach", "Wanted", "findings_of"]
