"""How late this machine's loop wakes: a CDU under one PID at a period, without I/O, in the cycle that runs a rig."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from controller import PID, Limiter
from hil.loop.clock import NS_PER_S, WallClock
from hil.loop.control import PidBlock
from hil.loop.cycle import Cycle, CycleParts, CycleSettings, Sink, StopFlag, Timing
from hil.loop.events import EventLog
from hil.loop.histogram import Histogram
from hil.loop.image import GOOD, Image, Signal
from hil.loop.output import OutputStage
from hil.loop.overrun import OverrunPolicy, OverrunSettings
from hil.loop.plant import PlantBlock
from hil.loop.realtime import Grant, RealTime, RealTimeSettings
from plant_models import DESCHUTES_2MW, CduPlant

Wait = Literal["block", "spin"]

_SETPOINT, _SUPPLY, _VALVE = range(3)
_HEAT_KW, _SETPOINT_DEGC, _RACK_KPA = 1200.0, 30.0, 350.0


@dataclass(frozen=True, slots=True)
class LoopFigures:
    """What one measurement gave.

    Attributes
    ----------
    timing : Timing
        Histograms of lateness, cycle and phases, ns.
    cycles, overruns, skipped_periods : int
        As the loop counts them.
    grants : tuple of Grant
        What of the real-time set-up the system gave.
    supply_temp_degc, setpoint_degc : float
        Where the loop stood at the end: it is a control loop that was timed, not an empty one.
    """

    timing: Timing
    cycles: int
    overruns: int
    skipped_periods: int
    grants: tuple[Grant, ...]
    supply_temp_degc: float
    setpoint_degc: float


class CountedRows:
    """A sink that counts rows: the measurement is of the wait, and needs no disk."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows = 0

    def push(self, now_ns: int) -> None:  # noqa: ARG002  a sink is told the time, needed or not
        """Count one row."""
        self.rows += 1


def measure_lateness(
    wait: Wait, seconds: float, period_s: float, priority: int | None, *, cpu: int | None = None
) -> Histogram:
    """Lateness of wake-ups, ns, over ``seconds`` (s) at ``period_s`` (s); see :func:`measure_loop`."""
    return measure_loop(wait, seconds, period_s, priority, cpu=cpu).timing.lateness


def measure_loop(
    wait: Wait,
    seconds: float,
    period_s: float,
    priority: int | None,
    *,
    cpu: int | None = None,
    spin_margin_us: float | None = None,
) -> LoopFigures:
    """Run a CDU plant under one PID on the wall clock, with real-time set-up as far as the system grants it.

    ``priority`` None stays in the ordinary class; otherwise memory is locked too, as ``cyclictest -m`` does. ``cpu``
    None may use any processor. Everything is given back before it returns.
    """
    period_ns = round(period_s * NS_PER_S)
    parts = _parts()
    settings = RealTimeSettings(priority, cpu, priority is not None, wait, spin_margin_us)
    duration_ns = round(seconds * NS_PER_S)
    with RealTime(settings, period_ns) as granted:
        cycle = timed_cycle(parts, CountedRows(), period_ns, duration_ns, WallClock(granted.spin_ns))
        cycle.run()
    values = parts.image.values
    overrun = cycle.overrun
    return LoopFigures(
        cycle.timing, cycle.cycles, overrun.overruns, overrun.skipped_periods, granted.grants,
        values[_SUPPLY], values[_SETPOINT],
    )  # fmt: skip


def timed_cycle(
    parts: CycleParts, sink: Sink, period_ns: int, duration_ns: int, clock: WallClock | None = None
) -> Cycle:
    """Make a cycle of ``parts`` on the wall clock that skips what it misses; budgets are half a period each."""
    settings = CycleSettings(period_ns, duration_ns, period_ns // 2, period_ns // 2, is_virtual=False)
    policy = OverrunPolicy(OverrunSettings())
    return Cycle(parts, clock or WallClock(), settings, policy, sink, EventLog(), StopFlag())


def _parts() -> CycleParts:
    plant = CduPlant.from_datasheet(DESCHUTES_2MW)
    plant.start_at({"rack_heat_kw": _HEAT_KW})
    # It starts where it is to stay, so that it is a settled loop that is timed.
    commands = plant.trim(_SETPOINT_DEGC, _RACK_KPA)
    plant.start_at(commands)
    valve_percent = commands["fws_valve_command_percent"]
    held: dict[str, int | float] = {**plant.default_inputs, **commands, "rack_heat_kw": _HEAT_KW}
    wired = {**held, "fws_valve_command_percent": _VALVE}
    image = Image(
        [
            Signal("supply_temp_setpoint_degc", "degC", 15.0, 45.0, _SETPOINT_DEGC),
            Signal("supply_temp_degc", "degC", 0.0, 95.0, _SETPOINT_DEGC),
            Signal("fws_valve_command_percent", "%", 0.0, 100.0, 100.0, initial=valve_percent),
        ]
    )
    image.quality[_SETPOINT] = image.quality[_SUPPLY] = GOOD
    inputs = [wired[port.name] for port in plant.input_ports]
    outputs = [_SUPPLY if port.name == "tcs_supply_temp_degc" else None for port in plant.output_ports]
    block = PlantBlock(image, plant, inputs, outputs)
    # Compiled or loaded now, not in the first cycle.
    block.run(0, 0.0)
    stage = OutputStage(image, _VALVE, Limiter(0.0, 100.0, 100.0, initial=valve_percent))
    pid = PID.ideal(
        3.0, 20.0, action="direct", output_low=0.0, output_high=100.0, initial_output=valve_percent
    )
    control = PidBlock("supply_temp", image, pid, stage, setpoint=_SETPOINT, measured=_SUPPLY)
    return CycleParts(image, plants=(block,), controllers=(control,), outputs=(stage,))
