"""Which values of all signals are worth a message, and what happens when there are too many of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from hil.devices.mqtt.instants import write_instant
from hil.devices.mqtt.payloads import json_payload


@dataclass(frozen=True, slots=True)
class TelemetryRules:
    """When a signal is published, and how many messages there may be.

    Attributes
    ----------
    least_interval_s, most_interval_s : float
        A signal is published no more often and no more seldom than this, s.
    rate_per_s : float
        Messages a second over all signals; a burst may hold those of one second, and at least one.
    queue : int
        Messages that wait, be it for the rate or for the broker. Where there are more, the oldest go.
    """

    least_interval_s: float = 1.0
    most_interval_s: float = 60.0
    rate_per_s: float = 200.0
    queue: int = 10_000

    def __post_init__(self) -> None:
        if not 0.0 <= self.least_interval_s <= self.most_interval_s or self.most_interval_s <= 0.0:
            raise ValueError(f"intervals from {self.least_interval_s:g} s to {self.most_interval_s:g} s")
        if self.rate_per_s <= 0.0 or self.queue < 1:
            raise ValueError("a rate above 0 and room for 1 message or more are needed")


@dataclass(frozen=True, slots=True)
class Published:
    """One signal that is published: its name, unit, smallest change worth a message (in the unit), and its topic."""

    name: str
    unit: str
    deadband: float
    topic: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One message; ``time_s`` is s since 1970."""

    topic: str
    payload: bytes


class Telemetry:
    """Decides on change, keeps the rate, bounds the queue.

    Attributes
    ----------
    queued, dropped, taken : int
        Messages that were made; of these lost for want of room, or overtaken by :meth:`condemn`; of these given out to
        be sent.
    """

    def __init__(self, rules: TelemetryRules, signals: Sequence[Published], qualities: Sequence[str]) -> None:
        """``qualities`` names each quality by its number."""
        self._rules = rules
        self._signals = tuple(signals)
        self._qualities = tuple(qualities)
        self._last: list[tuple[float, float, int] | None] = [None] * len(self._signals)
        self._queue: deque[Sample] = deque()
        self._condemned: tuple[Sample, ...] = ()
        self._owed: deque[Sample] = deque()
        self._burst = max(1.0, rules.rate_per_s)
        self._tokens = self._burst
        self._filled_at_s: float | None = None
        self.queued = self.dropped = self.taken = 0

    @property
    def waiting(self) -> int:
        """Messages in the queue."""
        return len(self._queue) + len(self._owed)

    def observe(self, values: Sequence[float], qualities: Sequence[int], now_s: float, at_s: float) -> None:
        """Look at all signals as of ``now_s`` (s since 1970), ``at_s`` (s) on a clock that never steps."""
        if self._condemned:
            self._acquit()
        for slot, signal in enumerate(self._signals):
            value, quality = values[slot], qualities[slot]
            if self._is_due(slot, signal.deadband, value, quality, at_s):
                self._last[slot] = (at_s, value, quality)
                self._put(Sample(signal.topic, self._payload(signal, value, quality, now_s)))

    def condemn(self, values: Sequence[float], bad: int, now_s: float) -> None:
        """Mark every signal: nobody keeps ``values`` up to date from ``now_s`` (s since 1970) on.

        ``bad`` is the number of that quality. One message a signal, at the rate of all others; the queue's bound
        does not hold for them, so that none is left GOOD. What waited is older, would be the last word, and goes.
        """
        self.dropped += self.waiting
        self._queue.clear()
        self._condemned = tuple(
            Sample(signal.topic, self._payload(signal, value, bad, now_s))
            for signal, value in zip(self._signals, values, strict=True)
        )
        self._owe()

    def _owe(self) -> None:
        self._owed = deque(self._condemned)
        self.queued += len(self._owed)

    def _acquit(self) -> None:
        """Forget the marks: the loop is back, and every signal is to say so at once."""
        self.dropped += len(self._owed)
        self._condemned = ()
        self._owed.clear()
        self._last = [None] * len(self._signals)

    def _is_due(self, slot: int, deadband: float, value: float, quality: int, at_s: float) -> bool:
        last = self._last[slot]
        if last is None:
            return True
        sent_at_s, sent_value, sent_quality = last
        since_s = at_s - sent_at_s
        if since_s < self._rules.least_interval_s:
            return False
        changed = quality != sent_quality or abs(value - sent_value) > deadband
        return changed or since_s >= self._rules.most_interval_s

    def _payload(self, signal: Published, value: float, quality: int, now_s: float) -> bytes:
        return json_payload(
            {
                "value": value,
                "unit": signal.unit,
                "quality": self._qualities[quality],
                "time": write_instant(now_s),
            }
        )

    def _put(self, sample: Sample) -> None:
        if len(self._queue) >= self._rules.queue:
            # Who looks at a plant after a gap needs its present state first.
            self._queue.popleft()
            self.dropped += 1
        self._queue.append(sample)
        self.queued += 1

    def take(self, at_s: float) -> list[Sample]:
        """Give the messages that may go out at ``at_s`` (s), oldest first."""
        if self._filled_at_s is not None:
            gained = (at_s - self._filled_at_s) * self._rules.rate_per_s
            self._tokens = min(self._burst, self._tokens + gained)
        self._filled_at_s = at_s
        queue = self._owed if self._condemned else self._queue
        count = min(len(queue), int(self._tokens))
        self._tokens -= count
        self.taken += count
        return [queue.popleft() for _ in range(count)]

    def repeat_all(self) -> None:
        """Have every signal published again: a broker that was restarted may have lost what it kept."""
        self._last = [None] * len(self._signals)
        if self._condemned:
            self.dropped += len(self._owed)
            self._owe()
