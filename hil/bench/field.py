"""The field: a Modbus round trip, a rig's whole loop through a PLC, and 1 to 100 devices in one cycle."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hil.bench.result import Bench
from hil.config.points import Point, load_points
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.modbus.tcp import ModbusTcpDevice
from hil.devices.scan import Scan
from hil.devices.stand_in import RunningPlc, launch_cdu_plc
from hil.loop.clock import NS_PER_S, WallClock
from hil.loop.cycle import Cycle, CycleParts, CycleSettings, Sink, StopFlag
from hil.loop.events import EventLog
from hil.loop.histogram import Histogram
from hil.loop.image import Image, Signal
from hil.loop.lateness import CountedRows
from hil.loop.overrun import OverrunPolicy, OverrunSettings
from hil.rig import Wishes, load_rig
from hil.rig.latency import FieldTiming

DEVICES = (1, 10, 100)
READS, WRITES = 32, 8
_PLC_PERIOD_S, _MANY_PERIOD_S = 0.01, 0.1
_PROVE_S = 5.0
_REPLY_NS = NS_PER_S // 2


def bench_field(bench: Bench, seconds: float, rigs: Path, points: Path) -> None:
    """Measure for about ``seconds`` (s), on this machine's own network."""
    with launch_cdu_plc() as plc:
        kind = "C stub" if plc.kind == "c" else "Python stand-in"
        bench.told["field.server"] = f"{kind} ({plc.why})"
        _round_trip(bench, 0.15 * seconds, plc, points)
        _whole_loop(bench, 0.35 * seconds, plc, rigs / "cdu_plc_io.yaml")
    bench.told["devices.server"] = "Python stand-in, all devices in one process (hil.bench.many)"
    with _many_devices() as port:
        for count in DEVICES:
            _devices(bench, 0.5 * seconds / len(DEVICES), port, count)


def _settings(period_s: float, seconds: float) -> CycleSettings:
    period_ns = round(period_s * NS_PER_S)
    periods = max(round(seconds / period_s), 2)
    return CycleSettings(
        period_ns, periods * period_ns, period_ns * 4 // 10, period_ns * 4 // 10, is_virtual=False
    )


def _cycle(parts: CycleParts, clock: WallClock, settings: CycleSettings, sink: Sink) -> Cycle:
    return Cycle(parts, clock, settings, OverrunPolicy(OverrunSettings()), sink, EventLog(), StopFlag())


def _round_trip(bench: Bench, seconds: float, plc: RunningPlc, points: Path) -> None:
    """One request for one register, and its reply."""
    clock = WallClock()
    point = load_points(points).point("tcs_supply_temp_degc")
    assert point is not None
    image = Image([Signal(point.signal, point.unit, -1e3, 1e3, 0.0)])
    device = ModbusTcpDevice(
        "plc", ModbusTcpSettings(plc.host, plc.port), image, [(point, 0)], [], clock.now_ns
    )
    scan = Scan([device], clock.now_ns)
    times = Histogram()
    try:
        scan.prove(_PROVE_S)
        end_ns = clock.now_ns() + round(seconds * NS_PER_S)
        while (now_ns := clock.now_ns()) < end_ns:
            scan.read(now_ns, now_ns + _REPLY_NS)
            times.record(clock.now_ns() - now_ns)
    finally:
        scan.close()
    bench.keep("field.round_trip", times)


def _whole_loop(bench: Bench, seconds: float, plc: RunningPlc, rig_file: Path) -> None:
    """Run the rig ``cdu_plc_io`` at 10 ms: 10 values read, two PIDs, 8 values and a heartbeat written."""
    wishes = Wishes(overrides=(f"devices.plc.port={plc.port}", f"period_s={_PLC_PERIOD_S}"))
    rig, clock = load_rig(rig_file, wishes), WallClock()
    parts, bus = rig.build(EventLog(), clock.now_ns)
    assert bus is not None
    try:
        bus.prove(_PROVE_S)
        cycle = _cycle(parts, clock, _settings(_PLC_PERIOD_S, seconds), CountedRows())
        cycle.run()
    finally:
        bus.close()
    bench.keep("field.sensor_to_actuator", bus.timing.sensor_to_actuator)
    bench.keep("field.data_age", bus.timing.data_age)
    bench.keep("field.cycle", cycle.timing.cycle)
    bench.figures["field.period_us"] = 1e6 * _PLC_PERIOD_S
    bench.figures["field.overruns"] = cycle.overrun.overruns


