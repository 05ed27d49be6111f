"""Bus faults: actions of a schedule that put the proxy's faults in force and out of it."""

from __future__ import annotations

from hil.faults.proxy.fate import BusFault
from hil.faults.proxy.running import ProxyProcess
from hil.loop.clock import NS_PER_S
from hil.loop.events import EventLog


class BusSwitch:
    """Switches one fault of the bus to one device; it costs the loop one store."""

    def __init__(
        self, device: str, number: int, fault: BusFault, proxy: ProxyProcess, events: EventLog
    ) -> None:
        """Prepare; ``fault`` is the ``number``-th of ``device`` in the proxy's plan."""
        self._device = device
        self._number = number
        self._text = in_words(fault)
        self._proxy = proxy
        self._events = events

    def on(self, now_ns: int) -> None:
        """Begin."""
        self._proxy.switch(self._device, self._number, on=True)
        self._events.emit(now_ns / NS_PER_S, "fault_start", self._device, f"bus: {self._text}")

    def off(self, now_ns: int) -> None:
        """End."""
        self._proxy.switch(self._device, self._number, on=False)
        self._events.emit(now_ns / NS_PER_S, "fault_end", self._device, f"bus: {self._text}")


def in_words(fault: BusFault) -> str:
    """Name a fault for a person, with its figures."""
    figures = {
        "delay": f" by {fault.delay_s:g} s",
        "jitter": f" up to {fault.delay_s:g} s",
        "late": f" by {fault.delay_s:g} s",
        "byte_at_a_time": f", {fault.delay_s:g} s apart",
        "corrupt": f", {fault.bits} bits of the {'frame' if fault.part == 'any' else fault.part}",
        "exception": f" {fault.code}",
    }
    frames = "requests" if fault.direction == "request" or fault.kind == "exception" else "replies"
    share = f", {100 * fault.probability:g} % of the {frames}"
    return f"{fault.kind.replace('_', ' ')}{figures.get(fault.kind, '')}{share}"
