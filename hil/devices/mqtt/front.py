"""What every servant on a broker does: say that it is there, and answer; with a bound on what waits."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import MutableMapping
from typing import Protocol

from hil.devices.bridge.orders import Orders, Stage
from hil.devices.mqtt.messages import Outgoing
from hil.devices.mqtt.presence import ENDED, LOOP_GONE, LOOP_LOST, NOT_YET, Presence

COUNTERS = ("answers_dropped",)
_ROOM = 1000
_ACTING = (Stage.GO, Stage.LAST)


class LoopEnd(Protocol):
    """What is known of the loop's end: :class:`hil.devices.bridge.port.Port`."""

    @property
    def has_ended(self) -> bool:
        """Whether it has ended in order, and said so."""
        ...

    @property
    def has_vanished(self) -> bool:
        """Whether its process ended without a word."""
        ...


class Front:
    """Presence and answers of one servant of ``loop``.

    Attributes
    ----------
    stage : Stage
        Of the loop, as of the last orders.
    """

    def __init__(self, presence: Presence, counts: MutableMapping[str, int], loop: LoopEnd) -> None:
        self.stage = Stage.WAIT
        self._presence = presence
        self._counts = counts
        self._loop = loop
        self._waiting: deque[Outgoing] = deque()
        self._is_up = False

    @property
    def loop_runs(self) -> bool:
        """Whether somebody acts on what comes."""
        return self.stage is Stage.GO

    def obey(self, orders: Orders) -> bool:
        """Take the stage of new orders, and tell others where it changes that; gives whether the stage is another."""
        before, self.stage = self.stage, orders.stage
        if (before in _ACTING) != (self.stage in _ACTING):
            self._say()
        return before is not self.stage

    def connection_changed(self, *, up: bool) -> None:
        """Say who we are on a new connection; answers that could not be sent are asked for again by those who wait."""
        self._counts["answers_dropped"] += len(self._waiting)
        self._waiting.clear()
        self._is_up = up
        if up:
            self._say()

    def _say(self) -> None:
        if not self._is_up:
            return
        now_s = time.time()
        if self.stage in _ACTING:
            self.answer(self._presence.online(now_s))
        else:
            self.answer(self._presence.offline(self._reason(), now_s))

    def _reason(self) -> str:
        """Say why nobody acts."""
        if self._loop.has_vanished:
            return LOOP_GONE
        if self._loop.has_ended:
            # Its last orders are carried out, or were tried for long enough; its report may take a while yet.
            return ENDED
        return NOT_YET if self.stage is Stage.WAIT else LOOP_LOST

    def answer(self, message: Outgoing) -> None:
        """Have a message sent."""
        if len(self._waiting) >= _ROOM:
            self._waiting.popleft()
            self._counts["answers_dropped"] += 1
        self._waiting.append(message)

    def take(self) -> list[Outgoing]:
        """Give what is to be sent now."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    def farewell(self) -> list[Outgoing]:
        """Give what is sent on leaving; the end is said again, for what was said before may not have arrived."""
        reason = LOOP_GONE if self._loop.has_vanished else ENDED
        return [*self.take(), self._presence.offline(reason, time.time())]
