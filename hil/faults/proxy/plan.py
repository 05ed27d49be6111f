"""What the proxy's process is told, and the memory it shares with the loop."""

from __future__ import annotations

import json
import mmap
import sys
from dataclasses import asdict, dataclass

from hil.faults.proxy.fate import BusFault
from hil.loop.keeper import BEAT, HEAD_BYTES
from hil.loop.shared import Shared

_READY, _TEXT_BYTES, _TEXT = range(HEAD_BYTES // 8, HEAD_BYTES // 8 + 3)
_DEVICE_WORDS = ("port", "connections", "unreachable", "requests", "replies")
DEVICE_COUNTERS = _DEVICE_WORDS[1:]
"""What is counted of a device, besides its faults."""
_IN_FORCE, _INJECTED = range(2)
_WORD_BYTES = 8


@dataclass(frozen=True, slots=True)
class ProxiedDevice:
    """A device with the proxy before it.

    Attributes
    ----------
    name, host, port : str, str, int
        As in the rig.
    seed : int
        Of the choice of frames.
    faults : tuple of BusFault
        All that can befall its frames; none is in force before it is switched on.
    """

    name: str
    host: str
    port: int
    seed: int
    faults: tuple[BusFault, ...]


@dataclass(frozen=True, slots=True)
class ProxyPlan:
    """All devices of a rig that have the proxy before them."""

    devices: tuple[ProxiedDevice, ...]

    def as_json(self) -> bytes:
        """Write it down for the process."""
        return json.dumps([asdict(device) for device in self.devices]).encode()

    @classmethod
    def from_json(cls, text: bytes) -> ProxyPlan:
        """Read what :meth:`as_json` wrote."""
        return cls(
            tuple(
                ProxiedDevice(**{**device, "faults": tuple(BusFault(**fault) for fault in device["faults"])})
                for device in json.loads(text)
            )
        )


class Board:
    """Words that loop and proxy share: who listens where, which faults are in force, what was injected.

    Each word has one writer: the loop those that put a fault in force, the proxy all others.

    Attributes
    ----------
    plan : ProxyPlan
        As written by :meth:`write`.
    """

    __slots__ = ("_devices_at", "_faults_at", "_view", "_words", "plan")

    def __init__(self, memory: mmap.mmap) -> None:
        self._view = memoryview(memory)
        whole = len(self._view) // _WORD_BYTES * _WORD_BYTES
        self._words = self._view[:whole].cast("q")
        length, start = self._words[_TEXT_BYTES], _TEXT * _WORD_BYTES
        self.plan = ProxyPlan.from_json(bytes(self._view[start : start + length]))
        self._devices_at = _TEXT + _words_of(length)
        self._faults_at = self._devices_at + len(_DEVICE_WORDS) * len(self.plan.devices)

    @staticmethod
    def write(plan: ProxyPlan) -> Shared:
        """Give memory with ``plan`` in it and all words 0; ``OSError`` where there is no room for it."""
        text = plan.as_json()
        faults = sum(len(device.faults) for device in plan.devices)
        words = _TEXT + _words_of(len(text)) + len(_DEVICE_WORDS) * len(plan.devices) + 2 * faults
        shared = Shared(_WORD_BYTES * words)
        shared.map[_TEXT_BYTES * _WORD_BYTES : _TEXT * _WORD_BYTES] = len(text).to_bytes(
            _WORD_BYTES, sys.byteorder
        )
        shared.map[_TEXT * _WORD_BYTES : _TEXT * _WORD_BYTES + len(text)] = text
        return shared

    def beat(self) -> None:
        """Show the keeper that the proxy is well."""
        self._words[BEAT] += 1

    @property
    def ready(self) -> int:
        """1 when all ports listen; an error number, negative, where one cannot."""
        return self._words[_READY]

    @ready.setter
    def ready(self, state: int) -> None:
        self._words[_READY] = state

    def port(self, device: int) -> int:
        """Where the proxy listens for device ``device``, 0 before it does."""
        return self._words[self._device(device, "port")]

    def set_port(self, device: int, port: int) -> None:
        """Note where the proxy listens: one that is started again listens there too."""
        self._words[self._device(device, "port")] = port

    def count(self, device: int, counter: str, by: int = 1) -> int:
        """Count ``by`` more of one of :data:`DEVICE_COUNTERS`; gives the new count."""
        word = self._device(device, counter)
        self._words[word] += by
        return self._words[word]

    def _device(self, device: int, word: str) -> int:
        return self._devices_at + len(_DEVICE_WORDS) * device + _DEVICE_WORDS.index(word)

    def switch(self, fault: int, *, on: bool) -> None:
        """Put a fault in force or out of it; faults are counted through all devices."""
        self._words[self._faults_at + 2 * fault + _IN_FORCE] = on

    def in_force(self, first: int, last: int) -> list[int]:
        """Give which of the faults ``first`` to ``last`` - 1 are in force, counted from ``first``."""
        words, start = self._words, self._faults_at
        return [fault - first for fault in range(first, last) if words[start + 2 * fault + _IN_FORCE]]

    def inject(self, fault: int) -> None:
        """Count a frame that a fault has befallen."""
        self._words[self._faults_at + 2 * fault + _INJECTED] += 1

    def injected(self, fault: int) -> int:
        """Give how many frames a fault has befallen."""
        return self._words[self._faults_at + 2 * fault + _INJECTED]

    def close(self) -> None:
        """Let go of the memory, before its maker unmaps it."""
        self._words.release()
        self._view.release()


def _words_of(length: int) -> int:
    return -(-length // _WORD_BYTES)
