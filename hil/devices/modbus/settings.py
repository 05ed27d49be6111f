"""How to talk to one Modbus TCP device, and what is counted while doing so."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hil.devices.wire.coalesce import Limits


@dataclass(frozen=True, slots=True)
class ModbusTcpSettings:
    """Settings of one connection. Unit ids stand with the points.

    Attributes
    ----------
    host, port : str, int
        Where the device listens.
    max_registers, max_bits, max_gap_registers : int
        As in :class:`hil.devices.wire.coalesce.Limits`.
    gap_ms : float
        Shortest time from one reply (or request) to the next request, ms; some devices need 25.
    max_in_flight : int
        Most requests awaiting their reply at a time.
    max_timeouts : int
        Consecutive time-outs after which the connection is dropped and made anew.
    connect_timeout_s : float
        Time after which an attempt to connect is given up, s.
    reply_timeout_s : float
        Time allowed to a reply in the start-up proof, s. In the loop the phase's deadline counts.
    backoff_min_s, backoff_max_s : float
        First and longest wait between attempts to connect, s; doubled from one to the next.
    probe_s : float
        How often a refused point is asked again, s.
    single_write_functions : bool
        Write each register by function 6 and each coil by 5, for devices that know no other.
    heartbeat_joined : bool
        Write the heartbeat in the same request as the values, last, where its register follows theirs.
    period_s : float
        Of the loop, s: where the first read of all points in the start-up proof outlasts it, four more are timed.
    seed : int
        Of the jitter on the back-off, so that equal runs are equal.
    """

    host: str
    port: int = 502
    max_registers: int = 125
    max_bits: int = 2000
    max_gap_registers: int = 0
    gap_ms: float = 0.0
    max_in_flight: int = 1
    max_timeouts: int = 3
    connect_timeout_s: float = 1.0
    reply_timeout_s: float = 1.0
    backoff_min_s: float = 0.1
    backoff_max_s: float = 5.0
    probe_s: float = 30.0
    single_write_functions: bool = False
    heartbeat_joined: bool = True
    period_s: float = math.inf
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("port", 1, 65535),
            ("max_registers", 1, 125),
            ("max_bits", 1, 2000),
            ("max_gap_registers", 0, 124),
            ("max_in_flight", 1, 16),
            ("max_timeouts", 1, 1000),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} {value} is outside {low} to {high}")

    @property
    def limits(self) -> Limits:
        """What a request may hold."""
        return Limits(self.max_registers, self.max_bits, self.max_gap_registers)

    @property
    def address(self) -> str:
        """Host and port for messages."""
        return f"{self.host}:{self.port}"


RULE_COUNTERS = (
    "writes_held_by_interval",
    "writes_held_by_budget",
    "writes_exempted",
    "writes_verified",
    "writes_recovered",
    "writes_ignored",
    "writes_reverted",
    "writes_foreign",
    "writes_rewritten",
    "readbacks_refused",
)
"""Counters of written points with rules (``hil.config.point_rules``)."""

COUNTERS = (
    "requests",
    "replies",
    "timeouts",
    "late_replies",
    "wrong_transaction",
    "mismatched_replies",
    "exception_replies",
    "blocks_split",
    "points_refused",
    "requests_unsent",
    "phases_without_time",
    "framing_errors",
    "connections",
    "reconnections",
    "connections_lost",
    "connect_failures",
    "values_rejected",
    "writes_sent",
    "writes_acknowledged",
    "writes_unacknowledged",
    "writes_refused_by_peer",
    "writes_refused",
    "writes_offline",
    *RULE_COUNTERS,
    "heartbeats_sent",
    "heartbeats_unacknowledged",
    "heartbeats_withheld",
    "events_dropped",
)
"""Names of all counters of a device; each starts at 0, so that none appears halfway through a run."""
