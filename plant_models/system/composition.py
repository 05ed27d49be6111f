"""Components wired by named ports; checked, ordered, and made into a plant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from plant_models.errors import PlantSettingError
from plant_models.nearest import hint
from plant_models.system.component import Component, InputPort
from plant_models.system.layout import Wiring, lay_out

if TYPE_CHECKING:
    from plant_models.system.plant import SystemPlant

_SAME_COOLANT = 4e-4
"""Of the heat capacity. Round a loop the differences add up to nothing, so what is lost is this share of the heat that
is moved, no matter how warm: less than half of the 0.1 % to which a whole has to close. Waters taken at anything from
28 to 48 °C are that near."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Composition:
    """Components under construction.

    A port is ``instance.port`` here. In the plant that :meth:`build` makes, inputs, outputs, states and faults are
    ``instance_port``.
    """

    def __init__(self) -> None:
        self._components: dict[str, Component] = {}
        self._sources: dict[tuple[str, str], tuple[str, str]] = {}
        self._shared: dict[tuple[str, str], str] = {}
        self._exposed: list[tuple[str, str]] = []
        self._held: dict[tuple[str, str], float] = {}

    def add(self, name: str, component: Component) -> None:
        """Add ``component`` as ``name``.

        Raises
        ------
        PlantSettingError
            The name is taken or is no name (small letters, digits, underscores).
        """
        if not _NAME.fullmatch(name):
            raise PlantSettingError(
                f"{name!r} is no name: small letters, digits and underscores, a letter first"
            )
        if name in self._components:
            raise PlantSettingError(f"there are two components {name!r}")
        self._components[name] = component

    def wire(self, source: str, *targets: str) -> None:
        """Let the output ``source`` drive the inputs ``targets``, each of which has no other writer.

        Raises
        ------
        PlantSettingError
            No such port, different units or coolants, or a second writer.
        """
        output = self._output(source)
        for target in targets:
            port = self._free(target)
            here, there = self._unit(output), port.unit
            if here != there:
                raise PlantSettingError(f"{source} is in {here}, {target} in {there}")
            place = self._split(target)
            self._same_coolant(output, place)
            self._sources[place] = output

    def share(self, name: str, *targets: str) -> None:
        """Make one input ``name`` of the whole that drives all ``targets``; it starts where the first does.

        Raises
        ------
        PlantSettingError
            No such port, different units, a second writer, or the name is taken.
        """
        if name in self._shared.values() or not _NAME.fullmatch(name):
            raise PlantSettingError(f"an input {name!r}: the name is taken, or is none")
        units = {self._free(target).unit for target in targets}
        if len(units) != 1:
            raise PlantSettingError(f"input {name!r} would be in {', '.join(sorted(units)) or 'no unit'}")
        for target in targets:
            self._shared[self._split(target)] = name

    def expose(self, *targets: str) -> None:
        """Make optional inputs inputs of the whole; unexposed and unwired they hold their value.

        Raises
        ------
        PlantSettingError
            No such input, or it has a writer.
        """
        for target in targets:
            self._free(target)
            self._exposed.append(self._split(target))

    def hold(self, target: str, value: float) -> None:
        """Hold an input at ``value``, for good; an exposed one starts there.

        Raises
        ------
        PlantSettingError
            No such input, it has a writer, or the value is outside its domain.
        """
        port = self._free(target)
        if not port.low <= value <= port.high:
            raise PlantSettingError(f"{target} = {value!r} is outside {port.low:g} … {port.high:g}")
        self._held[self._split(target)] = float(value)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Outputs of all components, as ``instance.port``."""
        return tuple(
            f"{name}.{port.name}" for name, made in self._components.items() for port in made.outputs
        )

    @property
    def free_inputs(self) -> dict[str, InputPort]:
        """Inputs that no wire and no shared input drives, by ``instance.port``."""
        return {
            f"{name}.{port.name}": port
            for name, made in self._components.items()
            for port in made.inputs
            if (name, port.name) not in self._sources and (name, port.name) not in self._shared
        }

    def build(self, outputs: Iterable[str] | None = None, *, longest_substep_s: float = 0.25) -> SystemPlant:
        """Order the whole and make a plant of it.

        Parameters
        ----------
        outputs : iterable of str, optional
            Outputs of the whole, as ``instance.port``; all by default. ``energy_residual_kw`` comes last.
        longest_substep_s : float
            Of the integrator, 0.05 … 0.5. 0.5 takes little more than half the time of 0.25; components that are
            faster shorten it by themselves.

        Raises
        ------
        PlantSettingError
            No component, no such output, a substep out of range, an algebraic loop (its ports are named), or two
            ports whose names become the same.
        """
        from plant_models.system.plant import SystemPlant  # noqa: PLC0415 - brings numba's kernels with it

        if not 0.05 <= longest_substep_s <= 0.5:
            raise PlantSettingError(f"longest_substep_s = {longest_substep_s!r} is outside 0.05 … 0.5")
        if not self._components:
            raise PlantSettingError("a composition without components")
        chosen = [
            self._output(text)
            for text in (
                outputs
                if outputs is not None
                else (
                    f"{name}.{port.name}" for name, made in self._components.items() for port in made.outputs
                )
            )
        ]
        wiring = Wiring(
            components=dict(self._components),
            sources=dict(self._sources),
            shared=dict(self._shared),
            exposed=tuple(self._exposed),
            held=dict(self._held),
            chosen=tuple(chosen),
        )
        return SystemPlant(lay_out(wiring), longest_substep_s)

    def _split(self, text: str) -> tuple[str, str]:
        name, dot, port = text.partition(".")
        if not dot:
            raise PlantSettingError(f"{text!r} is no port; write instance.port")
        if name not in self._components:
            raise PlantSettingError(f"no component {name!r}; {hint(name, self._components)}")
        return name, port

    def _output(self, text: str) -> tuple[str, str]:
        name, port = self._split(text)
        known = [output.name for output in self._components[name].outputs]
        if port not in known:
            raise PlantSettingError(f"{name} has no output {port!r}; {hint(port, known)}")
        return name, port

    def _free(self, text: str) -> InputPort:
        name, port = self._split(text)
        known = {input_.name: input_ for input_ in self._components[name].inputs}
        if port not in known:
            raise PlantSettingError(f"{name} has no input {port!r}; {hint(port, known)}")
        if (name, port) in self._sources:
            raise PlantSettingError(f"{text} is written by {'.'.join(self._sources[name, port])} already")
        if (name, port) in self._shared:
            raise PlantSettingError(f"{text} is written by the input {self._shared[name, port]!r} already")
        return known[port]

    def _unit(self, output: tuple[str, str]) -> str:
        name, port = output
        return next(found.unit for found in self._components[name].outputs if found.name == port)

    def _same_coolant(self, source: tuple[str, str], target: tuple[str, str]) -> None:
        ends = [
            (place, self._components[place[0]].heat_capacity_j_kgk.get(place[1]))
            for place in (source, target)
        ]
        (_, first), (_, second) = ends
        if first is not None and second is not None and abs(first - second) > _SAME_COOLANT * first:
            raise PlantSettingError(
                f"{'.'.join(source)} carries a coolant of {first:g} J/kgK, {'.'.join(target)} one of {second:g}: "
                f"{abs(first - second) / first:.2%} of the heat would be lost between them (at most "
                f"{_SAME_COOLANT:.2%}). Size both with the same water: cp_j_kgk of a component, fws_properties of a "
                "CDU's datasheet"
            )
