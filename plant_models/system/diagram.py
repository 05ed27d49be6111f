"""What is in a composition and what is wired to what, as plain data: enough to draw it, nothing to run it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from plant_models.ports import Port

if TYPE_CHECKING:
    from plant_models.system.component import InputPort
    from plant_models.system.layout import Place, Wiring


@dataclass(frozen=True, slots=True)
class DiagramPort:
    """One port of a component; ``side`` is "input" or "output"."""

    name: str
    unit: str
    side: str


@dataclass(frozen=True, slots=True)
class DiagramComponent:
    """One component: its name in the whole, its kind and all its ports."""

    instance: str
    kind: str
    ports: tuple[DiagramPort, ...]


@dataclass(frozen=True, slots=True)
class DiagramWire:
    """From an output to an input, each as ``instance.port``."""

    source: str
    target: str
    unit: str


@dataclass(frozen=True, slots=True)
class DiagramTerminal:
    """An input or an output of the whole, by its name there, and the ``instance.port`` it drives or shows."""

    name: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diagram:
    """A composition as a drawing needs it.

    Attributes
    ----------
    components : tuple of DiagramComponent
        In the order in which they were added.
    wires : tuple of DiagramWire
    inputs, outputs : tuple of DiagramTerminal
        Of the whole, in the order of the plant's ports; without ``energy_residual_kw``, which is of no component.
    """

    components: tuple[DiagramComponent, ...]
    wires: tuple[DiagramWire, ...]
    inputs: tuple[DiagramTerminal, ...]
    outputs: tuple[DiagramTerminal, ...]

    def as_data(self) -> dict[str, Any]:
        """Give it as mappings, lists and texts, as JSON takes them."""
        return asdict(self)


def diagram_of(wiring: Wiring, driven: Mapping[str, Iterable[Place]]) -> Diagram:
    """Draw a wiring up; ``driven`` has the places that each input of the whole drives."""
    units = {
        (name, port.name): port.unit for name, made in wiring.components.items() for port in made.outputs
    }
    return Diagram(
        components=tuple(
            DiagramComponent(name, made.kind, _ports(made.inputs, made.outputs))
            for name, made in wiring.components.items()
        ),
        wires=tuple(
            DiagramWire(_text(source), _text(target), units[source])
            for target, source in wiring.sources.items()
        ),
        inputs=tuple(DiagramTerminal(name, tuple(map(_text, places))) for name, places in driven.items()),
        outputs=tuple(DiagramTerminal("_".join(place), (_text(place),)) for place in wiring.chosen),
    )


def single_diagram(name: str, kind: str, inputs: Sequence[Port], outputs: Sequence[Port]) -> Diagram:
    """Give the diagram of a plant that is one component: its ports are those of the whole."""
    return Diagram(
        components=(DiagramComponent(name, kind, _ports(inputs, outputs)),),
        wires=(),
        inputs=tuple(DiagramTerminal(port.name, (f"{name}.{port.name}",)) for port in inputs),
        outputs=tuple(DiagramTerminal(port.name, (f"{name}.{port.name}",)) for port in outputs),
    )


def _ports(inputs: Sequence[InputPort | Port], outputs: Sequence[Port]) -> tuple[DiagramPort, ...]:
    return (
        *(DiagramPort(port.name, port.unit, "input") for port in inputs),
        *(DiagramPort(port.name, port.unit, "output") for port in outputs),
    )


def _text(place: Place) -> str:
    return ".".join(place)
