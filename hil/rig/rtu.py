"""From the rig's ``buses`` and its devices on them to serial lines, each behind a process of its own."""

from __future__ import annotations

import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hil.config.buses import ModbusRtuConfig, SerialBusConfig
from hil.config.nearest import did_you_mean
from hil.config.point_rules import unheeded_problems
from hil.config.points import Point
from hil.config.schema import RigConfig
from hil.devices.bridge import BridgedDevice, BridgeSettings
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.rtu.load import Load, exchange_s, reckon
from hil.devices.rtu.proof import prove
from hil.devices.rtu.servant import RtuSpec
from hil.devices.rtu.settings import GATEWAY, LATE_FACTOR, BusSettings, PolledPoint, StationSettings
from hil.devices.rtu.wires import gateway_address
from hil.errors import DeviceError, Problem
from hil.loop.image import Image
from hil.rig.devices import Selected
from hil.rig.draft import Draft

_WITH_A_HOST = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|(?=[A-Za-z0-9.-]+:[0-9]+$)")
"""What begins with a scheme, or is host and port."""
_FULL = 1.0
_NEARLY_FULL = 0.8
_LEAST_LATE_S = 1.0
_LEAST_LOOP_TIMEOUT_S = 1.0
_LOOP_TIMEOUT_PERIODS = 5
_LAST_S = 5.0
_FIRST_VALUES_S = 10.0
_DRIVER_PATIENCE_S, _NETWORK_PATIENCE_S = 0.02, 0.1
_LONGEST_LOOK_UP_S = 20.0
"""A gateway's name may be looked up for so long, in which its process does nothing else."""


def poll_periods_s(config: RigConfig) -> dict[str, float]:
    """Give how often each signal that comes from a serial bus is read, s."""
    periods = {}
    for device in config.devices.values():
        if isinstance(device, ModbusRtuConfig) and device.bus in config.buses:
            bus = bus_settings(config, device.bus)
            for name in device.read:
                every = device.every(name)
                polled_s = every * bus.scan_s if every else bus.background_s
                periods[name] = max(polled_s, config.period_s)
    return periods


