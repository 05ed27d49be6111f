"""What pydantic found wrong, in words for someone who commissions a plant and never heard of pydantic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_core import ErrorDetails

from hil.config.nearest import did_you_mean, one_of
from hil.config.number_hints import list_hint, number_hint

_KINDS = {
    "float_type": "a number",
    "float_parsing": "a number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "a text",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "tuple_type": "a list",
    "list_type": "a list",
}
_LIMITS = {
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "finite_number": "must be a finite number",
    "too_short": "needs at least {min_length}",
    "too_long": "takes at most {max_length}",
    "string_too_short": "must not be empty",
}
_LONGEST = 60


def in_plain_words(complaints: Sequence[ErrorDetails], key: str = "") -> tuple[str, str]:
    """Give what is wrong with the value of ``key``, and the nearest right thing.

    Several complaints are those of a union.
    """
    details = complaints[0]
    kind, context, value = details["type"], details.get("ctx", {}), details.get("input")
    wanted = list(dict.fromkeys(_KINDS[each["type"]] for each in complaints if each["type"] in _KINDS))
    if wanted and all(each["type"] in _KINDS for each in complaints):
        return f"must be {' or '.join(wanted)}, not {shown(value)}", _hint(wanted, value, key)
    if kind in _LIMITS:
        return f"{_LIMITS[kind].format(**context)}{_counted(kind, context)}, not {shown(value)}", ""
    if kind == "missing":
        return _missing(details)
    if kind.startswith("union_tag"):
        return _type_tag(kind, context, value)
    return _others(details)


def _others(details: ErrorDetails) -> tuple[str, str]:
    kind, context, value = details["type"], details.get("ctx", {}), details.get("input")
    if kind == "literal_error":
        choices = str(context["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
        return f"{shown(value)} is not one of {', '.join(choices)}", did_you_mean(str(value), choices)
    if kind == "string_pattern_mismatch":
        hint = "small letters, digits, - and _ only"
        if "A-Z" in str(context["pattern"]):
            hint = "a letter first, then letters, digits and _ only"
        return f"{shown(value)} cannot be a name", hint
    if kind == "profile" and isinstance(value, dict) and isinstance(value.get("type"), str):
        types = details["msg"].rpartition(": ")[2].split(", ")
        return f"unknown type {value['type']!r}", one_of(value["type"], types)
    message = details["msg"].removeprefix("Value error, ")
    return f"{message}" + ("" if isinstance(value, dict) else f", not {shown(value)}"), ""


def shown(value: object) -> str:
    """Write a value as it stands in a file, cut short where it is long."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        text = f"[{', '.join(shown(item) for item in value[:8])}{', …' if len(value) > 8 else ''}]"
    elif isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, float):
        text = f"{value:g}"
    else:
        # A whole number of thousands of digits is more than Python is willing to write out.
        text = str(value) if not isinstance(value, int) or abs(value) < 10**30 else "a very long number"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 2]} …"


def _hint(wanted: list[str], value: object, key: str) -> str:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(value, str) and any("number" in kind for kind in wanted):
        return number_hint(value, key, whole=wanted == ["a whole number"])
    if wanted == ["a text"] and isinstance(value, (int, float)):
        return f'put it in quotes: "{shown(value)}"'
    if wanted == ["a list"] and is_number:
        return f"put it in brackets: [{shown(value)}]"
    if wanted == ["a list"] and isinstance(value, str):
        return list_hint(value)
    return ""


def _counted(kind: str, context: dict[str, Any]) -> str:
    if kind not in {"too_short", "too_long"}:
        return ""
    limit = context["min_length" if kind == "too_short" else "max_length"]
    return " entry" if limit == 1 else " entries"


def _missing(details: ErrorDetails) -> tuple[str, str]:
    key, value = details["loc"][-1], details.get("input")
    if isinstance(key, int):
        return f"needs one more entry, not {shown(value)}", ""
    return f"the key {key!r} is missing", ""


def _type_tag(kind: str, context: dict[str, Any], value: object) -> tuple[str, str]:
    if kind == "union_tag_not_found":
        if not isinstance(value, dict):
            return f"must be a mapping of keys to values, not {shown(value)}", ""
        return "the key 'type' is missing, or is no text", ""
    tags = [tag.strip(" '") for tag in str(context["expected_tags"]).split(",")]
    return f"unknown type {context['tag']!r}", one_of(str(context["tag"]), tags)
