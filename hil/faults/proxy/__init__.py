"""A proxy between the loop and a Modbus TCP device that makes the bus bad, on command and reproducibly."""

from hil.faults.proxy.fate import FAULT_KINDS, BusFault
from hil.faults.proxy.plan import ProxiedDevice, ProxyPlan
from hil.faults.proxy.running import ProxyProcess

__all__ = ["FAULT_KINDS", "BusFault", "ProxiedDevice", "ProxyPlan", "ProxyProcess"]
