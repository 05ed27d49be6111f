"""The Python side of the field benchmarks: a whole cycle over Modbus TCP, in a process of its own.

``python field_cycle.py RATE_HZ CYCLES apart|joined plain|rehearsed PORT...`` runs ``hil.loop.cycle.Cycle`` with a
device a port: read 32 registers, two PI controllers, eight limiters, write 8 registers, heartbeat (in the register that
follows them: joined; one further on: apart). Controllers and limiters are there for the first device only, unless one
alone is given. Rehearsed is the rig key ``realtime.rehearse``. Prints one line of JSON, times in us.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from typing import Any

from controller import PID, Limiter
from hil.config.points import Point
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.modbus.tcp import ModbusTcpDevice
from hil.devices.rehearsal import REHEARSE_NS, Rehearsal
from hil.devices.scan import Scan
from hil.loop.clock import NS_PER_S, WallClock
from hil.loop.control import PidBlock
from hil.loop.cycle import Cycle, CycleParts, CycleSettings, StopFlag
from hil.loop.events import EventLog
from hil.loop.histogram import Histogram
from hil.loop.image import GOOD, Image, Signal
from hil.loop.output import OutputStage
from hil.loop.overrun import OverrunPolicy, OverrunSettings

READ_COUNT, OUTPUTS, COMMANDS, MEASURED, LOOPS = 32, 8, 32, 1, 2  # as in field_c/cycle.c
SCALE = 0.1
RATE_PER_S = 50.0
SETPOINT = 50.0
WARM_UP = 50


class Scanned:
    """The scan as the cycle wants it; notes after each write when the cycle had its last acknowledgement."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan

    def read(self, now_ns: int, deadline_ns: int) -> None:
        self.scan.read(now_ns, deadline_ns)

    def write(self, now_ns: int, deadline_ns: int, *, force: bool = False) -> None:
        if force:
            self.scan.force_writes()
        self.scan.write(now_ns, deadline_ns)

    def counters(self) -> dict[str, int]:
        return self.scan.counters()

    def close(self) -> None:
        self.scan.close()


class WarmUp:
    """The sink: takes the rows, and lets the statistics and the meter of CPU begin after the first ones."""

    def __init__(self) -> None:
        self.rows = 0
        self.cycle: Cycle | None = None
        self.cpu_s = self.wall_s = 0.0

    def push(self, now_ns: int) -> None:
        self.rows += 1
        if self.rows == WARM_UP and self.cycle is not None:
            self.cycle.timing.cycle = Histogram()
            self.cycle.timing.lateness = Histogram()
            self.cpu_s, self.wall_s = time.process_time(), time.perf_counter()


def points_of(number: int, heartbeat: str) -> tuple[list[Point], list[Point], Point]:
    """Points read and written by device ``number``, and its heartbeat."""
    reads = [
        Point(f"d{number}_in_{n}", 1, "holding_register", n, "uint16", scale=SCALE) for n in range(READ_COUNT)
    ]
    writes = [
        Point(f"d{number}_out_{n}", 1, "holding_register", COMMANDS + n, "uint16", scale=SCALE, access="w",
              write="every_cycle")
        for n in range(OUTPUTS)
    ]  # fmt: skip
    address = COMMANDS + OUTPUTS + (heartbeat == "apart")
    beat = Point(f"d{number}_beat", 1, "holding_register", address, "uint16", access="w", write="every_cycle")
    return reads, writes, beat


def image_of(devices: int, points: list[tuple[list[Point], list[Point], Point]]) -> Image:
    signals = [Signal("setpoint", "1", 0.0, 100.0, SETPOINT, initial=SETPOINT)]
    for reads, writes, _ in points:
        signals += [Signal(p.signal, "1", 0.0, 6553.5, 0.0, max_age_ns=NS_PER_S) for p in reads]
        signals += [Signal(p.signal, "1", 0.0, 100.0, 0.0, initial=10.0 * n) for n, p in enumerate(writes)]
    image = Image(signals)
    image.quality[0] = GOOD
    assert len(points) == devices
    return image


