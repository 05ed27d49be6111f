"""The shortest interval and the budget: never more than allowed in any window, whatever the pattern."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hil.devices.write_policy import DAY_NS, MINUTE_NS, NS_PER_S, Budget, Gate, Hold

HOUR_NS = 3600 * NS_PER_S


def test_a_budget_is_for_any_24_hours_not_for_a_calendar_day() -> None:
    budget = Budget(3, DAY_NS)
    for hour in (22, 22, 23):
        assert budget.has_room(hour * HOUR_NS)
        budget.spend(hour * HOUR_NS)
    assert not budget.has_room(24 * HOUR_NS), "midnight renews nothing"
    assert not budget.has_room(46 * HOUR_NS - 1)
    until_ns = budget.room_ns(24 * HOUR_NS)
    assert until_ns == 47 * HOUR_NS
    assert not budget.has_room(until_ns - 1)
    assert budget.has_room(until_ns)
    assert budget.spent == 1


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.integers(0, 6 * HOUR_NS), st.booleans()), max_size=60),
)
def test_never_more_than_the_budget_in_any_window(most: int, steps: list[tuple[int, bool]]) -> None:
    budget, now_ns, spent = Budget(most, DAY_NS), 0, []
    for step_ns, _ in steps:
        now_ns += step_ns
        if budget.has_room(now_ns):
            budget.spend(now_ns)
            spent.append(now_ns)
        inside = [each for each in spent if each > now_ns - DAY_NS]
        assert len(inside) <= most
        # Nor is it mean: what left the window by a part and more is not counted against anybody.
        assert budget.spent <= len([each for each in spent if each > now_ns - DAY_NS - DAY_NS // 24])
        assert budget.room_ns(now_ns) >= now_ns
        assert Budget.has_room(budget, now_ns) == (budget.room_ns(now_ns) == now_ns)


def test_what_is_spent_beyond_the_budget_counts_too() -> None:
    budget = Budget(1, MINUTE_NS)
    budget.spend(0)
    budget.spend(10 * NS_PER_S)
    assert not budget.has_room(63 * NS_PER_S), "the second one is still in the window"
    assert budget.has_room(73 * NS_PER_S)


def test_the_interval_counts_from_what_left_acknowledged_or_not() -> None:
    gate = Gate(5 * NS_PER_S, None)
    assert gate.hold(0) is Hold.NONE
    gate.sent(0)
    assert gate.hold(5 * NS_PER_S - 1) is Hold.INTERVAL
    assert gate.hold(5 * NS_PER_S) is Hold.NONE
    assert gate.budget is None


def test_the_budget_holds_when_the_interval_does_not() -> None:
    gate = Gate(NS_PER_S, 2)
    gate.sent(0)
    gate.sent(NS_PER_S)
    assert gate.hold(NS_PER_S + 1) is Hold.INTERVAL
    assert gate.hold(2 * NS_PER_S) is Hold.BUDGET
    assert gate.hold(26 * HOUR_NS) is Hold.NONE
