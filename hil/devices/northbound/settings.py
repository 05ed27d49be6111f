"""What the server's process is told, and the memory it shares with the loop."""

from __future__ import annotations

import json
import mmap
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from hil.devices.northbound.layout import RegisterMap, ServedSignal
from hil.loop.keeper import BEAT, CLOSING, HEAD_BYTES
from hil.loop.mailbox import Mailbox
from hil.loop.shared import Shared

SETPOINT = "qd"
"""Layout of a set-point's mailbox: number of the request, value in the signal's unit."""
COUNTERS = (
    "connections", "requests", "exceptions", "closed", "evicted", "setpoints_accepted", "setpoints_refused", "silences",
    "values_beyond_type",
)  # fmt: skip
_WORD_BYTES = 8
_READY, _PORT, _TEXT_BYTES, _COUNTS = range(HEAD_BYTES // _WORD_BYTES, HEAD_BYTES // _WORD_BYTES + 4)
_TEXT = _COUNTS + len(COUNTERS)


@dataclass(frozen=True, slots=True)
class NorthboundSettings:
    """How the rig is served.

    Attributes
    ----------
    bind : str
        IPv4 address to listen on.
    port : int
        0 picks a free one.
    unit_id : int
        Answered, beside 0 and 255, which mean the server itself.
    signals : tuple of ServedSignal
        What is served, in the order of the registers.
    word_order : str
        ``high_first`` or ``low_first``, of float32.
    silent_code : int
        Exception that a read gets while the loop is dead; 0: registers whose quality is BAD.
    silent_after_s : float
        Time without a cycle after which the loop is dead, s.
    linger_s : float
        How long to stay when the loop was killed, s.
    """

    bind: str
    port: int
    unit_id: int
    signals: tuple[ServedSignal, ...]
    word_order: str = "high_first"
    silent_code: int = 11
    silent_after_s: float = 1.0
    linger_s: float = 60.0

    @property
    def layout(self) -> RegisterMap:
        """Where everything lies."""
        return RegisterMap(self.signals, self.word_order, self.unit_id)

    def as_json(self) -> bytes:
        """Write it down for the process."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes) -> NorthboundSettings:
        """Read what :meth:`as_json` wrote."""
        told = json.loads(text)
        return cls(**{**told, "signals": tuple(ServedSignal(**signal) for signal in told["signals"])})


class Desk:
    """Memory between loop and server: settings, counters, and a mailbox for each set-point.

    Attributes
    ----------
    settings : NorthboundSettings
        As written by :meth:`write`.
    boxes : dict of str to Mailbox
        By the set-point's signal; the server puts, the loop gets.
    """

    def __init__(self, memory: mmap.mmap) -> None:
        self._view = memoryview(memory)
        self._words = self._view[: len(self._view) // _WORD_BYTES * _WORD_BYTES].cast("q")
        start = _TEXT * _WORD_BYTES
        text = bytes(self._view[start : start + self._words[_TEXT_BYTES]])
        self.settings = NorthboundSettings.from_json(text)
        room = Mailbox.room(SETPOINT)
        first = start + _padded(len(text))
        names = _setpoints(self.settings.signals)
        self.boxes = {name: Mailbox(self._view[first + n * room :], SETPOINT) for n, name in enumerate(names)}

    @staticmethod
    def write(settings: NorthboundSettings) -> Shared:
        """Give memory with ``settings`` in it and everything else 0; ``OSError`` where there is no room for it."""
        text, start = settings.as_json(), _TEXT * _WORD_BYTES
        boxes = len(_setpoints(settings.signals)) * Mailbox.room(SETPOINT)
        shared = Shared(start + _padded(len(text)) + boxes)
        length = len(text).to_bytes(_WORD_BYTES, sys.byteorder)
        shared.map[_TEXT_BYTES * _WORD_BYTES : (_TEXT_BYTES + 1) * _WORD_BYTES] = length
        shared.map[start : start + len(text)] = text
        return shared

    def beat(self) -> None:
        """Show the keeper that the server is well."""
        self._words[BEAT] += 1

    @property
    def is_closing(self) -> bool:
        """Whether the run has come to its end: not a loop that was killed."""
        return bool(self._words[CLOSING])

    @property
    def ready(self) -> int:
        """1 when the server listens; an error number, negative, where it cannot."""
        return self._words[_READY]

    @ready.setter
    def ready(self, state: int) -> None:
        self._words[_READY] = state

    @property
    def port(self) -> int:
        """Where the server listens; 0 before."""
        return self._words[_PORT]

    @port.setter
    def port(self, port: int) -> None:
        self._words[_PORT] = port

    def count(self, counter: str, by: int = 1) -> int:
        """Count ``by`` more; gives the new count."""
        word = _COUNTS + COUNTERS.index(counter)
        self._words[word] += by
        return self._words[word]

    def close(self) -> None:
        """Let go of the memory, before its maker unmaps it."""
        for box in self.boxes.values():
            box.close()
        self._words.release()
        self._view.release()


def _setpoints(signals: Sequence[ServedSignal]) -> list[str]:
    return [signal.name for signal in signals if signal.writable]


def _padded(length: int) -> int:
    return -(-length // _WORD_BYTES) * _WORD_BYTES
