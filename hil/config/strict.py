"""Base of every configuration model: strict types, unknown keys refused with the nearest known one, file and line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from hil.config.nearest import did_you_mean
from hil.config.yaml_lines import Document, Key
from hil.errors import ConfigError, Problem

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Pair = Annotated[tuple[Finite, Finite], Field(strict=False)]


class Strict(BaseModel):
    """A frozen model that takes no unknown key and coerces nothing."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            known = {field.alias or name for name, field in cls.model_fields.items()}
            unknown = [key for key in data if key not in known]
            if unknown:
                hints = [did_you_mean(key, sorted(known)) or f"known here: {', '.join(sorted(known))}"
                         for key in unknown]  # fmt: skip
                raise PydanticCustomError("unknown_key", "unknown key", {"keys": unknown, "hints": hints})
        return data


ModelT = TypeVar("ModelT", bound=BaseModel)


def validate(model: type[ModelT], document: Document, path: tuple[Key, ...] = ()) -> ModelT:
    """Validate what stands at ``path`` of ``document``; ``ConfigError`` holds every problem with its line."""
    data: Any = document.data
    for key in path:
        data = data[key]
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [problem for details in error.errors() for problem in _problems(document, path, details)]
        raise ConfigError(problems) from error


def _problems(document: Document, base: tuple[Key, ...], details: ErrorDetails) -> Iterator[Problem]:
    path = _yaml_path(document.data, (*base, *details["loc"]))
    where = ".".join(str(key) for key in path) or "the file"
    context = details.get("ctx", {})
    if details["type"] == "unknown_key":
        for key, hint in zip(context["keys"], context["hints"], strict=True):
            prefix = f"{where}: " if path else ""
            yield document.problem((*path, key), f"{prefix}unknown key {key!r}", hint)
        return
    what, hint = _in_plain_words(details)
    yield document.problem(path, f"{where}: {what}", hint)


def _yaml_path(data: Any, loc: tuple[Key, ...]) -> tuple[Key, ...]:
    """Keep the parts of a pydantic location that are keys of the file: unions add their tags to it."""
    path: list[Key] = []
    for part in loc:
        inside = (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        )
        if inside:
            path.append(part)
            data = data[part]
    return tuple(path)


def _in_plain_words(details: ErrorDetails) -> tuple[str, str]:
    kind, context, value = details["type"], details.get("ctx", {}), details.get("input")
    if kind == "missing":
        return f"the key {details['loc'][-1]!r} is missing", ""
    if kind == "union_tag_not_found":
        return f"the key {str(context.get('discriminator', 'type')).strip(chr(39))!r} is missing", ""
    if kind == "union_tag_invalid":
        tags = [tag.strip(" '") for tag in str(context["expected_tags"]).split(",")]
        return f"unknown type {context['tag']!r}", did_you_mean(
            str(context["tag"]), tags
        ) or f"known: {', '.join(tags)}"
    if kind in {"literal_error", "enum"}:
        return f"{value!r} is not one of {context['expected']}", did_you_mean(
            str(value), _quoted(str(context["expected"]))
        )
    message = details["msg"]
    message = message[0].lower() + message[1:]
    shown = "" if isinstance(value, dict) else f", not {value!r}"
    return f"{message.removeprefix('value error, ')}{shown}", ""


def _quoted(expected: str) -> list[str]:
    return expected.replace(" or ", ", ").replace("'", "").split(", ")
