"""``--set key.key=value``: change one value of a rig for one run, checked as if it stood in the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hil.config.nearest import did_you_mean
from hil.config.yaml_lines import Document
from hil.errors import ConfigError, Problem


def apply_overrides(document: Document, overrides: Sequence[str]) -> None:
    """Change ``document`` in place; ``ConfigError`` names the override that cannot be applied."""
    for text in overrides:
        path, separator, value = text.partition("=")
        keys = path.strip().split(".")
        if not separator or not all(keys):
            raise ConfigError(Problem("--set", None, f"{text!r} is not of the form key.key=value"))
        try:
            plain = YAML(typ="safe", pure=True).load(value)
        except YAMLError as error:
            raise ConfigError(Problem("--set", None, f"{text!r}: the value is not YAML")) from error
        _put(document.data, keys, plain, text)


def _put(data: Any, keys: list[str], value: Any, text: str) -> None:
    for depth, key in enumerate(keys[:-1]):
        inside = data[int(key)] if isinstance(data, list) and key.isdigit() and int(key) < len(data) else None
        if isinstance(data, dict):
            inside = data.get(key)
        if not isinstance(inside, (dict, list)):
            known = data if isinstance(data, dict) else ()
            where = ".".join(keys[: depth + 1])
            raise ConfigError(
                Problem("--set", None, f"{text!r}: the rig has no {where}", did_you_mean(key, known))
            )
        data = inside
    last = keys[-1]
    if isinstance(data, list):
        if not last.isdigit() or int(last) >= len(data):
            raise ConfigError(Problem("--set", None, f"{text!r}: {last} is not the number of an item"))
        data[int(last)] = value
    else:
        data[last] = value
