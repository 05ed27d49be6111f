"""From the rig's ``devices`` to devices on a wire."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from hil.config.buses import ModbusRtuConfig
from hil.config.mqtt import MqttConfig
from hil.config.nearest import did_you_mean
from hil.config.point_rules import unheeded_problems
from hil.config.points import Point, PointList, check_against, coarse_points, load_points
from hil.config.schema import DeviceConfig, ModbusTcpConfig
from hil.config.sunspec import SunSpecConfig
from hil.devices.bridge import BridgedDevice
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.modbus.tcp import ModbusTcpDevice
from hil.devices.scan import Scan
from hil.devices.write_record import NotTaken
from hil.errors import ConfigError, Problem
from hil.loop.clock import NS_PER_S
from hil.loop.events import EventLog
from hil.loop.image import Image
from hil.rig.draft import Draft
from hil.rig.latency import FieldTiming, used_slots
from hil.rig.proxy import BusFaults
from hil.rig.ranges import signal_ranges
from hil.rig.sunspec import make_sunspec, select_sunspec
from hil.rig.written import WrittenDevices, bridged_not_taken

_WORD_BITS, _FIRST_RETRY_S = 16, 0.1


@dataclass(frozen=True, slots=True)
class Selected:
    """The points of one device that the rig uses."""

    reads: tuple[Point, ...]
    writes: tuple[Point, ...]
    heartbeat: Point | None


def select_points(draft: Draft) -> dict[str, Selected]:
    """Read every device's point list and pick what the rig names; what does not fit is a problem of the draft."""
    lists: dict[str, PointList] = {}
    return {
        name: selected
        for name, config in draft.config.devices.items()
        if (selected := _select(draft, name, config, lists)) is not None
    }


class Bridged(Protocol):
    """A part of the rig whose wire is served by a process of its own.

    Attributes
    ----------
    kind : str
        Source of its events, for example ``modbus_rtu``.
    device : BridgedDevice
        The loop's side of it.
    """

    kind: str
    device: BridgedDevice

    def prove(self, timeout_s: float) -> None:
        """Find what is wrong, then start the process, before the loop; ``DeviceError`` says what to do."""
        ...


def _select(draft: Draft, name: str, config: DeviceConfig, lists: dict[str, PointList]) -> Selected | None:
    if isinstance(config, SunSpecConfig):
        return Selected(select_sunspec(draft, name, config), (), None)
    if isinstance(config, MqttConfig):
        return None
    path = ("devices", name)
    file = Path(os.path.normpath(draft.folder / config.points))
    key = str(file)
    try:
        if key not in lists:
            lists[key] = load_points(file)
    except ConfigError as error:
        for problem in error.problems:
            missing = problem.line is None
            where = draft.document.problem((*path, "points"), f"{problem.file}: {problem.what}", problem.hint)
            draft.problems.append(where if missing else problem)
        # Or else every signal of the device would seem to have no writer.
        for signal in config.read:
            draft.writes(signal, (*path, "read"), f"devices.{name}")
        return None
    points = lists[key]
    if config.prefix:
        points = points.with_prefix(config.prefix)
    if isinstance(config, ModbusRtuConfig) and config.unit_id is not None:
        unit_id = config.unit_id
        points = replace(points, points=tuple(_of_unit(point, unit_id) for point in points.points))
    reads = [
        point
        for n, s in enumerate(config.read)
        if (point := _point(draft, points, s, (*path, "read", n), "r"))
    ]
    writes = [
        point
        for n, s in enumerate(config.write)
        if (point := _point(draft, points, s, (*path, "write", n), "w"))
    ]
    for number, signal in enumerate(config.read):
        draft.writes(signal, (*path, "read", number), f"devices.{name}")
    for number, signal in enumerate(config.write):
        draft.reads(signal, (*path, "write", number), f"devices.{name}")
    _check_lists(draft, name, config)
    heartbeat = (
        _point(draft, points, config.heartbeat, (*path, "heartbeat"), "w") if config.heartbeat else None
    )
    if heartbeat is not None:
        _check_heartbeat(draft, name, config, heartbeat)
    _check_words(draft, name, writes, points)
    _check_fit(draft, [*reads, *writes])
    draft.problems += unheeded_problems(writes, has_heartbeat=heartbeat is not None)
    return Selected(tuple(reads), tuple(writes), heartbeat)


