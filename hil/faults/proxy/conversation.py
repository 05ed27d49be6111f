"""One connection through the proxy, without a socket: bytes in with their time, bytes out when they are due."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Protocol

from hil.faults.proxy.fate import BusFault, Direction, decide
from hil.faults.proxy.frames import FrameCutter


class Ledger(Protocol):
    """What is known of a device over all its connections."""

    def number(self, direction: Direction) -> int:
        """Count a frame that passes; gives its number, from 0."""
        ...

    def in_force(self) -> list[int]:
        """Give the numbers of the faults in force now, in their order."""
        ...

    def hit(self, fault: int) -> None:
        """Count a frame that a fault has befallen."""
        ...


_Entry = tuple[float, int, Direction, bytes, int, str]
"""When a piece is due, its turn among those due then, where it goes, the piece, its frame, and what it is of it."""
_MORE, _WHOLE, _CUT = "more", "whole", "cut"
"""Pieces follow; the frame is whole with it; it is the last of a frame that never becomes whole."""


class Conversation:
    """What goes on between a client and the device.

    Parameters
    ----------
    faults : sequence of BusFault
        All of this device.
    seed : int
        Of the choice of frames.
    ledger : Ledger
        Shared by all connections to the device.

    Attributes
    ----------
    is_dead : bool
        Half-open: the client's side stands, and nothing comes of it.
    is_reset : bool
        The connection is to be reset.
    """

    def __init__(self, faults: Sequence[BusFault], seed: int, ledger: Ledger) -> None:
        self._faults = faults
        self._seed = seed
        self._ledger = ledger
        self._cutters: dict[Direction, FrameCutter] = {"request": FrameCutter(), "reply": FrameCutter()}
        self._free_s: dict[Direction, float] = {"request": 0.0, "reply": 0.0}
        self._queue: list[_Entry] = []
        self._queued = 0
        self._begun: dict[Direction, int | None] = {"request": None, "reply": None}
        self._held: dict[Direction, list[_Entry]] = {"request": [], "reply": []}
        self._is_cut = False
        self.is_dead = self.is_reset = False

    def take(self, direction: Direction, data: bytes, now_s: float) -> None:
        """Take what came at ``now_s`` (s, any clock that does not go back)."""
        if self.is_dead:
            # The peer that forgot the connection answers the first segment after its return with a reset.
            self.is_reset = not any(
                self._faults[index].kind == "half_open" for index in self._ledger.in_force()
            )
            return
        if direction == "request" and self._is_cut:
            self._go_on("reply")
        cutter = self._cutters[direction]
        for frame in cutter.feed(data):
            if cutter.opaque:
                self._send(direction, frame, now_s)
            else:
                self._pass(direction, frame, now_s)
            if self.is_dead or self.is_reset:
                return

    def _pass(self, direction: Direction, frame: bytes, now_s: float) -> None:
        faults = [(index, self._faults[index]) for index in self._ledger.in_force()]
        fate = decide(frame, self._ledger.number(direction), direction, faults, self._seed)
        for index in fate.hits:
            self._ledger.hit(index)
        if fate.end:
            self._queue.clear()
            self._held = {"request": [], "reply": []}
            self.is_dead, self.is_reset = fate.end == "half_open", fate.end == "reset"
            return
        if fate.answer:
            self._send("reply", fate.answer, now_s)
        if fate.aside_s:
            self._put(
                now_s + fate.aside_s + fate.wait_s, direction, (b"".join(fate.pieces),), is_cut=fate.is_cut
            )
            return
        at_s = max(now_s, self._free_s[direction]) + fate.wait_s
        if fate.pieces:
            self._free_s[direction] = self._put(at_s, direction, fate.pieces, fate.gap_s, is_cut=fate.is_cut)

    def _send(self, direction: Direction, data: bytes, now_s: float) -> None:
        self._put(max(now_s, self._free_s[direction]), direction, (data,))

    def _put(
        self,
        at_s: float,
        direction: Direction,
        pieces: Sequence[bytes],
        gap_s: float = 0.0,
        *,
        is_cut: bool = False,
    ) -> float:
        """Queue a frame in pieces, the first at ``at_s`` (s), ``gap_s`` apart; gives the time of the last."""
        frame, last = self._queued, len(pieces) - 1
        for number, piece in enumerate(pieces):
            self._queued += 1
            due_s = at_s + gap_s * number
            what = _MORE if number < last else _CUT if is_cut and direction == "reply" else _WHOLE
            heapq.heappush(self._queue, (due_s, self._queued, direction, piece, frame, what))
        return at_s + gap_s * last

    def due(self, now_s: float) -> list[tuple[Direction, bytes]]:
        """Give what is to be sent by ``now_s``: requests to the device, replies to the client."""
        ready: list[tuple[Direction, bytes]] = []
        while self._queue and self._queue[0][0] <= now_s:
            entry = heapq.heappop(self._queue)
            _, _, direction, piece, frame, what = entry
            if self._begun[direction] not in {None, frame}:
                # A late frame comes between two others, never into the middle of one: no device mixes its frames.
                self._held[direction].append(entry)
                continue
            ready.append((direction, piece))
            self._begun[direction] = frame
            if what == _WHOLE:
                self._go_on(direction)
            # What followed a reply that was cut would become its rest, and pass for it with a client that still waits
            # for it: no client could tell. It follows when the client has given up waiting, and asks anew.
            self._is_cut |= what == _CUT
        return ready

    def _go_on(self, direction: Direction) -> None:
        """Let frames follow that had to wait for the end of another."""
        self._begun[direction] = None
        for held in self._held[direction]:
            heapq.heappush(self._queue, held)
        self._held[direction].clear()
        self._is_cut = False

    @property
    def next_s(self) -> float | None:
        """When the next bytes are due, s; None where nothing waits."""
        return self._queue[0][0] if self._queue else None
