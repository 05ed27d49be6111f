"""Which way the coolant goes: streams between components, read off the wires of temperature.

An outlet temperature wired to an inlet temperature is water that flows from the one to the other. Its flow is that
of the port which belongs to the inlet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hil.report.picture.plan import Plan

CONSUMERS = ("cdu",)
NETWORKS = ("header",)
REJECTORS = ("dry_cooler", "chiller")
BESIDE = ("power_chain", "site_meter")
"""Kinds drawn at the side: no coolant goes through them."""

_NOT_WATER = ("ambient", "air", "bulb", "case", "setpoint", "sky")
_FLOW_OF_INLET = {
    ("three_way", "return_temp_degc"): "bypass_flow_kg_s",
    ("three_way", "cooled_temp_degc"): "cooler_flow_kg_s",
    ("tank", "load_return_temp_degc"): "load_flow_kg_s",
    ("tank", "source_return_temp_degc"): "source_flow_kg_s",
    ("cdu", "fws_supply_temp_degc"): "fws_flow_kg_s",
}


@dataclass(frozen=True, slots=True)
class Stream:
    """Water from ``source`` to ``target`` (instances), into its port ``inlet``.

    ``temp`` and ``flow`` are ports that tell of it.
    """

    source: str
    target: str
    temp: tuple[str, str]
    flow: tuple[str, str] | None
    inlet: str


def streams(plan: Plan) -> list[Stream]:
    """Give the streams of coolant, in the order of the wires; one between two components for each inlet."""
    found = []
    for (target, inlet), (source, outlet) in plan.sources.items():
        if plan.unit(target, inlet) == "degC" and not any(word in inlet for word in _NOT_WATER):
            flow = _flow(plan, target, inlet, source)
            found.append(Stream(source, target, (source, outlet), flow, inlet))
    return found


def _flow(plan: Plan, target: str, inlet: str, source: str) -> tuple[str, str] | None:
    into, out_of = plan.parts[target], plan.parts[source]
    own = _FLOW_OF_INLET.get((into.kind, inlet))
    stem = (
        inlet.removesuffix("_return_temp_degc").removesuffix("_supply_temp_degc").removesuffix("_temp_degc")
    )
    for name in (own, f"{stem}_flow_kg_s", "flow_kg_s"):
        if name is not None and (name in into.inputs or name in into.outputs):
            return target, name
    return (source, "flow_kg_s") if "flow_kg_s" in {**out_of.inputs, **out_of.outputs} else None


def levels(plan: Plan, found: Iterable[Stream]) -> list[list[str]]:
    """Components between header and header, in the order in which the water passes them.

    A component comes after all that it gets water from; a stream that closes a circle is left out of account.
    """
    apart = {*CONSUMERS, *NETWORKS, *BESIDE}
    names = [name for name, part in plan.parts.items() if part.kind not in apart]
    after: dict[str, list[str]] = {name: [] for name in names}
    touched: set[str] = set()
    for stream in found:
        touched |= {stream.source, stream.target}
        if stream.source in after and stream.target in after:
            after[stream.source].append(stream.target)
    inside = [name for name in names if name in touched or plan.parts[name].kind in REJECTORS]
    depth = _depths(inside, _without_circles(inside, after))
    return [[name for name in inside if depth[name] == level] for level in sorted(set(depth.values()))]


def _without_circles(names: Iterable[str], after: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Leave out each stream back to a component that the way has come through."""
    kept: dict[str, list[str]] = {name: [] for name in names}
    done: set[str] = set()
    for start in kept:
        way: list[tuple[str, int]] = [(start, 0)] if start not in done else []
        while way:
            name, turn = way.pop()
            if turn >= len(after[name]):
                done.add(name)
                continue
            way.append((name, turn + 1))
            target = after[name][turn]
            if target not in {each for each, _ in way}:
                kept[name].append(target)
                if target not in done:
                    way.append((target, 0))
    return kept


def _depths(names: Iterable[str], after: Mapping[str, list[str]]) -> dict[str, int]:
    """Longest way to each component."""
    depth = dict.fromkeys(names, 0)
    for _ in range(len(depth)):
        moved = False
        for name, targets in after.items():
            for target in targets:
                if depth[target] <= depth[name]:
                    depth[target] = depth[name] + 1
                    moved = True
        if not moved:
            break
    return depth
