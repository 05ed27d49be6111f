"""How to talk on one serial bus and to the units on it, and what is counted while doing so."""

from __future__ import annotations

from dataclasses import dataclass

from hil.config.points import Point
from hil.devices.modbus.settings import COUNTERS as MODBUS_COUNTERS
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.wire.rtu_frames import character_ns, silence_ns

GATEWAY = "tcp://"
"""A port that begins so is a gateway that passes RTU frames on: ``tcp://host:port``."""
LATE_FACTOR = 3.0
"""Reply time-outs for which a reply may still come, where nothing else is given."""


@dataclass(frozen=True, slots=True)
class BusSettings:
    """One line.

    Attributes
    ----------
    port : str
        ``/dev/ttyUSB0``, ``/dev/serial/by-id/...``, ``COM3``, or ``tcp://host:port`` for a gateway.
    baud : int
        Of the line itself, behind a gateway too: the load is reckoned with it.
    parity : {"even", "odd", "none"}
        Even is the standard's default.
    stop_bits : int
        1 or 2.
    reply_timeout_s : float
        From the end of a request to the end of the reply, its own time on the wire not counted, s.
    late_reply_s : float
        How long after its request a reply may still come, s. Until then a unit that owes one is not believed.
    scan_s : float
        Cycle of the bus: points of class 1 are asked for this often, s.
    background_s : float
        Longest time between two reads of a background point, s, while the bus has room.
    broadcast_turnaround_s : float
        Pause after a request to all units (unit id 0), which none answers, s.
    local_echo : bool
        Whether the adapter hears what it sends.
    quarantine : bool
        False lets every time-out pass as if nothing could come late. For tests only: it gives wrong values.
    patience_s : float
        Longest pause inside a frame that adapter and system may make, s.
    """

    port: str
    baud: int = 19_200
    parity: str = "even"
    stop_bits: int = 1
    reply_timeout_s: float = 0.3
    late_reply_s: float = 0.9
    scan_s: float = 0.1
    background_s: float = 60.0
    broadcast_turnaround_s: float = 0.1
    local_echo: bool = False
    quarantine: bool = True
    patience_s: float = 0.02

    @property
    def silence_ns(self) -> int:
        """Least silence between two frames, ns."""
        return silence_ns(self.baud)

    @property
    def patience_ns(self) -> int:
        """Silence that ends a frame for certain, ns."""
        return max(round(self.patience_s * 1e9), 2 * self.silence_ns)

    def wire_ns(self, n_bytes: int) -> int:
        """Time of so many bytes on the line, ns."""
        return round(n_bytes * character_ns(self.baud))

    @property
    def in_words(self) -> str:
        """Parameters as people write them: ``19200 baud, 8E1``."""
        return f"{self.baud} baud, 8{self.parity[:1].upper()}{self.stop_bits}"


@dataclass(frozen=True, slots=True)
class PolledPoint:
    """A point to be read.

    Attributes
    ----------
    point : Point
        As listed.
    slot : int
        Of its signal in the servant's image.
    every : int
        Scans from one read to the next; 0: in the background.
    """

    point: Point
    slot: int
    every: int = 1


@dataclass(frozen=True, slots=True)
class StationSettings:
    """One unit on the line, as one device of a rig uses it.

    Attributes
    ----------
    device : str
        Name of the device in the rig; its units have it in common.
    unit_id : int
        1 to 247; 0 writes to all units at once and reads none.
    reads : tuple of PolledPoint
        What is read.
    writes : tuple of (Point, int)
        What is written, with slots in the servant's image.
    heartbeat : Point or None
        Counts up after each complete write of the device.
    limits : ModbusTcpSettings
        What a request may hold; host and port stand for nothing here.
    gap_s : float
        Least pause from anything to or from the unit to its next request, s.
    write_pause_s : float
        The same after a write, s.
    """

    device: str
    unit_id: int
    reads: tuple[PolledPoint, ...]
    writes: tuple[tuple[Point, int], ...]
    heartbeat: Point | None
    limits: ModbusTcpSettings
    gap_s: float = 0.0
    write_pause_s: float = 0.0


COUNTERS = (
    *(
        name
        for name in MODBUS_COUNTERS
        if name not in ("wrong_transaction", "phases_without_time", "events_dropped", "heartbeats_withheld")
    ),
    "bad_frames",
    "quarantines",
    "canaries",
    "canaries_unanswered",
    "trust_regained",
    "points_marked",
    "polls_skipped",
    "broadcasts",
    "heartbeats_withheld",
)
"""Names of all counters of a bus. ``connections`` and the like count the port's openings; ``mismatched_replies`` are
frames that nobody asked for; ``quarantines`` units that fell into doubt; ``points_marked`` values marked STALE because
their request was not answered; ``polls_skipped`` reads that fell out because the bus had no time for them."""
