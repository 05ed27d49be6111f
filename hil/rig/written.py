"""Whether what a cycle had to write arrived: for the latency contract in each cycle, for the verdict at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from hil.devices.bridge import BridgedDevice
from hil.devices.modbus.tcp import ModbusTcpDevice
from hil.devices.write_record import NotTaken, told_counts
from hil.loop.clock import NS_PER_S
from hil.rig.latency import FieldTiming

NOT_TAKEN_S = 1.0
"""A device that has not acknowledged all of any cycle's writes for so long, up to the end of the run, did not take
them. Longer than a machine keeps a process from its processor, shorter than anybody would call a moment."""
_LEAST_PERIODS = 3


class WrittenDevices:
    """The devices on TCP that the rig writes to, numbered from 0.

    Parameters
    ----------
    devices : sequence of ModbusTcpDevice
        All of them; those that are only read do not count.
    timing : FieldTiming
        Where the times go.
    now_ns : callable
        Loop time, ns.
    """

    __slots__ = ("_devices", "_lasted_ns", "_now_ns", "_numbers", "_timing", "_unwritten_ns")

    def __init__(
        self, devices: Sequence[ModbusTcpDevice], timing: FieldTiming, now_ns: Callable[[], int]
    ) -> None:
        self._devices = tuple(device for device in devices if device.is_written)
        self._numbers = range(len(self._devices))
        self._timing = timing
        self._now_ns = now_ns
        self._unwritten_ns = -1
        self._lasted_ns: dict[int, int] = {}

    def begin_cycle(self, stamp_ns: int) -> None:
        """Note that a cycle has begun; one before it that never came to write has failed to."""
        if self._unwritten_ns >= 0:
            self._timing.not_written(self._unwritten_ns, self._numbers)
        self._unwritten_ns = stamp_ns

    def begin_write(self) -> tuple[int, list[int]]:
        """Give the loop time, ns, and how often each device has failed so far, for :meth:`end_write`."""
        self._unwritten_ns = -1
        return self._now_ns(), [device.writes_failed for device in self._devices]

    def end_write(self, begun: tuple[int, list[int]]) -> None:
        """Note what became of this cycle's writes."""
        begun_ns, before = begun
        timing, devices = self._timing, self._devices
        after = [device.writes_failed for device in devices]
        if after == before and not timing.is_open:
            last_ns = max([device.last_write_ack_ns for device in devices], default=-1)
            if last_ns >= begun_ns:
                timing.at_acknowledgement(last_ns)
            return
        timing.at_failure(number for number in self._numbers if after[number] != before[number])
        for number, device in enumerate(devices):
            # What failed is due again, so all that is known now has been acknowledged, or was before.
            if after[number] == before[number] and device.record.is_known:
                timing.at_recovery(
                    number, max(begun_ns, device.last_write_ack_ns, device.last_heartbeat_ack_ns)
                )

    def end_cycles(self, now_ns: int) -> None:
        """Note the end of the run's cycles (loop time): what was not acknowledged by now never was."""
        self.begin_cycle(now_ns)
        self._unwritten_ns = -1
        for number, lasted_ns in self._timing.at_end(now_ns).items():
            self._lasted_ns[number] = lasted_ns

    def not_taken(self) -> list[NotTaken]:
        """Give the points that were not taken, by device and why."""
        return [
            NotTaken(device.name, points, why, told_counts(device.counters()))
            for number, device in enumerate(self._devices)
            for why, points in self._by_why(number, device).items()
        ]

    def _by_why(self, number: int, device: ModbusTcpDevice) -> dict[str, tuple[str, ...]]:
        """Name a device's points that were not taken; where none can be named, all, if it has failed for long."""
        by_why = device.record.not_taken(device.last_heartbeat_ack_ns)
        lasted_ns = self._lasted_ns.get(number, 0)
        if by_why or lasted_ns < max(NOT_TAKEN_S * NS_PER_S, _LEAST_PERIODS * self._timing.period_ns):
            return by_why
        why = f"not all acknowledged in any cycle of the last {lasted_ns / NS_PER_S:.1f} s"
        return {why: device.record.names or ("its limit",)}


def bridged_not_taken(devices: Iterable[BridgedDevice]) -> list[NotTaken]:
    """Give the buses and brokers that never acknowledged a write, or not the last one of the run."""
    found = []
    for device in devices:
        points = tuple(signal.name for signal in device.port_spec.writes)
        counters = device.counters()
        counts = told_counts(counters)
        if points and counters.get("writes_acknowledged") == 0:
            found.append(NotTaken(device.name, points, "never acknowledged", counts))
        elif points and counters["last_writes_unacknowledged"]:
            why = "not acknowledged at the last write of the run, which is the failsafe"
            found.append(NotTaken(device.name, points, why, counts))
    return found
