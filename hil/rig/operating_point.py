"""Where a CDU of a rig is linearised: mean loads of the run, actuators where they settle at the set-points."""

from __future__ import annotations

from collections.abc import Iterator

from hil.rig.build import Rig
from plant_models import CduPlant

_ENDLESS_S = 3600.0
"""Taken of a run without a duration, s."""
_HELD = ("tcs_supply_temp_degc", "rack_differential_pressure_kpa")
_COMMANDS = ("fws_valve_command_percent", "tcs_pump_speed_command_percent")


def operating_point(rig: Rig, name: str) -> dict[str, float]:
    """Give the inputs of the CDU ``name`` by port, in the ports' units; the plant is left as it was.

    Commands that no constant fixes are those that settle at the set-points of the loops on supply temperature and
    rack differential pressure, an inner loop's set-point taken where it starts; where there are no such loops, where
    the plant starts.
    """
    wired = rig.wired_plants[name]
    plant = wired.plant
    assert isinstance(plant, CduPlant)
    point = plant.inputs
    entries = dict(zip((port.name for port in plant.input_ports), wired.inputs, strict=True))
    for port, entry in entries.items():
        level = _mean_level(rig, entry) if isinstance(entry, str) else float(entry)
        if level is not None:
            point[port] = level
    outputs = dict(zip((port.name for port in plant.output_ports), wired.outputs, strict=True))
    wanted = [_setpoint(rig, outputs.get(port)) for port in _HELD]
    if wanted[0] is None or wanted[1] is None:
        return point
    before = plant.snapshot()
    try:
        plant.start_at(point)
        settled = plant.trim(wanted[0], wanted[1])
    finally:
        plant.restore(before)
    return point | {port: settled[port] for port in _COMMANDS if isinstance(entries[port], str)}


def _mean_level(rig: Rig, signal: str) -> float | None:
    """Mean over the run of what a source gives, in the signal's unit; None where no source writes it."""
    built = rig.profiles.get(signal)
    if built is None:
        return None
    mean = built.profile.mean(0.0, rig.config.duration_s or _ENDLESS_S)
    low, high = rig.config.signals[signal].range
    return min(max(mean * built.factor + built.offset, low), high)


def _setpoint(rig: Rig, signal: str | None) -> float | None:
    """Set-point of a loop that holds ``signal``, or a copy of it made by a device."""
    copies = set(_copies(rig, signal)) if signal is not None else set()
    pairs = [(loop.measured, loop.setpoint) for loop in rig.config.pids.values()]
    pairs += [(loop.measured, loop.setpoint) for loop in rig.config.loops.values()]
    for measured, setpoint in pairs:
        if measured in copies and (level := _mean_level(rig, setpoint)) is not None:
            return level
        if measured in copies and (level := _first_level(rig, setpoint)) is not None:
            return level
    return None


def _first_level(rig: Rig, signal: str) -> float | None:
    """Where the set-point of an inner loop starts; None where no controller writes it."""
    config = rig.config.signals[signal]
    if all(signal not in controller.written for controller in rig.config.controllers.values()):
        return None
    return config.failsafe if config.initial is None else config.initial


def _copies(rig: Rig, signal: str) -> Iterator[str]:
    yield signal
    for name, config in rig.config.signals.items():
        if config.mirrors == signal and name != signal:
            yield from _copies(rig, name)
