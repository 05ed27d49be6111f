"""From profiles as users write them to profiles over time, in the unit of their signal."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from pathlib import Path

from hil.config.csv_column import CsvColumn, asked_for_by, read_column
from hil.config.file_kinds import read_kind
from hil.config.nearest import one_of
from hil.config.number_hints import number_hint
from hil.config.profiles import (
    AiWorkloadProfile,
    AnyProfile,
    ConstantProfile,
    CsvProfile,
    FileProfile,
    InferenceProfile,
    JobsProfile,
    RampProfile,
    ShareProfile,
    SquareProfile,
    StepProfile,
)
from hil.config.schema import SignalConfig
from hil.config.strict import Strict, WrongKeyError, validate
from hil.config.units import UNITS, affine, unit_hint, unit_of_name
from hil.config.weather import WeatherProfile
from hil.config.yaml_lines import Document, Path_
from hil.errors import ConfigError, Problem
from hil.loop.source import Profile
from hil.rig.weather import Years, levels_within, start_s
from hil.rig.workloads import Made, ai_workload, inference, jobs, weight_of
from plant_models import workload
from plant_models.weather.series import QUANTITIES, YEAR_S

_CSV_LOAD = re.compile(r"^(?P<file>.+?\.csv(?:\.gz)?)(?::(?P<column>.*))?$", re.IGNORECASE)
_WHOLE_YEAR_FROM_S = 31 * 86400.0
"""A run as long as this, or without an end, is held against the weather of the whole year."""


@dataclass(frozen=True, slots=True)
class BuiltProfile:
    """A profile, the way from its unit to the signal's (x ``factor`` + ``offset``), and all its extremes.

    ``assumed_unit`` is the signal's unit where nothing says which one a CSV column is in; ``held_after_s`` is when
    a file's samples are over and its last value is only held.
    """

    profile: Profile
    factor: float
    offset: float
    low: float
    high: float
    assumed_unit: str | None = None
    held_after_s: float | None = None


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
    years: Years = field(default_factory=Years)
    parts: dict[Hashable, Made] = field(default_factory=dict)
    """Loads that shares are of, made so far."""

    def refuse(self, what: str, hint: str = "", *keys: str) -> ConfigError:
        """Make the error for something wrong with this profile."""
        return ConfigError(self.document.problem((*self.path, *keys), f"{self.name}: {what}", hint))


_Levels = (
    ConstantProfile
    | StepProfile
    | RampProfile
    | SquareProfile
    | CsvProfile
    | AiWorkloadProfile
    | InferenceProfile
    | JobsProfile
    | ShareProfile
    | WeatherProfile
)


def build_profile(config: AnyProfile, asked: Asked) -> BuiltProfile:
    """Build one profile; ``ConfigError`` where it cannot be, or where it leaves the signal's range."""
    if isinstance(config, FileProfile):
        return _from_file(config, asked)
    if isinstance(config, (int, float)):
        config = ConstantProfile(type="constant", level=float(config))
    profile, levels, own_unit = _tried(config, asked)
    unit = _unit(config, own_unit, asked)
    factor, offset = affine(unit, asked.signal.unit)
    if isinstance(config, WeatherProfile):
        offset += factor * config.offset_k
    low, high = (level * factor + offset for level in (min(levels), max(levels)))
    bottom, top = asked.signal.range
    if low < bottom or high > top:
        raise _beyond_range(config, asked, factor, offset, (low, high))
    assumed = isinstance(config, CsvProfile) and config.unit is None and own_unit is None
    return BuiltProfile(profile, factor, offset, low, high, unit if assumed else None, _held_after_s(profile))


def _tried(config: _Levels, asked: Asked) -> Made:
    """As :func:`_make`, with what cannot be told at its place."""
    try:
        return _make(config, asked)
    except workload.WorkloadError as error:
        raise asked.refuse(str(error)) from error
    except WrongKeyError as error:
        raise asked.refuse(str(error), error.hint, error.key) from error


def _held_after_s(profile: Profile) -> float | None:
    """When a file's samples are over and its last value is only held, s; None where it goes on."""
    if isinstance(profile, workload.Share):
        of_s = _held_after_s(profile.of)
        return None if of_s is None else of_s + profile.lag_s
    if not isinstance(profile, workload.Sampled) or profile.repeat:
        return None
    return 2 * profile.times_s[-1] - profile.times_s[-2]


