"""Which commands from others take effect: each at most once, in its time, from whom it should be, within its limits."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from hil.devices.mqtt.envelope import Acknowledgement, Command, id_in, read_command
from hil.devices.mqtt.payloads import UnreadableError, json_document
from hil.devices.mqtt.refusal import Refusal
from hil.devices.mqtt.signing import unseal


@dataclass(frozen=True, slots=True, repr=False)
class GateRules:
    """What a command must keep. Has no text form, for it holds keys.

    Attributes
    ----------
    ranges : mapping of str to (float, float)
        Signals open to commands, with the least and the greatest value, in the signal's unit.
    others : frozenset of str
        Signals of the rig that are not open to commands.
    keys : mapping of str to bytes
        Keys of those who may command, by their ids; empty: signing is off.
    longest_life_s : float
        Longest life a command may have, s.
    tolerance_s : float
        By how much the sender's clock may be ahead, s.
    memory : int
        Commands remembered.
    """

    ranges: Mapping[str, tuple[float, float]]
    others: frozenset[str] = frozenset()
    keys: Mapping[str, bytes] = field(default_factory=dict)
    longest_life_s: float = 30.0
    tolerance_s: float = 1.0
    memory: int = 10_000

    def __post_init__(self) -> None:
        if self.longest_life_s <= 0.0 or self.tolerance_s < 0.0 or self.memory < 1:
            raise ValueError(
                "a life above 0 s, a tolerance of 0 s or more and a memory of 1 or more are needed"
            )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a message: ``values`` are to take effect now, ``answer`` is to be sent.

    ``answer`` is None where the message had no id to answer to.
    """

    values: Mapping[str, float]
    answer: Acknowledgement | None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class _Taken:
    issued_s: float
    over_s: float
    digest: bytes


_NOTHING: Mapping[str, float] = {}


class Gate:
    """Judges commands in the order of their receipt.

    Attributes
    ----------
    accepted, duplicates : int
        Commands that took effect; repetitions of those, answered again and not carried out again.
    refused : dict of Refusal to int
        The others, by reason.

    Notes
    -----
    ``started_s`` (s since 1970) is when the memory began: what was issued before cannot be told from a replay. The
    same holds for what is older than the oldest command forgotten for want of room.
    """

    def __init__(self, rules: GateRules, started_s: float) -> None:
        self._rules = rules
        self._known_since_s = started_s
        self._taken: OrderedDict[str, _Taken] = OrderedDict()
        self._newest_s: dict[str, float] = {}
        self.accepted = self.duplicates = 0
        self.refused = dict.fromkeys(Refusal, 0)

    def judge(
        self, topic: str, payload: bytes, now_s: float, *, retained: bool = False, loop_runs: bool = True
    ) -> Verdict:
        """Judge a message that came on ``topic`` at ``now_s`` (s since 1970).

        ``retained`` as the broker marked it; ``loop_runs`` whether anybody would act on the command.
        """
        try:
            body = Refusal.RETAINED if retained else unseal(topic, payload, self._rules.keys)
            if isinstance(body, Refusal):
                return self._refuse(body, _id_of(payload))
            command = read_command(body)
        except UnreadableError:
            return self._refuse(Refusal.MALFORMED, _id_of(payload))
        digest = hashlib.sha256(body).digest()
        before = self._taken.get(command.id)
        if before is not None:
            return self._again(command, before, digest, now_s)
        refusal = self._time_fault(command, now_s) or self._value_fault(command)
        if refusal is None and not loop_runs:
            refusal = Refusal.LOOP_NOT_RUNNING
        return self._refuse(refusal, command.id) if refusal is not None else self._take(command, digest)

    def _again(self, command: Command, before: _Taken, digest: bytes, now_s: float) -> Verdict:
        if before.digest != digest or now_s > before.over_s:
            return self._refuse(Refusal.REPLAYED, command.id)
        self.duplicates += 1
        return Verdict(_NOTHING, Acknowledgement(command.id, accepted=True, duplicate=True))

    def _time_fault(self, command: Command, now_s: float) -> Refusal | None:
        rules = self._rules
        if command.issued_s > now_s + rules.tolerance_s:
            return Refusal.FROM_THE_FUTURE
        if command.life_s > rules.longest_life_s:
            return Refusal.LIFE_TOO_LONG
        if now_s > command.issued_s + command.life_s:
            return Refusal.EXPIRED
        return Refusal.REPLAYED if command.issued_s <= self._known_since_s else None

    def _value_fault(self, command: Command) -> Refusal | None:
        ranges, newest_s = self._rules.ranges, self._newest_s
        unknown = command.values.keys() - ranges.keys()
        if unknown:
            return Refusal.NOT_COMMANDABLE if unknown <= self._rules.others else Refusal.UNKNOWN_SIGNAL
        if not all(ranges[name][0] <= value <= ranges[name][1] for name, value in command.values.items()):
            return Refusal.OUT_OF_RANGE
        # On its way a message may be overtaken: what was asked for last counts, not what came last.
        if any(command.issued_s < newest_s.get(name, 0.0) for name in command.values):
            return Refusal.OUTDATED
        return None

    def _take(self, command: Command, digest: bytes) -> Verdict:
        self.accepted += 1
        self._taken[command.id] = _Taken(command.issued_s, command.issued_s + command.life_s, digest)
        for name in command.values:
            self._newest_s[name] = command.issued_s
        if len(self._taken) > self._rules.memory:
            _, forgotten = self._taken.popitem(last=False)
            self._known_since_s = max(self._known_since_s, forgotten.issued_s)
        return Verdict(command.values, Acknowledgement(command.id, accepted=True))

    def _refuse(self, refusal: Refusal, command_id: str) -> Verdict:
        self.refused[refusal] += 1
        answer = Acknowledgement(command_id, accepted=False, reason=refusal.value) if command_id else None
        return Verdict(_NOTHING, answer, refusal)

    def counters(self) -> dict[str, int]:
        """How often each thing happened, every reason by its name."""
        refused = {f"commands_refused_{reason.value}": count for reason, count in self.refused.items()}
        return {"commands_accepted": self.accepted, "commands_duplicate": self.duplicates} | refused


def _id_of(payload: bytes) -> str:
    """Id of a message, signed or not: only to say which one is refused."""
    try:
        document = json_document(payload)
        found = id_in(document)
        body = document.get("body") if not found and isinstance(document, dict) else None
        return id_in(json_document(body.encode(errors="replace"))) if isinstance(body, str) else found
    except UnreadableError:
        return ""
