"""From names to places: one array each for states, inputs, outputs and parameters of the whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from plant_models.errors import PlantSettingError
from plant_models.identity import Identity, identity, port_names
from plant_models.ports import Port
from plant_models.system.component import Component, InputPort
from plant_models.system.diagram import Diagram, diagram_of
from plant_models.system.order import cycle_in, in_order

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Place = tuple[str, str]
"""Instance and port."""

_MOST_TOLD = 4
"""Components that name a composition in a message."""
RESIDUAL_PORT = Port("energy_residual_kw", "kW")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a composition has been told, checked port by port.

    Attributes
    ----------
    components : mapping of str to Component
    sources : mapping of input to output
    shared : mapping of input to name of the input of the whole
    exposed : tuple of Place
    held : mapping of input to value
    chosen : tuple of Place
        Outputs of the whole.
    """

    components: Mapping[str, Component]
    sources: Mapping[Place, Place]
    shared: Mapping[Place, str]
    exposed: tuple[Place, ...]
    held: Mapping[Place, float]
    chosen: tuple[Place, ...]


class Tables(NamedTuple):
    """Index arrays of the compiled executor.

    ``z`` has, component after component, its states and then its energies; ``u``, ``y``, ``p`` are one after the
    other likewise.
    """

    parts: Indices  # (n_parts, 7): code, starts in z, u, y, p; number of states, of energies
    ends: Indices  # (n_parts, 4): ends in z, u, y, p
    calls: Indices  # (n_calls, 4): part (-1: the rest is only reported), stage, first and last wire + 1
    wires: Indices  # (n_wires, 2): place in u, place in y
    inlets: Indices  # (n_inlets, 2): place in u, place in the inputs of the whole
    chosen: Indices  # (n_out,): places in y
    capacity: Array  # (n_z,) J per unit of the state, 0 at energies
    sign: Array  # (n_z,) at energies: +1 into its component, -1 out of it; 0 at states
    boundary: Array  # (n_z,) the same where the energy crosses the boundary of the whole, else 0
    low: Array  # (n_in,)
    high: Array  # (n_in,)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A composition, ready to run.

    Attributes
    ----------
    tables : Tables
    inputs : tuple of InputPort
        Of the whole.
    outputs, states : tuple of Port
        Of the whole; the outputs without the residual.
    state_places, energy_places : arrays of int
        In ``z``.
    settling : array of bool
        Which states an equilibrium is found for; the others only add up.  # (n_x,)
    energies : tuple of str
        Names, in the order of ``energy_places``.
    z, u, p : arrays
        At the start.
    outputs_size : int
        Length of ``y``.
    faults : mapping of str to int
        Place of the switch in ``p``.
    diagram : Diagram
        The same as a drawing needs it.
    identity : Identity
        What a snapshot of it belongs to: all but the choice of outputs.
    """

    tables: Tables
    inputs: tuple[InputPort, ...]
    outputs: tuple[Port, ...]
    states: tuple[Port, ...]
    state_places: Indices
    energy_places: Indices
    settling: npt.NDArray[np.bool_]
    energies: tuple[str, ...]
    z: Array
    u: Array
    p: Array
    outputs_size: int
    faults: Mapping[str, int]
    diagram: Diagram
    identity: Identity


def lay_out(wiring: Wiring) -> Layout:
    """Give every port its place and every stage its turn.

    Raises
    ------
    PlantSettingError
        An algebraic loop, or names that become the same.
    """
    parts = wiring.components
    u_at, y_at = _places(parts)
    inputs, inlets = _inlets(wiring, u_at)
    calls, wires = _calls(wiring, u_at, y_at)
    energies = [(name, energy) for name, made in parts.items() for energy in made.energies]
    states = tuple(Port(f"{name}_{s.name}", s.unit) for name, made in parts.items() for s in made.states)
    units = {(name, port.name): port.unit for name, made in parts.items() for port in made.outputs}
    outputs = tuple(Port(f"{name}_{port}", units[name, port]) for name, port in wiring.chosen)
    table, ends = _parts(parts)
    is_state = np.concatenate(
        [np.r_[np.ones(len(m.states)), np.zeros(len(m.energies))] for m in parts.values()]
    )
    _refuse_same_names(parts, inputs, outputs, states)
    sign, boundary = _signs(wiring, is_state)
    tables = Tables(
        parts=table,
        ends=ends,
        calls=calls,
        wires=wires,
        inlets=inlets,
        chosen=np.array([y_at[place] for place in wiring.chosen], dtype=np.int64),
        capacity=_spread(is_state, np.concatenate([made.capacity_j_k for made in parts.values()]), 1.0),
        sign=sign,
        boundary=boundary,
        low=np.array([port.low for port in inputs], dtype=float),
        high=np.array([port.high for port in inputs], dtype=float),
    )
    start = [wiring.held.get((n, port.name), port.start) for n, made in parts.items() for port in made.inputs]
    u = np.array(start, dtype=float)
    p = np.concatenate([made.parameters for made in parts.values()], dtype=float)
    return Layout(
        tables=tables,
        inputs=inputs,
        outputs=outputs,
        states=states,
        state_places=np.flatnonzero(is_state == 1.0).astype(np.int64),
        energy_places=np.flatnonzero(is_state == 0.0).astype(np.int64),
        settling=np.array([s.name not in made.totals for made in parts.values() for s in made.states]),
        energies=tuple(f"{name}_{energy.name}" for name, energy in energies),
        z=_spread(is_state, np.concatenate([made.start for made in parts.values()]), 1.0),
        u=u,
        p=p,
        outputs_size=len(y_at),
        faults=_faults(parts, table),
        diagram=diagram_of(wiring, _driven(inputs, inlets, tuple(u_at))),
        identity=_identity(parts, (inputs, states), tables, u, p),
    )


def _identity(
    parts: Mapping[str, Component],
    ports: tuple[Sequence[InputPort], Sequence[Port]],
    tables: Tables,
    u: Array,
    p: Array,
) -> Identity:
    """Components, wires and figures, those that inputs hold for good included."""
    kinds = [f"{name} ({made.kind})" for name, made in parts.items()]
    told = ", ".join(
        [*kinds[:_MOST_TOLD], *([f"{len(kinds) - _MOST_TOLD} more"] if kinds[_MOST_TOLD:] else [])]
    )
    inputs, states = ports
    held = np.delete(u, np.concatenate([tables.inlets[:, 0], tables.wires[:, 0]]))
    names = port_names([Port(port.name, port.unit) for port in inputs], states)
    figures = (tables.capacity, tables.low, tables.high, tables.wires, tables.inlets)
    return identity(f"a composition of {told}", *kinds, names, held, p, *figures)


def _driven(
    inputs: Sequence[InputPort], inlets: Indices, places: Sequence[Place]
) -> dict[str, tuple[Place, ...]]:
    """Places that each input of the whole drives."""
    return {
        port.name: tuple(places[slot] for slot, number in inlets.tolist() if number == k)
        for k, port in enumerate(inputs)
    }


def _faults(parts: Mapping[str, Component], table: Indices) -> dict[str, int]:
    return {
        f"{name}_{fault}": int(row[4]) + place
        for row, (name, made) in zip(table, parts.items(), strict=True)
        for fault, place in made.faults.items()
    }


def _signs(wiring: Wiring, is_state: Array) -> tuple[Array, Array]:
    """``Tables.sign`` and ``Tables.boundary``: a stream through a wired port stays inside the whole."""
    wired = {*wiring.sources, *wiring.sources.values()}
    energies = [(name, energy) for name, made in wiring.components.items() for energy in made.energies]
    sign = np.array([1.0 if energy.into else -1.0 for _, energy in energies])
    crossing = np.array([(name, energy.port) not in wired for name, energy in energies], dtype=np.float64)
    return _spread(is_state, sign, 0.0), _spread(is_state, sign * crossing, 0.0)


def _spread(is_state: Array, values: Array, at: float) -> Array:
    """Array over ``z`` with ``values`` where ``is_state`` equals ``at``, else 0."""
    spread = np.zeros(is_state.size)
    spread[is_state == at] = values
    return spread


def _refuse_same_names(
    parts: Mapping[str, Component],
    inputs: Sequence[InputPort],
    outputs: Sequence[Port],
    states: Sequence[Port],
) -> None:
    _unique("inputs", [port.name for port in inputs])
    _unique("outputs", [port.name for port in outputs])
    _unique("states", [port.name for port in states])
    _unique("faults", [f"{name}_{fault}" for name, made in parts.items() for fault in made.faults])


def _unique(what: str, given: list[str]) -> None:
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        raise PlantSettingError(f"{what} of the same name: {', '.join(twice)}")


def _places(parts: Mapping[str, Component]) -> tuple[dict[Place, int], dict[Place, int]]:
    inputs = [(name, port.name) for name, made in parts.items() for port in made.inputs]
    outputs = [(name, port.name) for name, made in parts.items() for port in made.outputs]
    return {place: k for k, place in enumerate(inputs)}, {place: k for k, place in enumerate(outputs)}


def _parts(parts: Mapping[str, Component]) -> tuple[Indices, Indices]:
    """Rows of ``Tables.parts`` and ``Tables.ends``."""
    rows, ends, at = [], [], np.zeros(4, dtype=np.int64)
    for made in parts.values():
        sizes = np.array(
            [len(made.states) + len(made.energies), len(made.inputs), len(made.outputs), made.parameters.size]
        )
        rows.append([made.code, *at, len(made.states), len(made.energies)])
        at = at + sizes
        ends.append(at)
    return np.array(rows, dtype=np.int64), np.array(ends, dtype=np.int64)


def _inlets(wiring: Wiring, u_at: Mapping[Place, int]) -> tuple[tuple[InputPort, ...], Indices]:
    """Give inputs of the whole, and which places of ``u`` each drives."""
    made: dict[str, InputPort] = {}
    rows = []
    for place, slot in u_at.items():
        port = next(p for p in wiring.components[place[0]].inputs if p.name == place[1])
        start = wiring.held.get(place, port.start)
        name = wiring.shared.get(place)
        stays = (port.optional or place in wiring.held) and place not in wiring.exposed
        if place in wiring.sources or (name is None and stays):
            continue
        own = f"{place[0]}_{place[1]}" if name is None else name
        if own in made and name is None:
            raise PlantSettingError(f"inputs of the same name: {own}")
        seen = made.get(own)
        low = port.low if seen is None else max(seen.low, port.low)
        high = port.high if seen is None else min(seen.high, port.high)
        optional = port.optional if seen is None else seen.optional and port.optional
        made[own] = InputPort(own, port.unit, low, high, start if seen is None else seen.start, optional)
        rows.append((slot, list(made).index(own)))
    return tuple(made.values()), np.array(rows, dtype=np.int64).reshape(-1, 2)


def _calls(wiring: Wiring, u_at: Mapping[Place, int], y_at: Mapping[Place, int]) -> tuple[Indices, Indices]:
    """Stages in their order with the wires each needs first, then the wires that only the rates need."""
    numbers = {name: k for k, name in enumerate(wiring.components)}
    writer = {
        (name, port.name): (name, k)
        for name, made in wiring.components.items()
        for k, stage in enumerate(made.stages)
        for port in stage.outputs
    }
    before = {
        (name, k): [
            *([(name, k - 1)] if k else []),
            *(writer[wiring.sources[name, read]] for read in stage.reads if (name, read) in wiring.sources),
        ]
        for name, made in wiring.components.items()
        for k, stage in enumerate(made.stages)
    }
    _refuse_cycle(wiring, before)
    read = set(wiring.sources.values())
    late = [
        (name, k)
        for name, k in before
        if wiring.components[name].stages[k].reported
        and not any((name, port.name) in read for port in wiring.components[name].stages[k].outputs)
    ]
    gather = _Gather(wiring, u_at, y_at)
    rows = [
        (numbers[name], k, *gather.reads(name, k)) for name, k in in_order(before) if (name, k) not in late
    ]
    rows.append((-1, 0, *gather.rest()))
    rows += [(numbers[name], k, len(gather.wires), len(gather.wires)) for name, k in late]
    wires = np.array(gather.wires, dtype=np.int64).reshape(-1, 2)
    return np.array(rows, dtype=np.int64), wires


class _Gather:
    """Wires in the order in which they are needed, each once."""

    def __init__(self, wiring: Wiring, u_at: Mapping[Place, int], y_at: Mapping[Place, int]) -> None:
        self._left = {to: (u_at[to], y_at[source]) for to, source in wiring.sources.items()}
        self._components = wiring.components
        self.wires: list[tuple[int, int]] = []

    def reads(self, name: str, stage: int) -> tuple[int, int]:
        """Range of the wires that a stage needs and that are not there yet."""
        return self._take((name, read) for read in self._components[name].stages[stage].reads)

    def rest(self) -> tuple[int, int]:
        """Range of the wires that only rates and reports need."""
        return self._take(tuple(self._left))

    def _take(self, targets: Iterable[Place]) -> tuple[int, int]:
        first = len(self.wires)
        self.wires += [self._left.pop(target) for target in targets if target in self._left]
        return first, len(self.wires)


def _refuse_cycle(wiring: Wiring, before: Mapping[tuple[str, int], list[tuple[str, int]]]) -> None:
    cycle = cycle_in(before)
    if not cycle:
        return
    steps = []
    for source, target in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
        reads = wiring.components[target[0]].stages[target[1]].reads
        outputs = {port.name for port in wiring.components[source[0]].stages[source[1]].outputs}
        through = [
            f"{source[0]}.{wiring.sources[target[0], read][1]} -> {target[0]}.{read}"
            for read in reads
            if wiring.sources.get((target[0], read), ("", ""))[0] == source[0]
            and wiring.sources[target[0], read][1] in outputs
        ]
        steps += through[:1]
    raise PlantSettingError(
        f"algebraic loop: {', '.join(steps)}; a component must solve it inside, or a state stand between"
    )
