"""Received values into the image, each with the time at which it was true, as far as that can be known."""

from __future__ import annotations

import math
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass

from hil.devices.mqtt.complaints import Complaints
from hil.devices.mqtt.messages import Incoming
from hil.devices.mqtt.payloads import Reader, Reading, UnreadableError, json_document, read_all, text_of
from hil.loop.image import BAD, BAD_AGE_FACTOR, SUBSTITUTED, Image
from hil.loop.machine_time import NS_PER_S

COUNTERS = (
    "values_received", "values_malformed", "values_retained_without_time", "values_from_the_future",
    "values_too_old", "values_outdated", "values_bad_at_source", "values_rejected", "peer_offline",
)  # fmt: skip
_TAKEN = ("", "")
"""No reason against a value."""


@dataclass(frozen=True, slots=True)
class ReadPoint:
    """A value received: value in the signal's unit = value x ``factor`` + ``offset``.

    Attributes
    ----------
    slot : int
        Of the image.
    topic, qos : str, int
        Where it comes from.
    reader : Reader
        Takes it out of the payload.
    """

    slot: int
    topic: str
    reader: Reader
    qos: int = 1
    factor: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Peer:
    """Where the far end says that it is there, and its last will that it is not.

    ``state`` is the path to the word in JSON, None where it is the whole payload; ``online`` the word itself.
    """

    topic: str
    state: str | None = None
    online: str = "online"


