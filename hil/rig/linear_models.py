"""Linear models of a rig's plants, between its signals, for the loops' margins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from hil.config.plants import (
    CduConfig,
    FacilityConfig,
    PvPlantConfig,
    StateSpaceConfig,
    SystemConfig,
    TransferFunctionConfig,
    WanConfig,
)
from hil.rig.build import Rig
from hil.rig.operating_point import operating_point
from plant_models import CduPlant, PlantError, SystemPlant
from plant_models.discretize import StateSpace, checked, realize


@dataclass(frozen=True, slots=True)
class LinearModel:
    """A plant's linear model and its signals; None stands for an input held constant, an output not wired."""

    matrices: StateSpace
    dead_time_s: float
    inputs: tuple[str | None, ...]
    outputs: tuple[str | None, ...]

    def between(self, wanted: Collection[str]) -> LinearModel | None:
        """Give the same of the ``wanted`` signals only, each input signal once; None where it joins none of them."""
        causes = list(dict.fromkeys(signal for signal in self.inputs if signal in wanted))
        rows = [row for row, signal in enumerate(self.outputs) if signal in wanted]
        if not causes or not rows:
            return None
        joined = np.array([[float(signal == cause) for cause in causes] for signal in self.inputs])
        model = self.matrices
        matrices = StateSpace(model.a, model.b @ joined, model.c[rows], model.d[rows] @ joined)
        return LinearModel(
            matrices, self.dead_time_s, tuple(causes), tuple(self.outputs[row] for row in rows)
        )


@dataclass(frozen=True, slots=True)
class Models:
    """The plants of a rig that have a linear model, and why the others have none, by name."""

    linear: tuple[LinearModel, ...]
    missing: Mapping[str, str]


def linear_models(rig: Rig) -> Models:
    """Linearise every plant; takes up to a second."""
    found: list[LinearModel] = []
    missing: dict[str, str] = {}
    for name in rig.wired_plants:
        try:
            found.append(_linear(rig, name))
        except (PlantError, ArithmeticError, ValueError) as error:
            missing[name] = str(error)
    return Models(tuple(found), missing)


def why_unknown(rig: Rig, models: Models, loop: str) -> str | None:
    """Say which plant without a linear model stands between a loop's output and its measured value, and why."""
    config = rig.config.pids[loop]
    after: dict[str, set[str]] = {}
    for cause, effect in ways(rig, apart_from=loop):
        after.setdefault(cause, set()).add(effect)
    moved = reached(after, [config.applied or config.output])
    for name, why in models.missing.items():
        wired = rig.wired_plants[name]
        is_moved = any(entry in moved for entry in wired.inputs if isinstance(entry, str))
        outputs = [signal for signal in wired.outputs if signal is not None]
        if is_moved and config.measured in reached(after, outputs):
            return f"plant {name} has no linear model here: {why}"
    return None


def ways(rig: Rig, apart_from: str | None = None) -> Iterable[tuple[str, str]]:
    """Signals that move others: through plants, devices and the loops but one."""
    for wired in rig.wired_plants.values():
        outputs = [signal for signal in wired.outputs if signal is not None]
        yield from ((entry, out) for entry in wired.inputs if isinstance(entry, str) for out in outputs)
    for name, signal in rig.config.signals.items():
        if signal.mirrors is not None:
            yield signal.mirrors, name
    for name, loop in rig.config.pids.items():
        if name != apart_from:
            yield loop.measured, loop.output
            yield loop.setpoint, loop.output
            if loop.feedforward is not None:
                yield loop.feedforward.signal, loop.output


def reached(after: Mapping[str, set[str]], starts: Iterable[str]) -> set[str]:
    """Signals to which a way leads from ``starts``, these included."""
    seen, waiting = set[str](), [*starts]
    while waiting:
        signal = waiting.pop()
        if signal not in seen:
            seen.add(signal)
            waiting += after.get(signal, ())
    return seen


def _linear(rig: Rig, name: str) -> LinearModel:
    """Give a plant as a linear model: a CDU by python-control's bridge, any other as it is written in the rig."""
    config, wired = rig.config.plants[name], rig.wired_plants[name]
    inputs = tuple(entry if isinstance(entry, str) else None for entry in wired.inputs)
    match config:
        case CduConfig() | SystemConfig() | FacilityConfig():
            matrices = _linearized(rig, name)
        case WanConfig():
            # As late as a message can be. What is received has no dynamics; the age answers to nothing.
            late_s = config.delay_s + config.jitter_s
            through = np.eye(len(wired.outputs), len(inputs))
            none = np.zeros((0, 0)), np.zeros((0, len(inputs))), np.zeros((len(wired.outputs), 0))
            return LinearModel(StateSpace(*none, through), late_s, inputs, wired.outputs)
        case PvPlantConfig():
            raise PlantError("what it gives is the sun's or the limit's, and no straight line between")
        case TransferFunctionConfig():
            matrices = realize(config.numerator, config.denominator)
        case StateSpaceConfig():
            through_ = config.D or [[0.0] * len(config.inputs) for _ in config.outputs]
            matrices = checked(config.A, config.B, config.C, through_)
    dead_time_s = config.dead_time_s if isinstance(config, TransferFunctionConfig | StateSpaceConfig) else 0.0
    return LinearModel(matrices, dead_time_s, inputs, wired.outputs)


def _linearized(rig: Rig, name: str) -> StateSpace:
    plant = rig.wired_plants[name].plant
    assert isinstance(plant, CduPlant | SystemPlant)
    # python-control takes more than a second to load, which no run of another plant needs to wait for.
    from plant_models.io_system import linearize  # noqa: PLC0415

    if isinstance(plant, CduPlant):
        found = linearize(plant, operating_point(rig, name))
    else:
        entries = zip(plant.input_ports, rig.wired_plants[name].inputs, strict=True)
        found = linearize(plant, held=[port.name for port, entry in entries if not isinstance(entry, str)])
    return checked(found.A, found.B, found.C, found.D)
