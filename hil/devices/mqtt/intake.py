"""Received values into the image, each with the time at which it was true, as far as that can be known."""

from __future__ import annotations

import math
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass

from hil.devices.mqtt.messages import Incoming
from hil.devices.mqtt.payloads import Reader, Reading, UnreadableError, json_document
from hil.loop.image import BAD, SUBSTITUTED, Image
from hil.loop.machine_time import NS_PER_S

COUNTERS = (
    "values_received", "values_malformed", "values_retained_without_time", "values_from_the_future",
    "values_too_old", "values_outdated", "values_bad_at_source", "values_rejected", "peer_offline",
)  # fmt: skip


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

    @property
    def topics(self) -> dict[str, int]:
        """Topics to listen to, each with the highest quality of service that a point asks for."""
        topics = {topic: max(point.qos for point in points) for topic, points in self._by_topic.items()}
        return topics | ({} if self._peer is None else {self._peer.topic: 1})

    def received(self, message: Incoming, now_s: float, now_ns: int) -> None:
        """Take a message at ``now_s`` (s since 1970), which is ``now_ns`` on the machine's clock."""
        if self._peer is not None and message.topic == self._peer.topic:
            self._hear_peer(self._peer, message.payload)
        for point in self._by_topic.get(message.topic, ()):
            self._take(point, message, now_s, now_ns)

    def _take(self, point: ReadPoint, message: Incoming, now_s: float, now_ns: int) -> None:
        counts = self._counts
        counts["values_received"] += 1
        try:
            reading = point.reader.read(message.payload)
        except UnreadableError:
            counts["values_malformed"] += 1
            return
        if not reading.good:
            counts["values_bad_at_source"] += 1
            self._image.quality[point.slot] = BAD
            return
        stamp_ns = self._stamp_ns(point, reading, message, now_s, now_ns)
        if stamp_ns is None:
            return
        value = reading.value * point.factor + point.offset
        if not self._image.accept(point.slot, value if math.isfinite(value) else math.nan, stamp_ns):
            counts["values_rejected"] += 1

    def _stamp_ns(
        self, point: ReadPoint, reading: Reading, message: Incoming, now_s: float, now_ns: int
    ) -> int | None:
        """Give when the value was true on the machine's clock; None, and a count, where it is not to be taken."""
        counts, stamp_ns = self._counts, message.received_ns
        if reading.time_s is None:
            if message.retained:
                counts["values_retained_without_time"] += 1
                return None
        else:
            age_s = now_s - reading.time_s
            if age_s < -self._tolerance_s:
                counts["values_from_the_future"] += 1
                return None
            stamp_ns = min(stamp_ns, now_ns - round(age_s * NS_PER_S))
        max_age_ns = self._image.signals[point.slot].max_age_ns
        if 0 < max_age_ns < now_ns - stamp_ns:
            counts["values_too_old"] += 1
            return None
        if reading.time_s is not None:
            if reading.time_s < self._newest_s.get(point.slot, 0.0):
                counts["values_outdated"] += 1
                return None
            self._newest_s[point.slot] = reading.time_s
        # Each value has a stamp of its own: by it the loop tells a new one from the one before.
        return max(stamp_ns, self._image.received_ns[point.slot] + 1)

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
            return payload.decode().strip()
        document = json_document(payload)
    except (UnicodeDecodeError, UnreadableError):
        return ""
    for key in peer.state.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, str) else ""