class Intake:
    """Puts values into ``image``, or counts why not by the names in ``COUNTERS``.

    A value without a time of its own counts as received when the socket was last seen empty; a retained one without
    a time may be of any age and is not taken. ``tolerance_s`` is by how much the far end's clock may be ahead, s.
    """

    def __init__(
        self, points: Sequence[ReadPoint], peer: Peer | None, image: Image, counts: MutableMapping[str, int],
        tolerance_s: float,
    ) -> None:  # fmt: skip
        self._by_topic: dict[str, list[ReadPoint]] = {}
        for point in points:
            self._by_topic.setdefault(point.topic, []).append(point)
        self._peer = peer
        self._image = image
        self._counts = counts
        self._tolerance_s = tolerance_s
        self._newest_s: dict[int, float] = {}
        self._complaints = Complaints()
        self._unheard: dict[str, list[ReadPoint]] = {}
        self._listens_ns: int | None = None

    @property
    def topics(self) -> dict[str, int]:
        """Topics to listen to, each with the highest quality of service that a point asks for."""
        topics = {topic: max(point.qos for point in points) for topic, points in self._by_topic.items()}
        return topics | ({} if self._peer is None else {self._peer.topic: 1})

    def listens(self, now_ns: int) -> None:
        """Note that the topics are listened to from ``now_ns`` on; the first time counts."""
        if self._listens_ns is None:
            self._listens_ns, self._unheard = now_ns, dict(self._by_topic)

    def unheard(self, now_ns: int) -> list[str]:
        """Say, once for each topic, on which nothing at all has come until its values were BAD."""
        if self._listens_ns is None or not self._unheard:
            return []
        age_ns, signals = now_ns - self._listens_ns, self._image.signals
        told = []
        for topic, points in list(self._unheard.items()):
            longest_ns = BAD_AGE_FACTOR * max(signals[point.slot].max_age_ns for point in points)
            if age_ns > longest_ns:
                del self._unheard[topic]
                names = ", ".join(signals[point.slot].name for point in points)
                told.append(
                    f"nothing has come on {topic} for {age_ns / NS_PER_S:.0f} s ({names}): is that the topic, does "
                    "anybody publish to it, and may this user read it?"
                )
        return told

    def received(self, message: Incoming, now_s: float, now_ns: int) -> list[str]:
        """Take a message at ``now_s`` (s since 1970), ``now_ns`` on the machine's clock; gives what to tell."""
        if self._peer is not None and message.topic == self._peer.topic:
            self._hear_peer(self._peer, message.payload)
        self._unheard.pop(message.topic, None)
        told = []
        points = self._by_topic.get(message.topic, ())
        for point, found in zip(
            points, read_all([point.reader for point in points], message.payload), strict=True
        ):
            text = self._tell(point, self._take(point, found, message, now_s, now_ns), now_ns)
            if text:
                told.append(text)
        return told

    def _take(
        self,
        point: ReadPoint,
        reading: Reading | UnreadableError,
        message: Incoming,
        now_s: float,
        now_ns: int,
    ) -> tuple[str, str]:
        """Put a value into the image; else give the counter of the reason, and the reason in words."""
        self._counts["values_received"] += 1
        if isinstance(reading, UnreadableError):
            return "values_malformed", f"the payload {reading}"
        if not reading.good:
            self._image.quality[point.slot] = BAD
            return "values_bad_at_source", "the far end says that it is not good"
        stamp_ns, refusal = self._stamp_ns(point, reading, message, now_s, now_ns)
        if refusal[0]:
            return refusal
        value = reading.value * point.factor + point.offset
        if self._image.accept(point.slot, value if math.isfinite(value) else math.nan, stamp_ns):
            return _TAKEN
        signal = self._image.signals[point.slot]
        return (
            "values_rejected",
            f"{value:g} {signal.unit} is outside {signal.low:g} to {signal.high:g} {signal.unit}",
        )

    def _tell(self, point: ReadPoint, refusal: tuple[str, str], now_ns: int) -> str:
        """Count a refusal; gives what a person should know, if anything."""
        kind, why = refusal
        who = f"{self._image.signals[point.slot].name} on {point.topic}"
        if not kind:
            return f"{who}: taken again" if self._complaints.over(point.slot, now_ns) else ""
        self._counts[kind] += 1
        # What was overtaken on its way is no trouble: a newer one has been taken.
        if kind == "values_outdated" or not self._complaints.begun(point.slot, kind, now_ns):
            return ""
        return f"{who} is not taken: {why}"

    def _stamp_ns(
        self, point: ReadPoint, reading: Reading, message: Incoming, now_s: float, now_ns: int
    ) -> tuple[int, tuple[str, str]]:
        """Give when the value was true on the machine's clock, and why it is not to be taken, if it is not."""
        stamp_ns = message.received_ns
        if reading.time_s is None:
            if message.retained:
                return 0, ("values_retained_without_time", "the broker kept it, and it says no time")
        else:
            age_s = now_s - reading.time_s
            if age_s < -self._tolerance_s:
                most = f"clock_tolerance_s is {self._tolerance_s:g}"
                why = f"its time is {-age_s:.1f} s ahead of ours, {most}: set the clocks"
                return 0, ("values_from_the_future", why)
            stamp_ns = min(stamp_ns, now_ns - round(age_s * NS_PER_S))
        max_age_ns = self._image.signals[point.slot].max_age_ns
        if 0 < max_age_ns < now_ns - stamp_ns:
            age_s, most_s = (now_ns - stamp_ns) / NS_PER_S, max_age_ns / NS_PER_S
            why = f"it is {age_s:.1f} s old, max_age_s is {most_s:g}: the clocks, or it waited on its way"
            return 0, ("values_too_old", why)
        if reading.time_s is not None:
            if reading.time_s < self._newest_s.get(point.slot, 0.0):
                return 0, ("values_outdated", "a newer one came before it")
            self._newest_s[point.slot] = reading.time_s
        # Each value has a stamp of its own: by it the loop tells a new one from the one before.
        return max(stamp_ns, self._image.received_ns[point.slot] + 1), _TAKEN

    def _hear_peer(self, peer: Peer, payload: bytes) -> None:
        """Believe nothing of a far end whose last will has come: its values are BAD at once, not when they are old."""
        if _word(peer, payload) == peer.online:
            return
        self._counts["peer_offline"] += 1
        quality = self._image.quality
        for points in self._by_topic.values():
            for point in points:
                if quality[point.slot] != SUBSTITUTED:
                    quality[point.slot] = BAD


def _word(peer: Peer, payload: bytes) -> str:
    try:
        if peer.state is None:
            return text_of(payload).strip()
        document = json_document(payload)
    except UnreadableError:
        return ""
    for key in peer.state.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, str) else ""
