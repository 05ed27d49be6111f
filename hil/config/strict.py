"""Base of every configuration model: strict types, unknown keys refused with the nearest known one, file and line."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator
from pydantic_core import ErrorDetails

from hil.config.nearest import nearest
from hil.config.plain_words import in_plain_words
from hil.config.yaml_lines import Document, Key, Path_
from hil.errors import ConfigError, Problem

LONGEST_S = 1e9
"""Thirty years: no time in a rig is longer, and all of them fit 64 bits of ns."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Pair = Annotated[tuple[Finite, Finite], Field(strict=False)]
Span = Annotated[float, Field(gt=0, le=LONGEST_S, allow_inf_nan=False)]
"""A length of time, s."""
Instant = Annotated[float, Field(ge=0, le=LONGEST_S, allow_inf_nan=False)]
"""A loop time or a length of time that may be 0, s."""


Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
"""Of a signal or a block: it becomes a column of the trend and a part of key figures, which dots separate."""


class WrongKeyError(ValueError):
    """Raised by a model's own checks: what is wrong with one of its keys, and the nearest right thing.

    A check of a single value gives no key.
    """

    def __init__(self, key: str, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.key = key
        self.hint = hint


class Strict(BaseModel):
    """A frozen model that takes no unknown key and coerces nothing."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _note_keys(cls, data: Any, info: ValidationInfo) -> Any:
        """Leave word of the keys known here: the refusal of an unknown one comes without them."""
        if isinstance(data, dict) and isinstance(info.context, dict):
            info.context[id(data)] = sorted(field.alias or name for name, field in cls.model_fields.items())
        return data


ModelT = TypeVar("ModelT", bound=BaseModel)


def validate(model: type[ModelT], document: Document, path: Path_ = ()) -> ModelT:
    """Validate what stands at ``path`` of ``document``; ``ConfigError`` holds every problem with its line."""
    data: Any = document.data
    for key in path:
        data = data[key]
    known: dict[int, list[str]] = {}
    try:
        return model.model_validate(data, context=known)
    except ValidationError as error:
        raise ConfigError(_problems(document, path, error.errors(), known)) from error


def _problems(
    document: Document, base: Path_, found: list[ErrorDetails], known: dict[int, list[str]]
) -> list[Problem]:
    placed = [(_yaml_path(document.data, (*base, *details["loc"])), details) for details in found]
    problems: list[Problem] = []
    meant: set[Path_] = set()
    for path, details in placed:
        if details["type"] == "extra_forbidden":
            problem, candidate = _unknown_key(document, path, known)
            problems.append(problem)
            meant.add((*path[:-1], candidate))
    alternatives: dict[Path_, list[ErrorDetails]] = {}
    for path, details in placed:
        if details["type"] == "missing" and (*path, details["loc"][-1]) in meant:
            continue  # one slip of the pen, one message: the misspelt key says which one is missing
        if details["type"] != "extra_forbidden":
            # Each member of a union complains for itself about one and the same value.
            place = (*path, details["loc"][-1]) if details["type"] == "missing" else path
            alternatives.setdefault(place, []).append(details)
    for place, complaints in alternatives.items():
        problems.append(_wrong_value(document, place, complaints))
    return sorted(problems, key=lambda problem: problem.line or 0)


def _unknown_key(document: Document, path: Path_, known: dict[int, list[str]]) -> tuple[Problem, str]:
    holder: Any = document.data
    for key in path[:-1]:
        holder = holder[key]
    here = known.get(id(holder), [])
    candidate = nearest(str(path[-1]), here) or ""
    hint = f'did you mean "{candidate}"?' if candidate else f"known here: {', '.join(here)}"
    where = ".".join(str(key) for key in path[:-1])
    what = f"{where}: unknown key {path[-1]!r}" if where else f"unknown key {path[-1]!r}"
    return document.problem(path, what, hint), candidate


def _wrong_value(document: Document, path: Path_, complaints: list[ErrorDetails]) -> Problem:
    error = complaints[0].get("ctx", {}).get("error")
    if isinstance(error, WrongKeyError):
        path = (*path, error.key) if error.key else path
        return document.problem(path, f"{_dotted(path)}: {error}", error.hint)
    name = next((str(key) for key in reversed(path) if isinstance(key, str)), "")
    what, hint = in_plain_words(complaints, name)
    if complaints[0]["type"] == "missing":
        path = path[:-1]
    elif complaints[0]["type"] in {"union_tag_invalid", "profile"}:
        path = (*path, "type")
    return document.problem(path, f"{_dotted(path)}: {what}", hint)


def _dotted(path: Path_) -> str:
    """Write a path as ``--set`` takes it: the items of a list counted from 0."""
    return ".".join(str(key) for key in path) or "the file"


def _yaml_path(data: Any, loc: tuple[Key, ...]) -> Path_:
    """Keep the parts of a pydantic location that are keys of the file: unions add their tags to it."""
    path: list[Key] = []
    tag_seen = False
    for part in loc:
        if isinstance(data, dict) and not tag_seen and part == data.get("type"):
            tag_seen = True
            continue
        inside = (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        )
        if inside:
            path.append(part)
            data = data[part]
            tag_seen = False
    return tuple(path)
