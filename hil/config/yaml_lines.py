"""YAML into plain Python data, with the line of every key and item kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from hil.config.nearest import did_you_mean
from hil.errors import ConfigError, Problem

Key = str | int
Path_ = tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file read.

    Attributes
    ----------
    file : str
        As the user named it, for messages.
    data : dict
        Plain data: dict, list, str, int, float, bool, None.
    lines : dict
        One-based line of each path of keys and item numbers.
    """

    file: str
    data: dict[str, Any]
    lines: dict[Path_, int] = field(default_factory=dict)

    def line(self, *path: Key) -> int | None:
        """Line of ``path``, or of the nearest enclosing key that has one."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None

    def problem(self, path: Sequence[Key], what: str, hint: str = "") -> Problem:
        """Make a :class:`Problem` at ``path`` of this file."""
        return Problem(self.file, self.line(*path), what, hint)


def read_yaml(path: Path) -> Document:
    """Read one YAML mapping; ``ConfigError`` names the file, the line and what is wrong with it."""
    file = str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(Problem(file, None, "file not found", _nearest_file(path))) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(Problem(file, None, f"cannot be read: {error}")) from error
    try:
        tree = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else None
        what = str(error.problem or error.context or "not valid YAML").split("\n")[0]
        raise ConfigError(Problem(file, line, f"not YAML: {what}", _yaml_hint(text, line))) from error
    except (YAMLError, ValueError) as error:
        raise ConfigError(Problem(file, None, f"not YAML: {str(error).splitlines()[0]}")) from error
    if not isinstance(tree, CommentedMap):
        kind = "empty" if tree is None else f"a {type(tree).__name__.removeprefix('Commented').lower()}"
        raise ConfigError(Problem(file, 1, f"not a mapping of keys to values: the file is {kind}"))
    lines: dict[Path_, int] = {(): 1}
    return Document(file, _plain(tree, (), lines), lines)


def _plain(node: Any, path: Path_, lines: dict[Path_, int]) -> Any:
    if isinstance(node, Mapping):
        result = {}
        for key, value in node.items():
            name = str(key)
            lines[(*path, name)] = node.lc.key(key)[0] + 1 if isinstance(node, CommentedMap) else 1
            result[name] = _plain(value, (*path, name), lines)
        return result
    if isinstance(node, CommentedSeq):
        for number in range(len(node)):
            lines[(*path, number)] = node.lc.item(number)[0] + 1
        return [_plain(item, (*path, number), lines) for number, item in enumerate(node)]
    for plain in (bool, int, float, str):
        # The reader's own number and string classes remember their layout; nothing here wants that.
        if isinstance(node, plain):
            return plain(node)
    return node


def _nearest_file(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"the folder {folder} does not exist"
    return did_you_mean(path.name, [entry.name for entry in folder.iterdir() if entry.is_file()])


def _yaml_hint(text: str, line: int | None) -> str:
    rows = text.splitlines()
    if line is not None and line <= len(rows) and "\t" in rows[line - 1]:
        return "YAML is indented with spaces, and this line has a tab"
    return ""
