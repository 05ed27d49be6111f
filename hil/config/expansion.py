"""Ranges in keys: ``cdu_{1..12}`` stands for twelve entries, and ``{n}`` in what they hold for the number.

::

    signals:
      cdu_{1..12}_heat_kw: {unit: kW, range: [0, 2400]}
    plants:
      cdu_{1..12}: {type: cdu, inputs: {rack_heat_kw: "cdu_{n}_heat_kw"}, ...}

A text with a range in a list stands for as many items, and as the value of a key for a list of texts. A mapping in a
list is repeated for a range in one of its own texts. What comes of an entry keeps its lines. ``{01..12}`` counts 01,
02 and so on. A value that is ``{n}`` alone is a number. Inside ``{ }`` and ``[ ]`` YAML wants quotes round a text
with braces.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hil.config.yaml_lines import Document, Path_
from hil.errors import ConfigError, Problem

_RANGE = re.compile(r"\{(\d{1,6})\.\.(\d{1,6})\}")
_NUMBER = "{n}"
_UNQUOTED = {"n": None}
"""What YAML makes of ``{n}`` without quotes."""
_MOST_ENTRIES = 1000
_MOST_NODES = 200_000
"""More values than any rig has."""


def expand(document: Document) -> Document:
    """Give ``document`` with all its ranges written out.

    Raises
    ------
    ConfigError
        A range inside or beside another, one that counts down, or an entry that is there already; each at its line.
    """
    expander = _Expander(document)
    try:
        data = expander.node(document.data, (), (), None)
    except RecursionError as error:
        raise ConfigError(
            Problem(document.file, None, "not usable: its values are nested too deeply")
        ) from error
    if expander.problems:
        raise ConfigError(expander.problems)
    return Document(document.file, data, expander.lines, document.origins)


@dataclass(frozen=True, slots=True)
class _Range:
    """A text with a range in it: what stands before and after, and the numbers as they are written."""

    before: str
    numbers: Sequence[str]
    after: str

    def texts(self) -> list[str]:
        """Give the text once for each number."""
        return [f"{self.before}{number}{self.after}" for number in self.numbers]


class _Expander:
    """Walks through the old document and writes the new one, paths and lines side by side."""

    def __init__(self, document: Document) -> None:
        self.lines: dict[Path_, int] = {}
        self.problems: list[Problem] = []
        self._document = document
        self._nodes = 0

    def node(self, value: Any, old: Path_, new: Path_, number: str | None) -> Any:
        """Give what becomes of ``value`` at ``old``, which goes to ``new``; ``number`` is that of its entry."""
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise ConfigError(self._document.problem(old, "not usable: its ranges make it too large"))
        if old in self._document.lines:
            self.lines[new] = self._document.lines[old]
        if value == _UNQUOTED and number is not None:
            return int(number)
        if isinstance(value, dict):
            return self._mapping(value, old, new, number)
        if isinstance(value, list):
            return self._items(value, old, new, number)
        return self._text(value, old, number) if isinstance(value, str) else value

    def _mapping(self, value: dict[str, Any], old: Path_, new: Path_, number: str | None) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, inner in value.items():
            path = (*old, key)
            found = self._range(key, path, number)
            if found is None:
                name = key if number is None else key.replace(_NUMBER, number)
                self._refuse_second(name, made, path)
                made[name] = self._value(inner, path, (*new, name), number)
                continue
            for own, name in zip(found.numbers, found.texts(), strict=True):
                self._refuse_second(name, made, path)
                made[name] = self.node(inner, path, (*new, name), own)
        return made

    def _value(self, value: Any, old: Path_, new: Path_, number: str | None) -> Any:
        """As :meth:`node`; a text with a range becomes a list of texts."""
        found = self._range(value, old, number) if _is_name(value) else None
        if found is None:
            return self.node(value, old, new, number)
        return self.node(found.texts(), old, new, number)

    def _items(self, value: list[Any], old: Path_, new: Path_, number: str | None) -> list[Any]:
        made: list[Any] = []
        for place, item in enumerate(value):
            path = (*old, place)
            if _is_name(item) and (found := self._range(item, path, number)) is not None:
                made += [
                    self.node(text, path, (*new, len(made) + n), number)
                    for n, text in enumerate(found.texts())
                ]
                continue
            repeated, numbers = self._repeated(item, path, number)
            for own in numbers:
                made.append(self.node(repeated, path, (*new, len(made)), own))
        return made

    def _repeated(self, item: Any, path: Path_, number: str | None) -> tuple[Any, Sequence[str | None]]:
        """Give an item with ``{n}`` for the range in one of its own texts, and the numbers to repeat it for."""
        if not isinstance(item, dict):
            return item, (number,)
        own = [key for key, text in item.items() if _is_name(text) and _RANGE.search(text)]
        if not own:
            return item, (number,)
        if len(own) > 1:
            self._refuse(
                (*path, own[1]), f"two ranges in one item: in {own[0]} and in {own[1]}", "{n} in one of them"
            )
            return {}, ()
        found = self._range(item[own[0]], (*path, own[0]), number)
        if found is None:
            return {}, ()
        return item | {own[0]: f"{found.before}{_NUMBER}{found.after}"}, found.numbers

    def _text(self, text: str, old: Path_, number: str | None) -> str | int:
        if _NUMBER not in text:
            return text
        if number is not None:
            return int(number) if text == _NUMBER else text.replace(_NUMBER, number)
        if _is_name(text):
            what = f"{text!r}: {_NUMBER} is the number of an entry, and this stands in no key with a range"
            self._refuse(old, what, "write the range into the key: name_{1..12}")
        return text

    def _range(self, text: str, path: Path_, number: str | None) -> _Range | None:
        """Find the range in ``text``; None where there is none, or where it is wrong, which is then told."""
        found = _RANGE.search(text)
        rest = _RANGE.sub("", text).replace(_NUMBER, "")
        if found is None or "{" in rest or "}" in rest:
            if ("{" in rest or "}" in rest) and text == path[-1]:
                self._refuse(
                    path, f"{text!r} has braces that are no range", "first and last number, two dots: {1..12}"
                )
            return None
        if len(_RANGE.findall(text)) > 1 or number is not None or _NUMBER in text:
            where = "beside another" if number is None else "inside what another one repeats"
            self._refuse(path, f"{text!r} has a range {where}", "one range an entry: write the other out")
            return None
        first, last = int(found[1]), int(found[2])
        if not first <= last < first + _MOST_ENTRIES:
            what = f"{text!r} counts from {first} to {last}"
            hint = f"write it {{{last}..{first}}}" if last < first else f"at most {_MOST_ENTRIES} entries"
            self._refuse(path, what, hint)
            return None
        width = len(found[1]) if found[1].startswith("0") else 0
        numbers = [f"{each:0{width}d}" for each in range(first, last + 1)]
        return _Range(text[: found.start()], numbers, text[found.end() :])

    def _refuse_second(self, name: str, made: dict[str, Any], path: Path_) -> None:
        if name in made:
            self._refuse(path, f"{path[-1]!r}: {name!r} is there already", "an entry stands once")

    def _refuse(self, path: Path_, what: str, hint: str) -> None:
        self.problems.append(self._document.problem(path, what, hint))


def _is_name(value: Any) -> bool:
    """Whether a value is a text without spaces: prose may have braces of its own."""
    return isinstance(value, str) and not any(character.isspace() for character in value)