def device_of(
    number: int, port: int, image: Image, points: tuple[list[Point], list[Point], Point], clock: WallClock
) -> ModbusTcpDevice:
    reads, writes, beat = points
    device = ModbusTcpDevice(
        f"d{number}", ModbusTcpSettings("127.0.0.1", port, max_timeouts=1000), image,
        [(point, image.index[point.signal]) for point in reads],
        [(point, image.index[point.signal]) for point in writes], clock.now_ns, beat,
    )  # fmt: skip
    connection = socket.create_connection(("127.0.0.1", port))
    device._link.aim((socket.AF_INET, ("127.0.0.1", port)))
    device.adopt(connection)
    return device


def stages_of(image: Image) -> tuple[list[PidBlock], list[OutputStage]]:
    """Eight limited outputs of the first device, the first two under PI control."""
    stages = [
        OutputStage(image, image.index[f"d0_out_{n}"],
                    Limiter(0.0, 100.0, 0.0, RATE_PER_S, RATE_PER_S, initial=10.0 * n))
        for n in range(OUTPUTS)
    ]  # fmt: skip
    blocks = [
        PidBlock(f"pi_{n}", image, PID.ideal(0.5, 0.2, output_low=0.0, output_high=100.0), stages[n],
                 setpoint=0, measured=image.index[f"d0_in_{MEASURED + n}"])
        for n in range(LOOPS)
    ]  # fmt: skip
    return blocks, stages


def run(rate_hz: float, cycles: int, heartbeat: str, rehearse: str, ports: list[int]) -> dict[str, Any]:
    clock = WallClock()
    points = [points_of(number, heartbeat) for number in range(len(ports))]
    image = image_of(len(ports), points)
    scan = Scan([device_of(n, port, image, points[n], clock) for n, port in enumerate(ports)], clock.now_ns)
    if rehearse == "rehearsed":
        scan.while_waiting = clock.rehearse = Rehearsal().run
        clock.rehearse_ns = REHEARSE_NS
    blocks, stages = stages_of(image)
    period_ns = round(NS_PER_S / rate_hz)
    settings = CycleSettings(
        period_ns=period_ns, duration_ns=(cycles + WARM_UP) * period_ns, read_budget_ns=period_ns * 4 // 10,
        write_budget_ns=period_ns * 4 // 10, is_virtual=False,
    )  # fmt: skip
    sink = WarmUp()
    parts = CycleParts(image, devices=[Scanned(scan)], controllers=blocks, outputs=stages)
    policy = OverrunPolicy(OverrunSettings())
    sink.cycle = Cycle(parts, clock, settings, policy, sink, EventLog(), StopFlag())
    sink.cycle.run()
    cpu_s, wall_s = time.process_time() - sink.cpu_s, time.perf_counter() - sink.wall_s
    counters = scan.counters()
    scan.close()
    timing = sink.cycle.timing
    return {
        **{f"{name}_{share}_us": histogram.percentile(q) / 1e3
           for name, histogram in (("cycle", timing.cycle), ("late", timing.lateness))
           for share, q in (("p50", 0.5), ("p99", 0.99))},
        "cycles": sink.cycle.cycles,
        "overruns": policy.overruns,
        "skipped_periods": policy.skipped_periods,
        "cpu_share": cpu_s / wall_s,
        "cpu_per_device_us": 1e6 * cpu_s / (sink.cycle.cycles - WARM_UP) / len(ports),
        "measured": image.values[image.index[f"d0_in_{MEASURED}"]],
        "counters": {name: sum(count for key, count in counters.items() if key.endswith("." + name))
                     for name in ("replies", "requests", "timeouts", "requests_unsent", "heartbeats_sent",
                                  "heartbeats_withheld", "values_rejected")},
    }  # fmt: skip


if __name__ == "__main__":
    figures = run(
        float(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], [int(port) for port in sys.argv[5:]]
    )
    sys.stdout.write(json.dumps(figures) + "\n")
