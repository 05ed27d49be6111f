"""The rig's signals as ranges that points are held against."""

from __future__ import annotations

from hil.config.schema import RigConfig
from hil.config.units import UNITS
from hil.loop.image import Signal


def signal_ranges(config: RigConfig) -> list[Signal]:
    """Give the signals whose unit and range make sense; the others are problems of their own."""
    return [
        Signal(name, signal.unit, *signal.range, failsafe=signal.range[0])
        for name, signal in config.signals.items()
        if signal.unit in UNITS and signal.range[0] < signal.range[1]
    ]
