"""A point list as a server: which behaviour it gets, and the loop around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from hil.config.nearest import one_of
from hil.config.points import PointList
from hil.devices.stand_in.cdu_plc import SIGNALS, CduPlcProgram
from hil.devices.stand_in.registers import RegisterStore
from hil.devices.stand_in.server import ModbusServer, Program, ServerCounters
from hil.devices.stand_in.settings import CduPlcSettings
from hil.errors import ConfigError, Problem

Behaviour = Literal["auto", "registers", "cdu_plc"]
BEHAVIOURS: tuple[str, ...] = get_args(Behaviour)
_NAMED = 5


class RegistersProgram:
    """Registers and nothing behind them: what is written can be read back; the rest stays at 0.

    Attributes
    ----------
    store : RegisterStore
        The registers.
    """

    def __init__(self, points: PointList) -> None:
        self.store = RegisterStore(points)

    def tick(self, dt_s: float) -> None:
        """Let time pass: nothing moves."""


def choose_behaviour(points: PointList, behaviour: str = "auto") -> str:
    """Give ``cdu_plc`` or ``registers``: as asked, or by what the list holds.

    Raises
    ------
    ConfigError
        An unknown behaviour, or ``cdu_plc`` for a list without all of its signals.
    """
    if behaviour not in BEHAVIOURS:
        raise ConfigError(
            Problem("", None, f'unknown behaviour "{behaviour}"', one_of(behaviour, BEHAVIOURS))
        )
    missing = sorted(SIGNALS - {point.signal for point in points.points})
    if behaviour == "cdu_plc" and missing:
        shown = ", ".join(missing[:_NAMED]) + (" …" if len(missing) > _NAMED else "")
        what = f"behaviour cdu_plc needs {len(missing)} signals that the list does not hold: {shown}"
        raise ConfigError(Problem(points.file, None, what, "start from configs/points/cdu_plc.csv"))
    if behaviour == "auto":
        return "registers" if missing else "cdu_plc"
    return behaviour


def serve(
    points: PointList,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    behaviour: str = "auto",
    options: CduPlcSettings | None = None,
    on_ready: Callable[[str, int, str], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> ServerCounters:
    """Serve a point list until ``stop()`` is true.

    Parameters
    ----------
    points : PointList
        What exists.
    host, port : str, int
        IPv4 address and port to listen on; port 0 picks a free one.
    behaviour : str
        One of :data:`BEHAVIOURS`; ``auto`` is ``cdu_plc`` where the list holds all of its signals.
    options : CduPlcSettings, optional
        For ``cdu_plc``.
    on_ready : callable (host, port, behaviour), optional
        Called once when connections are accepted, with what was chosen.
    stop : callable () -> bool, optional
        Asked every 10 ms; without it the server runs until it is interrupted.

    Raises
    ------
    ConfigError
        As :func:`choose_behaviour`.
    DeviceError
        Where the address cannot be listened on.
    """
    chosen = choose_behaviour(points, behaviour)
    program: Program = CduPlcProgram(points, options) if chosen == "cdu_plc" else RegistersProgram(points)
    server = ModbusServer(program, host, port)
    try:
        if on_ready is not None:
            on_ready(*server.address, chosen)
        server.run(stop or (lambda: False))
    finally:
        server.close()
    return server.counters
