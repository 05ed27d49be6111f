"""From the rig's ``plants`` to plant models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hil.config.pace import Paced
from hil.config.plants import CduConfig, FacilityConfig, PlantConfig, PvPlantConfig, SystemConfig, WanConfig
from hil.loop.clock import NS_PER_S
from hil.loop.image import Image
from hil.loop.multirate import Pace, SlowerPlant
from hil.loop.plant import PlantBlock
from hil.rig.action import Effects
from hil.rig.cdu import make_cdu, start_cdu
from hil.rig.draft import Draft
from hil.rig.linear_plants import make_linear
from hil.rig.ports import PlantModel, first_inputs, note_writes, wire_inputs, wire_outputs
from hil.rig.pv import make_pv, start_pv
from hil.rig.site import make_facility
from hil.rig.system import make_system, start_system
from hil.rig.wan import make_wan
from plant_models import CduPlant, PvPlant, WanDelay


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
    made: dict[str, Wired] = {}
    known = dict(first_values)
    # Links first: what they have at their far end before the first message is where the plants there start.
    for name, config in sorted(
        draft.config.plants.items(), key=lambda item: not isinstance(item[1], WanConfig)
    ):
        wired = _make(draft, name, config, known)
        if wired is not None:
            made[name] = replace(wired, pace=pace_of(draft, config))
    return {name: made[name] for name in draft.config.plants if name in made}


def pace_of(draft: Draft, block: Paced) -> tuple[int, int, int] | None:
    """Give (every, offset, base period in ns) of a block; None for one that runs in every cycle."""
    if block.every == 1:
        return None
    return block.every, block.offset or 0, round(draft.config.period_s * NS_PER_S)


def _make(draft: Draft, name: str, config: PlantConfig, first_values: dict[str, float]) -> Wired | None:
    match config:
        case CduConfig():
            cdu = make_cdu(draft, name, config)
            return _wired(draft, name, config, cdu, first_values)
        case PvPlantConfig():
            pv = make_pv(draft, name, config)
            return _wired(draft, name, config, pv, first_values)
        case SystemConfig() | FacilityConfig():
            return _composed(draft, name, config, first_values)
        case WanConfig():
            wan = make_wan(draft, name, config, first_values)
            return _wired(draft, name, config, wan, first_values)
        case _:
            linear = make_linear(draft, name, config)
            return None if linear is None else Wired(linear, config.inputs, config.outputs)


def _composed(
    draft: Draft, name: str, config: SystemConfig | FacilityConfig, first_values: dict[str, float]
) -> Wired | None:
    composed = (
        make_system(draft, name, config)
        if isinstance(config, SystemConfig)
        else make_facility(draft, name, config)
    )
    if composed is None:
        note_writes(draft, name, config.outputs)
        return None
    start = start_system(draft, name, composed, first_values)
    _give_first(first_values, composed.outputs, composed.plant.step(start, 0.0))
    return Wired(composed.plant, composed.inputs, composed.outputs)


def _give_first(
    first_values: dict[str, float], outputs: Sequence[str | None], given: Sequence[float]
) -> None:
    """Add what a plant gives as it starts, where nothing else says what its signals start with."""
    for signal, value in zip(outputs, given, strict=True):
        if signal is not None:
            first_values.setdefault(signal, value)


def _wired(
    draft: Draft,
    name: str,
    config: CduConfig | PvPlantConfig | WanConfig,
    plant: CduPlant | PvPlant | WanDelay | None,
    first_values: dict[str, float],
) -> Wired | None:
    """Wire a plant by its ports, and start it where it stands with the first values of its inputs."""
    if plant is None:
        note_writes(draft, name, config.outputs)
        return None
    inputs = wire_inputs(draft, name, config.inputs, plant.input_ports, plant.default_inputs)
    outputs = wire_outputs(draft, name, config.outputs, plant.output_ports)
    start = first_inputs(plant.input_ports, inputs, plant.default_inputs, first_values)
    if isinstance(plant, CduPlant):
        start_cdu(draft, name, plant, start)
    elif isinstance(plant, PvPlant):
        start_pv(draft, name, plant, start)
    _give_first(first_values, outputs, plant.step([start[port.name] for port in plant.input_ports], 0.0))
    return Wired(plant, inputs, outputs)