def _unit(config: _Levels, own_unit: str | None, asked: Asked) -> str:
    """Give the unit of the levels: as written, as the file gives it, else the signal's."""
    written = None if isinstance(config, WeatherProfile) else config.unit
    unit = written or own_unit or asked.signal.unit
    if unit not in UNITS:
        raise asked.refuse(f"unknown unit {unit!r}", unit_hint(unit), "unit")
    if UNITS[unit].dimension != UNITS[asked.signal.unit].dimension:
        source = "the profile"
        if isinstance(config, CsvProfile | WeatherProfile):
            source = f"the column {config.column!r}" if isinstance(config, CsvProfile) else config.quantity
        what = f"unit mismatch: {source} is in {unit}, and the signal is in {asked.signal.unit}"
        raise asked.refuse(what, f"give levels in {asked.signal.unit}, or another signal", "unit")
    return unit


def _make(config: _Levels, asked: Asked) -> Made:
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
        case _:
            return _make_long(config, asked)


def _make_long(
    config: CsvProfile | AiWorkloadProfile | InferenceProfile | JobsProfile | ShareProfile | WeatherProfile,
    asked: Asked,
) -> Made:
    """As :func:`_make`, for what is read or drawn."""
    match config:
        case CsvProfile():
            column = _read(config, asked)
            sampled = workload.Sampled(column.times_s, column.values, config.interpolation, config.repeat)
            return sampled, column.values, unit_of_name(config.column)
        case AiWorkloadProfile():
            return ai_workload(config, asked.seed, asked.duration_s)
        case InferenceProfile():
            return inference(config, asked.seed)
        case JobsProfile():
            return jobs(config, asked.seed)
        case ShareProfile():
            return _share(config, asked)
        case WeatherProfile():
            return _weather(config, asked)


def _read(config: CsvProfile, asked: Asked) -> CsvColumn:
    place = asked.document.problem(asked.path, "")
    return read_column(asked.folder / config.file, config.column.strip(), config.max_gap_s, place)


def _weather(config: WeatherProfile, asked: Asked) -> Made:
    if config.quantity not in QUANTITIES:
        what = f"weather has no quantity {config.quantity!r}"
        raise asked.refuse(what, one_of(config.quantity, QUANTITIES), "quantity")
    year = asked.years.year(config, asked.folder, asked.seed)
    begin_s = start_s(config, year)
    length_s = asked.duration_s if asked.duration_s < _WHOLE_YEAR_FROM_S else YEAR_S
    levels = levels_within(year, config.quantity, begin_s, length_s)
    return year.profile(config.quantity, begin_s), levels, QUANTITIES[config.quantity][0]


def _share(config: ShareProfile, asked: Asked) -> Made:
    """Part of another load, which all parts of it share: twelve of them read its file or draw it once."""
    weight = weight_of(config, asked.seed)
    of, inside = _whole(config, asked)
    if isinstance(of, WeatherProfile):
        raise asked.refuse("there are no shares of the weather", "give the load that is shared", "of")
    key = (of, inside.folder, inside.seed, inside.duration_s)
    if key not in asked.parts:
        asked.parts[key] = _tried(of, inside)
    whole, levels, own_unit = asked.parts[key]
    assert isinstance(whole, workload.Profile)
    unit = of.unit or own_unit
    if config.unit is not None and unit is not None and config.unit != unit:
        raise asked.refuse(f"the whole is in {unit}, and so are its shares, not in {config.unit}", "", "unit")
    part = workload.Share(whole, weight, config.lag_s)
    return part, (weight * min(levels), weight * max(levels)), unit


def _whole(config: ShareProfile, asked: Asked) -> tuple[_Levels, Asked]:
    """Give the load that is shared, and who asks for it there."""
    of, inside = config.of, replace(asked, path=(*asked.path, "of"))
    if isinstance(of, FileProfile):
        of, inside = _inside_file(of, inside)
    if isinstance(of, (int, float)):
        of = ConstantProfile(type="constant", level=float(of))
    assert not isinstance(of, FileProfile)
    return of, inside


def _from_file(config: FileProfile, asked: Asked) -> BuiltProfile:
    return build_profile(*_inside_file(config, asked))


def _inside_file(config: FileProfile, asked: Asked) -> tuple[AnyProfile, Asked]:
    """Profile of a load file, and who asks for it there."""
    path = asked.folder / config.file
    try:
        inner, document = load_profile_file(path)
    except ConfigError as error:
        raise ConfigError(asked_for_at(error, asked.document, (*asked.path, "file"))) from error
    return inner, replace(asked, document=document, path=(), folder=path.parent)