def _of_unit(point: Point, unit_id: int) -> Point:
    """Give a point of a list that several units share as that of one of them."""
    feedback = point.feedback
    return replace(
        point, unit_id=unit_id, feedback=None if feedback is None else replace(feedback, unit_id=unit_id)
    )


def _check_lists(draft: Draft, name: str, config: ModbusTcpConfig | ModbusRtuConfig) -> None:
    """Refuse a signal that is written twice, or read and written: what is sent must not be what just came in."""
    for number, signal in enumerate(config.write):
        path = ("devices", name, "write", number)
        if signal in config.write[:number]:
            first = draft.document.line("devices", name, "write", config.write.index(signal))
            draft.refuse(path, f"device {name} writes {signal} twice (first on line {first})", "take one out")
        if signal in config.read:
            line = draft.document.line("devices", name, "read", config.read.index(signal))
            what = f"device {name} writes {signal} and reads it into the same signal (line {line})"
            draft.refuse(path, what, "read the answer into a signal, and a point, of its own")


def _check_words(draft: Draft, name: str, writes: Sequence[Point], points: PointList) -> None:
    """Refuse to write a bit of a register whose other listed bits the rig does not write.

    A register is written whole: those bits would be cleared, though the rig promises to leave them alone.
    """
    written = {point.signal for point in writes}
    told: set[tuple[int, int]] = set()
    for point in writes:
        word = (point.unit_id, point.address)
        if point.bit is None or point.table != "holding_register" or word in told:
            continue
        told.add(word)
        listed = [
            other
            for other in points.points
            if (other.unit_id, other.address) == word and other.table == point.table and other.bit is not None
        ]
        path = ("devices", name, "write", list(draft.config.devices[name].write).index(point.signal))
        where = f"{point.signal} is bit {point.bit} of a register ({point.file}:{point.line}) that is written whole"
        left = [other for other in listed if other.signal not in written]
        if left:
            names = ", ".join(f"{other.signal} (bit {other.bit}, line {other.line})" for other in left)
            what = f"{where}: writing it would clear {names}"
            draft.refuse(
                path, what, "write all listed bits of the register, or have the PLC take this one in a coil"
            )
        elif len(listed) < _WORD_BITS:
            draft.warn(
                path, f"{where}: its {_WORD_BITS - len(listed)} bits that are not listed are written 0"
            )


def _check_heartbeat(
    draft: Draft, name: str, config: ModbusTcpConfig | ModbusRtuConfig, point: Point
) -> None:
    path, where = ("devices", name, "heartbeat"), f"{point.file}:{point.line}"
    if point.table != "holding_register" or point.type != "uint16":
        bit = "" if point.bit is None else f" bit {point.bit}"
        what = f"heartbeat {point.signal} is of type {point.type} in the table {point.table}{bit} ({where})"
        draft.refuse(path, what, "a heartbeat counts in a uint16 holding_register")
    if point.signal in (*config.read, *config.write):
        what = f"heartbeat {point.signal} is also under {'read' if point.signal in config.read else 'write'}"
        draft.refuse(path, what, "the device writes its heartbeat by itself: take it out there")


def _point(
    draft: Draft, points: PointList, signal: str, path: tuple[str | int, ...], access: str
) -> Point | None:
    point = points.point(signal)
    if point is None:
        near = did_you_mean(signal, [p.signal for p in points.points])
        draft.refuse(path, f"{points.file} has no point for the signal {signal!r}", near)
        return None
    if access not in point.access:
        verb = "written" if access == "w" else "read"
        what = f"{signal} cannot be {verb}: its access is {point.access!r} at {points.file}:{point.line}"
        draft.refuse(path, what, "name another point, or change its access if the device allows it")
        return None
    return point


