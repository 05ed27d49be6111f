"""Curtailment against an inverter with the registers, the reversion and the refusals of a real one, in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.devices.sunspec.chain import Found
from hil.devices.sunspec.curtailment import Curtailment, CurtailSettings, Order, Seen

S = 1_000_000_000
BASE = 1000
FOUND = {123: Found(123, BASE, 24), 704: Found(704, BASE, 65)}


@dataclass
class Inverter:
    """Model 123 or 704: takes a limit only when it is enabled, gives it up when it is not renewed in time."""

    model: int
    power: int = -1
    words: dict[int, int] = field(default_factory=dict)
    limit_percent: float = 100.0
    enabled: bool = False
    armed_ns: int = 0
    history: list[tuple[int, str, float]] = field(default_factory=list)
    refuses: bool = False
    deaf: bool = False

    def __post_init__(self) -> None:
        self.pct, self.ena = (5, 9) if self.model == 123 else (15, 14)

    def write(self, order: Order, now_ns: int) -> bool:
        """Take a request whole or not at all."""
        count = order.words[0]
        if self.refuses or (order.step == "values" and count * 10**self.power > 100.0):
            return False
        self.words |= dict(enumerate(order.words, start=order.address - BASE))
        self.history.append((now_ns, order.step, self.words[self.pct] * 10**self.power))
        if order.step == "enable" and not self.deaf:
            self.enabled = bool(self.words[self.ena])
            self.limit_percent = self.words[self.pct] * 10**self.power
            self.armed_ns = now_ns
        return True

    @property
    def reversion_ns(self) -> int:
        seconds = (
            self.words.get(7, 0) if self.model == 123 else self.words.get(18, 0) << 16 | self.words.get(19, 0)
        )
        return seconds * S

    def run(self, now_ns: int) -> None:
        if self.enabled and now_ns - self.armed_ns >= self.reversion_ns:
            self.enabled = False
            self.limit_percent = 100.0

    def seen(self, now_ns: int) -> Seen:
        return Seen(self.words.get(self.pct, 1000) * 10**self.power, self.enabled, now_ns)


def cycle(
    control: Curtailment, inverter: Inverter, now_ns: int, limit: float, *, answered: bool = True
) -> None:
    """One cycle: the inverter read, what is due written and acknowledged, all within it."""
    inverter.run(now_ns)
    order = control.due(now_ns, limit, inverter.seen(now_ns))
    while order is not None:
        if not answered:
            control.unanswered()
            return
        if order.step == "look":
            found = FOUND[inverter.model]
            order = control.looked(found.id, found.length, inverter.power, now_ns)
            continue
        if not inverter.write(order, now_ns):
            control.refused(order, 3, now_ns)
            return
        order = control.acknowledged(order, now_ns + 1)


def pair(model: int, **changes: object) -> tuple[Curtailment, Inverter]:
    settings = CurtailSettings(**{"model": model, "reversion_s": 30, **changes})  # type: ignore[arg-type]
    return Curtailment(settings, FOUND[model], -1), Inverter(model)


@pytest.mark.parametrize("model", [123, 704])
def test_values_first_enable_last_and_renewed_before_half_the_reversion_is_over(model: int) -> None:
    control, inverter = pair(model)
    for second in range(200):
        cycle(control, inverter, second * S, 60.0)
        assert inverter.enabled
        assert inverter.limit_percent == pytest.approx(60.0)
    assert [step for _, step, _ in inverter.history[:4]] == ["values", "enable", "values", "enable"]
    enables = [at // S for at, step, _ in inverter.history if step == "enable"]
    assert all(later - earlier in (15, 16) for earlier, later in pairwise(enables))
    assert control.counts["curtail_renewals"] == len(enables) - 1
    assert control.trouble == ""


@pytest.mark.parametrize("model", [123, 704])
def test_a_new_limit_never_passes_through_none(model: int) -> None:
    control, inverter = pair(model)
    cycle(control, inverter, 0, 80.0)
    for second, limit in enumerate([70.0, 55.5, 20.0, 90.0], start=1):
        cycle(control, inverter, second * S, limit)
        assert inverter.enabled
        assert inverter.limit_percent == pytest.approx(limit)
    assert all(value != 0 for _, step, value in inverter.history if step == "enable")


@pytest.mark.parametrize("model", [123, 704])
def test_without_renewal_it_holds_to_a_second_before_and_has_reverted_at_the_time(model: int) -> None:
    control, inverter = pair(model)
    cycle(control, inverter, 0, 40.0)
    inverter.run(29 * S)
    assert inverter.enabled
    inverter.run(30 * S)
    assert not inverter.enabled
    # This side is back: it finds the limit gone, says so, and sets it again.
    cycle(control, inverter, 31 * S, 40.0)
    assert control.counts["curtail_reverted"] == 1
    assert inverter.enabled


def test_changes_wait_for_their_interval_and_small_ones_for_the_renewal() -> None:
    control, inverter = pair(704, dead_band_percent=2.0, least_interval_s=5.0)
    asked = (60, 40, 41, 30, 30, 30, 31.9, 28.1, 25, 25, 25)
    held = (60, 60, 60, 60, 60, 30, 30, 30, 30, 30, 25)
    for second, (limit, then) in enumerate(zip(asked, held, strict=True)):
        cycle(control, inverter, second * S, limit)
        assert inverter.limit_percent == pytest.approx(then), second
    assert control.counts["curtail_postponed"] == 6
    for second in range(11, 27):
        cycle(control, inverter, second * S, 26.0)
    assert inverter.limit_percent == pytest.approx(26.0)  # with the renewal, at half of 30 s
    assert control.counts["curtail_mismatches"] == control.counts["curtail_reverted"] == 0


def test_the_last_write_of_a_run_waits_for_nothing() -> None:
    control, inverter = pair(704, dead_band_percent=50.0, least_interval_s=100.0)
    cycle(control, inverter, 0, 60.0)
    control.forget()
    cycle(control, inverter, S, 55.0)
    assert inverter.limit_percent == pytest.approx(55.0)


def test_a_coarse_register_does_not_round_the_least_limit_to_nothing() -> None:
    control = Curtailment(CurtailSettings(123, 30, least_percent=0.4), FOUND[123], 0)
    order = control.due(0, 0.0, None)
    assert order is not None
    order = control.looked(123, 24, 0, 0)
    assert order is not None
    assert order.words[0] == 1


@pytest.mark.parametrize("seen", [(704, 64, -1), (705, 65, -1), (704, 65, 1), (704, 65, -32768)])
def test_a_model_that_is_not_what_it_was_is_not_written_to(seen: tuple[int, int, int]) -> None:
    control, inverter = pair(704)
    cycle(control, inverter, 0, 60.0)
    assert control.due(S, 50.0, None) == Order("look", BASE)
    assert control.looked(*seen, S) is None
    assert control.due(S + S // 2, 50.0, None) is None  # asked again a second later
    assert control.due(2 * S, 50.0, None) == Order("look", BASE)
    assert control.counts["curtail_withheld"] == 1
    assert "no longer at 1000" in control.trouble


def test_registers_of_704_hold_the_reversion_in_two_words_and_where_it_leads() -> None:
    control, inverter = pair(704, reversion_s=70_000, reverts_to_percent=30.0)
    cycle(control, inverter, 0, 55.0)
    assert [inverter.words[place] for place in (14, 15, 16, 17, 18, 19)] == [1, 550, 300, 1, 1, 4464]


def test_what_holds_after_the_reversion_is_no_zero_either() -> None:
    control, inverter = pair(704, least_percent=1.0, reverts_to_percent=0.0)
    cycle(control, inverter, 0, 55.0)
    assert [inverter.words[place] for place in (15, 16, 17)] == [550, 10, 1]


def test_registers_of_123() -> None:
    control, inverter = pair(123, ramp_s=12)
    cycle(control, inverter, 0, 55.0)
    assert [inverter.words[place] for place in (5, 6, 7, 8, 9)] == [550, 0, 30, 12, 1]


def test_zero_is_not_sent_unless_it_is_allowed_and_counted_once_a_time() -> None:
    control, inverter = pair(123, least_percent=2.0)
    for second in range(5):
        cycle(control, inverter, second * S, 0.0)
    assert inverter.limit_percent == pytest.approx(2.0)
    assert control.counts["curtail_raised_to_least"] == 1
    allowed, other = pair(123, least_percent=0.0)
    cycle(allowed, other, 0, 0.0)
    assert other.limit_percent == 0.0
    assert other.enabled


def test_a_refusal_changes_nothing_is_told_and_tried_again_after_a_second() -> None:
    control, inverter = pair(704)
    cycle(control, inverter, 0, 60.0)
    inverter.refuses = True
    for tenth in range(1, 21):
        cycle(control, inverter, tenth * S // 10, 30.0)
    assert inverter.limit_percent == pytest.approx(60.0)
    assert control.counts["curtail_refused"] == 2
    assert "refuses the values" in control.trouble
    inverter.refuses = False
    cycle(control, inverter, 4 * S, 30.0)
    assert inverter.limit_percent == pytest.approx(30.0)


def test_acknowledged_and_ignored_is_found_by_reading_back() -> None:
    control, inverter = pair(704)
    inverter.deaf = True
    for second in range(3):
        cycle(control, inverter, second * S, 60.0)
    assert control.counts["curtail_reverted"] == 2
    assert "given up by the inverter, or by somebody else" in control.trouble


def test_somebody_else_s_limit_is_found_and_replaced() -> None:
    control, inverter = pair(123)
    cycle(control, inverter, 0, 60.0)
    inverter.words[5] = 900
    cycle(control, inverter, S, 60.0)
    assert control.counts["curtail_mismatches"] == 1
    assert inverter.limit_percent == pytest.approx(60.0)
    cycle(control, inverter, 2 * S, 60.0)
    assert control.trouble == ""


def test_what_was_read_before_the_acknowledgement_says_nothing() -> None:
    control, inverter = pair(123)
    old = inverter.seen(0)
    cycle(control, inverter, S, 60.0)
    assert control.due(S + 10, 60.0, old) is None
    assert control.counts["curtail_mismatches"] == control.counts["curtail_reverted"] == 0


@given(
    st.sampled_from([123, 704]),
    st.lists(
        st.tuples(st.floats(0.0, 100.0), st.sampled_from(["ok", "lost", "refused", "deaf"])), max_size=60
    ),
)
def test_whatever_happens_the_inverter_is_never_given_a_limit_that_was_not_asked(
    model: int, steps: list[tuple[float, str]]
) -> None:
    control, inverter = pair(model)
    asked = {10}
    for second, (limit, fate) in enumerate(steps):
        inverter.refuses, inverter.deaf = fate == "refused", fate == "deaf"
        asked.add(round(max(limit, 1.0) / 10.0**-1))
        cycle(control, inverter, second * S, limit, answered=fate != "lost")
        assert round(control.held_percent * 10) in asked if control.held_percent is not None else True
        assert {round(value * 10) for _, _, value in inverter.history} <= asked
    inverter.refuses = inverter.deaf = False
    # An enable it was deaf to, under a limit that held already, shows nowhere: the renewal makes it good.
    for second in range(len(steps), len(steps) + 3 + control.settings.reversion_s // 2):
        cycle(control, inverter, second * S + S // 2, 50.0)
    assert inverter.enabled
    assert inverter.limit_percent == pytest.approx(50.0)
