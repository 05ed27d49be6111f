"""Faults on a schedule: of sensors, of equipment and of the bus; and the set-point changes of the same schedule."""

from hil.faults.bus import BusSwitch
from hil.faults.equipment import EquipmentSwitch, SetPoint
from hil.faults.sensor import SensorFalsifier

__all__ = ["BusSwitch", "EquipmentSwitch", "SensorFalsifier", "SetPoint"]
