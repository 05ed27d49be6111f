"""What YAML allows and no file here may hold: tags, dates and numbers that are none, a mapping merged into itself."""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, RoundTripConstructor
from ruamel.yaml.nodes import Node, SequenceNode

_CORE = "tag:yaml.org,2002:"


def tags_in(text: str) -> list[tuple[int, str]]:
    """Find the tags of a YAML text: one-based line and tag as it is written, in the order of the text.

    A tag asks the reader for a type of its own, also for one that the value does not have (``!!bool maybe``), which
    readers answer in as many ways as there are types. So tags are looked for before anything is made of the text.
    Raises ruamel's ``YAMLError`` where the text is not YAML.
    """
    if "!" not in text:
        return []  # reading twice is for those few that may have one
    events = YAML(typ="rt", pure=True).parse(text)
    return [
        (event.start_mark.line + 1, _written(event.tag))
        for event in events
        if getattr(event, "tag", None) is not None
    ]


def _written(tag: object) -> str:
    text = str(tag)
    if text.startswith(_CORE):
        return f"!!{text.removeprefix(_CORE)}"
    return text if text.startswith("!") else f"!<{text}>"


class PlacedConstructor(RoundTripConstructor):
    """ruamel's, which says where a date that is none stands, a number too long, a mapping merged into itself."""

    def construct_non_recursive_object(self, node: Any, tag: Any = None) -> Any:
        """Make the value of a node; ruamel's ``ConstructorError``, with the place, where there is none."""
        try:
            return super().construct_non_recursive_object(node, tag)
        except ValueError as error:
            why = str(error).partition(":")[0]
            raise ConstructorError(None, None, why, node.start_mark) from error

    def flatten_mapping(self, node: Any) -> Any:
        """Take the merges out of a mapping; ruamel's ``ConstructorError`` for one that holds the mapping itself."""
        for key, value in node.value:
            merged = value.value if isinstance(value, SequenceNode) else [value]
            if key.tag == f"{_CORE}merge" and any(_holds(each, node) for each in merged):
                raise ConstructorError(None, None, "a mapping is merged into itself", key.start_mark)
        return super().flatten_mapping(node)


def _holds(outer: Node, inner: Node) -> bool:
    return bool(
        outer.start_mark.index <= inner.start_mark.index and inner.end_mark.index <= outer.end_mark.index
    )
