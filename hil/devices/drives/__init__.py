"""Drives by typed commands: start, stop, quick stop and fault reset, in the control words of each maker's profile."""

from hil.devices.drives.block import DriveBlock, DriveSignals
from hil.devices.drives.profiles import PROFILES, MagicWords, Profile
from hil.devices.drives.sequence import DriveSequence, DriveState, Wish

__all__ = [
    "PROFILES",
    "DriveBlock",
    "DriveSequence",
    "DriveSignals",
    "DriveState",
    "MagicWords",
    "Profile",
    "Wish",
]
