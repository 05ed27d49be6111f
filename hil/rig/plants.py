"""From the rig's ``plants`` to plant models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from hil.config.nearest import did_you_mean
from hil.config.pace import Paced
from hil.config.plants import CduConfig, StateSpaceConfig, TransferFunctionConfig
from hil.config.units import UNITS
from hil.config.yaml_lines import Path_
from hil.loop import protocols
from hil.loop.clock import NS_PER_S
from hil.loop.image import Image
from hil.loop.multirate import Pace, SlowerPlant
from hil.loop.plant import PlantBlock
from hil.rig.action import Effects
from hil.rig.cdu import make_cdu
from hil.rig.draft import Draft
from plant_models import CduPlant, LinearPlant, PlantError, Port

_MOST_PERIODS = 100_000
"""Longest dead time, in periods of the loop: every one of them is kept."""


class PlantModel(protocols.Plant, Protocol):
    """What the rig needs to know of a plant beyond stepping it."""

    input_ports: tuple[Port, ...]
    output_ports: tuple[Port, ...]
    faults: tuple[str, ...]
    effects: Mapping[tuple[str, str], int]

    def snapshot(self) -> Any:
        """Everything that later outputs depend on."""
        ...

    def restore(self, snapshot: Any) -> None:
        """Go back to a snapshot, to the bit."""
        ...


@dataclass(frozen=True, slots=True)
class Wired:
    """A plant and what each port is wired to, in the order of the ports: signal, constant, or nothing.

    ``pace`` is (every, offset, base period in ns) of a plant slower than the cycle.
    """

    plant: PlantModel
    inputs: tuple[str | float, ...]
    outputs: tuple[str | None, ...]
    pace: tuple[int, int, int] | None = None

    def bind(self, image: Image) -> PlantBlock:
        """Bind to the slots of ``image``."""
        inputs = [image.index[entry] if isinstance(entry, str) else float(entry) for entry in self.inputs]
        outputs = [None if name is None else image.index[name] for name in self.outputs]
        if self.pace is None:
            return PlantBlock(image, self.plant, inputs, outputs)
        return SlowerPlant(image, self.plant, inputs, outputs, Pace(*self.pace))

    def effects(self) -> Effects:
        """Signs of the steady effects, by signals."""
        cause = dict(zip((port.name for port in self.plant.input_ports), self.inputs, strict=True))
        effect = dict(zip((port.name for port in self.plant.output_ports), self.outputs, strict=True))
        return {
            (source, target): sign
            for (port_in, port_out), sign in self.plant.effects.items()
            if isinstance(source := cause[port_in], str) and (target := effect[port_out]) is not None
        }


def make_plants(draft: Draft, first_values: Mapping[str, float]) -> dict[str, Wired]:
    """Make every plant, wired; ``first_values`` of the signals (in their units) are where it starts in equilibrium.

    What cannot be made is a problem of the draft.
    """
    plants: dict[str, Wired] = {}
    for name, config in draft.config.plants.items():
        wired = (
            _cdu(draft, name, config, first_values)
            if isinstance(config, CduConfig)
            else _linear(draft, name, config)
        )
        if wired is not None:
            plants[name] = replace(wired, pace=pace_of(draft, config))
    return plants


def pace_of(draft: Draft, block: Paced) -> tuple[int, int, int] | None:
    """Give (every, offset, base period in ns) of a block; None for one that runs in every cycle."""
    if block.every == 1:
        return None
    return block.every, block.offset or 0, round(draft.config.period_s * NS_PER_S)


def _cdu(draft: Draft, name: str, config: CduConfig, first_values: Mapping[str, float]) -> Wired | None:
    plant = make_cdu(draft, name, config)
    if plant is None:
        # Or else every signal of the plant would seem to have no writer.
        for port, signal in config.outputs.items():
            draft.writes(signal, ("plants", name, "outputs", port), f"plants.{name}.{port}")
        return None
    inputs = _wire_inputs(draft, name, config.inputs, plant)
    outputs = _wire_outputs(draft, name, config.outputs, plant)
    start = {
        port.name: first_values.get(entry, plant.default_inputs.get(port.name, 0.0))
        if isinstance(entry, str)
        else entry
        for port, entry in zip(plant.input_ports, inputs, strict=True)
    }
    _start(draft, name, plant, start)
    return Wired(plant, inputs, outputs)


def _start(draft: Draft, name: str, plant: CduPlant, start: Mapping[str, float]) -> None:
    """Put the plant into equilibrium; one input at a time first, so that the wrong one can be named."""
    before = len(draft.problems)
    for port, value in start.items():
        try:
            plant.start_at({port: value})
        except PlantError as error:
            draft.refuse(("plants", name, "inputs", port), f"plant {name} cannot start: {error}")
    if len(draft.problems) == before:
        plant.start_at(start)


def _wire_inputs(
    draft: Draft, name: str, given: Mapping[str, str | float], plant: CduPlant
) -> tuple[str | float, ...]:
    ports = {port.name: port for port in plant.input_ports}
    _unknown_ports(draft, name, "inputs", given, ports)
    wired: list[str | float] = []
    for port in plant.input_ports:
        entry = given.get(port.name)
        if isinstance(entry, str):
            draft.reads(entry, ("plants", name, "inputs", port.name), f"plants.{name}.{port.name}", port.unit)
            wired.append(entry)
        elif entry is not None:
            wired.append(float(entry))
        elif port.name in plant.default_inputs:
            wired.append(plant.default_inputs[port.name])
        else:
            what = f"plant {name}: the input {port.name} [{port.unit}] is not wired"
            draft.refuse(("plants", name, "inputs"), what, "give it a signal, or a number to hold it at")
            wired.append(0.0)
    return tuple(wired)


def _wire_outputs(
    draft: Draft, name: str, given: Mapping[str, str], plant: CduPlant
) -> tuple[str | None, ...]:
    ports = {port.name: port for port in plant.output_ports}
    _unknown_ports(draft, name, "outputs", given, ports)
    for port_name, signal in given.items():
        if port_name in ports:
            path = ("plants", name, "outputs", port_name)
            draft.writes(signal, path, f"plants.{name}.{port_name}", ports[port_name].unit)
    return tuple(given.get(port.name) for port in plant.output_ports)


def _unknown_ports(
    draft: Draft, name: str, side: str, given: Mapping[str, object], ports: Mapping[str, Port]
) -> None:
    for port in given:
        if port not in ports:
            hint = did_you_mean(port, ports) or f"{side}: {', '.join(ports)}"
            draft.refuse(
                ("plants", name, side, port), f"plant {name} has no port {port!r} among its {side}", hint
            )


def _linear(draft: Draft, name: str, config: TransferFunctionConfig | StateSpaceConfig) -> Wired | None:
    path, signals = ("plants", name), draft.config.signals
    if config.dead_time_s > _MOST_PERIODS * draft.config.period_s:
        periods = config.dead_time_s / draft.config.period_s
        what = f"plant {name}: dead time {config.dead_time_s:g} s is {periods:g} periods"
        draft.refuse((*path, "dead_time_s"), what, f"at most {_MOST_PERIODS * draft.config.period_s:g} s")
        return None
    for side, names, note in (
        ("inputs", config.inputs, draft.reads),
        ("outputs", config.outputs, draft.writes),
    ):
        for number, signal in enumerate(names):
            note(signal, (*path, side, number), f"plants.{name}")
    if not {*config.inputs, *config.outputs} <= set(signals):
        return None
    ports_in = tuple(Port(signal, signals[signal].unit) for signal in config.inputs)
    ports_out = tuple(Port(signal, signals[signal].unit) for signal in config.outputs)
    if not {port.unit for port in (*ports_in, *ports_out)} <= set(UNITS):
        return None
    try:
        # Numbers that leave the range of floats are an error here, not a plant of infinities.
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            plant = _make_linear(config, ports_in, ports_out, draft.config.period_s)
    except PlantError as error:
        draft.refuse(_where(path, str(error)), f"plant {name}: {error}")
        return None
    except (ArithmeticError, np.linalg.LinAlgError, ValueError) as error:
        what = f"plant {name}: its numbers are too large or too small to compute with ({error})"
        draft.refuse(path, what, "choose units in which the coefficients are of moderate size")
        return None
    return Wired(plant, config.inputs, config.outputs)


def _where(path: Path_, message: str) -> Path_:
    """Place of the polynomial or matrix that a message of the linear plant is about."""
    key = next(
        (key for key in ("numerator", "denominator", "A", "B", "C", "D") if message.startswith(key)), None
    )
    return path if key is None else (*path, key)


def _make_linear(
    config: TransferFunctionConfig | StateSpaceConfig,
    inputs: tuple[Port, ...],
    outputs: tuple[Port, ...],
    period_s: float,
) -> LinearPlant:
    if isinstance(config, TransferFunctionConfig):
        return LinearPlant.from_transfer_function(
            config.numerator, config.denominator, dead_time_s=config.dead_time_s, period_s=period_s,
            inputs=inputs, outputs=outputs, input_levels=config.input_levels, output_levels=config.output_levels,
        )  # fmt: skip
    D = config.D if config.D is not None else tuple((0.0,) * len(inputs) for _ in outputs)
    return LinearPlant.from_state_space(
        config.A, config.B, config.C, D, dead_time_s=config.dead_time_s, period_s=period_s,
        inputs=inputs, outputs=outputs, input_levels=config.input_levels, output_levels=config.output_levels,
    )  # fmt: skip