def _check_fit(draft: Draft, points: list[Point]) -> None:
    ranges = signal_ranges(draft.config)
    draft.problems += check_against(points, ranges)
    draft.warnings += coarse_points(points, ranges)


def make_devices(
    draft: Draft,
    selected: Mapping[str, Selected],
    image: Image,
    now_ns: Callable[[], int],
    events: EventLog,
    bus_faults: BusFaults | None = None,
    bridged: Sequence[Bridged] = (),
) -> FieldBus | None:
    """Make every device, not yet connected; ``now_ns`` is the loop's clock. None where the rig has no device.

    ``bridged`` are those whose wire is served by a process of its own, made by the caller.
    """
    devices: list[ModbusTcpDevice] = []
    for number, (name, points) in enumerate(selected.items()):
        config = draft.config.devices[name]
        if isinstance(config, (ModbusRtuConfig, MqttConfig)):
            continue
        place = (draft.document.file, draft.document.line("devices", name))
        proxied = bus_faults.address(name) if bus_faults is not None else None
        host, port = proxied or (config.host, config.port)
        settings = ModbusTcpSettings(
            host=host, port=port, max_registers=config.max_registers,
            gap_ms=config.gap_ms, connect_timeout_s=config.connect_timeout_s, seed=draft.config.seed + number,
            period_s=draft.config.period_s,
        )  # fmt: skip
        if isinstance(config, SunSpecConfig):
            devices.append(make_sunspec(draft, name, config, settings, image, now_ns))
            continue
        # So that a connection that was lost in one cycle is there again in the one after the next, at any period.
        first_s = min(_FIRST_RETRY_S, draft.config.period_s / 2, config.reconnect_max_s)
        settings = replace(
            settings, max_gap_registers=config.max_gap_registers, max_in_flight=config.max_in_flight,
            backoff_min_s=first_s, backoff_max_s=config.reconnect_max_s,
        )  # fmt: skip
        devices.append(
            ModbusTcpDevice(
                name, settings, image,
                reads=[(point, image.index[point.signal]) for point in points.reads],
                writes=[(point, image.index[point.signal]) for point in points.writes],
                heartbeat=points.heartbeat, now_ns=now_ns, place=place,
            )
        )  # fmt: skip
    timing = FieldTiming(image, used_slots(draft, image), round(draft.config.period_s * NS_PER_S))
    return FieldBus(devices, now_ns, events, timing, bridged) if devices or bridged else None


