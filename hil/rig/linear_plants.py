"""Linear plants of a rig: transfer functions and matrices, between signals in order."""

from __future__ import annotations

import numpy as np

from hil.config.plants import StateSpaceConfig, TransferFunctionConfig
from hil.config.units import UNITS
from hil.config.yaml_lines import Path_
from hil.rig.draft import Draft
from plant_models import LinearPlant, PlantError, Port

_MOST_PERIODS = 100_000
"""Longest dead time, in periods of the loop: every one of them is kept."""


def make_linear(
    draft: Draft, name: str, config: TransferFunctionConfig | StateSpaceConfig
) -> LinearPlant | None:
    """Make the plant of ``plants.<name>``; None where it cannot be made, which is then told by its uses or here."""
    path, signals = ("plants", name), draft.config.signals
    if config.dead_time_s > _MOST_PERIODS * draft.config.period_s:
        periods = config.dead_time_s / draft.config.period_s
        what = f"plant {name}: dead time {config.dead_time_s:g} s is {periods:g} periods"
        draft.refuse((*path, "dead_time_s"), what, f"at most {_MOST_PERIODS * draft.config.period_s:g} s")
        return None
    for side, names, note in (
        ("inputs", config.inputs, draft.reads),
        ("outputs", config.outputs, draft.writes),
    ):
        for number, signal in enumerate(names):
            note(signal, (*path, side, number), f"plants.{name}")
    if not {*config.inputs, *config.outputs} <= set(signals):
        return None
    ports_in = tuple(Port(signal, signals[signal].unit) for signal in config.inputs)
    ports_out = tuple(Port(signal, signals[signal].unit) for signal in config.outputs)
    known = {port.unit for port in (*ports_in, *ports_out)} <= set(UNITS)
    if not known or _levels_out_of_range(draft, name, config):
        return None
    try:
        # Numbers that leave the range of floats are an error here, not a plant of infinities.
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            plant = _make_linear(config, ports_in, ports_out, draft.config.period_s)
    except PlantError as error:
        draft.refuse(_where(path, str(error)), f"plant {name}: {error}")
        return None
    except (ArithmeticError, np.linalg.LinAlgError, ValueError) as error:
        what = f"plant {name}: its numbers are too large or too small to compute with ({error})"
        draft.refuse(path, what, "choose units in which the coefficients are of moderate size")
        return None
    return plant


def _levels_out_of_range(draft: Draft, name: str, config: TransferFunctionConfig | StateSpaceConfig) -> bool:
    """Refuse levels that their signals can never have: the model would be zero where the rig never is."""
    found = False
    for key, names, levels in (
        ("input_levels", config.inputs, config.input_levels),
        ("output_levels", config.outputs, config.output_levels),
    ):
        for number, (signal, level) in enumerate(zip(names, levels or (), strict=False)):
            (low, high), unit = draft.config.signals[signal].range, draft.config.signals[signal].unit
            if not low <= level <= high:
                found = True
                what = f"plants.{name}.{key}: {level:g} {unit} of {signal} is outside its range [{low:g}, {high:g}]"
                hint = f"nearest inside: {min(max(level, low), high):g}"
                draft.refuse(("plants", name, key, number), what, hint)
    return found


def _where(path: Path_, message: str) -> Path_:
    """Place of the polynomial, matrix or list of signals that a message of the linear plant is about."""
    words = message.split()[:2]
    key = next(
        (
            key
            for key in ("numerator", "denominator", "A", "B", "C", "D", "inputs", "outputs")
            if key in words
        ),
        None,
    )
    return path if key is None else (*path, key)


def _make_linear(
    config: TransferFunctionConfig | StateSpaceConfig,
    inputs: tuple[Port, ...],
    outputs: tuple[Port, ...],
    period_s: float,
) -> LinearPlant:
    if isinstance(config, TransferFunctionConfig):
        return LinearPlant.from_transfer_function(
            config.numerator, config.denominator, dead_time_s=config.dead_time_s, period_s=period_s,
            inputs=inputs, outputs=outputs, input_levels=config.input_levels, output_levels=config.output_levels,
        )  # fmt: skip
    D = 0.0 if config.D is None else config.D
    return LinearPlant.from_state_space(
        config.A, config.B, config.C, D, dead_time_s=config.dead_time_s, period_s=period_s,
        inputs=inputs, outputs=outputs, input_levels=config.input_levels, output_levels=config.output_levels,
    )  # fmt: skip
