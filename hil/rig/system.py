"""Compositions of the rig: components, wires and ports from the file, and where the whole starts.

In the file a port is ``component.port``, or as the plant has it, ``component_port``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hil.config.nearest import did_you_mean
from hil.config.plants import SystemConfig
from hil.rig.draft import Draft
from hil.rig.ports import wire_inputs, wire_outputs
from plant_models import Composition, PlantError, SystemPlant
from plant_models.system.plan import Plan, compose

_RESIDUAL = "energy_residual_kw"
_MOST_LISTED = 12


@dataclass(frozen=True, slots=True)
class Composed:
    """A composition made and wired.

    Attributes
    ----------
    plant : SystemPlant
    inputs, outputs : tuple
        As of :class:`hil.rig.plants.Wired`.
    keys : mapping of str to str
        How the file spells the plant's ports.
    """

    plant: SystemPlant
    inputs: tuple[str | float, ...]
    outputs: tuple[str | None, ...]
    keys: Mapping[str, str]


def make_system(draft: Draft, name: str, config: SystemConfig) -> Composed | None:
    """Make the plant of ``plants.<name>``; None, with problems of the draft, where it cannot be made."""

    def refuse(where: tuple[str, ...], what: str, hint: str) -> None:
        draft.refuse(("plants", name, *where), f"plant {name}: {what}", hint)

    plan = Plan(
        components=config.components,
        wires={source: _listed(targets) for source, targets in config.wires.items()},
        share={own: _listed(targets) for own, targets in config.share.items()},
        hold=config.hold,
        expose=config.expose,
    )
    whole = compose(plan, refuse)
    if whole is None:
        return None
    return built(draft, name, whole, config.inputs, config.outputs, config.longest_substep_s)


def built(
    draft: Draft,
    name: str,
    whole: Composition,
    inputs: Mapping[str, str | float],
    outputs: Mapping[str, str],
    longest_substep_s: float,
    defaults: Mapping[str, float] | None = None,
) -> Composed | None:
    """Build a composition with the ports that the file asks for, and wire them; None where it cannot be built.

    ``defaults`` are of inputs that need not be wired, besides the optional ones.
    """
    before = len(draft.problems)
    chosen = _chosen(draft, name, whole, outputs)
    free = {_flat(port): port for port in whole.free_inputs}
    for key in inputs:
        port = free.get(_flat(key))
        if port is not None and whole.free_inputs[port].optional:
            whole.expose(port)
    if len(draft.problems) > before:
        return None
    try:
        plant = whole.build(chosen.values(), longest_substep_s=longest_substep_s)
    except PlantError as error:
        draft.refuse(("plants", name), f"plant {name}: {error}")
        return None
    keys = {_flat(key): key for key in (*inputs, *outputs)}
    given = {_flat(key): entry for key, entry in inputs.items()}
    known = {**plant.default_inputs, **(defaults or {})}
    wired = wire_inputs(draft, name, given, plant.input_ports, known, keys)
    written = {_flat(key): signal for key, signal in outputs.items()}
    return Composed(plant, wired, wire_outputs(draft, name, written, plant.output_ports, keys), keys)


def start_system(
    draft: Draft, name: str, composed: Composed, first_values: Mapping[str, float]
) -> list[float]:
    """Put the plant where it settles at the first values of its inputs, and give these; a warning where it does not."""
    plant = composed.plant
    start = {
        port.name: first_values.get(entry, plant.inputs[port.name]) if isinstance(entry, str) else entry
        for port, entry in zip(plant.input_ports, composed.inputs, strict=True)
    }
    of = plant.continuous()
    before = len(draft.problems)
    for (port, value), low, high in zip(start.items(), of.low, of.high, strict=True):
        if not low <= value <= high:
            what = f"plant {name} cannot start: {port} = {value:g} is outside {low:g} … {high:g}"
            draft.refuse(("plants", name, "inputs", composed.keys.get(port, port)), what)
    if len(draft.problems) == before and not plant.start_at(start):
        what = f"plant {name} does not settle at the first values of its inputs; it starts where its components do"
        draft.warn(
            ("plants", name), what, "give its commands an initial value at which its heat is carried away"
        )
    return [*start.values()]


def _chosen(draft: Draft, name: str, whole: Composition, outputs: Mapping[str, str]) -> dict[str, str]:
    """Give the outputs to build, by how the file spells them; unknown ones are told."""
    known = {_flat(port): port for port in whole.outputs}
    found = {}
    for key in outputs:
        if key == _RESIDUAL:
            continue
        if _flat(key) in known:
            found[key] = known[_flat(key)]
            continue
        hint = did_you_mean(key, whole.outputs) or _of_component(key, whole.outputs)
        what = f"plant {name} has no port {key!r} among its outputs"
        draft.refuse(("plants", name, "outputs", key), what, hint)
    return found


def _of_component(key: str, ports: Iterable[str]) -> str:
    """Say what the component that a port begins with has, or where the list is."""
    component = key.partition(".")[0]
    own = [port for port in ports if port.startswith(f"{component}.")]
    listed = ", ".join(own[:_MOST_LISTED]) + (" …" if len(own) > _MOST_LISTED else "")
    return listed or "a port is component.port; hil plants lists them"


def _flat(key: str) -> str:
    return key.replace(".", "_", 1)


def _listed(targets: str | tuple[str, ...]) -> tuple[str, ...]:
    return (targets,) if isinstance(targets, str) else targets