class FieldBus:
    """All devices of a rig: those on TCP behind one scan, the others in their own processes; events told, times kept.

    Attributes
    ----------
    timing : FieldTiming
        Histograms of the data's age at use and of the time from sensor to actuator.
    """

    def __init__(
        self,
        devices: Sequence[ModbusTcpDevice],
        now_ns: Callable[[], int],
        events: EventLog,
        timing: FieldTiming,
        bridged: Sequence[Bridged] = (),
    ) -> None:
        self.timing = timing
        self._devices = tuple(devices)
        self._bridged = tuple(bridged)
        self._now_ns = now_ns
        self._scan = Scan(devices, now_ns) if devices else None
        self._events = events
        self._written = WrittenDevices(devices, timing, now_ns)

    def read(self, now_ns: int, deadline_ns: int) -> None:
        """Receive from all devices into the image; returns before ``deadline_ns`` (loop time)."""
        self._written.begin_cycle(now_ns)
        # These take microseconds; the scan takes what there is.
        for part in self._bridged:
            part.device.read(now_ns, deadline_ns)
        if self._scan is not None:
            self._scan.read(now_ns, deadline_ns)

    def write(self, now_ns: int, deadline_ns: int, *, force: bool = False) -> None:
        """Send the values, then the heartbeats; returns before ``deadline_ns`` (loop time).

        The last write of a run (``force``) also waits for those whose wire is slow, a bounded time.
        """
        if force:
            self._written.end_cycles(now_ns)
        else:
            self.timing.at_use(now_ns, self._now_ns())
        for part in self._bridged:
            part.device.publish(now_ns, last=force)
        if self._scan is not None:
            self._write_scan(self._scan, now_ns, deadline_ns, force=force)
        if force:
            for part in self._bridged:
                part.device.await_last(deadline_ns)
        self._tell()

    def _write_scan(self, scan: Scan, now_ns: int, deadline_ns: int, *, force: bool) -> None:
        if force:
            scan.force_writes()
        begun = self._written.begin_write()
        scan.write(now_ns, deadline_ns)
        if not force:
            self._written.end_write(begun)

    def not_taken(self) -> list[NotTaken]:
        """Give the written points that a device did not take, after the last write of a run."""
        return self._written.not_taken() + bridged_not_taken(part.device for part in self._bridged)

    def _tell(self) -> None:
        if self._scan is not None:
            for at_ns, text in self._scan.drain_events():
                self._events.emit(at_ns / NS_PER_S, "device", "modbus_tcp", text)
        for part in self._bridged:
            for at_ns, text in part.device.drain_events():
                what = f"{part.device.name}: {text}"
                self._events.emit(at_ns / NS_PER_S, "device", part.kind, what)

    def counters(self) -> dict[str, int]:
        """How often each kind of event happened, as ``device.counter``."""
        found = self._scan.counters() if self._scan is not None else {}
        for part in self._bridged:
            counts = part.device.counters()
            found |= {f"{part.device.name}.{counter}": count for counter, count in counts.items()}
        return found

    def rehearse(self, run: Callable[[], None]) -> None:
        """Have ``run`` called once in each read phase, while the replies are on their way."""
        if self._scan is not None:
            self._scan.while_waiting = run

    def prove(self, timeout_s: float) -> None:
        """Connect and read every point once, before the loop; raises ``DeviceError``."""
        if self._scan is not None:
            self._scan.prove(timeout_s)
        for part in self._bridged:
            part.prove(timeout_s)

    @property
    def read_s(self) -> float:
        """Time that the slowest device on TCP took to be read in the proof, s."""
        return max([device.read_s for device in self._devices], default=0.0)

    def close(self) -> None:
        """Let go of every wire; may be called twice."""
        if self._scan is not None:
            self._scan.close()
        for part in self._bridged:
            part.device.close()


def writes_beyond_this_machine(draft: Draft, selected: Mapping[str, Selected]) -> list[Problem]:
    """Name every device with written points at an address that is not a loopback one."""
    found = []
    for name in selected:
        config = draft.config.devices[name]
        if isinstance(config, MqttConfig):
            continue
        if isinstance(config, ModbusRtuConfig):
            port = draft.config.buses[config.bus].port
            is_here, at = is_port_here(port), f"on {port}"
        else:
            is_here, at = is_loopback(config.host), f"at {config.host}:{config.port}"
        written = [*config.write, *([config.heartbeat] if config.heartbeat else [])]
        if written and not is_here:
            what = f"device {name} {at} will be written: {', '.join(written)}"
            found.append(draft.document.problem(("devices", name), what))
    return found


def is_loopback(host: str) -> bool:
    """Whether ``host`` can only be this machine; a name that merely begins like a loopback address is not."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_port_here(port: str) -> bool:
    """Whether a serial port can only be this machine: a pseudo-terminal, or a gateway on it."""
    if port.startswith("tcp://"):
        return is_loopback(port.removeprefix("tcp://").rpartition(":")[0].strip("[]"))
    return os.path.realpath(port).startswith("/dev/pts/")
