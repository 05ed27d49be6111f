"""Whether what a unit says can be believed: the replies it may still owe, and the proof that it owes none.

A reply carries nothing to tell which request it answers. So after a request that was not answered well, its reply may
come at any time and would be taken for the answer to a later request of the same shape. The unit is held until

1. every reply it may owe has come, or the time in which one can come is over, and
2. it has answered a *canary*: a read of a shape that nothing owed can have. Units answer in turn, so whatever it owed
   before the canary has come before the canary's answer; this holds however late a busy unit is, and
3. nothing came behind the canary's answer.

Pure: time is an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hil.devices.wire.rtu_frames import DIAGNOSTICS, ReplyFrame, reply_prefix, sealed

_NS_PER_S = 1_000_000_000
_AT_ONCE = 2
"""Canaries that follow an unanswered one as soon as the line is free: most faults are over by then."""
_FIRST_BACKOFF_NS = _NS_PER_S // 4
_LONGEST_BACKOFF_NS = 5 * _NS_PER_S
_QUIET_NS = 10_000_000
_ECHOES_TRIED = 2


@dataclass(frozen=True, slots=True)
class Owed:
    """A reply that may still come.

    Attributes
    ----------
    prefix : bytes
        What it begins with, if the request was carried out.
    until_ns : int
        When it can no longer come.
    """

    prefix: bytes
    until_ns: int


@dataclass(frozen=True, slots=True)
class Canary:
    """A question whose answer can be told from every reply owed.

    Attributes
    ----------
    request, prefix : bytes
        The frame, and what its reply begins with.
    takes_exception : bool
        Whether a refusal proves as much.
    quiet_ns : int
        How long nothing may come behind the answer.
    """

    request: bytes
    prefix: bytes
    takes_exception: bool
    quiet_ns: int

    def is_answered_by(self, frame: ReplyFrame) -> bool:
        """Whether ``frame`` is the answer."""
        if frame.exception:
            return (
                self.takes_exception and frame.function == self.prefix[1] and frame.unit_id == self.prefix[0]
            )
        return frame.body.startswith(self.prefix)


class Doubt:
    """One unit.

    Parameters
    ----------
    unit_id : int
        On the bus.
    questions : sequence of bytes
        Read requests (frames) of listed points, to choose canaries from.
    late_ns, timeout_ns : int
        How long after its request a reply may come; the reply time-out.

    Attributes
    ----------
    is_held : bool
        Whether the unit is in doubt.
    was_away : bool
        Whether a reply that it owed in the present or last doubt never came: it may have been without power meanwhile.
    failures : int
        Canaries in succession that were not answered.
    """

    __slots__ = ("_echoes", "_late_ns", "_owed", "_proven", "_questions", "_quiet_until_ns", "_suspects", "_timeout_ns",
                 "_turn", "_unit_id", "canary_due_ns", "failures", "is_held",
                 "was_away")  # fmt: skip

    def __init__(self, unit_id: int, questions: Sequence[bytes], late_ns: int, timeout_ns: int) -> None:
        self._unit_id = unit_id
        by_shape = {reply_prefix(request): request for request in reversed(questions)}
        self._questions = [by_shape[prefix] for prefix in sorted(by_shape, key=len)]
        self._late_ns, self._timeout_ns = late_ns, timeout_ns
        self._owed: list[Owed] = []
        self._suspects: set[bytes] = set()
        self._proven = False
        self._quiet_until_ns = 0
        self._turn = self._echoes = 0
        self.failures = 0
        self.canary_due_ns = 0
        self.is_held = self.was_away = False

    @property
    def owes(self) -> bool:
        """Whether a reply may still come."""
        return bool(self._owed)

    def owe(self, request: bytes, asked_ns: int, now_ns: int) -> None:
        """Note that ``request``, sent at ``asked_ns``, was given up at ``now_ns``: its reply may come yet."""
        prefix = reply_prefix(request)
        self._owed.append(Owed(prefix, max(asked_ns + self._late_ns, now_ns)))
        self._suspects.add(prefix)
        self.suspect(now_ns)

    def suspect(self, now_ns: int) -> None:
        """Note that the unit sent what nobody asked for, or something spoilt its answer."""
        if not self.is_held:
            self.failures = self._echoes = 0
            self.was_away = False
            self.canary_due_ns = now_ns
        self.is_held = True
        self._proven = False

    def settle(self, frame: ReplyFrame, now_ns: int) -> bool:
        """Take a frame of the unit that nobody waits for; gives whether it was owed. If not, that is suspect too."""
        if frame.exception and self.refusal_could_be_owed(frame.function):
            # To which of several requests cannot be told, so nothing is taken as settled by it.
            return True
        for place, owed in enumerate(self._owed):
            if frame.body.startswith(owed.prefix):
                del self._owed[place]
                # Behind the answer to a canary: that may have been the answer to another one.
                if now_ns < self._quiet_until_ns:
                    self.suspect(now_ns)
                return True
        self.suspect(now_ns)
        return False

    def could_be_owed(self, request: bytes) -> bool:
        """Whether the reply to ``request`` could be mistaken for one that is owed."""
        return reply_prefix(request) in {owed.prefix for owed in self._owed}

    def refusal_could_be_owed(self, function: int) -> bool:
        """Whether an exception reply to this function could belong to a request before."""
        return any(owed.prefix[1] == function for owed in self._owed)

    def look(self, now_ns: int) -> bool:
        """Forget what can no longer come; gives whether the unit is believed again from now on."""
        if not self.is_held:
            return False
        coming = [owed for owed in self._owed if owed.until_ns > now_ns]
        self.was_away = self.was_away or len(coming) < len(self._owed)
        self._owed = coming
        if self._owed or not self._proven or now_ns < self._quiet_until_ns:
            return False
        self.is_held = False
        self._suspects.clear()
        return True

    def wake_ns(self, now_ns: int) -> int:
        """When the next thing is to be done for the unit."""
        times = [owed.until_ns for owed in self._owed]
        times += [self._quiet_until_ns] if self._proven else [self.canary_due_ns]
        return min((time_ns for time_ns in times if time_ns > now_ns), default=now_ns)

    def canary(self, now_ns: int) -> Canary | None:
        """Give a canary, if one is due and there is one whose answer can be told from all that may come."""
        if self._proven or now_ns < self.canary_due_ns:
            return None
        fresh = [request for request in self._questions if reply_prefix(request) not in self._suspects]
        if fresh:
            return self._of_read(fresh[self._turn % len(fresh)], _QUIET_NS)
        if self._echoes < _ECHOES_TRIED or not self._questions:
            return self._echo()
        again = [request for request in self._questions if not self.could_be_owed(request)]
        if again:
            # Of a shape that was owed before: if the answer was an old one, the true one comes behind it.
            return self._of_read(again[self._turn % len(again)], self._timeout_ns)
        return None

    def _of_read(self, request: bytes, quiet_ns: int) -> Canary:
        refusal_tells = all(prefix[1] != request[1] for prefix in self._suspects)
        return Canary(request, reply_prefix(request), refusal_tells, quiet_ns)

    def _echo(self) -> Canary:
        """Have the unit repeat a number, or refuse to: nothing but this request is answered so."""
        self._echoes += 1
        number = (0x5A00 + self._turn) & 0xFFFF
        request = sealed(bytes((self._unit_id, DIAGNOSTICS, 0, 0)) + number.to_bytes(2, "big"))
        return Canary(request, reply_prefix(request), True, _QUIET_NS)

    def answered(self, canary: Canary, now_ns: int) -> None:
        """Note that a canary was answered."""
        self._proven = True
        self._turn += 1
        self.failures = 0
        self._quiet_until_ns = now_ns + canary.quiet_ns

    def unanswered(self, canary: Canary, asked_ns: int, now_ns: int) -> None:
        """Note that it was not: its answer may come yet, and the next one waits longer."""
        self.owe(canary.request, asked_ns, now_ns)
        self._turn += 1
        wait_ns = min(_FIRST_BACKOFF_NS << min(max(self.failures - _AT_ONCE, 0), 10), _LONGEST_BACKOFF_NS)
        wait_ns = 0 if self.failures < _AT_ONCE else wait_ns
        self.failures += 1
        self.canary_due_ns = now_ns + wait_ns
