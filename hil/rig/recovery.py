"""Whether one short fault on a wire outlasts the age that its signals may have."""

from __future__ import annotations

from collections.abc import Iterator

from hil.config.buses import ModbusRtuConfig
from hil.config.mqtt import MqttConfig
from hil.config.schema import RigConfig
from hil.loop.image import BAD_AGE_FACTOR, DEFAULT_AGE_PERIODS
from hil.rig.draft import Draft
from hil.rig.mqtt import FIRST_BACKOFF_S
from hil.rig.rtu import bus_settings, poll_periods_s


def check_recovery(draft: Draft) -> None:
    """Warn of devices of which a signal is BAD before they can come back from the shortest fault.

    Modbus TCP devices are tried again within half a period, so there is nothing to warn of.
    """
    config = draft.config
    for name, device in config.devices.items():
        if isinstance(device, ModbusRtuConfig) and device.bus in config.buses:
            _check_unit(draft, name, device)
        elif isinstance(device, MqttConfig):
            _check_broker(draft, name, device)


def _check_unit(draft: Draft, name: str, device: ModbusRtuConfig) -> None:
    late_s = bus_settings(draft.config, device.bus).late_reply_s
    short = [
        (signal, bad_s, polled_s + late_s)
        for signal, bad_s, polled_s in _bad_after(draft.config, device)
        if bad_s < polled_s + late_s
    ]
    if not short:
        return
    signal, bad_s, back_s = max(short, key=lambda each: each[2] - each[1])
    others = f" ({len(short)} signals so)" if len(short) > 1 else ""
    what = (
        f"device {name}: one lost reply keeps its unit in quarantine for up to {late_s:g} s (late_reply_s of bus "
        f"{device.bus}), so {signal} is {back_s:g} s old before it is read again, and is BAD after {bad_s:g} s{others}"
    )
    hint = f"max_age_s: {back_s / BAD_AGE_FACTOR:.2g} or more, or a shorter late_reply_s if all units answer in time"
    draft.warn(("devices", name), what, hint)


def _bad_after(config: RigConfig, device: ModbusRtuConfig) -> Iterator[tuple[str, float, float]]:
    """Give signals of a device, after what age each is BAD, and how often it is read, s."""
    periods = poll_periods_s(config)
    for signal in device.read:
        declared, polled_s = config.signals.get(signal), periods[signal]
        if declared is not None:
            age_s = DEFAULT_AGE_PERIODS * polled_s if declared.max_age_s is None else declared.max_age_s
            yield signal, BAD_AGE_FACTOR * age_s, polled_s


def _check_broker(draft: Draft, name: str, device: MqttConfig) -> None:
    back_s = min(FIRST_BACKOFF_S, device.broker.reconnect_max_s)
    for signal in device.read:
        declared = draft.config.signals.get(signal)
        if declared is None or declared.max_age_s is None:
            continue
        bad_s = BAD_AGE_FACTOR * declared.max_age_s
        if bad_s < back_s:
            what = (
                f"device {name}: after a connection is lost the next attempt comes after up to {back_s:g} s, and "
                f"{signal} is BAD after {bad_s:g} s"
            )
            hint = f"max_age_s: {back_s / BAD_AGE_FACTOR:.2g} or more"
            draft.warn(("devices", name, "read", signal), what, hint)