def asked_for_at(error: ConfigError, document: Document, path: Path_) -> list[Problem]:
    """Tell of a file that is not there at the place that asks for it; one that is wrong names its own lines."""
    return [
        problem
        if problem.line is not None
        else document.problem(path, f"{problem.file}: {problem.what}", problem.hint)
        for problem in error.problems
    ]


class _LoadFile(Strict):
    """Only to validate a file with one profile in it."""

    profile: AnyProfile


def load_profile_file(path: Path) -> tuple[AnyProfile, Document]:
    """Read a load file: YAML with the keys of one profile. ``ConfigError`` names file and line."""
    document = read_kind(path, "load")
    nested = Document(document.file, {"profile": document.data},
                      {("profile", *where): line for where, line in document.lines.items()})  # fmt: skip
    try:
        profile = validate(_LoadFile, nested).profile
    except ConfigError as error:
        # "profile" is a key of ours, not of the file.
        problems = [replace(p, what=_own_words(p.what)) for p in error.problems]
        raise ConfigError(problems) from error
    if isinstance(profile, FileProfile):
        what = "a load file holds a profile, not the name of another file"
        raise ConfigError(document.problem(("file",), what))
    return profile, document


def _own_words(what: str) -> str:
    return what.removeprefix("profile.") if what.startswith("profile.") else what.removeprefix("profile: ")


def parse_load(text: str, cwd: Path) -> tuple[AnyProfile, Document]:
    """Read what ``--load`` was given: ``FILE.yaml``, ``FILE.csv:COLUMN`` (also .gz), or a number.

    ``ConfigError`` says what it may be.
    """
    here = Document("--load", {})
    hint = "a number, FILE.yaml, or FILE.csv:COLUMN (also .csv.gz)"
    try:
        level = float(text)
    except ValueError:
        level = None
    if level is not None and math.isfinite(level):
        return level, here
    if text.lower().endswith((".yaml", ".yml")):
        return load_profile_file(cwd / text)
    # A Windows path has a colon of its own, before the first ".csv".
    csv = _CSV_LOAD.match(text)
    if csv is None:
        what = f"{text!r} is not a load" if level is None else f"{text} is not a finite number"
        raise ConfigError(Problem("--load", None, what, number_hint(text) or hint))
    if not csv["column"]:
        right = f"give it after a colon: {csv['file']}:<column>"
        raise ConfigError(Problem("--load", None, f"{csv['file']}: which column?", right))
    return CsvProfile(type="csv", file=csv["file"], column=csv["column"]), here


def _beyond_range(
    config: _Levels, asked: Asked, factor: float, offset: float, reach: tuple[float, float]
) -> ConfigError:
    """Make the error for levels outside the signal's range; those of a CSV file are told at their line there."""
    hint = "widen the signal's range if the plant can take it, or lower the profile"
    weights: list[float] = []
    of, inside = config, asked
    while isinstance(of, ShareProfile):
        weights.insert(0, weight_of(of, inside.seed))
        of, inside = _whole(of, inside)
    if isinstance(of, CsvProfile):

        def level(cell: float) -> float:
            return math.prod(weights, start=cell) * factor + offset

        return ConfigError(_first_beyond(of, inside, level, hint))
    low, high = (f"{level:g}" for level in reach)
    bottom, top = asked.signal.range
    what = f"takes {low if low == high else f'{low} to {high}'} {asked.signal.unit}"
    return asked.refuse(f"{what}, outside the signal's range [{bottom:g}, {top:g}]", hint)


def _first_beyond(config: CsvProfile, asked: Asked, level_of: Callable[[float], float], hint: str) -> Problem:
    """Tell of the first cell whose level is outside the signal's range."""
    (bottom, top), unit = asked.signal.range, asked.signal.unit
    column = _read(config, asked)
    beyond = [n for n, cell in enumerate(column.values) if not bottom <= level_of(cell) <= top]
    cell = column.values[beyond[0]]
    level = level_of(cell)
    takes = f"{level:g} {unit}" if level == cell else f"{cell:g} is {level:g} {unit}"
    what = f"{asked.name}: {config.column.strip()} {takes}, outside the signal's range [{bottom:g}, {top:g}]"
    if len(beyond) > 1:
        what += f", and {len(beyond) - 1} more of {len(column.values)} rows"
    what += asked_for_by(asked.document.problem(asked.path, ""))
    return Problem(str(asked.folder / config.file), column.lines[beyond[0]], what, hint)
