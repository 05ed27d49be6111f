"""All Modbus TCP devices of a rig at once: their requests go out together, and one wait serves them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hil.devices.wait import Wait, new_wait

if TYPE_CHECKING:
    from hil.devices.modbus.tcp import ModbusTcpDevice

_NS_PER_MS = 1_000_000


class Scan:
    """Devices scanned together, itself a :class:`hil.loop.protocols.Device`.

    A phase takes as long as its slowest device, and never longer than its deadline; a device that is
    absent takes nothing from the others.

    Parameters
    ----------
    devices : sequence of ModbusTcpDevice
        Each with a name of its own.
    now_ns : callable
        Loop time, ns; the same as the devices'.
    wait : Wait, optional
        In place of the system's, where there is nothing to wait for.

    Attributes
    ----------
    while_waiting : callable or None
        Called once in each read phase, when all requests are out and their replies still on the way.
    """

    def __init__(
        self,
        devices: Sequence[ModbusTcpDevice],
        now_ns: Callable[[], int],
        wait: Wait[ModbusTcpDevice] | None = None,
    ) -> None:
        self.devices = tuple(devices)
        self.while_waiting: Callable[[], None] | None = None
        self._now_ns = now_ns
        self._wait: Wait[ModbusTcpDevice] = new_wait() if wait is None else wait
        self._is_paced = any(device.settings.gap_ms for device in self.devices)
        for device in self.devices:
            device.attach(self._wait)

    def read(self, now_ns: int, deadline_ns: int) -> None:
        """Receive from all devices into the image; returns before ``deadline_ns`` (loop time)."""
        if self._has_time(deadline_ns):
            for device in self.devices:
                device.begin_read(now_ns)
            if self.while_waiting is not None:
                self.while_waiting()
            self._gather(deadline_ns)

    def write(self, now_ns: int, deadline_ns: int) -> None:
        """Send the values of all devices, then the heartbeats; returns before ``deadline_ns`` (loop time)."""
        if self._has_time(deadline_ns):
            for device in self.devices:
                device.begin_write(now_ns)
            self._gather(deadline_ns)

    def _has_time(self, deadline_ns: int) -> bool:
        # What has come since the last phase is late: taken off the sockets before new requests go out. With one
        # device of which nothing is known to be under way, that look costs more than it can find.
        if len(self.devices) > 1 or not self.devices[0].quiet:
            for device in self._wait.ready(0):
                device.on_ready()
        if self._now_ns() < deadline_ns:
            return True
        # A request that cannot be answered in time would count as silence of the device, and is none.
        for device in self.devices:
            device.skip_phase()
        return False

    def _gather(self, deadline_ns: int) -> None:
        now_ns = self._now_ns()
        busy = sum([device.busy for device in self.devices])
        while busy and now_ns < deadline_ns:
            wake_ns = self._next_wake_ns(deadline_ns) if self._is_paced else deadline_ns
            for device in self._wait.ready(_timeout_s(wake_ns - now_ns)):
                if self._now_ns() >= deadline_ns:
                    break
                busy -= device.on_ready()
            now_ns = self._now_ns()
            if self._is_paced:
                busy = self._pump_paced(now_ns)
        if busy:
            for device in self.devices:
                device.end_phase(now_ns)

    def _next_wake_ns(self, deadline_ns: int) -> int:
        return min([deadline_ns, *(device.wake_ns for device in self.devices if device.wake_ns)])

    def _pump_paced(self, now_ns: int) -> int:
        """Send what has waited for its pause to be over; gives how many devices are still busy."""
        for device in self.devices:
            if device.wake_ns:
                device.pump(now_ns)
        return sum([device.busy for device in self.devices])

    def counters(self) -> dict[str, int]:
        """Give every device's counters as ``device.counter``."""
        return {
            f"{device.name}.{counter}": count
            for device in self.devices
            for counter, count in device.counters().items()
        }

    def drain_events(self) -> list[tuple[int, str]]:
        """Give the events of all devices since the last call, as (loop time ns, ``device: text``)."""
        events = [
            (now_ns, f"{device.name}: {text}")
            for device in self.devices
            for now_ns, text in device.drain_events()
        ]
        return sorted(events)

    def force_writes(self) -> None:
        """Have the next :meth:`write` send every point, whatever its policy."""
        for device in self.devices:
            device.force_writes()

    def prove(self, timeout_s: float) -> None:
        """Prove all devices, one after the other; see :meth:`ModbusTcpDevice.prove`."""
        for device in self.devices:
            device.prove(timeout_s)

    def close(self) -> None:
        """Let go of every wire; may be called twice."""
        for device in self.devices:
            device.close()
        self._wait.close()


def _timeout_s(left_ns: int) -> float:
    # epoll rounds a wait up to whole milliseconds, which would overrun the deadline by up to one: whole ones first,
    # then the rest, which is waited for exactly.
    return (left_ns // _NS_PER_MS * _NS_PER_MS or max(left_ns, 0)) / 1e9
