"""The rig as a Modbus TCP server for a DCIM: a process beside the loop that serves the table of latest values."""

from hil.devices.northbound.layout import RegisterMap, ServedSignal, map_as_csv
from hil.devices.northbound.running import NorthboundServer
from hil.devices.northbound.settings import NorthboundSettings

__all__ = ["NorthboundServer", "NorthboundSettings", "RegisterMap", "ServedSignal", "map_as_csv"]
