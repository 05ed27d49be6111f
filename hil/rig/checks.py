"""What must hold of a rig as a whole, beyond its single blocks."""

from __future__ import annotations

from typing import Any

from hil.config.buses import ModbusRtuConfig
from hil.config.mqtt import MqttConfig
from hil.config.nearest import did_you_mean
from hil.config.units import unit_of_name
from hil.loop.trend_layout import TIME_COLUMN
from hil.report import known_kpis
from hil.rig.draft import Draft


def check_whole(draft: Draft, resolved: dict[str, Any]) -> None:
    """Check loops, timing, failsafes and requirements; what is wrong becomes a problem of the draft."""
    _check_unused(draft)
    _check_names(draft)
    _check_timing(draft)
    _check_warm_up(draft)
    _check_latency(draft)
    _check_failsafes(draft)
    _check_requirements(draft, resolved)


def _check_warm_up(draft: Draft) -> None:
    """Warn of a loop that is never judged: its figures would be missing from the report."""
    duration_s = draft.config.duration_s
    for name, loop in draft.config.loops.items():
        if duration_s is not None and loop.warm_up_s >= duration_s:
            what = (
                f"loop {name}: its warm-up of {loop.warm_up_s:g} s is as long as the run of {duration_s:g} s"
            )
            draft.warn(("loops", name, "warm_up_s"), what, "no figure of it can be judged; run longer")


def note_loops(draft: Draft) -> None:
    """Note what the report's loops read."""
    for name, loop in draft.config.loops.items():
        measured = draft.config.signals.get(loop.measured)
        unit = measured.unit if measured is not None else None
        draft.reads(loop.setpoint, ("loops", name, "setpoint"), f"loops.{name}", unit)
        draft.reads(loop.measured, ("loops", name, "measured"), f"loops.{name}")
        draft.reads(loop.output, ("loops", name, "output"), f"loops.{name}")


def _check_unused(draft: Draft) -> None:
    used = {use.signal for use in draft.uses}
    for name in draft.config.signals:
        if name not in used:
            draft.warn(
                ("signals", name), f"signal {name} is declared and never used", "wire it or take it out"
            )


def _check_names(draft: Draft) -> None:
    for name, signal in draft.config.signals.items():
        if name == TIME_COLUMN:
            what = f"a signal cannot be called {name}: the trend's column of time is"
            draft.refuse(("signals", name), what, "give it another name")
        told = unit_of_name(name)
        # One letter at the end is a name's own more often than a unit.
        if told is not None and told != signal.unit and len(told) > 1:
            what = f"signal {name} is in {signal.unit}, and its name says {told}"
            draft.warn(("signals", name), what, "let the name end with the unit it has")


def _check_timing(draft: Draft) -> None:
    config = draft.config
    if config.clock == "virtual" and config.devices:
        name = next(iter(config.devices))
        what = f"device {name} is on a real wire, which needs the wall clock; the rig's clock is virtual"
        draft.refuse(("clock",), what, "clock: wall")
    if config.clock == "virtual" and config.duration_s is None:
        draft.refuse(("clock",), "a run on the virtual clock needs a duration", "duration_s: 86400")
    if config.duration_s is not None and config.duration_s < config.period_s:
        what = f"duration {config.duration_s:g} s is shorter than the period {config.period_s:g} s"
        draft.refuse(("duration_s",), what)
    for name in sorted(draft.written_by("devices") & set(config.signals)):
        age = config.signals[name].max_age_s
        if age is not None and age < config.period_s:
            what = f"signal {name}: max_age_s {age:g} s is shorter than the period {config.period_s:g} s: never GOOD"
            draft.refuse(("signals", name, "max_age_s"), what, f"at least {2 * config.period_s:g}")


def _check_latency(draft: Draft) -> None:
    """Refuse a limit that nothing can be measured for: it could never be met."""
    contract, devices = draft.config.latency, draft.config.devices.values()
    if contract is None:
        return
    # Serial lines and brokers have a pace of their own: nothing goes from sensor to actuator within a cycle.
    direct = [device for device in devices if not isinstance(device, ModbusRtuConfig | MqttConfig)]
    needs = {
        "data_age": any(device.read for device in devices),
        "sensor_to_actuator": any(device.read for device in direct)
        and any(device.write for device in direct),
    }
    for key in contract.model_fields_set:
        for name, is_measured in needs.items():
            if key.startswith(name) and not is_measured:
                what = f"latency.{key}: no device of this rig reads and writes, so it is never measured"
                draft.refuse(("latency", key), what, "take it out")


def _check_failsafes(draft: Draft) -> None:
    """Refuse a signal that can end in failsafe without a declared one: nobody may guess where a pump goes."""
    config = draft.config
    sent = {signal for device in config.devices.values() for signal in device.write}
    needing = {
        signal: f"controllers.{name}"
        for name, controller in config.controllers.items()
        for signal in controller.written
    }
    needing |= {name: f"sources.{name}" for name in config.sources if name in sent}
    fed_back = draft.written_by("devices")
    needing |= {
        use.signal: use.block
        for use in draft.uses
        if use.kind == "read" and use.block.startswith("plants.") and use.signal in fed_back
    }
    for name, block in needing.items():
        signal = config.signals.get(name)
        if signal is not None and signal.failsafe is None:
            what = f"signal {name} has no failsafe, and {block} needs one"
            draft.refuse(
                ("signals", name), what, f"failsafe: <value in {signal.unit} to take when control is lost>"
            )


def _check_requirements(draft: Draft, resolved: dict[str, Any]) -> None:
    known = known_kpis(resolved)
    for number, requirement in enumerate(draft.config.requirements):
        if requirement.kpi not in known:
            hint = did_you_mean(requirement.kpi, known) or "hil report lists the key figures of a run"
            draft.refuse(("requirements", number, "kpi"), f"unknown key figure {requirement.kpi!r}", hint)
