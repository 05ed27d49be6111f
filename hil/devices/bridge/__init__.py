"""The seam between the loop, which never waits, and a process beside it that serves slow I/O.

Both hold a process image: the process the small one of its own points, the loop the whole one. What is received goes
up, what is written goes down, through shared memory under sequence locks; neither side ever waits for the other.
"""

from hil.devices.bridge.device import BridgedDevice, BridgeSettings
from hil.devices.bridge.orders import Orders, Stage
from hil.devices.bridge.port import Port
from hil.devices.bridge.serve import AsyncServant, Servant, ServantSpec, serve, serve_async

__all__ = [
    "AsyncServant",
    "BridgeSettings",
    "BridgedDevice",
    "Orders",
    "Port",
    "Servant",
    "ServantSpec",
    "Stage",
    "serve",
    "serve_async",
]
