"""Whether a rig's blocks and signals fit: one writer a signal, no reader without one, units that match."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hil.config.nearest import did_you_mean
from hil.config.schema import RigConfig, SignalConfig
from hil.config.units import UNITS, unit_hint
from hil.config.yaml_lines import Document, Path_
from hil.errors import Problem


@dataclass(frozen=True, slots=True)
class Use:
    """One block's use of one signal.

    Attributes
    ----------
    signal : str
        As the block names it.
    path : tuple
        Where in the rig file.
    block : str
        For messages, for example ``plants.cdu``.
    kind : {"read", "write"}
        From the block's side.
    unit : str or None
        The unit the block needs; None where it takes any.
    """

    signal: str
    path: Path_
    block: str
    kind: Literal["read", "write"]
    unit: str | None = None


def check_signals(document: Document, config: RigConfig) -> list[Problem]:
    """Check every signal by itself: unit known, range the right way round, failsafe and initial value inside it."""
    problems: list[Problem] = []
    for name, signal in config.signals.items():
        path: Path_ = ("signals", name)
        low, high = signal.range
        if signal.unit not in UNITS:
            what = f"signal {name}: unknown unit {signal.unit!r}"
            problems.append(document.problem((*path, "unit"), what, unit_hint(signal.unit)))
        if low >= high:
            hint = f"did you mean [{high:g}, {low:g}]?" if low > high else "the range must have some width"
            what = f"signal {name}: range [{low:g}, {high:g}] {signal.unit} is inverted or empty"
            problems.append(document.problem((*path, "range"), what, hint))
            continue
        for key, value in (("failsafe", signal.failsafe), ("initial", signal.initial)):
            if value is not None and not low <= value <= high:
                what = (
                    f"signal {name}: {key} {value:g} {signal.unit} is outside the range [{low:g}, {high:g}]"
                )
                problems.append(
                    document.problem((*path, key), what, f"nearest inside: {min(max(value, low), high):g}")
                )
        problems += _mirror_problems(document, config, name)
    return problems


def _mirror_problems(document: Document, config: RigConfig, name: str) -> list[Problem]:
    signal, path = config.signals[name], ("signals", name, "mirrors")
    if signal.mirrors is None:
        return []
    original = config.signals.get(signal.mirrors)
    if original is None or signal.mirrors == name:
        others = [other for other in config.signals if other != name]
        which = "which is itself" if original is not None else "which is no signal of this rig"
        what = f"signal {name} mirrors {signal.mirrors!r}, {which}"
        return [document.problem(path, what, did_you_mean(signal.mirrors, others))]
    if original.unit != signal.unit:
        what = f"unit mismatch: signal {name} in {signal.unit} mirrors {signal.mirrors} in {original.unit}"
        return [document.problem(path, what, "a copy is in the unit of its original")]
    return []


def check_uses(document: Document, signals: Mapping[str, SignalConfig], uses: Sequence[Use]) -> list[Problem]:
    """Check all uses: names that exist, one writer each, at least one writer for what is read, units that match."""
    problems: list[Problem] = []
    writers: dict[str, list[Use]] = defaultdict(list)
    readers: dict[str, list[Use]] = defaultdict(list)
    for use in uses:
        if use.signal not in signals:
            what = f"{use.block} {use.kind}s the signal {use.signal!r}, which the rig does not declare"
            hint = did_you_mean(use.signal, signals) or "declare it under signals"
            problems.append(document.problem(use.path, what, hint))
            continue
        (writers if use.kind == "write" else readers)[use.signal].append(use)
        declared = signals[use.signal].unit
        if use.unit is not None and use.unit != declared:
            problems.append(_unit_problem(document, use, declared))
    for name in signals:
        problems += _writer_problems(document, name, writers[name], readers[name])
    return problems


def _unit_problem(document: Document, use: Use, declared: str) -> Problem:
    what = (
        f"unit mismatch: {use.block} {use.kind}s {use.signal} in {use.unit}, and the signal is in {declared}"
    )
    same = declared in UNITS and use.unit in UNITS and UNITS[declared].dimension == UNITS[use.unit].dimension
    hint = f"declare {use.signal} in {use.unit}" if same else f"wire a signal in {use.unit} here"
    return document.problem(use.path, what, hint)


def _writer_problems(document: Document, name: str, writers: list[Use], readers: list[Use]) -> list[Problem]:
    if len(writers) > 1:
        first = writers[0]
        where = f"{first.block} (line {document.line(*first.path)})"
        return [
            document.problem(
                second.path,
                f"two writers: {second.block} writes {name}, and so does {where}",
                "exactly one block writes a signal: give one of them a signal of its own",
            )
            for second in writers[1:]
        ]
    if not writers and readers:
        users = ", ".join(sorted({use.block for use in readers}))
        what = f"no writer: nothing writes {name}, which {users} reads"
        hint = f"wire an output to it, or give it a source: sources: {{{name}: <number>}}"
        return [document.problem(readers[0].path, what, hint)]
    return []
