"""``--set key.key=value``: change one value of a rig for one run, checked as if it stood in the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hil.config.nearest import did_you_mean
from hil.config.yaml_lines import Document, Key, Path_
from hil.config.yaml_tags import tags_in
from hil.errors import ConfigError, Problem

_SECRET = re.compile("pass|secret|key|token|pwd", re.IGNORECASE)
_WHERE_IT_IS = (".file", ".env")


def without_secrets(text: str) -> str:
    """Give an override as it may be shown: what was meant as a password stays off screens and out of files."""
    path, separator, _ = text.partition("=")
    if not _SECRET.search(text) or path.strip().endswith(_WHERE_IT_IS):
        return text
    return f"{path}=***" if separator else "***"


_SECTIONS = frozenset({"budget", "latency", "overrun", "realtime"})
"""Of a rig's top level, all of whose keys have a value of their own: made where the file does not have them."""


def apply_overrides(document: Document, overrides: Sequence[str]) -> None:
    """Change ``document`` in place; ``ConfigError`` names the override that cannot be applied."""
    for text in overrides:
        path, separator, value = text.partition("=")
        keys = path.strip().split(".")
        if not separator or not all(keys):
            what = f"{without_secrets(text)!r} is not of the form key.key=value"
            raise ConfigError(Problem("--set", None, what))
        plain = _value(value, without_secrets(text))
        place = _put(document.data, keys, plain, without_secrets(text))
        document.origins[place] = f"--set {without_secrets(text)}"


def _value(value: str, shown: str) -> Any:
    """Give the plain value that ``value`` is as YAML; ``shown`` is the override as it may be told."""
    neither = f"{shown!r}: the value is neither text, number, true, false, list nor mapping"
    quotes = "put it in quotes if it is a text"
    try:
        if tags_in(value):
            raise ConfigError(Problem("--set", None, f"{neither}: it has a tag (!)", quotes))
        plain = YAML(typ="safe", pure=True).load(value)
        if not _is_plain(plain):
            raise ConfigError(Problem("--set", None, neither, quotes))
    except (YAMLError, ValueError, RecursionError) as error:
        hint = "a text with special characters needs quotes: 'key=\"text\"'"
        raise ConfigError(Problem("--set", None, f"{shown!r}: the value is not YAML", hint)) from error
    return plain


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (str, int, float))


def _put(data: Any, keys: list[str], value: Any, text: str) -> Path_:
    """Put ``value`` in its place; gives the path. Items of a list are numbered from 0."""
    path: list[Key] = []
    if isinstance(data, dict) and len(keys) > 1 and keys[0] in _SECTIONS and data.get(keys[0]) is None:
        data[keys[0]] = {}
    for depth, key in enumerate(keys[:-1]):
        inside = None
        if isinstance(data, dict):
            inside = data.get(key)
            path.append(key)
        elif key.isdecimal() and int(key) < len(data):
            inside = data[int(key)]
            path.append(int(key))
        if not isinstance(inside, (dict, list)):
            known = data if isinstance(data, dict) else ()
            where = ".".join(keys[: depth + 1])
            what = (
                f"{text!r}: the rig has no {where}"
                if inside is None
                else f"{text!r}: {where} is a single value"
            )
            raise ConfigError(Problem("--set", None, what, did_you_mean(key, set(known) - {key})))
        data = inside
    last = keys[-1]
    if isinstance(data, dict):
        data[last] = value
        return (*path, last)
    if not last.isdecimal() or int(last) >= len(data):
        what = f"{text!r}: {last} is not the number of an item; they run from 0 to {len(data) - 1}"
        raise ConfigError(Problem("--set", None, what))
    data[int(last)] = value
    return (*path, int(last))
