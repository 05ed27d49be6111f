"""From profiles as users write them to profiles over time, in the unit of their signal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from hil.config.csv_column import read_column
from hil.config.profiles import (
    AiWorkloadProfile,
    AnyProfile,
    ConstantProfile,
    CsvProfile,
    FileProfile,
    RampProfile,
    SquareProfile,
    StepProfile,
)
from hil.config.schema import SignalConfig
from hil.config.strict import Strict, validate
from hil.config.units import UNITS, affine, unit_hint, unit_of_name
from hil.config.yaml_lines import Document, Path_, read_yaml
from hil.errors import ConfigError, Problem
from hil.loop.source import Profile
from plant_models import workload

_KILO = "kW"
"""Unit in which an AI workload's powers are written."""


@dataclass(frozen=True, slots=True)
class BuiltProfile:
    """A profile, the way from its unit to the signal's (x ``factor`` + ``offset``), and all its extremes."""

    profile: Profile
    factor: float
    offset: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a profile: the signal, where it is written, and what it may depend on."""

    name: str
    signal: SignalConfig
    document: Document
    path: Path_
    folder: Path
    seed: int
    duration_s: float

    def refuse(self, what: str, hint: str = "", *keys: str) -> ConfigError:
        """Make the error for something wrong with this profile."""
        return ConfigError(self.document.problem((*self.path, *keys), f"{self.name}: {what}", hint))


def build_profile(config: AnyProfile, asked: Asked) -> BuiltProfile:
    """Build one profile; ``ConfigError`` where it cannot be, or where it leaves the signal's range."""
    if isinstance(config, FileProfile):
        return _from_file(config, asked)
    if isinstance(config, (int, float)):
        config = ConstantProfile(type="constant", level=float(config))
    try:
        profile, levels, own_unit = _make(config, asked)
    except workload.WorkloadError as error:
        raise asked.refuse(str(error)) from error
    unit = config.unit or own_unit or asked.signal.unit
    if unit not in UNITS:
        raise asked.refuse(f"unknown unit {unit!r}", unit_hint(unit), "unit")
    if UNITS[unit].dimension != UNITS[asked.signal.unit].dimension:
        raise asked.refuse(
            f"unit mismatch: the profile is in {unit}, and the signal is in {asked.signal.unit}"
        )
    factor, offset = affine(unit, asked.signal.unit)
    low, high = (level * factor + offset for level in (min(levels), max(levels)))
    _check_range(asked, low, high)
    return BuiltProfile(profile, factor, offset, low, high)


def _make(config: Strict, asked: Asked) -> tuple[Profile, Sequence[float], str | None]:
    """Profile, all levels it can take, and the unit its file gives it."""
    match config:
        case ConstantProfile():
            return workload.Constant(config.level), (config.level,), None
        case StepProfile():
            steps = tuple((step.at_s, step.level) for step in config.steps)
            return workload.Step(config.before, steps), (config.before, *(level for _, level in steps)), None
        case RampProfile():
            ramp = workload.Ramp(config.start_level, config.end_level, config.start_s, config.end_s)
            return ramp, (config.start_level, config.end_level), None
        case SquareProfile():
            pulse = workload.SquarePulse(
                config.low, config.high, config.period_s, config.duty, config.edge_time_s, config.start_s
            )
            return pulse, (config.low, config.high), None
        case CsvProfile():
            place = asked.document.problem(asked.path, "")
            column = read_column(asked.folder / config.file, config.column, config.max_gap_s, place)
            sampled = workload.Sampled(column.times_s, column.values, config.interpolation, config.repeat)
            return sampled, column.values, unit_of_name(config.column)
        case AiWorkloadProfile():
            return _ai_workload(config, asked)
    raise TypeError(f"no builder for {type(config).__name__}")


def _ai_workload(config: AiWorkloadProfile, asked: Asked) -> tuple[Profile, Sequence[float], str | None]:
    load = workload.AiWorkload(
        seed=asked.seed if config.seed is None else config.seed,
        racks=config.racks, rack_power=config.rack_power_kw, swing=config.swing_kw,
        crest_s=config.crest_s, trough_s=config.trough_s, job_s=config.job_s, idle_s=config.idle_s,
        edge_time_s=config.edge_time_s, checkpoint_every_s=config.checkpoint_every_s,
        checkpoint_s=config.checkpoint_s, duration_s=asked.duration_s,
    )  # fmt: skip
    levels = (config.racks * (config.rack_power_kw - config.swing_kw[1]), config.racks * config.rack_power_kw)
    return load, levels, _KILO


def _from_file(config: FileProfile, asked: Asked) -> BuiltProfile:
    path = asked.folder / config.file
    try:
        inner, document = load_profile_file(path)
    except ConfigError as error:
        # A file that is not there is the asker's mistake; one that is wrong names its own lines.
        asking = asked.document.file, asked.document.line(*asked.path)
        problems = [
            problem
            if problem.line is not None
            else Problem(*asking, f"{problem.file}: {problem.what}", problem.hint)
            for problem in error.problems
        ]
        raise ConfigError(problems) from error
    if isinstance(inner, FileProfile):
        raise ConfigError(
            document.problem(("file",), "a load file holds a profile, not the name of another file")
        )
    inside = Asked(asked.name, asked.signal, document, (), path.parent, asked.seed, asked.duration_s)
    return build_profile(inner, inside)


class _LoadFile(Strict):
    """Only to validate a file with one profile in it."""

    profile: AnyProfile


def load_profile_file(path: Path) -> tuple[AnyProfile, Document]:
    """Read a load file: YAML with the keys of one profile. ``ConfigError`` names file and line."""
    document = read_yaml(path)
    nested = Document(document.file, {"profile": document.data},
                      {("profile", *where): line for where, line in document.lines.items()})  # fmt: skip
    return validate(_LoadFile, nested).profile, document


def parse_load(text: str, cwd: Path) -> tuple[AnyProfile, Document]:
    """Read what ``--load`` was given: ``FILE.yaml``, ``FILE.csv:COLUMN`` (also .gz), or a number.

    ``ConfigError`` says what it may be.
    """
    here = Document("--load", {})
    try:
        return TypeAdapter(float).validate_python(float(text)), here
    except ValueError:
        pass
    if text.endswith((".yaml", ".yml")):
        return load_profile_file(cwd / text)
    file, separator, column = text.rpartition(":")
    if separator and file.endswith((".csv", ".csv.gz")):
        return CsvProfile(type="csv", file=file, column=column), here
    if text.endswith((".csv", ".csv.gz")):
        raise ConfigError(
            Problem("--load", None, f"{text}: which column?", f"give it after a colon: {text}:<column>")
        )
    hint = "a number, FILE.yaml, or FILE.csv:COLUMN (also .csv.gz)"
    raise ConfigError(Problem("--load", None, f"{text!r} is not a load", hint))


def _check_range(asked: Asked, low: float, high: float) -> None:
    bottom, top = asked.signal.range
    if bottom <= low and high <= top:
        return
    reach = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    what = f"takes {reach} {asked.signal.unit}, outside the signal's range [{bottom:g}, {top:g}]"
    raise asked.refuse(what, "widen the signal's range if the plant can take it, or lower the profile")
