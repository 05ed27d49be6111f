"""The process that serves one line: port, master and bridge put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hil.devices.bridge import Orders, Port, Stage, serve
from hil.devices.events import Events
from hil.devices.rtu.commands import Failing
from hil.devices.rtu.master import Master
from hil.devices.rtu.settings import COUNTERS, BusSettings, StationSettings
from hil.devices.rtu.station import Station
from hil.devices.rtu.wires import Wire, open_wire
from hil.loop.image import Image
from hil.loop.machine_time import machine_ns

_FIRST_RETRY_NS = 200_000_000
_LONGEST_RETRY_NS = 5_000_000_000


@dataclass(frozen=True, slots=True)
class RtuSpec:
    """What makes the servant of a line; see :class:`hil.devices.bridge.ServantSpec`."""

    bus: BusSettings
    stations: tuple[StationSettings, ...]

    @property
    def counters(self) -> tuple[str, ...]:
        """Names of what it counts."""
        return COUNTERS

    def run(self, port: Port) -> None:
        """Serve until the loop's end."""
        serve(port, RtuServant(port, self))


def make_master(
    spec: RtuSpec,
    image: Image,
    counts: dict[str, int],
    events: Events,
    send: Callable[[bytes], bool],
    now_ns: int,
) -> Master:
    """Make the master of a line with all its units."""
    failing: dict[str, Failing] = {}
    stations = [
        Station(
            station, spec.bus, image, failing.setdefault(station.device, Failing()), counts, events, now_ns
        )
        for station in spec.stations
    ]
    return Master(spec.bus, stations, image, counts, events, send)


class RtuServant:
    """Serves a line until the loop's end; opens its port anew whenever it is lost.

    Parameters
    ----------
    port : Port
        The bridge's.
    spec : RtuSpec
        Line and units.
    opener : callable
        Opens the line; OSError where it cannot.
    now_ns : callable
        The machine's clock, ns.
    """

    def __init__(
        self,
        port: Port,
        spec: RtuSpec,
        opener: Callable[[BusSettings], Wire] = open_wire,
        now_ns: Callable[[], int] = machine_ns,
    ) -> None:
        self._port, self._spec, self._opener, self._now_ns = port, spec, opener, now_ns
        self._events = Events()
        self._wire: Wire | None = None
        self._retry_ns = self._number = 0
        self._retry_wait_ns = _FIRST_RETRY_NS
        self._master = make_master(spec, port.image, port.counts, self._events, self._send, now_ns())

    def work(self, orders: Orders, until_ns: int) -> None:
        """See :class:`hil.devices.bridge.Servant`."""
        now_ns = self._now_ns()
        if self._wire is None and now_ns >= self._retry_ns:
            self._open(now_ns)
        # What came behind an answer must not meet the next question.
        self._receive()
        self._master.order(orders)
        self._count_offline(orders)
        wake_ns = min(self._step(now_ns), until_ns) if self._wire is not None else until_ns
        if orders.stage in (Stage.LAST, Stage.FAILSAFE) and self._master.has_done:
            self._port.done()
        self._tell()
        self._wait((wake_ns - now_ns) / 1e9)

    def _count_offline(self, orders: Orders) -> None:
        """Count orders that find no line: what is on change goes out with those that follow."""
        if orders.number != self._number:
            self._number = orders.number
            if self._wire is None and orders.stage is Stage.GO:
                self._port.counts["writes_offline"] += 1

    def _step(self, now_ns: int) -> int:
        """Send and receive what there is; gives when there is something to be done again."""
        while True:
            wake_ns = self._master.step(now_ns)
            if wake_ns > now_ns or self._wire is None:
                break
        if self._wire is None:
            self._lose(now_ns)
        return wake_ns

    def _wait(self, timeout_s: float) -> None:
        wire = self._wire
        if wire is None:
            self._port.wait(timeout_s)
            return
        wire.wait(timeout_s, self._port.wake_fileno)
        self._receive()

    def _receive(self) -> None:
        if self._wire is None:
            return
        data = self._wire.receive()
        # Stamped after the bytes are in hand.
        now_ns = self._now_ns()
        if data is None:
            self._lose(now_ns)
        elif data:
            self._master.received(data, now_ns)

    def _send(self, data: bytes) -> bool:
        if self._wire is not None and self._wire.send(data):
            return True
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
        return False

    def _open(self, now_ns: int) -> None:
        counts = self._port.counts
        try:
            self._wire = self._opener(self._spec.bus)
        except OSError as error:
            counts["connect_failures"] += 1
            if self._retry_wait_ns == _FIRST_RETRY_NS:
                self._events.add(
                    now_ns, f"cannot open {self._spec.bus.port}: {error.strerror or error}; trying on"
                )
            self._wait_longer(now_ns)
            return
        again = counts["connections"] > 0
        counts["connections"] += 1
        counts["reconnections"] += again
        self._events.add(now_ns, f"{self._spec.bus.port} {'opened again' if again else 'open'}")
        self._retry_wait_ns = _FIRST_RETRY_NS
        self._master.opened(now_ns)

    def _lose(self, now_ns: int) -> None:
        self._port.counts["connections_lost"] += 1
        self._events.add(now_ns, f"lost {self._spec.bus.port}")
        if self._wire is not None:
            self._wire.close()
        self._wire = None
        self._master.closed(now_ns)
        self._wait_longer(now_ns)

    def _wait_longer(self, now_ns: int) -> None:
        self._retry_ns = now_ns + self._retry_wait_ns
        self._retry_wait_ns = min(2 * self._retry_wait_ns, _LONGEST_RETRY_NS)

    def _tell(self) -> None:
        for _, text in self._events.drain():
            self._port.event(text)

    def close(self) -> None:
        """Let go of the line."""
        if self._wire is not None:
            self._wire.close()
        self._wire = None
