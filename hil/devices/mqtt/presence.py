"""What others are told of us: a birth message with everything we have, and a last will; both retained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hil.devices.mqtt.instants import write_instant
from hil.devices.mqtt.messages import Outgoing
from hil.devices.mqtt.payloads import json_payload

ENDED, VANISHED = "the run has ended", "connection lost"
NOT_YET, LOOP_LOST, LOOP_GONE = "the run has not begun", "the loop stands still", "the loop is gone"


class Presence:
    """Messages on ``topic``; ``about`` names the rig and what else a listener should know, ``session`` this process.

    A will has no time: it is written when the connection is made, and sent when that is lost.
    """

    def __init__(self, topic: str, session: str, about: Mapping[str, Any]) -> None:
        self._topic = topic
        self._session = session
        self._about = dict(about)

    def online(self, now_s: float) -> Outgoing:
        """Give the birth message."""
        return self._message({"state": "online", "time": write_instant(now_s)} | self._about)

    def offline(self, reason: str, now_s: float) -> Outgoing:
        """Give the message of one who leaves, or stops acting."""
        return self._message({"state": "offline", "reason": reason, "time": write_instant(now_s)})

    def will(self) -> Outgoing:
        """Give what the broker says for one who has vanished."""
        return self._message({"state": "offline", "reason": VANISHED})

    def _message(self, document: Mapping[str, Any]) -> Outgoing:
        payload = json_payload({"session": self._session, **document})
        return Outgoing(self._topic, payload, qos=1, retain=True)


def described(name: str, unit: str, low: float, high: float, **more: Any) -> dict[str, Any]:
    """Describe one signal for the birth message; ``low`` and ``high`` in ``unit``."""
    return {"name": name, "unit": unit, "low": low, "high": high, **more}


def listed(**groups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Name the groups of signals that are not empty."""
    return {name: list(group) for name, group in groups.items() if group}
