"""Names of topics: what MQTT allows, and templates with the names of rig, device and signal in them."""

from __future__ import annotations

import re

LONGEST_BYTES = 65535
"""MQTT 5.0, 1.5.4: a string is at most that long."""
_PLACE = re.compile(r"\{([^{}]*)\}")


def topic_fault(topic: str) -> str:
    """Say why messages cannot be published to ``topic``; empty where they can (MQTT 5.0, 4.7)."""
    faults = (
        (not topic, "a topic must not be empty"),
        ("#" in topic or "+" in topic, "# and + are for subscriptions to many topics, and this must be one"),
        (topic.startswith("$"), "topics that begin with $ are the broker's own"),
        (not topic.isprintable(), "a topic must hold printable characters only"),
        (len(topic.encode(errors="replace")) > LONGEST_BYTES, f"a topic has at most {LONGEST_BYTES} bytes"),
    )
    return next((words for is_so, words in faults if is_so), "")


def fill(template: str, **names: str) -> str:
    """Put names into a template, for example ``site/{rig}/{signal}``.

    Raises
    ------
    ValueError
        A place with no name for it, a brace left over, or the result is no topic.
    """
    unknown = [place for place in _PLACE.findall(template) if place not in names]
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in names)
        raise ValueError(f"{{{unknown[0]}}} is not known here; known: {known or 'none'}")
    if set("{}") & set(_PLACE.sub("", template)):
        raise ValueError(f"a brace is left open in {template!r}")
    topic = _PLACE.sub(lambda match: names[match[1]], template)
    if fault := topic_fault(topic):
        raise ValueError(fault)
    return topic
