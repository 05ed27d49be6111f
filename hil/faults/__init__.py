"""Faults on a schedule: of sensors and of equipment; and the set-point changes of the same schedule."""

from hil.faults.equipment import EquipmentSwitch, SetPoint
from hil.faults.sensor import SensorFalsifier

__all__ = ["EquipmentSwitch", "SensorFalsifier", "SetPoint"]