def bus_settings(config: RigConfig, name: str) -> BusSettings:
    """Give the settings of a bus, with what the rig leaves open filled in."""
    bus = config.buses[name]
    late_s = bus.late_reply_s
    return BusSettings(
        port=bus.port, baud=bus.baud, parity=bus.parity, stop_bits=bus.stop_bits,
        reply_timeout_s=bus.reply_timeout_s,
        late_reply_s=max(LATE_FACTOR * bus.reply_timeout_s, _LEAST_LATE_S) if late_s is None else late_s,
        scan_s=bus.scan_s or config.period_s, background_s=bus.background_s,
        broadcast_turnaround_s=bus.broadcast_turnaround_s, local_echo=bus.local_echo,
        # A network may hold a part of a frame back for longer than a serial driver does.
        patience_s=_NETWORK_PATIENCE_S if bus.port.startswith(GATEWAY) else _DRIVER_PATIENCE_S,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Wiring:
    """The units of one bus, and the slots of its points in the loop's image, in the servant's order."""

    stations: tuple[StationSettings, ...]
    reads: tuple[int, ...]
    writes: tuple[int, ...]


def _wire(config: RigConfig, bus: str, selected: Mapping[str, Selected], index: Mapping[str, int]) -> _Wiring:
    devices = {
        name: device
        for name, device in config.devices.items()
        if isinstance(device, ModbusRtuConfig) and device.bus == bus and name in selected
    }
    reads = [(name, point) for name in devices for point in selected[name].reads]
    writes = [(name, point) for name in devices for point in selected[name].writes]
    by_unit: dict[tuple[str, int], list[PolledPoint]] = defaultdict(list)
    written: dict[tuple[str, int], list[tuple[Point, int]]] = defaultdict(list)
    for slot, (name, point) in enumerate(reads):
        by_unit[name, point.unit_id].append(PolledPoint(point, slot, devices[name].every(point.signal)))
    for slot, (name, point) in enumerate(writes, start=len(reads)):
        written[name, point.unit_id].append((point, slot))
    beats = {(name, beat.unit_id): beat for name in devices if (beat := selected[name].heartbeat) is not None}
    stations = tuple(
        _station(
            name,
            unit_id,
            devices[name],
            by_unit[name, unit_id],
            written[name, unit_id],
            beats.get((name, unit_id)),
        )
        for name, unit_id in sorted({*by_unit, *written, *beats})
    )
    return _Wiring(
        stations,
        tuple(index[point.signal] for _, point in reads),
        tuple(index[point.signal] for _, point in writes),
    )


def _station(
    name: str, unit_id: int, device: ModbusRtuConfig, reads: Sequence[PolledPoint],
    writes: Sequence[tuple[Point, int]], heartbeat: Point | None,
) -> StationSettings:  # fmt: skip
    limits = ModbusTcpSettings(
        host=device.bus, max_registers=device.max_registers, max_gap_registers=device.max_gap_registers,
        single_write_functions=device.single_write_functions,
    )  # fmt: skip
    return StationSettings(
        name, unit_id, tuple(reads), tuple(writes), heartbeat, limits, device.gap_ms / 1e3,
        device.write_pause_ms / 1e3,
    )  # fmt: skip


def check_buses(draft: Draft, selected: Mapping[str, Selected]) -> None:
    """Note what does not fit: buses that are not there, units used twice, more load than a line can carry."""
    config = draft.config
    used = set()
    for name, device in config.devices.items():
        if not isinstance(device, ModbusRtuConfig):
            continue
        used.add(device.bus)
        if device.bus not in config.buses:
            hint = did_you_mean(device.bus, config.buses) or "declare it under buses"
            draft.refuse(
                ("devices", name, "bus"),
                f"device {name} is on the bus {device.bus!r}, which is not there",
                hint,
            )
        _check_ages(draft, name, device)
        if name in selected:
            has_heartbeat = selected[name].heartbeat is not None
            draft.problems += unheeded_problems(selected[name].writes, has_heartbeat=has_heartbeat)
    if used - set(config.buses):
        return
    index = {signal: slot for slot, signal in enumerate(config.signals)}
    _check_ports(draft, {name: bus.port for name, bus in config.buses.items() if name in used})
    for name, bus in config.buses.items():
        if name not in used:
            draft.warn(
                ("buses", name), f"no device is on the bus {name}", "take it out, or put devices on it"
            )
            continue
        known = {d: points for d, points in selected.items() if _known(points, index)}
        stations = _wire(config, name, known, index).stations
        _check_units(draft, stations)
        _check_load(draft, name, bus, stations)


def _known(points: Selected, index: Mapping[str, int]) -> bool:
    return all(point.signal in index for point in (*points.reads, *points.writes))


def _check_ports(draft: Draft, ports: Mapping[str, str]) -> None:
    """Refuse what is neither a port nor a gateway, and one that two buses share."""
    owner: dict[str, str] = {}
    for name, port in ports.items():
        path = ("buses", name, "port")
        if port.startswith(GATEWAY):
            try:
                gateway_address(port)
            except ValueError as error:
                draft.refuse(path, f"bus {name}: {error}", "tcp://192.168.1.20:4001")
        elif _WITH_A_HOST.match(port):
            host = _WITH_A_HOST.sub("", port) if "://" in port else port
            draft.refuse(
                path, f'bus {name}: "{port}" is neither a serial port nor a gateway', f"tcp://{host}"
            )
        # Names under /dev/serial/by-id are links to the port itself.
        other = owner.setdefault(port if port.startswith(GATEWAY) else os.path.realpath(port), name)
        if other != name:
            what = f"bus {name} is on {port}, and so is bus {other}: a line has one master"
            draft.refuse(path, what, f"put the devices of both on one bus: bus: {other}")


def _check_ages(draft: Draft, name: str, device: ModbusRtuConfig) -> None:
    periods = poll_periods_s(draft.config)
    for number, signal in enumerate(device.read):
        declared = draft.config.signals.get(signal)
        period_s = periods.get(signal, 0.0)
        if declared is not None and declared.max_age_s is not None and declared.max_age_s < period_s:
            what = (
                f"signal {signal}: max_age_s {declared.max_age_s:g} s is shorter than the {period_s:g} s "
                f"from one read to the next"
            )
            hint = f"max_age_s: {2 * period_s:g}, or read it more often (poll under devices.{name})"
            draft.refuse(("devices", name, "read", number), what, hint)


def _check_units(draft: Draft, stations: Sequence[StationSettings]) -> None:
    owner: dict[int, str] = {}
    for station in stations:
        path = ("devices", station.device)
        if station.unit_id == 0 and (station.reads or station.heartbeat is not None):
            what = f"device {station.device} reads from, or beats to, unit 0: all units at once, and none answers"
            draft.refuse(path, what, "unit_id 1 to 247")
        if station.unit_id > 247:
            draft.refuse(
                path, f"device {station.device}: unit {station.unit_id} is reserved", "unit_id 1 to 247"
            )
        other = owner.setdefault(station.unit_id, station.device)
        if other != station.device:
            what = (
                f"device {station.device} is unit {station.unit_id}, and so is device {other} on the same bus"
            )
            draft.refuse(path, what, "give them unit_id of their own, or make them one device")


def _check_load(draft: Draft, name: str, bus: SerialBusConfig, stations: Sequence[StationSettings]) -> None:
    config = draft.config
    settings = bus_settings(config, name)
    load = reckon(settings, stations, config.period_s, bus.unit_delay_ms / 1e3)
    told = load_in_words(settings, load)
    hint = _roomier(settings, load)
    if load.reads_s + load.must_s > _FULL * settings.scan_s:
        draft.refuse(("buses", name), f"bus {name}: {told}: more than there is", hint)
    elif load.reads_s + load.must_s + load.may_s > _NEARLY_FULL * settings.scan_s:
        draft.warn(("buses", name), f"bus {name}: {told}", hint)


def bus_loads(draft: Draft, selected: Mapping[str, Selected]) -> list[str]:
    """Say of each bus how much of its scan is taken."""
    config = draft.config
    index = {signal: slot for slot, signal in enumerate(config.signals)}
    told = []
    for name, bus in config.buses.items():
        settings = bus_settings(config, name)
        stations = _wire(config, name, selected, index).stations
        load = reckon(settings, stations, config.period_s, bus.unit_delay_ms / 1e3)
        told.append(f"bus {name}: {load_in_words(settings, load)}")
    return told


def load_in_words(bus: BusSettings, load: Load) -> str:
    """Say how much of a scan is taken."""
    needed_s = load.reads_s + load.must_s
    share = 100.0 * needed_s / bus.scan_s
    writes = f", and up to {1e3 * load.may_s:.0f} ms of writes on change" if load.may_s else ""
    return (
        f"a scan of {1e3 * bus.scan_s:g} ms takes {1e3 * needed_s:.0f} ms of the line at {bus.baud} baud "
        f"({share:.0f} %, {load.requests:.1f} requests{writes})"
    )


def _roomier(bus: BusSettings, load: Load) -> str:
    needed_s = load.reads_s + load.must_s + load.may_s
    at_baud = exchange_s(bus, 3, 10, 0.0) * 1e3
    return (
        f"scan_s: {needed_s / _NEARLY_FULL:.2g} or more, a higher baud rate, slow points under poll, or points side "
        f"by side (one request of 10 registers takes {at_baud:.0f} ms here)"
    )


class RtuBus:
    """A serial line of the rig, behind its process; see :class:`hil.rig.devices.Bridged`."""

    kind = "modbus_rtu"

    def __init__(
        self,
        draft: Draft,
        name: str,
        selected: Mapping[str, Selected],
        image: Image,
        now_ns: Callable[[], int],
    ) -> None:
        config = draft.config
        self._name = name
        self._bus = bus_settings(config, name)
        self._place = (draft.document.file, draft.document.line("buses", name))
        self._places: dict[str, tuple[str, int | None]] = {
            device: (draft.document.file, draft.document.line("devices", device)) for device in config.devices
        }
        wiring = _wire(config, name, selected, image.index)
        self._stations = wiring.stations
        given_s = config.buses[name].loop_timeout_s
        stretch = config.overrun.degrade_limit if config.overrun.policy == "degrade" else 1
        least_s = max(_LEAST_LOOP_TIMEOUT_S, _LOOP_TIMEOUT_PERIODS * config.period_s * stretch)
        stall_s = _LONGEST_LOOK_UP_S if self._bus.port.startswith(GATEWAY) else BridgeSettings().stall_s
        settings = BridgeSettings(
            loop_timeout_s=given_s or least_s,
            keep_off_cpu=config.realtime.cpu,
            last_s=_LAST_S,
            stall_s=stall_s,
        )
        spec = RtuSpec(self._bus, wiring.stations)
        try:
            self.device = BridgedDevice(name, spec, image, wiring.reads, wiring.writes, now_ns, settings)
        except OSError as error:
            what = f"no shared memory for the process of bus {name}: {error.strerror or error}"
            raise DeviceError(Problem(*self._place, what)) from error

    def prove(self, timeout_s: float) -> None:
        """See :class:`hil.rig.devices.Bridged`; a slow line has longer than ``timeout_s``."""
        requests = sum(len(station.reads) + len(station.writes) + 1 for station in self._stations)
        longest_s = timeout_s + requests * (
            2 * self._bus.reply_timeout_s + exchange_s(self._bus, 3, 10, 0.05)
        )
        deadline_s = time.monotonic() + longest_s
        prove(self._name, self._bus, self._stations, self._place, self._places, deadline_s)
        try:
            self.device.start()
        except OSError as error:
            what = f"the process of bus {self._name} cannot be started: {error.strerror or error}"
            raise DeviceError(Problem(*self._place, what)) from error
        # Or else the first cycles would run on no values.
        self.device.await_values(_FIRST_VALUES_S)


def make_buses(
    draft: Draft, selected: Mapping[str, Selected], image: Image, now_ns: Callable[[], int]
) -> list[RtuBus]:
    """Make every serial line that a device is on, not yet opened; ``now_ns`` is the loop's clock."""
    used = {d.bus for d in draft.config.devices.values() if isinstance(d, ModbusRtuConfig)}
    return [RtuBus(draft, name, selected, image, now_ns) for name in draft.config.buses if name in used]
