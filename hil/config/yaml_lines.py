"""YAML into plain Python data, with the line of every key and item kept."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scalarbool import ScalarBoolean

from hil.config.nearest import did_you_mean, nearest
from hil.config.yaml_tags import PlacedConstructor, tags_in
from hil.errors import ConfigError, Problem

Key = str | int
Path_ = tuple[Key, ...]

_MOST_NODES = 200_000
"""More values than any rig has; aliases of aliases make a small file larger than any memory."""


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
    origins : dict
        What does not come from the file: the words of the command line, by path.
    """

    file: str
    data: dict[str, Any]
    lines: dict[Path_, int] = field(default_factory=dict)
    origins: dict[Path_, str] = field(default_factory=dict)

    def line(self, *path: Key) -> int | None:
        """Line of ``path``, or of the nearest enclosing key that has one."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None

    def problem(self, path: Sequence[Key], what: str, hint: str = "") -> Problem:
        """Make a :class:`Problem` at ``path`` of this file, or of the command line that changed it."""
        path = tuple(path)
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                return Problem(self.origins[path[:length]], None, what, hint)
        return Problem(self.file, self.line(*path), what, hint)


def read_yaml(path: Path) -> Document:
    """Read one YAML mapping; ``ConfigError`` names the file, the line and what is wrong with it."""
    file = str(path)
    text = _text(path, file)
    try:
        with warnings.catch_warnings():
            # An anchor used twice is YAML's business; what it leads to is checked like everything else.
            warnings.simplefilter("ignore")
            _refuse_tags(file, text)
            yaml = YAML(typ="rt")
            yaml.Constructor = PlacedConstructor
            tree = yaml.load(text)
        return _document(file, tree)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else None
        what = str(error.problem or error.context or "not valid YAML").split("\n")[0]
        raise ConfigError(Problem(file, line, f"not YAML: {what}", _yaml_hint(text, line, what))) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"not YAML: the character U+{error.character:04X}"
        raise ConfigError(Problem(file, line, what, "take it out: it is no text")) from error
    except (YAMLError, ValueError) as error:
        what = (str(error).splitlines() or ["not valid"])[0]
        raise ConfigError(Problem(file, None, f"not YAML: {what}")) from error
    except RecursionError as error:
        raise ConfigError(Problem(file, None, "not usable: its values are nested too deeply")) from error


def _refuse_tags(file: str, text: str) -> None:
    hint = "take it out: a value is text, number, true, false, list or mapping; quotes where a text begins with !"
    problems = [Problem(file, line, f"the tag {tag[:60]}", hint) for line, tag in tags_in(text)]
    if problems:
        raise ConfigError(problems)


def _document(file: str, tree: Any) -> Document:
    if not isinstance(tree, CommentedMap):
        what = f"not a mapping of keys to values: the file is {_kind(tree)}"
        raise ConfigError(Problem(file, 1, what))
    reader = _Reader(file)
    return Document(file, reader.plain(tree, ()), reader.lines)


class _Reader:
    """Turns the reader's own classes, which remember their layout, into plain data and lines."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Path_, int] = {(): 1}
        self._nodes = 0

    def plain(self, node: Any, path: Path_) -> Any:
        """Give the plain value of ``node``, which stands at ``path``."""
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise ConfigError(Problem(self.file, self._line(path), "not usable: aliases make it too large"))
        if isinstance(node, CommentedMap):
            return self._mapping(node, path)
        if isinstance(node, CommentedSeq):
            for number in range(len(node)):
                self.lines[(*path, number)] = node.lc.item(number)[0] + 1
            return [self.plain(item, (*path, number)) for number, item in enumerate(node)]
        return self._scalar(node, path)

    def _mapping(self, node: CommentedMap, path: Path_) -> dict[str, Any]:
        result = {}
        for key, value in node.items():
            name = str(key)
            line = _key_line(node, key)
            # What an alias merged (<<) stands further up, and is told where it is asked for.
            if line is not None and line > node.lc.line:
                self.lines[(*path, name)] = line
            result[name] = self.plain(value, (*path, name))
        return result

    def _scalar(self, node: Any, path: Path_) -> Any:
        if node is None:
            return None
        if isinstance(node, ScalarBoolean):
            return bool(node)
        for plain in (bool, int, float, str):
            if isinstance(node, plain):
                return plain(node)
        where = ".".join(str(key) for key in path)
        what = f"{where}: {str(node)[:60]} is neither text, number, true nor false"
        raise ConfigError(Problem(self.file, self._line(path), what, "put it in quotes if it is a text"))

    def _line(self, path: Path_) -> int:
        return next(
            self.lines[path[:length]] for length in range(len(path), -1, -1) if path[:length] in self.lines
        )


def _key_line(node: CommentedMap, key: Any) -> int | None:
    """Line of a key of ``node``, also of one that a merge (``<<``) brought; None where it has none."""
    if key in (node.lc.data or ()):
        return int(node.lc.key(key)[0]) + 1
    lines = (_key_line(merged, key) for merged in node.merge or () if key in merged)
    return next(lines, None)


def near_file(path: Path) -> str:
    """Give the hint for a file that is not there: one with a similar name, or the folder that is missing."""
    folder = path.parent
    try:
        if not folder.is_dir():
            return f"the folder {folder} does not exist"
        names = [entry.name for entry in folder.iterdir() if entry.is_file()]
        # By the stem first: endings alike would make any short name a near one.
        stem = nearest(_stem(path.name), map(_stem, names))
        return did_you_mean(path.name, [name for name in names if _stem(name) == stem])
    except (OSError, ValueError):
        return ""  # a folder that cannot be listed has no hint to give


def _stem(name: str) -> str:
    return name.partition(".")[0]


def _text(path: Path, file: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(Problem(file, None, "file not found", near_file(path))) from error
    except UnicodeDecodeError as error:
        line = path.read_bytes().count(b"\n", 0, error.start) + 1
        raise ConfigError(Problem(file, line, "not YAML: not text in UTF-8", "save it as UTF-8")) from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(Problem(file, None, f"cannot be read: {why}")) from error


def _kind(tree: Any) -> str:
    if tree is None:
        return "empty"
    return "a list" if isinstance(tree, CommentedSeq) else "a single value"


def _yaml_hint(text: str, line: int | None, what: str) -> str:
    rows = text.splitlines()
    row = rows[line - 1] if line is not None and line <= len(rows) else ""
    if "\t" in row:
        return "YAML is indented with spaces, and this line has a tab"
    if what.startswith("expected ',' or") and re.search(r"[{](n|\d+\.\.)", row):
        return "inside { } and [ ] a text with {n} or {1..12} needs quotes"
    character = re.search(r"found character '(.)' that cannot start", what)
    if character is not None:
        return f"put the text that begins with {character[1]} in quotes"
    if "duplicate key" in what:
        return "a key stands once: take one of the two out"
    if "mapping values are not allowed" in what:
        return "a text with a colon in it needs quotes; or the indentation is wrong"
    return ""
