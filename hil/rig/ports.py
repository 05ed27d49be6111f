"""Ports of a plant and the signals they are wired to, checked name by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

from hil.config.nearest import did_you_mean
from hil.config.units import UNITS
from hil.loop import protocols
from hil.rig.draft import Draft
from plant_models.ports import Port

NO_KEYS: Mapping[str, str] = MappingProxyType({})
_MOST_LISTED = 12
"""Ports that a message lists; a facility has hundreds."""


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


def wire_inputs(
    draft: Draft,
    name: str,
    given: Mapping[str, str | float],
    ports: Sequence[Port],
    defaults: Mapping[str, float],
    keys: Mapping[str, str] = NO_KEYS,
) -> tuple[str | float, ...]:
    """Give what each input port of the plant ``name`` is wired to; what is wrong becomes a problem of the draft.

    ``keys`` has how the file spells a port, where that is not its name.
    """
    _refuse_unknown(draft, name, "inputs", given, ports)
    wired: list[str | float] = []
    for port in ports:
        entry = given.get(port.name)
        if isinstance(entry, str):
            path = ("plants", name, "inputs", keys.get(port.name, port.name))
            draft.reads(entry, path, f"plants.{name}.{port.name}", port.unit)
            wired.append(entry)
        elif entry is not None:
            wired.append(float(entry))
        elif port.name in defaults:
            wired.append(defaults[port.name])
        else:
            what = f"plant {name}: the input {port.name} [{port.unit}] is not wired"
            draft.refuse(("plants", name, "inputs"), what, "give it a signal, or a number to hold it at")
            wired.append(0.0)
    return tuple(wired)


def wire_outputs(
    draft: Draft,
    name: str,
    given: Mapping[str, str],
    ports: Sequence[Port],
    keys: Mapping[str, str] = NO_KEYS,
) -> tuple[str | None, ...]:
    """Give the signal that each output port of the plant ``name`` writes, or None; as :func:`wire_inputs`."""
    _refuse_unknown(draft, name, "outputs", given, ports)
    units = {port.name: port.unit for port in ports}
    for port_name, signal in given.items():
        if port_name in units:
            path = ("plants", name, "outputs", keys.get(port_name, port_name))
            draft.writes(signal, path, f"plants.{name}.{port_name}", units[port_name])
    return tuple(given.get(port.name) for port in ports)


def note_writes(draft: Draft, name: str, given: Mapping[str, str]) -> None:
    """Note what a plant that could not be made would write: or else every such signal seems to have no writer."""
    for port, signal in given.items():
        draft.writes(signal, ("plants", name, "outputs", port), f"plants.{name}.{port}")


def first_inputs(
    ports: Sequence[Port],
    wired: Sequence[str | float],
    defaults: Mapping[str, float],
    first_values: Mapping[str, float],
) -> dict[str, float]:
    """Give what each input has before the first cycle, by port."""
    return {
        port.name: first_values.get(entry, defaults.get(port.name, 0.0)) if isinstance(entry, str) else entry
        for port, entry in zip(ports, wired, strict=True)
    }


def ports_of_signals(draft: Draft, signals: Mapping[str, str]) -> tuple[Port, ...] | None:
    """Give ports by name, each in the unit of its signal; None where a signal or its unit is unknown."""
    known = draft.config.signals
    if any(signal not in known or known[signal].unit not in UNITS for signal in signals.values()):
        return None
    return tuple(Port(name, known[signal].unit) for name, signal in signals.items())


def _refuse_unknown(
    draft: Draft, name: str, side: str, given: Mapping[str, object], ports: Sequence[Port]
) -> None:
    known = [port.name for port in ports]
    for port in given:
        if port in known:
            continue
        listed = ", ".join(known[:_MOST_LISTED]) + (" …" if len(known) > _MOST_LISTED else "")
        hint = did_you_mean(port, known) or f"{side}: {listed}"
        draft.refuse(
            ("plants", name, side, port), f"plant {name} has no port {port!r} among its {side}", hint
        )
