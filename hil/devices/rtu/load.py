"""How much of a line's time its points take: reckoned from baud rate, bytes and pauses, before anything is sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from hil.config.points import Point
from hil.devices.modbus.exchange import write_function
from hil.devices.rtu.settings import BusSettings, StationSettings
from hil.devices.wire.coalesce import Block, coalesce_reads, coalesce_writes
from hil.devices.wire.codec import BIT_FUNCTIONS, READ_FUNCTIONS, SINGLE_WRITES
from hil.devices.wire.rtu_frames import CRC_BYTES

_REQUEST_BYTES = 6 + CRC_BYTES


@dataclass(frozen=True, slots=True)
class Load:
    """Time of the line that one scan takes, s.

    Attributes
    ----------
    reads_s : float
        Reads of every scan, and the share of the slower ones.
    must_s : float
        Writes that go out in every cycle of the loop, and heartbeats.
    may_s : float
        Writes on change, if all of them change in every cycle.
    requests : float
        Requests a scan, without those on change.
    longest_s : float
        The longest request with its reply: a command waits for at most this.
    """

    reads_s: float
    must_s: float
    may_s: float
    requests: float
    longest_s: float


def exchange_s(
    bus: BusSettings, function: int, count: int, unit_delay_s: float, pause_s: float = 0.0
) -> float:
    """Time of a request and its reply on the line, with what is silent before and between, s."""
    data = (count + 7) // 8 if function in BIT_FUNCTIONS else 2 * count
    if function in READ_FUNCTIONS:
        n_bytes = _REQUEST_BYTES + 3 + data + CRC_BYTES
    elif function in SINGLE_WRITES:
        n_bytes = 2 * _REQUEST_BYTES
    else:
        n_bytes = _REQUEST_BYTES + 1 + data + _REQUEST_BYTES
    silences_ns = 2 * bus.silence_ns + bus.wire_ns(n_bytes)
    return silences_ns / 1e9 + unit_delay_s + max(0.0, pause_s - bus.silence_ns / 1e9)


def reckon(
    bus: BusSettings, stations: Sequence[StationSettings], period_s: float, unit_delay_s: float
) -> Load:
    """Reckon the load of a line whose loop has a cycle of ``period_s``; each unit begins its answer after a delay."""
    reads_s = must_s = may_s = requests = longest_s = 0.0
    cycles = bus.scan_s / period_s
    for station in stations:
        for every, block in _read_blocks(station):
            took_s = exchange_s(bus, block.function, block.count, unit_delay_s, station.gap_s)
            share = 1.0 / every if every else bus.scan_s / bus.background_s
            reads_s += took_s * share
            requests += share
            longest_s = max(longest_s, took_s)
        pause_s = max(station.gap_s, station.write_pause_s)
        points = [point for point, _ in station.writes]
        for block in coalesce_writes(points, station.limits.limits):
            took_s = _write_s(bus, station, block, points, unit_delay_s, pause_s)
            longest_s = max(longest_s, took_s)
            if any(points[member].write == "every_cycle" for member in block.members):
                must_s += took_s * cycles
                requests += cycles
            else:
                may_s += took_s * cycles
        if station.heartbeat is not None:
            must_s += exchange_s(bus, 16, 1, unit_delay_s, pause_s) * cycles
            requests += cycles
    return Load(reads_s, must_s, may_s, requests, longest_s)


def _write_s(
    bus: BusSettings, station: StationSettings, block: Block, points: Sequence[Point], unit_delay_s: float,
    pause_s: float,
) -> float:  # fmt: skip
    if station.unit_id == 0:
        unit_delay_s = bus.broadcast_turnaround_s
    if not station.limits.single_write_functions:
        return exchange_s(bus, block.function, block.count, unit_delay_s, pause_s)
    function = write_function(points[block.members[0]].table, 1, single=True)
    return len(block.cells) * exchange_s(bus, function, 1, unit_delay_s, pause_s)


def _read_blocks(station: StationSettings) -> list[tuple[int, Block]]:
    classes: dict[int, list[Point]] = defaultdict(list)
    for polled in station.reads:
        classes[polled.every].append(polled.point)
    limits = station.limits.limits
    return [(every, block) for every, points in classes.items() for block in coalesce_reads(points, limits)]
