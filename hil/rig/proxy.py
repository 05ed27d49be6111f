"""The fault proxy between the loop and the devices that a scenario disturbs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from hil.config.nearest import did_you_mean
from hil.config.scenario import BusFaultEvent, ScenarioConfig
from hil.config.schema import ModbusTcpConfig, RigConfig
from hil.config.sunspec import SunSpecConfig
from hil.errors import DeviceError, Problem
from hil.faults.proxy import BusFault, ProxiedDevice, ProxyPlan, ProxyProcess
from hil.faults.proxy.running import HOST
from hil.loop.events import EventLog
from hil.rig.draft import Draft

LATE_PERIODS = 1.5
"""How long a late reply is held where the scenario does not say, in periods: no phase of a cycle lasts one."""
_BYTE_GAP_S = 0.0002
_ON_TCP = (ModbusTcpConfig, SunSpecConfig)


@dataclass(frozen=True, slots=True)
class BusFaults:
    """The proxy at work, and which fault of its plan belongs to which event of the scenario.

    Attributes
    ----------
    proxy : ProxyProcess
        Between the loop and the devices.
    places : mapping of int to (str, int, BusFault)
        By the event's number: device, the fault's number there, and the fault.
    """

    proxy: ProxyProcess
    places: Mapping[int, tuple[str, int, BusFault]]

    def placed(self, event: int) -> tuple[str, int, BusFault]:
        """Give device, number and fault of the ``event``-th event of the scenario."""
        return self.places[event]

    def address(self, device: str) -> tuple[str, int] | None:
        """Where the loop reaches a device; None for one that the scenario leaves alone."""
        port = self.proxy.ports.get(device)
        return None if port is None else (HOST, port)


def bus_problem(draft: Draft, event: BusFaultEvent) -> tuple[str, str, str] | None:
    """Give what is wrong with a bus fault, as (key, what, hint)."""
    devices = draft.config.devices
    if event.device not in devices:
        hint = did_you_mean(event.device, devices) or f"devices: {', '.join(devices) or 'none'}"
        return "device", f"no device {event.device!r}", hint
    if not isinstance(devices[event.device], _ON_TCP):
        return (
            "device",
            f"device {event.device} is not on Modbus TCP, which is all that a bus fault disturbs",
            "",
        )
    return None


def plan_of(
    config: RigConfig, scenario: ScenarioConfig
) -> tuple[ProxyPlan, dict[int, tuple[str, int, BusFault]]]:
    """Give what the proxy must know of a scenario, and where each of its bus faults went."""
    found: dict[str, list[BusFault]] = {}
    places: dict[int, tuple[str, int, BusFault]] = {}
    for number, event in enumerate(scenario.events):
        if isinstance(event, BusFaultEvent):
            faults = found.setdefault(event.device, [])
            fault = _fault(event, config.period_s)
            places[number] = (event.device, len(faults), fault)
            faults.append(fault)
    devices = [
        ProxiedDevice(name, device.host, device.port, config.seed + number, tuple(found[name]))
        for number, (name, device) in enumerate(config.devices.items())
        if name in found and isinstance(device, _ON_TCP)
    ]
    return ProxyPlan(tuple(devices)), places


def _fault(event: BusFaultEvent, period_s: float) -> BusFault:
    times_s = {
        "delay": event.delay_s,
        "jitter": event.jitter_s,
        "late": LATE_PERIODS * period_s if event.delay_s is None else event.delay_s,
        "byte_at_a_time": _BYTE_GAP_S if event.gap_s is None else event.gap_s,
    }
    return BusFault(
        event.fault, event.probability, event.direction, times_s.get(event.fault) or 0.0, event.bits, event.part,
        event.code,
    )  # fmt: skip


@contextmanager
def bus_faults(
    config: RigConfig, scenario: ScenarioConfig | None, events: EventLog
) -> Iterator[BusFaults | None]:
    """Inside, the proxy is at work for the devices that ``scenario`` disturbs; None where there are none.

    Raises
    ------
    DeviceError
        It cannot be started.
    """
    plan, places = (ProxyPlan(()), {}) if scenario is None else plan_of(config, scenario)
    if not plan.devices:
        yield None
        return
    try:
        proxy = ProxyProcess(plan, config.realtime.cpu)
    except OSError as error:
        what = f"the fault proxy cannot be started: {error.strerror or error}"
        raise DeviceError(Problem("", None, what)) from error
    try:
        for device in plan.devices:
            through = f"bus faults: reached through the proxy at {HOST}:{proxy.ports[device.name]}"
            events.emit(
                0.0, "note", device.name, f"{through}, which stands before {device.host}:{device.port}"
            )
        yield BusFaults(proxy, places)
    finally:
        proxy.close()
