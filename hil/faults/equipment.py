"""Equipment faults and set-point changes: actions of a schedule."""

from __future__ import annotations

from hil.loop.clock import NS_PER_S
from hil.loop.events import EventLog
from hil.loop.protocols import Plant
from hil.loop.source import SourceBlock
from plant_models import workload


class EquipmentSwitch:
    """Switches one of a plant's faults, which lasts as long as any of its events does."""

    def __init__(
        self,
        name: str,
        plant: Plant,
        fault: str,
        events: EventLog,
        holders: set[EquipmentSwitch] | None = None,
    ) -> None:
        """Prepare; ``holders`` is shared by all switches of this fault of this plant."""
        self._name = name
        self._plant = plant
        self._fault = fault
        self._events = events
        self._holders = set() if holders is None else holders

    def on(self, now_ns: int) -> None:
        """Begin."""
        if not self._holders:
            self._switch(now_ns, True)
        self._holders.add(self)

    def off(self, now_ns: int) -> None:
        """End, unless another event still holds the fault."""
        self._holders.discard(self)
        if not self._holders:
            self._switch(now_ns, False)

    def _switch(self, now_ns: int, active: bool) -> None:
        self._plant.set_fault(self._fault, active)
        self._events.emit(
            now_ns / NS_PER_S, "fault_start" if active else "fault_end", self._name, self._fault
        )


class SetPoint:
    """Takes a source to a new level, at once or along a ramp from where it is."""

    def __init__(self, signal: str, source: SourceBlock, to: float, ramp_s: float, events: EventLog) -> None:
        """Prepare; ``to`` in the signal's unit, ``ramp_s`` in s."""
        self._signal = signal
        self._source = source
        self._to = to
        self._ramp_s = ramp_s
        self._events = events

    def __call__(self, now_ns: int) -> None:
        """Change the source at loop time ``now_ns``."""
        now_s = now_ns / NS_PER_S
        if self._ramp_s > 0:
            ramp = workload.Ramp(self._source.present, self._to, now_s, now_s + self._ramp_s)
            self._source.follow(ramp, now_ns)
        else:
            self._source.follow(workload.Constant(self._to), now_ns)
        over = f" over {self._ramp_s:g} s" if self._ramp_s else ""
        self._events.emit(now_s, "setpoint", self._signal, f"to {self._to:g}{over}")
