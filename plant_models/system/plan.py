"""A composition as plain data, as it stands in a file: components by kind and settings, wires by names.

What is wrong is told with the keys to it, all of it at once, rather than raised. A component that does not say its
coolant has that of the loop it is wired into, and components of the same fluid in one loop share its properties: else
each wire between two that were sized at different temperatures would lose a little heat.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from plant_models.catalogue import Coolant, kinds, make, refuse_wrong
from plant_models.catalogue.settings import Refuse
from plant_models.errors import PlantError
from plant_models.fluid import FluidProperties
from plant_models.system.composition import Composition

_NOBODYS = Coolant(FluidProperties(1000.0, 4180.0, 1e-3, 0.6), None)
"""Stands in while wires are checked; what is left with it is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a composition is made of.

    Attributes
    ----------
    components : mapping of str to mapping
        Settings of each, its kind under ``kind``.
    wires : mapping of str to sequence of str
        Inputs that each output drives, all as ``instance.port``.
    share : mapping of str to sequence of str
        Inputs of components that one input of the whole drives, by its name.
    hold : mapping of str to float
        Inputs that are held.
    expose : sequence of str
        Optional inputs that are to be inputs of the whole.
    """

    components: Mapping[str, Mapping[str, Any]]
    wires: Mapping[str, Sequence[str]] = field(default_factory=dict)
    share: Mapping[str, Sequence[str]] = field(default_factory=dict)
    hold: Mapping[str, float] = field(default_factory=dict)
    expose: Sequence[str] = ()


def compose(plan: Plan, refuse: Refuse) -> Composition | None:
    """Make and wire all components; None where something was refused.

    Parameters
    ----------
    plan : Plan
    refuse : callable
        Told the keys (``("components", "cdu_1", "pumps")``), what is wrong, and the nearest right thing.
    """
    problems: list[str] = []

    def tell(where: tuple[str, ...], what: str, hint: str) -> None:
        problems.append(what)
        refuse(where, what, hint)

    whole = Composition()
    # In steps: what is wrong with a setting would be wrong with every wire of its component, and a wire that is wrong
    # may leave components without a coolant.
    for step in (_check, _make, _join, _refuse_dry):
        step(whole, plan, tell)
        if problems:
            return None
    return whole


@contextmanager
def _telling(
    where: tuple[str, ...], refuse: Refuse, settings: Mapping[str, Any] | None = None
) -> Iterator[None]:
    """Tell of what is refused inside at ``where``, or at the setting that it names."""
    try:
        yield
    except (PlantError, ArithmeticError) as error:
        told = f"component {where[1]}: {error}" if where[0] == "components" else str(error)
        refuse((*where, *_named(str(error), settings or {})), told, _laid_over(settings or {}))


def _named(error: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Give where the first setting stands that an error names: among the settings, or among figures inside one."""
    inside = [(key, own) for key, given in settings.items() if isinstance(given, Mapping) for own in given]
    places: list[tuple[str, ...]] = [*inside, *((key,) for key in settings)]
    return next((place for place in places if re.search(rf"\b{re.escape(place[-1])}\b", error)), ())


def _laid_over(settings: Mapping[str, Any]) -> str:
    """Say where figures come from that the file does not have."""
    if "figures" not in settings or "datasheet" in settings:
        return ""
    return "figures are laid over the ready sheet that is taken by default; datasheet: null for figures alone"


def _check(_: Composition, plan: Plan, refuse: Refuse) -> None:
    """Check names, types and ranges of all settings."""
    for name, entry in plan.components.items():
        under = _under(name, refuse)
        if isinstance(entry.get("kind"), str):
            refuse_wrong(entry["kind"], _settings(entry), under)
        else:
            under((), "it has no kind", f"kind: one of {', '.join(kinds())}")


def _under(name: str, refuse: Refuse) -> Refuse:
    return lambda where, what, hint: refuse(("components", name, *where), f"component {name}: {what}", hint)


def _make(whole: Composition, plan: Plan, refuse: Refuse) -> None:
    """Make all components, each with the coolant of its loop."""
    told: set[str] = set()

    def tell(where: tuple[str, ...], what: str, hint: str) -> None:
        told.add(where[1])
        refuse(where, what, hint)

    loops = _coolants(plan, tell)
    for name, entry in plan.components.items():
        if name in told:
            continue
        settings = _settings(entry)
        with _telling(("components", name), refuse, settings):
            whole.add(name, make(entry["kind"], settings, coolant=loops.get(name, _NOBODYS)))


def _refuse_dry(_: Composition, plan: Plan, refuse: Refuse) -> None:
    """Refuse components whose loop nobody says a coolant of."""
    loops = _coolants(plan, refuse)
    for name, entry in plan.components.items():
        if name not in loops and kinds()[entry["kind"]].coolant_ports:
            what = f"component {name}: nothing in its loop says what its coolant is"
            refuse(("components", name), what, "coolant: water, or wire it to what has one, such as a cdu")


def _settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "kind"}


def _coolants(plan: Plan, refuse: Refuse) -> dict[str, Coolant]:
    """Coolant of each component's loop: what the first of the loop says, CDUs before the others."""
    own: dict[str, Coolant] = {}
    for name, entry in plan.components.items():
        settings = _settings(entry)
        with _telling(("components", name), refuse, settings):
            said = kinds()[entry["kind"]].own_coolant(settings)
            if said is not None:
                own[name] = said
    found: dict[str, Coolant] = {}
    order = list(plan.components)
    for members in _loops(plan):
        speakers = sorted(own.keys() & members, key=lambda name: (_rank(plan, name), order.index(name)))
        if speakers:
            found.update(dict.fromkeys(members, own[speakers[0]]))
    return found


def _rank(plan: Plan, name: str) -> int:
    """Give who speaks first: a CDU is sized with its water; then who names one, who has figures, who takes any."""
    entry = plan.components[name]
    says = (entry["kind"] == "cdu", "coolant" in entry, "cp_j_kgk" in entry, True)
    return says.index(True)


def _loops(plan: Plan) -> Iterable[list[str]]:
    """Components whose coolant is one, by the wires between its temperatures."""
    beside: dict[str, set[str]] = {name: set() for name in plan.components}
    for source, targets in plan.wires.items():
        for target in targets:
            if _carries(plan, source) and _carries(plan, target):
                one, other = source.split(".")[0], target.split(".")[0]
                beside[one].add(other)
                beside[other].add(one)
    left = dict.fromkeys(plan.components)
    while left:
        members, waiting = [], [next(iter(left))]
        while waiting:
            name = waiting.pop()
            if name in left:
                del left[name]
                members.append(name)
                waiting += sorted(beside[name])
        yield members


def _carries(plan: Plan, text: str) -> bool:
    """Whether a port is a temperature of its component's coolant."""
    name, _, port = text.partition(".")
    if name not in plan.components or not port.endswith("temp_degc"):
        return False
    return port.startswith(kinds()[plan.components[name]["kind"]].coolant_ports or "?")


def _join(whole: Composition, plan: Plan, refuse: Refuse) -> None:
    """Wire, share, hold and expose, each by itself: one wrong wire leaves the others checked."""
    for source, targets in plan.wires.items():
        for target in targets:
            with _telling(("wires", source), refuse):
                whole.wire(source, target)
    for name, targets in plan.share.items():
        with _telling(("share", name), refuse):
            whole.share(name, *targets)
    for target, value in plan.hold.items():
        with _telling(("hold", target), refuse):
            whole.hold(target, value)
    for target in plan.expose:
        with _telling(("expose",), refuse):
            whole.expose(target)
