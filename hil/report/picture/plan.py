"""What is to be drawn: components and wires of ``plants.json``, and which signal shows which port.

The file is read like any other of the folder: what does not have the right shape is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hil.report.run_data import mapping

Place = tuple[str, str]
"""Instance and port."""


@dataclass(frozen=True, slots=True)
class Part:
    """One component: name, kind, and the unit of each of its ports, inputs and outputs apart."""

    name: str
    kind: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """One picture's worth of components.

    Attributes
    ----------
    title : str
        Name of the plant, or of the plants.
    parts : mapping of str to Part
        By instance, in the order of the composition.
    sources : mapping of Place to Place
        Output that drives an input.
    signals : mapping of Place to str
        Signal that shows an output or drives an input.
    """

    title: str
    parts: Mapping[str, Part] = field(default_factory=dict)
    sources: Mapping[Place, Place] = field(default_factory=dict)
    signals: Mapping[Place, str] = field(default_factory=dict)

    def signal(self, name: str, port: str) -> str | None:
        """Signal of a port: its own, or that of the output which drives it."""
        place = (name, port)
        own = self.signals.get(place)
        return own if own is not None or place not in self.sources else self.signals.get(self.sources[place])

    def unit(self, name: str, port: str) -> str:
        """Give the unit of a port; empty for one that is not there."""
        part = self.parts[name]
        return part.outputs.get(port) or part.inputs.get(port, "")

    def of_kind(self, *kinds: str) -> list[Part]:
        """Components of these kinds, in their order."""
        return [part for part in self.parts.values() if part.kind in kinds]


def read_plans(run_dir: Path) -> list[Plan]:
    """Give what there is to draw: the single plants of a rig together, each composition by itself."""
    try:
        found = mapping(json.loads((run_dir / "plants.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return []
    plans = [_plan(name, mapping(plant)) for name, plant in found.items()]
    plans = [plan for plan in plans if plan.parts]
    singles = [plan for plan in plans if len(plan.parts) == 1]
    wholes = [plan for plan in plans if len(plan.parts) > 1]
    return [*wholes, *([_together(singles)] if singles else [])]


def _plan(name: str, plant: Mapping[str, Any]) -> Plan:
    diagram = mapping(plant.get("diagram"))
    parts = {part.name: part for part in map(_part, _items(diagram.get("components"))) if part is not None}
    wired = mapping(plant.get("inputs")) | mapping(plant.get("outputs"))
    terminals = [*_items(diagram.get("inputs")), *_items(diagram.get("outputs"))]
    signals: dict[Place, str] = {}
    for terminal in terminals:
        signal = wired.get(str(terminal.get("name")))
        if isinstance(signal, str):
            signals |= dict.fromkeys(_places(terminal.get("places"), parts), signal)
    sources = {
        target: source
        for wire in _items(diagram.get("wires"))
        for target in _places([wire.get("target")], parts)
        for source in _places([wire.get("source")], parts)
    }
    return Plan(name, parts, sources, signals)


def _items(value: object) -> list[dict[str, Any]]:
    return [mapping(item) for item in value] if isinstance(value, list) else []


def _part(item: Mapping[str, Any]) -> Part | None:
    if not isinstance(item.get("instance"), str):
        return None
    ports = [
        (str(port.get("name")), str(port.get("unit")), port.get("side")) for port in _items(item.get("ports"))
    ]
    return Part(
        item["instance"],
        str(item.get("kind", "")),
        {name: unit for name, unit, side in ports if side == "input"},
        {name: unit for name, unit, side in ports if side == "output"},
    )


def _places(texts: object, parts: Mapping[str, Part]) -> list[Place]:
    """Give the ports that ``texts`` (``instance.port``) name, of the components that are there."""
    split = [str(text).rpartition(".") for text in texts] if isinstance(texts, list) else []
    return [(name, port) for name, _, port in split if name in parts]


def _together(plans: Iterable[Plan]) -> Plan:
    """Give several plans of one component each as one; a name that is taken has its plant's before it."""
    titles: list[str] = []
    parts: dict[str, Part] = {}
    signals: dict[Place, str] = {}
    for plan in plans:
        titles.append(plan.title)
        for name, part in plan.parts.items():
            own = name if name not in parts else f"{plan.title}.{name}"
            parts[own] = replace(part, name=own)
            signals |= {(own, port): signal for (_, port), signal in plan.signals.items()}
    return Plan(", ".join(titles), parts, {}, signals)