@contextmanager
def _many_devices() -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "hil.bench.many"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        # It ends with this connection, and so with this process however that ends.
        with socket.create_connection(("127.0.0.1", port), _PROVE_S):
            yield port
        process.wait(timeout=_PROVE_S)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _device(number: int, port: int, image: Image, clock: WallClock) -> ModbusTcpDevice:
    reads, writes, beat = _points(number)
    return ModbusTcpDevice(
        f"d{number}", ModbusTcpSettings("127.0.0.1", port), image,
        [(point, image.index[point.signal]) for point in reads],
        [(point, image.index[point.signal]) for point in writes], clock.now_ns, beat,
    )  # fmt: skip


def _points(number: int) -> tuple[list[Point], list[Point], Point]:
    """Points read and written by device ``number``, and its heartbeat."""
    reads = [Point(f"d{number}_in_{n}", 1, "holding_register", n, "uint16", scale=0.1) for n in range(READS)]
    writes = [
        Point(f"d{number}_out_{n}", 1, "holding_register", READS + n, "uint16", scale=0.1, access="w",
              write="every_cycle")
        for n in range(WRITES)
    ]  # fmt: skip
    beat = Point(
        f"d{number}_beat", 1, "holding_register", READS + WRITES, "uint16", access="w", write="every_cycle"
    )
    return reads, writes, beat


class _Scanned:
    """The scan of many devices as the cycle wants it, timed as a rig's field bus."""

    def __init__(self, devices: list[ModbusTcpDevice], clock: WallClock, timing: FieldTiming) -> None:
        self.scan = Scan(devices, clock.now_ns)
        self._devices = devices
        self._clock = clock
        self.timing = timing

    def read(self, now_ns: int, deadline_ns: int) -> None:
        self.scan.read(now_ns, deadline_ns)

    def write(self, now_ns: int, deadline_ns: int, *, force: bool = False) -> None:
        if force:
            self.scan.force_writes()
        begun_ns = self._clock.now_ns()
        self.timing.at_use(now_ns, begun_ns)
        self.scan.write(now_ns, deadline_ns)
        self.timing.at_acknowledgement(max(device.last_write_ack_ns for device in self._devices))

    def counters(self) -> dict[str, int]:
        return self.scan.counters()

    def close(self) -> None:
        self.scan.close()


class _Meter(CountedRows):
    """Counts rows, and notes what was used when the first cycle was over: a run begins with a collection."""

    __slots__ = ("cpu_s", "wall_s")

    def push(self, now_ns: int) -> None:
        super().push(now_ns)
        if self.rows == 1:
            self.cpu_s, self.wall_s = time.process_time(), time.perf_counter()


def _devices(bench: Bench, seconds: float, port: int, count: int) -> None:
    """``count`` devices at 10 Hz: 32 registers read, 8 and a heartbeat written, each."""
    clock = WallClock()
    signals = []
    for number in range(count):
        reads, writes, _ = _points(number)
        signals += [Signal(p.signal, "1", 0.0, 6553.5, 0.0, max_age_ns=NS_PER_S) for p in reads]
        signals += [Signal(p.signal, "1", 0.0, 100.0, 0.0) for p in writes]
    image = Image(signals)
    received = [slot for slot, signal in enumerate(image.signals) if signal.max_age_ns]
    devices = [_device(number, port, image, clock) for number in range(count)]
    scanned = _Scanned(devices, clock, FieldTiming(image, received))
    try:
        scanned.scan.prove(_PROVE_S)
        settings = _settings(_MANY_PERIOD_S, seconds)
        meter = _Meter()
        cycle = _cycle(CycleParts(image, devices=(scanned,)), clock, settings, meter)
        cycle.run()
        cpu_s, wall_s = time.process_time() - meter.cpu_s, time.perf_counter() - meter.wall_s
    finally:
        scanned.close()
    bench.keep(f"devices.{count}.cycle", cycle.timing.cycle)
    bench.keep(f"devices.{count}.sensor_to_actuator", scanned.timing.sensor_to_actuator)
    counters = scanned.counters()
    bench.figures |= {
        f"devices.{count}.cpu_share": cpu_s / wall_s,
        f"devices.{count}.cpu_per_device_us": 1e6 * cpu_s / (cycle.cycles - 1) / count,
        f"devices.{count}.overruns": cycle.overrun.overruns,
        f"devices.{count}.timeouts": sum(n for name, n in counters.items() if name.endswith(".timeouts")),
    }
