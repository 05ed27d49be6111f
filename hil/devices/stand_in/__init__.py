"""A Modbus device without hardware: a point list served over TCP, the CDU PLC's behaviour behind it."""

from hil.devices.stand_in.cdu_plc import CduPlcProgram
from hil.devices.stand_in.launch import RunningPlc, build_c_stub, launch_cdu_plc
from hil.devices.stand_in.serve import choose_behaviour, serve
from hil.devices.stand_in.settings import CduPlcSettings

__all__ = [
    "CduPlcProgram",
    "CduPlcSettings",
    "RunningPlc",
    "build_c_stub",
    "choose_behaviour",
    "launch_cdu_plc",
    "serve",
]
