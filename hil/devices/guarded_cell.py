"""A written cell with rules: held back by interval and budget, verified, written again where it is not followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite

from hil.config.points import Point
from hil.config.units import affine
from hil.devices.events import Events
from hil.devices.modbus.cell import Binding, WriteCell
from hil.devices.modbus.settings import RULE_COUNTERS
from hil.devices.wire.coalesce import Cell
from hil.devices.wire.values import BlockDecoder, Refusal
from hil.devices.write_policy import DAY_NS, MINUTE_NS, NS_PER_S, Budget, Gate, Hold
from hil.devices.write_watch import Finding, Verdict, WriteWatch
from hil.loop.image import SUBSTITUTED, Image

_MEANINGS = {
    Verdict.IGNORED: "acknowledged but ignored: the device did not take it (local mode, interlock, wrong register?)",
    Verdict.REVERTED: "reverted: it was taken, then fell back without a write of ours (time-out, restart, local mode?)",
    Verdict.FOREIGN: "neither ours nor what was there before: somebody else writes it, or the device alters it",
    Verdict.RECOVERED: "followed again",
}


@dataclass(slots=True)
class Desk:
    """Where cells count and tell: a device's own.

    Attributes
    ----------
    counts : dict of str to int
        Holds :data:`RULE_COUNTERS`.
    events : Events
        For a person.
    """

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(RULE_COUNTERS, 0))
    events: Events = field(default_factory=Events)

    def __post_init__(self) -> None:
        for counter in RULE_COUNTERS:
            self.counts.setdefault(counter, 0)


class Verification:
    """One verified point: what it should be, and what is found.

    Attributes
    ----------
    point, target : Point
        What is written; what is read to see whether it took effect.
    watch : WriteWatch
        The judgement.
    """

    __slots_ = ("_decode", "_desk", "_is_own", "_line", "_value", "_words", "point", "target", "watch")

    def __init__(self, point: Point, signal_unit: str, desk: Desk) -> None:
        rules = point.rules
        self.point = point
        self.target = target = point.feedback or point
        self.watch = WriteWatch(
            rules.verify_tolerance,
            int(rules.verify_delay_s * NS_PER_S),
            int(rules.verify_every_s * NS_PER_S),
        )
        self._is_own = target is point
        self._decode = None if point.table == "coil" else BlockDecoder([point], point.address, point.count)
        factor, shift = affine(signal_unit, target.unit)
        self._line = (factor / target.scale, (shift - target.offset) / target.scale)
        self._desk = desk
        self._value = 0.0
        self._words: tuple[int, ...] = ()

    def prepared(self, value: float, words: tuple[int, ...]) -> None:
        """Note what is to be sent: the signal's ``value`` in its unit, and the cell's registers or bit."""
        self._value, self._words = value, words

    def acknowledged(self, now_ns: int) -> None:
        """Note that it was."""
        expected = self._expected()
        if isfinite(expected):
            self.watch.acknowledged(expected, now_ns)
        else:
            # The pattern by which the device says that it has no value: what it then shows proves nothing.
            self.watch.unsure()

    def _expected(self) -> float:
        if not self._is_own:
            raw = self._value * self._line[0] + self._line[1]
            return round(raw) if self.target.data_type.is_integer else raw
        if self._decode is None:
            return self._words[0]
        # As the registers say it: a float has lost digits on the way, and a bit its word.
        data = b"".join(word.to_bytes(2, "big") for word in self._words)
        return self._decode.decode(bytearray(data), 0)[0]

    def found(self, raw: float, now_ns: int) -> Finding | None:
        """Judge what was read, count it, and tell what is news."""
        finding = self.watch.found(raw, now_ns)
        if finding is not None:
            self._desk.counts[finding.verdict.value] += 1
            if finding.is_news:
                self._desk.events.add(now_ns, self._in_words(finding))
        return finding

    def _in_words(self, finding: Finding) -> str:
        point, target = self.point, self.target
        where = f"unit {target.unit_id} {target.table} {target.address}"
        at = where if self._is_own else f"{target.signal}, {where}"
        sent, found = (_amount(raw, target) for raw in (finding.expected, finding.found))
        return f"{point.signal}: wrote {sent}, found {found} at {at}: {_MEANINGS[finding.verdict]}"

    @property
    def is_wrong(self) -> bool:
        """Whether the device does not follow."""
        return self.watch.deviates is not None


def _amount(raw: float, point: Point) -> str:
    unit = "" if point.unit in ("1", "bool") else f" {point.unit}"
    return f"{raw * point.scale + point.offset:g}{unit} (raw {raw:g})"


class GuardedCell(WriteCell):
    """A cell at least one of whose points has rules.

    Of several bits in one word the strictest rules hold: the word is written whole. What goes to its declared failsafe
    and what is forced passes, whatever the rules; it is counted, and against the budget too.

    Attributes
    ----------
    verifications : list of Verification
        Of its points; each is read back by itself.
    """

    __slots_ = ("_desk", "_due_ns", "_failsafes", "_forced", "_gate", "_held", "_is_told", "_rewrite", "_rewrites",
                 "_slots", "_verified", "verifications")  # fmt: skip

    is_guarded = True

    def __init__(self, cell: Cell, bindings: Sequence[Binding], image: Image, desk: Desk) -> None:
        super().__init__(cell, bindings, image)
        members = [bindings[member] for member in cell.members]
        rules = [member.point.rules for member in members]
        days = [rule.writes_per_day for rule in rules if rule.writes_per_day is not None]
        interval_ns = int(max(rule.min_interval_s for rule in rules) * NS_PER_S)
        self.by_words = False
        self._desk = desk
        self._gate = Gate(interval_ns, min(days) if days else None)
        self._slots = [member.slot for member in members]
        self._failsafes = [image.signals[slot].failsafe for slot in self._slots]
        self.verifications = [
            Verification(member.point, image.signals[member.slot].unit, desk)
            for member in members
            if member.point.rules.verifies
        ]
        slots = {member.point.signal: member.slot for member in members}
        self._verified = [(each, slots[each.point.signal]) for each in self.verifications]
        self._rewrites = Budget(min(rule.rewrites_per_min for rule in rules), MINUTE_NS)
        self._forced = self._rewrite = self._is_told = False
        self._due_ns = 0
        self._held: tuple[int, ...] | None = None

    # Before it goes out -----------------------------------------------------------------------------------

    def prepare(self) -> Refusal | None:
        """Encode the image's values into ``words``; gives why not, where one cannot be sent."""
        refusal = super().prepare()
        if refusal is None:
            for each, slot in self._verified:
                each.prepared(self._image.values[slot], self.words)
        return refusal

    def due(self, now_ns: int) -> bool:
        """Whether the prepared words are to be sent at loop time ``now_ns``, and may be."""
        self._due_ns = now_ns
        wants_again = self._rewrite and self._rewrites.has_room(now_ns)
        if not (self._forced or wants_again or super().due(now_ns)):
            self._held = None
            return False
        hold = self._gate.hold(now_ns)
        if hold is Hold.NONE:
            return True
        if self._forced or self._is_failsafe():
            self._desk.counts["writes_exempted"] += 1
            return True
        self._note_hold(hold, now_ns)
        return False

    def _is_failsafe(self) -> bool:
        image = self._image
        return all(
            image.quality[slot] == SUBSTITUTED and image.values[slot] == failsafe
            for slot, failsafe in zip(self._slots, self._failsafes, strict=True)
        )

    def _note_hold(self, hold: Hold, now_ns: int) -> None:
        if self.words != self._held:
            self._held = self.words
            counter = "writes_held_by_interval" if hold is Hold.INTERVAL else "writes_held_by_budget"
            self._desk.counts[counter] += 1
        if hold is Hold.BUDGET and not self._is_told:
            self._is_told = True
            self._tell_budget(now_ns)

    def _tell_budget(self, now_ns: int) -> None:
        budget = self._gate.budget
        assert budget is not None
        hours = (budget.room_ns(now_ns) - now_ns) / (DAY_NS / 24)
        self._desk.events.add(
            now_ns,
            f"{self.names}: {budget.spent} writes in 24 h, the budget is used up: held for up to {hours:.1f} h, "
            "failsafe values excepted (writes_per_day)",
        )

    # When it went out -------------------------------------------------------------------------------------

    def note_sent(self) -> None:
        """Note that the request with it has left, in the phase for which it was due."""
        self._held = None
        budget = self._gate.budget
        if budget is None or budget.has_room(self._due_ns):
            self._is_told = False
        self._gate.sent(self._due_ns)
        if self._rewrite:
            self._rewrite = False
            self._rewrites.spend(self._due_ns)
            self._desk.counts["writes_rewritten"] += 1

    def confirm(self, now_ns: int) -> None:
        """Note that the device has acknowledged the words."""
        super().confirm(now_ns)
        self._forced = False
        for each in self.verifications:
            each.acknowledged(now_ns)

    def forget(self) -> None:
        """Note that what the device holds is not known: due again as soon as the rules allow it."""
        super().forget()
        for each in self.verifications:
            each.watch.unsure()

    def force(self) -> None:
        """Have it due whatever the rules, until it is acknowledged."""
        super().force()
        self._forced = True

    # What is read back ------------------------------------------------------------------------------------

    def found(self, verification: Verification, raw: float, now_ns: int) -> None:
        """Take what was read for one of its points."""
        if verification.found(raw, now_ns) is None:
            return
        wants = verification.point.rules.on_mismatch == "rewrite"
        self._rewrite = wants and verification.is_wrong

    def note_unreadable(self) -> None:
        """Note that the device refuses to say what it holds."""
        self._desk.counts["readbacks_refused"] += 1
